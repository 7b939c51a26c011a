"""Each pass before and after, and what it must leave alone."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from leadflow.graph.build import build
from leadflow.graph.lower import lower
from leadflow.graph.passes import PASSES, optimise
from leadflow.graph.passes.fold import fold
from leadflow.graph.rewrite import map_parts
from leadflow.pipeline import check_source
from leadflow.plan.codec import expr_text
from leadflow.plan.expr import (
    Binary,
    Bound,
    Choose,
    Const,
    Expr,
    Index,
    ListOf,
    Member,
    RecordOf,
    Template,
    Unary,
)
from leadflow.plan.plan import Plan
from leadflow.plan.types import Value
from tests.graph.dumps import HEAD, dump
from tests.plan.making import EXPRS


def compiled(source: str, *passes: str) -> Plan:
    """The plan after these passes only."""
    checked, report = check_source("case.flow", HEAD + source)
    assert checked is not None and not report.has_errors
    return lower(optimise(build(checked), passes))


def lets(source: str, *passes: str) -> list[str]:
    """The lets, as the goldens write them."""
    return [line.strip() for line in dump(compiled(source, *passes)).splitlines() if line.strip().startswith("let ")]


def body(text: str) -> str:
    """A flow of these statements."""
    return f"flow main(k: int, c: bool) -> json {{\n{text}\n}}"


# --- fold ---------------------------------------------------------------------------------------------------------

X = Bound(0, 0)
NOTHING: Sequence[tuple[tuple[Value, ...] | None, Expr]] = ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Binary("+", Const(1), Const(2)), Const(3)),
        (Binary("*", Const(2), Binary("+", Const(1), Const(2))), Const(6)),
        (Binary("==", Const(1), Const(True)), Const(False)),
        (Binary("and", Const(True), X), X),
        (Binary("and", Const(False), X), Const(False)),
        (Binary("or", Const(True), X), Const(True)),
        (Binary("??", Const(None), X), X),
        (Binary("??", Const("a"), X), Const("a")),
        (Unary("not", Const(True)), Const(False)),
        (Choose(Const("b"), ((("a",), Const(1)), (("b", "c"), Const(2)))), Const(2)),
        (Choose(Const(True), (((True,), X), (None, Const(0)))), X),
        (Member(Const({"a": 1}), "a"), Const(1)),
        (Index(Const((5, 6)), Const(1)), Const(6)),
        (Index(Const({"a": 1}), Const("a")), Const(1)),
        (ListOf((Const(1), Const(None))), Const((1, None))),
        (RecordOf((("a", Const(1)),)), Const({"a": 1})),
        (Template(("a ", Const(1), " b", X)), Template(("a 1 b", X))),
        (Template(("is ", Const(True))), Const("is true")),
        (Template(("", Const(""))), Const("")),
    ],
)
def test_constants_are_folded(before: Expr, after: Expr) -> None:
    """What an operator gives for constants stands in its place."""
    assert expr_text(after) == expr_text(fold(before))


@pytest.mark.parametrize(
    "expr",
    [
        Binary("/", Const(1), Const(0)),
        Binary("+", Const(1), Const("a")),
        Binary("+", X, Const(1)),
        Binary("and", X, Const(False)),
        Binary("and", Const(1), X),
        Unary("-", Const("a")),
        Choose(Const("z"), ((("a",), Const(1)),)),
        Member(Const(None), "a"),
        Member(Const({}), "a"),
        Index(Const((1,)), Const(7)),
        Template((Const("../x"),), "path"),
        ListOf((Const(1), X)),
    ],
)
def test_what_may_fail_is_left_to_the_run(expr: Expr) -> None:
    """An operator without a value, and a hole that is escaped when it runs, stay as they are."""
    assert fold(expr) is expr


@given(EXPRS)
def test_folding_is_done_at_once(expr: Expr) -> None:
    """What is folded does not change when it is folded again."""
    once = fold(expr)
    assert fold(once) is once or expr_text(fold(once)) == expr_text(once)


@given(EXPRS)
def test_an_expression_without_change_stays_the_same_object(expr: Expr) -> None:
    """Rewriting makes new expressions only where something differs."""
    assert map_parts(expr, lambda part: part) is expr


def test_constants_go_through_lets() -> None:
    """A let that is a constant stands in its readers' place, and its readers are folded in turn."""
    source = body('let one = 1\nlet two = one + one\nreturn if two == 2 then "yes" else "no"')
    assert ["let one = 1", "let two = one + one"] == lets(source)
    assert 'return@1: return "yes"' in dump(compiled(source, "fold"))
    assert [] == lets(source, "fold", "drop")


def test_what_was_read_is_still_waited_for() -> None:
    """A folded value has the same needs as before: what failed there blocks the same nodes."""
    source = body("step a: bool = m.get()\nlet yes = true or a\nreturn yes")
    for passes in ((), ("fold",), tuple(PASSES)):
        assert "<- data a" in dump(compiled(source, *passes)).splitlines()[-1]


