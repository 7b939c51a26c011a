"""The journal in SQLite: the contract of stores, and what only a file can suffer."""

import asyncio
import errno
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from leadflow.events.model import CancelRequested, Entry, NodeDone, NodeStarted, QuestionAnswered
from leadflow.run.adapters import SystemClock
from leadflow.run.claims import StoreClaims
from leadflow.run.store import Corrupt, JournalProblem, Store, Wanted
from leadflow.stores.owner import is_gone, spoken, this_owner
from leadflow.stores.rows import Rows
from leadflow.stores.schema import is_made
from leadflow.stores.sqlite import SqliteStore
from tests.stores.conformance import LEASE, STARTED, Conformance, SetClock, new_run


@asynccontextmanager
async def opened(path: Path, clock: SetClock | None = None, owner: str = "one") -> AsyncIterator[SqliteStore]:
    """A store, closed at the end."""
    store = SqliteStore(path, clock or SetClock(), owner=owner, lease=LEASE)
    await store.open()
    try:
        yield store
    finally:
        await store.aclose()


class TestContract(Conformance):
    """A file serves two workers as well as any store does (case D18)."""

    def opened(self, folder: Path, clock: SetClock, owner: str) -> AbstractAsyncContextManager[Store]:
        """The file of a folder."""
        return opened(folder / ".leadflow" / "journal.db", clock, owner)


async def _filled(path: Path, *, runs: int = 3, nodes: int = 30) -> None:
    async with opened(path) as store:
        for run in range(runs):
            journal = await store.create(new_run(f"r{run}"), "plan")
            for node in range(nodes):
                await journal.append([NodeStarted(f"main/{node}"), NodeDone(f"main/{node}", node)])


async def _read(path: Path) -> dict[str, list[int] | None]:
    """By run, the values that are used; None for a run that is refused as a whole."""
    found: dict[str, list[int] | None] = {}
    async with opened(path) as store:
        for row in await store.runs():
            try:
                entries = await store.load(row.id)
            except (Corrupt, JournalProblem, KeyError):  # a run whose own row is broken may not be found at all
                found[row.id] = None
            else:
                found[row.id] = [e.event.value for e in entries if isinstance(e.event, NodeDone)]  # type: ignore[misc]
    return found


def test_commits_of_the_same_moment_are_one(tmp_path: Path) -> None:
    """Case D20: what comes while a commit is under way goes into the next one together."""

    async def scene() -> int:
        async with opened(tmp_path / "j.db") as store:
            journals = [await store.create(new_run(f"r{n}"), "plan") for n in range(100)]
            before = _commits(tmp_path / "j.db")
            async with asyncio.TaskGroup() as group:
                for journal in journals:
                    group.create_task(journal.append([NodeStarted("main/a")]))
            return _commits(tmp_path / "j.db") - before

    assert asyncio.run(scene()) <= 2


def test_a_store_that_could_not_begin_is_closed_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process with too many files open hears of that, and waits for no thread that never began; nor for one that has
    ended."""

    def too_many() -> tuple[int, int]:
        raise OSError(errno.EMFILE, "Too many open files")

    async def scene() -> str:
        store = SqliteStore(tmp_path / "j.db", SetClock(), owner="one", lease=LEASE)
        with monkeypatch.context() as broken:
            broken.setattr(os, "pipe", too_many)
            with pytest.raises(JournalProblem) as raised:
                await store.open()
        async with asyncio.timeout(10):  # rather a failure than a test that hangs
            await store.aclose()
        async with opened(tmp_path / "j.db") as other:
            await other.aclose()
        return str(raised.value)

    assert f"the journal {tmp_path / 'j.db'} cannot be opened: Too many open files" == asyncio.run(scene())


def test_a_cancel_while_the_file_is_given_back_leaves_no_thread(tmp_path: Path) -> None:
    """Case X3: the file is closed, and its thread has ended, although nobody waited for that."""

    async def scene() -> list[str]:
        store = SqliteStore(tmp_path / "j.db", SetClock(), owner="one", lease=LEASE)
        await store.open()
        closing_ = asyncio.create_task(store.aclose())
        await SystemClock().sleep(timedelta())
        closing_.cancel()
        await asyncio.wait([closing_])
        assert closing_.cancelled()
        return [thread.name for thread in threading.enumerate() if thread.name == "journal"]

    assert [] == asyncio.run(scene())


class Noting(SqliteStore):
    """Notes from which event on somebody reads."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SetClock(), owner="one", lease=LEASE)
        self.read: list[int] = []

    async def tail(self, run: str, after: int) -> Sequence[Entry]:
        """The entries from there on."""
        self.read.append(after)
        return await super().tail(run, after)


