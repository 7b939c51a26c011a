"""A cut of the simulation, and that it would find what it looks for."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from leadflow.events.model import Entry, Event, QuestionAnswered, ToolEnded
from leadflow.policies import fallback, tools
from leadflow.run.questions import Questions
from leadflow.run.store import HeldJournal, JournalProblem
from leadflow.run.taken_up import Past
from leadflow.stores import sqlite_file
from tests.policies.playing import CLOCK
from tests.simulation.inline import fast_folder
from tests.simulation.machines import Around, SimulatedLoop
from tests.simulation.simulate import Simulation, Wrap, simulate

SEEDS = range(1, 41)


class Hasty(Around):
    """A journal that says at once that all is kept, and keeps it later: what follows begins before it is committed."""

    def __init__(self, journal: HeldJournal) -> None:
        super().__init__(journal)
        self._count = 0
        self._last: asyncio.Task[Any] | None = None

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events some time."""
        first, self._count = self._count, self._count + len(events)
        self._last = asyncio.get_running_loop().create_task(self._keep(events, self._last))
        return [Entry(seq, 0.0, event) for seq, event in enumerate(events, first)]

    async def _keep(self, events: Sequence[Event], last: "asyncio.Task[Any] | None") -> None:
        if last is not None:
            await asyncio.wait([last])
        with suppress(JournalProblem):  # its machine died in the meantime, and nobody waits for this
            await super().append(events)

    async def load(self) -> Sequence[Entry]:
        """All entries so far."""
        entries = await super().load()
        self._count = len(entries)
        return entries


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a commit costs nothing, if there is such a place."""
    with fast_folder() as made:
        yield Path(made)


def violations(seed: int, folder: Path, wrap: Wrap | None = None) -> list[str]:
    """What is wrong with a seed."""
    folder.mkdir()
    return simulate(seed, folder, wrap).violations


def first_found(folder: Path, wrap: Wrap | None = None) -> tuple[int, list[str]]:
    """The first seed that finds a mistake, and what it says."""
    for seed in SEEDS:
        if found := violations(seed, folder / str(seed), wrap):
            return seed, found
    raise AssertionError("nobody noticed")


def test_nothing_is_broken(folder: Path) -> None:
    """No seed breaks a rule: machines die, freeze and are replaced, commits are torn, lost and repeated."""
    assert {} == {seed: found for seed in SEEDS if (found := violations(seed, folder / str(seed)))}


@pytest.mark.parametrize("seed", [761, 10122, 10306, 10630, 10797])
def test_a_seed_that_found_something_finds_nothing_more(seed: int, folder: Path) -> None:
    """A call that was between two attempts in two deaths (D4), a question that expired on a dead machine, and steps
    whose undo needs what a lost attempt would have given: the run says of these that they are not taken back."""
    assert [] == violations(seed, folder / "1")


def test_a_seed_is_always_the_same(folder: Path) -> None:
    """Two simulations of one seed have the same journal, times and all."""
    for name in "ab":
        (folder / name).mkdir()
    assert simulate(5, folder / "a").entries == simulate(5, folder / "b").entries


def test_a_dependent_that_starts_too_early_is_found(folder: Path) -> None:
    """Case D1: planted; its seed shows it again within a second."""
    seed, found = first_found(folder, Hasty)
    begun = process_time()
    assert found == violations(seed, folder / "again", Hasty)
    assert process_time() - begun < 1
    assert any("before its needs were committed" in text or "no intent" in text for text in found), found


@pytest.mark.parametrize(("rest", "after"), [(0, "30000 callbacks"), (1, "7200 s")])
def test_a_simulation_that_never_ends_is_found(
    rest: int, after: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: a task does not end when it is told to, and rests in between or does not; its seed says so, and nothing
    of it goes on."""

    async def weather(_: Simulation) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        while True:
            try:
                await CLOCK.sleep(timedelta(seconds=rest))
            except asyncio.CancelledError:
                if loop.stopped:
                    raise

    monkeypatch.setattr(Simulation, "_weather", weather)
    told = f"what is left of it never ends: given up after {after}"
    assert [told, f"undisturbed: {told}"] == violations(1, folder / "1")


Plant = Callable[[pytest.MonkeyPatch], None]
PLANTED: dict[str, tuple[str, Plant, tuple[int, ...]]] = {
    "fencing (D12)": (
        "took in rows of epoch",
        lambda patch: patch.setattr(sqlite_file, "_append", _of_any_epoch),
        (724,),
    ),
    "what led to a call is kept before it (D2)": (
        "ran twice",
        lambda patch: patch.setattr("leadflow.run.under_way.Calls._unkept", lambda calls, path: None),
        (89, 150),
    ),
    "what was set aside when a process ended ($8)": (
        "which allows",
        lambda patch: patch.setattr(Past, "unsettled", lambda past: []),
        (143, 159),
    ),
    "people are asked once": (
        "asked a person twice",
        lambda patch: patch.setattr(Questions, "take_up", _forgets),
        (2,),
    ),
    "a tool is told of before it runs (D2)": (
        "no intent of epoch",
        lambda patch: patch.setattr(
            tools, "ToolCalled", lambda path, call, *rest: ToolEnded(path, call, "", 0.0, None, 0)
        ),
        (5,),
    ),
    "whoever stands in goes on (D2)": (
        "stands in for it",
        lambda patch: patch.setattr(fallback, "_first", lambda steps, call, course: (call.agent, ())),
        (133, 152),
    ),
    "a breaker outlasts its process": (
        "whose breaker is open",
        lambda patch: patch.setattr("leadflow.policies.circuit.Circuit.recall", lambda *_, **__: None),
        (18, 26),
    ),
}
"""What is broken: what is said of it, how it is planted, and the seeds that are tried first."""


def _untold(path: str, call: int, *_: object) -> ToolEnded:
    return ToolEnded(path, call, "", 0.0, None, 0)


async def _forgets(questions: Questions, entries: Sequence[Entry]) -> Sequence[QuestionAnswered]:
    return ()


def _of_any_epoch(cursor: Any, rows: Any) -> None:
    epoch = cursor.execute("SELECT epoch FROM lf_run WHERE id = ?", (rows.run,)).fetchone()[0]
    assert None is _APPEND(cursor, replace(rows, epoch=epoch))


_APPEND = sqlite_file._append


@pytest.mark.parametrize("broken", PLANTED)
def test_other_mistakes_are_found(broken: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted one at a time; the seed that finds one shows it again within a second."""
    says, plant, known = PLANTED[broken]
    plant(monkeypatch)
    for number, seed in enumerate((*known, *range(1, 1000))):
        begun = process_time()
        if any(says in text for text in violations(seed, folder / str(number))):
            assert process_time() - begun < 1
            return
    raise AssertionError("nobody noticed")
