"""The kernel: facts in, events and commands out. Nothing else decides what runs.

Sans I/O: it reads no clock, no chance and no environment, iterates no set, and waits for nothing, so that equal
histories give equal commands on every engine. Facts are the start of the run, how calls ended, a wish to cancel, a
deadline that passed; attempts are only passed on to the log. Each fact is followed by all that follows from it.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import NamedTuple, get_args

from leadflow.events.model import (
    AttemptStarted,
    CallEvent,
    CancelRequested,
    DeadlinePassed,
    DoubtSettled,
    Event,
    Failure,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    OnceFound,
    RunDone,
    RunMoved,
    RunPaused,
    RunResumed,
    RunStarted,
    ScopeFailed,
    ToolCalled,
)
from leadflow.plan.looping import call_of
from leadflow.run.context import RunValues
from leadflow.run.errors import InternalError
from leadflow.run.kernel_blocks import begin_others, finish_frame, reopen_block
from leadflow.run.kernel_cache import degrade
from leadflow.run.kernel_frames import begin_frame, open_gate, problem_of
from leadflow.run.kernel_gates import admitted, give_back, release_all
from leadflow.run.kernel_layout import NodeLayout, Program
from leadflow.run.kernel_nodes import consider, start
from leadflow.run.kernel_retry import try_again
from leadflow.run.kernel_saga import begin_saga, end_of, stop_saga, undo_ended, undo_next
from leadflow.run.kernel_settle import (
    FRAME_ITSELF,
    HARMLESS,
    PENDING,
    close_block,
    settle_cancelled,
    settle_cut,
    settle_done,
    settle_failed,
    stop_frame,
)
from leadflow.run.kernel_state import (
    Call,
    CancelCall,
    Command,
    Frame,
    Gate,
    LookUp,
    Problem,
    Remember,
    StartTimer,
    State,
    StopTimer,
    TryAgain,
    Values,
)
from leadflow.run.kernel_told import begin_telling, flow_failed, keep_told, stop_telling, tell_next
from leadflow.run.keys import OF_A_RUN, Keys

__all__ = [
    "Call",
    "CancelCall",
    "Command",
    "Kernel",
    "LookUp",
    "Program",
    "Remember",
    "StartTimer",
    "Step",
    "StopTimer",
    "TryAgain",
]


_CALL_EVENTS = get_args(CallEvent)


class Step(NamedTuple):
    """What follows from facts."""

    events: list[Event]
    """To be committed before any of the commands is obeyed (case D1)."""
    commands: list[Command]


class Kernel:
    """One run: `start`, then `on` until it has ended."""

    def __init__(
        self, program: Program, *, calls: int | None = None, deadline: timedelta | None = None, keys: Keys = OF_A_RUN
    ) -> None:
        """Prepare a run of at most `calls` calls at once, which has to end before `deadline`; None sets no bound.

        Args:
            keys: as `RunValues.keys` has them.
        """
        self._program = program
        self._keys = keys
        self._calls = calls
        self._deadline = deadline
        self._state: State | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the terminal event has been given out."""
        return self._state is not None and self._state.has_ended

    @property
    def program(self) -> Program:
        """What it runs a flow of."""
        return self._program

    @property
    def is_undoing(self) -> bool:
        """Whether all has settled, but for steps that are taken back and calls that tell of failed flows."""
        return self._state is not None and (self._state.saga is not None or self._state.ending is not None)

    @property
    def state(self) -> State:
        """All that it remembers; to be read only."""
        if self._state is None:
            raise InternalError("the run has not started")
        return self._state

    def start(self, started: RunStarted, early: Collection[str] = ()) -> Step:
        """Begin a run. Its inputs are valid, and defaults are filled in.

        Args:
            early: of one that is told what it keeps of another one, the paths of all that began for that: whatever
                else may begin does so when the run is resumed.
        """
        values = RunValues(started.run, started.started, started.flow, self._keys)
        state = self._state = State(self._program, values, started, Gate(self._calls, None))
        state.events.append(started)
        if started.origin is not None:
            state.is_held, state.early = True, frozenset(early)
        if self._deadline is not None:
            state.timers[""] = None
            state.commands.append(StartTimer("", self._deadline, None))
        if (timeout := state.program.layout(started.flow).timeout) is not None:
            state.timers[started.flow] = None
            within = None if self._deadline is None else ""
            state.commands.append(StartTimer(started.flow, timeout, within))
        _open_run(state)
        _advance(state)
        return _step(state)

    def on(self, facts: Sequence[Event], *, logged: bool = False) -> Step:
        """What follows from these facts, one after the other. Facts that come too late are left out of the log.

        Args:
            logged: they come from a log, where a failure that could be absorbed has been.
        """
        state = self.state
        for fact in facts:
            if state.has_ended:
                break
            _take(state, fact, logged=logged)
            _advance(state)
        return _step(state)


