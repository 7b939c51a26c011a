"""The journal in SQLite: what is acknowledged survives the end of the process, and of the machine.

One thread has the file. What several runs, or one run at several times, want to keep while a commit is under way goes
into the next commit together, because a commit costs hundreds of times what a row does (case D20).

Where nobody could use the loop meanwhile, the loop's own thread commits: the way to another one and back costs as much
as a fast disk does (`.github/decisions/2026-11-30-a-chain-commits-in-the-loop.md`).
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from leadflow.events.model import CancelRequested, Entry, Event, QuestionAnswered
from leadflow.run.ports import Claim, Clock
from leadflow.run.store import Fenced, JournalProblem, NewRun, Recent, RunRow, Wanted
from leadflow.stores import beside, upkeep
from leadflow.stores.rows import Chain, Rows, as_entries
from leadflow.stores.search import RECENT
from leadflow.stores.sqlite_file import JournalFile, told
from leadflow.stores.writer import Together, Writer

T = TypeVar("T")

LEASE = timedelta(seconds=10)
"""How long a claim holds when its worker says nothing more."""

_QUICK = 0.001
"""Seconds that the last commit took at most, where the loop waits for the next one. On a slower disk the way to the
thread is not worth mentioning."""
_FEW = 64
"""Rows that the loop commits at most: more of them are work for as long as a sync takes."""


class _Worker:
    """What waits while a commit is under way goes into the next one together."""

    def __init__(self, file: JournalFile, writer: Writer, *, alone: bool) -> None:
        self._file = file
        self._is_alone = alone
        self._held = 0
        """Runs that this worker has claimed."""
        self._writer = writer
        self._appends = Together(writer, self._write)
        self._renewals = Together(writer, self._renew)

    async def open(self) -> None:
        """Open or make the file.

        Raises:
            JournalProblem: it cannot be used.
        """
        try:
            self._writer.start()
        except OSError as problem:
            raise JournalProblem(f"the journal {self._file.path} cannot be opened: {problem.strerror}") from problem
        await self._do(self._file.open)

    async def aclose(self) -> None:
        """Give the file back, if it was opened; a cancel meanwhile leaves no thread behind."""
        if not self._writer.is_serving:  # nobody would answer
            return
        try:
            await self._do(self._file.close)
        finally:
            self._writer.stop()

    async def keep(self, rows: Rows) -> None:
        """Keep the rows of an append; returns when they are committed, together with others that came meanwhile.

        Raises:
            Fenced: the run is another worker's. JournalProblem: not known whether they are kept.
        """
        if (problem := await self._appends.do(rows)) is not None:
            raise problem

    @property
    def serves_one(self) -> bool:
        """Whether the event loop is there for one run only."""
        return self._is_alone and self._held == 1

    def keep_now(self, rows: Rows) -> bool:
        """Keep the rows of an append before anything else happens, where that takes no longer than a turn of the loop
        may. False: it is not known that they are kept, and `keep` says.

        Raises:
            Fenced: the run is another worker's.
        """
        if self._writer.is_busy or self._file.seconds > _QUICK or len(rows.rows) > _FEW or rows.large:
            return False
        self._file.is_patient = False  # another process may write for as long as it likes
        try:
            (problem,) = self._file.write((rows,))
        finally:
            self._file.is_patient = True
        if isinstance(problem, Fenced):
            raise problem
        return problem is None

    async def renew(self, run: str, epoch: int) -> bool:
        """Hold a claimed run longer; False when it is not this worker's any more. Renewals that come together are one
        commit: a process may hold hundreds of runs."""
        return await self._renewals.do((run, epoch))

    async def has(self, rows: Rows) -> bool:
        """Whether the rows of an append that raised are there, and are the last ones (case D9).

        Raises:
            JournalProblem: it cannot be read.
        """
        return await self._do(lambda: self._file.ends_with(rows))

    def _write(self, batch: Sequence[Rows]) -> Sequence[JournalProblem | None]:
        return self._file.write(batch)

    def _renew(self, claims: Sequence[tuple[str, int]]) -> Sequence[bool]:
        return self._guarded(lambda: self._file.renew(claims))

    async def _do(self, work: Callable[[], T]) -> T:
        return await self._writer.do(lambda: self._guarded(work))

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.Error as problem:
            raise told(self._file.path, problem) from problem


class SqliteStore(_Worker):
    """Runs and their events in one file. Serves the runs of one event loop."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        owner: str,
        lease: timedelta = LEASE,
        writer: Writer | None = None,
        alone: bool = False,
    ) -> None:
        """Prepare the store; nothing is opened yet.

        Args:
            owner: names this worker in its claims.
            writer: has the file; None: a thread of the store's own.
            alone: nothing in this process needs the event loop but the runs of this store.
        """
        self.lease = lease
        self._clock = clock
        file = JournalFile(path, owner=owner, lease=lease, now=clock.timestamp)
        super().__init__(file, writer or Writer(), alone=alone)

    async def create(self, run: NewRun, plan: str) -> "SqliteJournal":
        """A new run, claimed by this worker, and the text of its plan."""
        chain = await self._do(lambda: self._file.create(run, plan))
        self._held += 1
        return SqliteJournal(self, run.id, 1, chain)

    async def claim(self, run: str) -> "SqliteJournal | None":
        """The journal of a run that nobody holds; None while somebody else holds it.

        Raises:
            NoSuchRun: there is none.
        """
        claimed = await self._do(lambda: self._file.claim(run))
        if claimed is None:
            return None
        self._held += 1
        return SqliteJournal(self, run, *claimed)

    async def release(self, run: str, epoch: int, *, went_well: bool = True) -> None:
        """Give a claimed run back before its lease ends."""
        self._held -= 1
        await self._do(lambda: self._file.release(run, epoch, went_well=went_well))

    async def runs(self, wanted: Wanted | None = None) -> Sequence[RunRow]:
        """The runs that are wanted, else all, the newest first."""
        return await self._do(lambda: self._file.runs(wanted or Wanted()))

    async def wish(self, run: str, wish: CancelRequested) -> None:
        """Ask whoever works on a run, now or later, to stop."""

        def work() -> None:
            with self._file.transaction() as cursor:
                beside.wish(cursor, run, wish)

        await self._do(work)

    async def wishes(self, run: str) -> Sequence[CancelRequested]:
        """All that was asked of a run so far, in order."""

        def work() -> Sequence[CancelRequested]:
            with closing(self._file.cursor) as cursor:
                return beside.wishes(cursor, run)

        return await self._do(work)

    async def remove(self, run: str) -> bool:
        """Forget a run that nobody holds, with its events; False while somebody does.

        Raises:
            NoSuchRun: there is none.
        """
        return await self._do(lambda: self._file.remove(run))

    async def recent(self, source: str, since: float, kinds: Sequence[str]) -> Sequence[Recent]:
        """Events of these classes since then, of all runs that were started from a file, as they happened."""

        def work() -> Sequence[Recent]:
            given = {"source": source, "since": since, "kinds": json.dumps(list(kinds))}
            with closing(self._file.cursor) as cursor:
                rows = cursor.execute(RECENT, given).fetchall()
            return [Recent(run, plan, as_entries(run, [(seq, at, text, b"")])[0]) for run, plan, seq, at, text in rows]

        return await self._do(work)

    async def expire(self, before: float | None, most: int | None) -> int:
        """Forget runs that ended before a time, and all but so many of those that ended last; how many that were."""

        def work() -> int:
            with self._file.transaction() as cursor:
                return upkeep.expire(cursor, before, most)

        return await self._do(work)

    async def compact(self) -> tuple[int, int]:
        """Give back the room of what was forgotten; the bytes of the file before and after.

        Raises:
            JournalProblem: others are at work on it.
        """

        def work() -> tuple[int, int]:
            before = self._file.path.stat().st_size
            with closing(self._file.cursor) as cursor:
                upkeep.compact(cursor)
            return before, self._file.path.stat().st_size

        return await self._do(work)

    async def answer(self, run: str, answer: QuestionAnswered) -> QuestionAnswered | None:
        """Keep what a person has answered; the answer that the question has already, when it has one.

        Raises:
            NoSuchRun: there is none.
        """
        return await self._do(lambda: self._file.answer(run, answer))

    async def answers(self, run: str) -> Sequence[QuestionAnswered]:
        """All answers to questions of a run."""
        return await self._do(lambda: self._file.answers(run))

    async def take_key(self, key: str, claim: Claim, instead: Claim | None) -> Claim:
        """Give a key of `@once` to a call, when nobody has it, or `instead` has; who has it now."""

        def work() -> Claim:
            with self._file.transaction() as cursor:
                return beside.take_key(cursor, key, claim, instead)

        return await self._do(work)

    async def backup(self, path: Path) -> None:
        """Write a copy of the file as it is now, while runs go on (case D19).

        Raises:
            JournalProblem: it cannot be written, or something stands there.
        """
        await self._do(lambda: self._file.backup(path))

    async def keep_plan(self, hash_: str, text: str) -> None:
        """Keep the text of a plan for as long as runs may need it; one that is there already stays."""
        await self._do(lambda: self._file.keep_plan(hash_, text))

    async def plan(self, hash_: str) -> str | None:
        """The text of a plan by its content hash."""
        return await self._do(lambda: self._file.plan(hash_))

    async def load(self, run: str) -> Sequence[Entry]:
        """All entries of a run, each looked at.

        Raises:
            NoSuchRun: there is none. Corrupt: a row is not what was written.
        """
        return await self._do(lambda: self._file.load(run))

    async def tail(self, run: str, after: int) -> Sequence[Entry]:
        """The entries of a run from that number on, for whoever watches it.

        Raises:
            NoSuchRun: there is none. Corrupt: a row is no event.
        """
        return await self._do(lambda: self._file.tail(run, after))

    def now(self) -> float:
        """The wall clock that entries carry."""
        return self._clock.timestamp()


