"""What this version checks but does not run: told before a run starts, never ignored.

Pure: knows a plan, and of each kind of agent whether it is run.
"""

from collections.abc import Callable, Iterator

from leadflow.plan.plan import AgentCall, AgentSpec, FlowCall, FlowPlan, Node, Place, Plan, ToolPlan
from leadflow.plan.reactions import stand_ins
from leadflow.plan.undoing import probe_node, undo_node
from leadflow.plan.unrun import unrun_kind, unrun_tool


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
                names.extend(flow for flow in dict.fromkeys(_flows_of(plan, each)) if flow not in names)
    return tuple(names)


def _flows_of(plan: Plan, node: Node) -> Iterator[str]:
    """The flows that a node may call, as tools too."""
    if isinstance(node.work, FlowCall):
        yield node.work.flow
    yield from (tool.work.flow for tool in tools_of(plan, node) if isinstance(tool.work, FlowCall))


def tools_of(plan: Plan, node: Node) -> tuple[ToolPlan, ...]:
    """The tools that the models which answer a call of a node are granted, and those that tools use in turn."""
    if not plan.tools or not isinstance(node.work, AgentCall) or node.work.action == "embed":
        return ()
    known = {tool.key: tool for tool in plan.tools}
    found: dict[str, ToolPlan] = {}
    waiting = [*agents_of(node, node.work), *([node.work.role] if node.work.role is not None else [])]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        keys = plan.agents[name].settings.get("tools") if name not in seen else None
        seen.add(name)
        for key in keys if isinstance(keys, tuple) else ():
            tool = known[key] if isinstance(key, str) else None
            if tool is not None and tool.key not in found:
                found[tool.key] = tool
                waiting += agents_of_tool(tool)
    return tuple(found.values())


def agents_of_tool(tool: ToolPlan) -> tuple[str, ...]:
    """The agents that may answer a tool's call, each once."""
    if not isinstance(tool.work, AgentCall):
        return ()
    return tuple(dict.fromkeys((tool.work.agent, *stand_ins(tool.policies))))


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
    for node in (each for step in flow.nodes for each in with_others(step)):
        if isinstance(node.work, AgentCall):
            for name in agents_of(node, node.work):
                yield from _of_agent(plan, plan.agents[name], is_played=played(plan.agents[name]))
            for tool in tools_of(plan, node):
                if (why := unrun_tool(tool.key, {plan.agents[name].kind for name in _asked(plan, tool)})) is not None:
                    yield tool.place or node.place, why
                for name in agents_of_tool(tool):
                    yield from _of_agent(plan, plan.agents[name], is_played=played(plan.agents[name]))


def _asked(plan: Plan, tool: ToolPlan) -> Iterator[str]:
    """The agents that a tool may ask. A run waits for people at its steps only."""
    yield from agents_of_tool(tool)
    if isinstance(tool.work, FlowCall):
        for name in reached(plan, tool.work.flow):
            for node in (each for step in plan.flows[name].nodes for each in with_others(step)):
                if isinstance(node.work, AgentCall):
                    yield from agents_of(node, node.work)


def _of_agent(plan: Plan, spec: AgentSpec, *, is_played: bool) -> Iterator[tuple[Place, str]]:
    if not is_played and (why := unrun_kind(spec.kind)) is not None:
        yield spec.place or Place(plan.file, 1, 1), f"agent '{spec.name}': {why}"
