"""How large what an expression gives can get, from how large what it reads can get.

Follows `run/evaluate.py` and `run/functions.py` case by case, and never says too little: a function or an operator that
it does not follow has no bound.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Protocol, assert_never

from leadflow.bound.sizes import (
    NONE_SIZE,
    SMALL,
    Most,
    Size,
    boundless,
    larger,
    largest,
    list_size,
    map_size,
    record_size,
    size_of_type,
    size_of_value,
    text_size,
)
from leadflow.plan.expr import (
    Apply,
    Binary,
    Bound,
    Choose,
    Comprehension,
    Const,
    Expr,
    Fit,
    Index,
    LetValue,
    ListOf,
    Local,
    Member,
    NodeValue,
    Phi,
    RecordOf,
    RunValue,
    Template,
    Unary,
)


class Reads(Protocol):
    """What expressions read."""

    def slot(self, scope: int, slot: int) -> Size:
        """A slot of a scope."""
        ...

    def node(self, node: int) -> Size:
        """The value of a node."""
        ...

    def let(self, let: int) -> Size:
        """The value of a let."""
        ...

    def words(self, expr: Expr) -> str:
        """An expression as the author would write it."""
        ...

    def mend(self, name: str) -> str:
        """How a caller may say how large what has this name is; empty when no caller can."""
        ...


Locals = Mapping[int, Size]
_TRIPLED = 3
"""Bytes for one byte, at worst, of a text in other letters, or escaped for an address."""


def size_of(expr: Expr, reads: Reads, locals_: Locals | None = None) -> Size:
    """The size of an expression's value."""
    known = locals_ or {}

    def of(part: Expr) -> Size:
        return size_of(part, reads, known)

    match expr:
        case Const(value):
            return size_of_value(value)
        case Bound(scope, slot):
            return reads.slot(scope, slot)
        case NodeValue(node):
            return reads.node(node)
        case LetValue(let):
            return reads.let(let)
        case Local(slot):
            return known.get(slot) or boundless("the failure's message")
        case RunValue(name):
            return SMALL if name != "flow" else boundless("run.flow")
        case Template(parts, slot):
            return _template([part if isinstance(part, str) else of(part) for part in parts], plain=slot == "text")
        case Member(target, name):
            return larger(of(target).field(name), NONE_SIZE)
        case Index(target, index):
            return _index(of(target), index, reads.words(expr))
        case RecordOf(entries):
            return record_size({name: of(value) for name, value in entries}.items())  # of equal names the last holds
        case ListOf(items):
            sizes = [of(item) for item in items]
            return list_size(len(items), reduce(larger, sizes) if sizes else None)
        case Comprehension(value, slot, items, _):
            source = of(items)
            each = size_of(value, reads, {**known, slot: source.item or boundless(source.open)})
            return list_size(source.items, each, reads.words(items))
        case Phi() | Choose():
            return _chosen(expr, of)
        case Binary() | Unary():
            return _operator(expr, of)
        case Apply(function, args):
            found = _FUNCTIONS.get(function)
            return boundless(reads.words(expr)) if found is None else found([of(arg) for arg in args])
        case Fit(value, type_):
            return larger(size_of_type(type_, reads.words(value)), NONE_SIZE)
        case _:
            assert_never(expr)


def _template(parts: Sequence[str | Size], *, plain: bool) -> Size:
    whole = 0
    for part in parts:
        most = len(part.encode("utf-8", "surrogatepass")) if isinstance(part, str) else part.text
        if most is None:
            return boundless("" if isinstance(part, str) else part.open)
        whole += most if plain else _TRIPLED * most
    return text_size(whole)


def _index(target: Size, index: Expr, name: str) -> Size:
    if isinstance(index, Const) and isinstance(index.value, str):
        return larger(target.field(index.value), NONE_SIZE)
    inner = [size for _, size in target.fields] + ([] if target.item is None else [target.item])
    return largest(inner) if inner or target.items == 0 else boundless(name)


def _chosen(expr: Phi | Choose, of: Callable[[Expr], Size]) -> Size:
    return largest(of(value) for _, value in expr.cases)


def _operator(expr: Binary | Unary, of: Callable[[Expr], Size]) -> Size:
    if isinstance(expr, Unary):
        return SMALL
    match expr.op:
        case "+":
            return _sum(of(expr.left), of(expr.right))
        case "??":
            return larger(of(expr.left), of(expr.right))
        case _:
            return SMALL


