"""A run for machines: a JSON line per event. Keys are the fields of `leadflow/events/model.py`;
failures say how severe they are, too.
"""

from dataclasses import fields, is_dataclass
from typing import Any

from leadflow.cli.views.machine import line
from leadflow.events.model import Entry, Event, Failure, FlowEvent
from leadflow.plan.forms import to_plain
from leadflow.run.severity import severity


def event(entry: Entry) -> None:
    """An event as one JSON line: `seq`, `at` (seconds since the epoch), `event` (its name), and its fields."""
    line(event_data(entry))


def event_data(entry: Entry) -> dict[str, Any]:
    """An event as plain data; fields that say nothing are left out."""
    return {"seq": entry.seq, "at": round(entry.at, 6), **_fields(entry.event)}


def _fields(event: Event) -> dict[str, Any]:
    told = {field.name: _plain(getattr(event, field.name)) for field in fields(event)}
    kept = {name: value for name, value in told.items() if value is not None and value != []}
    return {"event": type(event).__name__, **kept}


def _plain(value: Any) -> Any:
    if isinstance(value, FlowEvent):
        return _fields(value)
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {**told, "severity": severity(value)} if isinstance(value, Failure) else told
    if type(value) is tuple:
        return [_plain(item) for item in value]
    return to_plain(value)
