"""A log carried over to another plan: what a kernel of the new plan makes of the facts of the old one (case D6).

Facts come from outside, so that they are the same under any plan; what followed from them under the old plan is left
out, and follows anew. Which plans a log may be carried over to is decided in `run/moving.py`. Pure.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import get_args

from leadflow.events.model import (
    CallEvent,
    CancelRequested,
    DeadlinePassed,
    DoubtSettled,
    Event,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    RunMoved,
    RunPaused,
    RunResumed,
    RunStarted,
)
from leadflow.plan.paths import around_of
from leadflow.plan.plan import FlowPlan
from leadflow.plan.types import Value, _Missing
from leadflow.plan.undoing import is_undoing
from leadflow.record import record
from leadflow.run.errors import InternalError
from leadflow.run.kernel import Command, Kernel, Step

_FACTS = (
    NodeDone, NodeFailed, NodeCancelled, DeadlinePassed, CancelRequested, DoubtSettled, RunPaused, RunResumed, RunMoved,
    *get_args(CallEvent),
)  # fmt: skip


@record
class Carried:
    """A log under another plan."""

    history: tuple[Event, ...]
    """All that a run of the new plan would have in its log."""
    further: tuple[Event, ...]
    """Of that, what the old log does not tell: it follows behind the move."""
    commands: tuple[Command, ...]
    """All that were ordered, in order."""


def carried(kernel: Kernel, events: Sequence[Event]) -> Carried:
    """Tell a new kernel the facts of a log.

    Raises:
        InternalError: it is no log.
    """
    if not events or not isinstance(events[0], RunStarted):
        raise InternalError("a log begins with the start of its run")
    first = events[0]
    inputs = filled(kernel.program.plan.flows[first.flow], first)
    step = start(kernel, replace(first, inputs=inputs), events)
    history, commands = [*step.events], [*step.commands]
    for event in events:
        if isinstance(event, _FACTS):
            step = kernel.on((event,), logged=True)
            history += step.events
            commands += step.commands
    told = {_key(event) for event in events}
    further = tuple(event for event in history if _key(event) not in told)
    return Carried(tuple(history), further, tuple(commands))


def early(events: Iterable[Event]) -> frozenset[str]:
    """The paths of what began, and of all that is around what happened."""
    found: set[str] = set()
    for event in events:
        path = getattr(event, "path", "")
        if isinstance(event, NodeStarted):
            found.add(path)
        if not is_undoing(path):
            found.update(around_of(path))
    return frozenset(found)


def start(kernel: Kernel, started: RunStarted, log: Sequence[Event]) -> Step:
    """Begin the run of a log; one that was made from another run keeps what is told before it is first resumed."""
    told = itertools.takewhile(lambda event: not isinstance(event, RunResumed | RunMoved), log)
    return kernel.start(started, () if started.origin is None else early(told))


def _key(event: Event) -> tuple[type[Event], str]:
    return type(event), getattr(event, "path", "")


def filled(flow: FlowPlan, started: RunStarted) -> dict[str, Value]:
    """The inputs of a run, with what parameters that are new since have when nobody gives them anything."""
    defaults: dict[str, Value] = {}
    for param in flow.params:
        defaults[param.name] = None if isinstance(param.default, _Missing) else param.default
    return {**defaults, **started.inputs}
