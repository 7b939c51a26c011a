"""`leadflow runs fork` and `retry`: another run of one that is kept, which keeps what was done and runs the rest; and
`undo`: runs that take back what one could not."""

import asyncio
import sys

import click

from leadflow.agents.registry import find_kinds
from leadflow.api import Program
from leadflow.assembly import StartProblem
from leadflow.backward import undo_again
from leadflow.cli.journals import read_kept, the_project
from leadflow.cli.refused import Refused
from leadflow.cli.running import Job, Show, go, shown
from leadflow.cli.views import human
from leadflow.keeping import Kept, is_interrupted
from leadflow.operating import fork_run
from leadflow.plan.undoing import SUFFIX
from leadflow.policies.shared import Shared
from leadflow.run.brake import Brake
from leadflow.run.forking import NotBegun
from leadflow.run.store import JournalProblem, NoSuchRun
from leadflow.runs import RunOptions

_FROM = click.option("--from", "step", metavar="STEP", required=True, help="Its path: filed, main/lines[3]/line.")
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
    The first run, which has ended, stays as it is. What it took back runs again.

    \b
    Exit code 0    the new run is done
              1    it failed
              2    the command line is wrong, or RUN cannot go on from there
              3    it waits for people
              130  interrupted
    """
    sys.exit(_again(run, step, folder, show, before=False))


@click.command("undo", short_help="Take back what a failed run could not.")
@click.argument("run")
@_MACHINE
@_QUIET
@_IN
def undo(run: str, *, folder: str, show: str | None) -> None:
    """Take back what RUN did and could not take back when it failed or was cancelled: each call that failed is made
    again, by a run of its own, what was done last first. What is taken back already is left alone; RUN stays as it is.

    \b
    Exit code 0    all of it is taken back
              1    some of it is not
              2    the command line is wrong, or nothing is left to take back
              130  interrupted
    """
    project, registry = the_project(folder), find_kinds()
    try:
        found = asyncio.run(undo_again(run, project, registry))
    except (StartProblem, JournalProblem, NoSuchRun) as problem:
        raise Refused(str(problem)) from None
    wanted, shared = shown(show), Shared()
    for why in found.impossible:
        human.problem(why)
    codes = [int(bool(found.impossible))]
    for made in found.runs:
        if wanted != "json" and made.origin is not None:
            human.note(f"run {made.row.id} takes back {made.origin.step.removesuffix(SUFFIX)}")
        codes.append(_go(Program(made.plan, project, registry, shared), made, wanted))
    sys.exit(max(codes))


def _go(program: Program, made: Kept, wanted: Show) -> int:
    """Go on with a run that was made; the exit code."""
    brake = Brake()
    job, options = Job(program, made.plan.flows[made.row.flow], wanted, brake=brake), RunOptions(brake=brake)
    return go(job, lambda audience: program.resume(made.row.id, audience.of(options)))


def _again(run: str, step: str, folder: str, show: str | None, *, before: bool) -> int:
    project, registry = the_project(folder), find_kinds()
    found = asyncio.run(read_kept(project, run))
    if not before and not found.row.status.is_settled:
        how = f"`leadflow resume {found.row.id}` goes on with it" if is_interrupted(found.row) else "it is under way"
        raise Refused(f"run {found.row.id} has not ended: {how}")
    try:
        made = asyncio.run(fork_run(found.row.id, step, project, registry, before=before))
    except (NotBegun, StartProblem, JournalProblem, NoSuchRun) as problem:
        raise Refused(str(problem)) from None
    wanted = shown(show)
    if wanted != "json":
        human.note(f"run {made.row.id} goes on from {made.origin.step if made.origin is not None else step}")
    return _go(Program(made.plan, project, registry, Shared()), made, wanted)
