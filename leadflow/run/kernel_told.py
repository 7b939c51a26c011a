"""Who is told that a flow failed: the calls of `@on_failure(escalate:)`, one after the other, last of all (rule C11).

    running, undoing --- how the run ends is settled ---> telling --- nobody is left ---> RunDone, RunFailed
                     |                                      |  ^
                     |                                      +--+ it has ended, well or not: the next one
                     +--- somebody cancelled ---> RunCancelled: nobody is told

A call is kept when its flow has failed for good, with its arguments; what becomes of it changes nothing of how the run
ends. It is a frame of its own around one call, as an undo is.
"""

from leadflow.events.model import Failure, NodeCancelled, NodeFailed, RunCancelled, RunDone, RunFailed
from leadflow.plan.plan import FlowCall
from leadflow.plan.types import Value
from leadflow.run.errors import ValueProblem
from leadflow.run.kernel_layout import FlowLayout
from leadflow.run.kernel_saga import open_kept
from leadflow.run.kernel_settle import failure_value, stop_frame, value_failure
from leadflow.run.kernel_state import Block, Frame, Kept, Problem, State, Values


def flow_failed(block: Block, problem: Problem | None) -> None:
    """The call of a flow has ended for good: who is to be told if that is a failure?"""
    work, home = block.layout.node.work, block.home
    if not isinstance(problem, Failure) or not isinstance(work, FlowCall):
        return
    flow = home.state.program.layout(work.flow)
    if flow.told is not None:
        try:
            slots = tuple([value(home) for value in block.layout.values])
        except ValueProblem:  # the flow was never begun
            return
        keep_told(home.state, flow, f"{block.path}/", slots, problem, block.attempt)


def keep_told(
    state: State, flow: FlowLayout, prefix: str, slots: tuple[Value, ...], failure: Failure, attempt: int
) -> None:
    """A flow has failed for good, at this attempt: fix what tells of it."""
    told = flow.told
    if told is None or state.cancelled is not None or state.saga is not None or state.ending is not None:
        return
    frame = _frame(state, flow, prefix, slots)
    state.locals[:] = [failure_value(failure, prefix if attempt == 1 else f"{prefix[:-1]}~{attempt}/")]
    path, problem = f"{prefix}{told.flow.flow.nodes[0].name}", None
    args: tuple[Value, ...] = ()
    try:
        args = tuple([value(frame) for _, value in told.args])
    except ValueProblem as wrong:
        problem = value_failure(wrong, path, causes=(failure,))
    state.untold.append(Kept(path, prefix, told, args, problem))


def begin_telling(state: State, ending: RunDone | RunFailed | RunCancelled) -> None:
    """How the run ends is settled. Whoever cancelled it knows that it did not end well."""
    state.ending = ending
    state.untold.reverse()
    if isinstance(ending, RunCancelled) or state.cancelled is not None:
        state.untold.clear()


def tell_next(state: State) -> bool:
    """Begin the next call that tells; False when none is left."""
    state.telling = None
    while state.untold:
        kept = state.untold.pop()
        if kept.failure is not None:
            state.events.append(NodeFailed(kept.path, kept.failure))
        elif state.is_forced:
            state.events.append(NodeCancelled(kept.path, state.cancelled or ""))
        else:
            state.telling = open_kept(state, kept, len(state.kept) + 1 + len(state.untold))
            return True
    return False


def stop_telling(state: State, why: str) -> None:
    """Somebody insists: the call under way is cut off, and none follows."""
    if state.telling is not None:
        stop_frame(state.telling, why, force=True)


def _frame(state: State, flow: FlowLayout, prefix: str, slots: tuple[Value, ...]) -> Frame:
    """Where the arguments are read: the flow's parameters, and nothing that ran."""
    return Frame(
        state, flow, flow.scopes[0], None, None, 0, prefix, (), slots, state.gate, None, 0, "stop", Values(None),
        state.locals, [], [], 0,
    )  # fmt: skip
