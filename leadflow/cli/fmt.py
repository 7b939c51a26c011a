"""`leadflow fmt FILE…`: write flows the one way they are written."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from leadflow.cli.files import flow_files, read_bytes, write_flow
from leadflow.cli.refused import Refused
from leadflow.cli.views import human
from leadflow.cli.views.diffs import unified
from leadflow.diagnostics import Report, Source
from leadflow.syntax.format import format_text
from leadflow.syntax.source import read_source

STDIN = "-"


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change, and exit 1 if something would.")
def command(files: Sequence[str], *, only_check: bool, diff: bool) -> None:
    """Write FILES the one way they are written. `-` reads standard input and writes standard output.

    FILES may be folders. Comments and meaning stay; a file with syntax errors is left as it is.
    """
    named = files if STDIN in files else flow_files(files)
    sys.exit(max(_format(file, only_check=only_check, diff=diff) for file in named))


def _format(file: str, *, only_check: bool, diff: bool) -> int:
    """Format one file; the exit code that it asks for."""
    try:
        data = read_bytes(file)
    except Refused as problem:  # the other files are formatted nevertheless
        problem.show()
        return problem.exit_code
    report = Report()
    source = read_source("<stdin>" if file == STDIN else file, data, report)
    after = None if source is None else _formatted(source, report)
    if after is None:
        seen = Source(source.name if source else file, source.text if source else data.decode("utf-8", "replace"))
        human.findings(report.diagnostics, {seen.name: seen})
        return 1
    would_change = after.encode("utf-8") != data
    if diff:
        human.text(unified(data.decode("utf-8-sig"), after, file=file, what="formatted"))
    elif file == STDIN and not only_check:
        human.text(after)
    elif would_change and not only_check:
        return _write(file, after)
    elif would_change:
        human.note(f"would format {file}")
    return int(would_change and (only_check or diff))


def _formatted(source: Source, report: Report) -> str | None:
    after, found = format_text(source.name, source.text)
    for finding in found:
        report(finding)
    return after


def _write(file: str, text: str) -> int:
    try:
        write_flow(Path(file), text)
    except Refused as problem:
        problem.show()
        return problem.exit_code
    human.note(f"formatted {file}")
    return 0
