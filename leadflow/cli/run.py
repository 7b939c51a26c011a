"""`leadflow run FILE [FLOW]`: run a flow. The result goes to standard output, everything else to standard error."""

import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import click

from leadflow.agents.registry import find_kinds
from leadflow.api import Program
from leadflow.cli.inputs import find_project, raw_inputs
from leadflow.cli.interrupts import before_it_begins
from leadflow.cli.programs import choose_flow, compile_flow
from leadflow.cli.recordings import begun, go_recorded
from leadflow.cli.refused import Refused
from leadflow.cli.running import Audience, Job, Show, shown
from leadflow.cli.views import human
from leadflow.keeping import is_recorded
from leadflow.plan.forms import read_written_duration
from leadflow.policies.shared import Shared
from leadflow.run.adapters import SystemClock
from leadflow.run.brake import Brake
from leadflow.run.driver import Result
from leadflow.runs import RunOptions
from leadflow.testing.stand_ins import StandIns

_UNKEPT, _RESUMED, _RECORD, _FAKE = "leadflow.unkept", "leadflow.resumed", "leadflow.record", "leadflow.fake"
"""In the context of the command: whether nothing is kept, whether a run that has not ended goes on, where the run is
recorded, and whether made-up values answer. As parameters they would be too many."""


def _aside(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Put the value of an option into the context of the command."""
    return lambda ctx, _, value: ctx.meta.update({key: value})


@click.command()
@click.argument("file")
@click.argument("flow", required=False)
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="One input; repeat for more.")
@click.option("--input-file", metavar="FILE", help="A JSON object of inputs; `-` is standard input.")
@click.option("--profile", metavar="NAME", help="The profile to run under.")
@click.option("--timeout", metavar="DURATION", help="The most time the run may take, as in 90s or 1h30m.")
@click.option("--seed", type=int, metavar="NUMBER", help="The seed of the run's chance, to repeat a run.")
@click.option(
    "--no-journal",
    is_flag=True,
    expose_value=False,
    callback=_aside(_UNKEPT),
    help="Keep nothing: the run does not survive its process.",
)
@click.option(
    "--resume",
    is_flag=True,
    expose_value=False,
    callback=_aside(_RESUMED),
    help="Go on with the newest run of this flow and input that has not ended; else start one.",
)
@click.option(
    "--record",
    metavar="FILE",
    expose_value=False,
    callback=_aside(_RECORD),
    help="Write down what agents were asked and answered; `replay` in a test answers with it.",
)
@click.option(
    "--fake",
    is_flag=True,
    expose_value=False,
    callback=_aside(_FAKE),
    help="Let made-up values of the right types answer: no agent is called, no key is needed, and nothing is kept.",
)
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
    show: str | None,
) -> None:
    """Run a FLOW of FILE: the one that is named, else `main`, else the only one that no other flow calls.

    The program is checked first; nothing is started when it has errors. The result is printed as JSON on standard
    output; progress goes to standard error: live on a terminal, a line for each call otherwise. Ctrl-C lets
    what is under way end, for at most ten seconds, and stops there; `leadflow resume` goes on. A second one ends it at
    once. A run that is not kept takes back what it did.

    \b
    Exit code 0    done
              1    the flow has errors, or the run could not start or failed
              2    the command line or an input is wrong
              3    the run waits for people, and its process has ended
              130  interrupted
    """
    wanted = shown(show)
    meta = click.get_current_context().meta
    with before_it_begins(is_told=wanted != "json"):
        registry = find_kinds()
        plan = compile_flow(file, profile=profile, catalogue=registry.catalogue, as_json=wanted == "json")
        chosen = choose_flow(plan, flow)
        program = Program(plan, find_project(file), registry, Shared())
        given = raw_inputs(chosen, inputs, input_file)
        record, chance = meta[_RECORD], _seed(seed)
        if record is not None and meta[_RESUMED]:
            raise Refused("--record writes down a whole run, and --resume goes on with one")
        fakes = _fakes(program, chance or 0, wanted) if meta[_FAKE] else None
        is_kept = not meta[_UNKEPT] and fakes is None
        recording = begun(record, file)
        recorder = None if recording is None else recording.recorder
    brake = Brake() if is_kept else None
    options = RunOptions(
        deadline=_duration(timeout),
        seed=chance,
        durable=is_kept,
        cast=fakes or recorder,
        brake=brake,
        recording=None if recording is None else str(recording.file),
    )

    async def work(audience: Audience) -> Result:
        watched = audience.of(options, *(() if recorder is None else (recorder,)))
        found = await program.unfinished(chosen.name, given) if is_kept else None
        if found is not None and meta[_RESUMED] and is_recorded(found):
            raise Refused(f"run {found.id} is recorded; `leadflow resume {found.id}` goes on with it and its recording")
        if found is not None and meta[_RESUMED]:
            return await program.resume(found.id, watched)
        if found is not None and wanted != "json":  # among events in lines there is nothing but events
            human.note(f"run {found.id} of this flow and input has not ended; --resume goes on with it")
        return await program.run(chosen.name, given, watched)

    sys.exit(go_recorded(Job(program, chosen, wanted, brake=brake, recorder=recorder), work, recording))


# --- the command line ---------------------------------------------------------------------------------------------


def _fakes(program: Program, seed: int, show: Show) -> StandIns:
    """What answers in place of all agents: always the same for one seed."""
    meta = click.get_current_context().meta
    if meta[_RESUMED] or meta[_RECORD] is not None:
        raise Refused("--fake makes up what agents answer: there is nothing to record of them, or to resume")
    if show in ("live", "lines"):
        human.note("made-up values answer: no agent is called, nothing is kept, and what models use is a guess")
    return StandIns(program.plan, {}, SystemClock(), seed=seed, has_fakes=True)


def _duration(text: str | None) -> timedelta | None:
    duration = None if text is None else read_written_duration(text)
    if text is not None and (duration is None or duration <= timedelta(0)):
        raise Refused(f"--timeout: '{human.one_line(text)}' is no duration; write 90s, 5m or 1h30m")
    return duration


def _seed(seed: int | None) -> int | None:
    if seed is not None and not 0 <= seed < 2**63:
        raise Refused("--seed: write a whole number from 0 to 9223372036854775807")
    return seed
