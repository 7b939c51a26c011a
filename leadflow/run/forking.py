"""A new log from the log of another run: what it may keep of it, and what runs again.

The kernel is told again what happened, in its old order, but for what shall run again; it orders by itself what
follows. So the new log is one of this plan whatever was kept, and what waits for a step that runs again has simply not
begun. What is kept needs no place among those that may be under way at once: it would never get one behind a step that
runs again, and be done a second time. Pure.
"""

import re
from collections.abc import Collection, Sequence
from typing import TypeAlias, assert_never, get_args

from leadflow.events.model import (
    AttemptStarted,
    CallEvent,
    DeadlinePassed,
    Entry,
    Event,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    OnceFound,
    RunStarted,
)
from leadflow.plan.paths import around_of, ending_in, several_end
from leadflow.plan.undoing import SUFFIX
from leadflow.run.carrying import early
from leadflow.run.kernel import Kernel

_Fact: TypeAlias = NodeDone | NodeFailed | NodeCancelled | AttemptStarted | DeadlinePassed | OnceFound
_FACTS = get_args(_Fact)
_OF_CALLS = get_args(CallEvent)
_ENDS = (NodeDone, NodeFailed, NodeCancelled)
_ATTEMPT = re.compile(r"~([0-9]+)")


class NotBegun(Exception):
    """The step has not begun in that run, so nothing can run again from it; the text is one line."""


def begun_step(entries: Sequence[Entry], step: str) -> str:
    """The path of a step that has begun, named by it, without the name of the flow, or by its end.

    Raises:
        NotBegun: none of that path has, or several end so.
    """
    paths = dict.fromkeys(entry.event.path for entry in entries if isinstance(entry.event, NodeStarted))
    first = entries[0].event if entries else None
    within = f"{first.flow}/{step}" if isinstance(first, RunStarted) else step
    steps = [path for path in paths if not path.endswith(SUFFIX)]
    ends = ending_in(step, steps)
    if within not in paths and len(ends) > 1:
        raise NotBegun(several_end("steps", step, ends))
    found = next((path for path in (step, within, *ends) if path in paths), None)
    if found is not None and found.endswith(SUFFIX):
        raise NotBegun(
            f"'{step}' takes a step back, and no run goes on from there; what it did not take back is taken back by"
            f" hand, or name the step itself, which is then done again: {found.removesuffix(SUFFIX)}"
        )
    if found is None:
        listed = ", ".join(steps[:12]) + (f" and {len(steps) - 12} more" if len(steps) > 12 else "")
        raise NotBegun(f"step '{step}' has not begun in this run; begun: {listed or 'none'}")
    return found


def forked(
    kernel: Kernel,
    entries: Sequence[Entry],
    started: RunStarted,
    step: str,
    *,
    before: bool,
    back: Collection[str] = (),
) -> list[Event]:
    """The log of a new run, up to where calls have to be made.

    Args:
        kernel: a new one.
        started: of the new run, with the inputs of the old one and its id as the origin.
        step: the path of the step that runs again; all in it does.
        before: keep only what was done before the step began; else all that does not wait for it, either.
        back: the paths of steps that were taken back since the old run ended.
    """
    begun = next(at for at, entry in enumerate(entries) if entry.event == NodeStarted(step))
    old = [entry.event for entry in entries]
    facts = _kept(old[:begun] if before else old, old, {step, *back}, step)
    ends = {fact.path for fact in facts if isinstance(fact, _ENDS)}
    log = [
        event
        for event in old
        if not isinstance(event, _OF_CALLS) and (not isinstance(event, NodeStarted) or event.path in ends)
    ]
    while True:  # until the log is that of what is told in it, and of nothing else
        last = log
        log, facts = _told(kernel, started, early(log), facts)
        if log == last:
            return log


def _told(
    kernel: Kernel, started: RunStarted, begins: Collection[str], facts: Sequence[_Fact]
) -> tuple[list[Event], list[_Fact]]:
    """The log of a run that is told these facts, each where it follows from what stands before; and those that did."""
    events, told = kernel.start(started, begins).events, []
    for fact in facts:
        if not kernel.has_ended and _follows(kernel, fact):
            events += kernel.on([fact], logged=True).events
            told.append(fact)
    return events, told


def _follows(kernel: Kernel, fact: _Fact) -> bool:
    """Whether the run waits for that."""
    state, path = kernel.state, fact.path
    match fact:
        case NodeDone():
            return path in state.calls or path in state.pauses
        case NodeFailed() | NodeCancelled() | OnceFound():
            return path in state.calls
        case AttemptStarted():
            return path in state.pauses
        case DeadlinePassed():
            return path in state.timers
        case _:
            assert_never(fact)


def _kept(some: Sequence[Event], every: Sequence[Event], again: Collection[str], step: str) -> list[_Fact]:
    """What happened, but for what runs again: the step, what was taken back since, and what failed.

    What failed in a block is as it was where the block's `catch` or `@optional` made a value of that, and so is what
    failed in an attempt behind which another one was done, or holds the step.
    """
    done = {event.path for event in every if isinstance(event, NodeDone)}
    again = {*again, *(path.removesuffix(SUFFIX) for path in done if path.endswith(SUFFIX))}
    apart = again.union(*map(around_of, again))
    whole = [event for event in some if isinstance(event, NodeDone) and event.path not in apart]
    kept = {event.path for event in whole}
    borne = {event.path for event in whole if event.absorbed is not None}
    last = {step[: at.start()]: int(at[1]) for at in _ATTEMPT.finditer(step)}
    tried = {event.path: event.attempt for event in some if isinstance(event, AttemptStarted)}
    last.update({event.path: tried[event.path] for event in whole if event.path in tried})

    def is_kept(fact: _Fact) -> bool:
        blocks = around_of(fact.path)
        if fact.path in again or not again.isdisjoint(blocks):
            return False
        if isinstance(fact, NodeDone):
            return fact.path not in apart
        if isinstance(fact, OnceFound):  # the undo of what is kept stays with the run that made the call
            return fact.path in kept
        if fact.path in borne or not borne.isdisjoint(blocks):
            return True
        if isinstance(fact, AttemptStarted) and fact.attempt <= last.get(fact.path, 1):
            return True
        return any(_attempt(fact.path, path) < last[path] for path in blocks if path in last)

    return [event for event in some if isinstance(event, _FACTS) and is_kept(event)]


def _attempt(path: str, around: str) -> int:
    """The attempt of a block or flow in which a node stands."""
    found = _ATTEMPT.match(path, len(around))
    return 1 if found is None else int(found[1])
