"""`leadflow check FILE…`: find every mistake that can be found before anything runs."""

import sys
from collections.abc import Sequence

import click

from leadflow.cli.files import flow_files
from leadflow.cli.programs import Checking, check_flow
from leadflow.cli.views import human, machine


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "concise", "json"]),
    default="text",
    help="For people, one line each, or for machines.",
)
def command(files: Sequence[str], *, form: str) -> None:
    """Check flows: names, types, effects, settings, policies. FILES may be folders.

    Reads nothing but the .flow files of the project and the standard library; imports no code, opens no connection.

    \b
    Exit code 0    clean
              1    findings
              2    the command line is wrong
    """
    names = flow_files(files)
    checked = [check_flow(name) for name in names]
    _tell(names, checked, form)
    sys.exit(int(any(one.found for one in checked)))


def _tell(names: Sequence[str], checked: Sequence[Checking], form: str) -> None:
    found = tuple(dict.fromkeys(finding for one in checked for finding in one.found))
    sources = {name: source for one in checked for name, source in one.sources.items()}
    if form == "json":
        machine.findings(found, sources)
    elif found:
        human.findings(found, sources, concise=form == "concise", files=len(names), asked=True)
    elif form == "text":
        human.clean(names)
