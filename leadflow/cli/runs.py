"""`leadflow runs`: the runs that a project keeps, what happened in each, and what is done to one from outside."""

import asyncio
import sys
from collections.abc import Sequence

import click

from leadflow.agents.registry import find_kinds
from leadflow.answers import OpenQuestion
from leadflow.api import Program
from leadflow.assembly import StartProblem
from leadflow.backward import still_standing
from leadflow.cli.forks import fork, retry
from leadflow.cli.journals import (
    entries_of,
    forget,
    in_folder,
    listed,
    look_at,
    questions_in,
    read_kept,
    refused,
    the_project,
)
from leadflow.cli.names import Names
from leadflow.cli.recordings import gone_on, write
from leadflow.cli.replays import export, replay
from leadflow.cli.resume import command as resume
from leadflow.cli.running import Job, go, shown
from leadflow.cli.undo import undo
from leadflow.cli.views import human, kept, machine, questions, runs, tree
from leadflow.cli.views.failures import failure, undone
from leadflow.cli.wanted import Asked, wanting
from leadflow.events.model import CancelRequested, Status
from leadflow.operating import cancel_run, watch_run
from leadflow.policies.shared import Shared
from leadflow.run.adapters import SystemClock
from leadflow.run.store import JournalProblem, NoSuchRun, Wanted
from leadflow.runs import RunOptions
from leadflow.stores.owner import this_user

_IN = click.option("--in", "folder", metavar="DIR", default=".", help="The project whose runs; else this folder's.")
_JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")
_NEWEST = 20
"""Runs that are shown where nothing else is asked for."""
_WAITING = click.option("--waiting", is_flag=True, help="What they ask people instead, and how to answer.")


@click.group(invoke_without_command=True)
@_IN
@_JSON
@_WAITING
@click.pass_context
def command(ctx: click.Context, *, folder: str, as_json: bool, waiting: bool) -> None:
    """The runs that are kept: without a command, a list of the newest.

    A run is named by its id, of which the beginning is enough.
    """
    if ctx.invoked_subcommand is None:
        _list(folder, Asked(Wanted(), None, None if as_json else _NEWEST), as_json=as_json, waiting=waiting)


@command.command("ls", short_help="List the runs that the options ask for, the newest first.")
@wanting
@_IN
@_JSON
@_WAITING
def list_(asked: Asked, *, folder: str, as_json: bool, waiting: bool) -> None:
    """List the runs, the newest first: all, or those that the options ask for."""
    if waiting and (asked.state is not None or asked.last is not None):
        why = "--waiting lists all that runs wait for that have not ended, whatever their status"
        raise click.UsageError(f"{why}: leave out --status and --last")
    _list(folder, asked, as_json=as_json, waiting=waiting)


def _list(folder: str, asked: Asked, *, as_json: bool, waiting: bool) -> None:
    """The runs that are wanted, and stand so; or what they wait for."""
    project = the_project(folder)
    if waiting:
        _show_questions(asyncio.run(questions_in(project, wanted=asked.wanted)), folder, as_json=as_json)
        return
    rows, idle = asyncio.run(listed(project, asked.wanted))
    rows = [row for row in rows if asked.state in (None, kept.stands(row, project))]
    are_all = asked.wanted == Wanted() and asked.state is None
    table = kept.Table(rows, idle, in_folder(folder), are_all=are_all, last=asked.last)
    if as_json:
        machine.document(kept.data(table, project))
    else:
        kept.show(table, project, now=SystemClock().timestamp())


def _show_questions(found: Sequence[OpenQuestion], folder: str, *, as_json: bool) -> None:
    if as_json:
        machine.document([questions.data(one) for one in found])
    else:
        questions.open_ones(found, where=in_folder(folder), now=SystemClock().timestamp())


@command.command("show", short_help="Draw a run as a tree: times, attempts, costs, failures.")
@click.argument("run")
@_JSON
@_IN
def show(run: str, *, as_json: bool, folder: str) -> None:
    """Draw a RUN as a tree: each step with its time, its attempts, what it cost and why it ended as it did; and who did
    what to the run.
    """
    project = the_project(folder)
    seen = asyncio.run(look_at(project, run))
    found = seen.kept
    left = still_standing(seen.entries, seen.taken_back) if found.row.status.is_settled else ()
    again = f"leadflow runs undo {found.row.id}{in_folder(folder)}"
    if as_json:
        doubts = [] if seen.in_doubt is None else [*seen.in_doubt.paths]
        about = {**kept.row_data(found.row, project), **tree.origin(found), **tree.taken_back_data(seen.taken_back)}
        state = tree.state_of(seen.entries, seen.unheard)
        stands = {"not_undone": [*left], "undo": again if left else None}
        machine.document({**tree.state_data(state), **about, **stands, "in_doubt": doubts})
        return
    now = SystemClock().timestamp()
    tree.tree(found, seen.entries, project, taken_back=seen.taken_back, unheard=seen.unheard, now=now)
    if left:
        click.echo(
            f"not undone: {', '.join(left)}; `{again}` tries it again, with --undone STEP you say that you did it"
        )
    if seen.in_doubt is not None:
        click.echo(kept.doubt_words(seen.in_doubt, in_folder(folder)))
    if open_ones := asyncio.run(questions_in(project, found.row.id)):
        questions.open_ones(open_ones, where=in_folder(folder), now=SystemClock().timestamp())


