"""Expressions of the tree -> core expressions: names resolved to positions, sugar gone.

Knows what each form of the tree stands for. What a name stands for is told by `bindings`, which `build` keeps; what an
expression reads is collected in `reads`, in the order of the text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias, cast

from leadflow.check.checked import Checked, ConstRef, FunctionCall, LocalRef, Ref, RunRef
from leadflow.plan.expr import (
    Apply,
    Binary,
    Choose,
    Comprehension,
    Const,
    Expr,
    Fit,
    Guard,
    Index,
    ListOf,
    Local,
    Member,
    Phi,
    RecordOf,
    RunValue,
    SlotKind,
    Template,
    Unary,
)
from leadflow.plan.types import Money, Value
from leadflow.syntax import tree

Binding: TypeAlias = tuple[Expr, tuple[int, ...], Guard | None]
"""What a declaration stands for here, the vertices to wait for, and under what it is bound. A plain tuple, because
there is one for each step."""


@dataclass(slots=True, eq=False)
class Translator:
    """Translates the expressions of one flow."""

    checked: Checked
    refs: Mapping[int, Ref]
    """As `checked.refs`."""
    bindings: dict[int, Binding] = field(default_factory=dict)
    """By the id of the declaring node."""
    reads: list[int] = field(default_factory=list)
    """Vertices read since the last `begin`, with repeats."""
    has_constants: bool = False
    """Whether an operator over a constant was seen since the last `begin`."""
    soften: Callable[[Binding], Binding] | None = None
    """How names are read where a failure gives none (rule C1)."""
    written_out: dict[int, tree.Expr | None] = field(default_factory=dict)
    """What stands for each parameter of a tool whose call is being translated, by the parameter's id."""
    _depth: int = 0
    """How many variables of the expression are visible."""

    def begin(self) -> None:
        """Forget what was read."""
        self.reads, self.has_constants = [], False

    def expr(self, node: tree.Expr, slot: SlotKind = "text") -> Expr:
        """The core of an expression; a text that stands right there is escaped for the slot (rule E5)."""
        return FORMS[type(node)](self, node, slot)

    def let(self, node: tree.Let) -> Expr:
        """The value of a `let`; where it is a door from json, what does not fit is none (rule E1)."""
        value = self.expr(node.value)
        type_ = self.checked.fits.get(node.id)
        return value if type_ is None else Fit(value, type_)

    def constant(self, node: tree.Expr) -> Expr:
        """An expression that the checker has folded."""
        value = self.checked.constants.get(node.id)
        return self.expr(node) if value is None else Const(cast(Value, value))

    def bind(self, *variables: int) -> int:
        """Open a variable of the expression, under all the ids that may declare it; its slot."""
        slot = self._depth
        for variable in variables:
            self.bindings[variable] = (Local(slot), (), None)
        self._depth += 1
        return slot

    def close(self) -> None:
        """Close the innermost variable."""
        self._depth -= 1

    def local(self, ref: LocalRef) -> Expr:
        """The value of a name."""
        cases: list[tuple[Guard | None, Expr]] = []
        for decl in ref.decls:
            found = self.bindings[decl]
            expr, reads, guard = found if self.soften is None else self.soften(found)
            self.reads += reads
            if len(ref.decls) == 1:
                return expr
            cases.extend(expr.cases if isinstance(expr, Phi) else [(guard, expr)])
        return Phi(tuple(cases))

    def all_of(self, nodes: Sequence[tree.Expr], slot: SlotKind = "text") -> tuple[Expr, ...]:
        """The cores of several expressions."""
        made = tuple([self.expr(node, slot) for node in nodes])
        self.note(*made)
        return made

    def note(self, *operands: Expr) -> None:
        """Remember whether an operand is a constant."""
        for operand in operands:
            if type(operand) is Const:
                self.has_constants = True


def pattern_values(patterns: tuple[tree.Pattern, ...]) -> tuple[Value, ...] | None:
    """What the patterns of an arm hold; None for the wildcard."""
    values: list[Value] = []
    for pattern in patterns:
        if not isinstance(pattern, tree.LiteralPattern):
            return None
        values.append(pattern.value)
    return tuple(values)


# --- one function per form ----------------------------------------------------------------------------------------


def _name(to: Translator, node: tree.Name, slot: SlotKind) -> Expr:
    ref = to.refs[node.id]
    if isinstance(ref, LocalRef):
        decls = ref.decls
        if decls[0] in to.written_out:
            given = to.written_out[decls[0]]
            return Const(None) if given is None else to.expr(given)
        if len(decls) > 1 or to.soften is not None:
            return to.local(ref)
        expr, reads, _ = to.bindings[decls[0]]
        to.reads += reads
        return expr
    if isinstance(ref, ConstRef):
        return Const(ref.value)
    raise AssertionError(f"'{node.text}' is no value")


