"""How nodes settle, and what follows at once: who may be looked at next, and what is stopped.

Every node of a frame settles exactly once, here. What has become possible goes to `State.work`; nothing is begun here.
"""

from leadflow.events.model import (
    Failure,
    NodeBlocked,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    Status,
)
from leadflow.plan.paths import is_inside
from leadflow.plan.plan import AgentCall, Need
from leadflow.plan.types import Value
from leadflow.run.errors import ValueProblem, may_be_done
from leadflow.run.kernel_cache import degrade, remember
from leadflow.run.kernel_gates import release
from leadflow.run.kernel_layout import NodeLayout
from leadflow.run.kernel_state import Block, Blocked, CancelCall, Frame, Problem, Stopped, StopTimer
from leadflow.run.kernel_undo import keep_undo

# Constants: reading a member of an enum costs more than all the rest of a test.
PENDING, RUNNING, DONE, SKIPPED = Status.PENDING, Status.RUNNING, Status.DONE, Status.SKIPPED
BLOCKED, FAILED, CANCELLED = Status.BLOCKED, Status.FAILED, Status.CANCELLED

HARMLESS = ("pure", "read")
"""Effects of what changes nothing."""
FRAME_ITSELF = -1
"""In `State.work`: not a node, but the frame, whose nodes have all settled."""


def settle(frame: Frame, layout: NodeLayout, status: Status) -> None:
    """Note how a node ended and put on the worklist what waited for it. Its value and its event are noted already."""
    local, work, waits = layout.local, frame.state.work, frame.waits
    frame.status[local] = status
    frame.left -= 1
    for other in layout.dependents:
        left = waits[other] = waits[other] - 1
        if not left:
            work.append((frame, other))
    if layout.guarded or layout.merges:
        work.extend([(frame, other) for other in layout.guarded if waits[other]])
        work.extend([(frame, other) for other in layout.merges])
    if frame.watchers is not None and (watchers := frame.watchers.pop(layout.id, None)) is not None:
        for inner, other in watchers:
            inner.waits[other] -= 1
            if not inner.waits[other]:
                work.append((inner, other))
    if not frame.left:
        work.append((frame, FRAME_ITSELF))


def settle_done(frame: Frame, layout: NodeLayout, value: Value, absorbed: Failure | None = None) -> None:
    """A node has its value, perhaps instead of a failure; its event is logged already."""
    frame.nodes[layout.id] = value
    settle(frame, layout, DONE)
    if frame.layout.heeds_done:
        is_own = layout.undo is not None and frame.prefix + layout.name not in frame.state.others
        if layout.undo is not None and is_own and (absorbed is None or may_be_done(absorbed)):
            keep_undo(frame, layout, layout.undo, in_doubt=absorbed is not None)
        if frame.layout.is_racing and frame.stopping is None:
            frame.result, frame.has_result = value, True
            stop_frame(frame, f"{frame.prefix}{layout.name} won", force=False)


def log_done(frame: Frame, layout: NodeLayout, value: Value) -> None:
    """A node has its value."""
    frame.state.events.append(NodeDone(frame.prefix + layout.name, value))
    settle_done(frame, layout, value)


def settle_failed(frame: Frame, layout: NodeLayout, failure: Failure, *, absorb: bool = True) -> None:
    """A node failed: its `catch` or `@optional` makes a value of it, or its siblings learn of it (rules C1, C3)."""
    path = frame.prefix + layout.name
    if not frame.layout.is_racing:
        degrade(frame)
    absorbed = _absorb(frame, layout, failure) if absorb else failure
    if not isinstance(absorbed, Failure):
        frame.state.events.append(NodeDone(path, absorbed[0], failure))
        settle_done(frame, layout, absorbed[0], failure)
        return
    frame.state.has_trouble = True
    frame.state.events.append(NodeFailed(path, absorbed))
    frame.nodes[layout.id] = None
    _note(frame, layout, path)
    if frame.failures is None:
        frame.failures = []
    frame.failures.append(absorbed)
    settle(frame, layout, FAILED)
    if layout.undo is not None and may_be_done(absorbed):
        keep_undo(frame, layout, layout.undo, in_doubt=True)
    if frame.strategy == "stop" and not frame.layout.counts_failures and frame.stopping is None:
        frame.failure = absorbed
        stop_frame(frame, f"{path} failed", force=False)


