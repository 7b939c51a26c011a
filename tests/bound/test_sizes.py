"""Sizes are never too small: no value is larger than what its type, its expression or its source allows."""

import json
from collections.abc import Iterator, Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.bound.expressions import size_of
from leadflow.bound.sizes import Size, boundless, larger, no_more, size_of_field, size_of_type, size_of_value
from leadflow.plan.expr import (
    Apply,
    Bound,
    Comprehension,
    Const,
    Expr,
    ListOf,
    Local,
    Member,
    NodeValue,
    RecordOf,
    Template,
)
from leadflow.plan.forms import to_json_text, to_text
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.tokens import PER_MESSAGE, as_object, schema_tokens, text_tokens
from leadflow.plan.types import (
    FieldType,
    Length,
    ListType,
    LiteralType,
    MapType,
    Prim,
    RecordType,
    Type,
    UnionType,
    Value,
)
from leadflow.run.errors import ValueProblem
from leadflow.run.evaluate import compile_expr
from leadflow.run.values import Mismatch, admit
from tests.plan.making import TYPES
from tests.values import Room, expressions, values

ROOM: dict[int, Value] = {0: {"id": "T-1", "tags": ("a", "é"), "score": 0.5}, 1: (1, 2, 3), 2: None}


class Sizes:
    """What expressions over `ROOM` read."""

    def slot(self, scope: int, slot: int) -> Size:
        """There is none."""
        raise AssertionError((scope, slot))

    def node(self, node: int) -> Size:
        """Of a value that is known."""
        return size_of_value(ROOM[node])

    def let(self, let: int) -> Size:
        """There is none."""
        raise AssertionError(let)

    def words(self, expr: Expr) -> str:
        """Anything."""
        return "it"

    def mend(self, name: str) -> str:
        """Nothing."""
        return ""


class Unknown(Sizes):
    """Reads values of which nothing is known."""

    def node(self, node: int) -> Size:
        """Of any size."""
        return boundless("it")


def is_large_enough(size: Size, value: Value) -> bool:
    """Whether a value is no larger than a size, its parts included."""
    if size.text is not None and text_tokens(to_text(value)) > size.text:
        return False
    if size.json is not None and text_tokens(to_json_text(value)) > size.json:
        return False
    if type(value) is tuple:
        is_long = size.items is not None and len(value) > size.items
        return not is_long and all(size.item is None or is_large_enough(size.item, part) for part in value)
    if isinstance(value, dict):
        return all(is_large_enough(size.field(name), part) for name, part in value.items())
    return True


@settings(max_examples=150)
@given(expressions())
def test_no_value_is_larger_than_its_expression_says(expr: Expr) -> None:
    """Whatever an expression gives, its size was known to be at least that, whatever is known of what it reads."""
    try:
        value = compile_expr(expr)(Room(ROOM))
    except ValueProblem:
        return
    for reads in (Sizes(), Unknown()):
        assert is_large_enough(size_of(expr, reads), value)


# --- functions of functions ----------------------------------------------------------------------------------------

_LONG = "a long text, of many words"
RICH: dict[int, Value] = {
    0: ({"k": _LONG, "n": 7, "l": (_LONG,)}, {"k": "b", "n": 3, "l": ()}),
    1: (5, 1234567, 5),
    2: _LONG,
    3: (_LONG, "", _LONG * 2, None),
    4: {"first": _LONG, "second": "b"},
    5: ((_LONG,), (_LONG, "c")),
    6: 2,
}
"""Values of all kinds, larger than what nothing is known of would be if it were taken for nothing."""


class Known(Sizes):
    """Reads values that are known."""

    def node(self, node: int) -> Size:
        """As it is."""
        return size_of_value(RICH[node])


class Counted(Sizes):
    """Reads values of which only the number of items is known."""

    def node(self, node: int) -> Size:
        """So many items, of any size."""
        return Size(None, None, size_of_value(RICH[node]).items, open="it")


def calls(firsts: Sequence[Expr]) -> Iterator[tuple[Apply, Value]]:
    """A call of each function on each of these that it takes, with what it gives."""
    leaves: list[Expr] = [*(NodeValue(node) for node in RICH), Const("k"), Const("n"), Const("l")]
    for (name, row), first in product(FUNCTIONS.items(), firsts):
        for count in range(sum(param.required for param in row.params), min(3, len(row.params)) + 1):
            for rest in product(leaves, repeat=count - 1):
                args: tuple[Expr, ...] = (first, *rest)
                call = Apply(name, args)
                try:
                    value = compile_expr(call)(Room(RICH))
                except ValueProblem:
                    continue
                yield call, value
                break


