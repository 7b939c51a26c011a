"""How names are read where a failure gives none: the `return` of a partial flow, the `yield` of a partial `do` (C1).

A name of that scope is waited for only until it has settled. A `let` that reads a failed step has no value of its own
either: it is read only if all that it surely reads is done, else it is none.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from leadflow.graph.exprs import Binding
from leadflow.graph.model import FlowGraph
from leadflow.plan.expr import Choose, Const, Expr, Guard, LetValue, ListOf, Phi


@dataclass(slots=True, eq=False)
class Softening:
    """Reads names of one scope softly."""

    graph: FlowGraph
    scope: int
    let_needs: dict[int, tuple[int, ...]]
    soft: list[int] = field(default_factory=list)
    """Nodes that were read so."""

    def __call__(self, binding: Binding) -> Binding:
        """The binding as it is read here."""
        expr, reads, guard = binding
        nodes = [node for read in reads for node in ((read,) if read >= 0 else self._through(read))]
        self.soft.extend(node for node in nodes if self._is_own(node))
        lets = [read for read in reads if read < 0]
        return self._expr(expr), (*lets, *(node for node in nodes if not self._is_own(node))), guard

    def _through(self, let: int) -> tuple[int, ...]:
        return self.let_needs[(-let - 1) // 2]

    def _is_own(self, node: int) -> bool:
        return self.graph.nodes[node].scope == self.scope

    def _expr(self, expr: Expr) -> Expr:
        match expr:
            case LetValue(let):
                return self._let(expr, let)
            case Phi(cases):
                return Phi(tuple((guard, self._expr(value)) for guard, value in cases))
            case _:
                return expr

    def _let(self, value: Expr, let: int) -> Expr:
        sure = frozenset(self._guards(self.graph.lets[let].guard))
        nodes = [n for n in self.let_needs[let] if self._is_own(n) and self.graph.nodes[n].guard in sure]
        tests = tuple(Phi(((Guard(node), Const(True)),)) for node in dict.fromkeys(nodes))
        if not tests:
            return value
        done = (True,) * len(tests)
        return Choose(ListOf(tests), (((done,), value), (None, Const(None))))

    def _guards(self, guard: Guard | None) -> Iterator[Guard | None]:
        """What holds whenever a guard does."""
        while guard is not None:
            yield guard
            guard = self.graph.nodes[guard.node].guard
        yield None
