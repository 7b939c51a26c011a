"""What an expression reads: the seam between the evaluator and the kernel.

It knows no frame of the kernel and no expression, only the questions that one asks of the other. A compiled
expression is a `Callable[[Env], Value]`; the kernel's frames are the `Env` of a run.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol, TypeAlias

from leadflow.plan.expr import Guard
from leadflow.plan.types import Value
from leadflow.record import record
from leadflow.run.keys import OF_A_RUN, Keys


@record
class RunValues:
    """The constants of a run (rule E7)."""

    id: str
    started: datetime
    flow: str
    keys: Keys = OF_A_RUN
    """What the other side may know its calls by."""


class Env(Protocol):
    """Where an expression is evaluated: one instance of a scope.

    Evaluation never waits, so nothing else is evaluated meanwhile but the lets that it reads.
    """

    @property
    def nodes(self) -> Mapping[int, Value]:
        """Values by node id, of this scope and of the enclosing ones: `env.nodes[n]` is all that `NodeValue(n)` does.

        None for a node that was skipped, or failed and was absorbed. What an expression reads is settled by then.
        """
        ...

    @property
    def run(self) -> RunValues:
        """The constants of the run."""
        ...

    locals: list[Value]
    """The variables of this expression by slot. Whoever binds one makes the list long enough; a closure neither
    clears nor replaces it, because a `catch` finds its `e` there. `let` lends the let a list of its own."""

    fuel: int
    """What this evaluation may still spend. The outermost closure of an expression sets it where its expression can be
    costly; `let` gives it back as it was."""

    def bound(self, scope: int, slot: int) -> Value:
        """Slot `slot` of the nearest enclosing instance of `scope`."""
        ...

    def let(self, let: int) -> Value:
        """The value of a `let`, evaluated at its first use in the instance of its scope.

        Raises:
            ValueProblem: it has none; every reader is told the same.
        """
        ...

    def holds(self, guard: Guard) -> bool:
        """Whether the guard's node is done and took one of the guard's arms."""
        ...


Compiled: TypeAlias = Callable[[Env], Value]
"""An expression as a function. Raises `ValueProblem` when it has no value."""