def test_no_function_of_a_function_gives_more_than_its_size() -> None:
    """Whatever is known of what they read, two functions in a row give no more than is said: none may take what nobody
    knows for nothing."""
    record: Expr = RecordOf((("x", NodeValue(2)), ("y", Const("b"))))
    leaves = [*(NodeValue(node) for node in RICH), record, ListOf((NodeValue(5),)), ListOf(())]
    first = list(calls(leaves))
    second = list(calls([*(call for call, _ in first), Comprehension(Local(0), 0, NodeValue(3), None)]))
    assert len(second) > 500
    for call, value in (*first, *second):
        for reads in (Known(), Counted(), Unknown()):
            assert is_large_enough(size_of(call, reads), value), (call, reads)


@given(values(), values())
def test_a_value_has_its_size(first: Value, second: Value) -> None:
    """The size of a known value holds it, and so does a larger one."""
    assert is_large_enough(size_of_value(first), first)
    both = larger(size_of_value(first), size_of_value(second))
    assert is_large_enough(both, first) and is_large_enough(both, second)


def test_what_may_be_anything_may_hold_anything() -> None:
    """A union with `json` says nothing of what stands in its lists, whatever its other sides say."""
    size = size_of_type(UnionType((Prim("json"), ListType(Prim("string")))), "it")
    assert is_large_enough(size, ((1, 2, ("deep",)),))


@settings(max_examples=100)
@given(TYPES, values())
def test_no_value_is_larger_than_its_type(type_: Type, raw: Value) -> None:
    """What a door lets in has the size of its type, and none that the bytes it was read from do not allow."""
    value = admit(type_, raw)
    if isinstance(value, Mismatch):
        return
    size = size_of_type(type_, "it")
    assert is_large_enough(size, value)
    read = no_more(size, text_tokens(to_json_text(raw)))
    assert read.text is not None
    assert is_large_enough(read, value)


def test_a_default_is_not_bounded_by_what_was_read() -> None:
    """What stands in a field that was not given has the size of its default, also in each item of a list."""
    notes = ("a long note of somebody", "and another one", "and a third")
    type_ = RecordType((FieldType("notes", ListType(Prim("string")), default=notes),))
    for one, raw in ((type_, "{}"), (ListType(type_), "[{},{},{}]")):
        value = admit(one, json.loads(raw))
        assert not isinstance(value, Mismatch)
        assert is_large_enough(no_more(size_of_type(one, "it"), len(raw)), value)


def test_constraints_bound_a_field() -> None:
    """`@length` of a text is in characters of at most four bytes, that of a list in items; words are short."""
    text, words = Prim("string"), UnionType((LiteralType("bug"), LiteralType("billing")))
    assert 40 == size_of_field(FieldType("t", text, constraints=(Length(None, 10),)), "t").text
    assert 7 == size_of_type(words, "w").text
    listed = size_of_field(FieldType("l", ListType(words), constraints=(Length(0, 3),)), "l")
    assert (3, 2 + 3 * 10) == (listed.items, listed.text)
    assert None is size_of_field(FieldType("t", text), "t").text


@pytest.mark.parametrize(
    ("type_", "expr", "name"),
    [
        (Prim("string"), Template(("x", NodeValue(0))), "step"),
        (RecordType((FieldType("body", Prim("string")),)), Member(NodeValue(0), "body"), "step.body"),
        (RecordType((FieldType("body", Prim("json")),)), Member(Member(NodeValue(0), "body"), "x"), "step.body.x"),
        (ListType(Prim("string")), Apply("join", (NodeValue(0), Const(", "))), "step"),
        (MapType(Prim("int")), ListOf((NodeValue(0),)), "step"),
        (Prim("string"), Apply("group_by", (NodeValue(0), Const("k"))), "it"),
    ],
)
def test_what_has_no_bound_has_a_name(type_: Type, expr: Expr, name: str) -> None:
    """People are told what it is that may be of any length."""

    class Reads(Sizes):
        def node(self, node: int) -> Size:
            """Of the type."""
            return size_of_type(type_, "step")

    size = size_of(expr, Reads())
    assert (None, name) == (size.text, size.open)


def test_a_schema_is_counted_as_its_text() -> None:
    """The tokens of an answer's schema: that of the type, as the field `value` when it is no record."""
    one = RecordType((FieldType("value", Prim("int")),))
    assert one == as_object(Prim("int")) == as_object(one)
    assert schema_tokens(one) == schema_tokens(Prim("int")) > PER_MESSAGE


@given(st.text())
def test_a_text_has_no_more_tokens_than_bytes(text: str) -> None:
    """Which is how texts are counted, half characters included."""
    assert len(text.encode("utf-8", "surrogatepass")) == text_tokens(text)


def test_slots_are_read_by_their_place() -> None:
    """What a slot holds is asked of the flow."""

    class Reads(Sizes):
        def slot(self, scope: int, slot: int) -> Size:
            """Larger ones behind smaller ones."""
            return size_of_value("x" * (scope + slot))

    assert 7 == size_of(Bound(3, 4), Reads()).text
