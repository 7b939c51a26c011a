"""What can be said about a source: a diagnostic with labels, notes and a fix. Data only; rendering is elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from leadflow.diagnostics.span import Span
from leadflow.record import record

Severity = Literal["error", "warning"]


@record
class Label:
    """A second place that belongs to a diagnostic, with what it has to do with it."""

    span: Span
    text: str


@record
class Edit:
    """Replace the text of `span` by `text`; an empty span inserts, an empty text deletes."""

    span: Span
    text: str


@record
class Fix:
    """A change that mends a diagnostic."""

    title: str
    """What the change does, as an order: "write `fast`"."""
    edits: tuple[Edit, ...]
    """Edits that do not overlap; applied together."""
    safe: bool = False
    """True only if the change keeps the meaning that the author can have had."""


@record
class Diagnostic:
    """One finding. `message` stands alone on one line; the rest helps who wants more."""

    code: str
    """Stable code, `FLOW` and three digits."""
    title: str
    """The code's title: names nothing of the author's."""
    severity: Severity
    span: Span
    message: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    fix: Fix | None = None


@dataclass(slots=True)
class Report:
    """Collects the findings of all phases in order; call it with a diagnostic.

    Equal findings (same code, place and message) are kept once.
    """

    _found: dict[tuple[str, Span, str], Diagnostic] = field(default_factory=dict)

    def __call__(self, diagnostic: Diagnostic) -> None:
        self._found.setdefault((diagnostic.code, diagnostic.span, diagnostic.message), diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.diagnostics)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All findings, ordered by file (in order of first appearance), place and code."""
        files = {d.span.file: n for n, d in reversed(list(enumerate(self._found.values())))}
        return tuple(sorted(self._found.values(), key=lambda d: (files[d.span.file], d.span.start, d.code)))

    @property
    def has_errors(self) -> bool:
        """True when at least one finding is an error."""
        return any(d.severity == "error" for d in self._found.values())

    def new_error(self, known: "Report") -> Diagnostic | None:
        """The first error here that another report does not tell at that place: what only a second look finds."""
        told = {(d.code, d.span) for d in known}
        return next((d for d in self if d.severity == "error" and (d.code, d.span) not in told), None)
