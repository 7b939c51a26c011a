"""How much a failure matters to whoever operates: derived from what is known of it, never set by hand."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from leadflow.events.model import Failure
from leadflow.run.errors import CallError, Transient

Severity: TypeAlias = Literal["warning", "error", "critical"]


def _names(kind: type[CallError]) -> Iterator[str]:
    yield kind.error
    for further in kind.__subclasses__():
        yield from _names(further)


_PASSING = frozenset(_names(Transient))
"""Names of failures that may well not come again."""


def severity(failure: Failure) -> Severity:
    """`critical`: it ended the run as a whole, nobody knows what was done, or leadflow itself failed. `warning`: trying
    again later may help. `error`: somebody has to change something first."""
    if failure.in_doubt or failure.limit == "" or failure.category == "system":
        return "critical"
    return "warning" if failure.error in _PASSING else "error"
