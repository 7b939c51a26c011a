"""Laws of the difference of two plans: nothing for one meaning, something for two, the same seen from behind."""

import re
from collections.abc import Sequence
from functools import cache
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.pipeline import compile_source
from leadflow.plan.codec import from_text, seal, to_text
from leadflow.plan.compare.difference import Difference, difference
from leadflow.plan.compare.moves import moves
from leadflow.plan.compare.sound import unsound
from leadflow.plan.compare.text import as_json, difference_text
from leadflow.plan.plan import Plan
from leadflow.plan.text import WIDTH
from tests.making.layouts import shaken
from tests.making.programs import random_program
from tests.plan.making import PLANS

SEEDS = st.integers(0, 2**32)
FEW = st.integers(0, 7)
"""Seeds of programs whose edits are compiled once for all laws."""
WORDS = re.compile(r'"[^"\n]*"|\d+|[A-Za-z_][A-Za-z_0-9.]*|@\w+|[-+*<>]')


def compiled(text: str) -> Plan | None:
    """The plan of a program; None when it has errors."""
    return compile_source("main.flow", text)[0]


def edited(text: str, chance: Random) -> str:
    """The program with one edit: a word in place of another, a line less, or two lines changed about."""
    lines = text.splitlines(keepends=True)
    line = chance.randrange(len(lines) - 1)
    match chance.randrange(5):
        case 0:
            return "".join(lines[:line] + lines[line + 1 :])
        case 1:
            return "".join([*lines[:line], lines[line + 1], lines[line], *lines[line + 2 :]])
        case _:
            words = list(WORDS.finditer(text))
            word = chance.choice(words)
            return text[: word.start()] + chance.choice(words).group() + text[word.end() :]


@cache
def edits(seed: int) -> Sequence[Difference]:
    """A random program and some with one edit, those that the checker accepts and that mean something else."""
    chance = Random(seed)
    text = random_program(chance, 12).text
    old = compiled(text)
    assert old is not None
    news = [compiled(edited(text, chance)) for _ in range(12)]
    return [difference(old, new) for new in news if new is not None and new.hash != old.hash]


@given(SEEDS)
@settings(max_examples=10)
def test_layout_makes_no_difference(seed: int) -> None:
    """A program with other blanks, comments and line ends is the same, and so is its plan read from a file."""
    chance = Random(seed)
    text = random_program(chance, 12).text
    old, new = compiled(text), compiled(shaken(text, chance))
    assert old is not None
    assert new is not None
    assert () == difference(old, new).changes == difference(old, from_text(to_text(old))).changes
    assert {"may move"} == {move.verdict for move in moves(difference(old, new))}


@given(FEW)
def test_every_edit_is_told(seed: int) -> None:
    """An edit that changes the hash changes a part that has a name for its author."""
    for found in edits(seed):
        assert found.changes
        assert not [change for change in found.changes if change.aspect == "the way it is compiled"]


@given(FEW)
def test_seen_from_behind_it_is_the_same(seed: int) -> None:
    """What was added is removed the other way round, and nothing else is told."""
    for found in edits(seed):
        back = difference(found.new, found.old)
        assert (found.count("added"), found.count("removed")) == (back.count("removed"), back.count("added"))
        assert (found.count("renamed"), len(found.changes)) == (back.count("renamed"), len(back.changes))


@given(FEW)
def test_what_bars_has_changed(seed: int) -> None:
    """A run that may not move has a reason; what is listed first is among all that bars; lines keep their width."""
    for found in edits(seed):
        judged = moves(found)
        for move in judged:
            assert (move.verdict == "may not move") == bool(move.reasons)
            assert set(move.first) <= set(move.bars)
            assert move.verdict != "may move unless" or move.first
        assert all(len(line) <= WIDTH for line in difference_text(found, judged, ("a", "b")).splitlines())
        assert len(found.changes) == len(as_json(found, judged)["changes"])


@given(PLANS, PLANS)
@settings(max_examples=30)
def test_no_plan_of_a_file_stops_it(old: Plan, new: Plan) -> None:
    """A plan either does not hold together, which is said in one line, or can be compared with any other."""
    plans = seal(old), seal(new)
    said = [unsound(plan) for plan in plans]
    assert all("\n" not in one for one in said if one is not None)
    if said == [None, None]:
        found = difference(*plans)
        assert (plans[0].hash == plans[1].hash) == (not found.changes)
        assert difference_text(found, moves(found), ("a", "b"))


@given(SEEDS)
@settings(max_examples=10)
def test_plans_of_programs_hold_together(seed: int) -> None:
    """What the compiler makes is sound; what was changed by hand is not."""
    plan = compiled(random_program(Random(seed), 12).text)
    assert plan is not None
    assert unsound(plan) is None
    other = from_text(to_text(plan).replace('"edition":1', '"edition":2'))
    assert "this plan was changed after it was written" in (unsound(other) or "")
