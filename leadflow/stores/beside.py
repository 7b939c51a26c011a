"""What a journal's file keeps beside its runs: what was wished of a run that another process works on, and which call
has a key of `@once`.

A wish lies there until whoever works on the run looks, and stays for whoever works on it later. A key lies there for as
long as its run does.
"""

import sqlite3
from collections.abc import Sequence

from leadflow.events.codec import NotAnEvent, event_text, read_event
from leadflow.events.model import CancelRequested
from leadflow.run.ports import Claim
from leadflow.run.store import Corrupt

SCHEMA = """
CREATE TABLE IF NOT EXISTS lf_wish (number INTEGER PRIMARY KEY, run TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS lf_wish_by_run ON lf_wish (run);
CREATE TABLE IF NOT EXISTS lf_once (key TEXT PRIMARY KEY, run TEXT NOT NULL, path TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lf_once_by_run ON lf_once (run);
"""


def make(cursor: sqlite3.Cursor) -> None:
    """The tables, where they are not there."""
    for statement in SCHEMA.split(";"):
        cursor.execute(statement)


def wish(cursor: sqlite3.Cursor, run: str, event: CancelRequested) -> None:
    """Keep a wish."""
    cursor.execute("INSERT INTO lf_wish (run, text) VALUES (?, ?)", (run, event_text(event)))


def wishes(cursor: sqlite3.Cursor, run: str) -> Sequence[CancelRequested]:
    """All that was wished of a run, in order.

    Raises:
        Corrupt: a row is no wish.
    """
    rows = cursor.execute("SELECT text FROM lf_wish WHERE run = ? ORDER BY number", (run,)).fetchall()
    found: list[CancelRequested] = []
    for (text,) in rows:
        try:
            event = read_event(text)
        except NotAnEvent as problem:
            raise Corrupt(f"run {run}: a wish to cancel it: {problem}") from None
        if not isinstance(event, CancelRequested):
            raise Corrupt(f"run {run}: a wish to cancel it is none")
        found.append(event)
    return found


def take_key(cursor: sqlite3.Cursor, key: str, claim: Claim, instead: Claim | None) -> Claim:
    """Give a key to a call, when nobody has it, or `instead` has; who has it now."""
    cursor.execute("INSERT OR IGNORE INTO lf_once VALUES (?, ?, ?)", (key, claim.run, claim.path))
    if instead is not None:
        given = (claim.run, claim.path, key, instead.run, instead.path)
        cursor.execute("UPDATE lf_once SET run = ?, path = ? WHERE key = ? AND run = ? AND path = ?", given)
    return Claim(*cursor.execute("SELECT run, path FROM lf_once WHERE key = ?", (key,)).fetchone())
