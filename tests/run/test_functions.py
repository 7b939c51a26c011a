"""Every built-in function: one case at least each, and none that the table does not know."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from leadflow.plan.expr import Apply, Const
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.types import Money, Value
from leadflow.run.errors import ValueProblem
from leadflow.run.evaluate import compile_expr
from leadflow.run.functions import IMPLEMENTED
from tests.values import Room

NOON = datetime(2026, 3, 4, 12, 5, 9, tzinfo=timezone(timedelta(hours=2)))
ROWS: tuple[Value, ...] = (
    {"id": 1, "team": "b", "ok": True},
    {"id": 2, "team": "a", "ok": False},
    {"id": 3, "team": "b", "ok": True},
)

CASES: list[tuple[str, tuple[Value, ...], Value]] = [
    ("len", ("né",), 2),
    ("len", ((1, 2),), 2),
    ("len", ({"a": 1},), 1),
    ("upper", ("aß",), "ASS"),
    ("lower", ("AÉ",), "aé"),
    ("trim", (" a b\n",), "a b"),
    ("contains", ("abc", "bc"), True),
    ("starts_with", ("abc", "bc"), False),
    ("ends_with", ("abc", "bc"), True),
    ("replace", ("a.a", ".", "${x}"), "a${x}a"),
    ("replace", ("aa", "", "b"), "aa"),
    ("split", ("a,b,", ","), ("a", "b", "")),
    ("split", ("ab", ""), ("ab",)),
    ("lines", ("a\r\nb\n\nc\n",), ("a", "b", "", "c")),
    ("lines", ("",), ()),
    ("words", ("  a \n b ",), ("a", "b")),
    ("join", (("a", "b"), ", "), "a, b"),
    ("join", (("a", "b"),), "ab"),
    ("string", ("a",), "a"),
    ("string", ({"a": timedelta(seconds=1)},), '{"a":"PT1S"}'),
    ("int", (" -12 ",), -12),
    ("int", ("1_000",), None),
    ("int", ("٣",), None),
    ("int", (str(2**63),), None),
    ("int", (-1.9,), -1),
    ("float", ("1e3",), 1000.0),
    ("float", ("nan",), None),
    ("float", ("1e999",), None),
    ("float", (3,), 3.0),
    ("parse_json", ('{"a": [1, null]}',), {"a": (1, None)}),
    ("parse_json", ("{",), None),
    ("parse_json", ("NaN",), None),
    ("to_json", ({"a": (1, "x")},), '{"a":[1,"x"]}'),
    ("format_time", (NOON, "YYYY-MM-DD hh:mm:ss"), "2026-03-04 10:05:09"),
    ("parse_time", ("2026-03-04T10:05:09Z",), datetime(2026, 3, 4, 10, 5, 9, tzinfo=UTC)),
    ("parse_time", ("2026-03-04",), None),
    ("seconds", (timedelta(minutes=1.5),), 90.0),
    ("abs", (-3,), 3),
    ("round", (2.5,), 2),
    ("round", (3.14159, 2), 3.14),
    ("floor", (-1.5,), -2),
    ("ceil", (-1.5,), -1),
    ("min", ((3, 1.5),), 1.5),
    ("min", ((),), None),
    ("min", ("b", "a"), "a"),
    ("max", ((Money(1), Money(2)),), Money(2)),
    ("max", (1, 3, 2), 3),
    ("sum", ((1, 2),), 3),
    ("sum", ((1, 0.5),), 1.5),
    ("sum", ((),), 0),
    ("sum", ((Money(2), Money(3)), Money(1)), Money(6)),
    ("sum", ((), timedelta(0)), timedelta(0)),
    ("sum", ((timedelta(1), timedelta(2)), timedelta(0)), timedelta(3)),
    ("average", ((1, 2),), 1.5),
    ("average", ((Money(1), Money(4)),), Money(2)),
    ("average", ((timedelta(2), timedelta(4)),), timedelta(3)),
    ("average", ((),), None),
    ("first", ((1, 2),), 1),
    ("first", ((),), None),
    ("last", ((1, 2),), 2),
    ("take", ((1, 2, 3), 2), (1, 2)),
    ("take", ((1, 2, 3), -1), ()),
    ("drop", ((1, 2, 3), 2), (3,)),
    ("slice", ((1, 2, 3), 1), (2, 3)),
    ("slice", ("abc", 0, 2), "ab"),
    ("slice", ("abc", -2, 10), "abc"),
    ("chunk", ((1, 2, 3), 2), ((1, 2), (3,))),
    ("chunk", ((1, 2), 0), ((1,), (2,))),
    ("compact", ((1, None, 0),), (1, 0)),
    ("flatten", (((1,), (), (2, 3)),), (1, 2, 3)),
    ("reverse", ((1, 2),), (2, 1)),
    ("sort", (("b", "a"),), ("a", "b")),
    ("unique", ((2, 1, 2.0, True, {"a": 1}, {"a": 1.0}),), (2, 1, True, {"a": 1})),
    ("zip", ((1, 2), ("a",)), ({"left": 1, "right": "a"},)),
    ("range", (3,), (0, 1, 2)),
    ("range", (2, 4), (2, 3)),
    ("range", (4, 2), ()),
    ("count", ((1, True, 1.0), 1), 2),
    ("index_of", ((True, 1), 1), 1),
    ("index_of", ((), 1), None),
    ("all", ((True, False),), False),
    ("all", ((),), True),
    ("any", ((False, True),), True),
    ("keys", ({"b": 1, "a": 2},), ("b", "a")),
    ("values", ({"b": 1, "a": 2},), (1, 2)),
    ("entries", ({"b": 1},), ({"key": "b", "value": 1},)),
    ("from_entries", (({"key": "b", "value": 1}, {"key": "b", "value": 2}),), {"b": 2}),
    ("merge", ({"a": 1, "b": 1}, {"b": 2}), {"a": 1, "b": 2}),
    ("group_by", (ROWS, "team"), {"b": (ROWS[0], ROWS[2]), "a": (ROWS[1],)}),
    ("count_by", (ROWS, "ok"), {"true": 2, "false": 1}),
    ("index_by", (ROWS, "team"), {"b": ROWS[2], "a": ROWS[1]}),
    ("sort_by", (ROWS, "team"), (ROWS[1], ROWS[0], ROWS[2])),
]


def call(name: str, args: tuple[Value, ...]) -> Value:
    """The value of a function."""
    return compile_expr(Apply(name, tuple(Const(arg) for arg in args)))(Room())


def test_the_two_tables_agree() -> None:
    """Each row of the language's table is implemented, nothing else is, and each has a case here."""
    assert set(FUNCTIONS) == set(IMPLEMENTED) == {name for name, _, _ in CASES}


