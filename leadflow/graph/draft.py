"""A flow's graph while it is made: where the next vertex goes, and what it waits for.

Knows scopes, regions and reasons of edges; what statements mean stands in `build`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from leadflow.check.checked import Checked
from leadflow.diagnostics import Span
from leadflow.graph.exprs import Translator
from leadflow.graph.model import (
    AFTER,
    CONTROL,
    DATA,
    INSIDE,
    ORDER,
    Edge,
    FlowGraph,
    LetVertex,
    ScopeOfGraph,
    Vertex,
    end_vertex,
    is_let,
    let_of,
    let_vertex,
    node_of,
)
from leadflow.graph.serial import Region, Serial
from leadflow.graph.uses import Touch, Uses
from leadflow.plan.expr import Const, Expr, Guard, LetValue, NodeValue, Phi
from leadflow.plan.plan import Branch, Merge, Place, Work
from leadflow.plan.policy import Cache, Timeout
from leadflow.plan.types import HARMFUL, NONE, Effect, Type

Waits: TypeAlias = tuple[dict[int, Edge], int]
"""What a node that is about to be put waits for: vertices, with the strictest reason of each; and `passed`, as in
`serial`."""


@dataclass(slots=True, eq=False)
class Draft:
    """One flow in the making."""

    checked: Checked
    starts: Sequence[int]
    """Where each line of the text begins."""
    uses: Uses
    graph: FlowGraph
    to: Translator
    region: Region
    serial: Serial | None = None
    """None when nothing in the flow writes or fails on purpose: then there is nothing to wait for."""
    scope: int = 0
    before: dict[int, dict[int, Edge]] = field(default_factory=dict)
    """By vertex: what it waits for."""
    ends: dict[int, int] = field(default_factory=dict)
    """The end of each block node."""
    let_needs: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """The nodes that each let reads, through other lets too."""
    counts: list[dict[str, int]] = field(default_factory=list)
    """By scope: how many control nodes of each word there are."""
    block_needs: dict[int, set[int]] = field(default_factory=dict)
    """The nodes that each block node waits for itself."""
    judged: dict[int, list[int]] = field(default_factory=dict)
    """The lets of its body that a `repeat` reads at the end of each round."""
    consumed: set[int] = field(default_factory=set)
    """Nodes of blocks that another node of the same scope waits for."""
    written: dict[str, None] = field(default_factory=dict)
    """Agents written through in the block at hand."""

    # --- waiting --------------------------------------------------------------------------------------------------

    def wait(self, effect: Effect = "pure", touch: Touch | None = None, after: Sequence[int] = ()) -> Waits:
        """What the next node waits for: what was read since `to.begin`, `after`, its guard, and the serial reading.

        Args:
            effect: of the node; `write` for a `fail`, which waits like one.
            touch: the agents of a call.
        """
        needs = dict.fromkeys(self.to.reads, DATA)
        guard = self.region.guard
        if guard is not None:
            needs.setdefault(guard.node, CONTROL)
        for node in after:
            needs.setdefault(node, AFTER)
        if self.serial is None:
            return needs, 0
        passed = self.serial.begin(self.region, self.nodes_of(needs))
        order: list[int] = []
        if effect in HARMFUL:
            order = self.serial.all_above(self.region)
        elif effect == "read" and touch is not None:
            order = self.serial.writes_above(self.region, touch.agents, passed)
            passed = max(passed, self.serial.begin(self.region, order))
        for node in order:
            needs.setdefault(node, ORDER)
        return needs, passed

    def wait_also(self, waits: Waits, reads: Iterable[int]) -> Waits:
        """The same, and these vertices as data."""
        needs, passed = waits
        for read in reads:
            needs[read] = DATA
        if self.serial is not None:
            passed = max(passed, self.serial.begin(self.region, self.nodes_of(reads)))
        return needs, passed

    def nodes_of(self, vertices: Iterable[int]) -> list[int]:
        """The nodes that waiting for these vertices means, lets seen through."""
        found: list[int] = []
        for vertex in vertices:
            if vertex >= 0:
                found.append(vertex)
            else:
                found.extend(self.let_needs[let_of(vertex)])
        return found

    # --- vertices -------------------------------------------------------------------------------------------------

    def put(self, vertex: Vertex, needs: dict[int, Edge]) -> int:
        """Add a node with its edges; nothing stands above because of it yet."""
        graph, ends = self.graph, self.ends
        node = len(graph.nodes)
        graph.nodes.append(vertex)
        scope = graph.scopes[vertex.scope]
        scope.nodes.append(node)
        self.before[node] = {ends.get(need, need): edge for need, edge in needs.items()} if ends else needs
        if scope.owner is not None:
            own = [n for n in self.nodes_of(needs) if graph.nodes[n].scope == vertex.scope]
            self.consumed.update(own)
            if not own:
                self.before[node][scope.owner] = INSIDE
        if self.to.has_constants:
            graph.foldable.append(node)
        return node

    def stand(self, node: int, passed: int, *, touch: Touch | None = None, surely: bool = True) -> None:
        """A node, or a block with all of its body, now stands above what follows.

        Args:
            touch: the agents it has written through; None: it writes nothing.
            surely: it is one call, which has waited for all above.
        """
        if self.serial is None:
            return
        if touch is not None and surely:
            self.region.frontier.clear()
        self.serial.add(self.region, node, passed)
        if touch is not None:
            self.serial.written(self.region, node, touch.written, surely=surely)
            self.written.update(dict.fromkeys(touch.written))

    def control(self, word: str, work: Work, span: Span, *, waits: Waits | None = None, type_: Type = NONE) -> int:
        """Add a control node where the draft stands; its name is the word and a number."""
        needs, _ = waits or self.wait()
        name = self.number(self.scope, word)
        place = self.place(span)
        return self.put(Vertex(name, self.scope, work, self.region.guard, place, "pure", type_), needs)

    def branch(self, word: str, work: Branch, span: Span) -> tuple[int, int]:
        """Add a branch; its node, and what has been written when it is decided."""
        waits = self.wait()
        node = self.control(word, work, span, waits=waits)
        self.stand(node, waits[1])
        return node, waits[1]

    def merge(self, guards: Sequence[Guard], span: Span) -> int:
        """Add a node at which several ways go on."""
        needs = {guard.node: CONTROL for guard in guards}
        passed = self.serial.begin(self.region, needs) if self.serial is not None else 0
        self.to.begin()
        place = self.place(span)
        name = self.number(self.scope, "merge")
        node = self.put(Vertex(name, self.scope, Merge(tuple(guards)), None, place, "pure", NONE), needs)
        self.stand(node, passed)
        return node

    def join(self, region: Region, nodes: list[int]) -> int:
        """Add a node that waits until all of these have settled, in an outer region."""
        needs: dict[int, Edge] = {}
        if region.guard is not None:
            needs[region.guard.node] = CONTROL
        for node in nodes:
            needs.setdefault(node, ORDER)
        work = Branch(Const(True), (None,), ("all settled",))
        last = self.graph.nodes[nodes[-1]].place
        name = self.number(region.scope, "join")
        return self.put(Vertex(name, region.scope, work, region.guard, last, "pure", NONE), needs)

    def number(self, scope: int, word: str) -> str:
        """The name of the next control node of that word: `if@2`."""
        counts = self.counts[scope]
        counts[word] = count = counts.get(word, 0) + 1
        return f"{word}@{count}"

    def bind_step(self, decl: int) -> int:
        """The next node is the step that was declared there; its number."""
        node = len(self.graph.nodes)
        self.to.bindings[decl] = (NodeValue(node), (node,), self.region.guard)
        return node

    def bind_let(self, decl: int, name: str, value: Expr) -> None:
        """A pure value gets a name."""
        graph, reads = self.graph, dict.fromkeys(self.to.reads)
        let = len(self.let_needs)
        vertex = let_vertex(let)
        graph.lets[let] = LetVertex(name, self.scope, value, self.region.guard)
        self.let_needs[let] = tuple(dict.fromkeys(self.nodes_of(reads)))
        self.before[vertex] = {self.ends.get(read, read): DATA for read in reads}
        self.to.bindings[decl] = (LetValue(let), (vertex,), self.region.guard)
        self.region.lets.append(decl)
        if self.to.has_constants or isinstance(value, Const):
            graph.foldable.append(vertex)

    def place(self, span: Span) -> Place:
        """Line and column for people."""
        file, start, _ = span
        line = bisect_right(self.starts, start)
        # A place is its tuple: this is what `Place(...)` does, at half the price.
        return tuple.__new__(Place, (file, line, start - self.starts[line - 1] + 1))

    # --- regions and scopes ---------------------------------------------------------------------------------------

    def close_lets(self, region: Region) -> None:
        """What is bound under a guard is none to readers elsewhere when that guard does not hold."""
        bindings = self.to.bindings
        for decl in region.lets:
            expr, reads, guard = bindings[decl]
            if guard is not None and not isinstance(expr, Phi):
                bindings[decl] = (Phi(((guard, expr),)), (*reads, guard.node), guard)

    def open_scope(self, owner: int | None, slots: tuple[str, ...]) -> int:
        """Begin a scope."""
        graph = self.graph
        scope = len(graph.scopes)
        graph.scopes.append(ScopeOfGraph(None if owner is None else self.scope, owner, slots))
        self.counts.append({})
        return scope

    def close_scope(self, scope: int) -> None:
        """All of a scope is there: name its nodes, and end its block."""
        graph = self.graph
        made = graph.scopes[scope]
        names = [graph.nodes[node].name for node in made.nodes]
        if len(set(names)) < len(names):
            self._number_twins(made.nodes)
        if made.owner is not None:
            end = end_vertex(made.owner)
            last = [node for node in made.nodes if node not in self.consumed] or [made.owner]
            self.before[end] = {self.ends.get(node, node): INSIDE for node in last}
            self.before[end].update(dict.fromkeys(self.judged.pop(made.owner, ()), INSIDE))
            self.ends[made.owner] = end
            if any(isinstance(applied.policy, Timeout | Cache) for applied in graph.nodes[made.owner].policies):
                self._hoist(made.owner)

    def _number_twins(self, nodes: list[int]) -> None:
        """Steps that share a name are `r@1`, `r@2`, … in the order of the text (rule B6)."""
        twins: dict[str, list[int]] = {}
        for node in nodes:
            twins.setdefault(self.graph.nodes[node].name, []).append(node)
        for name, same in twins.items():
            if len(same) > 1:
                for position, node in enumerate(same, 1):
                    self.graph.nodes[node].name = f"{name}@{position}"

    def judge(self, block: int, scope: int) -> int:
        """What a `repeat` reads at the end of each round, since `to.begin`: what stands outside of the round has to
        settle before the block begins. Gives the last write that has settled then."""
        nodes, known = self.graph.nodes, self.block_needs[block]
        outer: dict[int, None] = {}
        for read in dict.fromkeys(self.to.reads):
            if is_let(read) and self.graph.lets[let_of(read)].scope == scope:
                self.judged.setdefault(block, []).append(read)
            elif is_let(read):
                self.before[block][read] = DATA
            outer.update(dict.fromkeys(node for node in self.nodes_of((read,)) if nodes[node].scope != scope))
        for node in outer:
            if node not in known:
                self.before[block][self.ends.get(node, node)] = DATA
        known.update(outer)
        return self.serial.begin(self.region, outer) if self.serial is not None else 0

    def _hoist(self, block: int) -> None:
        """A block with a timeout or a cache begins when all that its body waits for has settled: its clock measures its
        work, and what it reads tells it from others."""
        nodes, known = self.graph.nodes, self.block_needs[block]
        outside = set(self.graph.around(nodes[block].scope))
        waiting = [s for n in range(block + 1, len(nodes)) if nodes[n].scope not in outside for s in self.before[n]]
        found: dict[int, None] = {}
        while waiting:
            source = waiting.pop(0)
            for node in self.let_needs[let_of(source)] if is_let(source) else (node_of(source),):
                if nodes[node].scope not in outside or node == block:
                    continue
                if node < block:
                    found[node] = None
                else:  # a join that was made for the body
                    waiting.extend(self.before[node])
        for node in found:
            if node not in known:
                self.before[block][self.ends.get(node, node)] = ORDER

    def finish(self) -> FlowGraph:
        """The graph, with all of its vertices and edges."""
        self.graph.adopt(self.before)
        return self.graph
