"""What an operator gives for the types of its operands. Knows types and places; the operands have been inferred."""

from leadflow.check.checked import ConstRef
from leadflow.check.context import Context
from leadflow.check.messages.lint import never_none
from leadflow.check.messages.types import (
    bad_operator,
    json_leak,
    may_be_none,
    never_equal,
    no_common_type,
    outside_union,
)
from leadflow.check.messages.values import bad_constant
from leadflow.check.origin import say_once
from leadflow.check.spoken import spoken
from leadflow.check.types import comparable, family, holds_none, is_number, is_text, join, without_none, words_of
from leadflow.diagnostics import Edit, Fix, Span
from leadflow.plan.types import (
    BOOL,
    DURATION,
    FLOAT,
    INT,
    JSON,
    MONEY,
    NEVER,
    NONE,
    TIME,
    UNKNOWN,
    ListType,
    MapType,
    Prim,
    Type,
    show,
)
from leadflow.syntax import tree

_SPANS = (DURATION, MONEY)

_RESULTS: dict[tuple[str, Type, Type], Type] = {
    **{(op, kind, kind): kind for op in "+-" for kind in _SPANS},
    **{("*", kind, number): kind for kind in _SPANS for number in (INT, FLOAT)},
    **{("*", number, kind): kind for kind in _SPANS for number in (INT, FLOAT)},
    **{("/", kind, number): kind for kind in _SPANS for number in (INT, FLOAT)},
    **{("/", kind, kind): FLOAT for kind in _SPANS},
    ("+", TIME, DURATION): TIME,
    ("-", TIME, DURATION): TIME,
    ("-", TIME, TIME): DURATION,
}
"""Beside numbers (rule E3)."""


def arithmetic(cx: Context, expr: tree.Binary, left: Type, right: Type) -> Type:
    """`+ - * / %`."""
    if UNKNOWN in (left, right):
        return UNKNOWN
    if expr.op in ("/", "%") and cx.where == "flow" and _is_zero(cx, expr.right):
        cx.report(bad_constant(expr.span, why=f"the right side of '{expr.op}' is 0"))
        return UNKNOWN
    if is_number(left) and is_number(right):
        return INT if left == right == INT and expr.op != "/" else FLOAT
    found = _RESULTS.get((expr.op, left, right)) if isinstance(left, Prim) and isinstance(right, Prim) else None
    if found is not None:
        return found
    if not _usable(cx, expr.left, left) or not _usable(cx, expr.right, right):
        return UNKNOWN
    hint, fix = _untyped_step(cx, expr, left, right), None
    if hint:
        pass
    elif expr.op == "+" and is_text(left) | is_text(right):
        hint = 'put texts together with "${…}", or with join'
        fix = _as_text(expr)
    elif expr.op == "%" and is_text(left):
        hint = 'a value is put into a text with "${…}"'
    elif units := _units(left, right):
        hint = units
    elif TIME in (left, right) and any(is_text(side) for side in (left, right)):
        hint = "a time is read from a text by parse_time(…)"
    elif expr.op == "+" and isinstance(left, ListType) and isinstance(right, ListType):
        hint = "put lists together with flatten([a, b])"
    elif expr.op == "+" and isinstance(left, MapType):
        hint = "put maps together with merge(a, b)"
    cx.report(bad_operator(expr.span, expr.op, left=show(left), right=show(right), hint=hint, fix=fix))
    return UNKNOWN


def _units(left: Type, right: Type) -> str:
    """What a number beside a span of time or an amount lacks; empty where there is none."""
    if not (is_number(left) or is_number(right)):
        return ""
    if {left, right} & {TIME, DURATION}:
        return "a span of time has its unit: 1d, 5m, 30s"
    return "an amount has its sign: $1.50" if MONEY in (left, right) else ""


def _untyped_step(cx: Context, expr: tree.Binary, left: Type, right: Type) -> str:
    """What to say where a number is worked with, and beside it a text that is a text because its step declares no
    type; empty elsewhere."""
    for side, type_, other in ((expr.left, left, right), (expr.right, right, left)):
        var = cx.frame.find(side.text) if isinstance(side, tree.Name) else None
        if var is None or not is_text(type_) or not is_number(other):
            continue
        if isinstance(var.node, tree.Step) and var.node.type is None and isinstance(var.node.action, tree.Call):
            return f"step '{var.name}' declares no type, so it is a text: 'step {var.name}: {show(other)} = …'"
    return ""


def _is_zero(cx: Context, expr: tree.Expr) -> bool:
    """Whether a number is written as 0, or is a constant that is: a division by it fails in every run."""
    if isinstance(expr, tree.Int | tree.Float):
        return expr.value == 0
    ref = cx.program.refs.get(expr.id) if isinstance(expr, tree.Name) else None
    return isinstance(ref, ConstRef) and ref.value in (0, 0.0) and not isinstance(ref.value, bool)


def _as_text(expr: tree.Binary) -> Fix | None:
    """The fix that writes `"a" + b` as one text, where both are short enough for a hole."""
    parts: list[str] = []
    for side in (expr.left, expr.right):
        if isinstance(side, tree.Text) and side.plain is not None and not set(side.plain) & set('"\\\n\t$'):
            parts.append(side.plain)
        elif isinstance(side, tree.Name):
            parts.append(f"${{{side.text}}}")
        else:
            return None
    return Fix("write one text", (Edit(expr.span, f'"{"".join(parts)}"'),))


