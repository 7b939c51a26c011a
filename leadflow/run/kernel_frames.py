"""How frames and blocks come to be, and how the end of a frame is judged."""

from collections.abc import Iterable
from datetime import timedelta

from leadflow.events.model import Failure, NodeStarted, Status
from leadflow.plan.plan import Do, Parallel, Race, Repeat
from leadflow.plan.policy import Budget, Budgets, Strategy
from leadflow.plan.types import Value
from leadflow.run.kernel_layout import FlowLayout, NodeLayout, body_of
from leadflow.run.kernel_settle import FRAME_ITSELF, PENDING, RUNNING, status_of
from leadflow.run.kernel_state import Block, Blocked, Frame, Gate, Problem, StartTimer, State, Stopped, Values


def open_block(frame: Frame, layout: NodeLayout) -> Block:
    """A block, or the call of a flow, begins."""
    state, path = frame.state, frame.prefix + layout.name
    block = Block(path, frame, layout, layout.timeout)
    frame.status[layout.local] = RUNNING
    if frame.open is None:
        frame.open = {}
    frame.open[layout.local] = block
    state.events.append(NodeStarted(path))
    return block


def start_timer(block: Block) -> None:
    """A block with a deadline began; it bounds all of its attempts, and not the time before the block has its place."""
    if block.timeout is not None and block.attempt == 1:
        _start_timer(block, block.timeout)


def _start_timer(block: Block, timeout: timedelta) -> None:
    state, gate = block.home.state, block.gate or block.home.gate
    while gate.limit != 0 and gate.outer is not None:
        gate = gate.outer
    if gate.limit == 0:
        gate.timed.append((block, timeout))
    elif block.path not in state.timers:
        state.timers[block.path] = block
        state.commands.append(StartTimer(block.path, timeout, block.home.within))


def open_gate(gate: Gate, state: State) -> None:
    """What began early behind a shut gate has its place: its calls may start, and its time begins."""
    gate.limit = None
    timed, gate.timed = gate.timed, []
    for block, timeout in timed:
        if block.home.open is not None and block.home.open.get(block.layout.local) is block:
            _start_timer(block, timeout)
    if gate.waiting:
        state.freed.append(gate)


def open_body(block: Block, flow: FlowLayout, slots: tuple[Value, ...]) -> None:
    """The body of a flow that a node calls."""
    home, layout, gate = block.home, block.layout, block.gate or block.home.gate
    frame = Frame(
        home.state,
        flow,
        flow.scopes[0],
        block,
        None,
        0,
        prefix_of(block, None),
        (*home.key, layout.id, block.attempt, 0),
        slots,
        gate if flow.concurrency is None else Gate(flow.concurrency, gate),
        home.within if block.timeout is None else block.path,
        _inside(block) if flow.priority is None else flow.priority,
        flow.strategy,
        Values(None),
        home.locals,
        flow.scopes[0].waits.copy(),
        flow.scopes[0].status.copy(),
        len(flow.scopes[0].members),
        budgets=_budgets(block, flow.budget),
    )
    block.live[0] = frame
    begin_frame(frame)


def open_inside(
    block: Block, slots: tuple[Value, ...], index: int | None, strategy: Strategy, *, is_shut: bool = False
) -> None:
    """An instance of the scope of a block step; an index names it when there are several.

    Args:
        is_shut: it begins early, and its calls wait until it has its place.
    """
    home, layout, gate = block.home, block.layout, block.gate or block.home.gate
    body, number = body_of(layout), index or 0
    frame = Frame(
        home.state,
        home.flow,
        body,
        block,
        home,
        number,
        prefix_of(block, index),
        (*home.key, layout.id, block.attempt, number),
        slots,
        Gate(0, gate) if is_shut else _gate(layout, gate),
        home.within if block.timeout is None else block.path,
        _inside(block),
        strategy,
        Values(home.nodes),
        home.locals,
        body.waits.copy(),
        body.status.copy(),
        len(body.members),
        budgets=_budgets(block, None),
    )
    if layout.concurrency is not None and isinstance(layout.node.work, Parallel | Race):
        frame.members = Gate(layout.concurrency, gate)
    block.live[number] = frame
    begin_frame(frame)


