"""`leadflow resume [RUN]`: go on with a run whose process has ended, with the plan that it was started with."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence

import click

from leadflow.agents.registry import find_kinds
from leadflow.answers import type_at
from leadflow.api import Program
from leadflow.assembly import StartProblem
from leadflow.cli.journals import newest_unfinished, plan_now, read_kept, require_same, the_project
from leadflow.cli.refused import Refused
from leadflow.cli.running import Job, go, shown
from leadflow.cli.views import human
from leadflow.keeping import Kept
from leadflow.operating import move_run
from leadflow.plan.plan import Plan
from leadflow.plan.types import Value
from leadflow.policies.shared import Shared
from leadflow.run.brake import Brake
from leadflow.run.inputs import read_json
from leadflow.run.moving import Stays
from leadflow.run.store import JournalProblem
from leadflow.run.taken_up import Told
from leadflow.run.values import Mismatch, door
from leadflow.runs import RunOptions
from leadflow.settings import Project


@click.command()
@click.argument("run", required=False)
@click.option("--in", "folder", metavar="DIR", default=".", help="The project whose run it is; else this folder's.")
@click.option("--again", multiple=True, metavar="STEP", help="A step in doubt: call it again.")
@click.option("--failed", multiple=True, metavar="STEP", help="A step in doubt: it was not done.")
@click.option("--done", multiple=True, metavar="STEP[=JSON]", help="A step in doubt: it was done, and gave this.")
@click.option(
    "--as-started",
    "changed",
    flag_value="as-started",
    help="The flow has changed: go on with it as it was.",
)
@click.option(
    "--migrate", "changed", flag_value="migrate", help="It has changed: go on with it as it is, if that holds."
)
@click.option("--again-anyway", is_flag=True, help="Go on also with a run in which too many processes have ended.")
@click.option("--json", "show", flag_value="json", help="Nothing but JSON lines on standard error, terminal or not.")
@click.option("--quiet", "-q", "show", flag_value="quiet", help="No progress and no events; only the result.")
def command(
    run: str | None,
    *,
    folder: str,
    again: Sequence[str],
    failed: Sequence[str],
    done: Sequence[str],
    changed: str | None,
    again_anyway: bool,
    show: str | None,
) -> None:
    """Go on with a RUN whose process has ended: the one of that id (its beginning is enough), else the newest that has
    not ended. What is done is not done again. What was under way is called again if it changes nothing or may be
    repeated; of any other step nobody knows whether it was done: the command names it, and you say what is true with
    --again, --failed or --done.

    \b
    Exit code 0    done
              1    the run failed, waits for your word, or cannot go on
              2    the command line is wrong
              3    the run waits for people
              130  interrupted
    """
    project = the_project(folder)
    found = asyncio.run(read_kept(project, run) if run is not None else newest_unfinished(project))
    if changed == "migrate":
        found = _migrated(found, project)
    elif changed is None:
        require_same(found, project)
    told = _told(found.plan, again, failed, done)
    program = Program(found.plan, project, find_kinds(), Shared())
    brake = Brake()
    options = RunOptions(brake=brake, again_anyway=again_anyway)
    job = Job(program, found.plan.flows[found.row.flow], shown(show), brake=brake)
    sys.exit(
        go(
            job,
            lambda audience: program.resume(found.row.id, audience.of(options), told=told),
        )
    )


def _migrated(found: Kept, project: Project) -> Kept:
    """The run, moved to the flow as it is now; says what moves.

    Raises:
        Refused: it may not move.
    """
    now, run = plan_now(found, project), found.row.id
    if now is None:
        raise Refused(f"{found.row.source} is not there, so that run {run} has nothing to move to")
    if now.hash == found.plan.hash:
        return found
    try:
        moved = asyncio.run(move_run(run, now, project))
    except (StartProblem, JournalProblem) as problem:
        raise Refused(str(problem)) from None
    if isinstance(moved, Stays):
        raise Refused("\n".join([f"run {run} may not move to {found.row.source} as it is now", *moved.reasons]))
    human.note(f"run {run} moves to {found.row.source} as it is now")
    for words, paths in (("keeps what it gave", moved.kept), ("is under way", moved.under_way)):
        for path in paths:
            human.note(f"  {path} {words}")
    return asyncio.run(read_kept(project, run))


def _told(plan: Plan, again: Sequence[str], failed: Sequence[str], done: Sequence[str]) -> Mapping[str, Told]:
    """What the operator says of steps in doubt.

    Raises:
        Refused: two things of one step, or what no step can have given.
    """
    named = [*again, *failed, *(given.partition("=")[0] for given in done)]
    if twice := next((path for path in named if named.count(path) > 1), None):
        raise Refused(f"{twice}: you say two things of one step; say one of --again, --failed and --done")
    told = {path: Told("retry") for path in again} | {path: Told("failed") for path in failed}
    for given in done:
        path, equals, text = given.partition("=")
        told[path] = Told("done", _value(plan, path, text) if equals else None)
    return told


def _value(plan: Plan, path: str, text: str) -> Value:
    """What a step gave, as its agent would have said it.

    Raises:
        Refused: it is no JSON, or not of the step's type.
    """
    data = read_json(text.encode())
    value = data if isinstance(data, Mismatch) else door(type_at(plan, path))(data)
    if isinstance(value, Mismatch):
        raise Refused(f"--done {path}: {value.message}; write JSON, as in {path}={json.dumps({'id': 'T-1'})}")
    return value
