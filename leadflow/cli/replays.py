"""`leadflow runs replay` and `export`: a log folded to any point, and a log as a file that can be folded elsewhere.
Nothing is called.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from leadflow.cli.exports import NotAnExport, export_lines, read_export
from leadflow.cli.files import read_bytes
from leadflow.cli.journals import entries_of, the_project
from leadflow.cli.refused import Refused
from leadflow.cli.views import human, machine, tree
from leadflow.events.fold import fold
from leadflow.events.model import Entry
from leadflow.keeping import Kept
from leadflow.plan.paths import ending_in, several_end

_IN = click.option("--in", "folder", metavar="DIR", default=".", help="The project whose runs; else this folder's.")


@click.command("replay", short_help="Show how a run stood at any point.")
@click.argument("run")
@click.option(
    "--to", metavar="EVENT|STEP", help="The number of an event, or a step (its path, or the end): behind its last."
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@_IN
def replay(run: str, *, to: str | None, as_json: bool, folder: str) -> None:
    """Show how a RUN stood at any point, with what its steps had given; without --to, in the end. Nothing is called.

    RUN may also be a file that `leadflow runs export` has written.
    """
    found, entries = _log(run, folder)
    if not entries:
        raise Refused(f"run {found.row.id} never began")
    number = _number(to, entries)
    if as_json:
        machine.document({"event": number, **tree.state_data(fold(entries[: number + 1]))})
    else:
        tree.moment_of(found, entries, number)


def _log(run: str, folder: str) -> tuple[Kept, Sequence[Entry]]:
    if run != "-" and not Path(run).is_file():
        return asyncio.run(entries_of(the_project(folder), run))
    try:
        return read_export(read_bytes(run).decode("ascii", "replace"))
    except NotAnExport as problem:
        raise Refused(f"{run}: {problem}") from None


def _number(to: str | None, entries: Sequence[Entry]) -> int:
    """The number of the event that is meant.

    Raises:
        Refused: there is none.
    """
    last = len(entries) - 1
    if to is None:
        return last
    if to.isdecimal():
        if int(to) > last:
            raise Refused(f"--to {to}: the events of this run are numbered from 0 to {last}")
        return int(to)
    flow = getattr(entries[0].event, "flow", "")
    paths = {entry.seq: path for entry in entries if (path := getattr(entry.event, "path", None)) is not None}
    within = f"{flow}/{to}"
    meant = [within] if within in paths.values() else ending_in(to, paths.values())
    if len(meant) > 1:
        raise Refused(f"--to {human.one_line(to)}: {several_end('steps', human.one_line(to), meant)}")
    if not meant:
        raise Refused(f"--to {human.one_line(to)}: nothing of that step has happened in this run")
    return max(seq for seq, path in paths.items() if path == meant[0])


@click.command("export", short_help="Print a run as lines of JSON, to be read elsewhere.")
@click.argument("run")
@_IN
def export(run: str, *, folder: str) -> None:
    """Print a RUN as lines of JSON: what is known of it, its plan, and every event as it was kept. The same run gives
    the same lines anywhere; `leadflow runs replay FILE` reads them.
    """
    found, entries = asyncio.run(entries_of(the_project(folder), run))
    for line in export_lines(found, entries):
        click.echo(line)
