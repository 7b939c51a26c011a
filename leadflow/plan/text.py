"""`leadflow plan`: what will happen in which order, as text in 100 columns and as data for machines.

Levels say what may run together; each node says what it waits for and why, under which condition it stands, and which
policies are in force with the origin of each. Pure: a plan in, text out.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

from leadflow.plan.looping import loop_of
from leadflow.plan.plan import (
    AgentCall,
    Branch,
    Do,
    Fail,
    FlowCall,
    FlowPlan,
    For,
    Merge,
    Node,
    Parallel,
    Plan,
    Race,
    Repeat,
    Return,
    Yield,
)
from leadflow.plan.policy import DEFAULT_CONCURRENCY, Applied, Concurrency
from leadflow.plan.types import NONE, show
from leadflow.plan.words import call_words, guard_words, is_join, policy_words, why_words, work_words

WIDTH = 100

_DEFAULT = Applied("concurrency", Concurrency(DEFAULT_CONCURRENCY), "default", "")


def in_force(node: Node) -> tuple[Applied, ...]:
    """The policies of a node, with the default that a `for` always has (rule B2)."""
    has_own = any(isinstance(applied.policy, Concurrency) for applied in node.policies)
    return node.policies if has_own or not isinstance(node.work, For) else (*node.policies, _DEFAULT)


def waits(flow: FlowPlan, node: Node) -> dict[str, list[str]]:
    """What a node waits for, by reason; its condition is told by its guard."""
    found: dict[str, list[str]] = {}
    for need in node.needs:
        is_told = need.why == "control" and (node.guard is not None or isinstance(node.work, Merge))
        if not is_told:
            found.setdefault(why_words(flow, node, need), []).append(flow.nodes[need.node].name)
    return found


def body_of(node: Node) -> int | None:
    """The scope of a block's body; None for what is no block."""
    match node.work:
        case For(scope=scope) | Repeat(scope=scope) | Parallel(scope=scope) | Race(scope=scope) | Do(scope=scope):
            return scope
        case _:
            return None


# --- text ---------------------------------------------------------------------------------------------------------


def plan_text(plan: Plan, *, flow: str | None = None, heads: Mapping[str, Sequence[str]] | None = None) -> str:
    """The plan of all flows, or of one. `heads`: lines that stand above the nodes of a flow, by flow."""
    flows = [found for name, found in plan.flows.items() if flow in (None, name)]
    head = f"{plan.file}{f' with profile {plan.profile}' if plan.profile else ''}   plan {plan.hash[:12]}".rstrip()
    return (
        "\n\n".join([head, *("\n".join(_flow(plan, found, (heads or {}).get(found.name, ()))) for found in flows)])
        + "\n"
    )


def _flow(plan: Plan, flow: FlowPlan, head: Sequence[str]) -> Iterator[str]:
    params = ", ".join(f"{param.name}: {show(param.type)}" for param in flow.params)
    result = "" if flow.result == NONE else f" -> {show(flow.result)}"
    yield from _wrapped(f"flow {flow.name}({params}){result}", "", "    ")
    calls = sum(isinstance(node.work, AgentCall | FlowCall) for node in flow.nodes)
    longest = max((node.rank for node in flow.nodes), default=0)
    yield f"  {_count(calls, 'call')}, at least {longest} in a row; effect: {flow.effect}"
    yield from head
    yield from _policies(flow.policies, "  ")
    yield from _scope(plan, flow, 0, "  ")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _scope(plan: Plan, flow: FlowPlan, scope: int, indent: str) -> Iterator[str]:
    """The nodes of a scope by level; blocks hold theirs, further in."""
    nodes = sorted((flow.nodes[node] for node in flow.scopes[scope].nodes), key=lambda node: (node.level, node.id))
    width = min(24, max((len(node.name) for node in nodes), default=0)) + 2
    told = [node for node in nodes if node.id == flow.escalation]
    for level, group in groupby((node for node in nodes if node.id != flow.escalation), key=lambda node: node.level):
        together = list(group)
        yield _cut(f"{indent}level {level + 1}{_together(together)}", WIDTH, flat=False)
        for node in together:
            yield from _node(plan, flow, node, indent=indent + "  ", width=width)
    for node in told:
        yield f"{indent}once it has failed"
        yield from _node(plan, flow, node, indent=indent + "  ", width=width)


def _together(nodes: list[Node]) -> str:
    """The steps of a level that may run at the same time: those under one condition."""
    groups: dict[object, list[str]] = {}
    for node in nodes:
        if not isinstance(node.work, Branch | Merge | Return | Yield | Fail):
            groups.setdefault(node.guard, []).append(node.name)
    return "".join(f"   together: {', '.join(names)}" for names in groups.values() if len(names) > 1)


