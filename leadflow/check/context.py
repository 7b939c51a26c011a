"""Where the checker stands: the file, the block, what may be said there; and how a name is looked up from there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from leadflow.check.env import Frame, Path, Var
from leadflow.check.program import ModuleScope, Program, Symbol, Where
from leadflow.diagnostics import Diagnostic, Span
from leadflow.plan.policy import Applied, Budget, Timeout
from leadflow.plan.types import Effect, Money, Type, optional
from leadflow.record import record
from leadflow.syntax import tree


@dataclass(slots=True, eq=False)
class Body:
    """The flow, or the step block, whose statements are being checked."""

    kind: str
    """`flow`, `for`, `repeat`, `do`, `parallel`, `race`, `test`."""
    frame: Frame
    partial: bool = False
    """`@on_failure("partial")`: what it returns or yields reads its names as `T?` (rule C1)."""
    wanted: Type | None = None
    """The type of what it returns or yields, where that is known beforehand."""
    wanted_by: str = ""
    """How messages call that: "the result of flow 'x'"."""
    yields: list[tuple[tree.Yield | tree.Return, Type]] = field(default_factory=list)
    effect: Effect = "pure"
    unkeyed: Span | None = None
    """A write in it that may not be repeated."""
    attempts: int = 1
    """How often a call in it is tried, at the most."""
    doubted: bool = False
    """The arms of a `match` in it are not as they were meant, which was said: so where its paths end is not known."""


@record
class Around:
    """A block around a name."""

    span: Span
    label: str
    is_step: bool
    chosen_by: tree.Expr | None = None
    """What decides whether an arm is taken."""
    ends: str = ""
    """`return`, `yield` or `fail` when it ends in one."""


Binder: TypeAlias = tree.Step | tree.Let
Binding: TypeAlias = tuple[Binder, tuple[Around, ...]]
"""What binds a name, and the blocks around it from outside in."""


@dataclass(slots=True, eq=False)
class Context:
    """One place in one file."""

    program: Program
    scope: ModuleScope
    where: Where
    frame: Frame = field(default_factory=Frame)
    type_args: Mapping[str, Type] = field(default_factory=dict)
    """In a type with parameters: what they stand for."""
    body: Body | None = None
    flow: tree.FlowDecl | None = None
    binders: dict[str, list[Binding]] | None = None
    """Steps and lets of the flow by name; made when a name is not found."""
    mentioned: set[str] = field(default_factory=set)
    """Names that were read where they are not visible: that has been reported, so lint does not call them unused."""
    lost: bool = False
    """What may be an approval was not understood, which was said: so who approves what is not known."""
    bound: list[Var] = field(default_factory=list)
    """Every name bound so far in this flow, for lint."""
    soft: bool = False
    """Inside what a partial body returns or yields."""
    deadline: tuple[timedelta, str] | None = None
    """How long the flow or block around this place may take, the tightest of them, and what messages call it."""
    purse: tuple[Money, str] | None = None
    """What it may spend, likewise."""
    statement: tree.Node | None = None
    """The statement being checked, for messages about names."""

    def report(self, diagnostic: Diagnostic) -> None:
        """Say something."""
        self.program.said_count += 1
        self.program.error_count += diagnostic.severity == "error"
        self.program.report(diagnostic)

    @contextmanager
    def inside(self, frame: Frame) -> Iterator[Frame]:
        """Look at things from within a frame."""
        outer = self.frame
        self.frame = frame
        try:
            yield frame
        finally:
            self.frame = outer

    @contextmanager
    def bounded(self, policies: Sequence[Applied], name: str) -> Iterator[None]:
        """Look at what stands in something with these policies."""
        outer = self.deadline, self.purse
        for applied in policies:
            policy = applied.policy
            total = policy.total if isinstance(policy, Timeout) else None
            if total is not None and (self.deadline is None or total < self.deadline[0]):
                self.deadline = (total, name)
            money = policy.money if isinstance(policy, Budget) else None
            if money is not None and (self.purse is None or money < self.purse[0]):
                self.purse = (money, name)
        try:
            yield
        finally:
            self.deadline, self.purse = outer

    def knowing(self, facts: Mapping[Path, Type]) -> Frame:
        """A frame of an expression in which these facts hold."""
        return Frame(self.frame, facts=dict(facts))

    def symbol(self, name: str) -> Symbol | None:
        """What a name of this file means, counted as a use."""
        symbol = self.scope.values.get(name)
        if symbol is not None:
            self.scope.used.add(name)
            decl = getattr(symbol, "decl", None)
            if decl is not None:
                self.program.used.add(decl.id)
        return symbol

    def value_of(self, var: Var) -> Type:
        """The type of a variable here: what is known of it, else what it was declared with."""
        known = self.frame.fact((var,))
        if known is not None:
            return known
        if self.soft and self.body is not None and self._may_have_failed(var):
            return optional(var.type)
        return var.type

    def _may_have_failed(self, var: Var) -> bool:
        """Whether the partial body binds this name itself (rule C1)."""
        if self.body is None or var.what not in ("step", "let"):
            return False
        home = var.home
        while home is not None and home is not self.body.frame:
            if home.kind == "block":
                return False
            home = home.parent
        return home is not None
