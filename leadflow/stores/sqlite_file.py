"""A journal's file, and all that is done to it: SQLite, one thread at a time, no event loop.

Every transaction begins as a writer (case D10). Every append says of which epoch it is: a run that was claimed by
another worker in the meantime is refused its rows in the same transaction (case D12).
"""

import math
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from leadflow.events.codec import NotAnEvent, event_text, read_event
from leadflow.events.model import Entry, QuestionAnswered, Status
from leadflow.run.adapters import seconds_passed
from leadflow.run.store import Corrupt, Fenced, JournalProblem, NewRun, NoSuchRun, RunRow, Wanted
from leadflow.stores import schema, upkeep
from leadflow.stores.owner import is_gone
from leadflow.stores.rows import Chain, Rows, as_entries, checked, seed_of
from leadflow.stores.search import parameters, statement

_BUSY = 30.0
"""Seconds to wait for another process that writes."""

_CHECKPOINT = 250
"""Pages of the log from which on it is copied into the file, and then written again from its beginning: a sync of pages
that were there before costs two thirds of one that makes the log longer, and hardly anything beside it is the price."""

_ROWS = (
    "SELECT key & 0xffffffff, at, coalesce(lf_event.text, lf_large.text), lf_event.hash FROM lf_event"
    " LEFT JOIN lf_large ON lf_large.hash = lf_event.large WHERE key >= ? AND key < ? ORDER BY key"
)


