"""`leadflow check FILE…`: find every mistake that can be found before anything runs, and mend what can be mended."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadflow.check.together import Said, sources_of, together
from leadflow.cli.files import flow_files, read_bytes, write_flow
from leadflow.cli.fixing import Fixed, Looked, fix_all, may_be_fixed, offered
from leadflow.cli.memory import Memory
from leadflow.cli.refused import Refused
from leadflow.cli.views import human, machine
from leadflow.cli.views.diffs import unified
from leadflow.diagnostics import Diagnostic
from leadflow.diagnostics.render import Sources

if TYPE_CHECKING:
    from leadflow.cli.programs import Checking

MACHINES = {"json": machine.findings, "sarif": machine.sarif, "github": machine.github}
"""Formats for machines, and what writes them."""


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "concise", *MACHINES]),
    default="text",
    help="For people, one line each, or for machines: code scanners read sarif, a workflow on GitHub github.",
)
@click.option("--fix", is_flag=True, help="Make the fixes that keep the meaning; tell what they were and what is left.")
@click.option("--unsafe-fixes", "unsafe", is_flag=True, help="With --fix: make those that are only suggested, too.")
@click.option("--diff", is_flag=True, help="With --fix: change nothing; show what would change.")
@click.option("--no-cache", is_flag=True, help="Check anew what has not changed, and keep nothing.")
def command(files: Sequence[str], *, form: str, fix: bool, unsafe: bool, diff: bool, no_cache: bool) -> None:
    """Check flows: names, types, effects, settings, policies. FILES may be folders.

    Reads nothing but the .flow files of the project, the standard library, and what it keeps of earlier checks in
    .leadflow/cache, which can be deleted at any time; imports no code, opens no connection.

    \b
    Exit code 0    clean
              1    findings (errors or warnings); with --diff, something to change
              2    the command line is wrong, or a file could not be written
    """
    if not fix and (unsafe or diff):
        raise click.UsageError(f"{'--diff' if diff else '--unsafe-fixes'} goes with --fix")
    names = flow_files(files)
    if not fix:
        said = _said(names, None if no_cache else Memory())
        found = together(said)
        code = _tell(names, found, sources_of(said), form)
        if form == "text":
            human.safe_fixes(offered(found, safe=True))
        sys.exit(code)
    fixed = fix_all(lambda instead: _look(names, instead), unsafe=unsafe)
    if diff:
        sys.exit(_show(fixed))
    refused = [name for name in fixed.files if not _write(name, fixed)]
    for finding, place in fixed.made:
        if finding.fix is not None and finding.span.file not in refused:
            human.note(f"fixed {place}: {finding.code} {finding.fix.title}")
    looked = _look(names, {}) if refused else fixed.looked
    code = _tell(names, looked.found, looked.sources, form)
    if form == "text" and not unsafe:
        human.more_fixes(offered(looked.found, safe=False), "--unsafe-fixes")
    sys.exit(2 if refused else code)


def _said(names: Sequence[str], memory: Memory | None) -> list[Said]:
    """What is said of each program: what was said before where nothing has changed, else what a check says now."""
    said: list[Said] = []
    for name in names:
        known = None if memory is None else memory.recall(name)
        if known is None:
            checking = _check(name, {})
            known = checking.said
            if memory is not None and checking.finding is not None:
                memory.keep(name, checking.finding)
        said.append(known)
    if memory is not None:
        memory.tidy()
    return said


def _check(name: str, instead: Mapping[str, bytes]) -> "Checking":
    """Check a program. What that takes is loaded here: it is most of the time when nothing has changed."""
    checking: Checking = import_module("leadflow.cli.programs").check_flow(name, instead=instead)
    return checking


def _look(names: Sequence[str], instead: Mapping[str, bytes]) -> Looked:
    """Check, with other contents for some files."""
    checked = [_check(name, instead) for name in names]
    said = [one.said for one in checked]
    data = {name: data for one in checked for name, data in one.data.items() if may_be_fixed(name)}
    return Looked(together(said), sources_of(said), data)


def _tell(names: Sequence[str], found: Sequence[Diagnostic], sources: Sources, form: str) -> int:
    """Show the findings; the exit code that they ask for."""
    if form in MACHINES:
        MACHINES[form](found, sources)
    elif found:
        human.findings(found, sources, concise=form == "concise", files=len(names), asked=True)
    elif form == "text":
        human.clean(names)
    return int(bool(found))


def _write(name: str, fixed: Fixed) -> bool:
    """Write a file that was mended, unless somebody else has changed it meanwhile; False when it stays as it is."""
    try:
        if read_bytes(name) != fixed.before[name]:
            raise Refused(f"{name} was changed while it was checked; it stays as it is")
        write_flow(Path(name), fixed.files[name].decode("utf-8"))
    except Refused as problem:  # the other files are mended nevertheless
        problem.show()
        return False
    return True


def _show(fixed: Fixed) -> int:
    """Show what would change; the exit code that it asks for."""
    for name, data in fixed.files.items():
        human.text(unified(fixed.before[name].decode("utf-8"), data.decode("utf-8"), file=name, what="fixed"))
    return int(bool(fixed.files) or bool(fixed.looked.found))