def _text(to: Translator, node: tree.Text, slot: SlotKind) -> Expr:
    plain = node.plain
    if plain is not None:
        return Const(plain)
    parts: list[str | Expr] = []
    for part in node.parts:
        if isinstance(part, str):
            parts.append(part)
        else:
            made = to.expr(part)
            if type(made) is Const:
                to.has_constants = True
            parts.append(made)
    return Template(tuple(parts), slot)


def _literal(to: Translator, node: tree.Int | tree.Float | tree.Bool, slot: SlotKind) -> Expr:
    return Const(node.value)


def _none(to: Translator, node: tree.NoneLit, slot: SlotKind) -> Expr:
    return Const(None)


def _duration(to: Translator, node: tree.Duration, slot: SlotKind) -> Expr:
    return Const(timedelta(milliseconds=node.milliseconds))


def _money(to: Translator, node: tree.Money, slot: SlotKind) -> Expr:
    return Const(Money(node.micros))


def _size(to: Translator, node: tree.Size, slot: SlotKind) -> Expr:
    return Const(node.bytes)


def _list(to: Translator, node: tree.ListLit, slot: SlotKind) -> Expr:
    to.has_constants |= not node.items
    return ListOf(to.all_of(node.items, slot))


def _record(to: Translator, node: tree.RecordLit, slot: SlotKind) -> Expr:
    values = to.all_of([entry.value for entry in node.entries], slot)
    entries = [(entry.key.text, value) for entry, value in zip(node.entries, values, strict=True)]
    fills = to.checked.fills.get(node.id)
    if fills:
        entries.extend([(name, Const(value)) for name, value in fills.items()])
    to.has_constants |= not values
    return RecordOf(tuple(entries))


def _comprehension(to: Translator, node: tree.Comprehension, slot: SlotKind) -> Expr:
    items = to.expr(node.items)
    to.note(items)
    local = to.bind(node.id, node.name.id)
    value = to.expr(node.value)
    condition = to.expr(node.condition) if node.condition is not None else None
    to.close()
    return Comprehension(value, local, items, condition)


def _binary(to: Translator, node: tree.Binary, slot: SlotKind) -> Expr:
    left, right = to.expr(node.left), to.expr(node.right)
    to.note(left, right)
    return Binary(node.op, left, right)


def _unary(to: Translator, node: tree.Unary, slot: SlotKind) -> Expr:
    operand = to.expr(node.operand)
    to.note(operand)
    return Unary(node.op, operand)


def _member(to: Translator, node: tree.Member, slot: SlotKind) -> Expr:
    if isinstance(node.target, tree.Name) and isinstance(to.refs[node.target.id], RunRef):
        return RunValue(cast(Any, node.name.text))
    target = to.expr(node.target)
    to.note(target)
    return Member(target, node.name.text, node.safe)


def _index(to: Translator, node: tree.Index, slot: SlotKind) -> Expr:
    target, index = to.expr(node.target), to.expr(node.index)
    to.note(target)
    return Index(target, index)


def _call(to: Translator, node: tree.Call, slot: SlotKind) -> Expr:
    if node.id in to.checked.constants:  # a file
        return Const(cast(Value, to.checked.constants[node.id]))
    call = to.checked.calls[node.id]
    if isinstance(call, FunctionCall):
        return Apply(call.function, (*to.all_of(call.args), *map(Const, call.fills)))
    raise AssertionError("an action stands inside an expression")


def _conditional(to: Translator, node: tree.Conditional, slot: SlotKind) -> Expr:
    subject = to.expr(node.condition)
    to.note(subject)
    return Choose(subject, (((True,), to.expr(node.then, slot)), (None, to.expr(node.otherwise, slot))))


def _match(to: Translator, node: tree.MatchValue, slot: SlotKind) -> Expr:
    subject = to.expr(node.subject)
    to.note(subject)
    return Choose(subject, tuple([(pattern_values(arm.patterns), to.expr(arm.value, slot)) for arm in node.arms]))


FORMS: Mapping[type, Callable[[Translator, Any, SlotKind], Expr]] = {
    tree.Name: _name,
    tree.Text: _text,
    tree.Int: _literal,
    tree.Float: _literal,
    tree.Bool: _literal,
    tree.NoneLit: _none,
    tree.Duration: _duration,
    tree.Money: _money,
    tree.Size: _size,
    tree.ListLit: _list,
    tree.RecordLit: _record,
    tree.Comprehension: _comprehension,
    tree.Binary: _binary,
    tree.Unary: _unary,
    tree.Member: _member,
    tree.Index: _index,
    tree.Call: _call,
    tree.Conditional: _conditional,
    tree.MatchValue: _match,
}
"""By the class of the tree's node. `Rate` stands in annotations only, `BadExpr` never in a correct program."""
