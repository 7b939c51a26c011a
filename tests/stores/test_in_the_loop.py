"""Appends of a run that has the loop to itself: kept as well as all others, and nobody waits who could do something."""

import asyncio
import math
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest

from leadflow.events.model import Entry, Event, NodeDone, NodeStarted
from leadflow.run.adapters import SystemClock
from leadflow.run.store import Fenced, HeldJournal, JournalProblem, NewRun, Store
from leadflow.stores import sqlite
from leadflow.stores.rows import Rows
from leadflow.stores.sqlite import SqliteJournal, SqliteStore
from tests.simulation.machines import Around
from tests.stores.conformance import LEASE, Conformance, SetClock, new_run

LOOP, THREAD = "in the loop", "in the thread"


class Idle(Around):
    """The journal of a run that never has anything under way."""

    def __init__(self, journal: SqliteJournal) -> None:
        super().__init__(journal)
        self._idle = journal

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events."""
        return await self._idle.append_idle(events)


class OfIdleRuns(SqliteStore):
    """A store of such runs, each of which is the only one of its loop."""

    @property
    def serves_one(self) -> bool:
        """It always says so."""
        return True

    async def create(self, run: NewRun, plan: str) -> HeldJournal:  # type: ignore[override]
        """A new run."""
        return Idle(await super().create(run, plan))

    async def claim(self, run: str) -> HeldJournal | None:  # type: ignore[override]
        """The journal of a run that nobody holds."""
        claimed = await super().claim(run)
        return None if claimed is None else Idle(claimed)


@asynccontextmanager
async def opened(store: SqliteStore) -> AsyncIterator[SqliteStore]:
    """A store, closed at the end."""
    await store.open()
    try:
        yield store
    finally:
        await store.aclose()


def alone(path: Path, *, is_alone: bool = True) -> AbstractAsyncContextManager[SqliteStore]:
    """A store that has the loop."""
    return opened(SqliteStore(path, SystemClock(), owner="one", lease=LEASE, alone=is_alone))


@pytest.fixture(autouse=True)
def any_disk_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is committed where does not depend on the machine, unless a test says so."""
    monkeypatch.setattr(sqlite, "_QUICK", math.inf)


class TestContract(Conformance):
    """What is committed in the loop is kept as what any store keeps: claims fence it, its rows are looked at."""

    def opened(self, folder: Path, clock: SetClock, owner: str) -> AbstractAsyncContextManager[Store]:
        """The file of a folder."""
        return opened(OfIdleRuns(folder / ".leadflow" / "journal.db", clock, owner=owner, lease=LEASE))


def _where(store: SqliteStore) -> list[str]:
    """Notes of each commit from then on where it was done."""
    found: list[str] = []
    here = threading.get_ident()

    def note(statement: str) -> None:
        if statement == "COMMIT":
            found.append(LOOP if threading.get_ident() == here else THREAD)

    store._file._connection.set_trace_callback(note)  # type: ignore[union-attr]  # it is open
    return found


@pytest.mark.parametrize(
    ("is_alone", "is_idle", "others", "expected"),
    [(True, True, 0, LOOP), (False, True, 0, THREAD), (True, False, 0, THREAD), (True, True, 1, THREAD)],
    ids=["the only run", "others need the loop", "a call is under way", "another run"],
)
def test_the_loop_commits_where_nobody_could_use_it(
    tmp_path: Path, is_alone: bool, is_idle: bool, others: int, expected: str
) -> None:
    """The only run of a loop that serves runs only, while nothing of it is under way; else the thread does."""

    async def scene() -> list[str]:
        async with alone(tmp_path / "j.db", is_alone=is_alone) as store:
            journal = await store.create(new_run(), "plan")
            for number in range(others):
                await store.create(new_run(f"other{number}"), "plan")
            await (journal.append_idle if is_idle else journal.append)([NodeStarted("main/a")])
            found = _where(store)
            await (journal.append_idle if is_idle else journal.append)([NodeStarted("main/b")])
            return found

    assert [expected] == asyncio.run(scene())


