"""`leadflow check FILE…`: find every mistake that can be found before anything runs."""

import sys
from collections.abc import Sequence

import click

from leadflow.cli.files import flow_files
from leadflow.cli.programs import Checking, check_flow
from leadflow.cli.views import human, machine
from leadflow.diagnostics import Diagnostic
from leadflow.syntax import tree

_UNUSED = "FLOW502"
"""The code of a name that nobody reads."""


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
    found = _findings(checked)
    _tell(names, checked, found, form)
    sys.exit(int(bool(found)))


def _findings(checked: Sequence[Checking]) -> tuple[Diagnostic, ...]:
    """Each finding once. What a file declares for the others that were checked with it is not called unused."""
    shared = {name for one in checked for name in one.sources if name != one.name}
    found: dict[Diagnostic, None] = {}
    for one in checked:
        declared = _declared(one) if one.name in shared else set()
        found.update(
            (finding, None) for finding in one.found if finding.code != _UNUSED or finding.span.start not in declared
        )
    return tuple(found)


def _declared(one: Checking) -> set[int]:
    """Where the names of a main file's declarations stand."""
    items = one.checked.main.tree.items if one.checked is not None else ()
    return {item.name.span.start for item in items if not isinstance(item, tree.Use | tree.TestDecl)}


def _tell(names: Sequence[str], checked: Sequence[Checking], found: tuple[Diagnostic, ...], form: str) -> None:
    sources = {name: source for one in checked for name, source in one.sources.items()}
    if form == "json":
        machine.findings(found, sources)
    elif found:
        human.findings(found, sources, concise=form == "concise", files=len(names), asked=True)
    elif form == "text":
        human.clean(names)
