"""What this version checks but does not run: told before a run starts, never ignored.

Pure: knows a plan, and of each thing in it whether there is an adapter or a policy for it.
"""

from collections.abc import Callable, Iterator

from leadflow.plan.annotations import ROWS
from leadflow.plan.kinds import BUILT_IN, LATER, find_kind
from leadflow.plan.plan import AgentCall, AgentSpec, FlowCall, FlowPlan, Node, Place, Plan
from leadflow.plan.policy import Applied, Cache, Hedge
from leadflow.plan.reactions import stand_ins
from leadflow.plan.undoing import probe_node, undo_node


def refusals(
    plan: Plan, flow: str, played: Callable[[AgentSpec], bool] = lambda spec: False
) -> tuple[tuple[Place, str], ...]:
    """Each thing that a run of the flow would need and this version does not run, with its place; in plan order.

    Args:
        played: whether others stand in for an agent, so that its kind does not matter.
    """
    found: dict[tuple[Place, str], None] = {}
    for name in reached(plan, flow):
        found.update(dict.fromkeys(_of_flow(plan, plan.flows[name], played)))
    return tuple(found)


def reached(plan: Plan, flow: str) -> tuple[str, ...]:
    """The flow and all flows that it may call, in the order in which they are first called."""
    names = [flow]
    for name in names:  # grows while it is read
        for node in plan.flows[name].nodes:
            for each in with_others(node):
                if isinstance(each.work, FlowCall) and each.work.flow not in names:
                    names.append(each.work.flow)
    return tuple(names)


def with_undo(node: Node) -> tuple[Node, ...]:
    """A node, and that of its undo."""
    undo = undo_node(node)
    return (node,) if undo is None else (node, undo)


def with_others(node: Node) -> tuple[Node, ...]:
    """A node, that of its undo, and that of its probe."""
    probe = probe_node(node)
    return with_undo(node) if probe is None else (*with_undo(node), probe)


def agents_of(node: Node, call: AgentCall) -> tuple[str, ...]:
    """The agents that may answer a call of a node, each once: its own, its fallbacks in order, those of `@on_error`."""
    return (call.agent, *(name for name in stand_ins(node.policies) if name != call.agent))


def _of_flow(plan: Plan, flow: FlowPlan, played: Callable[[AgentSpec], bool]) -> Iterator[tuple[Place, str]]:
    yield from ((flow.place, _not_yet(policy)) for policy in _later(flow.policies))
    for node in (each for step in flow.nodes for each in with_others(step)):
        yield from ((node.place, _not_yet(policy)) for policy in _later(node.policies))
        if not isinstance(node.work, AgentCall):
            yield from ((node.place, what) for what in _of_group(node))
        if isinstance(node.work, AgentCall):
            for name in agents_of(node, node.work):
                yield from _of_agent(plan, plan.agents[name], is_played=played(plan.agents[name]))


def _of_group(node: Node) -> Iterator[str]:
    """A block, or a call of a flow."""
    for applied in node.policies:
        if isinstance(applied.policy, Cache | Hedge):
            what = f"@{applied.name} on a block or on the call of a flow is checked but not yet run by this version"
            yield f"step '{node.name}': {what}; put it on the calls inside"


def _of_agent(plan: Plan, spec: AgentSpec, *, is_played: bool) -> Iterator[tuple[Place, str]]:
    name, place = spec.name, spec.place or Place(plan.file, 1, 1)
    known = find_kind({**LATER, **BUILT_IN}, spec.kind)
    if known is not None and not known.runs and not is_played:
        yield place, f"agent '{name}': agents of the kind '{spec.kind}' are checked but not yet run by this version"
    yield from ((place, f"agent '{name}': {_not_yet(policy)}") for policy in _later(spec.policies))


def _later(policies: tuple[Applied, ...]) -> Iterator[Applied]:
    return (applied for applied in policies if not ROWS[applied.name].runs)


def _not_yet(applied: Applied) -> str:
    return f"@{applied.name} is checked but not yet run by this version; take it off to run without it"
