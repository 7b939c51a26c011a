"""An answer given on the command line, and the run that goes on with it: what `approve` and `answer` share."""

import asyncio
import shlex
import sys
from collections.abc import Callable
from typing import TypeVar

import click

from leadflow.agents.registry import find_kinds
from leadflow.answers import NotAnswered
from leadflow.api import Program
from leadflow.cli.journals import in_folder, read_kept, refused, the_project, what_changed
from leadflow.cli.recordings import go_recorded, gone_on
from leadflow.cli.refused import Refused
from leadflow.cli.running import Audience, Job, shown
from leadflow.cli.views import human, questions
from leadflow.keeping import Kept, is_interrupted
from leadflow.plan.types import Type
from leadflow.policies.shared import Shared
from leadflow.record import record
from leadflow.run.brake import Brake
from leadflow.run.driver import Result
from leadflow.run.store import JournalProblem, NoSuchRun
from leadflow.runs import RunOptions, UnderWay
from leadflow.settings import Project

F = TypeVar("F", bound=Callable[..., object])

_OPTIONS = (
    click.option("--in", "folder", metavar="DIR", default=".", help="The project whose run it is; else this folder's."),
    click.option("--no-resume", is_flag=True, help="Only keep the answer; `leadflow resume` goes on with it."),
    click.option("--json", "show", flag_value="json", help="Nothing but JSON lines on standard error."),
    click.option("--quiet", "-q", "show", flag_value="quiet", help="No progress and no events; only the result."),
)


def options(command: F) -> F:
    """The options of commands that answer."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@record
class Given:
    """An answer, and what follows from it."""

    run: str
    step: str
    value: object
    note: str
    folder: str
    resumes: bool
    show: str | None


def answer(given: Given) -> None:
    """Keep an answer, and go on with the run in this process unless another one works on it. Ends the process.

    Raises:
        Refused: it is no answer, or comes too late.
    """
    project = the_project(given.folder)
    found = asyncio.run(read_kept(project, given.run))
    program = Program(found.plan, project, find_kinds(), Shared())
    run = found.row.id
    try:
        asyncio.run(program.answer(run, given.step, given.value, note=given.note))
    except NotAnswered as problem:
        raise Refused(f"{problem}{_as_in(problem.wanted, given)}") from None
    except (JournalProblem, NoSuchRun) as problem:
        raise refused(problem) from None
    goes_on = f"leadflow resume {run}{in_folder(given.folder)}"
    if not given.resumes:
        human.note(f"kept; go on with `{goes_on}`")
        return
    heard = f"kept; run {run} is under way in another process, which hears of it"
    if not is_interrupted(asyncio.run(read_kept(project, run)).row):
        human.note(heard)
        return
    _require_same(found, project, goes_on)
    brake, recording = Brake(), gone_on(found)
    recorder = None if recording is None else recording.recorder
    job = Job(program, found.plan.flows[found.row.flow], shown(given.show), brake=brake, recorder=recorder)
    settings = RunOptions(brake=brake, cast=recorder)
    results: list[Result] = []

    async def work(audience: Audience) -> Result:
        try:
            heard_by = () if recorder is None else (recorder,)
            results.append(await program.resume(run, audience.of(settings, *heard_by)))
            return results[-1]
        except UnderWay:  # taken up in this moment, by whoever answered another question
            raise _Elsewhere from None

    try:
        code = go_recorded(job, work, recording)
        is_open = any(result.failure is not None and not result.status.is_settled for result in results)
        if is_open and given.show != "json":
            human.note("your answer is kept: the run hears of it when it goes on")
        sys.exit(code)
    except _Elsewhere:
        human.note(heard)


def _require_same(found: Kept, project: Project, goes_on: str) -> None:
    """Refuse to go on with a flow that is another by now (case D6); the answer is kept all the same, and that is said.

    Raises:
        Refused: its files have changed, or are gone.
    """
    how = f"`{goes_on} --as-started` goes on with the flow as it was, `{goes_on} --migrate` with the flow as it is"
    try:
        what = what_changed(found, project)
    except SystemExit:  # the flow as it is has mistakes, which are told
        human.note(f"the answer is kept; {how}")
        raise
    if what is not None:
        raise Refused(f"the answer is kept, but {what}; {how}")


class _Elsewhere(Exception):
    """Another process goes on with the run."""


def _as_in(wanted: Type | None, given: Given) -> str:
    """A command that would answer, for whoever gave something of another type."""
    if wanted is None:
        return ""
    words = shlex.join(["leadflow", "answer", given.run, given.step, questions.example(wanted)])
    return f"; as in `{words}`"