def test_who_waits_for_a_key_reads_only_what_is_new(tmp_path: Path) -> None:
    """Whoever looks again and again at a run that has a key of `@once` has seen all of it, and reads nothing twice."""

    async def scene() -> tuple[list[int], list[int]]:
        store = Noting(tmp_path / "j.db")
        await store.open()
        journal, claims, found, known = await store.create(new_run(), "plan"), StoreClaims(store), [], None
        for path in ("f/a", "f/b", "f/c"):
            await journal.append([NodeStarted(path), NodeDone(path, 1)])
            known = await claims.look(journal.run, known)
            assert known is not None and known.is_under_way
            found.append(len(known.entries))
        assert known is not None and await store.load(journal.run) == known.entries
        await store.aclose()
        return store.read, found

    assert ([0, 2, 4], [2, 4, 6]) == asyncio.run(scene())


class Forgetful(SqliteStore):
    """Somebody forgets a run between two looks at it."""

    async def tail(self, run: str, after: int) -> Sequence[Entry]:
        """The entries of a run that is not there any more."""
        await self.remove(run)
        return await super().tail(run, after)


def test_a_run_is_looked_up_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    """However many runs there are: whoever waits for a key does it at each look, and whoever works on a run, too."""

    async def scene() -> list[str]:
        async with opened(tmp_path / "j.db") as store:
            for run in ("r", "r1", "r12", "s"):
                await store.create(new_run(run), "plan")
            connection, said = store._file._connection, list[str]()
            connection.set_trace_callback(said.append)  # type: ignore[union-attr]  # it is open
            assert ["r12", "r1"] == [row.id for row in await store.runs(Wanted(run="r1"))]
            connection.set_trace_callback(None)  # type: ignore[union-attr]
            plan = store._file.cursor.execute(f"EXPLAIN QUERY PLAN {said[0]}").fetchall()
            return [detail for _, _, _, detail in plan if "found" in detail]

    assert ["SEARCH found USING INDEX sqlite_autoindex_lf_run_1 (id>? AND id<?)"] == asyncio.run(scene())


def test_runs_that_have_not_ended_are_looked_up(tmp_path: Path) -> None:
    """However many have: whoever begins a run asks for them, and each step of a run leaves their index alone."""

    async def scene() -> tuple[list[str], list[str]]:
        async with opened(tmp_path / "j.db") as store:
            journal = await store.create(new_run("r"), "plan")
            connection, said = store._file._connection, list[str]()
            connection.set_trace_callback(said.append)  # type: ignore[union-attr]  # it is open
            assert ["r"] == [row.id for row in await store.runs(Wanted(flow="main", is_open=True))]
            await journal.append([NodeStarted("a")])
            connection.set_trace_callback(None)  # type: ignore[union-attr]
            plan = store._file.cursor.execute(f"EXPLAIN QUERY PLAN {said[0]}").fetchall()
            changes = [one for one in said if one.startswith("UPDATE")]
            return [detail for _, _, _, detail in plan if "found" in detail], changes

    looked, changes = asyncio.run(scene())
    assert ["SCAN found USING INDEX lf_run_open"] == looked
    assert 1 == len(changes)
    assert "status" not in changes[0]


