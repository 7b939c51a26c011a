"""`leadflow fmt FILE…`: write flows the one way they are written."""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from leadflow.cli.files import read_flow, write_flow
from leadflow.cli.views import human
from leadflow.diagnostics import Report, Source
from leadflow.syntax.format import format_text


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
def command(files: Sequence[str], *, only_check: bool, diff: bool) -> None:
    """Write FILES the one way they are written. `-` reads standard input and writes standard output.

    Comments and meaning stay; a file with syntax errors is left as it is.
    """
    worst = 0
    for file in files:
        worst = max(worst, _format(file, only_check=only_check, diff=diff))
    sys.exit(worst)


def _format(file: str, *, only_check: bool, diff: bool) -> int:
    before = read_flow(file)
    after, report = format_text(file, before)
    if after is None:
        _tell(report, file, before)
        return 1
    if diff:
        lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), file, f"{file} (formatted)")
        human.text("".join(lines))
    elif file == "-":
        human.text(after)
        return 0
    elif after != before and not only_check:
        write_flow(Path(file), after)
        human.note(f"formatted {file}")
        return 0
    elif after != before:
        human.note(f"would format {file}")
    return int(after != before and (only_check or diff))


def _tell(report: Report, file: str, text: str) -> None:
    human.findings(report.diagnostics, {file: Source(file, text)})
