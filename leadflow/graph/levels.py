"""Levels and critical paths: what the topology says about time. Costs are counted in calls; pure values cost nothing.

The level of a node is the length of the longest way to it: nodes of one level could run together. The rank is the
number of calls on the longest way from it to an end of its flow, itself included, with a called flow counted as long
as its own. Nobody waits for a level; the ranks decide who starts first.
"""

from itertools import chain

import networkx as nx

from leadflow.graph.model import FlowGraph, Graph
from leadflow.plan.plan import AgentCall, FlowCall


def set_levels(graph: Graph) -> None:
    """Set the level of every node."""
    for flow in graph.flows.values():
        flow.levels = _levels(flow)


def _levels(flow: FlowGraph) -> list[int]:
    """Lets and ends of blocks take no level: they stand on that of the last node they wait for."""
    levels: dict[int, int] = {}
    generations = nx.topological_generations(flow.digraph)
    if len(flow.digraph) == len(flow.nodes):
        for level, vertices in enumerate(generations):
            levels.update(dict.fromkeys(vertices, level))
    else:
        before = flow.digraph.pred
        for vertex in chain.from_iterable(generations):
            last = max([levels[source] for source in before[vertex]], default=-1)
            levels[vertex] = last + 1 if vertex >= 0 else last
    return [levels[node] for node in range(len(flow.nodes))]


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
    weights = [0] * len(flow.nodes)
    for node, vertex in enumerate(flow.nodes):
        if isinstance(vertex.work, AgentCall):
            weights[node] = 1
        elif isinstance(vertex.work, FlowCall):
            weights[node] = max(1, _rank(graph, vertex.work.flow, lengths))
    ranks: dict[int, int] = {}
    after = flow.digraph.succ
    for vertex in reversed(list(nx.topological_sort(flow.digraph))):
        readers = after[vertex]
        longest = max([ranks[reader] for reader in readers]) if readers else 0
        ranks[vertex] = longest + weights[vertex] if vertex >= 0 else longest
    flow.ranks = [ranks[node] for node in range(len(flow.nodes))]
    lengths[name] = max(flow.ranks, default=0)
    return lengths[name]