@command.command("watch", short_help="Follow a run that another process works on.")
@click.argument("run")
@click.option("--json", "show", flag_value="json", help="Nothing but JSON lines on standard error, terminal or not.")
@click.option("--quiet", "-q", "show", flag_value="quiet", help="No progress and no events; only the result.")
@_IN
def watch(run: str, *, folder: str, show: str | None) -> None:
    """Follow a RUN that another process works on, as `run` shows it, until it ends; Ctrl-C leaves it alone.

    \b
    Exit code 0    done
              1    the run failed or was cancelled, or nobody works on it any more
              3    the run waits for people
              130  interrupted; the run goes on
    """
    project = the_project(folder)
    found = asyncio.run(read_kept(project, run))
    program = Program(found.plan, project, find_kinds(), Shared())
    left = f"run {found.row.id} goes on; `leadflow runs cancel {found.row.id}{in_folder(folder)}` stops it"
    job = Job(program, found.plan.flows[found.row.flow], shown(show), left)
    sys.exit(go(job, lambda audience: watch_run(found.row.id, project, audience.of(RunOptions()))))


@command.command("cancel", short_help="Stop a run, and take back what it did.")
@click.argument("run")
@click.option("--why", metavar="TEXT", default="cancelled by an operator", help="For the log.")
@click.option("--force", is_flag=True, help="At once: no write under way is awaited, and nothing is taken back.")
@_IN
def cancel(run: str, *, folder: str, why: str, force: bool) -> None:
    """Stop a RUN, whichever process works on it, and wait until it has stopped: its writes under way are awaited for a
    while, and what it did is taken back. One that nobody works on is ended here. One that has ended stays as it is. The
    recording of one that is recorded goes on, in whichever process it ends.

    \b
    Exit code 0    the run is cancelled, or had ended well
              1    what it did could not be taken back, or it waits for your word
    """
    project = the_project(folder)
    found = asyncio.run(read_kept(project, run))
    if found.row.status.is_settled:
        human.note(f"run {found.row.id} has ended: it is {found.row.status}")
        return
    wish = CancelRequested(human.one_line(why), force, this_user())
    recording = None if force or found.row.is_held else gone_on(found)  # who works on it writes that, too
    recorder, had = (None, 0) if recording is None else (recording.recorder, recording.recorder.count)
    options = RunOptions() if recorder is None else RunOptions(cast=recorder, observers=(recorder,))
    try:
        ended = asyncio.run(cancel_run(found.row.id, project, find_kinds(), wish, options))
    except (StartProblem, JournalProblem, NoSuchRun) as problem:
        raise refused(problem) from None
    if recording is not None and recording.recorder.count > had:
        write(recording, "lines", is_whole=ended.status.is_settled)
    is_well = ended.status in (Status.CANCELLED, Status.DONE)
    if is_well:
        undone(ended.undone)
    else:
        failure(ended, found.plan, Names(project.root), where=in_folder(folder))
    human.note(f"run {ended.run} is {ended.status}")
    sys.exit(int(not is_well))


@command.command("rm", short_help="Forget runs, with their logs.")
@click.argument("run", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Also one that has not ended; what it did is not taken back.")
@_IN
def rm(run: tuple[str, ...], *, folder: str, force: bool) -> None:
    """Forget each RUN, with its log, its undos and its keys of @once. One that is under way stays, and so does one
    that has not ended, unless --force is given.
    """
    asyncio.run(forget(the_project(folder), run, force=force, where=in_folder(folder)))


@command.command("logs", short_help="Print the events of a run, a JSON line for each.")
@click.argument("run")
@_IN
def logs(run: str, *, folder: str) -> None:
    """Print the log of a RUN, one JSON line per event."""
    _, entries = asyncio.run(entries_of(the_project(folder), run))
    for entry in entries:
        machine.document_line(runs.event_data(entry))


for _each in (retry, fork, undo, replay, export):
    command.add_command(_each)
command.add_command(resume, "resume")  # a command of its own, too: it is looked for in both places