class JournalFile:
    """The file, open or not. Other processes may have it open, too."""

    def __init__(self, path: Path, *, owner: str, lease: timedelta, now: Callable[[], float]) -> None:
        """Prepare it; nothing is opened yet.

        Args:
            path: it is made, with its folder, when it is not there.
            owner: names this worker in its claims.
            lease: for how long a claim holds unless it is renewed.
            now: the wall clock, in seconds. Leases are measured by the clock of the machine that has the file, which
                all who have it open share (case D13).
        """
        self.path = path
        self._owner = owner
        self._lease = lease.total_seconds()
        self._now = now
        self._connection: sqlite3.Connection | None = None
        self.is_patient = True
        """Whether a process that writes is waited for; else work is refused at once while there is one."""
        self._was_patient = True
        self.seconds = math.inf
        """How long the last commit of appends took."""
        self._is_readable_only = False

    def open(self) -> None:
        """Open or make the file. One that this process may not write can be looked at all the same.

        Raises:
            JournalProblem: it cannot be used.
        """
        self._is_readable_only = self.path.exists() and not (
            os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)
        )
        self._connection = connection = _connected(self.path, to_write=not self._is_readable_only)
        connection.text_factory = _text
        connection.create_function("lf_now", 0, self._now)
        if not self._is_readable_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT}")
        if schema.is_made(connection.cursor()):
            return
        if self._is_readable_only:
            raise JournalProblem(f"the journal {self.path} has to be brought into the form of this leadflow; {_COPY}")
        with self.transaction() as cursor:
            if (form := schema.make(cursor)) != schema.FORM:
                raise JournalProblem(
                    f"the journal {self.path} is of form {form}, and this leadflow reads form {schema.FORM}:"
                    " use a newer one"
                )

    def close(self) -> None:
        """Give the file back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def cursor(self) -> sqlite3.Cursor:
        """For what only reads.

        Raises:
            JournalProblem: the file is not open.
        """
        if self._connection is None:
            raise JournalProblem(f"the journal {self.path} is not open")
        if self.is_patient is not self._was_patient:
            self._connection.execute(f"PRAGMA busy_timeout={_BUSY * 1000 if self.is_patient else 0:.0f}")
            self._was_patient = self.is_patient
        return self._connection.cursor()

    def transaction(self) -> "_Transaction":
        """A transaction that is a writer from its first moment (case D10).

        Raises:
            JournalProblem: the file may not be written.
        """
        if self._is_readable_only:
            raise JournalProblem(f"the journal {self.path}, or its folder, may not be written here")
        return _Transaction(self.cursor)

    def write(self, batch: Sequence[Rows]) -> Sequence[JournalProblem | None]:
        """Commit a batch: each append as a whole or not at all."""
        passed = seconds_passed()
        try:
            with self.transaction() as cursor:
                results = [_append(cursor, rows) for rows in batch]
        except sqlite3.Error as problem:
            return [told(self.path, problem)] * len(batch)
        finally:
            self.seconds = passed()
        return results

    def ends_with(self, rows: Rows) -> bool:
        """Whether the rows of an append are the last ones of their run (case D9)."""
        with closing(self.cursor) as cursor:
            found = cursor.execute("SELECT tail, epoch FROM lf_run WHERE id = ?", (rows.run,)).fetchone()
        return found is not None and tuple(found) == (rows.rows[-1].hash, rows.epoch)

    def create(self, run: NewRun, plan: str) -> Chain:
        """A new run, claimed by this worker, and the text of its plan; where its rows begin."""
        seed = seed_of_run(run)
        with self.transaction() as cursor:
            cursor.execute("INSERT OR IGNORE INTO lf_plan VALUES (?, ?)", (run.plan, plan))
            cursor.execute(
                "INSERT INTO lf_run (id, flow, plan, source, digest, setting, status, started, changed, epoch, owner,"
                " lease, claims, events, tail)"
                " VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, 1, ?, lf_now() + ?, 1, 0, ?) RETURNING number",
                (
                    run.id, run.flow, run.plan, run.source, run.digest, run.setting, run.started, run.started,
                    self._owner, self._lease, seed,
                ),
            )  # fmt: skip
            (number,) = cursor.fetchone()
        return Chain(seed, 0, number)

    def claim(self, run: str) -> tuple[int, Chain] | None:
        """The new epoch of a run that nobody holds, and where its rows end; None while somebody else holds it.

        Raises:
            NoSuchRun: there is none.
        """
        with self.transaction() as cursor:
            found = cursor.execute("SELECT owner FROM lf_run WHERE id = ?", (run,)).fetchone()
            if found is None:
                raise gone(run)
            is_free = found[0] is None or is_gone(found[0])
            claimed = cursor.execute(
                "UPDATE lf_run SET epoch = epoch + 1, owner = ?, lease = lf_now() + ?, claims = claims + 1,"
                " crashes = crashes + (owner IS NOT NULL)"  # who holds it still has not given it back
                " WHERE id = ? AND (? OR lease < lf_now()) RETURNING epoch, tail, events, number",
                (self._owner, self._lease, run, is_free),
            ).fetchone()
        return None if claimed is None else (claimed[0], Chain(*claimed[1:]))

    def renew(self, claims: Sequence[tuple[str, int]]) -> Sequence[bool]:
        """Hold claimed runs, each with its epoch, longer; False of one that is not this worker's any more."""
        renewed = "UPDATE lf_run SET lease = lf_now() + ? WHERE id = ? AND epoch = ?"
        with self.transaction() as cursor:
            return [cursor.execute(renewed, (self._lease, *claim)).rowcount == 1 for claim in claims]

    def release(self, run: str, epoch: int, *, went_well: bool = True) -> None:
        """Give a claimed run back before its lease ends."""
        given = (
            "UPDATE lf_run SET owner = NULL, crashes = CASE WHEN ? THEN 0 ELSE crashes END WHERE (id, epoch) = (?, ?)"
        )
        with self.transaction() as cursor:
            cursor.execute(given, (went_well, run, epoch))

    def runs(self, wanted: Wanted) -> Sequence[RunRow]:
        """The runs that are wanted, the newest first."""
        with closing(self.cursor) as cursor:
            try:
                rows = cursor.execute(statement(wanted), parameters(wanted)).fetchall()
            except UnicodeEncodeError:  # somebody typed bytes that are no text, as no row has them
                return []
        return [_run_row(row) for row in rows]

    def remove(self, run: str) -> bool:
        """Forget a run that nobody holds, and what only it needed; False while somebody does.

        Raises:
            NoSuchRun: there is none.
        """
        with self.transaction() as cursor:
            found = cursor.execute(
                "SELECT number, owner, owner IS NOT NULL AND lease >= lf_now() FROM lf_run WHERE id = ?", (run,)
            ).fetchone()
            if found is None:
                raise gone(run)
            number, owner, is_held = found
            if is_held and not is_gone(owner):
                return False
            upkeep.forget(cursor, number, run)
            upkeep.prune(cursor)
        return True

    def answer(self, run: str, answer: QuestionAnswered) -> QuestionAnswered | None:
        """Keep what a person has answered; the answer that the question has already, when it has one.

        Raises:
            NoSuchRun: there is none.
        """
        with self.transaction() as cursor:
            found = cursor.execute("SELECT number FROM lf_run WHERE id = ?", (run,)).fetchone()
            if found is None:
                raise gone(run)
            key = (*found, answer.path, answer.number)
            cursor.execute("INSERT OR IGNORE INTO lf_answer VALUES (?, ?, ?, ?)", (*key, event_text(answer)))
            if cursor.rowcount == 1:
                return None
            kept = "SELECT text FROM lf_answer WHERE run = ? AND path = ? AND number = ?"
            return _answer(run, *cursor.execute(kept, key).fetchone())

    def answers(self, run: str) -> Sequence[QuestionAnswered]:
        """All answers to questions of a run."""
        with closing(self.cursor) as cursor:
            rows = cursor.execute(
                "SELECT text FROM lf_answer JOIN lf_run ON lf_run.number = run WHERE id = ?"
                " ORDER BY path, lf_answer.number",
                (run,),
            ).fetchall()
        return [_answer(run, text) for (text,) in rows]

    def backup(self, path: Path) -> None:
        """Write a copy of the file as it is now (case D19).

        Raises:
            JournalProblem: something stands there already, or it cannot be made.
        """
        if path.exists():
            raise JournalProblem(f"{path} is there already; name a file that is not")
        try:
            path.touch(0o600)
        except OSError as problem:
            raise JournalProblem(f"the copy {path} cannot be made: {problem.strerror}") from problem
        with closing(self.cursor) as cursor:
            cursor.execute("VACUUM INTO ?", (str(path),))

    def keep_plan(self, hash_: str, text: str) -> None:
        """Keep the text of a plan; one that is there already stays."""
        with self.transaction() as cursor:
            cursor.execute("INSERT OR IGNORE INTO lf_plan VALUES (?, ?)", (hash_, text))

    def plan(self, hash_: str) -> str | None:
        """The text of a plan by its content hash."""
        with closing(self.cursor) as cursor:
            found = cursor.execute("SELECT text FROM lf_plan WHERE hash = ?", (hash_,)).fetchone()
        return None if found is None else str(found[0])

    def tail(self, run: str, after: int) -> Sequence[Entry]:
        """The entries of a run from that number on, as they stand there: whoever shows them looks at none before.

        Raises:
            NoSuchRun: there is none. Corrupt: a row is no event.
        """
        with closing(self.cursor) as cursor:
            found = cursor.execute("SELECT number FROM lf_run WHERE id = ?", (run,)).fetchone()
            if found is None:
                raise gone(run)
            rows = cursor.execute(_ROWS, schema.keys(found[0], after)).fetchall()
        return as_entries(run, rows)

    def load(self, run: str) -> Sequence[Entry]:
        """All entries of a run, each looked at.

        Raises:
            NoSuchRun: there is none. Corrupt: a row is not what was written.
        """
        with closing(self.cursor) as cursor:
            found = cursor.execute(
                "SELECT number, events, tail, id, flow, plan, source, digest, setting FROM lf_run WHERE id = ?", (run,)
            ).fetchone()
            if found is None:
                raise gone(run)
            rows = cursor.execute(_ROWS, schema.keys(found[0])).fetchall()
        seed = seed_of(*map(str, found[3:]))
        return checked(run, rows, seed=seed, events=found[1], tail=found[2])


