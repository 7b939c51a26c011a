"""`leadflow run FILE [FLOW]`: run a flow. The result goes to standard output, everything else to standard error."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import click

from leadflow.agents.registry import find_kinds
from leadflow.api import Program
from leadflow.assembly import RunOptions, StartProblem
from leadflow.cli.files import read_bytes
from leadflow.cli.programs import choose_flow, compile_flow
from leadflow.cli.views import human, machine, runs
from leadflow.cli.views.failures import failure
from leadflow.events.model import Status
from leadflow.plan.forms import read_written_duration, to_plain
from leadflow.plan.plan import FlowPlan, Plan
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Observer, Result
from leadflow.run.inputs import parse_input, read_json
from leadflow.run.values import Mismatch
from leadflow.settings import Project, SettingsError, load_project


@click.command()
@click.argument("file")
@click.argument("flow", required=False)
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="One input; repeat for more.")
@click.option("--input-file", metavar="FILE", help="A JSON object of inputs; `-` is standard input.")
@click.option("--profile", help="The profile to run under.")
@click.option("--timeout", metavar="DURATION", help="The most time the run may take, as in 90s or 1h30m.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="The seed of the run's chance, to repeat a run.")
@click.option("--json", "show", flag_value="json", help="Events as JSON lines, also on a terminal.")
@click.option("--quiet", "-q", "show", flag_value="quiet", help="No progress and no events; only the result.")
def command(
    file: str,
    flow: str | None,
    *,
    inputs: Sequence[str],
    input_file: str | None,
    profile: str | None,
    timeout: str | None,
    seed: int | None,
    show: str | None,
) -> None:
    """Run a FLOW of FILE: the one that is named, else `main`, else the only one that no other flow calls.

    The program is checked first; nothing is started when it has errors. The result is printed as JSON on standard
    output. Progress goes to standard error: live on a terminal, as one JSON line per event otherwise.
    Exit code 0: done. 1: findings, or the run failed. 2: the command line is wrong. 130: interrupted.
    """
    registry = find_kinds()
    plan = compile_flow(file, profile=profile, catalogue=registry.catalogue)
    chosen = choose_flow(plan, flow)
    program = Program(plan, _project(file), registry)
    raw = _inputs(chosen, inputs, input_file)
    sys.exit(_run(program, chosen, raw, RunOptions(deadline=_duration(timeout), seed=seed), show))


def _run(program: Program, flow: FlowPlan, raw: dict[str, object], options: RunOptions, show: str | None) -> int:
    try:
        with contextlib.redirect_stdout(sys.stderr), _watch(program.plan, flow, show) as observers:
            # redirected, because what functions print is not the result
            result = asyncio.run(program.run(flow.name, raw, replace(options, observers=observers)))
    except StartProblem as problem:
        for line in problem.problems:
            human.problem(line)
        return 1
    except KeyboardInterrupt:
        human.problem("interrupted; what was under way has been cleaned up")
        return 130
    return _tell(result, program.plan, show)


@contextlib.contextmanager
def _watch(plan: Plan, flow: FlowPlan, show: str | None) -> Iterator[tuple[Observer, ...]]:
    """Who is shown the events while the run lasts."""
    if show == "quiet":
        yield ()
    elif show == "json" or not sys.stderr.isatty():
        yield (runs.event,)
    else:
        progress = import_module("leadflow.cli.views.progress")  # rich is slow to load
        watch = progress.Watch(plan, flow.name)
        with progress.Screen(watch, lambda: SystemClock().now().timestamp()):
            yield (watch,)


def _tell(result: Result, plan: Plan, show: str | None) -> int:
    if result.status is Status.DONE:
        machine.document(to_plain(result.value))
        return 0
    if show != "json":
        failure(result, plan)
    return 1


def _project(file: str) -> Project:
    try:
        return load_project(Path(file))
    except SettingsError as problem:
        raise click.UsageError(str(problem)) from None


def _duration(text: str | None) -> timedelta | None:
    duration = None if text is None else read_written_duration(text)
    if text is not None and (duration is None or duration <= timedelta(0)):
        raise click.UsageError(f"--timeout: '{text}' is no duration; write 90s, 5m or 1h30m")
    return duration


def _inputs(flow: FlowPlan, pairs: Sequence[str], file: str | None) -> dict[str, object]:
    """The inputs by parameter, those of the command line before those of the file."""
    raw: dict[str, object] = {}
    if file is not None:
        data = read_json(read_bytes(file))
        if isinstance(data, Mismatch):
            raise click.UsageError(f"--input-file {file}: {data.message}")
        if not isinstance(data, dict):
            raise click.UsageError(f"--input-file {file}: expected a JSON object with one entry per parameter")
        raw.update(data)
    for pair in pairs:
        given = parse_input(pair, flow.params)
        if isinstance(given, Mismatch):
            raise click.UsageError(f"--input: {given.message}")
        raw[given[0]] = given[1]
    return raw
