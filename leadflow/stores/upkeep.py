"""What makes a journal's file smaller: runs are forgotten, with all that only they needed, and what is free is given
back. Only runs that have ended and that nobody holds are ever forgotten by age or number.
"""

import sqlite3

from leadflow.stores.schema import keys

_LATE = """
SELECT number, id FROM lf_run
WHERE status IN ('done', 'failed', 'cancelled') AND (owner IS NULL OR lease < lf_now())
    AND (changed < :before OR number IN (
        SELECT number FROM lf_run WHERE status IN ('done', 'failed', 'cancelled')
        ORDER BY changed DESC, number DESC LIMIT -1 OFFSET :most
    ))
"""


_ANY = 2**63 - 1
"""More than there ever are."""


def expire(cursor: sqlite3.Cursor, before: float | None, most: int | None) -> int:
    """Forget runs that ended before a time, and all but so many of those that ended last; how many were forgotten.

    Args:
        before: in seconds since the epoch; None: any age will do.
        most: None: any number will do.
    """
    given = {"before": before, "most": _ANY if most is None else most}
    late = cursor.execute(_LATE, given).fetchall()
    for number, run in late:
        forget(cursor, number, run)
    if late:
        prune(cursor)
    return len(late)


def forget(cursor: sqlite3.Cursor, number: int, run: str) -> None:
    """Remove a run; `prune` removes what only it needed."""
    cursor.execute("DELETE FROM lf_event WHERE key >= ? AND key < ?", keys(number))
    cursor.execute("DELETE FROM lf_answer WHERE run = ?", (number,))
    cursor.execute("DELETE FROM lf_wish WHERE run = ?", (run,))
    cursor.execute("DELETE FROM lf_once WHERE run = ?", (run,))
    cursor.execute("DELETE FROM lf_run WHERE number = ?", (number,))


def prune(cursor: sqlite3.Cursor) -> None:
    """Remove plans and large texts that no run needs."""
    cursor.execute(
        "DELETE FROM lf_plan WHERE hash NOT IN (SELECT plan FROM lf_run)"
        " AND hash NOT IN (SELECT under FROM lf_run WHERE under IS NOT NULL)"
    )
    cursor.execute("DELETE FROM lf_large WHERE hash NOT IN (SELECT large FROM lf_event WHERE large IS NOT NULL)")


def compact(cursor: sqlite3.Cursor) -> None:
    """Give back the room of what was forgotten. Others wait for that long, or are told that it cannot be now."""
    cursor.execute("VACUUM")
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
