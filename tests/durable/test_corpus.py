"""Journals of earlier versions are read as they were meant, and their runs go on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from leadflow.events.model import DoubtSettled, Event
from leadflow.run.driver import Bounds
from leadflow.run.kernel import Kernel, Program
from leadflow.run.recover import replay
from leadflow.testing import run_virtual
from tests.durable.corpus import EXPECTED, FOLDER, gone_on, made, packed, read, seen, unpacked
from tests.durable.recipes import recipes
from tests.simulation.inline import fast_folder

NAMES = sorted(path.name.removesuffix(".sql.xz") for path in FOLDER.glob("*.sql.xz"))
EXPECTATIONS: dict[str, Any] = json.loads(EXPECTED.read_text())


@pytest.fixture
def file() -> Iterator[Path]:
    """Where a commit costs nothing, if there is such a place."""
    with fast_folder() as folder:
        yield Path(folder) / "journal.db"


def test_the_corpus_is_whole() -> None:
    """It has enough of them, each with what it comes to, and is small."""
    assert sorted(EXPECTATIONS) == NAMES
    assert len(NAMES) >= 50
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 500_000


@pytest.mark.parametrize("name", NAMES)
def test_a_journal_is_read_as_it_was_meant(name: str, file: Path) -> None:
    """Case D6: its rows are whole, its plan can be read, its log follows from that plan and comes to the same."""
    unpacked(FOLDER / f"{name}.sql.xz", file)
    plan, entries = run_virtual(read(file))
    expected = dict(EXPECTATIONS[name])
    ends = expected.pop("ends")
    assert expected == seen(entries)
    kernel = Kernel(Program(plan), calls=Bounds().calls)
    replay(kernel, [entry.event for entry in entries])
    assert kernel.has_ended == (expected["status"] in ("done", "failed", "cancelled"))
    assert ends == run_virtual(gone_on(file))


def test_every_event_is_in_it(file: Path) -> None:
    """An event that is in no journal here could be forgotten unnoticed: whoever adds one makes a journal of it."""
    found: set[type[Event]] = set()
    for number, name in enumerate(NAMES):
        each = file.with_name(f"{number}.db")
        unpacked(FOLDER / f"{name}.sql.xz", each)
        found |= {type(entry.event) for entry in run_virtual(read(each))[1]}
    assert set() == set(get_args(Event)) - found


def test_new_ones_can_be_made(file: Path) -> None:
    """The maker makes a journal that comes to what is expected of the one that is there."""
    recipe = next(recipe for recipe in recipes() if recipe.name == "chain-taken-up")
    run_virtual(made(recipe, file))
    assert packed(file)
    _, entries = run_virtual(read(file))
    assert EXPECTATIONS[recipe.name]["nodes"] == seen(entries)["nodes"]
    assert any(isinstance(entry.event, DoubtSettled) for entry in entries)