def _connected(path: Path, *, to_write: bool) -> sqlite3.Connection:
    """The file, opened, or made where it is not there.

    Raises:
        JournalProblem: it cannot be made.
    """
    where = path.absolute().as_uri() if to_write else _to_look_at(path)
    if to_write:
        try:
            path.parent.mkdir(0o700, parents=True, exist_ok=True)
            path.touch(0o600)  # what went through runs is nobody else's to read, nor what SQLite puts beside it
        except OSError as problem:
            how = "written" if path.exists() else "made"
            raise JournalProblem(f"the journal {path} cannot be {how}: {problem.strerror}") from problem
    return sqlite3.connect(where, timeout=_BUSY, isolation_level=None, check_same_thread=False, uri=True)


def _to_look_at(path: Path) -> str:
    """How SQLite opens a file that may not be written. What a process that died, or is at work, has beside it belongs
    to it and is read with it; where nothing lies there, SQLite must not want to put something there."""
    log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    has_more = index.exists() or (log.exists() and log.stat().st_size > 0)
    return f"{path.absolute().as_uri()}?mode=ro" + ("" if has_more else "&immutable=1")


def _text(raw: bytes) -> str:
    """A text of the file. All that is written is text: what is none is another than was written, which its run's hashes
    tell, and no reason to read nothing of the other runs, nor to say what stands there (case D11)."""
    return raw.decode("utf-8", "replace")


