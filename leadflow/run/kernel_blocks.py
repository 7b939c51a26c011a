"""What each kind of block is: how it begins, and what the end of one of its frames means (rules B1 to B5)."""

from leadflow.events.model import Failure
from leadflow.plan.plan import Do, FlowCall, For, Parallel, Race, Repeat
from leadflow.plan.types import Value
from leadflow.run.errors import InternalError, ValueProblem
from leadflow.run.kernel_cache import look_up
from leadflow.run.kernel_frames import (
    in_doubt,
    open_block,
    open_body,
    open_gate,
    open_inside,
    prefix_of,
    problem_of,
    settled_well,
    start_timer,
    summary,
)
from leadflow.run.kernel_layout import NodeLayout, expression
from leadflow.run.kernel_retry import forget, try_again
from leadflow.run.kernel_settle import close_block, stop_frame, value_failure
from leadflow.run.kernel_state import Block, Blocked, Frame, Gate, Problem, State, Stopped
from leadflow.run.kernel_told import flow_failed


def begin_block(frame: Frame, layout: NodeLayout, gate: Gate | None = None) -> None:
    """A block's needs are met.

    Args:
        gate: what its calls have to pass first.
    """
    block = open_block(frame, layout)
    block.gate = gate
    try:
        if look_up(block):
            _set_time(block)
            start_timer(block)
        else:
            _open(block, frame, layout)
    except ValueProblem as problem:
        end_block(block, value_failure(problem, block.path), None)


def reopen_block(block: Block, attempt: int) -> None:
    """The next attempt of a block begins."""
    block.attempt, block.is_looking = attempt, False
    forget(block)
    try:
        _open(block, block.home, block.layout)
    except ValueProblem as problem:
        end_block(block, value_failure(problem, block.path), None)


def end_block(block: Block, problem: Problem | None, value: Value) -> None:
    """All below a block has settled: it is tried again, or its node settles."""
    state, layout = block.home.state, block.layout
    if isinstance(problem, Failure) and not block.is_late and block.stopped is None:
        policy = layout.retry
        if policy is None and isinstance(layout.node.work, FlowCall):
            policy = state.program.layout(layout.node.work.flow).retry
        if try_again(state, block.path, policy, problem, block.attempt):
            state.pauses[block.path] = block
            return
    flow_failed(block, problem)
    close_block(block, problem, value)


def _open(block: Block, home: Frame, layout: NodeLayout) -> None:
    match layout.node.work:
        case FlowCall(flow=name):
            flow = home.state.program.layout(name)
            _set_time(block)
            slots = tuple([value(home) for value in layout.values])
            start_timer(block)
            open_body(block, flow, slots)
        case For():
            if _measure(block, home, layout):
                start_timer(block)
                _early_iterations(block)
                _more_iterations(block)
        case Repeat():
            first = layout.values[0](home)
            block.limit = _number(layout, home)
            start_timer(block)
            _next_round(block, first)
        case Parallel() | Race() | Do():
            start_timer(block)
            open_inside(block, (), None, layout.strategy)
        case work:
            raise InternalError(f"{type(work).__name__} is no block")


def _set_time(block: Block) -> None:
    """The call of a flow may take no longer than the flow may."""
    if isinstance(block.layout.node.work, FlowCall) and block.attempt == 1:
        timeout = block.home.state.program.layout(block.layout.node.work.flow).timeout
        if timeout is not None:
            block.timeout = timeout if block.timeout is None else min(timeout, block.timeout)


def finish_frame(frame: Frame, block: Block) -> None:
    """All nodes of one of a block's frames have settled."""
    del block.live[frame.index]
    match block.layout.node.work:
        case FlowCall() | Do():
            end_block(block, _problem_of(block, frame), frame.result)
        case For():
            _end_iteration(block, frame)
        case Repeat():
            _end_round(block, frame)
        case Parallel(need=need):
            _end_parallel(block, frame, need)
        case Race():
            _end_race(block, frame)
        case work:
            raise InternalError(f"{type(work).__name__} is no block")


def _problem_of(block: Block, frame: Frame) -> Problem | None:
    """What was wrong with the last frame of a block: what is in doubt, the end of its time or budget, or its own."""
    if block.failure is not None:
        return in_doubt(frame.failures or ()) or block.failure
    return problem_of(frame)


# --- for ----------------------------------------------------------------------------------------------------------


def _measure(block: Block, home: Frame, layout: NodeLayout) -> bool:
    """Read the items; False when the block has settled already: there are none, or too many."""
    items = layout.values[0](home)
    if not isinstance(items, tuple | list):
        raise ValueProblem("`for` needs a list")
    if layout.limit is not None and len(items) > (most := _number(layout, home)):
        text = f"the list has {len(items)} items, `at most {most}` are allowed"
        end_block(block, Failure("flow.too_many", "resource", text, block.path), None)
        return False
    if not items:
        end_block(block, None, ())
        return False
    block.items, block.results = tuple(items), [None] * len(items)
    block.limit = layout.concurrency or len(items)
    return True


