"""One node at a time: may it run, is it skipped or blocked, and what does it do when its turn comes."""

from leadflow.events.model import BranchTaken, Failure, NodeStarted
from leadflow.plan.expr import Guard
from leadflow.plan.plan import Branch, Fail, Merge, Return, Yield
from leadflow.plan.types import Value
from leadflow.run.errors import FLOW_ERRORS, InternalError, ValueProblem
from leadflow.run.kernel_blocks import begin_block
from leadflow.run.kernel_gates import hold_all, queue, release_all
from leadflow.run.kernel_keys import arguments_of, key_of
from leadflow.run.kernel_layout import NodeLayout
from leadflow.run.kernel_settle import (
    BLOCKED,
    CANCELLED,
    DONE,
    FAILED,
    PENDING,
    RUNNING,
    SKIPPED,
    blocker,
    log_done,
    settle_blocked,
    settle_done,
    settle_failed,
    settle_skipped,
    status_of,
    value_failure,
)
from leadflow.run.kernel_state import Call, Frame, Gate, State

BEGUN = -1
"""Instead of a count of needs: the node has been looked at and goes its way."""


def consider(frame: Frame, local: int) -> None:
    """Something that a node waits for has settled: skip it, block it, begin it, or leave it waiting."""
    if frame.status[local] is not PENDING:
        return
    layout = frame.layout.members[local]
    if layout.guard is not None and not _guard_allows(frame, layout, layout.guard):
        return
    if layout.is_merge:
        _merge(frame, layout)
        return
    if frame.waits[local]:
        return
    frame.waits[local] = BEGUN
    if frame.state.has_trouble and (by := blocker(frame, layout.node.needs)) is not None:
        settle_blocked(frame, layout, by)
    elif layout.is_call or (layout.is_block and frame.members is not None):
        _line_up(frame, layout)
    elif layout.is_block:
        begin_block(frame, layout)
    else:
        _begin(frame, layout)


def _line_up(frame: Frame, layout: NodeLayout) -> None:
    """A call, or a member of a block with `@concurrency`, waits for its place, unless what is kept of it is told."""
    early = frame.state.early
    if early is None or frame.prefix + layout.name not in early:
        queue(frame, layout)
    elif layout.is_call:
        hold_all(frame)
        start(frame.state, frame, layout)
    else:
        begin_block(frame, layout, Gate(0, frame.gate))
        queue(frame, layout)


def _guard_allows(frame: Frame, layout: NodeLayout, guard: Guard) -> bool:
    """True when the guard holds, or is not known yet and the node still waits for it; else the node settles here."""
    home, status = status_of(frame, guard.node)
    if status is DONE:
        if frame.holds(guard):
            return True
        settle_skipped(frame, layout, _taken(home, guard.node))
        return False
    if status is SKIPPED:
        settle_skipped(frame, layout, (home.reasons or {}).get(guard.node, ""))
        return False
    if status is FAILED or status is BLOCKED or status is CANCELLED:
        settle_blocked(frame, layout, (home.reasons or {}).get(guard.node, ""))
        return False
    return True


def _taken(home: Frame, node: int) -> str:
    """What a branch decided, for people."""
    decided = home.flow.flow.nodes[node]
    if isinstance(decided.work, Branch) and home.arms is not None:
        return f"{decided.name} = {decided.work.labels[home.arms[node]]}"
    return f"{decided.name} went on"


def _merge(frame: Frame, layout: NodeLayout) -> None:
    """Rule A2: done when one of the ways here was taken, skipped when none can be any more."""
    by, why, is_open = None, "", False
    for guard in layout.node.work.guards if isinstance(layout.node.work, Merge) else ():
        if frame.holds(guard):
            log_done(frame, layout, None)
            return
        home, status = status_of(frame, guard.node)
        if status is PENDING or status is RUNNING:
            is_open = True
        elif status is DONE:
            why = why or _taken(home, guard.node)
        elif status is SKIPPED:
            why = why or (home.reasons or {}).get(guard.node, "")
        else:
            by = by or (home.reasons or {}).get(guard.node, home.prefix + home.flow.flow.nodes[guard.node].name)
    if is_open:
        return
    if by is not None:
        settle_blocked(frame, layout, by)
    else:
        settle_skipped(frame, layout, why)


def _begin(frame: Frame, layout: NodeLayout) -> None:
    """What takes no time begins and ends at once."""
    work = layout.node.work
    try:
        value = layout.values[0](frame)
    except ValueProblem as problem:
        settle_failed(frame, layout, value_failure(problem, frame.prefix + layout.name))
        return
    match work:
        case Return() | Yield():
            frame.result, frame.has_result = value, True
            log_done(frame, layout, value)
        case Branch():
            _branch(frame, layout, work, value)
        case Fail():
            path = frame.prefix + layout.name
            frame.has_left = True
            settle_failed(frame, layout, Failure("flow.failed", FLOW_ERRORS["flow.failed"], str(value), path))
        case _:
            raise InternalError(f"{layout.name} does not begin here")


def _branch(frame: Frame, layout: NodeLayout, work: Branch, value: Value) -> None:
    path = frame.prefix + layout.name
    for arm, options in enumerate(work.arms):
        if options is None or any(_same(value, option) for option in options):
            if frame.arms is None:
                frame.arms = {}
            frame.arms[layout.id] = arm
            frame.state.events.append(BranchTaken(path, arm, work.labels[arm]))
            settle_done(frame, layout, None)
            return
    settle_failed(frame, layout, value_failure(ValueProblem("no arm fits the value"), path))


def _same(value: Value, option: Value) -> bool:
    """Equal, where true is not 1."""
    return value == option and isinstance(value, bool) == isinstance(option, bool)


def start(state: State, frame: Frame, layout: NodeLayout) -> None:
    """A node that passed all gates starts."""
    if not layout.is_call:
        begin_block(frame, layout)
        return
    path = frame.prefix + layout.name
    try:
        args = layout.constants if layout.constants is not None else arguments_of(frame, layout)
        key = key_of(frame, layout, args)
        cache_key = None if layout.cache_key is None else str(layout.cache_key(frame))
        once = None if layout.once is None else str(layout.once(frame))
    except ValueProblem as problem:
        release_all(frame, state)
        settle_failed(frame, layout, value_failure(problem, path))
        return
    frame.status[layout.local] = RUNNING
    state.calls[path] = (frame, layout)
    state.events.append(NodeStarted(path))
    priority = frame.priority if layout.priority is None else layout.priority
    state.commands.append(
        Call(path, frame.flow.flow, layout, args, key, frame.within, priority, cache_key, frame.budgets, once)
    )
