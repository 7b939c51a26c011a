"""What a run needs to know of money before it starts, when budgets are in it: prices, and which of them are missing."""

from collections.abc import Iterator

from leadflow.bound.asks import Known, is_asked, no_price, price_of
from leadflow.bound.prices import Found
from leadflow.plan.kinds import find_kind
from leadflow.plan.looping import loop_of
from leadflow.plan.plan import AgentCall, FlowCall, Node, Place, Plan
from leadflow.plan.policy import (
    Applied,
    Budget,
    policy_of,
)
from leadflow.plan.undoing import undo_node
from leadflow.run.support import agents_of, agents_of_tool, reached, tools_of, with_undo


def has_budgets(plan: Plan, flow: str) -> bool:
    """Whether a run of the flow may meet a budget."""
    flows = [plan.flows[name] for name in reached(plan, flow)]
    written = [one.policies for one in flows]
    written += [each.policies for one in flows for node in one.nodes for each in with_undo(node)]
    tools = [tool for one in flows for node in one.nodes for each in with_undo(node) for tool in tools_of(plan, each)]
    written += [tool.policies for tool in tools]
    has_money = any(loop_of(spec).money is not None for spec in plan.agents.values()) if plan.tools else False
    return has_money or any(policy_of(policies, Budget) is not None for policies in written if policies)


def prices_of(plan: Plan, known: Known) -> dict[str, Found]:
    """What the models of the agents charge, so far as that is known."""
    found = {name: price_of(known, spec) for name, spec in plan.agents.items()}
    return {name: one for name, one in found.items() if one is not None}


def unpriced(plan: Plan, flow: str, known: Known) -> tuple[tuple[Place, str], ...]:
    """Models without a known price that a flow asks under a budget in money (case $9)."""
    found: dict[tuple[Place, str], None] = {}
    for name, call in _under_money(plan, flow, set(), is_under=False):
        spec = plan.agents[name]
        if is_asked(find_kind(known.catalogue, spec.kind), call) and isinstance(spec.settings.get("model"), str):
            price = price_of(known, spec)
            if price is None or (price.price.output is None and call.action != "embed"):
                cause = no_price(plan, spec)
                found[cause.place, f"{cause.what}, and a budget in money counts on it: {cause.mend}"] = None
    return tuple(found)


def _under_money(
    plan: Plan, name: str, seen: set[tuple[str, bool]], *, is_under: bool
) -> Iterator[tuple[str, AgentCall]]:
    """The calls that a budget in money is around, and each agent that may answer them."""
    flow = plan.flows[name]
    is_under = is_under or _has_money(flow.policies)
    if (name, is_under) in seen:
        return
    seen.add((name, is_under))
    inside: list[bool] = []
    for scope in flow.scopes:
        around = is_under if scope.parent is None else inside[scope.parent]
        inside.append(around or (scope.owner is not None and _has_money(flow.nodes[scope.owner].policies)))
    for node in flow.nodes:
        for each, around in ((node, inside[node.scope]), (undo_node(node), False)):
            if each is None:
                continue
            is_here = around or _has_money(each.policies) or _limits_loop(plan, each)
            for tool in tools_of(plan, each):
                if isinstance(tool.work, FlowCall):
                    yield from _under_money(plan, tool.work.flow, seen, is_under=is_here)
                elif is_here or _has_money(tool.policies):
                    yield from ((agent, tool.work) for agent in agents_of_tool(tool))
            if isinstance(each.work, FlowCall):
                yield from _under_money(plan, each.work.flow, seen, is_under=is_here)
            elif is_here and isinstance(call := each.work, AgentCall):
                yield from ((agent, call) for agent in agents_of(each, call))


def _limits_loop(plan: Plan, node: Node) -> bool:
    """Whether a model with tools may take so much money and no more."""
    call = node.work
    names = [call.role, *agents_of(node, call)] if isinstance(call, AgentCall) and plan.tools else []
    return any(name is not None and loop_of(plan.agents[name]).money is not None for name in names)


def _has_money(policies: tuple[Applied, ...]) -> bool:
    budget = policy_of(policies, Budget)
    return budget is not None and budget.money is not None
