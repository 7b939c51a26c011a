"""The graph of a flow: one networkx DiGraph behind a typed wrapper. Knows vertices, edges and why they exist.

Vertices are small ints, so that the graph stays cheap: the node n of the plan-to-be is the vertex n, the let n is
`-2n - 1`, and the end of the block node n is `-2n - 2`. What needs a block waits for its end, and its body stands
between the block and its end. Expressions name nodes and lets by their numbers. Steps and control are never dropped or
merged, so the number of a node is already its number in the plan; lets may go, and are renumbered when lowered.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import networkx as nx

from leadflow.check.checked import Checked
from leadflow.plan.expr import Expr, Guard
from leadflow.plan.plan import Catch, NeedWhy, Place, Probe, Undo, Work
from leadflow.plan.policy import Applied
from leadflow.plan.types import Effect, FieldType, Type

Why: TypeAlias = NeedWhy | Literal["inside"]
"""Why there is an edge. `inside`: from a block to its body, and from its body to its end."""

Edge: TypeAlias = dict[str, Why]
"""What networkx keeps of an edge."""

DATA: Edge = {"why": "data"}
AFTER: Edge = {"why": "after"}
ORDER: Edge = {"why": "order"}
CONTROL: Edge = {"why": "control"}
INSIDE: Edge = {"why": "inside"}
EDGES: dict[Why, Edge] = {"data": DATA, "after": AFTER, "order": ORDER, "control": CONTROL, "inside": INSIDE}
"""All edges of one reason share one dict, which nobody changes."""
_BARE: dict[str, Any] = {}
"""What networkx keeps of a vertex: nothing. Shared too."""


def let_vertex(let: int) -> int:
    """The vertex of a let."""
    return -2 * let - 1


def end_vertex(node: int) -> int:
    """The vertex of a block's end."""
    return -2 * node - 2


def is_let(vertex: int) -> bool:
    """Whether a vertex is a let."""
    return vertex < 0 and vertex % 2 == 1


def let_of(vertex: int) -> int:
    """The let of its vertex."""
    return (-vertex - 1) // 2


def node_of(vertex: int) -> int:
    """The node of a vertex that is no let: itself, or the block whose end it is."""
    return vertex if vertex >= 0 else -vertex // 2 - 1


@dataclass(slots=True, eq=False)
class Vertex:
    """A step or a control node: what `plan.Node` will say of it, without what follows from the edges."""

    name: str
    scope: int
    work: Work
    guard: Guard | None
    place: Place
    effect: Effect
    type: Type
    policies: tuple[Applied, ...] = ()
    catch: Catch | None = None
    undo: Undo | None = None
    doc: str | None = None
    probe: Probe | None = None


@dataclass(slots=True, eq=False)
class LetVertex:
    """A pure value."""

    name: str
    scope: int
    value: Expr
    guard: Guard | None


@dataclass(slots=True, eq=False)
class ScopeOfGraph:
    """The body of the flow, or of the block node `owner`."""

    parent: int | None
    owner: int | None
    slots: tuple[str, ...]
    nodes: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class FlowGraph:
    """One flow. Passes change it in place."""

    name: str
    params: tuple[FieldType, ...]
    result: Type
    policies: tuple[Applied, ...]
    effect: Effect
    place: Place
    doc: str | None
    digraph: "nx.DiGraph[int]" = field(default_factory=nx.DiGraph)
    before: dict[int, dict[int, Edge]] = field(default_factory=dict)
    """What networkx keeps of its edges, by their ends: looked up without its views, which cost more than the edges."""
    after: dict[int, dict[int, Edge]] = field(default_factory=dict)
    """The same by their beginnings."""
    nodes: list[Vertex] = field(default_factory=list)
    lets: dict[int, LetVertex] = field(default_factory=dict)
    """By number; numbers of dropped lets are missing."""
    scopes: list[ScopeOfGraph] = field(default_factory=list)
    foldable: list[int] = field(default_factory=list)
    """Vertices with an operator over a constant: where folding may find something."""
    order: list[int] = field(default_factory=list)
    """A topological order of all vertices; empty while nobody has asked for it."""
    levels: list[int] = field(default_factory=list)
    """Of each node; empty until the pass `levels`."""
    ranks: list[int] = field(default_factory=list)
    """Of each node; empty until the pass `critical_path`."""
    escalation: int | None = None
    """The node that is called once the flow has failed."""

    def adopt(self, before: dict[int, dict[int, Edge]]) -> None:
        """Take over all vertices and edges at once: by vertex, what it waits for.

        This fills the dicts that networkx keeps, in a fifth of the time that it takes to add the edges one by one.
        """
        after: dict[int, dict[int, Edge]] = {vertex: {} for vertex in before}
        for target, sources in before.items():
            for source, edge in sources.items():
                after[source][target] = edge
        self.before, self.after = before, after
        graph: Any = self.digraph
        graph._node = dict.fromkeys(before, _BARE)
        graph._adj, graph._pred = after, before

    def connect(self, edges: Iterable[tuple[int, int, Why]]) -> None:
        """Add edges: from what is needed to what needs it."""
        self.digraph.add_edges_from([(source, target, EDGES[why]) for source, target, why in edges])
        self.order = []

    def needs(self, vertex: int) -> Iterator[tuple[int, Why]]:
        """What a vertex waits for, in the order in which it was connected."""
        for source, attributes in self.before[vertex].items():
            yield source, attributes["why"]

    def why(self, source: int, target: int) -> Why:
        """The reason of an edge."""
        return self.before[target][source]["why"]

    def readers(self, vertex: int) -> list[int]:
        """What waits for a vertex."""
        return list(self.after[vertex])

    def drop_let(self, let: int) -> None:
        """Remove a let that nobody reads."""
        del self.lets[let]
        self.digraph.remove_node(let_vertex(let))
        self.order = []

    def around(self, scope: int) -> Iterator[int]:
        """A scope and all scopes around it, from inside out."""
        inner: int | None = scope
        while inner is not None:
            yield inner
            inner = self.scopes[inner].parent


@dataclass(slots=True, eq=False)
class Graph:
    """A program: a graph per flow, and the tables it was made from."""

    checked: Checked
    flows: Mapping[str, FlowGraph]
    """By qualified name, in the order of the text."""
