"""`leadflow resume [RUN]`: go on with a run whose process has ended, with the plan that it was started with."""

import asyncio
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import click

from leadflow.agents.registry import find_kinds
from leadflow.answers import type_at
from leadflow.api import Program
from leadflow.assembly import StartProblem
from leadflow.cli.choosing import chosen, one_of
from leadflow.cli.journals import (
    entries_of,
    in_folder,
    listed,
    newest_unfinished,
    plan_now,
    read_kept,
    refused,
    require_same,
    the_project,
)
from leadflow.cli.recordings import go_recorded, gone_on
from leadflow.cli.refused import Refused
from leadflow.cli.running import Audience, Job, Show, shown
from leadflow.cli.views import human, questions
from leadflow.cli.views.kept import doubt_words, why_due
from leadflow.due import stay_with
from leadflow.keeping import Kept, is_interrupted
from leadflow.operating import move_run
from leadflow.plan.paths import ending_in, several_end
from leadflow.plan.plan import Plan
from leadflow.plan.types import Value
from leadflow.plan.types import show as show_type
from leadflow.policies.shared import Shared
from leadflow.record import record
from leadflow.run.adapters import SystemClock
from leadflow.run.brake import Brake
from leadflow.run.driver import Result
from leadflow.run.inputs import read_json
from leadflow.run.moving import Stays
from leadflow.run.store import JournalProblem, NoSuchRun, Wanted
from leadflow.run.taken_up import Told, under_way
from leadflow.run.values import Mismatch, door
from leadflow.runs import RunOptions
from leadflow.settings import Project
from leadflow.stores.owner import this_user


@click.command(short_help="Go on with a run whose process has ended.")
@click.argument("run", required=False)
@click.option("--in", "folder", metavar="DIR", default=".", help="The project whose run it is; else this folder's.")
@click.option("--again", multiple=True, metavar="STEP", help="A step in doubt: call it again.")
@click.option("--failed", multiple=True, metavar="STEP", help="A step in doubt: it was not done.")
@click.option("--done", multiple=True, metavar="STEP[=JSON]", help="A step in doubt: it was done, and gave this.")
@one_of("changed", "as-started", "The flow has changed: go on with it as it was.")
@one_of("changed", "migrate", "It has changed: go on with it as it is, if that holds.")
@one_of("which", "due", "Go on with all runs that wait for nobody, one after the other.")
@one_of("which", "wait", "Stay until the run has ended, also while it waits for people.")
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
    again_anyway: bool,
    show: str | None,
) -> None:
    """Go on with a RUN whose process has ended: the one of that id (its beginning is enough), else the newest that has
    not ended. What is done is not done again. What was under way is called again if it changes nothing or may be
    repeated; of any other step nobody knows whether it was done: the command names it, and you say what is true with
    --again, --failed or --done.

    --due is for a timer of the machine, such as cron: it goes on with each run whose process has died or was stopped by
    SIGTERM, whose question has an answer or has expired, or whose time is over. One that was stopped with Ctrl-C is
    left to whoever names it. One that is in doubt is left alone, too, and told unless --quiet or --json is given.

    \b
    Exit code 0    done; with --due, all that were due are done, or none was
              1    the run failed, waits for your word, or cannot go on; with
                   --due, one of them
              2    the command line is wrong
              3    the run waits for people; with --due, one of them
              130  interrupted
    """
    project, changed, which = the_project(folder), chosen("changed"), chosen("which")
    if which == "due":
        if run is not None or again or failed or done or again_anyway:
            raise click.UsageError("--due goes on with all runs that are due: name no RUN, and say nothing of one")
        sys.exit(_all_due(project, changed, show, in_folder(folder)))
    found = asyncio.run(read_kept(project, run) if run is not None else newest_unfinished(project))
    found = _as_asked(found, project, changed)
    going = _Going(project, RunOptions(brake=Brake(), again_anyway=again_anyway), shown(show), which == "wait")
    _, entries = asyncio.run(entries_of(project, found.row.id)) if again or failed or done else (found, ())
    sys.exit(_go_on(found, going, _told(found.plan, under_way(entries), again, failed, done)))


@record
class _Going:
    """How a run goes on."""

    project: Project
    options: RunOptions
    show: Show
    stays: bool
    """Until it has ended."""


def _go_on(found: Kept, going: _Going, told: Mapping[str, Told]) -> int:
    """Go on with a run; the exit code."""
    project, run = going.project, found.row.id
    program, recording = Program(found.plan, project, find_kinds(), Shared()), gone_on(found)
    recorder = None if recording is None else recording.recorder
    job = Job(program, found.plan.flows[found.row.flow], going.show, brake=going.options.brake, recorder=recorder)

    async def work(audience: Audience) -> Result:
        heard_by = () if recorder is None else (recorder,)
        options, said = audience.of(replace(going.options, cast=recorder), *heard_by), dict(told)

        async def resume() -> Result:
            heard = dict(said)
            said.clear()  # it holds for what is in doubt now, and not for what may be later
            return await program.resume(run, options, told=heard)

        return await (stay_with(run, resume, project, options) if going.stays else resume())

    return go_recorded(job, work, recording)


