"""Who may start when not all may: bounds of the run, of a flow and of a block, passed from the inside out.

A node that passed an inner gate keeps its place there while it waits at the next one. Among those that wait, the
longest remaining path goes first, then the higher priority, then the order of paths.
"""

from collections.abc import Sequence

from leadflow.events.model import Status
from leadflow.run.kernel_layout import NodeLayout
from leadflow.run.kernel_state import Candidate, Frame, Gate, Ready, State

_UNSETTLED = (Status.PENDING, Status.RUNNING)


def queue(frame: Frame, layout: NodeLayout) -> None:
    """A call, or a member of a block with `@concurrency`, may start as soon as there is room."""
    frame.state.ready.append((frame, layout))


def admitted(state: State) -> Sequence[Candidate]:
    """Some of those that may start now, in their order; asked again until nobody is ready and no place is free."""
    ready = state.ready
    if not ready:
        return _first_in_line(state)
    state.ready = []
    if not _fit(ready):
        return _in_order(ready, state)
    if len(ready) > 1:
        ready.sort(key=_place)
    ready[0][0].gate.used += len(ready)
    return ready


def _fit(ready: Sequence[Candidate]) -> bool:
    """The common case: all of one frame, with one gate before them, and room for all."""
    frame = ready[0][0]
    gate = frame.gate
    if frame.members is not None or frame.priority or gate.outer is not None or gate.waiting:
        return False
    if gate.limit is not None and gate.used + len(ready) > gate.limit:
        return False
    return len(ready) == 1 or all([other is frame for other, _ in ready])


def _place(candidate: Candidate) -> tuple[int, int]:
    return candidate[1].place


def _item(candidate: Candidate) -> Ready:
    frame, layout = candidate
    priority = frame.priority if layout.priority is None else layout.priority
    return layout.order - priority, (*frame.key, layout.id), frame, layout


def _in_order(ready: list[Candidate], state: State) -> list[Candidate]:
    """Those of them that pass all of their gates; the others wait."""
    passed: list[Candidate] = []
    late: list[Ready] = []
    for item in sorted(map(_item, ready)):
        frame = item[2]
        gate = frame.members or frame.gate
        if gate is state.gate and gate.limit is not None and gate.used >= gate.limit:
            late.append(item)
        elif _pass(item, gate, state):
            passed.append(item[2:])
    if late:
        state.gate.waiting.join_all(late)
    return passed


def _first_in_line(state: State) -> Sequence[Candidate]:
    """The first of those that wait at a gate with room."""
    gate = state.freed[-1]
    line = gate.waiting
    if not (line.late or line.crowd) or (gate.limit is not None and gate.used >= gate.limit):
        state.freed.pop()
        return ()
    item = line.leave()
    if item[2].status[item[3].local] not in _UNSETTLED:
        give_back(item[2], item[3], gate)
        return ()
    gate.used += 1
    if gate.used == gate.limit:  # nobody else gets through: it need not be looked at again
        state.freed.pop()
    outer = _next(item[3], gate)
    return (item[2:],) if outer is None or _pass(item, outer, state) else ()


def _pass(item: Ready, gate: Gate, state: State) -> bool:
    """Go through all gates from this one on; where there is no room, or a line, wait."""
    at: Gate | None = gate
    while at is not None:
        if at.limit is not None and (at.used >= at.limit or at.waiting):
            at.waiting.join(item)
            _freed(at, state)
            return False
        at.used += 1
        at = _next(item[3], at)
    return True


def _freed(gate: Gate, state: State) -> None:
    """Whoever waits at a gate with room gets a turn."""
    if gate.limit is not None and gate.used < gate.limit and gate.waiting:
        state.freed.append(gate)


def _next(layout: NodeLayout, gate: Gate) -> Gate | None:
    """The next gate of a node: only calls pass those of flows and of the run."""
    return gate.outer if layout.is_call else None


def release(gate: Gate, state: State) -> None:
    """Give one place back."""
    gate.used -= 1
    _freed(gate, state)


def release_all(frame: Frame, state: State) -> None:
    """A call has ended: give its place back at every gate."""
    gate: Gate | None = frame.members or frame.gate
    while gate is not None:
        gate.used -= 1
        if gate.waiting.late or gate.waiting.crowd:
            state.freed.append(gate)
        gate = gate.outer


def hold_all(frame: Frame) -> None:
    """A call begins without its turn: it has a place at every gate, whether there is room or not."""
    gate: Gate | None = frame.members or frame.gate
    while gate is not None:
        gate.used += 1
        gate = gate.outer


def give_back(frame: Frame, layout: NodeLayout, reached: Gate | None) -> None:
    """A node was stopped before it started: it gives back the places it held before that gate; None: all."""
    gate: Gate | None = frame.members or frame.gate
    while gate is not None and gate is not reached:
        release(gate, frame.state)
        gate = _next(layout, gate)