def test_a_run_that_was_given_back_needs_the_loop_no_more(tmp_path: Path) -> None:
    """Two runs one after the other have it both; two at once have it not."""

    async def scene() -> list[str]:
        async with alone(tmp_path / "j.db") as store:
            first, second = [await store.create(new_run(name), "plan") for name in ("a", "b")]
            found = _where(store)
            await first.append_idle([NodeStarted("main/a")])
            await store.release("b", second.epoch)
            found.clear()
            await first.append_idle([NodeStarted("main/b")])
            claimed = await store.claim("b")
            assert claimed is not None
            found_then = found.copy()
            found.clear()
            await claimed.append_idle([NodeStarted("main/a")])
            return [*found_then, *found]

    assert [LOOP, THREAD, THREAD] == asyncio.run(scene())


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([NodeDone("main/a", "x" * 60_000)], LOOP),
        ([NodeDone("main/a", "x" * 70_000)], THREAD),
        ([NodeStarted(f"main/{number}") for number in range(64)], LOOP),
        ([NodeStarted(f"main/{number}") for number in range(65)], THREAD),
    ],
    ids=["small", "large", "few", "many"],
)
def test_what_takes_long_is_the_threads(tmp_path: Path, events: list[Event], expected: str) -> None:
    """Many rows, and texts that are kept by themselves."""

    async def scene() -> list[str]:
        async with alone(tmp_path / "j.db") as store:
            journal = await store.create(new_run(), "plan")
            await journal.append([NodeStarted("main/z")])
            found = _where(store)
            await journal.append_idle(events)
            return found

    assert [expected] == asyncio.run(scene())


def test_behind_a_slow_commit_the_thread_finds_out_whether_the_disk_is_fast_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first commit of all, and each behind a slow one, is the thread's."""

    async def scene() -> list[str]:
        async with alone(tmp_path / "j.db") as store:
            journal = await store.create(new_run(), "plan")
            found = _where(store)
            monkeypatch.setattr(sqlite, "_QUICK", 10.0)
            for number in range(3):
                await journal.append_idle([NodeStarted(f"main/a{number}")])
            store._file.seconds = 10.5
            for number in range(2):
                await journal.append_idle([NodeStarted(f"main/b{number}")])
            return found

    assert [THREAD, LOOP, LOOP, THREAD, LOOP] == asyncio.run(scene())


def test_the_loop_waits_for_no_other_process(tmp_path: Path) -> None:
    """Case D10: while another process writes the loop goes on, and the thread waits; nothing is lost or kept twice."""
    path = tmp_path / "j.db"

    async def scene() -> tuple[list[str], int, int]:
        async with alone(path) as store:
            journal = await store.create(new_run(), "plan")
            await journal.append([NodeStarted("main/a")])
            found, turns = _where(store), 0
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                waiting = asyncio.get_running_loop().create_task(journal.append_idle([NodeStarted("main/b")]))
                while turns < 100:
                    await SystemClock().sleep(timedelta(0))
                    turns += not waiting.done()
                other.execute("COMMIT")
            await waiting
            await journal.append_idle([NodeStarted("main/c")])
            assert ["main/a", "main/b", "main/c"] == [
                one.event.path for one in await store.load("r") if isinstance(one.event, NodeStarted)
            ]
            (patience,) = store._file.cursor.execute("PRAGMA busy_timeout").fetchone()
            return found, turns, patience

    assert ([THREAD, LOOP], 100, 30_000) == asyncio.run(scene())


def test_whoever_lost_the_run_is_told_at_once(tmp_path: Path) -> None:
    """Case D12: the loop's commits are fenced as all others."""

    async def scene() -> int:
        async with alone(tmp_path / "j.db") as store:
            journal = await store.create(new_run(), "plan")
            await journal.append([NodeStarted("main/a")])
            with closing(sqlite3.connect(tmp_path / "j.db", isolation_level=None)) as other:
                other.execute("UPDATE lf_run SET epoch = epoch + 1")
            found = _where(store)
            with pytest.raises(Fenced):
                await journal.append_idle([NodeStarted("main/b")])
            assert [LOOP] == found
            return len(await store.load("r"))

    assert 1 == asyncio.run(scene())


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_commit_that_raised_in_the_loop_is_read_again(
    tmp_path: Path, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case D9: the thread tries again, and finds what is there already."""

    async def scene() -> list[str]:
        async with alone(tmp_path / "j.db") as store:
            journal = await store.create(new_run(), "plan")
            await journal.append([NodeStarted("main/a")])
            write = store._file.write

            def broken(batch: Sequence[Rows]) -> Sequence[JournalProblem | None]:
                monkeypatch.setattr(store._file, "write", write)
                assert not store._file.is_patient
                if is_kept:
                    write(batch)
                return [JournalProblem("disk I/O error")] * len(batch)

            monkeypatch.setattr(store._file, "write", broken)
            await journal.append_idle([NodeStarted("main/b"), NodeStarted("main/c")])
            await journal.append_idle([NodeStarted("main/d")])
            return [one.event.path for one in await store.load("r") if isinstance(one.event, NodeStarted)]

    assert ["main/a", "main/b", "main/c", "main/d"] == asyncio.run(scene())
