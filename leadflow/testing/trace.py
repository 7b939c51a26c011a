"""What happened in a run of a test, a line for each call and each turn: for people who wonder why."""

from collections.abc import Iterator, Sequence

from leadflow.events.model import (
    AttemptFailed,
    BranchTaken,
    CacheUsed,
    Entry,
    Event,
    Failure,
    NodeBlocked,
    NodeCancelled,
    NodeDone,
    NodeFailed,
)
from leadflow.plan.plan import AgentCall, Branch, Plan
from leadflow.plan.words import is_join, step_name, work_words
from leadflow.record import record
from leadflow.testing.apart import short
from leadflow.testing.whereabouts import Spot, Whereabouts


@record
class Line:
    """One thing that happened."""

    path: str
    """Without the flow in front."""
    what: str
    """The call, or the condition."""
    how: str
    """What came of it."""
    is_bad: bool = False
    is_turn: bool = False
    """A condition that was decided."""


def trace(plan: Plan, entries: Sequence[Entry]) -> Iterator[Line]:
    """The lines of a run, in the order in which things ended."""
    where = Whereabouts(plan)
    tried: dict[str, int] = {}
    cached: set[str] = set()
    for entry in entries:
        event = entry.event
        match event:
            case AttemptFailed(path=path):
                tried[path] = tried.get(path, 0) + 1
            case CacheUsed(path=path):
                cached.add(path)
            case _:
                line = _line(event, where, tried, cached)
                if line is not None:
                    yield line


def _line(event: Event, where: Whereabouts, tried: dict[str, int], cached: set[str]) -> Line | None:
    match event:
        case BranchTaken(path, _, label):
            spot = where.find(path)
            if spot is None or is_join(spot.node) or not isinstance(spot.node.work, Branch):
                return None
            return Line(_path(path, spot), work_words(spot.flow, spot.node), f"→ {label}", is_turn=True)
        case NodeDone(path, value, absorbed, agent) if spot := _told(where, path):
            how = f"{_again(tried.get(path, 0))}{short(value, 80)}"
            how += f" from {agent}" if agent is not None else ""
            how += " from memory" if path in cached else ""
            how += f"; it failed: {absorbed.message} [{absorbed.error}]" if absorbed is not None else ""
            return Line(path.partition("/")[2], _called(spot), how)
        case NodeFailed(path, failure) if spot := _told(where, path):
            return Line(path.partition("/")[2], _called(spot), _failed(failure), is_bad=True)
        case NodeBlocked(path, by) if spot := _told(where, path):
            return Line(path.partition("/")[2], _called(spot), f"did not start: {by} failed", is_bad=True)
        case NodeCancelled(path, why) if spot := _told(where, path):
            return Line(path.partition("/")[2], _called(spot), f"was stopped: {why}", is_bad=True)
        case _:
            return None


def _told(where: Whereabouts, path: str) -> Spot | None:
    """A call. Other steps are not told: what they give, the calls in them tell."""
    spot = where.find(path)
    return spot if spot is not None and (isinstance(spot.node.work, AgentCall) or spot.is_undo) else None


def _path(path: str, spot: Spot) -> str:
    """Of a condition: where it stands."""
    inside = path.partition("/")[2].rpartition("/")[0]
    return f"{inside}/{step_name(spot.node)}" if inside else step_name(spot.node)


def _called(spot: Spot) -> str:
    return "takes it back" if spot.is_undo else work_words(spot.flow, spot.node)


def _again(times: int) -> str:
    return f"after {times} failure{'s'[: times != 1]}, " if times else ""


def _failed(failure: Failure) -> str:
    times = len(failure.attempts)
    often = f"failed {times} times" if times > 1 else "failed"
    return f"{often}: {failure.message} [{failure.error}]"