def _node(plan: Plan, flow: FlowPlan, node: Node, *, indent: str, width: int) -> Iterator[str]:
    effect = "" if isinstance(node.work, Branch) or node.effect == "pure" else node.effect
    name = f"{indent}{node.name:<{width}}"
    room = WIDTH - len(name) - (len(effect) + 2 if effect else 0)
    work = _cut(work_words(flow, node), room)
    yield f"{name}{work:<{room}}{'  ' if effect else ''}{effect}".rstrip()
    inner = " " * len(name)
    if node.guard is not None:
        yield from _wrapped(guard_words(flow, node.guard), inner, inner + "  ")
    for why, names in waits(flow, node).items():
        yield from _wrapped(f"{why}: {', '.join(names)}", inner, inner + "  ")
    if tools := _tools(plan, node):
        yield from _wrapped(tools, inner, inner + "  ")
    yield from _policies(in_force(node), inner)
    if node.catch is not None:
        yield f"{inner}catch gives another value"
    if node.undo is not None and node.undo.work is not None:
        undo = node.undo.work
        yield f"{inner}undo {undo.flow if isinstance(undo, FlowCall) else call_words(undo.agent, undo.action)}"
    if node.probe is not None:
        probe = node.probe.work
        yield f"{inner}probe {probe.flow if isinstance(probe, FlowCall) else call_words(probe.agent, probe.action)}"
    body = body_of(node)
    if body is not None:
        yield from _scope(plan, flow, body, indent + "  ")


def _tools(plan: Plan, node: Node) -> str:
    """What the model that a node asks may use, and how often; empty when it may use nothing."""
    call = node.work
    spec = plan.agents.get(call.role or call.agent) if isinstance(call, AgentCall) else None
    keys = spec.settings.get("tools") if spec is not None else None
    effects = {tool.key: tool.effect for tool in plan.tools}
    if spec is None or not isinstance(keys, tuple) or not keys:
        return ""
    named = [f"{key} ({effects[key]})" if effects.get(key) in ("write", "dangerous") else key for key in map(str, keys)]
    loop = loop_of(spec)
    return f"tools: {', '.join(named)}; at most {loop.turns} turns and {loop.calls} calls of tools"


def _policies(policies: tuple[Applied, ...], indent: str) -> Iterator[str]:
    for applied in policies:
        left = f"{indent}@{applied.name} {policy_words(applied.policy)}".rstrip()
        origin = f"{applied.origin}{f' ({applied.place})' if applied.place else ''}"
        if len(left) + len(origin) + 2 <= WIDTH:
            yield f"{left}{origin:>{WIDTH - len(left)}}"
        else:
            yield from _wrapped(left.strip(), indent, indent + "  ")
            yield f"{origin:>{WIDTH}}"


def _cut(text: str, room: int, *, flat: bool = True) -> str:
    """The text on one line (white space made plain with `flat`), cut off when it is too long."""
    line = " ".join(text.split()) if flat else text
    return line if len(line) <= room else line[: max(1, room - 1)] + "…"


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return wrap(
        _cut(text, 3 * (WIDTH - len(rest))), WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    ) or [first]


# --- data ---------------------------------------------------------------------------------------------------------


def as_json(
    plan: Plan, *, flow: str | None = None, bounds: Mapping[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The same for machines: names instead of numbers, blocks with their bodies inside; `bounds` by flow."""
    flows = [found for name, found in plan.flows.items() if flow in (None, name)]
    return {
        "file": plan.file,
        "profile": plan.profile,
        "hash": plan.hash,
        "main": plan.main,
        "flows": [
            {
                "name": found.name,
                "params": [{"name": param.name, "type": show(param.type)} for param in found.params],
                "result": show(found.result),
                "effect": found.effect,
                "policies": [_policy(applied) for applied in found.policies],
                **({} if bounds is None else {"bound": bounds.get(found.name)}),
                "nodes": _nodes(found, 0),
            }
            for found in flows
        ],
    }


def _nodes(flow: FlowPlan, scope: int) -> list[dict[str, Any]]:
    return [_node_data(flow, flow.nodes[node]) for node in flow.scopes[scope].nodes]


def _node_data(flow: FlowPlan, node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": node.name,
        "kind": "join" if is_join(node) else type(node.work).__name__.lower(),
        "does": work_words(flow, node),
        "level": node.level + 1,
        "rank": node.rank,
        "effect": node.effect,
        "type": show(node.type),
        "when": None if node.guard is None else guard_words(flow, node.guard),
        "waits": [{"for": flow.nodes[need.node].name, "why": why_words(flow, node, need)} for need in node.needs],
        "policies": [_policy(applied) for applied in in_force(node)],
        "place": list(node.place),
    }
    body = body_of(node)
    if body is not None:
        data["body"] = _nodes(flow, body)
    return data


def _policy(applied: Applied) -> dict[str, Any]:
    return {
        "name": applied.name,
        "says": policy_words(applied.policy),
        "origin": applied.origin,
        "place": applied.place or None,
    }
