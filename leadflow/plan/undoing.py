"""The undo of a step, the probe that looks whether it was done, and the call that tells of a failed flow, each as a
flow of its own: one call, and its arguments as parameters.

So whatever runs, prices or describes flows does the same for them, and nothing knows more of them than this. Pure.
"""

from dataclasses import replace

from leadflow.plan.expr import Bound, Expr
from leadflow.plan.plan import AgentCall, FlowCall, FlowPlan, Node, Scope
from leadflow.plan.policy import Applied
from leadflow.plan.types import JSON, Effect, FieldType

SUFFIX = "~undo"
"""What the path of an undo has behind that of its step."""
PROBE = "~probe"
"""The same, of a probe."""


def is_undoing(path: str) -> bool:
    """Whether what runs under a path takes something back: it is an undo, or a part of one."""
    return SUFFIX in path


def args_of(work: AgentCall | FlowCall) -> tuple[tuple[str, Expr], ...]:
    """The arguments of a call by name, those of a flow by position. An undo's are fixed when its step is done."""
    if isinstance(work, AgentCall):
        return work.args
    return tuple((str(position), arg) for position, arg in enumerate(work.args))


def undo_flow(node: Node, work: AgentCall | FlowCall) -> FlowPlan:
    """The flow that takes a step back by that work; its only node has the step's name and `~undo`."""
    return _flow_of(node, work, SUFFIX, () if node.undo is None else node.undo.policies)


def undo_node(node: Node) -> Node | None:
    """The node of a step's undo; None when nothing takes the step back."""
    return None if node.undo is None or node.undo.work is None else undo_flow(node, node.undo.work).nodes[0]


def probe_flow(node: Node) -> FlowPlan | None:
    """The flow that looks whether a step was done; its only node has the step's name and `~probe`."""
    return None if node.probe is None else _flow_of(node, node.probe.work, PROBE, node.probe.policies)


def probe_node(node: Node) -> Node | None:
    """The node of a step's probe; None when it has none."""
    flow = probe_flow(node)
    return None if flow is None else flow.nodes[0]


def told_flow(node: Node, work: AgentCall | FlowCall) -> FlowPlan:
    """The flow that tells somebody that another one failed; its only node is that of `@on_failure(escalate:)`."""
    return _flow_of(node, work, "", node.policies)


def _flow_of(node: Node, work: AgentCall | FlowCall, suffix: str, policies: tuple[Applied, ...]) -> FlowPlan:
    names = tuple(name for name, _ in args_of(work))
    bound = tuple(Bound(0, slot) for slot in range(len(names)))
    call: AgentCall | FlowCall
    effect: Effect
    if isinstance(work, AgentCall):
        call, effect = replace(work, args=tuple(zip(names, bound, strict=True))), work.effect
    else:
        call, effect = replace(work, args=bound), "read" if suffix == PROBE else node.effect
    only = Node(
        id=0, name=f"{node.name}{suffix}", scope=0, work=call, needs=(), guard=None, policies=policies, catch=None,
        undo=None, effect=effect, type=JSON, place=node.place, level=0, rank=0,
    )  # fmt: skip
    return FlowPlan(
        name=only.name, params=tuple(FieldType(name, JSON) for name in names), result=JSON, nodes=(only,),
        scopes=(Scope(0, None, None, names, (0,), ()),), lets=(), policies=(), effect=effect, place=node.place,
    )  # fmt: skip
