"""One cause, one finding: what is said in the same words of several places is said at the first of them.

The other places become labels, and their fixes become one. Knows codes and places, nothing of what they mean.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from leadflow.diagnostics import Diagnostic, Edit, Fix, Label, Span

_IN_A_FILE = frozenset(("FLOW201", "FLOW204", "FLOW303"))
"""Findings about what a file declares."""
_IN_A_DECLARATION = frozenset(
    ("FLOW205", "FLOW214", "FLOW301", "FLOW305", "FLOW306", "FLOW310", "FLOW315", "FLOW316", "FLOW324", "FLOW337")
)
"""Findings about a value of one flow, agent or type."""
_MOST_LABELS = 4
"""Further places that are shown; the others are counted."""


def gathered(findings: Iterable[Diagnostic], declaration: Callable[[Span], object]) -> list[Diagnostic]:
    """The findings, those with one cause as one.

    Args:
        declaration: tells the declarations of the program apart, by a place in them.
    """
    groups: dict[object, list[Diagnostic]] = {}
    for number, found in enumerate(findings):
        key: object = number
        if found.code in _IN_A_FILE and not found.message.startswith("unknown name"):
            key = (found.code, found.message, found.span.file)
        elif found.code in _IN_A_FILE or (found.code in _IN_A_DECLARATION and not _names_nothing(found)):
            key = (found.code, found.message, declaration(found.span))
        groups.setdefault(key, []).append(found)
    return [group[0] if len(group) == 1 else _joined(group) for group in groups.values()]


def _names_nothing(found: Diagnostic) -> bool:
    """What may be none is said of a name once (`origin.py`); its words may speak of an argument, whoever gives it."""
    return found.code == "FLOW306" and found.fix is None


def _joined(group: Sequence[Diagnostic]) -> Diagnostic:
    first, *others = sorted(group, key=lambda found: found.span.start)
    here = tuple(Label(other.span, "and here") for other in others[:_MOST_LABELS])
    more = len(others) - len(here)
    notes = (f"the same holds at {more} more place{'' if more == 1 else 's'}",) if more else ()
    return replace(first, labels=(*first.labels, *here), notes=(*first.notes, *notes), fix=_fix(group))


def _fix(group: Sequence[Diagnostic]) -> Fix | None:
    """What mends all of them; None unless all are mended in the same way, each in its own place."""
    first = group[0].fix
    edits: dict[Edit, None] = {}
    for found in group:
        if first is None or found.fix is None or found.fix.title != first.title:
            return None
        edits.update(dict.fromkeys(found.fix.edits))
    if first is None or _overlap(list(edits)):
        return None
    return replace(first, edits=tuple(edits), safe=all(found.fix is not None and found.fix.safe for found in group))


def _overlap(edits: Sequence[Edit]) -> bool:
    spans = sorted(edit.span for edit in edits)
    return any(after.start < before.end for before, after in pairwise(spans))
