"""The undo of a step as a flow of its own: one call, and its arguments as parameters.

So whatever runs, prices or describes flows does the same for undos, and nothing knows more of them than this. Pure.
"""

from dataclasses import replace

from leadflow.plan.expr import Bound, Expr
from leadflow.plan.plan import AgentCall, FlowCall, FlowPlan, Node, Scope
from leadflow.plan.types import JSON, FieldType

SUFFIX = "~undo"
"""What the path of an undo has behind that of its step."""


def undo_args(work: AgentCall | FlowCall) -> tuple[tuple[str, Expr], ...]:
    """The arguments of an undo by name, those of a flow by position: what is fixed when its step is done."""
    if isinstance(work, AgentCall):
        return work.args
    return tuple((str(position), arg) for position, arg in enumerate(work.args))


def undo_flow(node: Node, work: AgentCall | FlowCall) -> FlowPlan:
    """The flow that takes a step back by that work; its only node has the step's name and `~undo`."""
    names = tuple(name for name, _ in undo_args(work))
    bound = tuple(Bound(0, slot) for slot in range(len(names)))
    call: AgentCall | FlowCall
    if isinstance(work, AgentCall):
        call, effect = replace(work, args=tuple(zip(names, bound, strict=True))), work.effect
    else:
        call, effect = replace(work, args=bound), node.effect
    only = Node(
        id=0, name=f"{node.name}{SUFFIX}", scope=0, work=call, needs=(), guard=None,
        policies=() if node.undo is None else node.undo.policies, catch=None, undo=None, effect=effect, type=JSON,
        place=node.place, level=0, rank=0,
    )  # fmt: skip
    return FlowPlan(
        name=only.name, params=tuple(FieldType(name, JSON) for name in names), result=JSON, nodes=(only,),
        scopes=(Scope(0, None, None, names, (0,), ()),), lets=(), policies=(), effect=effect, place=node.place,
    )  # fmt: skip


def undo_node(node: Node) -> Node | None:
    """The node of a step's undo; None when nothing takes the step back."""
    return None if node.undo is None or node.undo.work is None else undo_flow(node, node.undo.work).nodes[0]
