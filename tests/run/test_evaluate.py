"""What expressions give, that they always end, and how holes are escaped."""

from datetime import UTC, datetime, timedelta
from time import process_time
from typing import get_args

import pytest
from hypothesis import given, settings

from leadflow.plan.expr import (
    Apply,
    Binary,
    BinaryOp,
    Bound,
    Choose,
    Comprehension,
    Const,
    Expr,
    Fit,
    Guard,
    Index,
    LetValue,
    ListOf,
    Local,
    Member,
    NodeValue,
    Phi,
    RecordOf,
    RunValue,
    SlotKind,
    Template,
    Unary,
)
from leadflow.plan.operators import Gauge, NoValue, check_size, pay_for_text
from leadflow.plan.types import INT, FieldType, ListType, Money, RecordType, Value
from leadflow.run.errors import InternalError, ValueProblem
from leadflow.run.evaluate import TABLE, compile_expr
from tests.values import Room, expressions

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TICKET: Value = {"id": "T-1", "tier": "pro", "tags": ("a", "b"), "score": 0.5}


def value(expr: Expr, room: Room | None = None) -> Value:
    """The value of an expression."""
    return compile_expr(expr)(room or Room({0: TICKET, 1: (1, 2, 3), 2: None}))


def both(left: Value, op: BinaryOp, right: Value) -> Value:
    """The value of `left op right`."""
    return value(Binary(op, Const(left), Const(right)))


def problem(expr: Expr) -> str:
    """What an expression without a value says."""
    with pytest.raises(ValueProblem) as caught:
        value(expr)
    return caught.value.message


def test_every_expression_can_be_compiled() -> None:
    """The table has a row for each member of the union, and no other."""
    assert set(get_args(Expr)) == set(TABLE)


def test_reads() -> None:
    """Slots, nodes, lets, variables and the run's constants are read where they are."""
    room = Room({7: "node"}, ("slot",))
    room.lets, room.locals = {3: "let"}, ["local"]
    reads: list[Expr] = [Const(1), Bound(0, 0), NodeValue(7), LetValue(3), Local(0), RunValue("id"), RunValue("flow")]
    assert [1, "slot", "node", "let", "local", "run-1", "triage"] == [value(read, room) for read in reads]
    assert datetime(2026, 1, 2, tzinfo=UTC) == value(RunValue("started"))


def test_phi_gives_the_arm_that_was_taken() -> None:
    """The first case whose guard holds; none when no guard does."""
    taken, other = (Guard(0, (0,)), Const("taken")), (Guard(0, (1,)), Const("other"))
    assert "taken" == value(Phi((other, taken)))
    assert None is value(Phi((other,)))


def test_members_and_indices() -> None:
    """What is not there is none (rule E3), also at -1 and 10^18 (case 41)."""
    ticket, items = NodeValue(0), NodeValue(1)
    assert "pro" == value(Member(ticket, "tier"))
    assert "pro" == value(Index(ticket, Const("tier")))
    assert [2, None, None, None] == [value(Index(items, Const(at))) for at in (1, 3, -1, 10**18)]
    assert None is value(Index(ticket, Const("nope")))
    assert None is value(Member(NodeValue(2), "x", safe=True))
    assert "none has no field 'x'" == problem(Member(NodeValue(2), "x"))


def test_python_is_out_of_reach() -> None:
    """Attributes of Python objects are no fields (case 34)."""
    assert "string has no field '__class__'" == problem(Member(Const("x"), "__class__"))
    assert None is value(Member(NodeValue(0), "__class__"))
    assert "duration has no field 'days'" == problem(Member(Const(timedelta(1)), "days"))