def _early_iterations(block: Block) -> None:
    """Those of which something is kept begin at once; whatever is left to do in them waits for their place."""
    early = block.home.state.early
    if early is not None:
        found = [index for index in range(len(block.items)) if prefix_of(block, index)[:-1] in early]
        block.early, block.shut = set(found), len(found)
        for index in found:
            open_inside(block, (block.items[index], index), index, "stop", is_shut=True)


def begin_others(state: State) -> None:
    """All that is kept of another run was told: iterations of which nothing is kept may begin."""
    state.early, loops, state.loops = None, state.loops, []
    for block in loops:
        if _may_go_on(block):
            _more_iterations(block)


def _more_iterations(block: Block) -> None:
    state = block.home.state
    while block.begun < len(block.items) and len(block.live) - block.shut < block.limit:
        index = block.begun
        if index in block.early:
            if (frame := block.live.get(index)) is not None:
                block.shut -= 1
                open_gate(frame.gate, state)
        elif state.early is None:
            open_inside(block, (block.items[index], index), index, "stop")
        else:
            state.loops.append(block)
            return
        block.begun += 1


def _is_to_stop(block: Block) -> bool:
    """Whether the problem of one iteration stops the others."""
    return block.layout.strategy == "stop" and (bool(block.failures) or block.blocked is not None)


def _may_go_on(block: Block) -> bool:
    """Whether further iterations may begin."""
    return block.failure is None and block.stopped is None and not _is_to_stop(block)


def _end_iteration(block: Block, frame: Frame) -> None:
    match problem_of(frame):
        case None:
            block.results[frame.index] = frame.result
        case Failure() as failure:
            block.failures.append(failure)
        case Blocked(by):
            block.blocked = block.blocked or by
        case Stopped():
            pass
    if frame.gate.limit == 0:
        block.shut -= 1
    if goes_on := _may_go_on(block):
        _more_iterations(block)
    elif _is_to_stop(block):
        for other in list(block.live.values()):
            stop_frame(other, f"{frame.prefix[:-1]} failed", force=False)
    if not block.live and not (goes_on and block.begun < len(block.items)):
        end_block(block, _problem_of_all(block), tuple(block.results))


def _problem_of_all(block: Block) -> Problem | None:
    """What was wrong with a `for` whose iterations have ended."""
    strategy, failures = block.layout.strategy, block.failures
    if block.failure is not None:
        return in_doubt(failures) or block.failure
    if failures:
        match strategy:
            case "stop":
                return in_doubt(failures) or failures[0]
            case "continue":
                return summary(failures, block.path)
            case "partial":
                return in_doubt(failures)
    if block.blocked is not None and strategy != "partial":
        return Blocked(block.blocked)
    return None if block.stopped is None else Stopped(block.stopped)


# --- repeat -------------------------------------------------------------------------------------------------------


def _next_round(block: Block, value: Value) -> None:
    """Rule B1: only the value passes from one round to the next."""
    if block.begun >= block.limit:
        end_block(block, _exhausted(block), None)
        return
    index = block.begun
    block.begun += 1
    open_inside(block, (value, index), index, block.layout.strategy)


def _end_round(block: Block, frame: Frame) -> None:
    until, otherwise = expression(block.layout.until), block.layout.otherwise
    problem = _problem_of(block, frame)
    if problem is not None:
        end_block(block, problem, None)
        return
    try:
        if until(frame) is True:
            end_block(block, None, frame.result)
        elif block.begun >= block.limit and otherwise is not None:
            end_block(block, None, otherwise(frame))
        else:
            _next_round(block, frame.result)
    except ValueProblem as wrong:
        end_block(block, value_failure(wrong, block.path), None)


def _exhausted(block: Block) -> Failure:
    text = f"`until` was false after {block.limit} rounds"
    return Failure("flow.exhausted", "validation", text, block.path)


# --- parallel and race --------------------------------------------------------------------------------------------


def _end_parallel(block: Block, frame: Frame, need: int | None) -> None:
    """Rule B4: it waits for all; then fewer than `need` is a failure."""
    problem = _problem_of(block, frame)
    if need is not None and block.failure is None and frame.stopping is None:
        problem = in_doubt(frame.failures or ())
        if problem is None and (good := settled_well(frame)) < need:
            causes = tuple(frame.failures or ())
            text = f"{good} of {len(frame.status)} members succeeded, {need} are needed"
            problem = Failure("flow.need", "agent", text, block.path, (), causes)
    members = frame.layout.members
    end_block(block, problem, {member.name: frame.nodes.get(member.id) for member in members})


def _end_race(block: Block, frame: Frame) -> None:
    """Rule B3: the first success won; all failures together are one."""
    problem: Problem | None = None if block.failure is None else _problem_of(block, frame)
    if problem is None and not frame.has_result:
        causes = tuple(frame.failures or ())
        text = f"none of {len(frame.status)} rivals succeeded"
        problem = Failure("flow.race", "agent", text, block.path, (), causes)
        if frame.stopping is not None or not causes:
            problem = problem_of(frame) or problem
    end_block(block, problem, frame.result)


def _number(layout: NodeLayout, home: Frame) -> int:
    """The value of `at most`."""
    value = expression(layout.limit)(home)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueProblem("`at most` needs a whole number")
    return value