def _sum(left: Size, right: Size) -> Size:
    """Two texts, two lists or two numbers."""
    if left.item is not None or right.item is not None:
        items = [size.each for size in (left, right) if size.each is not None]
        return list_size(_plus(left.items, right.items), reduce(larger, items), left.open or right.open)
    joined = text_size(_plus(left.text, right.text), left.open or right.open)
    return larger(joined, SMALL) if joined.text is not None else joined


def _plus(first: Most, second: Most) -> Most:
    return None if first is None or second is None else first + second


def _times(first: Most, second: Most) -> Most:
    return 0 if 0 in (first, second) else None if first is None or second is None else first * second


# --- functions: sizes of arguments in, size of the result out ------------------------------------------------------

_Function = Callable[[Sequence[Size]], Size]


def _same(args: Sequence[Size]) -> Size:
    """As the first argument, or less."""
    return args[0]


def _letters(args: Sequence[Size]) -> Size:
    return text_size(_times(args[0].text, _TRIPLED), args[0].open)


def _pieces(args: Sequence[Size]) -> Size:
    """A list of parts of a text."""
    most = args[0].text
    whole = list_size(None if most is None else most + 1, text_size(most), args[0].open)
    return whole if most is None else Size(_plus(2, 10 * most + 3), _plus(2, 10 * most + 3), whole.items, whole.item)


def _replace(args: Sequence[Size]) -> Size:
    """Every byte may be one that is replaced."""
    text, _, new = args
    return text_size(_times(text.text, _plus(1, new.text)), text.open or new.open)


def _join(args: Sequence[Size]) -> Size:
    items, between = args[0], args[1].text if len(args) > 1 else 0
    each = 0 if items.each is None else items.each.text
    return text_size(_times(items.items, _plus(each, between)), items.open or "the joined texts")


def _string(args: Sequence[Size]) -> Size:
    """The text of the first argument, or less."""
    return text_size(args[0].text, args[0].open)


def _to_json(args: Sequence[Size]) -> Size:
    return text_size(args[0].json, args[0].open)


def _an_item(args: Sequence[Size]) -> Size:
    return larger(args[0].each or NONE_SIZE, NONE_SIZE)


def _number(args: Sequence[Size]) -> Size:
    return SMALL


def _extreme(args: Sequence[Size]) -> Size:
    return _an_item(args) if len(args) == 1 else reduce(larger, args)


def _flatten(args: Sequence[Size]) -> Size:
    lists = args[0]
    inner = lists.each or list_size(0, None)
    return list_size(_times(lists.items, inner.items), inner.each, lists.open or inner.open)


def _range(args: Sequence[Size]) -> Size:
    return list_size(None, SMALL, "range(…)")


def _zip(args: Sequence[Size]) -> Size:
    left, right = args
    fewer = [size.items for size in args if size.items is not None]
    pair = record_size((("left", left.each or NONE_SIZE), ("right", right.each or NONE_SIZE)))
    return list_size(min(fewer) if fewer else None, pair, left.open or right.open)


def _values(args: Sequence[Size]) -> Size:
    return list_size(args[0].count, args[0].each, args[0].open)


def _count_by(args: Sequence[Size]) -> Size:
    return map_size(args[0].items, args[0].text, SMALL, args[0].open)


_FUNCTIONS: Mapping[str, _Function] = {
    **dict.fromkeys(("upper", "lower"), _letters),
    "trim": _string,
    **dict.fromkeys(("split", "lines", "words"), _pieces),
    **dict.fromkeys(("take", "drop", "slice", "compact", "reverse", "sort", "unique", "sort_by"), _same),
    **dict.fromkeys(("first", "last"), _an_item),
    **dict.fromkeys(("min", "max"), _extreme),
    **dict.fromkeys(
        (
            "len", "contains", "starts_with", "ends_with", "int", "float", "parse_time", "seconds", "abs", "round",
            "floor", "ceil", "sum", "average", "count", "index_of", "all", "any",
        ),
        _number,
    ),
    "replace": _replace,
    "join": _join,
    "string": _string,
    "to_json": _to_json,
    "flatten": _flatten,
    "range": _range,
    "zip": _zip,
    "values": _values,
    "count_by": _count_by,
}  # fmt: skip
"""The functions that are followed."""
