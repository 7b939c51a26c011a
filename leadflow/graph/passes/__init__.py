"""The passes in their order. Each changes the graphs in place and keeps what the program means; any may be left out.

    fold            what operators give for constants
    join            equal pure values become one
    drop            pure values that nobody reads go
    levels          which nodes could run together
    critical_path   how many calls follow a node at least one after the other

No pass drops or merges a step: one that is reached always runs (rule A3).
"""

from collections.abc import Callable, Iterable, Mapping

from leadflow.graph.levels import set_levels, set_ranks
from leadflow.graph.model import Graph
from leadflow.graph.passes.drop import drop_unused
from leadflow.graph.passes.fold import fold_constants
from leadflow.graph.passes.join import join_equal

PASSES: Mapping[str, Callable[[Graph], None]] = {
    "fold": fold_constants,
    "join": join_equal,
    "drop": drop_unused,
    "levels": set_levels,
    "critical_path": set_ranks,
}


def optimise(graph: Graph, passes: Iterable[str] = tuple(PASSES)) -> Graph:
    """Run passes over a graph, which is changed and given back."""
    for name in passes:
        PASSES[name](graph)
    return graph