def _all_due(project: Project, changed: str | None, show: str | None, where: str) -> int:
    """Go on with all runs that are due; the exit code. Those in doubt are left alone, and said to be."""
    (_, idle), wanted, brake = asyncio.run(listed(project, Wanted(is_open=True))), shown(show), Brake()
    if not idle.due and wanted not in ("json", "quiet"):
        human.note("no run is due: each has ended, is under way, or waits for somebody's word")
    for doubt in idle.in_doubt if wanted in ("live", "lines") else ():  # a timer tells the same at each turn otherwise
        human.note(doubt_words(doubt, where))
    codes = {int(bool(idle.in_doubt))}
    for each in idle.due:
        if brake.why is not None:
            break
        try:
            found = asyncio.run(read_kept(project, each.row.id))
            if not is_interrupted(found.row):  # somebody took it up while those before it went on
                continue
            if wanted != "json":
                human.note(f"run {each.row.id} of {each.row.flow} goes on: {why_due(each, SystemClock().timestamp())}")
            found = _as_asked(found, project, changed)
            codes.add(_go_on(found, _Going(project, RunOptions(brake=brake), wanted, stays=False), {}))
        except Refused as problem:
            problem.show()
            codes.add(1)
        except SystemExit:  # the flow as it is has mistakes, which are told
            codes.add(1)
    return max((code for code in codes if code > 128), default=1 if codes & {1, 2} else max(codes))


def _as_asked(found: Kept, project: Project, changed: str | None) -> Kept:
    """The run, under the flow that it shall go on with.

    Raises:
        Refused: the flow is another by now, and nobody has said which; or the run may not move to it.
    """
    if changed == "migrate":
        return _migrated(found, project)
    if changed is None:
        require_same(found, project)
    return found


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
    except (StartProblem, JournalProblem, NoSuchRun) as problem:
        raise refused(problem) from None
    if isinstance(moved, Stays):
        raise Refused("\n".join([f"run {run} may not move to {found.row.source} as it is now", *moved.reasons]))
    human.note(f"run {run} moves to {found.row.source} as it is now")
    for words, paths in (("keeps what it gave", moved.kept), ("is under way", moved.under_way)):
        for path in paths:
            human.note(f"  {path} {words}")
    return asyncio.run(read_kept(project, run))


def _told(
    plan: Plan, open_ones: Collection[str], again: Sequence[str], failed: Sequence[str], done: Sequence[str]
) -> Mapping[str, Told]:
    """What the operator says of steps in doubt, by their whole paths.

    Args:
        open_ones: the paths of the steps that are under way.

    Raises:
        Refused: two things of one step, or what no step can have given; or it is not plain which step is meant.
    """
    values = {_meant(path, open_ones): text if equals else None for path, equals, text in map(_parted, done)}
    repeated, undone = [_meant(path, open_ones) for path in again], [_meant(path, open_ones) for path in failed]
    named = [*repeated, *undone, *(_meant(path, open_ones) for path, _, _ in map(_parted, done))]
    if twice := next((path for path in named if named.count(path) > 1), None):
        raise Refused(f"{twice}: you say two things of one step; say one of --again, --failed and --done")
    by = f"told by {this_user()}"
    told = {path: Told("retry", why=by) for path in repeated} | {path: Told("failed", why=by) for path in undone}
    return told | {path: Told("done", _value(plan, path, text), by) for path, text in values.items()}


def _parted(given: str) -> tuple[str, str, str]:
    return given.partition("=")


def _meant(step: str, open_ones: Collection[str]) -> str:
    """The whole path of a step that is named by it or by its end; what names none stays, and is refused later.

    Raises:
        Refused: several steps under way end so.
    """
    found = ending_in(step, open_ones)
    if len(found) > 1:
        raise Refused(several_end("steps under way", step, found))
    return next(iter(found), step)


def _value(plan: Plan, path: str, text: str | None) -> Value:
    """What a step gave, as its agent would have said it; without a text it gave nothing.

    Raises:
        Refused: it is no JSON, or not of the step's type. What reads the step would find that out, too late.
    """
    wanted = type_at(plan, path)
    data = None if text is None else read_json(text.encode())
    value = data if isinstance(data, Mismatch) else door(wanted)(data)
    if not isinstance(value, Mismatch):
        return value
    example = f"write JSON, as in {shlex.quote(f'{path}={questions.as_json(wanted)}')}"
    if text is None:
        raise Refused(f"--done {path}: it gives {show_type(wanted)}, and what reads it needs that; {example}")
    raise Refused(f"--done {path}: {value.message}; {example}")