class SqliteJournal:
    """The `Journal` of one run that this worker holds."""

    def __init__(self, store: SqliteStore, run: str, epoch: int, chain: Chain) -> None:
        self.run = run
        self.epoch = epoch
        self._store = store
        self._chain = chain

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events in order; returns when they are committed.

        Raises:
            Fenced: another worker has claimed the run. JournalProblem: they are not kept, or nobody can say: a commit
                that raised may have been one all the same, so that it is read again (case D9).
        """
        return await self._append(events, is_idle=False)

    async def append_idle(self, events: Sequence[Event]) -> Sequence[Entry]:
        """As `append`, while nothing of the run is under way: nobody could use the loop, if it serves no other run."""
        return await self._append(events, is_idle=True)

    async def _append(self, events: Sequence[Event], *, is_idle: bool) -> Sequence[Entry]:
        if not events:
            return ()
        store = self._store
        rows, entries = self._chain.rows(events, store.now(), self.run, self.epoch)
        if not (is_idle and store.serves_one and store.keep_now(rows)):
            try:
                await store.keep(rows)
            except Fenced:
                raise
            except JournalProblem:
                if not await store.has(rows):
                    raise
        self._chain.extend(rows)
        return entries

    async def load(self) -> Sequence[Entry]:
        """All entries so far."""
        return await self._store.load(self.run)

    async def wishes(self) -> Sequence[CancelRequested]:
        """All that was asked of the run so far, in order."""
        return await self._store.wishes(self.run)
