"""Runs that are kept, for people: a table of them, and one as a tree with times, attempts and reasons."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import click

from leadflow.cli.views.human import duration, one_line
from leadflow.cli.views.marks import MARKS, marked
from leadflow.events.fold import NodeState, RunState, fold
from leadflow.events.model import Entry, Status
from leadflow.keeping import is_interrupted
from leadflow.run.store import RunRow

_CONTROL = re.compile(r"(?:if|match|return|yield|fail|merge|join)@[0-9]+")
"""Nodes that only decide: they are shown when they fail."""
_MANY = 30
"""More children than that are summed up."""
_FEW = 10
"""Of them so many are shown in any case, and all that did not end well."""


def table(rows: Sequence[RunRow], *, are_all: bool) -> None:
    """A row per run: its id, where it stands, when it began, how long it took, its flow."""
    if not rows:
        click.echo("no run is kept here yet" if are_all else "no run is like that", err=True)
        return
    wide = max(8, *(len(row.flow) for row in rows))
    click.echo(f"{'RUN':36}  {'STATUS':11}  {'STARTED':19}  {'TIME':>10}  {'FLOW':{wide}}  FILE".rstrip())
    for row in rows:
        status = marked(f"{stands(row):11}", _color(row))
        started = _moment(row.started)
        took = duration(max(0.0, row.changed - row.started))
        click.echo(f"{row.id:36}  {status}  {started:19}  {took:>10}  {row.flow:{wide}}  {row.source}")


INTERRUPTED = ("interrupted", "broken")
"""Words that no event says."""
STATES = (*(status.value for status in Status if status not in (Status.SKIPPED, Status.BLOCKED)), *INTERRUPTED)
"""What `stands` can say of a run."""


def stands(row: RunRow) -> str:
    """Where a run stands, in a word: `interrupted` when nobody works on it and it neither has ended nor waits."""
    if not row.is_whole:
        return "broken"
    return "interrupted" if is_interrupted(row) and row.status is not Status.WAITING else str(row.status)


def row_data(row: RunRow) -> dict[str, Any]:
    """A run for machines."""
    return {
        "run": row.id,
        "flow": row.flow,
        "file": row.source,
        "status": stands(row),
        "started": row.started,
        "changed": row.changed,
        "plan": row.plan,
        "claims": row.claims,
    }


def _color(row: RunRow) -> str:
    word = stands(row)
    return {"interrupted": "yellow", "broken": "red"}.get(word) or MARKS[row.status][1]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


# --- a tree -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Branch:
    """A part of a path, with what is below it."""

    state: NodeState | None = None
    below: dict[str, "_Branch"] = field(default_factory=dict)


def tree(row: RunRow, entries: Sequence[Entry]) -> None:
    """A run with its steps, each below what it stands in."""
    state = fold(entries)
    click.secho(f"{row.flow}  {stands(row)}  {duration(max(0.0, row.changed - row.started))}", bold=True)
    click.echo(f"  run {row.id}, started {_moment(row.started)}" + _resumed(state))
    for line in _lines(_grown(state).below, 1):
        click.echo(line)
    if state.failure is not None:
        click.echo(f"  {one_line(state.failure.message)} [{state.failure.error}]")


def _resumed(state: RunState) -> str:
    times = {0: "", 1: ", resumed once"}
    return times.get(state.resumed, f", resumed {state.resumed} times")


def _grown(state: RunState) -> _Branch:
    root = _Branch()
    for path, node in state.nodes.items():
        if _CONTROL.fullmatch(path.rpartition("/")[2]) and node.status is not Status.FAILED:
            continue
        branch = root
        for part in path.split("/")[1:]:
            branch = branch.below.setdefault(part, _Branch())
        branch.state = node
    return root


def _lines(branches: Mapping[str, _Branch], depth: int) -> Iterator[str]:
    shown = 0
    left = 0
    for name, branch in branches.items():
        is_plain = branch.state is None or branch.state.status in (Status.DONE, Status.SKIPPED)
        if len(branches) > _MANY and is_plain and shown >= _FEW and not _has_trouble(branch):
            left += 1
            continue
        shown += 1
        yield "  " * depth + _line(name, branch.state)
        yield from _lines(branch.below, depth + 1)
    if left:
        yield "  " * depth + f"  and {left:,} more that ended well"


def _has_trouble(branch: _Branch) -> bool:
    """Whether something in it did not end well."""
    state = branch.state
    is_well = state is None or state.status in (Status.DONE, Status.SKIPPED)
    return not is_well or any(_has_trouble(one) for one in branch.below.values())


def _line(name: str, state: NodeState | None) -> str:
    if state is None:
        return f"  {name}"
    mark, color = MARKS[state.status]
    told = [name]
    if state.started_at is not None and state.ended_at is not None:
        told.append(duration(max(0.0, state.ended_at - state.started_at)))
    if state.attempts > 1:
        told.append(f"{state.attempts} attempts")
    if state.agent is not None and state.status is Status.DONE:
        told.append(f"answered by {state.agent}")
    if state.failure is not None:
        absorbed = "absorbed: " if state.status is Status.DONE else ""
        told.append(absorbed + one_line(state.failure.message))
    elif state.reason:
        told.append(one_line(state.reason))
    return marked(mark, color) + " " + "  ".join(told)