def _step(state: State) -> Step:
    # A step is its tuple: this is what `Step(...)` does, at half the price.
    step = tuple.__new__(Step, (state.events, state.commands))
    state.events, state.commands = [], []
    return step


def _open_run(state: State) -> None:
    started = state.started
    flow = state.program.layout(started.flow)
    body = flow.scopes[0]
    state.root = Frame(
        state,
        flow,
        body,
        None,
        None,
        0,
        f"{started.flow}/" if state.attempt == 1 else f"{started.flow}~{state.attempt}/",
        (),
        tuple([started.inputs.get(param.name) for param in flow.flow.params]),
        state.gate if flow.concurrency is None else Gate(flow.concurrency, state.gate),
        next((path for path in (started.flow, "") if path in state.timers), None),
        flow.priority or 0,
        flow.strategy,
        Values(None),
        state.locals,
        body.waits.copy(),
        body.status.copy(),
        len(body.members),
        budgets=() if flow.budget is None else ((started.flow, flow.budget),),
    )
    begin_frame(state.root)


def _advance(state: State) -> None:
    """Do all that is possible without another fact."""
    work = state.work
    while True:
        while work:
            frame, local = work.popleft()
            if local != FRAME_ITSELF:
                consider(frame, local)
            elif frame.block is not None:
                finish_frame(frame, frame.block)
            else:
                _end(state, frame)
        if state.is_held or not (state.ready or state.freed):
            return
        for frame, layout in admitted(state):
            if frame.status[layout.local] is PENDING:
                start(state, frame, layout)
            elif frame.open is not None and (block := frame.open.get(layout.local)) is not None:
                open_gate(block.gate or frame.gate, state)
            else:
                give_back(frame, layout, None)


def _end(state: State, frame: Frame) -> None:
    """The run's flow has ended, or an undo, or a call that tells of a failed flow: the flow is tried again, steps are
    taken back, somebody is told, or the run ends.

    Nothing of it executes after its end (case X1).
    """
    if state.ending is None and state.saga is not None:
        undo_ended(state.saga, frame)
    elif state.ending is None:
        problem = problem_of(frame)
        if isinstance(problem, Failure) and state.cancelled is None and not frame.is_forced:
            path = state.started.flow
            if try_again(state, path, frame.flow.retry, problem, state.attempt):
                state.pauses[path] = None
                return
        for path in state.timers:
            state.commands.append(StopTimer(path))
        state.timers.clear()
        if problem is None and state.cancelled is None:
            begin_telling(state, RunDone(frame.result))
        else:
            _turn_back(state, frame, problem)
    if state.ending is None and state.saga is not None and not undo_next(state, state.saga):
        begin_telling(state, end_of(state.saga))
    if state.ending is not None and not tell_next(state):
        state.has_ended = True
        state.events.append(state.ending)


def _turn_back(state: State, frame: Frame, problem: Problem | None) -> None:
    """The run does not end well."""
    if state.cancelled is None and not isinstance(problem, Failure):
        raise InternalError(f"the run was stopped without a reason of its own: {problem}")
    if isinstance(problem, Failure):
        keep_told(state, frame.flow, f"{state.started.flow}/", frame.slots, problem, state.attempt)
    begin_saga(state, problem if isinstance(problem, Failure) and state.cancelled is None else None)


# --- facts --------------------------------------------------------------------------------------------------------


def _take(state: State, fact: Event, *, logged: bool) -> None:
    if isinstance(fact, NodeDone):  # most are, and the pattern of a class costs five times as much
        if (found := _ended(state, fact.path)) is not None:
            state.events.append(fact)
            if fact.absorbed is not None or fact.agent is not None:
                degrade(found[0])
            settle_done(*found, fact.value, fact.absorbed)
        elif fact.path in state.pauses:
            _remembered(state, fact)
        return
    match fact:
        case NodeFailed(path=path, failure=failure):
            if (found := _ended(state, path)) is not None:
                settle_failed(*found, failure, absorb=not logged)
                if failure.limit is not None and state.root is not None and not _is_over(state):
                    _fail_scope(state, state.root, found[0], failure.limit, failure)
        case NodeCancelled(path=path, why=why, in_doubt=is_cut):
            if (found := _ended(state, path)) is not None:
                if is_cut and not logged and not _is_asked_to_stop(state):
                    settle_cut(*found, why)
                else:
                    settle_cancelled(*found, why, is_cut=is_cut)
        case AttemptStarted(path=path, attempt=attempt) if path in state.pauses:
            state.events.append(fact)
            _again(state, path, attempt)
        case _ if isinstance(fact, _CALL_EVENTS):
            _pass_on(state, fact)
        case RunPaused() | RunResumed():
            state.events.append(fact)
            state.is_held = isinstance(fact, RunPaused)
            begin_others(state)
        case DoubtSettled() | RunMoved():
            state.events.append(fact)
        case CancelRequested():
            if state.root is not None:
                _cancel(state, state.root, fact)
        case DeadlinePassed(path=path, failure=failure):
            if path in state.timers:
                state.events.append(fact)
                _too_late(state, path, failure)
        case _:
            raise InternalError(f"{type(fact).__name__} is no fact")


