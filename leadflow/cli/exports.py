"""A run as lines of JSON, and back: a header, the plan, and an event a line, as they were kept.

The header has the hash of the last event, which holds all of them in their order: a file that was cut or changed is
refused. Reading makes data and nothing else.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from leadflow.events.codec import FORMAT, NotAnEvent, event_text, read_event
from leadflow.events.model import Entry, Status
from leadflow.keeping import Kept, kept_of
from leadflow.plan.codec import NotAPlan, to_text
from leadflow.run.store import JournalProblem, RunRow
from leadflow.stores.rows import tail_of

_FIELDS = ("id", "flow", "plan", "source", "digest", "setting", "started", "changed")


class NotAnExport(ValueError):
    """The text is no exported run, or not a whole one. One line for people."""


def export_lines(run: Kept, entries: Sequence[Entry]) -> Iterator[str]:
    """The lines of a run."""
    row = run.row
    head = {
        "leadflow": "run",
        "form": FORMAT,
        **{name: getattr(row, name) for name in _FIELDS},
        "status": str(row.status),
        "events": len(entries),
        "tail": tail_of(row, entries).hex(),
    }
    yield json.dumps(head, ensure_ascii=True, separators=(",", ":"))
    yield to_text(run.plan)
    for seq, at, event in entries:
        yield f'{{"seq":{seq},"at":{at!r},"event":{event_text(event)}}}'


def read_export(text: str) -> tuple[Kept, Sequence[Entry]]:
    """The run that `export_lines` wrote.

    Raises:
        NotAnExport: it is none, or not whole.
    """
    lines = text.splitlines()
    head = _object(lines[0]) if lines else {}
    if head.get("leadflow") != "run" or len(lines) < 2:
        raise NotAnExport("this is no run that `leadflow runs export` wrote")
    if head.get("form") != FORMAT:
        raise NotAnExport(f"this run is of form {head.get('form')}, and this leadflow reads form {FORMAT}")
    try:
        id_, flow, plan, source, digest, setting = (str(head[name]) for name in _FIELDS[:6])
        status, started, changed = Status(head["status"]), float(head["started"]), float(head["changed"])
        row = RunRow(id_, flow, plan, source, digest, setting, started, status, changed, 0, None, False, 0)
        run = kept_of(row, lines[1])
    except (KeyError, TypeError, ValueError, OverflowError, NotAPlan, JournalProblem) as problem:
        raise NotAnExport(f"its head or its plan is not what was written: {problem}") from None
    entries = [_entry(number, line) for number, line in enumerate(lines[2:])]
    if len(entries) != head.get("events") or tail_of(row, entries).hex() != head.get("tail"):
        raise NotAnExport("some of its events are missing, or are not what was written")
    return run, entries


def _object(line: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        data = None
    return data if isinstance(data, dict) else {}


def _entry(number: int, line: str) -> Entry:
    match _object(line):
        case {"seq": int(seq), "at": float() | int() as at, "event": dict(event)} if seq == number:
            try:
                return Entry(seq, float(at), read_event(json.dumps(event)))
            except (NotAnEvent, OverflowError) as problem:
                raise NotAnExport(f"line {number + 3}: {problem}") from None
        case _:
            raise NotAnExport(f"line {number + 3} is no event")