@pytest.mark.parametrize(
    ("left", "op", "right", "expected"),
    [
        (1, "+", 2, 3),
        (1, "+", 0.5, 1.5),
        ("a", "+", "b", "ab"),
        (7, "/", 2, 3.5),
        (4, "/", 2, 2.0),
        (7, "%", 3, 1),
        (-7, "%", 3, 2),
        (timedelta(seconds=30), "*", 2, timedelta(seconds=60)),
        (2, "*", timedelta(seconds=30), timedelta(seconds=60)),
        (timedelta(seconds=30), "-", timedelta(seconds=40), timedelta(seconds=-10)),
        (timedelta(seconds=30), "/", 4, timedelta(seconds=7.5)),
        (timedelta(minutes=1), "/", timedelta(seconds=30), 2.0),
        (NOON, "+", timedelta(hours=1), NOON.replace(hour=13)),
        (NOON, "-", timedelta(hours=1), NOON.replace(hour=11)),
        (NOON, "-", NOON.replace(hour=11), timedelta(hours=1)),
        (NOON, "<", NOON.replace(hour=13), True),
        (Money(500_000), "/", Money(250_000), 2.0),
        (Money(500_000), "+", Money(250_000), Money(750_000)),
        (Money(3), "*", 0.5, Money(2)),
        (Money(1), "/", 2, Money(0)),
        (1, "==", 1.0, True),
        (1, "==", True, False),
        ((1, {"a": 2}), "==", (1, {"a": 2.0}), True),
        ({"a": 1}, "==", {"a": 1, "b": None}, False),
        (Money(5), "==", (5,), False),
        ("a", "!=", "b", True),
        (2, "<", 2.5, True),
        ("a", ">=", "b", False),
        (Money(2), ">", Money(1), True),
        (2, "in", (1, 2.0), True),
        (True, "in", (1,), False),
        ("a", "in", {"a": None}, True),
        ("b", "not in", "abc", False),
        (None, "??", 3, 3),
        (False, "??", 3, False),
        (False, "or", True, True),
        (True, "and", False, False),
    ],
)
def test_operators(left: Value, op: BinaryOp, right: Value, expected: Value) -> None:
    """Numbers are exact or finite, kinds do not mix, and 1 is not true (rule E3)."""
    result = both(left, op, right)
    assert (type(expected), expected) == (type(result), result)


@pytest.mark.parametrize(
    ("left", "op", "right", "said"),
    [
        (1, "/", 0, "division by zero"),
        (1, "%", 0, "division by zero"),
        (2**63 - 1, "+", 1, "64 bits"),
        (2**62, "*", 2**62, "64 bits"),
        (1e308, "*", 10, "out of range"),
        (timedelta.max, "+", timedelta(days=1), "out of range"),
        (NOON, "+", timedelta.max, "out of range"),
        (timedelta(1), "/", timedelta(0), "division by zero"),
        (Money(1), "/", Money(0), "division by zero"),
        (Money(1), "/", timedelta(1), "cannot compute money / duration"),
        (NOON, "+", NOON, "cannot compute time + time"),
        (timedelta(1), "-", NOON, "cannot compute duration - time"),
        (1, "+", "a", "cannot compute int + string"),
        (True, "+", 1, "cannot compute bool + int"),
        ("a", "<", 1, "cannot compare string with int"),
        (True, "<", 2, "cannot compare bool with int"),
        ((1,), "<", (2,), "cannot compare list with list"),
        ("a", "*", 10**9, "cannot compute string * int"),
        ((0,), "*", 10**9, "cannot compute list * int"),
        (1, "in", {"1": 2}, "cannot look for int in record"),
        (1, "and", True, "a condition is true or false, not int"),
    ],
)
def test_operators_without_a_value(left: Value, op: BinaryOp, right: Value, said: str) -> None:
    """What has no value says why, in the author's words (cases 38, 40, 42)."""
    assert said in problem(Binary(op, Const(left), Const(right)))


def test_the_right_side_is_read_only_when_needed() -> None:
    """`or`, `and` and `??` stop when the left side decides."""
    never = Binary("/", Const(1), Const(0))
    assert [True, False, 1] == [
        value(Binary("or", Const(True), never)),
        value(Binary("and", Const(False), never)),
        value(Binary("??", Const(1), never)),
    ]


def test_a_chain_of_operators_reads_from_the_left() -> None:
    """Ten thousand terms need no stack."""
    chain: Expr = Const(0)
    for number in range(10_000):
        chain = Binary("-" if number % 2 else "+", chain, Const(number))
    assert -5000 == value(chain)


def test_signs_and_negation() -> None:
    """`-` negates numbers, durations and money; `not` takes only a bool."""
    assert [-1, Money(-2), timedelta(-1)] == [value(Unary("-", Const(v))) for v in (1, Money(2), timedelta(1))]
    assert "64 bits" in problem(Unary("-", Const(-(2**63))))
    assert "cannot negate bool" == problem(Unary("-", Const(True)))
    assert "not int" in problem(Unary("not", Const(0)))


