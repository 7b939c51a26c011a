"""Levels and critical paths: what the topology says about time. Costs are counted in calls; pure values cost nothing.

The level of a node is the length of the longest way to it: nodes of one level could run together. The rank is the
number of calls on the longest way from it to an end of its flow, itself included, with a called flow counted as long
as its own. Nobody waits for a level; the ranks decide who starts first.
"""

import networkx as nx

from leadflow.graph.model import FlowGraph, Graph
from leadflow.plan.plan import AgentCall, FlowCall


def set_levels(graph: Graph) -> None:
    """Set the level of every node."""
    for flow in graph.flows.values():
        flow.levels = _levels(flow)


def _levels(flow: FlowGraph) -> list[int]:
    """Lets and ends of blocks take no level: they stand on that of the last node they wait for."""
    flow.order = order = []
    levels = _slots(flow)
    if len(flow.before) == len(flow.nodes):
        for level, vertices in enumerate(nx.topological_generations(flow.digraph)):
            order += vertices
            for vertex in vertices:
                levels[vertex] = level
        return levels
    for vertices in nx.topological_generations(flow.digraph):
        for vertex in vertices:
            last = max([levels[source] for source in flow.before[vertex]], default=-1)
            levels[vertex] = last + 1 if vertex >= 0 else last
        order += vertices
    return levels[: len(flow.nodes)]


def _slots(flow: FlowGraph) -> list[int]:
    """A zero for every vertex: nodes count from the front of the list, lets and ends of blocks from its back."""
    return [0] * (len(flow.nodes) - min(0, min(flow.before, default=0)))


def set_ranks(graph: Graph) -> None:
    """Set the rank of every node."""
    lengths: dict[str, int] = {}
    for name in graph.flows:
        _rank(graph, name, lengths)


def _rank(graph: Graph, name: str, lengths: dict[str, int]) -> int:
    """Rank a flow after those it calls, which are never itself (rule C10); the length of its critical path."""
    found = lengths.get(name)
    if found is not None:
        return found
    flow = graph.flows[name]
    flow.order = flow.order or list(nx.topological_sort(flow.digraph))
    ranks, before, nodes = _slots(flow), flow.before, flow.nodes
    for vertex in reversed(flow.order):
        rank = ranks[vertex]  # the longest way of those that wait for it
        if vertex >= 0:
            work = nodes[vertex].work
            if type(work) is AgentCall:
                ranks[vertex] = rank = rank + 1
            elif type(work) is FlowCall:
                ranks[vertex] = rank = rank + max(1, _rank(graph, work.flow, lengths))
        for source in before[vertex]:
            if ranks[source] >= rank:
                continue
            ranks[source] = rank
    flow.ranks = ranks[: len(flow.nodes)]
    lengths[name] = max(flow.ranks, default=0)
    return lengths[name]
