"""The tables of a journal's file, and how a file of an earlier leadflow comes by them.

An event's key is the number of its run and its own number in it, so that the events of a run lie behind each other, and
one of a thousand characters lies with its neighbours: a table that is itself an index puts each of these on a page of
its own.
"""

import sqlite3
from zlib import crc32

from leadflow.stores import beside

FORM = "2"
"""Of a file; another one when an earlier leadflow could not go on with it."""

OPEN = "status IN ('pending', 'running', 'waiting')"
"""Of a run that has not ended: what statements have to say word for word to find such runs by their index."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS lf_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lf_plan (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lf_run (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    flow TEXT NOT NULL,
    plan TEXT NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    setting TEXT NOT NULL,
    status TEXT NOT NULL,
    started REAL NOT NULL,
    changed REAL NOT NULL,
    epoch INTEGER NOT NULL,
    owner TEXT,
    lease REAL NOT NULL,
    claims INTEGER NOT NULL,
    events INTEGER NOT NULL,
    tail BLOB NOT NULL
);
DROP INDEX IF EXISTS lf_run_by_flow;
CREATE INDEX IF NOT EXISTS lf_run_open ON lf_run (number) WHERE {OPEN};
CREATE TABLE IF NOT EXISTS lf_event (
    key INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    text TEXT,
    large TEXT,
    hash BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS lf_answer (
    run INTEGER NOT NULL,
    path TEXT NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run, path, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lf_large (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
"""

_SINCE = {
    "crashes": "ALTER TABLE lf_run ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0",
    "under": "ALTER TABLE lf_run ADD COLUMN under TEXT",
}
"""Columns that a file of an earlier leadflow lacks."""

_FROM_1 = """
INSERT OR IGNORE INTO lf_event SELECT run << 32 | seq, at, text, large, hash FROM lf_event_1
    WHERE typeof(run) = 'integer' AND typeof(seq) = 'integer' AND seq BETWEEN 0 AND 0xffffffff ORDER BY run, seq;
DROP TABLE lf_event_1;
UPDATE lf_meta SET value = '2' WHERE name = 'format'
"""
"""A row that is broken is left out: its run's hashes and its count of events tell."""


_MADE = crc32(repr((FORM, _SCHEMA, _SINCE, beside.SCHEMA)).encode()) & 0x7FFFFFFF
"""What a file is marked with in which all of this is there."""


def keys(run: int, first: int = 0) -> tuple[int, int]:
    """The keys of a run's events from that one on: the lowest, and the one behind the highest."""
    return run << 32 | first, (run + 1) << 32


def is_made(cursor: sqlite3.Cursor) -> bool:
    """Whether nothing is to be made, so that who only looks needs to wait for no process that writes."""
    if cursor.execute("PRAGMA user_version").fetchone() != (_MADE,):
        return False
    return bool(cursor.execute("SELECT value FROM lf_meta WHERE name = 'format'").fetchone() == (FORM,))


def make(cursor: sqlite3.Cursor) -> str:
    """Make the tables that are not there, bring those of an earlier leadflow into the form of now, and mark the file.

    Returns: the form that the file has then; when it is not `FORM`, a later leadflow made it, and nothing of what was
        done here may be kept.
    """
    _create(cursor)
    cursor.execute("INSERT OR IGNORE INTO lf_meta VALUES ('format', ?)", (FORM,))
    (form,) = cursor.execute("SELECT value FROM lf_meta WHERE name = 'format'").fetchone()
    if form == "1":
        cursor.execute("ALTER TABLE lf_event RENAME TO lf_event_1")
        _create(cursor)
        for statement in _FROM_1.split(";"):
            cursor.execute(statement)
        form = FORM
    cursor.execute(f"PRAGMA user_version = {_MADE}")
    return str(form)


def _create(cursor: sqlite3.Cursor) -> None:
    for statement in _SCHEMA.split(";"):
        cursor.execute(statement)
    beside.make(cursor)
    known = {row[1] for row in cursor.execute("PRAGMA table_info(lf_run)")}
    for name, statement in _SINCE.items():
        if name not in known:
            cursor.execute(statement)
