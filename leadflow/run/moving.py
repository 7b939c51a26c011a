"""Whether an open run may go on under another plan, and what then moves (case D6). `plan/compare` says which steps keep
a run from moving; here stands how far the run has got.
"""

import re
from collections.abc import Iterator, Sequence

from leadflow.events.model import (
    BranchTaken,
    CallWaits,
    Event,
    NodeBlocked,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    NodeStarted,
    RunCancelled,
    RunDone,
    RunFailed,
    RunMoved,
    RunStarted,
    UndoBegan,
)
from leadflow.plan.compare.difference import difference
from leadflow.plan.compare.moves import Bar, moves
from leadflow.plan.paths import NoSuchStep, find_steps
from leadflow.plan.plan import AgentCall, Plan
from leadflow.plan.undoing import SUFFIX
from leadflow.record import record
from leadflow.run.carrying import Carried, carried
from leadflow.run.kernel import Kernel
from leadflow.run.ports import PAUSED

_NUMBERS = re.compile(r"\[[0-9]+\]|~[0-9]+")
_ENDS = (NodeDone, NodeFailed, NodeCancelled, NodeSkipped, NodeBlocked, BranchTaken)


@record
class Moved:
    """A run that may go on under another plan."""

    events: tuple[Event, ...]
    """To be kept behind its log."""
    kept: tuple[str, ...]
    """Paths of the calls that keep what they gave."""
    under_way: tuple[str, ...]
    """Paths of those that had begun and not ended."""


@record
class Stays:
    """A run that may not."""

    reasons: tuple[str, ...]
    """A line each."""


def move(old: Plan, new: Plan, kernel: Kernel, events: Sequence[Event], *, by: str) -> Moved | Stays:
    """What moves of a run of the old plan.

    Args:
        kernel: a new one, of the new plan, with the bounds of the run.
        events: the log of the run, which has not ended.
        by: who asks for it, for the log.
    """
    first = events[0]
    if not isinstance(first, RunStarted):
        return Stays(("it never began",))
    if isinstance(events[-1], RunDone | RunFailed | RunCancelled):
        return Stays(("it has ended",))
    if any(isinstance(event, UndoBegan) for event in events):
        return Stays(("it takes its steps back, as they were done",))
    about = next(one for one in moves(difference(old, new)) if one.flow == first.flow)
    if about.verdict == "may not move":
        return Stays(about.reasons)
    if reasons := tuple(_barred(about.bars, events)):
        return Stays(reasons)
    found = carried(kernel, events)
    if reasons := tuple(_lost(new, kernel, events, found)):
        return Stays(reasons)
    begun = {event.path for event in events if isinstance(event, NodeStarted)}
    done = {event.path for event in events if isinstance(event, NodeDone | NodeFailed | NodeCancelled)}
    calls = kernel.state.calls
    waiting = tuple(
        CallWaits(path, layout.node.work.agent, PAUSED, None)
        for path, (_, layout) in calls.items()
        if path not in begun and isinstance(layout.node.work, AgentCall)
    )  # nothing of them was under way, so that nothing of them is in doubt
    kernel.on(waiting)
    blocks = {path for path in begun if any(other.startswith((f"{path}/", f"{path}[")) for other in begun)}
    kept = tuple(path for path in begun & done if path not in blocks and not path.endswith(SUFFIX))
    return Moved(
        (RunMoved(new.hash, by), *found.further, *waiting),
        tuple(sorted(kept)),
        tuple(sorted(path for path in calls if path in begun)),
    )


def _barred(bars: Sequence[Bar], events: Sequence[Event]) -> Iterator[str]:
    """The bars that a run has met."""
    begun = {_NUMBERS.sub("", event.path) for event in events if isinstance(event, NodeStarted)}
    over = {_NUMBERS.sub("", event.path) for event in events if isinstance(event, _ENDS)}
    starts = [_NUMBERS.sub("", event.path) for event in events if isinstance(event, NodeStarted)]
    ends = [_NUMBERS.sub("", event.path) for event in events if isinstance(event, _ENDS)]
    for bar in bars:
        is_passed = bar.path in begun or bar.path in over
        is_under_way = starts.count(bar.path) > ends.count(bar.path)
        if is_passed if bar.reach == "passed" else is_under_way:
            yield f"{bar.path}: {bar.why}"


def _lost(new: Plan, kernel: Kernel, events: Sequence[Event], found: Carried) -> Iterator[str]:
    """Steps that had begun, are there, and would begin again all the same; those that had ended and would go on."""
    ended = {event.path for event in events if isinstance(event, NodeDone)}
    again = {event.path for event in found.history if isinstance(event, NodeStarted)}
    for path in dict.fromkeys(event.path for event in events if isinstance(event, NodeStarted)):
        is_there = not isinstance(find_steps(new, path), NoSuchStep)
        if (is_there and path not in again) or (path in ended and path in kernel.state.calls):
            yield f"{path}: it has begun, and would begin again"