def _pass_on(state: State, fact: CallEvent) -> None:
    """A call that is under way tells something."""
    if fact.path in state.calls or call_of(fact.path) in state.calls or fact.path in state.pauses:
        state.events.append(fact)
        if isinstance(fact, OnceFound):
            state.others.add(fact.path)
        elif isinstance(fact, ToolCalled) and fact.effect not in HARMLESS:
            state.written.add(fact.path)


def _ended(state: State, path: str) -> tuple[Frame, NodeLayout] | None:
    """The call of that path, which is over; None when it is not under way."""
    found = state.calls.pop(path, None)
    if found is not None:
        release_all(found[0], state)
    return found


def _remembered(state: State, fact: NodeDone) -> None:
    """A block gives what an equal one gave."""
    block = state.pauses[fact.path]
    if block is not None and block.is_looking:
        del state.pauses[fact.path]
        block.key = None
        close_block(block, None, fact.value)


def _is_asked_to_stop(state: State) -> bool:
    """Whether somebody is why calls are cut off; else a deadline is, or the failure of something else."""
    return state.is_forced or (state.cancelled is not None and not _is_over(state))


def _is_over(state: State) -> bool:
    """Whether all has settled that can still change how the run ends."""
    return state.saga is not None or state.ending is not None


def _cancel(state: State, root: Frame, wish: CancelRequested) -> None:
    """Somebody asks to stop, or insists; asking again changes nothing (case X5), and undos go on (case S3)."""
    if state.cancelled is not None and (state.is_forced or not wish.force):
        return
    state.events.append(wish)
    state.cancelled, state.is_forced, state.is_held = wish.why, wish.force, False
    if state.ending is not None:
        if wish.force:
            stop_telling(state, wish.why)
    elif state.saga is None:
        stop_frame(root, wish.why, force=wish.force)
        _stop_pause(state)
    elif wish.force:
        stop_saga(state.saga, wish.why)


def _fail_scope(state: State, root: Frame, frame: Frame, limit: str, failure: Failure) -> None:
    """A failure ends what stands around its node as a whole: by its budget, or the run by `terminate`.

    Writes under way are awaited (rule A5). What is being stopped already, or fails for another reason, goes on so.
    """
    block = frame.block
    while block is not None and block.path != limit:
        block = block.home.block
    if block is not None:
        if block.failure is None and block.stopped is None:
            block.failure, block.is_late = failure, True
            state.events.append(ScopeFailed(limit, failure))
            for each in list(block.live.values()):
                stop_frame(each, f"the budget of {limit} is used up", force=False)
    elif limit in ("", state.started.flow):
        if (root.failure is None or root.failure is failure) and state.cancelled is None:
            root.failure = failure
            state.events.append(ScopeFailed(limit, failure))
        why = f"the budget of {limit} is used up" if limit else f"{failure.path} ended the run"
        stop_frame(root, why, force=False)


def _too_late(state: State, path: str, failure: Failure) -> None:
    """A deadline passed: what it stands on fails when all of it has ended; writes are not awaited."""
    block = state.timers.pop(path)
    why = f"the time of {path} is over" if path else "the time of the run is over"
    if block is not None:
        block.is_late = True
        if block.failure is None and block.stopped is None:
            block.failure = failure
        for frame in list(block.live.values()):
            stop_frame(frame, why, force=True)
        if state.pauses.pop(path, None) is not None:
            flow_failed(block, failure)
            close_block(block, failure, None)
    elif state.root is not None:
        if state.root.stopping is None or state.started.flow in state.pauses:
            state.root.failure = failure
        stop_frame(state.root, why, force=True)
        state.root.is_forced = True
        _stop_pause(state)


def _again(state: State, path: str, attempt: int) -> None:
    """The wait between two attempts is over."""
    block = state.pauses.pop(path)
    if block is not None:
        reopen_block(block, attempt)
    else:
        state.attempt = attempt
        _open_run(state)


def _stop_pause(state: State) -> None:
    """The run is stopped while its flow waits for the next attempt: nothing else is under way."""
    if state.started.flow in state.pauses and state.root is not None:
        del state.pauses[state.started.flow]
        _end(state, state.root)
