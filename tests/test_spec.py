"""The reference tells the truth: its programs check as they say, and no name of the tables is missing from it."""

import re
from pathlib import Path

import pytest

from leadflow.plan.annotations import MARKS, ORDER, ROWS
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.kinds import BUILT_IN, LATER, PREDECLARED
from leadflow.syntax.format import format_text
from tests.blocks import Block, blocks

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "grammar" / "SPEC.md").read_text("utf-8")
PROGRAMS = list(blocks(TEXT, "flow"))


def names() -> set[str]:
    """Everything that a table offers by name."""
    kinds = [*BUILT_IN.values(), *LATER.values(), *PREDECLARED.values()]
    settings = {row.name for kind in kinds for row in kind.settings}
    actions = {name for kind in kinds for name in kind.actions}
    arguments = {param.name for row in ROWS.values() for param in row.params}
    annotations = {f"@{name}" for name in (*ROWS, *MARKS)}
    classes = {param.name for param in ROWS["on_error"].params}
    return {kind.name for kind in kinds} | settings | actions | (arguments - classes) | annotations | set(FUNCTIONS)


def test_everything_that_has_a_name_is_in_the_reference() -> None:
    """Kinds, settings, actions, annotations, their arguments and functions stand in SPEC.md as code."""
    written = set(re.findall(r"`(@?[a-z_]+)(?:\.NAME)?`", TEXT))
    assert set() == names() - written


def test_the_order_of_policies_is_the_order() -> None:
    """Section 8 lists the policies as they nest."""
    listed = re.search(r"from the outermost: ([^.]*)\.", TEXT)
    assert listed is not None
    assert list(ORDER) == re.findall(r"`([a-z_]+)`", listed[1])


def test_it_says_what_runs() -> None:
    """The last column of the table of kinds is what `run` goes by."""
    rows = re.findall(r"^\| `([a-z_]+)(?:\.NAME)?` \|.*\| (yes|not yet) \|$", TEXT, re.MULTILINE)
    wanted = {kind.name: kind.runs for kind in (*BUILT_IN.values(), *LATER.values())}
    assert wanted == {name: runs == "yes" for name, runs in rows if name in wanted}


def test_every_rule_is_there() -> None:
    """The rules that have names are A1-A5, B1-B7, C1-C11, D1-D12 and E1-E10."""
    wanted = [f"{part}{n}" for part, most in zip("ABCDE", (5, 7, 11, 12, 10), strict=True) for n in range(1, most + 1)]
    assert wanted == re.findall(r"^\*\*([A-E]\d+)\. ", TEXT, re.MULTILINE)


def is_wrong(program: Block) -> bool:
    """True for a program that is there to raise a code."""
    return program.words[:1] == ("error",)


@pytest.mark.parametrize("program", [p for p in PROGRAMS if not is_wrong(p)], ids=lambda p: f"line-{p.line}")
def test_programs_are_written_as_the_formatter_writes(program: Block) -> None:
    """A reader of the reference sees the one way to write a file."""
    assert program.text == format_text("spec.flow", program.text)[0]