def test_until_is_folded() -> None:
    """The conditions of a `repeat`, which stand behind its body, are folded too."""
    source = body("let most = 2\nstep r = repeat v = k at most 3 {\nyield v\n} until v > most + 1\nreturn r")
    assert "until v > 3" in dump(compiled(source, "fold"))


# --- join and drop ------------------------------------------------------------------------------------------------


def test_equal_lets_become_one() -> None:
    """Two values that compute the same from the same are worked out once; `1` and `1.0` are not the same."""
    source = body("let p = k * 2\nlet q = k * 2\nlet r = k * 2.0\nreturn [p, q, r, q]")
    assert ["let p = k * 2", "let q = k * 2", "let r = k * 2.0"] == lets(source)
    joined = compiled(source, "join")
    assert ["let p = k * 2", "let r = k * 2.0"] == lets(source, "join")
    assert "return [p, p, r, p]" in dump(joined)


def test_readers_of_equal_lets_become_equal() -> None:
    """What reads a joined let is compared with the one that stays."""
    source = body("let p = k * 2\nlet q = k * 2\nlet s = p + 1\nlet t = q + 1\nreturn [s, t]")
    assert ["let p = k * 2", "let s = p + 1"] == lets(source, "join")


def test_a_let_of_an_arm_stands_in_for_its_own_arm_only() -> None:
    """A value of one arm is not there in another; one above both is."""
    arms = "if c {\nlet p = k * 2\nstep a = m.get(p)\n} else {\nlet q = k * 2\nstep b = m.get(q)\n}\nreturn 1"
    assert 2 == len(lets(body(arms), "join"))
    assert ["let o = k * 2"] == lets(body(f"let o = k * 2\nstep z = m.get(o)\n{arms}"), "join")


def test_a_let_around_stands_in_for_one_inside() -> None:
    """A value of the flow serves the bodies of its blocks, not the other way round."""
    inner = "step g = do {\nlet q = k * 2\nstep a = m.get(q)\n}"
    assert ["let p = k * 2"] == lets(body(f"let p = k * 2\nstep z = m.get(p)\n{inner}\nreturn 1"), "join")
    assert 2 == len(lets(body(f"{inner}\nlet p = k * 2\nreturn p"), "join"))


def test_unused_lets_are_dropped_with_those_that_only_they_read() -> None:
    """A value that nobody reads goes, and with it what only it has read (rule E3)."""
    source = body("let p = k * 2\nlet q = p + 1\nlet r = p + 2\nreturn p")
    assert ["let p = k * 2"] == lets(source, "drop")


def test_lets_are_numbered_without_gaps() -> None:
    """After a let was dropped, readers name the others by their new numbers."""
    source = body(
        "let gone = k\nlet p = k * 2\nstep r = repeat v = p at most 2 {\nyield v\n} until v > p\nreturn [p, r]"
    )
    flow = compiled(source, "drop").flows["main"]
    assert 1 == len(flow.lets)
    assert "until v > p" in dump(compiled(source, "drop"))
    assert "return [p, r]" in dump(compiled(source, "drop"))


# --- levels and ranks ---------------------------------------------------------------------------------------------


def test_levels_and_the_critical_path() -> None:
    """Lets take no level; a block begins before its body, and what follows it stands below; ranks count calls."""
    source = body(
        "step a: int = m.get()\nlet x = a + 1\nstep g = do {\nstep b = m.get(x)\nstep d = m.get(b)\nyield d\n}\n"
        "step e = m.get(g)\nstep f = m.get()\nreturn [e, f]"
    )
    flow = compiled(source, *PASSES).flows["main"]
    assert {
        "a": (0, 4), "g": (0, 3), "b": (1, 3), "d": (2, 2), "yield@1": (3, 1), "e": (4, 1), "f": (0, 1),
        "return@1": (5, 0),
    } == {node.name: (node.level, node.rank) for node in flow.nodes}  # fmt: skip


def test_a_called_flow_is_as_long_as_its_own_path() -> None:
    """The rank of a call of a flow counts the calls in a row inside it; an empty one counts as one."""
    plan = compiled(
        "flow two() -> json {\nstep a = m.get()\nstep b = m.get(a)\nreturn b\n}\nflow none_() -> int { return 1 }\n"
        "flow main() -> json {\nstep x = two()\nstep y = none_()\nreturn [x, y]\n}",
        *PASSES,
    )
    assert {"x": 2, "y": 1, "return@1": 0} == {node.name: node.rank for node in plan.flows["main"].nodes}


def test_without_the_passes_there_are_no_levels() -> None:
    """Levels and ranks are zero when nobody has worked them out."""
    plan = compiled(body("step a = m.get()\nreturn a"))
    assert [(0, 0), (0, 0)] == [(node.level, node.rank) for node in plan.flows["main"].nodes]
