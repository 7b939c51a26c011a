"""leadflow from Python: load a file once, run its flows often.

    result = await leadflow.run("triage.flow", ticket={"id": "1", "body": "hello"})

    program = leadflow.load("triage.flow", profile="openai")
    result = await program.run("triage", {"ticket": ticket}, RunOptions(observers=[print]))
    summary = result.unwrap()  # the value; raises `RunNotDone` when there is none

Loading checks the whole program; a run starts nothing before its inputs and agents were looked at. `run_sync` is the
one door for code that is not async.
"""

import asyncio
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from leadflow.agents.registry import Registry, find_kinds
from leadflow.answers import OpenQuestion
from leadflow.assembly import StartProblem
from leadflow.diagnostics import Diagnostic, did_you_mean
from leadflow.diagnostics.render import render_text, summary
from leadflow.files import find_main, reader
from leadflow.pipeline import check_file, plan_of
from leadflow.plan.plan import Plan
from leadflow.plan.policy import Breaker, policy_of
from leadflow.policies.shared import Shared
from leadflow.record import record
from leadflow.run.driver import Result
from leadflow.run.store import RunRow
from leadflow.run.taken_up import Told
from leadflow.runs import RunOptions, answer_run, questions_of, resume_run, run_plan, unfinished_run
from leadflow.settings import Project, load_project
from leadflow.stores.owner import this_user


class CheckFailed(Exception):
    """A program has errors; the text shows them all."""

    def __init__(self, found: tuple[Diagnostic, ...], text: str) -> None:
        super().__init__(f"{summary(found)}\n\n{text}")
        self.found = found
        """The findings, warnings included."""


@record
class Program:
    """A checked and compiled file: any of its flows can be run, also several at once."""

    plan: Plan
    project: Project
    registry: Registry
    shared: Shared
    """What its runs share: limits, breakers, caches."""

    async def run(
        self, flow: str | None = None, inputs: Mapping[str, object] | None = None, options: RunOptions | None = None
    ) -> Result:
        """Run a flow to its end.

        Args:
            flow: its name; None: `main`, else the only one that no other flow calls.
            inputs: by parameter: plain data as from JSON, or values.
            options: observers, a deadline, a seed.

        Raises:
            StartProblem: an input, a secret or an agent is wrong or missing; nothing was started.
        """
        name = flow or self.plan.main
        flows = ", ".join(self.plan.flows) or "none"
        if name is None:
            raise StartProblem([f"name a flow: {self.plan.file} has {flows}"])
        if name not in self.plan.flows:
            hint = did_you_mean(name, self.plan.flows) or f"; {self.plan.file} has {flows}"
            raise StartProblem([f"there is no flow '{name}'{hint}"])
        return await run_plan(self.plan, name, inputs or {}, self.project, self.registry, options, shared=self.shared)

    async def unfinished(
        self, flow: str, inputs: Mapping[str, object] | None = None, options: RunOptions | None = None
    ) -> RunRow | None:
        """The newest run of this flow, content and input that has not ended, and that nobody works on.

        Raises:
            StartProblem: the inputs are none of the flow, or the journal cannot be used.
        """
        return await unfinished_run(self.plan, flow, inputs or {}, self.project, options)

    async def resume(
        self, run: str, options: RunOptions | None = None, *, told: Mapping[str, Told] | None = None
    ) -> Result:
        """Go on with a run of this project whose process has ended, with the plan that it was started with.

        Args:
            run: its id, or the beginning of it.
            told: what somebody found out about calls in doubt, by path.

        Raises:
            NoSuchRun: there is none. StartProblem: it cannot go on here. JournalProblem: its journal cannot be used.
        """
        return await resume_run(run, self.project, self.registry, options, told=told, shared=self.shared)

    async def questions(self, run: str, options: RunOptions | None = None) -> Sequence[OpenQuestion]:
        """What a run of this project asks people, and nobody has answered; in the order in which it was asked.

        Raises:
            NoSuchRun: there is no such run. JournalProblem: its journal cannot be used.
        """
        return await questions_of(run, self.project, options)

    async def answer(
        self,
        run: str,
        step: str,
        value: object,
        *,
        by: str | None = None,
        note: str = "",
        options: RunOptions | None = None,
    ) -> OpenQuestion:
        """Answer a question of a run of this project. The first answer stays, and `resume` goes on with it; where the
        run is under way, in this process or another one, it hears of it within a second or so.

        Args:
            run: its id, or the beginning of it.
            step: its path, or the end of that where only one open question ends so.
            value: plain data as from JSON: true or false for an approval, else of the type of the step.
            by: who answers, for the log; None: the user of this process.
            note: what else they say; a no is told with it.

        Raises:
            NotAnswered: there is no such question, it has an answer or has expired, or this is no answer to it.
            NoSuchRun: there is no such run. JournalProblem: its journal cannot be used.
        """
        return await answer_run(run, step, value, self.project, options, by=by or this_user(), note=note)


def load(file: str | PathLike[str], *, profile: str | None = None) -> Program:
    """Read, check and compile a file and what it imports.

    Raises:
        CheckFailed: it has errors, or cannot be read.
        leadflow.check.check.UnknownProfile: it has no such profile.
        leadflow.settings.SettingsError: the project's `leadflow.toml` cannot be used.
    """
    path, registry = Path(file), find_kinds()
    root, main = find_main(path)
    checked, report = check_file(main, reader(root), catalogue=registry.catalogue, profile=profile)
    if checked is None or report.has_errors:
        sources = {} if checked is None else {m.source.name: m.source for m in checked.modules.values()}
        raise CheckFailed(report.diagnostics, render_text(report.diagnostics, sources))
    plan = plan_of(checked)
    has_breaker = [name for name, spec in plan.agents.items() if policy_of(spec.policies, Breaker) is not None]
    guarded = {name: plan.agents[name].shares for name in has_breaker}
    return Program(plan, load_project(path), registry, Shared(guarded))


async def run(file: str | PathLike[str], flow: str | None = None, /, **inputs: object) -> Result:
    """Load a file and run a flow of it; inputs by name.

    For a profile, observers or a deadline, use `load` and `Program.run`.

    Raises:
        CheckFailed: the program has errors. StartProblem: something is missing; nothing was started.
    """
    return await load(file).run(flow, inputs)


def run_sync(file: str | PathLike[str], flow: str | None = None, /, **inputs: object) -> Result:
    """`run` for code that is not async; not inside of a running event loop."""

    async def main() -> Result:
        return await load(file).run(flow, inputs, RunOptions(alone=True))

    return asyncio.run(main())