class _Transaction:
    """All that is done in it is kept when it ends well, and nothing of it else. A class, because a generator would cost
    as much again as what it does."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    def __enter__(self) -> sqlite3.Cursor:
        self._cursor.execute("BEGIN IMMEDIATE")
        return self._cursor

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        cursor = self._cursor
        try:
            if problem is None:
                cursor.execute("COMMIT")
        finally:
            if cursor.connection.in_transaction:  # a full disk has ended it already
                cursor.execute("ROLLBACK")
            cursor.close()


_GROWN = "UPDATE lf_run SET changed = ?, events = ?, tail = ? WHERE number = ? AND id = ? AND epoch = ?"
"""Names no column of an index, which would be written anew for it."""
_TURNED = (
    "UPDATE lf_run SET changed = ?, events = ?, tail = ?, status = coalesce(?, status), under = coalesce(?, under)"
    " WHERE number = ? AND id = ? AND epoch = ?"
)


def _append(cursor: sqlite3.Cursor, rows: Rows) -> JournalProblem | None:
    """The rows of one append, if the run is still this epoch's."""
    last = rows.rows[-1]
    kept, fence = (last.at, last.seq + 1, last.hash), (rows.number, rows.run, rows.epoch)
    if rows.status is None and rows.under is None:
        cursor.execute(_GROWN, (*kept, *fence))
    else:
        cursor.execute(_TURNED, (*kept, rows.status, rows.under, *fence))
    if cursor.rowcount != 1:
        return Fenced(f"run {rows.run} was taken over by another worker")
    if rows.large:
        cursor.executemany("INSERT OR IGNORE INTO lf_large VALUES (?, ?)", rows.large)
    events = [(rows.number, *row) for row in rows.rows]
    cursor.executemany("INSERT INTO lf_event VALUES (? << 32 | ?, ?, ?, ?, ?)", events)
    return None


def _answer(run: str, text: str) -> QuestionAnswered:
    """An answer as it was kept.

    Raises:
        Corrupt: it is none.
    """
    try:
        event = read_event(text)
    except NotAnEvent as problem:
        raise Corrupt(f"run {run}: an answer to a question: {problem}") from None
    if not isinstance(event, QuestionAnswered):
        raise Corrupt(f"run {run}: an answer to a question is none")
    return event


def seed_of_run(run: NewRun) -> bytes:
    """What the first row of a run follows."""
    return seed_of(run.id, run.flow, run.plan, run.source, run.digest, run.setting)


_STATUSES = frozenset(status.value for status in Status)
_KINDS = (str, str, str, str, str, str, float, str, float, int, str | None, int, int, int, str | None)
"""Of the columns that a list of runs shows."""


def _run_row(row: tuple[Any, ...]) -> RunRow:
    """A row of the columns of `_KINDS`."""
    if row[7] not in _STATUSES or not all(map(isinstance, row, _KINDS)):
        return RunRow(str(row[0]), "", "", "", "", "", 0.0, Status.FAILED, 0.0, 0, None, False, 0, is_whole=False)
    (
        id_, flow, plan, source, digest, setting, started,
        status, changed, epoch, owner, is_held, claims, crashes, under,
    ) = row  # fmt: skip
    held = bool(is_held) and not is_gone(owner)
    crashes += owner is not None and not held
    return RunRow(
        id_, flow, plan, source, digest, setting, started,
        Status(status), changed, epoch, owner, held, claims, crashes, under,
    )  # fmt: skip


def gone(run: str) -> NoSuchRun:
    """What is said of a run that is not there."""
    return NoSuchRun(f"there is no run '{run}' any more; `leadflow runs` lists those that there are")


_COPY = (
    "let somebody who may read it copy it, with all files beside it whose names begin with its name, to a folder where"
    " you may read and write, and look there"
)
_HELP = {
    "SQLITE_CANTOPEN": _COPY,
    "SQLITE_FULL": "make room, and go on",
    "SQLITE_BUSY": "another program has it for too long; find it (`fuser FILE`), and go on",
    "SQLITE_CORRUPT": "restore a copy of it, or move it away to begin anew",
    "SQLITE_NOTADB": "restore a copy of it, or move it away to begin anew",
}
"""What to do, by what SQLite calls the problem."""


def told(path: Path, problem: sqlite3.Error) -> JournalProblem:
    """What SQLite says, for people, and what they can do."""
    name = getattr(problem, "sqlite_errorname", type(problem).__name__)
    helps = f"; {_HELP[name]}" if name in _HELP else ""
    return JournalProblem(f"the journal {path}: {problem} ({name}){helps}")
