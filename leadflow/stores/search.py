"""From what is wanted of a list of runs to a statement and its parameters: nothing that was typed stands in SQL."""

import json

from leadflow.plan.forms import keep
from leadflow.run.store import Wanted
from leadflow.stores.schema import OPEN

_LAST = "\U0010ffff"
"""The last of all characters: every id that begins with a text lies between the text and the same with this behind."""

_FOUND = """
SELECT id, flow, plan, source, digest, setting, started, status, changed, epoch, owner,
    owner IS NOT NULL AND lease >= lf_now(), claims, crashes, under
FROM lf_run AS found
WHERE (:flow IS NULL OR flow = :flow) AND (:status IS NULL OR status = :status)
    AND (:since IS NULL OR started >= :since) AND (:until IS NULL OR started <= :until)
    AND (:origin = '' OR CASE WHEN json_valid(setting) THEN json_extract(setting, '$.from[0]') END = :origin)
    AND (:again = '' OR CASE WHEN json_valid(setting) THEN json_extract(setting, '$.from[1]') END = :again)
    AND (:inputs = '{}' OR NOT EXISTS (
        SELECT 1 FROM json_each(:inputs) AS wanted
        LEFT JOIN lf_event ON lf_event.key = found.number << 32
        LEFT JOIN lf_large ON lf_large.hash = lf_event.large
        WHERE NOT EXISTS (
            SELECT 1 FROM json_each(wanted.value) AS one
            WHERE json_quote(json_extract(wanted.value, one.fullkey))
                = json_quote(json_extract(
                    CASE WHEN json_valid(coalesce(lf_event.text, lf_large.text))
                        THEN coalesce(lf_event.text, lf_large.text) ELSE '{}' END,
                    '$.inputs."' || wanted.key || '"'
                ))
        )
    ))
"""
"""A run is left out when the first of its events gives an input that is none of those that are wanted. One that is no
JSON gives none: SQLite would refuse the whole search (case D11)."""


_OF_ID = f"id >= :run AND id < :run || '{_LAST}'"
"""A range: whoever looks again and again for one run looks it up, however many there are."""


def statement(wanted: Wanted) -> str:
    """What finds the runs that are wanted. Those that have not ended have an index, which who begins a run asks."""
    of_id = f" AND {_OF_ID}" if wanted.run else ""
    of_open = f" AND {OPEN}" if wanted.is_open else ""
    return f"{_FOUND}{of_id}{of_open} ORDER BY number DESC"


def parameters(wanted: Wanted) -> dict[str, str | float | None]:
    """What `statement` is given."""
    inputs = {name: [keep(value) for value in values] for name, values in wanted.inputs}
    return {
        "run": wanted.run,
        "flow": wanted.flow,
        "status": None if wanted.status is None else wanted.status.value,
        "since": wanted.since,
        "until": wanted.until,
        "origin": wanted.origin,
        "again": wanted.again,
        "inputs": json.dumps(inputs, ensure_ascii=True, separators=(",", ":")),
    }


RECENT = """
SELECT id, coalesce(under, plan), key & 0xffffffff, at, text
FROM lf_run JOIN lf_event ON key >= number << 32 AND key < (number + 1) << 32
WHERE source = :source AND changed >= :since AND at >= :since
    AND substr(text, 8, instr(substr(text, 8), '"') - 1) IN (SELECT value FROM json_each(:kinds))
ORDER BY at, key
"""
"""An event's text begins with its class: `{"is":"NodeStarted", …`. None of those asked for is ever large."""