def settle_skipped(frame: Frame, layout: NodeLayout, why: str) -> None:
    """The arm a node stands in was not taken."""
    frame.state.events.append(NodeSkipped(frame.prefix + layout.name, why))
    frame.nodes[layout.id] = None
    _note(frame, layout, why)
    settle(frame, layout, SKIPPED)


def settle_blocked(frame: Frame, layout: NodeLayout, by: str) -> None:
    """What a node needs failed. Where that was outside, its block cannot end well: under `stop`, it ends now."""
    frame.state.events.append(NodeBlocked(frame.prefix + layout.name, by))
    frame.nodes[layout.id] = None
    _note(frame, layout, by)
    settle(frame, layout, BLOCKED)
    if frame.failures is None and frame.blocked is None and frame.stopping is None:
        frame.blocked = by
        if frame.strategy == "stop" and not frame.layout.counts_failures:
            stop_frame(frame, f"{by} failed", force=False)


def settle_cancelled(frame: Frame, layout: NodeLayout, why: str, *, is_cut: bool = False) -> None:
    """A node was stopped, perhaps in the middle, or will not start any more."""
    in_doubt = is_cut and layout.node.effect not in HARMLESS
    frame.state.events.append(NodeCancelled(frame.prefix + layout.name, why, in_doubt))
    frame.nodes[layout.id] = None
    settle(frame, layout, CANCELLED)
    if in_doubt and layout.undo is not None:
        keep_undo(frame, layout, layout.undo, in_doubt=True)


def settle_cut(frame: Frame, layout: NodeLayout, why: str) -> None:
    """A deadline around a call cut it off in the middle, or it was stopped between two parts of it because something
    else failed. A write that may not be repeated has failed in doubt then: nobody who absorbs the end of that deadline,
    or that failure, absorbs this, too (rule C3)."""
    path = frame.prefix + layout.name
    if _may_be_repeated(frame, layout, path):
        settle_cancelled(frame, layout, why, is_cut=True)
    else:
        text = f"{why}: it was cut off; nobody knows whether it was done"
        is_late = frame.is_forced  # nothing but a deadline cuts off what was sent (rule A5)
        error = "timeout.total" if is_late else "system.in_doubt"
        settle_failed(frame, layout, Failure(error, "timeout" if is_late else "system", text, path, in_doubt=True))


def _may_be_repeated(frame: Frame, layout: NodeLayout, path: str) -> bool:
    """Whether it does not matter if a call was done or not. A model changes nothing but through its tools."""
    work, state = layout.node.work, frame.state
    if not isinstance(work, AgentCall) or layout.node.effect in HARMLESS or work.idempotent or work.key is not None:
        return True
    is_model = work.role is not None or "model" in state.program.plan.agents[work.agent].settings
    return is_model and path not in state.written


def _note(frame: Frame, layout: NodeLayout, reason: str) -> None:
    if frame.reasons is None:
        frame.reasons = {}
    frame.reasons[layout.id] = reason


def _absorb(frame: Frame, layout: NodeLayout, failure: Failure) -> tuple[Value] | Failure:
    """The value that a failure becomes, or the failure that remains: what is in doubt, and the limit of something
    around the node (rule C3)."""
    if failure.in_doubt or _is_of_others(failure, frame.prefix + layout.name):
        return failure
    if layout.catch is not None:
        frame.locals[:] = [failure_value(failure, frame.prefix, layout.name)]
        try:
            return (layout.catch(frame),)
        except ValueProblem as problem:
            failure = value_failure(problem, frame.prefix + layout.name, causes=(failure,))
    return (None,) if layout.optional else failure