def negative(cx: Context, expr: tree.Unary, operand: Type) -> Type:
    """`-x`."""
    if is_number(operand) or operand in _SPANS:
        return operand
    if _usable(cx, expr.operand, operand):
        cx.report(bad_operator(expr.span, "-", left=show(operand), right=None))
    return UNKNOWN


def ordering(cx: Context, expr: tree.Binary, left: Type, right: Type) -> Type:
    """`< <= > >=`."""
    if UNKNOWN in (left, right) or not _usable(cx, expr.left, left) or not _usable(cx, expr.right, right):
        return BOOL
    kind = family(left)
    if NEVER not in (left, right) and (kind is None or kind == "bool" or kind != family(right)):
        cx.report(bad_operator(expr.span, expr.op, left=show(left), right=show(right),
                               hint=_untyped_step(cx, expr, left, right) or _units(left, right)))  # fmt: skip
    return BOOL


def equality(cx: Context, expr: tree.Binary, left: Type, right: Type) -> Type:
    """`== !=`. A text beside a union must be one of it; two types without a common value are a mistake."""
    for side, type_, other, opposite in (
        (expr.left, left, expr.right, right),
        (expr.right, right, expr.left, left),
    ):
        if isinstance(side, tree.NoneLit):
            if not holds_none(opposite) and opposite != NEVER:
                cx.report(never_none(other.span, given=show(opposite)))
            return BOOL
        if opposite == JSON and type_ not in (JSON, UNKNOWN):
            _say_json(cx, other)
            return BOOL
        if _outside(cx, side, opposite):
            return BOOL
    if not comparable(left, right):
        cx.report(never_equal(expr.span, left=show(left), right=show(right)))
    return BOOL


def _outside(cx: Context, side: tree.Expr, type_: Type) -> bool:
    """Report a literal text that is none of a union's."""
    words = words_of(type_)
    if words is None or not isinstance(side, tree.Text) or side.plain is None or side.plain in words:
        return False
    cx.report(outside_union(side.span, side.plain, words=words))
    return True


def membership(cx: Context, expr: tree.Binary, left: Type, right: Type) -> Type:
    """`in`, `not in`: an item of a list, a key of a map, a part of a text."""
    if UNKNOWN in (left, right) or not _usable(cx, expr.right, right):
        return BOOL
    match right:
        case ListType(item):
            _in_list(cx, expr, left, item)
        case MapType():
            if _usable(cx, expr.left, left) and not is_text(left):
                cx.report(never_equal(expr.left.span, left=show(left), right="a key of a map, a text,"))
        case Prim("never"):
            pass
        case _ if is_text(right):
            if _usable(cx, expr.left, left) and not is_text(left):
                cx.report(never_equal(expr.left.span, left=show(left), right="a part of a text"))
        case _:
            hint = "it looks into lists, the keys of maps, and texts"
            cx.report(bad_operator(expr.span, expr.op, left=show(left), right=show(right), hint=hint))
    return BOOL


def _in_list(cx: Context, expr: tree.Binary, left: Type, item: Type) -> None:
    items = expr.right.items if isinstance(expr.right, tree.ListLit) else ()
    if not any([_outside(cx, value, left) for value in items]):
        sought(cx, expr.left, left, item, at=expr.span)


def sought(cx: Context, expr: tree.Expr, type_: Type, item: Type, *, at: Span) -> None:
    """A value that is looked for among the items of a list must be one that they can be."""
    if _outside(cx, expr, item):
        return
    if type_ == JSON and item != JSON:
        _say_json(cx, expr)
    elif not comparable(type_, item):
        cx.report(never_equal(at, left=show(type_), right=f"the items of {show(ListType(item))}"))


def coalesce(cx: Context, expr: tree.Binary, left: Type, right: Type) -> Type:
    """`??`."""
    if UNKNOWN in (left, right):
        return UNKNOWN if left == UNKNOWN else without_none(left)
    inner = without_none(left)
    if left == JSON and right != JSON:
        _say_json(cx, expr.left)
        return right
    result = join(inner, right)
    if not holds_none(left) and result is not None:
        cx.report(never_none(expr.left.span, given=show(left)))
    if result is None:
        cx.report(no_common_type(expr.right.span, what="both sides of '??'", left=show(inner), right=show(right)))
        return UNKNOWN
    return result


def _usable(cx: Context, expr: tree.Expr, type_: Type) -> bool:
    """Whether a value may be worked with at all: not none, not json. What stands in the way is reported."""
    if type_ == JSON:
        _say_json(cx, expr)
        return False
    if holds_none(type_) and type_ != UNKNOWN:
        hint = "nothing can be done with none" if type_ == NONE else "say what holds then, with '??' or 'if … != none'"
        say_once(cx, expr, may_be_none(expr.span, what=spoken(expr), given=show(type_), hint=hint))
        return False
    return type_ != UNKNOWN


def _say_json(cx: Context, expr: tree.Expr) -> None:
    hint = "declare the type of the step it comes from, or write 'let x: T? = …'"
    cx.report(json_leak(expr.span, what=spoken(expr), hint=hint))
