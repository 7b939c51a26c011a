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
    levels = [0] * len(flow.nodes)
    generations = [list(vertices) for vertices in nx.topological_generations(flow.digraph)]
    flow.order = list(chain.from_iterable(generations))
    if len(flow.order) == len(flow.nodes):
        for level, vertices in enumerate(generations):
            for vertex in vertices:
                levels[vertex] = level
        return levels
    before = flow.before
    between: dict[int, int] = {}
    for vertex in flow.order:
        last = max([levels[s] if s >= 0 else between[s] for s in before[vertex]], default=-1)
        if vertex >= 0:
            levels[vertex] = last + 1
        else:
            between[vertex] = last
    return levels


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
    ranks: dict[int, int] = {}
    for vertex in reversed(flow.order):
        readers = flow.after[vertex]
        longest = max([ranks[reader] for reader in readers]) if readers else 0
        work = flow.nodes[vertex].work if vertex >= 0 else None
        if type(work) is AgentCall:
            longest += 1
        elif type(work) is FlowCall:
            longest += max(1, _rank(graph, work.flow, lengths))
        ranks[vertex] = longest
    flow.ranks = [ranks[node] for node in range(len(flow.nodes))]
    lengths[name] = max(flow.ranks, default=0)
    return lengths[name]