def test_who_has_a_key_may_be_forgotten_at_any_moment(tmp_path: Path) -> None:
    """What asks for the key of `@once` finds it free then, and does not fail."""

    async def scene() -> tuple[object, list[str]]:
        store = Forgetful(tmp_path / "j.db", SetClock(), owner="one", lease=LEASE)
        await store.open()
        journal = await store.create(new_run(), "plan")
        await store.release(journal.run, journal.epoch)
        found = await StoreClaims(store).look(journal.run), [row.id for row in await store.runs()]
        await store.aclose()
        return found

    assert (None, []) == asyncio.run(scene())


def test_renewals_of_the_same_moment_are_one(tmp_path: Path) -> None:
    """Case D20: whoever holds hundreds of runs does not commit for each of them; each hears of its own claim."""

    async def scene() -> tuple[int, list[bool]]:
        async with opened(tmp_path / "j.db") as store:
            journals = [await store.create(new_run(f"r{n}"), "plan") for n in range(100)]
            before = _commits(tmp_path / "j.db")
            renewed = await asyncio.gather(*(store.renew(one.run, one.epoch + (one.run == "r7")) for one in journals))
            return _commits(tmp_path / "j.db") - before, renewed

    commits, renewed = asyncio.run(scene())
    assert commits <= 2
    assert [7] == [number for number, is_renewed in enumerate(renewed) if not is_renewed]


def _commits(path: Path) -> int:
    """How many transactions the file has seen, by the frames of its log that end one."""
    data = path.with_name(path.name + "-wal").read_bytes()
    page = int.from_bytes(data[8:12], "big") or 65_536
    frames = (data[at : at + 24] for at in range(32, len(data) - 23, 24 + page))
    return sum(int.from_bytes(frame[4:8], "big") != 0 for frame in frames)


def test_every_commit_is_synced(tmp_path: Path) -> None:
    """Case D20: an acknowledged event survives the end of the machine: the log is written ahead, and synced."""

    async def scene() -> tuple[str, int]:
        async with opened(tmp_path / "j.db") as store:
            found = store._file.cursor.execute("PRAGMA journal_mode").fetchone()[0]
            return found, store._file.cursor.execute("PRAGMA synchronous").fetchone()[0]

    assert ("wal", 2) == asyncio.run(scene())


