"""Graph -> plan: numbers, needs and policies as the kernel wants them. Decides nothing about meaning.

Nodes keep their numbers. Lets are numbered anew, without gaps, and are seen through: a node that reads a let needs the
nodes that the let reads. Nothing here iterates a set, so that equal graphs give equal plans.
"""

from dataclasses import replace
from itertools import repeat
from typing import cast

from leadflow.check.checked import FlowCallInfo
from leadflow.graph.model import DATA, FlowGraph, Graph, Why, is_let, let_of, let_vertex, node_of
from leadflow.graph.rewrite import Change, map_vertex, rename_lets
from leadflow.graph.tools import granted_tools
from leadflow.plan.annotations import ORDER
from leadflow.plan.expr import Expr, LetValue
from leadflow.plan.plan import PLAN_VERSION, FlowPlan, Let, Need, NeedWhy, Node, Plan, Scope
from leadflow.plan.policy import Applied
from leadflow.syntax.tree import TestDecl, TriggerDecl
from leadflow.syntax.walk import walk

_PLACES = {name: position for position, name in enumerate(ORDER)}


def lower(graph: Graph) -> Plan:
    """The plan of a program, not yet sealed with its hash (`plan.codec.seal`)."""
    checked = graph.checked
    flows = {name: lower_flow(flow) for name, flow in graph.flows.items()}
    return Plan(
        version=PLAN_VERSION,
        edition=checked.main.tree.edition,
        file=checked.main.source.name,
        profile=checked.profile,
        flows=flows,
        agents=checked.agents,
        main=_main(graph),
        hash="",
        tools=tuple(replace(tool, policies=sorted_policies(tool.policies)) for tool in granted_tools(checked)),
    )


def _main(graph: Graph) -> str | None:
    """The flow that runs when none is named: `main`, else the only one of the main file that no flow calls."""
    own = [name for name, info in graph.checked.flows.items() if info.module.name == ""]
    if "main" in own:
        return "main"
    begun = (item for item in graph.checked.main.tree.items if isinstance(item, TriggerDecl | TestDecl))
    outside = {node.id for item in begun for node in walk(item)}
    calls = ((at, call) for at, call in graph.checked.calls.items() if isinstance(call, FlowCallInfo))
    called = {call.flow for at, call in calls if at not in outside}
    own = [name for name in own if name not in called]
    return own[0] if len(own) == 1 else None


def lower_flow(flow: FlowGraph) -> FlowPlan:
    """The plan of one flow."""
    numbers = {let: number for number, let in enumerate(flow.lets)}
    change = _renumber(numbers) if any(let != number for let, number in numbers.items()) else None
    reads = _let_reads(flow)
    lets: list[Let] = []
    own: list[list[int]] = [[] for _ in flow.scopes]
    for let, vertex in flow.lets.items():
        value = vertex.value if change is None else change(vertex.value)
        lets.append(Let(vertex.name, vertex.scope, value, vertex.guard, reads[let]))
        own[vertex.scope].append(numbers[let])
    scopes = tuple(
        Scope(number, scope.parent, scope.owner, scope.slots, tuple(scope.nodes), tuple(own[number]))
        for number, scope in enumerate(flow.scopes)
    )
    return FlowPlan(
        name=flow.name,
        params=flow.params,
        result=flow.result,
        nodes=tuple(_nodes(flow, reads, change)),
        scopes=scopes,
        lets=tuple(lets),
        policies=sorted_policies(flow.policies),
        effect=flow.effect,
        place=flow.place,
        doc=flow.doc,
        escalation=flow.escalation,
    )


def _renumber(numbers: dict[int, int]) -> Change:
    """Write the new number of each let wherever it is read."""

    def new(let: int) -> Expr:
        return LetValue(numbers[let])

    return rename_lets(new)


def _let_reads(flow: FlowGraph) -> dict[int, tuple[int, ...]]:
    """The nodes that each let reads, through other lets too."""
    reads: dict[int, tuple[int, ...]] = {}
    for let in sorted(flow.lets):
        found: dict[int, None] = {}
        for source, _ in flow.needs(let_vertex(let)):
            found.update(dict.fromkeys(reads[let_of(source)] if is_let(source) else (node_of(source),)))
        reads[let] = tuple(found)
    return reads


_STRICT: dict[Why, int] = {"data": 0, "control": 1, "after": 2, "order": 3}


def _nodes(flow: FlowGraph, reads: dict[int, tuple[int, ...]], change: Change | None) -> list[Node]:
    before = flow.before
    levels = flow.levels or [0] * len(flow.nodes)
    ranks = flow.ranks or [0] * len(flow.nodes)
    is_plain = len(before) == len(flow.nodes)  # no lets and no blocks
    made: list[Node] = []
    # One need for all that read a node. A need is its tuple: this is what `Need(...)` does, at a third of the price.
    data = [tuple.__new__(Need, pair) for pair in zip(range(len(flow.nodes)), repeat("data"))]
    for number, vertex in enumerate(flow.nodes):
        sources = before[number]
        if not sources:
            needs: tuple[Need, ...] = ()
        elif is_plain:
            found = [data[s] if why is DATA else Need(s, cast(NeedWhy, why["why"])) for s, why in sources.items()]
            needs = tuple(found)
        else:
            needs = _needs(flow, number, reads)
        work, catch, undo, probe = vertex.work, vertex.catch, vertex.undo, vertex.probe
        if change is not None:
            work, catch, undo, probe = map_vertex(vertex, change)
        if undo is not None and undo.policies:
            undo = replace(undo, policies=sorted_policies(undo.policies))
        if probe is not None and probe.policies:
            probe = replace(probe, policies=sorted_policies(probe.policies))
        policies = sorted_policies(vertex.policies) if vertex.policies else ()
        made.append(
            Node(
                number, vertex.name, vertex.scope, work, needs, vertex.guard, policies, catch, undo, vertex.effect,
                vertex.type, vertex.place, levels[number], ranks[number], vertex.doc, probe,
            )
        )  # fmt: skip
    return made


def _needs(flow: FlowGraph, node: int, reads: dict[int, tuple[int, ...]]) -> tuple[Need, ...]:
    """The needs of a node that reads lets or waits for blocks: the strictest reason for each node."""
    found: dict[int, Why] = {}
    for source, why in flow.needs(node):
        if why == "inside":
            continue
        for needed in reads[let_of(source)] if is_let(source) else (node_of(source),):
            known = found.get(needed)
            if known is None or _STRICT[why] < _STRICT[known]:
                found[needed] = why
    return tuple(Need(needed, why) for needed, why in found.items() if why != "inside")


def sorted_policies(policies: tuple[Applied, ...]) -> tuple[Applied, ...]:
    """Policies in the order of wrapping (rule C5)."""
    if len(policies) < 2:
        return policies
    return tuple(sorted(policies, key=lambda applied: _PLACES[applied.name]))
