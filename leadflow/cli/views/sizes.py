"""How many iterations a `for` has, worked out from what is known of its run: no event says it beforehand.

A flow's body as an expression reads it, out of the folded state. Only for people: what cannot be told is None.
"""

from collections.abc import Mapping

from leadflow.events.fold import NodeState, RunState
from leadflow.events.model import Status
from leadflow.plan.expr import Guard
from leadflow.plan.plan import Branch, FlowPlan, For, Node, Repeat
from leadflow.plan.types import Value
from leadflow.run.context import RunValues
from leadflow.run.errors import InternalError, ValueProblem
from leadflow.run.evaluate import compile_expr


def size_of(node: Node, flow: FlowPlan, state: RunState) -> int | None:
    """The most iterations or rounds that a block of a flow's body has; None for other blocks, and when nobody knows."""
    match node.work:
        case For(items=expr) | Repeat(limit=expr):
            try:
                value = compile_expr(expr)(_Body(flow, state))
            except (ValueProblem, InternalError):
                return None
            return len(value) if isinstance(value, tuple) else value if isinstance(value, int) else None
        case _:
            return None


class _Body:
    """The `Env` of a flow's body."""

    def __init__(self, flow: FlowPlan, state: RunState) -> None:
        self.locals: list[Value] = []
        self.fuel = 0
        self._flow = flow
        self._state = state
        self.nodes: Mapping[int, Value] = {node.id: self._of(node).value for node in flow.nodes if node.scope == 0}

    @property
    def run(self) -> RunValues:
        """Nobody knows when it started."""
        raise InternalError("constants of the run are not at hand")

    def bound(self, scope: int, slot: int) -> Value:
        """A parameter."""
        if scope != 0:
            raise InternalError(f"scope {scope} is not the body of a flow")
        return self._state.inputs[self._flow.params[slot].name]

    def let(self, let: int) -> Value:
        """The value of a `let`."""
        kept, self.locals = self.locals, []
        fuel = self.fuel
        try:
            return compile_expr(self._flow.lets[let].value)(self)
        finally:
            self.locals, self.fuel = kept, fuel

    def holds(self, guard: Guard) -> bool:
        """Whether a branch is decided, and took one of the arms."""
        node = self._flow.nodes[guard.node]
        state = self._of(node)
        if state.status is not Status.DONE:
            return False
        taken = node.work.labels if isinstance(node.work, Branch) else ()
        return guard.arms is None or any(taken[arm] == state.reason for arm in guard.arms if arm < len(taken))

    def _of(self, node: Node) -> NodeState:
        return self._state.nodes.get(f"{self._flow.name}/{node.name}", NodeState())
