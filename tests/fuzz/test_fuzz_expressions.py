"""A small cut of the expressions, for every run of the tests; how long they take is for the script to say."""

import json
from random import Random

import pytest

from leadflow.plan.expr import Binary, Const
from leadflow.plan.types import Value
from leadflow.run.evaluate import compile_expr
from tests.fuzz import fuzz_expressions as fuzz
from tests.values import Room


def test_nothing_gets_out() -> None:
    """Random expressions have a value or a value problem, and nothing outside is opened, imported or run (Z6)."""
    tally = fuzz.run(range(3_000))
    assert (3_000, 0, 0) == (tally.expressions, tally.escapes, tally.uncaught), tally.findings
    assert 300 < tally.valued < 2_700


def test_an_escape_is_heard() -> None:
    """The watch hears a file being opened, an import and a compilation, and nothing when nothing happens."""
    fuzz.listen()

    def reads(room: Room) -> Value:
        with open("/dev/null", encoding="utf-8") as file:
            return file.read()

    def compiles(room: Room) -> Value:
        return len(compile("1", "x", "eval").co_consts)

    assert "open" in fuzz.watched(reads, Room())[2]
    assert "compile" in fuzz.watched(compiles, Room())[2]
    assert [] == fuzz.watched(compile_expr(Binary("+", Const(1), Const(2))), Room())[2]


def test_a_seed_names_an_expression() -> None:
    """The same seed makes the same expression."""
    assert fuzz.expression(Random(7), 4) == fuzz.expression(Random(7), 4)
    assert len({repr(fuzz.expression(Random(seed), 4)) for seed in range(50)}) > 40


def test_the_script_prints_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """It says how many it tried; anything that is wrong ends it with 1."""
    fuzz.main(["--expressions", "40", "--processes", "1"])
    (line,) = capsys.readouterr().out.splitlines()
    assert (40, 0, 0) == tuple(json.loads(line)[name] for name in ("expressions", "escapes", "uncaught"))
    total = fuzz.ExpressionTally()
    total.add(fuzz.ExpressionTally(expressions=1, escapes=1, findings=["5: ['open']"]))
    assert (1, ["5: ['open']"]) == (total.wrong, total.findings)