@pytest.mark.parametrize(("name", "args", "expected"), CASES)
def test_functions(name: str, args: tuple[Value, ...], expected: Value) -> None:
    """A function gives what its row in the table says; what may be missing is none (rule E3)."""
    result = call(name, args)
    assert (type(expected), expected) == (type(result), result)


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("sort", ((1, "a"),), "cannot compare number with string"),
        ("min", ((True, False),), "bool has no order"),
        ("sum", ((2**63 - 1, 1),), "64 bits"),
        ("average", ((1e308, 1e308, 1e308),), "out of range"),
        ("int", (1e300,), "64 bits"),
        ("abs", (-(2**63),), "64 bits"),
        ("upper", (1,), "a string is needed, not int"),
        ("first", (None,), "a list is needed, not none"),
        ("count_by", (({},), {}), "a string is needed, not record"),
        ("keys", ((),), "a map or record is needed, not list"),
    ],
)
def test_functions_without_a_value(name: str, args: tuple[Value, ...], said: str) -> None:
    """What cannot be computed says why."""
    with pytest.raises(ValueProblem, match=said):
        call(name, args)


def test_half_characters_do_no_harm() -> None:
    """A lone surrogate that came in some other way does not break a function (case 51)."""
    half = "\ud800a"
    assert ["\ud800A", 2, "\ud800a,x"] == [
        call("upper", (half,)),
        call("len", (half,)),
        call("join", ((half, "x"), ",")),
    ]