def failure_value(failure: Failure, prefix: str, name: str = "") -> Value:
    """What the text calls a failure by name.

    Args:
        prefix: of the paths of the steps that it may be of, as the text sees them.
        name: of the step, where the failure has no path.
    """
    return {
        "class": failure.category,
        "message": failure.message,
        "step": failure.path.removeprefix(prefix) or name,
        "attempts": max(1, len(failure.attempts)),
    }


def _is_of_others(failure: Failure, path: str) -> bool:
    """Whether it is the limit of something that encloses the node of that path."""
    return failure.limit is not None and is_inside(path, failure.limit)


def value_failure(problem: ValueProblem, path: str, causes: tuple[Failure, ...] = ()) -> Failure:
    """An expression without a value, as a failure of the node it stands in."""
    return Failure(problem.error, problem.category, problem.message, path, (), causes)


# --- what is known of needs ---------------------------------------------------------------------------------------


def status_of(frame: Frame, node: int) -> tuple[Frame, Status]:
    """The frame of a node of this or an enclosing scope, and how the node stands."""
    flow = frame.flow
    home = frame if flow.home[node] == frame.layout.scope.id else frame.around(flow.home[node])
    return home, home.status[flow.local[node]]


def blocker(frame: Frame, needs: tuple[Need, ...]) -> str | None:
    """The path of the failure that keeps a node with these needs from running; None: nothing does."""
    for need in needs:
        if need.why != "order":
            home, status = status_of(frame, need.node)
            if status is FAILED or status is BLOCKED or status is CANCELLED:
                return (home.reasons or {}).get(need.node, home.prefix + home.flow.flow.nodes[need.node].name)
    return None


# --- stopping -----------------------------------------------------------------------------------------------------


def stop_frame(frame: Frame, why: str, *, force: bool) -> None:
    """Nothing starts here any more; what is under way ends (rule A5). The frame settles when all of it has."""
    again = frame.stopping is not None
    if not frame.left or (again and (frame.is_forced or not force)):
        return
    if not again:
        frame.stopping = why
    frame.is_forced = force
    for layout in frame.layout.members:
        status = frame.status[layout.local]
        if status is PENDING:
            _stop_pending(frame, layout, why)
        elif status is RUNNING:
            _stop_running(frame, layout, why, force=force)


def _stop_pending(frame: Frame, layout: NodeLayout, why: str) -> None:
    by = blocker(frame, layout.node.needs) if frame.failures or frame.blocked else None
    if by is not None:
        settle_blocked(frame, layout, by)
    else:
        settle_cancelled(frame, layout, why)


def _stop_running(frame: Frame, layout: NodeLayout, why: str, *, force: bool) -> None:
    if layout.is_call:
        harmless = layout.node.effect in HARMLESS
        frame.state.commands.append(CancelCall(frame.prefix + layout.name, why, force or harmless))
    elif frame.open is not None:
        stop_block(frame.open[layout.local], why, force=force)


def stop_block(block: Block, why: str, *, force: bool) -> None:
    """Stop all that is open for a node."""
    if block.stopped is None:
        block.stopped = why
    if force:
        _forget_timer(block)
    for frame in list(block.live.values()):
        stop_frame(frame, why, force=force)
    if not block.live:
        block.home.state.pauses.pop(block.path, None)
        close_block(block, Stopped(why), None)


def close_block(block: Block, problem: Problem | None, value: Value) -> None:
    """All below a block has settled: so does its node."""
    home, layout = block.home, block.layout
    if home.open is not None:
        del home.open[layout.local]
    _forget_timer(block)
    if block.key is not None:
        remember(block, value, is_good=problem is None)
    if home.members is not None and (block.gate is None or block.gate.limit != 0):
        release(home.members, home.state)
    match problem:
        case None:
            log_done(home, layout, value)
        case Failure():
            settle_failed(home, layout, problem)
        case Blocked(by):
            settle_blocked(home, layout, by)
        case Stopped(why):
            settle_cancelled(home, layout, why)


def _forget_timer(block: Block) -> None:
    """Its deadline means nothing any more."""
    state = block.home.state
    if state.timers.pop(block.path, None) is not None:
        state.commands.append(StopTimer(block.path))
