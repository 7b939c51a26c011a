"""`leadflow runs fork` and `retry`: another run of one that is kept, which keeps what was done and runs the rest."""

import asyncio
import sys

import click

from leadflow.agents.registry import find_kinds
from leadflow.api import Program
from leadflow.assembly import StartProblem
from leadflow.cli.journals import read_kept, refused, the_project
from leadflow.cli.refused import Refused
from leadflow.cli.running import shown
from leadflow.cli.undo import go_on
from leadflow.cli.views import human
from leadflow.keeping import is_interrupted
from leadflow.operating import fork_run
from leadflow.policies.shared import Shared
from leadflow.run.forking import NotBegun
from leadflow.run.store import JournalProblem, NoSuchRun

_FROM = click.option(
    "--from", "step", metavar="STEP", required=True, help="Its path, or the end: filed, lines[3]/line."
)
_IN = click.option("--in", "folder", metavar="DIR", default=".", help="The project whose runs; else this folder's.")
_MACHINE = click.option(
    "--json", "show", flag_value="json", help="Nothing but JSON lines on standard error, terminal or not."
)
_QUIET = click.option("--quiet", "-q", "show", flag_value="quiet", help="No progress and no events; only the result.")


@click.command("fork", short_help="Do a run again from a step on, as a new run.")
@click.argument("run")
@_FROM
@_MACHINE
@_QUIET
@_IN
def fork(run: str, *, step: str, folder: str, show: str | None) -> None:
    """Run RUN a second time from STEP on, as a new run: what was done before the step began is kept, and everything
    else runs again. The first run stays as it is. Should the new one fail, it takes back what it kept, too.

    \b
    Exit code 0    the new run is done
              1    it failed
              2    the command line is wrong, or RUN cannot go on from there
              3    it waits for people
              130  interrupted
    """
    sys.exit(_again(run, step, folder, show, before=True))


@click.command("retry", short_help="Do a step again, and what waits for it, as a new run.")
@click.argument("run")
@_FROM
@_MACHINE
@_QUIET
@_IN
def retry(run: str, *, step: str, folder: str, show: str | None) -> None:
    """Run STEP of RUN again, and what waits for it, as a new run; all else that was done is kept, and not done again.
    The first run, which has ended, stays as it is. What was taken back, by itself or later by `runs undo`, runs again.

    \b
    Exit code 0    the new run is done
              1    it failed
              2    the command line is wrong, or RUN cannot go on from there
              3    it waits for people
              130  interrupted
    """
    sys.exit(_again(run, step, folder, show, before=False))


def _again(run: str, step: str, folder: str, show: str | None, *, before: bool) -> int:
    project, registry = the_project(folder), find_kinds()
    found = asyncio.run(read_kept(project, run))
    if not before and not found.row.status.is_settled:
        how = f"`leadflow resume {found.row.id}` goes on with it" if is_interrupted(found.row) else "it is under way"
        raise Refused(f"run {found.row.id} has not ended: {how}")
    try:
        made = asyncio.run(fork_run(found.row.id, step, project, registry, before=before))
    except (NotBegun, StartProblem, JournalProblem, NoSuchRun) as problem:
        raise refused(problem) from None
    wanted = shown(show)
    if wanted != "json":
        human.note(f"run {made.row.id} goes on from {made.origin.step if made.origin is not None else step}")
    return go_on(Program(made.plan, project, registry, Shared()), made, wanted)
