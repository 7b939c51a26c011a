"""`leadflow runs`: the runs that a project keeps, and what happened in each."""

import asyncio
import shlex

import click

from leadflow.cli.journals import all_runs, entries_of, forget, questions_in, the_project
from leadflow.cli.views import kept, machine, questions, runs
from leadflow.events.model import Status
from leadflow.run.adapters import SystemClock

_IN = click.option("--in", "folder", metavar="DIR", default=".", help="The project whose runs; else this folder's.")
_JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")
_WAITING = click.option("--waiting", is_flag=True, help="What they ask people instead, and how to answer.")


@click.group(invoke_without_command=True)
@_IN
@_JSON
@_WAITING
@click.pass_context
def command(ctx: click.Context, *, folder: str, as_json: bool, waiting: bool) -> None:
    """The runs that are kept: without a command, a list of them, the newest first.

    A run is named by its id, of which the beginning is enough.
    """
    if ctx.invoked_subcommand is None:
        _list(folder, as_json=as_json, waiting=waiting)


@command.command("ls")
@_IN
@_JSON
@_WAITING
def list_(*, folder: str, as_json: bool, waiting: bool) -> None:
    """List the runs, the newest first."""
    _list(folder, as_json=as_json, waiting=waiting)


def _list(folder: str, *, as_json: bool, waiting: bool) -> None:
    if waiting:
        found = asyncio.run(questions_in(the_project(folder)))
        if as_json:
            machine.document([questions.data(one) for one in found])
        else:
            questions.open_ones(found, where=_where(folder), now=SystemClock().timestamp())
        return
    rows = asyncio.run(all_runs(the_project(folder)))
    if as_json:
        machine.document([kept.row_data(row) for row in rows])
    else:
        kept.table(rows)


@command.command("show")
@click.argument("run")
@_IN
def show(run: str, *, folder: str) -> None:
    """Draw a RUN as a tree: each step with its time, its attempts, and why it ended as it did."""
    project = the_project(folder)
    found, entries = asyncio.run(entries_of(project, run))
    kept.tree(found.row, entries)
    if found.row.status is Status.WAITING:
        questions.open_ones(
            asyncio.run(questions_in(project, run)), where=_where(folder), now=SystemClock().timestamp()
        )


def _where(folder: str) -> str:
    """The option that names the project again, in a command to be typed."""
    return "" if folder == "." else f" --in {shlex.quote(folder)}"


@command.command("rm")
@click.argument("run", nargs=-1, required=True)
@_IN
def rm(run: tuple[str, ...], *, folder: str) -> None:
    """Forget each RUN, with its log. One that is under way stays."""
    asyncio.run(forget(the_project(folder), run))


@command.command("logs")
@click.argument("run")
@_IN
def logs(run: str, *, folder: str) -> None:
    """Print the log of a RUN, one JSON line per event."""
    _, entries = asyncio.run(entries_of(the_project(folder), run))
    for entry in entries:
        machine.document_line(runs.event_data(entry))
