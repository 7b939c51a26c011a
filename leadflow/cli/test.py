"""`leadflow test [PATH…]`: make the tests that are written in flows. What came of them goes to standard output."""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import click

from leadflow.agents.registry import Registry, find_kinds
from leadflow.cli.changes import Snapshot, change, snapshot
from leadflow.cli.files import write_new
from leadflow.cli.refused import Refused
from leadflow.cli.trying import Tried, Wanted, no_tests, seen_files, tried
from leadflow.cli.views import human, machine, trials, trials_data
from leadflow.record import record
from leadflow.run.adapters import SystemClock, seconds_passed
from leadflow.testing.trials import Ways


@record
class Report:
    """What is told of the tests."""

    form: str
    shows_missed: bool
    least: float | None
    """Percent of the ways through the flows that have to be gone."""
    junit: str | None
    """A file to write."""

    @property
    def is_json(self) -> bool:
        """For machines."""
        return self.form == "json"


_META = "leadflow.test."


def _kept(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Options that would be too many parameters wait in the context."""
    ctx.meta[f"{_META}{param.name}"] = value


@click.command()
@click.argument("paths", nargs=-1)
@click.option("-k", "words", multiple=True, metavar="NAME", help="Only tests with this in their name; repeat for more.")
@click.option(
    "--fake", "has_fakes", is_flag=True, help="Let made-up values of the right types answer what no mock does."
)
@click.option(
    "--live", "is_live", is_flag=True, help="Call the agents themselves for what no mock answers. This costs."
)
@click.option("--seed", type=click.IntRange(0), default=0, metavar="NUMBER", help="The seed of chance, and of --fake.")
@click.option("--watch", is_flag=True, help="Make the tests again whenever a file of theirs changes, until Ctrl-C.")
@click.option(
    "--format",
    "form",
    expose_value=False,
    callback=_kept,
    type=click.Choice(["text", "json"]),
    default="text",
    help="For people, or for machines.",
)
@click.option(
    "--junit", expose_value=False, callback=_kept, metavar="FILE", help="Write the results to a file, as JUnit's XML."
)
@click.option(
    "--coverage",
    expose_value=False,
    callback=_kept,
    is_flag=True,
    help="List what of the flows no test has gone through.",
)
@click.option(
    "--coverage-min",
    "least",
    expose_value=False,
    callback=_kept,
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail when less was gone through.",
)
def command(
    paths: Sequence[str], *, words: Sequence[str], has_fakes: bool, is_live: bool, seed: int, watch: bool
) -> None:
    """Make the tests of flows. PATHS are files and folders; without any, this folder.

    A test runs its flows with all their policies, in virtual time: an hour of back-off costs nothing. No agent is
    called: mocks and recordings answer, and a call that nothing answers fails the test.

    \b
    Exit code 0    all passed
              1    a test failed, a file has errors, too little was gone through
              2    the command line is wrong, or there are no tests
    """
    if has_fakes and is_live:
        raise click.UsageError("--fake and --live both answer what no mock does; choose one")
    meta = click.get_current_context().meta
    report = Report(*(meta[_META + name] for name in ("form", "coverage", "least", "junit")))
    wanted = Wanted(tuple(paths) or (".",), tuple(words), Ways(has_fakes, is_live, seed))
    registry = find_kinds()
    if watch:
        _again_and_again(wanted, report, registry)
    code, _ = _once(wanted, report, registry)
    sys.exit(code)


def _once(wanted: Wanted, report: Report, registry: Registry) -> tuple[int, list[Tried]]:
    """Make all tests and tell of them; the exit code.

    Raises:
        Refused: there is none, or the report cannot be written.
    """
    passed = seconds_passed()
    made, coverage = tried(wanted, registry, (lambda one: None) if report.is_json else trials.file_done)
    if not made:
        raise no_tests(wanted)
    if report.junit is not None:
        write_new(Path(report.junit), trials_data.junit(made))
    if report.is_json:
        machine.document(trials_data.document(made, coverage))
    else:
        trials.failures(made)
        trials.summary(made, coverage, passed())
        if report.shows_missed:
            trials.missed(coverage)
    is_covered = report.least is None or coverage.percent >= report.least
    if report.least is not None and not is_covered and not report.is_json:
        human.note(f"that is less than the {report.least:g}% that were asked for")
    return (0 if is_covered and all(one.has_passed for one in made) else 1), made


def _again_and_again(wanted: Wanted, report: Report, registry: Registry) -> NoReturn:
    """Make the tests, and again after every change, until somebody stops the process."""
    made: list[Tried] = []
    while True:
        early = snapshot(seen_files(wanted, made))
        try:
            _, made = _once(wanted, report, registry)
        except Refused as problem:
            problem.show()
        look = partial(_look, wanted, tuple(made))
        human.note("\nwaiting for a change; Ctrl-C ends this")
        asyncio.run(change(look, {**look(), **early}, SystemClock()))
        click.clear()


def _look(wanted: Wanted, made: Sequence[Tried]) -> Snapshot:
    return snapshot(seen_files(wanted, made))