def test_choices() -> None:
    """`if` and `match` take the first case that holds the value; 1 and true are different cases."""
    cases: tuple[tuple[tuple[Value, ...] | None, Expr], ...]
    cases = (((1, None), Const("one")), ((True,), Const("yes")), (("a", "b"), Const("word")), (None, Const("else")))
    assert ["one", "one", "one", "yes", "word", "else", "else"] == [
        value(Choose(Const(subject), cases)) for subject in (1, 1.0, None, True, "b", "c", (1,))
    ]
    decide = (((True,), Const("then")), (None, Binary("/", Const(1), Const(0))))
    assert "then" == value(Choose(Const(True), decide))
    assert "no case" in problem(Choose(Const(2), cases[:1]))


def test_comprehensions() -> None:
    """A comprehension keeps order, filters, nests, and restores nothing it did not bind."""
    double = Comprehension(Binary("*", Local(1), Const(2)), 1, NodeValue(1), Binary("!=", Local(1), Const(2)))
    room = Room({1: (1, 2, 3)})
    room.locals = ["error"]
    assert (2, 6) == value(double, room)
    assert "error" == room.locals[0]
    grid = Comprehension(Comprehension(Binary("+", Local(0), Local(1)), 1, NodeValue(1), None), 0, NodeValue(1), None)
    assert ((2, 3, 4), (3, 4, 5), (4, 5, 6)) == value(grid)
    assert "none is no list to go through" == problem(Comprehension(Local(0), 0, NodeValue(2), None))


def test_fit() -> None:
    """A json value becomes a type where it fits, else none (rule E1)."""
    type_ = RecordType((FieldType("tags", ListType(INT)),))
    assert None is value(Fit(NodeValue(0), type_))
    assert {"tags": (1,)} == value(Fit(RecordOf((("tags", ListOf((Const(1),))), ("more", Const(2)))), type_))


# --- texts --------------------------------------------------------------------------------------------------------


def fill(hole: Value, *, slot: SlotKind = "text", before: str = "<", after: str = ">") -> Value:
    """A template with one hole."""
    return value(Template((before, Const(hole), after), slot))


def test_holes_are_rendered_for_people() -> None:
    """A text as it is, `none`, numbers, ISO durations, money, compact JSON."""
    shown = [
        fill(hole, before="", after="")
        for hole in ("é", None, True, 3, 0.1, timedelta(minutes=90), Money(500_000), {"a": (1, None)})
    ]
    assert ["é", "none", "true", "3", "0.1", "PT1H30M", "USD 0.50", '{"a":[1,null]}'] == shown


def test_what_is_put_in_is_not_read_again() -> None:
    """A value that looks like a hole or a format stays text (cases 35, 44)."""
    for hole in ("${run.id}", "{{x}}", "{0.__class__}", "%s %(x)s"):
        assert f"<{hole}>" == fill(hole)


def test_paths_keep_their_shape() -> None:
    """In a path each hole is one segment or one query value (rule E5)."""
    assert "/t/..%2Fadmin%3Fx%3D" == fill("../admin?x=", slot="path", before="/t/", after="")
    assert "/t/a%20b%2Bc%25/x" == fill("a b+c%", slot="path", before="/t/", after="/x")
    assert "/t?q=a%26b%3D..%23" == fill("a&b=..#", slot="path", before="/t?q=", after="")
    assert "/t?q=" == fill("", slot="path", before="/t?q=", after="")
    assert "/t/%EF%BF%BD7" == fill("\ufffd7", slot="path", before="/t/", after="")


@pytest.mark.parametrize("hole", ["", ".", "..", None])
def test_paths_do_not_climb(hole: Value) -> None:
    """A hole that is a whole segment is neither empty nor dots: the address would be another one."""
    with pytest.raises(ValueProblem):
        fill(hole, slot="path", before="/t/", after="")


def test_headers_stay_on_their_line() -> None:
    """A line end or NUL fails in a header (rule E5)."""
    assert "<a>" == fill("a", slot="header")
    for hole in ("a\r\nX: y", "a\nb", "a\0"):
        with pytest.raises(ValueProblem, match="cannot stand in a header"):
            fill(hole, slot="header")


def test_slots_without_holes_are_ours_to_keep_out() -> None:
    """A template in a url, a secret or SQL never gets as far as a plan."""
    with pytest.raises(InternalError):
        compile_expr(Template((Const("x"),), "sql"))


# --- limits -------------------------------------------------------------------------------------------------------


def numbers(count: int) -> Expr:
    """`range(count)`."""
    return Apply("range", (Const(count),))


