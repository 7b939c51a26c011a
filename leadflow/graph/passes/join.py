"""Join equal pure values: two `let`s that compute the same from the same become one, and are worked out once.

The one that stays is the first. It must be there wherever the other is: in the same or an enclosing scope, and under
the same guard or none.
"""

from leadflow.graph.model import FlowGraph, Graph, LetVertex, is_let, let_vertex, node_of
from leadflow.graph.rewrite import rename_lets, rewrite_vertex
from leadflow.plan.expr import Expr, LetValue


def join_equal(graph: Graph) -> None:
    """Make one of equal lets."""
    for flow in graph.flows.values():
        if len(flow.lets) > 1:
            _join(flow)


def _join(flow: FlowGraph) -> None:
    first: dict[str, list[int]] = {}
    for let in sorted(flow.lets):
        vertex = flow.lets[let]
        known = first.setdefault(repr(vertex.value), [])
        other = next((n for n in known if _covers(flow, flow.lets[n], vertex)), None)
        if other is None:
            known.append(let)
        else:
            _replace(flow, let, other)


def _covers(flow: FlowGraph, first: LetVertex, second: LetVertex) -> bool:
    """Whether the first has its value wherever the second has."""
    if first.guard is None:
        return first.scope in flow.around(second.scope)
    return first.scope == second.scope and first.guard == second.guard


def _replace(flow: FlowGraph, let: int, by: int) -> None:
    def new(read: int) -> Expr:
        return LetValue(by if read == let else read)

    change = rename_lets(new)
    for reader in flow.readers(let_vertex(let)):
        rewrite_vertex(flow, reader if is_let(reader) else node_of(reader), change)
        if not flow.digraph.has_edge(let_vertex(by), reader):
            flow.connect([(let_vertex(by), reader, flow.why(let_vertex(let), reader))])
    flow.drop_let(let)
