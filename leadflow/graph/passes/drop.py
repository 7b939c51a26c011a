"""Drop the `let`s that nobody reads: a value that is not asked for is not worked out (rule E3)."""

from leadflow.graph.model import FlowGraph, Graph, let_vertex


def drop_unused(graph: Graph) -> None:
    """Remove unused lets, and lets that only they read."""
    for flow in graph.flows.values():
        _drop(flow)


def _drop(flow: FlowGraph) -> None:
    for let in sorted(flow.lets, reverse=True):
        if not flow.after[let_vertex(let)]:
            flow.drop_let(let)
