"""How a run goes on from a log that ends anywhere: the same kernel is told the same facts again.

Facts are what the kernel could not have known; whatever follows from them is worked out anew and has to be what the
log says. A call that was under way when the log ends is ordered again by `replay`; `take_up` is for a log whose process
has ended: there each such call is settled first, and deadlines have run on.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from leadflow.events.model import (
    CallWaits,
    CancelRequested,
    Entry,
    Event,
    Failure,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    QuestionAnswered,
    RunMoved,
    RunResumed,
    RunStarted,
)
from leadflow.plan.plan import AgentCall
from leadflow.record import record
from leadflow.run.carrying import carried, start
from leadflow.run.errors import InternalError
from leadflow.run.kernel import (
    Call,
    CancelCall,
    Command,
    Kernel,
    LookUp,
    Remember,
    StartTimer,
    Step,
    StopTimer,
    TryAgain,
)
from leadflow.run.ports import PAUSED, Earlier
from leadflow.run.taken_up import Past, Told, failure_of, in_doubt


@record
class Resumed:
    """How a run goes on in another process."""

    step: Step
    earlier: Mapping[str, Earlier]
    """What the calls that are called again did before."""


def take_up(
    kernel: Kernel,
    step: Step,
    entries: Sequence[Entry],
    *,
    told: Mapping[str, Told],
    answers: Sequence[QuestionAnswered] = (),
    owner: str,
    now: float,
    why: Mapping[str, str] | None = None,
) -> Resumed | Failure:
    """What follows for a run whose process has ended, behind what `replay` gave; or why it cannot go on.

    Args:
        told: what somebody found out about calls in doubt, by path.
        answers: what people have answered in the meantime.
        now: seconds since the epoch, for the run's own deadline, which does not wait for anybody (case T12).
        why: why a probe could not tell, by path.
    """
    past, plan = Past(entries, answers, now=now), kernel.state.program.plan
    under_way = [one for one in step.commands if isinstance(one, Call) and past.has_begun(one.path)]
    settled = {call.path: past.settled(call, told) for call in under_way}
    if doubts := [path for path, decision in settled.items() if decision is None]:
        return in_doubt(doubts, why or {})
    facts: list[Event] = [RunResumed(owner), *past.unsettled(), *past.unheard(under_way, plan), *answers]
    earlier: dict[str, Earlier] = {}
    works = {call.path: call.layout.node.work for call in under_way}
    firsts = {path: work.agent if isinstance(work, AgentCall) else "" for path, work in works.items()}
    for path, decision in settled.items():
        if decision is None:
            continue
        facts.append(decision)
        if decision.decision == "retry":
            earlier[path] = past.earlier(path, decision, firsts[path])
        else:
            is_done = decision.decision == "done"
            facts.append(NodeDone(path, told[path].value) if is_done else NodeFailed(path, failure_of(decision)))
    gone = {path for path in settled if path not in earlier}
    after = kernel.on(facts)
    commands = [
        _on_time(one, past, kernel, now) for one in step.commands if not (isinstance(one, Call) and one.path in gone)
    ]
    return Resumed(Step([*step.events, *after.events], [*commands, *after.commands]), earlier)


def give_up(
    kernel: Kernel, step: Step, entries: Sequence[Entry], wish: CancelRequested, *, owner: str, now: float
) -> Resumed | Failure:
    """What follows for a run whose process has ended, and that somebody asks to stop: no call is made again, and what
    changes something and was under way stays in doubt. Then its steps are taken back, unless the wish is forced.

    A run that takes its steps back already goes on with that (case S3); the failure says why it cannot.
    """
    if kernel.is_undoing and not wish.force:
        resumed = take_up(kernel, step, entries, told={}, owner=owner, now=now)
        if isinstance(resumed, Failure):
            return resumed
        after = kernel.on([wish])
        both = Step([*resumed.step.events, *after.events], [*resumed.step.commands, *after.commands])
        return replace(resumed, step=both)
    past, plan = Past(entries), kernel.state.program.plan
    calls = [one for one in step.commands if isinstance(one, Call)]
    ends = [NodeCancelled(one.path, wish.why, in_doubt=past.is_open(one.path)) for one in calls]
    begun = [one for one in calls if past.has_begun(one.path)]
    after = kernel.on([RunResumed(owner), *past.unsettled(), *past.unheard(begun, plan), wish, *ends])
    gone = {one.path for one in calls}
    commands = [one for one in after.commands if not (isinstance(one, CancelCall) and one.path in gone)]
    return Resumed(Step([*step.events, *after.events], commands), {})


def called_off(kernel: Kernel, step: Step, facts: Sequence[Event]) -> Step:
    """What follows for a run that somebody asked to stop before its first call was made.

    Args:
        step: what follows from its start.
        facts: what has arrived since, the wish among it.
    """
    calls = [one.path for one in step.commands if isinstance(one, Call)]
    why = next((one.why for one in facts if isinstance(one, CancelRequested)), "")
    after = kernel.on([*facts, *(NodeCancelled(path, why) for path in calls)])
    kept = (one for one in step.commands if not isinstance(one, Call))
    told = (one for one in after.commands if not (isinstance(one, CancelCall) and one.path in calls))
    return Step([*step.events, *after.events], [*kept, *told])


def put_off(kernel: Kernel, step: Step, facts: Sequence[Event]) -> Step:
    """What follows for a run that somebody asked to pause before its first call was made.

    Args:
        step: what follows from its start.
        facts: what has arrived since, the pause among it.
    """
    after = kernel.on([*unsent(kernel), *facts])
    return Step([*step.events, *after.events], [])


def unsent(kernel: Kernel) -> list[CallWaits]:
    """That the calls that were ordered were not made: nothing of them is in doubt, and they are made when the run is
    resumed."""
    return [
        CallWaits(path, layout.node.work.agent, PAUSED, None)
        for path, (_, layout) in kernel.state.calls.items()
        if isinstance(layout.node.work, AgentCall)
    ]


def _on_time(command: Command, past: Past, kernel: Kernel, now: float) -> Command:
    """A deadline that has run for a while, and a pause that has lasted for a while, go on only for the rest."""
    match command:
        case StartTimer():
            return replace(command, duration=max(timedelta(0), rest_of(command, past, kernel, now)))
        case TryAgain(path=path) if (left := past.pause_of(path)) is not None:
            return replace(command, delay=timedelta(seconds=left))
        case _:
            return command


def rest_of(timer: StartTimer, past: Past, kernel: Kernel, now: float) -> timedelta:
    """How much is left of a deadline; less than nothing when it has passed.

    Args:
        now: seconds since the epoch, for the run's own deadline.
    """
    if timer.path and not past.has_begun(timer.path):
        return timer.duration
    started = kernel.state.started.started.timestamp()
    ran = past.worked_since(timer.path) if timer.path else timedelta(seconds=max(0.0, now - started))
    return timer.duration - ran


def replay(kernel: Kernel, events: Sequence[Event]) -> Step:
    """Bring a new kernel to where a log ends.

    Returns: what the log lacks of the events that follow from its facts, and the commands that are still open.

    Raises:
        InternalError: the log is not one of this plan.
    """
    if not events or not isinstance(events[0], RunStarted):
        raise InternalError("a log begins with the start of its run")
    expected: deque[Event] = deque()
    ordered: dict[tuple[type[Command], str], Command] = {}
    begin = max((at for at, event in enumerate(events) if isinstance(event, RunMoved)), default=0)
    if begin:
        moved = carried(kernel, events[:begin])
        expected.extend((events[begin], *moved.further))
        ordered.update({(type(command), command.path): command for command in moved.commands})
        step = Step([], [])
    else:
        step = start(kernel, events[0], events)
    for position, event in enumerate(events[begin:], begin):
        if not expected:
            step = kernel.on((event,), logged=True) if position else step
            expected.extend(step.events)
            ordered.update({(type(command), command.path): command for command in step.commands})
        if not expected or expected.popleft() != event:
            raise InternalError(f"entry {position} of the log does not follow from what stands before it")
    return Step(list(expected), [command for command in ordered.values() if _is_open(kernel, command)])


def _is_open(kernel: Kernel, command: Command) -> bool:
    """Whether nothing in the log answers a command."""
    match command:
        case Call(path=path) | CancelCall(path=path):
            return path in kernel.state.calls
        case StartTimer(path=path):
            return path in kernel.state.timers
        case TryAgain(path=path) | LookUp(path=path):
            block = kernel.state.pauses.get(path)
            is_looking = block is not None and block.is_looking
            return path in kernel.state.pauses and is_looking == isinstance(command, LookUp)
        case StopTimer() | Remember():
            return False
        case _:
            assert_never(command)
