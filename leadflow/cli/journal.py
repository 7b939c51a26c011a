"""`leadflow journal`: the file in which a project keeps its runs."""

import asyncio
import sys
from pathlib import Path

import click

from leadflow.cli.journals import backup, compact, the_project, verify
from leadflow.cli.views import human

_IN = click.option("--in", "folder", metavar="DIR", default=".", help="The project whose journal; else this folder's.")


@click.group()
def command() -> None:
    """The file in which a project keeps its runs: `.leadflow/journal.db`."""


@command.command("verify", short_help="Look whether each kept run is whole.")
@_IN
def verify_(*, folder: str) -> None:
    """Read every row of every run, and name the runs of which a row is not what was written.

    \b
    Exit code 0    all runs are whole
              1    some are not; the others are not touched by that
    """
    whole, problems = asyncio.run(verify(the_project(folder)))
    for problem in problems:
        human.problem(problem)
    human.text(f"{whole} {'run is' if whole == 1 else 'runs are'} whole, {len(problems)} broken")
    sys.exit(int(bool(problems)))


@command.command("compact", short_help="Forget runs that have ended, and give back their room.")
@_IN
def compact_(*, folder: str) -> None:
    """Forget runs that have ended, as `[journal]` in leadflow.toml says (`keep_days`, `keep_runs`), and give back the
    room of all that was forgotten. A run that begins forgets these, too; the file stays as large as it was.
    """
    forgotten, before, after = asyncio.run(compact(the_project(folder)))
    runs = "1 run" if forgotten == 1 else f"{forgotten} runs"
    human.text(f"{runs} forgotten; {before / 1_000_000:.1f} MB before, {after / 1_000_000:.1f} MB now")


@command.command("backup")
@click.argument("copy")
@_IN
def backup_(copy: str, *, folder: str) -> None:
    """Write the journal as it is now to COPY, also while runs go on."""
    asyncio.run(backup(the_project(folder), Path(copy)))
