"""The register of codes: one function per code makes its diagnostics, and its docstring is the code's explain page.

A phase's `messages.py` writes:

    @code("FLOW201", "Unknown agent")
    def unknown_agent(span: Span, name: str, *, known: Iterable[str]) -> Draft:
        '''What is wrong, why, what to do. First ```flow block: wrong. Last ```flow block: right.'''
        return Draft(span, f"unknown agent '{name}'{did_you_mean(name, known)}")

and calls `report(unknown_agent(...))`: the decorator turns the draft into a `Diagnostic` with code, title, severity.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import ParamSpec

from leadflow.diagnostics.diagnostic import Diagnostic, Fix, Label, Severity
from leadflow.diagnostics.span import Span
from leadflow.record import record

P = ParamSpec("P")


@record
class Draft:
    """A diagnostic as a message function writes it; the register adds code, title and severity."""

    span: Span
    message: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    fix: Fix | None = None


@record
class CodePage:
    """What `leadflow explain CODE` shows."""

    code: str
    title: str
    severity: Severity
    raw: str
    """The docstring as it stands in the file."""

    @property
    def text(self) -> str:
        """Markdown with at least two ```flow blocks: the first raises the code, the last does not."""
        return inspect.cleandoc(self.raw)


_PAGES: dict[str, CodePage] = {}


def code(
    number: str, title: str, *, severity: Severity = "error"
) -> Callable[[Callable[P, Draft]], Callable[P, Diagnostic]]:
    """Register the decorated message function under a stable code.

    Raises:
        ValueError: the code is taken (a mistake of ours, found at import).
    """

    def register(write: Callable[P, Draft]) -> Callable[P, Diagnostic]:
        if number in _PAGES:
            raise ValueError(f"{number} is registered twice")
        _PAGES[number] = CodePage(number, title, severity, write.__doc__ or "")

        @wraps(write)
        def diagnose(*args: P.args, **kwargs: P.kwargs) -> Diagnostic:
            draft = write(*args, **kwargs)
            return Diagnostic(number, title, severity, draft.span, draft.message, draft.labels, draft.notes, draft.fix)

        return diagnose

    return register


def page(number: str) -> CodePage | None:
    """The explain page of a code, None for an unknown one. Codes appear when their phase is imported."""
    return _PAGES.get(number.upper())


def pages() -> Mapping[str, CodePage]:
    """All registered pages by code."""
    return MappingProxyType(_PAGES)