def shared(depth: int) -> Value:
    """A small value in memory that is large when it is written out."""
    result: Value = (1,)
    for _ in range(depth):
        result = (result, result)
    return result


LONG = Const("x" * 1_000_000)
TWICE = Comprehension(Comprehension(Local(0), 1, numbers(3000), None), 0, numbers(3000), None)


def each(value: Expr) -> Expr:
    """The same value, ten thousand times."""
    return Comprehension(value, 0, Apply("range", (Const(10_000),)), None)


BOMBS: dict[str, Expr] = {
    "38 a list of 10^12": numbers(10**12),
    "38 doubling": Binary("+", Binary("+", LONG, LONG), Binary("+", LONG, Binary("+", LONG, LONG))),
    "38 a comprehension over a comprehension": TWICE,
    "39 a tower of products": Comprehension(Binary("*", Const(2**62), Local(0)), 0, numbers(10), None),
    "replace": Apply("replace", (LONG, Const("x"), Const("y" * 1000))),
    "join": Apply("join", (Comprehension(LONG, 0, numbers(1000), None), LONG)),
    "template": Template((LONG,) * 1000),
    "48 sorting": Apply("sort", (Apply("flatten", (Comprehension(numbers(9999), 0, numbers(10), None),)),)),
    "49 comparing": Comprehension(Binary("==", LONG, Const("x" * 999_999 + "y")), 0, numbers(60_000), None),
    "searching": Comprehension(Binary("in", Const(-1), numbers(2000)), 0, numbers(2000), None),
    "capitals": Comprehension(Apply("upper", (LONG,)), 0, numbers(1000), None),
    "shared values as text": Template((Const(shared(40)),)),
    "shared values compared": Binary("==", Const(shared(40)), Const(shared(40))),
    "shared values made unique": Apply("unique", (Const((shared(40), shared(40))),)),
    "shared values given away": RecordOf((("a", Const(shared(40))),)),
    "shared values in json": Apply("to_json", (Const(shared(40)),)),
    "too deep": ListOf((Const(shared(64)),)),
    "durations in json": each(Apply("to_json", (ListOf((Const(timedelta(days=3, microseconds=7)),) * 8),))),
    "controls in json": each(Apply("to_json", (Const('"\x01' * 2_000),))),
    "durations in texts": each(Template((Const(timedelta(days=3, microseconds=7)),) * 3, "text")),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_end_soon(name: str) -> None:
    """Every bomb fails as a value problem about size, range or fuel, well within 50 ms of work (cases 38-49)."""
    evaluate = compile_expr(BOMBS[name])
    taken = []
    for _ in range(3):
        start = process_time()
        with pytest.raises(ValueProblem, match=r"too large|out of range|out of fuel|too deep"):
            evaluate(Room())
        taken.append(process_time() - start)
    assert min(taken) < 0.15  # three times the promise: machines differ


def test_looking_through_what_was_built_is_paid_for() -> None:
    """The size of a value is checked with the fuel of the expression that made it (case 38)."""
    gauge = Gauge(100)
    with pytest.raises(NoValue, match="out of fuel"):
        check_size((1,) * 1_000, gauge)


@pytest.mark.parametrize(
    ("value", "units"),
    [("x" * 6_400, 100), (timedelta(days=3), 16), ((Money(5),) * 10, 100), ((1.5, timedelta(1)), 30), ({"a": 1}, 10)],
)
def test_writing_a_value_is_paid_for(value: Value, units: int) -> None:
    """A form that has to be made costs more than one that is there (case 38)."""
    gauge = Gauge(10_000)
    pay_for_text(value, gauge)
    assert units <= 10_000 - gauge.fuel <= units + 8


def test_fuel_is_for_one_evaluation() -> None:
    """An honest expression may be evaluated for ever; it starts with a full tank each time."""
    room = Room()
    evaluate = compile_expr(Comprehension(Local(0), 0, numbers(10_000), None))
    assert all(evaluate(room) is not None for _ in range(30))


@settings(max_examples=400)
@given(expressions())
def test_nothing_but_value_problems(expr: Expr) -> None:
    """Any expression, well-typed or not, has a value or a value problem, and the same one each time."""
    room = Room({0: TICKET, 1: (1, 2, 3), 2: None})
    evaluate = compile_expr(expr)

    def outcome() -> object:
        room.locals = [None]
        try:
            return evaluate(room)
        except ValueProblem as said:
            return said.message

    assert repr(outcome()) == repr(outcome())
