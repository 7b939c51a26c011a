"""`leadflow run FILE [FLOW]`: run a flow. The result goes to standard output, everything else to standard error."""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Literal, TextIO, TypeAlias, cast

import click

from leadflow.agents.registry import find_kinds
from leadflow.api import Program
from leadflow.assembly import InputProblem, RunOptions, StartProblem
from leadflow.cli.inputs import find_project, raw_inputs
from leadflow.cli.interrupts import Interrupted, run_interruptibly
from leadflow.cli.names import Names
from leadflow.cli.programs import choose_flow, compile_flow
from leadflow.cli.refused import Refused
from leadflow.cli.streams import Lines, printing_to
from leadflow.cli.views import human, machine, runs
from leadflow.cli.views.failures import absorbed, failure, undone
from leadflow.cli.views.logs import OneLine
from leadflow.events.model import Entry, RunFailed, Status, UndoBegan
from leadflow.plan.forms import read_written_duration, to_plain
from leadflow.plan.plan import FlowPlan
from leadflow.policies.shared import Shared
from leadflow.record import record
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Observer, Result

Show: TypeAlias = Literal["live", "lines", "json", "quiet"]
"""A picture on a terminal; events as JSON lines, and words at the end; nothing but JSON lines; nothing of it."""


@click.command()
@click.argument("file")
@click.argument("flow", required=False)
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="One input; repeat for more.")
@click.option("--input-file", metavar="FILE", help="A JSON object of inputs; `-` is standard input.")
@click.option("--profile", metavar="NAME", help="The profile to run under.")
@click.option("--timeout", metavar="DURATION", help="The most time the run may take, as in 90s or 1h30m.")
@click.option("--seed", type=int, metavar="NUMBER", help="The seed of the run's chance, to repeat a run.")
@click.option("--no-journal", is_flag=True, help="Keep nothing: the run does not survive its process.")
@click.option("--json", "show", flag_value="json", help="Nothing but JSON lines on standard error, terminal or not.")
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
    no_journal: bool,
    show: str | None,
) -> None:
    """Run a FLOW of FILE: the one that is named, else `main`, else the only one that no other flow calls.

    The program is checked first; nothing is started when it has errors. The result is printed as JSON on standard
    output; progress goes to standard error: live on a terminal, as one JSON line per event otherwise. Ctrl-C stops the
    run and cleans up, a second one ends it at once.

    \b
    Exit code 0    done
              1    the flow has errors, or the run could not start or failed
              2    the command line or an input is wrong
              130  interrupted
    """
    wanted = cast(Show, show or ("live" if sys.stderr.isatty() else "lines"))
    registry = find_kinds()
    plan = compile_flow(file, profile=profile, catalogue=registry.catalogue, as_json=wanted == "json")
    chosen = choose_flow(plan, flow)
    program = Program(plan, find_project(file), registry, Shared())
    job = _Job(program, chosen, raw_inputs(chosen, inputs, input_file), wanted)
    sys.exit(_run(job, RunOptions(deadline=_duration(timeout), seed=_seed(seed), durable=not no_journal)))


@record
class _Job:
    """What shall be run, and how it is shown."""

    program: Program
    flow: FlowPlan
    inputs: dict[str, object]
    show: Show


def _run(job: _Job, options: RunOptions) -> int:
    end: list[Entry] = []

    def note(entry: Entry) -> None:
        """Remember how it ends: nobody gets the result of a run that is interrupted."""
        if end or isinstance(entry.event, UndoBegan | RunFailed):
            end.append(entry)

    try:
        with _watch(job) as (observers, leave):
            work = job.program.run(job.flow.name, job.inputs, replace(options, observers=(*observers, note)))
            result = run_interruptibly(work, leave=leave)
    except StartProblem as problem:
        if job.show == "json":
            machine.line({"event": "StartProblem", "problems": list(problem.problems)})
        for line in problem.problems if job.show != "json" else ():
            human.problem(_seen_from_here(line, job))
        return 2 if isinstance(problem, InputProblem) else 1
    except Interrupted as stopped:
        if job.show != "json":
            human.problem("interrupted; what was under way has been cleaned up")
            _tell_end(end, job)
        return stopped.code
    return _tell(result, job)


def _tell_end(end: Sequence[Entry], job: _Job) -> None:
    """What an interrupted run took back, and what it could not."""
    last = end[-1].event if end else None
    why = last.failure if isinstance(last, RunFailed) else None
    ended = Result("", Status.CANCELLED, None, why, end)
    if why is not None:
        failure(ended, job.program.plan, Names(job.program.project.root))
    else:
        undone(ended.undone)


def _seen_from_here(line: str, job: _Job) -> str:
    """A problem that begins with a place, `file:line:column: `, with the file as the working folder calls it."""
    file, _, rest = line.partition(":")
    return f"{Names(job.program.project.root)(file)}:{rest}" if rest[:1].isdigit() else line


def _tell(result: Result, job: _Job) -> int:
    if result.status is Status.DONE:
        if job.show == "live":
            absorbed(result)
        machine.document(to_plain(result.value))
        return 0
    if job.show != "json":
        failure(result, job.program.plan, Names(job.program.project.root))
    return 1


# --- while it runs ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _watch(job: _Job) -> Iterator[tuple[tuple[Observer, ...], Callable[[], None]]]:
    """Who is shown the events while the run lasts; what functions print and what is logged goes to standard error."""
    as_json = job.show == "json"
    with (
        _logged(_tell_as_json("Logged") if as_json else human.warning),
        _screen(job) as shown,
        contextlib.closing(Lines(_tell_as_json("Printed"))) as lines,
        # looked at here, because the screen has lent its own standard error, which writes above the picture
        printing_to(cast(TextIO, lines) if as_json else sys.stderr),
    ):
        yield shown


def _tell_as_json(event: str) -> Callable[[str], None]:
    return lambda text: machine.line({"event": event, "text": text})


@contextlib.contextmanager
def _screen(job: _Job) -> Iterator[tuple[tuple[Observer, ...], Callable[[], None]]]:
    """Who is shown the events, and what to do with the screen when the process ends at once."""
    match job.show:
        case "quiet":
            yield (), lambda: None
        case "json" | "lines":
            yield (_lines(),), lambda: None
        case "live":
            progress = import_module("leadflow.cli.views.progress")  # rich is slow to load
            watch = progress.Watch(job.program.plan, job.flow.name)
            screen = progress.Screen(watch, lambda: SystemClock().now().timestamp())
            with screen:
                yield (watch,), screen.leave


def _lines() -> Observer:
    """Writes each event as a JSON line, until nobody reads them any more; the run goes on."""
    is_read = True

    def write(entry: Entry) -> None:
        nonlocal is_read
        if is_read:
            try:
                runs.event(entry)
            except BrokenPipeError:
                is_read = False

    return write


@contextlib.contextmanager
def _logged(say: Callable[[str], None]) -> Iterator[None]:
    """What leadflow logs, in one line each, without tracebacks."""
    handler = OneLine(say)
    logger = logging.getLogger("leadflow")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


# --- the command line ---------------------------------------------------------------------------------------------


def _duration(text: str | None) -> timedelta | None:
    duration = None if text is None else read_written_duration(text)
    if text is not None and (duration is None or duration <= timedelta(0)):
        raise Refused(f"--timeout: '{human.one_line(text)}' is no duration; write 90s, 5m or 1h30m")
    return duration


def _seed(seed: int | None) -> int | None:
    if seed is not None and not 0 <= seed < 2**63:
        raise Refused("--seed: write a whole number from 0 to 9223372036854775807")
    return seed
