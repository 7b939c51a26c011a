"""Which local names are visible where, and what is known of their values there.

A `Frame` is opened by each block, arm and comprehension. All values are immutable and bound once, so what a condition
tells about a path (`x`, `x.a.b`, `xs[0]`) stays true wherever the condition holds: facts are never taken back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from leadflow.diagnostics import Span
from leadflow.plan.types import Type
from leadflow.syntax import tree

What = Literal["step", "let", "parameter", "item", "index", "value", "failure", "variable", "run", "trigger value"]
"""How messages call a local name."""


@dataclass(slots=True, eq=False)
class Var:
    """A local name."""

    name: str
    type: Type
    decls: tuple[int, ...]
    """As `checked.LocalRef` has them."""
    span: Span
    what: What
    home: "Frame | None" = None
    """Where it is visible."""
    parts: tuple["Var", ...] = ()
    """What each arm binds, when arms of a statement above bind it."""
    clash: tuple[Span, Span] | None = None
    """Bound by two statements: nobody may read it."""
    node: tree.Node | None = None
    """The step or let that binds it, for lint."""
    read: bool = False
    """Read outside of the arms below it."""
    read_arms: "set[Frame]" = field(default_factory=set)
    """Arms that read it, of statements that stand beside its own."""


Path: TypeAlias = tuple[Var | str | int, ...]
"""A variable and the fields and constant indexes read from it."""


@dataclass(slots=True, eq=False)
class Frame:
    """The names and facts of one block."""

    parent: "Frame | None" = None
    kind: Literal["flow", "block", "arm", "expr"] = "expr"
    """`block` is the body of a step block; `arm` one of an `if` or `match`; `expr` part of an expression."""
    span: Span | None = None
    """Of an arm's block."""
    vars: dict[str, Var] = field(default_factory=dict)
    facts: dict[Path, Type] = field(default_factory=dict)

    def chain(self) -> Iterator["Frame"]:
        """This frame and all around it, from inside out."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.parent

    def find(self, name: str) -> Var | None:
        """The variable of that name, not counted as a read."""
        return next((frame.vars[name] for frame in self.chain() if name in frame.vars), None)

    def read(self, name: str) -> Var | None:
        """The variable of that name, counted as a read here."""
        arm: Frame | None = None
        for frame in self.chain():
            found = frame.vars.get(name)
            if found is not None:
                _count(found, arm)
                return found
            if frame.kind == "arm":
                arm = frame
            elif frame.kind == "block":
                arm = None  # what is read in every round cannot move into an arm of one
        return None

    def fact(self, path: Path) -> Type | None:
        """What is known of the value at a path, beyond its declaration."""
        return next((frame.facts[path] for frame in self.chain() if path in frame.facts), None)

    def names(self) -> Iterator[str]:
        """All visible names, the nearest first."""
        return (name for frame in self.chain() for name in frame.vars)

    def bind(self, var: Var) -> None:
        """Make a name visible in this frame."""
        var.home = self
        self.vars[var.name] = var


def _count(var: Var, arm: Frame | None) -> None:
    if arm is None:
        var.read = True
    else:
        var.read_arms.add(arm)
    for part in var.parts:
        _count(part, None)


def mark(var: Var) -> None:
    """Count a read that stands nowhere in particular: `after`, a mock."""
    _count(var, None)