def _budgets(block: Block, inside: Budget | None) -> Budgets:
    """Those around what stands in a block: its own covers all of its attempts, together with that of a called flow."""
    own = block.layout.budget
    if own is None and inside is None:
        return block.home.budgets
    both = inside if own is None else own if inside is None else smaller(own, inside)
    return block.home.budgets if both is None else ((block.path, both), *block.home.budgets)


def smaller(one: Budget, other: Budget) -> Budget:
    """What keeps within both."""
    return Budget(
        min((each.money for each in (one, other) if each.money is not None), default=None),
        min((each.tokens for each in (one, other) if each.tokens is not None), default=None),
        min((each.calls for each in (one, other) if each.calls is not None), default=None),
    )


def prefix_of(block: Block, index: int | None) -> str:
    """What the paths in an instance of a block's scope start with."""
    path = block.path if block.attempt == 1 else f"{block.path}~{block.attempt}"
    return f"{path}/" if index is None else f"{path}[{index}]/"


def _gate(layout: NodeLayout, outer: Gate) -> Gate:
    """`@concurrency` bounds the iterations of a `for`, the members of a `parallel` or `race`, and else the calls.

    Not the members of a `do`: one of them may open early and wait for another, which would wait for its place.
    """
    if layout.concurrency is None or not isinstance(layout.node.work, Do | Repeat):
        return outer
    return Gate(layout.concurrency, outer)


def _inside(block: Block) -> int:
    """The priority of what stands in a block and has none."""
    return block.home.priority if block.layout.priority is None else block.layout.priority


def begin_frame(frame: Frame) -> None:
    """Put on the worklist what needs nothing, and watch what is still missing outside."""
    layout, waits = frame.layout, frame.waits
    for local, node in layout.outer:
        home, status = status_of(frame, node)
        if status is PENDING or status is RUNNING:
            waits[local] += 1
            if home.watchers is None:
                home.watchers = {}
            home.watchers.setdefault(node, []).append((frame, local))
    work = frame.state.work
    work.extend([(frame, local) for local in layout.first if not waits[local]])
    if not frame.left:
        work.append((frame, FRAME_ITSELF))


# --- how a frame ended --------------------------------------------------------------------------------------------


def problem_of(frame: Frame) -> Problem | None:
    """What was wrong with a frame whose nodes have settled (rule C1)."""
    if frame.failure is not None:
        return in_doubt(frame.failures or ()) or frame.failure
    blocked = None if frame.blocked is None else Blocked(frame.blocked)
    if frame.stopping is not None:
        return in_doubt(frame.failures or ()) or blocked or Stopped(frame.stopping)
    if frame.failures is None and blocked is None:
        return None
    failures = frame.failures or []
    if frame.strategy == "partial" and not frame.has_left and (frame.has_result or not frame.layout.has_result):
        return in_doubt(failures)
    return summary(failures, frame.prefix[:-1]) if failures else blocked


def summary(failures: list[Failure], path: str) -> Failure:
    """Several failures as one; a single one speaks for itself."""
    if len(failures) == 1:
        return failures[0]
    message = f"{len(failures)} members failed; the first: {failures[0].message}"
    doubt = in_doubt(failures) is not None
    return Failure("flow.members", "agent", message, path, (), tuple(failures), doubt)


def in_doubt(failures: Iterable[Failure]) -> Failure | None:
    """The first failure that nothing may absorb (rule C3)."""
    return next((failure for failure in failures if failure.in_doubt), None)


def settled_well(frame: Frame) -> int:
    """How many nodes of a frame are done."""
    return frame.status.count(Status.DONE)
