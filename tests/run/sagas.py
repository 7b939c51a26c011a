"""Flows that take something back, and what a run of one tells."""

from leadflow.events.model import (
    Event,
    Failure,
    Status,
    UndoKept,
)
from leadflow.run.driver import Result
from tests.run.fakes import starts

TOOLS = """
tool drop(x: string) = python("tools:drop")
@idempotent tool wipe(x: string) = python("tools:wipe")
"""
THREE = (
    TOOLS
    + """
flow f() -> string {
  step a = put("1") undo drop(a)
  step b = put(a) undo drop("${a} ${b}")
  step c = put(b) undo none
  step d = put(c)
  return d
}
"""
)


def undos(result: Result) -> list[str]:
    """What the undos of a run were given, in the order in which they began, by their steps."""
    kept = {e.event.path: e.event for e in result.entries if isinstance(e.event, UndoKept)}
    begun = [path.removesuffix("~undo") for path in starts(result) if path.endswith("~undo")]
    return [f"{path}: {', '.join(map(str, kept[f'f/{path}'].args.values()))}" for path in begun]


def failure_of(result: Result) -> Failure:
    """Why a run failed."""
    assert Status.FAILED is result.status
    assert result.failure is not None
    return result.failure


def causes(failure: Failure) -> list[tuple[str, str]]:
    """The causes of a failure: what, and where."""
    return [(cause.error, cause.path) for cause in failure.causes]


def log_of(result: Result, since: type) -> list[Event]:
    """The events from the first of a kind on."""
    events = [entry.event for entry in result.entries]
    return events[next(at for at, event in enumerate(events) if isinstance(event, since)) :]
