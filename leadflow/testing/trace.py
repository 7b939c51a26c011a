"""What happened in a run of a test, a line for each call and each turn: for people who wonder why."""

from collections import Counter
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
from leadflow.events.places import in_place
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
    following = Trace(plan)
    for entry in entries:
        line = following.line(entry.event)
        if line is not None:
            yield line


class Trace:
    """Follows a run, event by event."""

    def __init__(self, plan: Plan) -> None:
        self._where = Whereabouts(plan)
        self._tried: Counter[str] = Counter()
        self._cached: set[str] = set()

    def call(self, path: str) -> str | None:
        """What the step of a path calls; None: it is no call."""
        spot = _told(self._where, path)
        return None if spot is None else _called(spot)

    def line(self, event: Event) -> Line | None:
        """What an event is told as; None: it ends nothing."""
        match told := in_place(event):
            case AttemptFailed(path=path):
                self._tried[path] += 1
            case CacheUsed(path=path):
                self._cached.add(path)
            case BranchTaken(path, _, label):
                return self._turn(path, label)
            case NodeDone(path=path):
                return self._ended(path, self._done(told))
            case NodeFailed(path, failure):
                return self._ended(path, _failed(failure), is_bad=True)
            case NodeBlocked(path, by):
                return self._ended(path, f"did not start: {by} failed", is_bad=True)
            case NodeCancelled(path, why):
                return self._ended(path, f"was stopped: {why}", is_bad=True)
            case _:
                pass
        return None

    def _turn(self, path: str, label: str) -> Line | None:
        spot = self._where.find(path)
        if spot is None or is_join(spot.node) or not isinstance(spot.node.work, Branch):
            return None
        return Line(_path(path, spot), work_words(spot.flow, spot.node), f"→ {label}", is_turn=True)

    def _ended(self, path: str, how: str, *, is_bad: bool = False) -> Line | None:
        called = self.call(path)
        return None if called is None else Line(path.partition("/")[2], called, how, is_bad)

    def _done(self, event: NodeDone) -> str:
        how = f"{_again(self._tried[event.path])}{short(event.value, 80)}"
        how += f" from {event.agent}" if event.agent is not None else ""
        how += " from memory" if event.path in self._cached else ""
        absorbed = event.absorbed
        return how if absorbed is None else f"{how}; it failed: {absorbed.message} [{absorbed.error}]"


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
