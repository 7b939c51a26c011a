"""From the options of `leadflow runs ls` to what is wanted of a list of runs: flows, states, times, inputs."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import wraps
from math import isfinite
from typing import Concatenate, ParamSpec

import click

from leadflow.cli.refused import Refused
from leadflow.cli.views.human import one_line
from leadflow.cli.views.kept import INTERRUPTED, STATES
from leadflow.diagnostics import did_you_mean
from leadflow.events.model import Status
from leadflow.plan.forms import read_time, read_written_duration
from leadflow.plan.types import Value
from leadflow.record import record
from leadflow.run.adapters import SystemClock
from leadflow.run.store import Wanted

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What a parameter can be called."""


P = ParamSpec("P")


@record
class Asked:
    """What the options of a list of runs ask for."""

    wanted: Wanted
    state: str | None
    """Where the runs stand, in one of `STATES`."""
    last: int | None
    """How many, the newest; None: all."""


def wanting(command: Callable[Concatenate[Asked, P], None]) -> Callable[..., None]:
    """A command with the options that say which runs are meant, given to it as one argument.

    Raises:
        Refused: one of the options cannot be understood.
    """

    @click.option("--flow", metavar="FLOW", help="Runs of that flow.")
    @click.option("--status", "--state", "state", metavar="STATUS", help="That stand so: done, failed, interrupted …")
    @click.option("--since", metavar="TIME", help="Started then or later: a day, a moment, or 2h for two hours ago.")
    @click.option("--until", metavar="TIME", help="Started then or earlier.")
    @click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="Given this; repeat for more.")
    @click.option("--last", metavar="N", type=click.IntRange(min=1), help="The newest so many of them; else all.")
    @wraps(command)
    def asked(
        flow: str | None, state: str | None, since: str | None, until: str | None, inputs: Sequence[str],
        last: int | None, *args: P.args, **others: P.kwargs,
    ) -> None:  # fmt: skip
        now = SystemClock().now().astimezone()
        times = (_moment("--since", since, now), _moment("--until", until, now))
        wanted = Wanted(flow, _status(state), *times, tuple(_input(one) for one in inputs))
        command(Asked(wanted, state, last), *args, **others)

    return asked


def _status(state: str | None) -> Status | None:
    """Runs that are `interrupted` are among those that are `running` or `pending`: what they are is seen later."""
    if state is not None and state not in STATES:
        raise Refused(
            f"--status: there is no status '{one_line(state)}'"
            + (did_you_mean(state, STATES) or f"; there are {', '.join(STATES)}")
        )
    return Status(state) if state in {one.value for one in Status} and state not in _HELD else None


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
