"""From the options of `leadflow runs ls` to what is wanted of a list of runs: flows, states, times, inputs."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite

from leadflow.cli.refused import Refused
from leadflow.cli.views.human import one_line
from leadflow.cli.views.kept import INTERRUPTED, STATES
from leadflow.diagnostics import did_you_mean
from leadflow.events.model import Status
from leadflow.plan.forms import read_time, read_written_duration
from leadflow.plan.types import Value
from leadflow.run.store import Wanted

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What a parameter can be called."""


def wanted_of(
    flow: str | None, state: str | None, since: str | None, until: str | None, inputs: Sequence[str], *, now: datetime
) -> Wanted:
    """What the options ask for. Runs that are `interrupted` are among those that are `running` or `pending`.

    Raises:
        Refused: one of them cannot be understood.
    """
    if state is not None and state not in STATES:
        raise Refused(
            f"--status: there is no status '{one_line(state)}'"
            + (did_you_mean(state, STATES) or f"; there are {', '.join(STATES)}")
        )
    status = Status(state) if state in {one.value for one in Status} and state not in _HELD else None
    pairs = tuple(_input(one) for one in inputs)
    return Wanted(flow, status, _moment("--since", since, now), _moment("--until", until, now), pairs)


_HELD = {"running", "pending", "waiting", *INTERRUPTED}
"""States that follow from who holds a run, and not from its log alone."""


def _moment(option: str, text: str | None, now: datetime) -> float | None:
    """A day, a moment, or how long ago: `2026-11-29`, `2026-11-29T12:00:00Z`, `2h30m`."""
    if text is None:
        return None
    if (ago := read_written_duration(text)) is not None:
        return now.timestamp() - ago.total_seconds()
    if (at := read_time(text)) is not None:
        return at.timestamp()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        said = (
            f"{option}: '{one_line(text)}' is no time; write 2026-11-29, 2026-11-29T12:00:00Z, or 2h for two hours ago"
        )
        raise Refused(said) from None
    midnight = datetime.combine(day, time(), now.tzinfo or UTC)
    end = timedelta(days=1) - timedelta(microseconds=1) if option == "--until" else timedelta(0)
    return (midnight + end).timestamp()


def _input(pair: str) -> tuple[str, tuple[Value, ...]]:
    """What was typed, as JSON and as text: who lists runs of many flows need not know the types of each."""
    name, equals, text = pair.partition("=")
    if not equals or _NAME.fullmatch(name) is None:
        raise Refused(f"--input: write NAME=VALUE, as in ticket=5; '{one_line(pair)}' is none")
    try:
        return name, (_as_value(json.loads(text)), text)
    except (ValueError, RecursionError):
        return name, (text,)


def _as_value(data: object) -> Value:
    """JSON as a value: lists as they are kept.

    Raises:
        ValueError: Python reads it, and it is none: NaN.
    """
    match data:
        case list():
            return tuple(_as_value(item) for item in data)
        case dict():
            return {name: _as_value(item) for name, item in data.items()}
        case None | bool() | int() | str():
            return data
        case float() if isfinite(data):
            return data
        case _:
            raise ValueError("this is no JSON")
