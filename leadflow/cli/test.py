"""`leadflow test [PATH…]`: make the tests that are written in flows. What came of them goes to standard output."""

import sys
from collections.abc import Sequence

import click

from leadflow.agents.registry import find_kinds
from leadflow.cli.trying import Wanted, no_tests, tried
from leadflow.cli.views import trials
from leadflow.run.adapters import seconds_passed
from leadflow.testing.trials import Ways


@click.command()
@click.argument("paths", nargs=-1)
@click.option("-k", "words", multiple=True, metavar="NAME", help="Only tests with this in their name; repeat for more.")
@click.option(
    "--fake", "has_fakes", is_flag=True, help="Let made-up values of the right types answer what no mock does."
)
@click.option("--seed", type=click.IntRange(0), default=0, metavar="NUMBER", help="The seed of chance, and of --fake.")
@click.option("--coverage", "shows_missed", is_flag=True, help="List what of the flows no test has gone through.")
@click.option("--coverage-min", "least", type=click.FloatRange(0, 100), metavar="PERCENT", help="Fail below so much.")
def command(
    paths: Sequence[str], *, words: Sequence[str], has_fakes: bool, seed: int, shows_missed: bool, least: float | None
) -> None:
    """Make the tests of flows. PATHS are files and folders; without any, this folder.

    A test runs its flows with all their policies, in virtual time: an hour of back-off costs nothing. No agent is
    called: mocks answer, and a call that nothing answers fails the test.

    \b
    Exit code 0    all passed
              1    a test failed, a file has errors, or too little was covered
              2    the command line is wrong, or there are no tests
    """
    wanted = Wanted(tuple(paths) or (".",), tuple(words), Ways(has_fakes, seed=seed))
    passed = seconds_passed()
    made, coverage = tried(wanted, find_kinds(), trials.file_done)
    if not made:
        raise no_tests(wanted)
    trials.failures(made)
    trials.summary(made, coverage, passed())
    if shows_missed:
        trials.missed(coverage)
    is_covered = least is None or coverage.percent >= least
    if least is not None and not is_covered:
        click.echo(f"that is less than the {least:g}% that were asked for", err=True)
    sys.exit(0 if is_covered and all(one.has_passed for one in made) else 1)