def test_a_flipped_bit_is_found_or_harmless(tmp_path: Path) -> None:
    """Case D11: whatever bit of the file is another, no wrong value is ever used, and other runs are not harmed."""
    path, chance = tmp_path / "j.db", random.Random(1)
    asyncio.run(_filled(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    refused = 0
    for _ in range(60):
        at = chance.randrange(4096, len(whole))
        broken = bytearray(whole)
        broken[at] ^= 1 << chance.randrange(8)
        for name in (path, path.with_name("j.db-wal"), path.with_name("j.db-shm")):
            name.unlink(missing_ok=True)
        path.write_bytes(broken)
        try:
            found = asyncio.run(_read(path))
        except JournalProblem:
            refused += 1
            continue
        used = [values for values in found.values() if values is not None]
        refused += len(used) < 3
        assert all(values == list(range(30)) for values in used)
    assert refused


def _files(path: Path) -> tuple[bytes, bytes]:
    return path.read_bytes(), path.with_name(path.name + "-wal").read_bytes()


def test_a_log_cut_anywhere_leaves_a_prefix(tmp_path: Path) -> None:
    """Case D2: of a file whose log ends anywhere, what is there is what was committed up to some moment."""
    chance = random.Random(2)

    async def fill(path: Path) -> tuple[bytes, bytes]:
        async with opened(path) as store:
            journal = await store.create(new_run(), "plan")
            for node in range(40):
                await journal.append([NodeDone(f"main/{node}", node)])
            return _files(path)

    base, log = asyncio.run(fill(tmp_path / "whole.db"))
    seen = set()
    for number in range(40):
        path = tmp_path / f"cut{number}.db"
        path.write_bytes(base)
        path.with_name(path.name + "-wal").write_bytes(log[: chance.randrange(len(log) + 1)])
        values = asyncio.run(_read(path)).get("r", [])
        assert values == list(range(len(values or [])))
        seen.add(len(values or []))
    assert len(seen) > 5


def test_no_file_of_this_kind_is_refused(tmp_path: Path) -> None:
    """Case D8: what is no journal is left alone, and the message names it."""
    path = tmp_path / "j.db"
    path.write_text("my shopping list, which is long enough to look like something" * 50)
    with pytest.raises(JournalProblem, match=r"j\.db: file is not a database"):
        asyncio.run(_read(path))
    assert "my shopping" in path.read_text()


def test_a_newer_form_is_refused(tmp_path: Path) -> None:
    """Case D6: a journal of a later leadflow says so."""
    path = tmp_path / "j.db"
    asyncio.run(_filled(path, runs=1, nodes=1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE lf_meta SET value = '99'")
        connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE lf_run DROP COLUMN under")
    with pytest.raises(JournalProblem, match="form 99, and this leadflow reads form 2"):
        asyncio.run(_read(path))
    with closing(sqlite3.connect(path)) as connection:  # and nothing of it was changed
        assert "under" not in {row[1] for row in connection.execute("PRAGMA table_info(lf_run)")}


def test_who_only_looks_waits_for_nobody(tmp_path: Path) -> None:
    """Case D10: a file in which all is made is opened without writing, so that another process may write meanwhile."""
    path = tmp_path / "j.db"
    asyncio.run(_filled(path, runs=1, nodes=2))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert {"r0": [0, 1]} == asyncio.run(_read(path))


def test_what_an_earlier_leadflow_lacks_is_made(tmp_path: Path) -> None:
    """Case D6: a file that is marked otherwise gets its columns and tables, and is not made again then."""
    path = tmp_path / "j.db"
    asyncio.run(_filled(path, runs=1, nodes=2))
    with closing(sqlite3.connect(path)) as connection:
        for statement in ("ALTER TABLE lf_run DROP COLUMN under", "DROP TABLE lf_once", "PRAGMA user_version = 0"):
            connection.execute(statement)
        assert not is_made(connection.cursor())
    assert {"r0": [0, 1]} == asyncio.run(_read(path))
    with closing(sqlite3.connect(path)) as connection:
        assert is_made(connection.cursor())
        assert "under" in {row[1] for row in connection.execute("PRAGMA table_info(lf_run)")}


_FORM_1 = """
ALTER TABLE lf_event RENAME TO lf_event_2;
CREATE TABLE lf_event (run INTEGER NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, text TEXT, large TEXT,
    hash BLOB NOT NULL, PRIMARY KEY (run, seq)) WITHOUT ROWID;
INSERT INTO lf_event SELECT key >> 32, key & 0xffffffff, at, text, large, hash FROM lf_event_2;
DROP TABLE lf_event_2;
UPDATE lf_event SET seq = -1 WHERE run = 2 AND seq = 3;
UPDATE lf_event SET seq = 'x' WHERE run = 3 AND seq = 3;
UPDATE lf_meta SET value = '1';
"""


def test_a_file_of_the_first_form_is_brought_into_the_second(tmp_path: Path) -> None:
    """Case D6: all that is whole is there and goes on; of a row that is not the run is known (case D11)."""
    path = tmp_path / "j.db"
    asyncio.run(_filled(path, runs=5, nodes=3))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_FORM_1)

    async def scene() -> int:
        async with opened(path, owner="two") as store:
            await store.release("r4", 1)
            journal = await store.claim("r4")
            assert journal is not None
            await journal.append([NodeStarted("main/more")])
            return len(await store.load("r4"))

    whole = [0, 1, 2]
    for _ in range(2):
        assert {"r0": whole, "r1": None, "r2": None, "r3": whole, "r4": whole} == asyncio.run(_read(path))
    assert 7 == asyncio.run(scene())


def test_a_full_disk_is_told_as_that(tmp_path: Path) -> None:
    """Case D8: SQLite ends the transaction by itself then; what is said is that the disk is full, and work goes on."""

    async def scene() -> int:
        async with opened(tmp_path / "j.db") as store:
            journal = await store.create(new_run(), "plan")
            (pages,) = store._file.cursor.execute("PRAGMA page_count").fetchone()
            store._file.cursor.execute(f"PRAGMA max_page_count = {pages + 2}")
            with pytest.raises(JournalProblem, match="is full"):
                await store.keep_plan("large", "x" * 100_000)
            with pytest.raises(JournalProblem, match="is full"):
                await journal.append([NodeDone("main/a", "x" * 60_000)])
            store._file.cursor.execute(f"PRAGMA max_page_count = {pages + 1000}")
            await journal.append([NodeDone("main/a", "x" * 60_000)])
            return len(await store.load("r"))

    assert 1 == asyncio.run(scene())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Case D8: no journal, no start, and the message says what stands in the way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalProblem, match="cannot be made: "):
        asyncio.run(_read(tmp_path / "file" / "j.db"))


def test_a_missing_row_is_found(tmp_path: Path) -> None:
    """Case D11: a row that is gone is named; the other runs are not touched."""
    path = tmp_path / "j.db"
    asyncio.run(_filled(path, runs=2, nodes=3))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM lf_event WHERE key = (1 << 32) + 2")
        connection.commit()

    async def scene() -> None:
        async with opened(path) as store:
            with pytest.raises(Corrupt, match="run r0: row 2 of the journal is missing"):
                await store.load("r0")
            assert 6 == len(await store.load("r1"))

    asyncio.run(scene())


def test_a_copy_is_whole_while_runs_go_on(tmp_path: Path) -> None:
    """Case D19: a copy taken between two commits has all runs up to there; nothing that stands is written over."""
    copy = tmp_path / "copy.db"

    async def scene() -> None:
        async with opened(tmp_path / "j.db") as store:
            journal = await store.create(new_run(), "plan")
            await journal.append([NodeDone("main/0", 0)])
            await store.backup(copy)
            await journal.append([NodeDone("main/1", 1)])
            with pytest.raises(JournalProblem, match="is there already"):
                await store.backup(copy)

    asyncio.run(scene())
    assert {"r": [0]} == asyncio.run(_read(copy))
    assert {"r": [0, 1]} == asyncio.run(_read(tmp_path / "j.db"))


def test_a_process_that_ended_holds_nothing(tmp_path: Path) -> None:
    """A run of a process that was killed can be claimed at once: nobody waits for its lease."""
    child = subprocess.Popen([sys.executable, "-c", _CLAIM, str(tmp_path / "j.db")], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert "held" == child.stdout.readline().strip()

    async def claim() -> bool:
        async with opened(tmp_path / "j.db", owner=this_owner()) as store:
            return await store.claim("r") is not None

    assert not asyncio.run(claim())
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert asyncio.run(claim())


_CLAIM = """
import asyncio, sys, time
from pathlib import Path
from leadflow.stores.owner import this_owner
from tests.stores.conformance import new_run
from tests.stores.test_sqlite import opened

async def main():
    async with opened(Path(sys.argv[1]), owner=this_owner()) as store:
        await store.create(new_run(), "plan")
        print("held", flush=True)
        time.sleep(60)

asyncio.run(main())
"""


def test_a_number_that_is_used_again_is_another_process() -> None:
    """This process is there; one with its number that started at another time is gone."""
    host, number, started = this_owner().rsplit(" ", 2)
    assert not is_gone(this_owner())
    assert is_gone(f"{host} {number} {int(started) + 1}")
    assert not is_gone(f"elsewhere {number} {started}")
    assert not is_gone("nonsense")


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_commit_that_raised_is_read_again(tmp_path: Path, is_kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case D9: what raised may be there: then the run goes on behind it; else nobody believes that it is."""

    async def scene() -> list[str]:
        async with opened(tmp_path / "j.db") as store:
            journal = await store.create(new_run(), "plan")
            await journal.append([NodeStarted("main/a")])
            write = store._file.write

            def broken(batch: Sequence[Rows]) -> Sequence[JournalProblem | None]:
                if is_kept:
                    write(batch)
                return [JournalProblem("disk I/O error")] * len(batch)

            monkeypatch.setattr(store._file, "write", broken)
            said = ["kept"]
            try:
                await journal.append([NodeStarted("main/b"), NodeStarted("main/c")])
            except JournalProblem as problem:
                said = [str(problem)]
            monkeypatch.setattr(store._file, "write", write)
            await journal.append([NodeStarted("main/d")])
            return said + [one.event.path for one in await store.load("r") if isinstance(one.event, NodeStarted)]

    end = ["kept", "main/a", "main/b", "main/c", "main/d"] if is_kept else ["disk I/O error", "main/a", "main/d"]
    assert end == asyncio.run(scene())


@pytest.mark.parametrize(
    ("owner", "told"), [("ada 8360 427", "process 8360 on ada"), ("a b 7 -", "process 7 on a b"), (None, "somebody")]
)
def test_workers_are_spoken_of(owner: str | None, told: str) -> None:
    """For people: not as the file has it."""
    assert told == spoken(owner)


def test_every_transaction_writes_from_its_first_moment(tmp_path: Path) -> None:
    """Case D10: none reads first and writes later, which fails at once where another process has written meanwhile."""
    said: list[str] = []

    async def scene() -> None:
        async with opened(tmp_path / "j.db") as store:
            store._file._connection.set_trace_callback(said.append)  # type: ignore[union-attr]  # it is open
            journal = await store.create(new_run(), "plan")
            await journal.append([NodeStarted("main/a")])
            await store.renew("r", journal.epoch)
            await store.wish("r", CancelRequested("enough", False, by="ada"))
            await store.answer("r", QuestionAnswered("main/a", 1, True, "ada", 1.0, ""))
            await store.keep_plan("other", "plan")
            await store.release("r", journal.epoch)
            await store.claim("r")
            await store.expire(0.0, 1)
            await store.release("r", journal.epoch + 1)
            await store.remove("r")

    asyncio.run(scene())
    begun = [line for line in said if line.startswith(("BEGIN", "SAVEPOINT"))]
    assert ({"BEGIN IMMEDIATE"}, True) == (set(begun), len(begun) >= 11)
    outside = " ".join(said).split("BEGIN IMMEDIATE")[0]
    assert not any(word in outside for word in ("INSERT", "UPDATE", "DELETE"))


@pytest.mark.parametrize("broken", [
    "UPDATE lf_run SET flow = CAST(x'7B22FF' || flow AS TEXT) WHERE number = 3",
    "UPDATE lf_run SET setting = CAST(x'7B22FF' || setting AS TEXT) WHERE number = 3",
    "UPDATE lf_run SET id = CAST(x'7B22FF' || id AS TEXT) WHERE number = 3",
    "UPDATE lf_run SET status = CAST(x'7B22FF' || status AS TEXT) WHERE number = 3",
    "UPDATE lf_event SET text = CAST(x'7B22FF' || text AS TEXT) WHERE key >> 32 = 3",
    "UPDATE lf_event SET text = '{' WHERE key >> 32 = 3",
])  # fmt: skip
def test_bytes_that_are_no_text_break_their_run_alone(tmp_path: Path, broken: str) -> None:
    """Case D11: the other runs are read and found, and nobody is told what stands there."""
    path = tmp_path / "j.db"

    async def filled() -> None:
        async with opened(path) as store:
            for run in ("r0", "r1", "r2"):
                await (await store.create(new_run(run), "plan")).append([replace(STARTED, run=run, inputs={"n": 1})])

    async def look() -> tuple[list[str], list[str], list[str]]:
        async with opened(path) as store:
            listed = [row.id for row in await store.runs()]
            found = [row.id for row in await store.runs(Wanted(inputs=(("n", (1,)),)))]
            return listed, found, [run for run in ("r0", "r1") if len(await store.load(run)) == 1]

    asyncio.run(filled())
    with closing(sqlite3.connect(path)) as connection, connection:
        assert 1 == connection.execute(broken).rowcount
    listed, found, whole = asyncio.run(look())
    assert (3, ["r1", "r0"], ["r0", "r1"]) == (len(listed), [run for run in found if run in whole], whole)
