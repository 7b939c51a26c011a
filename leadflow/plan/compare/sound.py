"""Whether a plan that comes from a file holds together: every number names something that is there.

The reader of plans sees to it that each part has its form (`plan.codec`). This sees to it that whoever walks the plan
gets from part to part and to an end. It says nothing of whether the plan can run.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from leadflow.plan.codec import content_hash
from leadflow.plan.expr import Bound, Guard, LetValue, NodeValue
from leadflow.plan.plan import AgentCall, Branch, FlowCall, FlowPlan, For, Merge, Node, Plan, Repeat, Work
from leadflow.plan.text import body_of


def unsound(plan: Plan) -> str | None:
    """What is wrong with a plan, in one line; None when nothing is."""
    if plan.hash != content_hash(plan):
        return "this plan was changed after it was written; write it anew with `leadflow plan --format plan`"
    for name, flow in plan.flows.items():
        if flow.name != name or not all(_holds(plan, flow)):
            return f"this is no plan: flow '{name}' does not hold together"
    if _goes_round(plan):
        return "this is no plan: its flows call each other in a circle"
    if any(agent.name != name for name, agent in plan.agents.items()):
        return "this is no plan: an agent has two names"
    return None


def _goes_round(plan: Plan) -> bool:
    """Whether a flow is called by one that it calls, through others too."""
    left = {
        name: {node.work.flow for node in flow.nodes if isinstance(node.work, FlowCall)}
        for name, flow in plan.flows.items()
    }
    while ends := [name for name, called in left.items() if left.keys().isdisjoint(called)]:
        for name in ends:
            del left[name]
    return bool(left)


def _holds(plan: Plan, flow: FlowPlan) -> Iterator[bool]:
    """Every part of a flow, and whether it can be followed."""
    nodes, scopes, lets = (range(len(part)) for part in (flow.nodes, flow.scopes, flow.lets))
    yield 0 in scopes and flow.scopes[0].parent is None and flow.scopes[0].owner is None
    for number, scope in enumerate(flow.scopes):
        yield scope.id == number
        yield number == 0 or (scope.parent in range(number) and scope.owner in nodes)
        yield all(node in nodes for node in scope.nodes) and all(let in lets for let in scope.lets)
    told = flow.escalation
    yield told is None or (told in flow.scopes[0].nodes and isinstance(flow.nodes[told].work, AgentCall | FlowCall))
    yield all(need.node != told for node in flow.nodes for need in node.needs)
    homes = [frozenset(scope.nodes) for scope in flow.scopes]
    for number, node in enumerate(flow.nodes):
        yield node.id == number and node.scope in scopes and number in homes[node.scope]
        yield all(need.node in range(number) and _is_above(flow, need.node, node) for need in node.needs)
        yield _refers(flow, node.guard, number) and _refers(flow, (node.catch, node.undo, node.probe), len(nodes))
        body = body_of(node)
        yield _refers(flow, node.work, number if body is None else len(nodes))
        yield body is None or (body in scopes and flow.scopes[body].owner == number and node.scope < body)
        yield not isinstance(node.work, For | Repeat) or (body is not None and len(flow.scopes[body].slots) == 2)
        yield not isinstance(node.work, Branch) or len(node.work.arms) == len(node.work.labels)
        yield _is_there(plan, node.work) and (node.undo is None or _is_there(plan, node.undo.work))
        yield node.probe is None or _is_there(plan, node.probe.work)
        yield all(agent in plan.agents for each in node.policies for agent in getattr(each.policy, "agents", ()))
    for number, let in enumerate(flow.lets):
        yield let.scope in scopes and _refers(flow, (let.value, let.guard), len(nodes), number)


def _is_above(flow: FlowPlan, needed: int, node: Node) -> bool:
    """Whether a node that is needed stands in the same scope or around it, above what holds the one that needs it."""
    while node.scope != flow.nodes[needed].scope:
        owner = flow.scopes[node.scope].owner if node.scope in range(len(flow.scopes)) else None
        if owner is None or owner not in range(node.id):
            return False
        node = flow.nodes[owner]
    return needed < node.id


def _is_there(plan: Plan, work: Work | None) -> bool:
    """Whether what is called can be, with as many arguments as a flow takes."""
    match work:
        case AgentCall(agent):
            return agent in plan.agents
        case FlowCall(flow, args):
            return flow in plan.flows and len(args) == len(plan.flows[flow].params)
        case _:
            return True


def _refers(flow: FlowPlan, part: Any, node: int, let: int | None = None) -> bool:
    """Whether what a part refers to is there: guards of nodes before `node`, lets before `let`, so that no way leads
    round in a circle."""
    match part:
        case NodeValue(number):
            return number in range(node)
        case LetValue(number):
            return number in range(len(flow.lets) if let is None else let)
        case Bound(scope, slot):
            return scope in range(len(flow.scopes)) and slot in range(len(flow.scopes[scope].slots))
        case Guard(number, arms):
            work = flow.nodes[number].work if number in range(node) else None
            count = len(work.arms) if isinstance(work, Branch) else 0
            return isinstance(work, Branch | Merge) and all(arm in range(count) for arm in arms or ())
    if isinstance(part, tuple):
        return all(_refers(flow, item, node, let) for item in part)
    if is_dataclass(part) and not isinstance(part, type):
        return all(_refers(flow, getattr(part, field.name), node, let) for field in fields(part))
    return True
