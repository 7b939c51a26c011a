"""`leadflow runs undo`: what a run could not take back is taken back later, by a run of its own for each step; or it is
said who has done it by hand.

Standard output has a line for each step that is taken back, or with `--json` one document of them all.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import click

from leadflow.agents.registry import find_kinds
from leadflow.api import Program
from leadflow.assembly import StartProblem
from leadflow.backward import undo_again, undone_by_hand
from leadflow.cli.journals import in_folder, refused, the_project
from leadflow.cli.running import Job, Show, go, shown
from leadflow.cli.views import human, machine
from leadflow.cli.views.failures import not_undone, say_by_hand, undo_call
from leadflow.keeping import Kept
from leadflow.plan.undoing import SUFFIX
from leadflow.policies.shared import Shared
from leadflow.record import record
from leadflow.run.brake import Brake
from leadflow.run.store import JournalProblem, NoSuchRun
from leadflow.runs import RunOptions
from leadflow.settings import Project


@record
class _Undone:
    """What became of a step that was to be taken back."""

    step: str
    call: str
    """As an author would write it; nothing where it is not known."""
    run: str | None
    """The run that takes it back; None: there is none."""
    code: int
    """The exit code of that."""
    why: str = ""
    """Why no call takes it back."""


@click.command("undo", short_help="Take back what a failed run could not.")
@click.argument("run")
@click.option(
    "--undone", multiple=True, metavar="STEP", help="It was taken back by hand, or never done: note that, call nothing."
)
@click.option("--json", "show", flag_value="json", help="What was taken back, and events on standard error, as JSON.")
@click.option("--quiet", "-q", "show", flag_value="quiet", help="No progress and no events; only what was taken back.")
@click.option("--in", "folder", metavar="DIR", default=".", help="The project whose runs; else this folder's.")
def undo(run: str, *, undone: Sequence[str], folder: str, show: str | None) -> None:
    """Take back what RUN did and could not take back when it failed or was cancelled: each call that failed is made
    again, by a run of its own, what was done last first. What is taken back already is left alone; RUN stays as it is.

    With --undone nothing is called: you say that you took a step back by hand, or found that it was not done. That is
    kept with your name, `runs show RUN` tells it, and the step's key of `@once` is free again. STEP is one that still
    stands, or one that failed or was cancelled in RUN and of which nobody knows whether it was done.

    \b
    Exit code 0    all of it is taken back; with --undone, it is noted
              1    some of it is not
              2    the command line is wrong, or nothing is left to take back
              130  interrupted
    """
    project, wanted = the_project(folder), shown(show)
    if undone:
        _note(run, undone, project, in_folder(folder), as_json=wanted == "json")
        return
    registry, shared = find_kinds(), Shared()
    try:
        found = asyncio.run(undo_again(run, project, registry))
    except (StartProblem, JournalProblem, NoSuchRun) as problem:
        raise refused(problem) from None
    ends = [_Undone(step, "", None, 1, why) for step, why in found.impossible.items()]
    for made in found.runs:
        step = _step_of(made)
        call = undo_call(made.plan, found.undos[step]) if step in found.undos else ""
        if wanted != "json":
            human.note(f"run {made.row.id} takes back {step}")
        code = go_on(Program(made.plan, project, registry, shared), made, wanted, tells_value=False)
        ends.append(_Undone(step, call, made.row.id, code))
        if not code and wanted != "json":
            click.echo(f"undone: {step}{f', by {call}' if call else ''}")
    if wanted == "json":
        machine.document([_data(one) for one in ends])
    else:
        _tell_left(found.run, ends, in_folder(folder))
    sys.exit(max(one.code for one in ends))


def go_on(program: Program, made: Kept, wanted: Show, *, tells_value: bool = True) -> int:
    """Go on with a run that was made; the exit code."""
    brake = Brake()
    job = Job(program, made.plan.flows[made.row.flow], wanted, brake=brake, tells_value=tells_value)
    return go(job, lambda audience: program.resume(made.row.id, audience.of(RunOptions(brake=brake))))


def _step_of(made: Kept) -> str:
    return "" if made.origin is None else made.origin.step.removesuffix(SUFFIX)


def _data(one: _Undone) -> dict[str, Any]:
    """A step for machines."""
    said = {"undone": one.code == 0, "by_hand": False, "call": one.call or None, "run": one.run}
    return {"step": one.step, **said, **({"why": one.why} if one.why else {})}


def _tell_left(run: str, ends: Sequence[_Undone], where: str) -> None:
    """What still stands, and what a person can do about it."""
    left = [one for one in ends if one.code]
    for one in left:
        if one.why:
            human.problem(f"step {one.step} cannot be taken back by a call: {one.why}")
        not_undone(one.step, one.call)
    if left:
        say_by_hand(run, [one.step for one in left], where, again=any(one.run for one in left))


def _note(run: str, steps: Sequence[str], project: Project, where: str, *, as_json: bool) -> None:
    """Note that steps were taken back by hand.

    Raises:
        Refused: they are none that stand, or it cannot be kept.
    """
    try:
        noted, left = asyncio.run(undone_by_hand(run, steps, project, find_kinds()))
    except (StartProblem, JournalProblem, NoSuchRun) as problem:
        raise refused(problem) from None
    if as_json:
        said = {"undone": True, "by_hand": True, "call": None}
        machine.document([{"step": one.step, **said, "run": one.run, "by": one.by} for one in noted])
        return
    for one in noted:
        click.echo(f"undone: {one.step}, by hand, told by {one.by or 'somebody'}")
    if left:
        human.note(f"still stands: {', '.join(left)}; `leadflow runs undo {run}{where}` takes it back")
