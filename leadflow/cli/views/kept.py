"""Runs that are kept, as a table for people and as data for machines."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise, takewhile
from operator import eq
from typing import Any

import click

from leadflow.cli.views.human import duration
from leadflow.cli.views.marks import MARKS, marked
from leadflow.due import Due, Idle, InDoubt
from leadflow.events.model import Status
from leadflow.keeping import is_dead, is_interrupted
from leadflow.record import record
from leadflow.run.store import RunRow
from leadflow.settings import Project

_SHORT = 8
"""Characters of an id that are shown at least."""


@record
class Table:
    """Runs as they are listed."""

    rows: Sequence[RunRow]
    idle: Idle
    """Those that nobody works on."""
    where: str
    """The option that names the project, when that is not the working folder's."""
    are_all: bool
    """Whether the project keeps no others."""
    last: int | None = None
    """How many of them are shown, the newest; None: all."""


def show(table: Table, project: Project, *, now: float) -> None:
    """A row per run: the beginning of its id, where it stands, when it began, how long it took, its flow. Then what can
    go on, and of what somebody has to say whether it was done: that of the runs that are not shown, too."""
    rows = table.rows[: table.last]
    if not rows:
        click.echo("no run is kept here yet" if table.are_all else "no run is like that", err=True)
        return
    wide = max(8, *(len(row.flow) for row in rows))
    id_wide = _enough([row.id for row in table.rows])
    click.echo(f"{'RUN':{id_wide}}  {'STATUS':11}  {'STARTED':19}  {'TIME':>10}  {'FLOW':{wide}}  FILE".rstrip())
    for row in rows:
        status = marked(f"{stands(row, project):11}", _color(row, project))
        started = moment(row.started)
        took = duration(max(0.0, row.changed - row.started))
        click.echo(f"{row.id[:id_wide]}  {status}  {started:19}  {took:>10}  {row.flow:{wide}}  {row.source}")
    if len(rows) < len(table.rows):
        click.echo(f"and {len(table.rows) - len(rows)} older; `leadflow runs ls{table.where}` lists all", err=True)
    listed = {row.id for row in table.rows}
    for doubt in table.idle.in_doubt:
        if doubt.row.id in listed:
            click.echo(doubt_words(doubt, table.where), err=True)
    due = [one for one in table.idle.due if one.row.id in listed]
    for one in due:
        if one.row.status is Status.WAITING:  # of the others the table says it
            click.echo(f"run {one.row.id}: {why_due(one, now)}", err=True)
    if due:
        count = "one run waits" if len(due) == 1 else f"{len(due)} runs wait"
        click.echo(f"{count} for nobody; `leadflow resume --due{table.where}` goes on", err=True)


def _enough(ids: Sequence[str]) -> int:
    """How many characters tell these ids apart, and look like a name."""
    alike = (sum(1 for _ in takewhile(bool, map(eq, *pair))) for pair in pairwise(sorted(ids)))
    return max(_SHORT, 1 + max(alike, default=0))


def data(table: Table, project: Project) -> list[dict[str, Any]]:
    """The same for machines."""
    why = {one.row.id: one.wake.why for one in table.idle.due}
    doubts = {one.row.id: [*one.paths] for one in table.idle.in_doubt}
    rows = table.rows[: table.last]
    return [{**row_data(row, project), "due": why.get(row.id), "in_doubt": doubts.get(row.id, [])} for row in rows]


def doubt_words(doubt: InDoubt, where: str) -> str:
    """Of what of a run somebody has to say whether it was done, and how.

    Args:
        where: the option that names the run's project, when that is not the working folder's.
    """
    what, how = in_doubt(doubt, where)
    return f"{what}; {how}"


def in_doubt(doubt: InDoubt, where: str) -> tuple[str, str]:
    """The same in two: what of it is in doubt, and how somebody says it."""
    run, steps = doubt.row.id, ", ".join(doubt.paths)
    how = f"`leadflow resume {run}{where}` with --done STEP=JSON, --failed STEP or --again STEP"
    return f"run {run} is in doubt: nobody knows whether this was done: {steps}", f"find out, and say it: {how}"


def why_due(due: Due, now: float) -> str:
    """Why a run can go on, and since when."""
    return f"{due.wake.why} {duration(now - due.wake.at)} ago"


INTERRUPTED = ("interrupted", "dead", "broken")
"""Words that no event says."""
STATES = (*(status.value for status in Status if status not in (Status.SKIPPED, Status.BLOCKED)), *INTERRUPTED)
"""What `stands` can say of a run."""


def stands(row: RunRow, project: Project) -> str:
    """Where a run stands, in a word: `interrupted` when nobody works on it and it neither has ended nor waits, `dead`
    when so many processes have ended in it that nobody takes it up (case D15)."""
    if not row.is_whole:
        return "broken"
    if is_interrupted(row) and row.status is not Status.WAITING:
        return "dead" if is_dead(row, project) else "interrupted"
    return str(row.status)


def row_data(row: RunRow, project: Project) -> dict[str, Any]:
    """A run for machines."""
    return {
        "run": row.id,
        "flow": row.flow,
        "file": row.source,
        "status": stands(row, project),
        "started": row.started,
        "changed": row.changed,
        "plan": row.under or row.plan,
        "claims": row.claims,
        "crashes": row.crashes,
    }


def _color(row: RunRow, project: Project) -> str:
    word = stands(row, project)
    return {"interrupted": "yellow", "dead": "red", "broken": "red"}.get(word) or MARKS[row.status][1]


def moment(seconds: float) -> str:
    """A time of the wall clock, as it is here."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
