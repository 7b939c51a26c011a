"""`leadflow grammar export`: the language for editors and for other tools."""

from pathlib import Path

import click

from leadflow.cli.files import write_new
from leadflow.cli.refused import Refused
from leadflow.cli.views import human
from leadflow.editor.highlight import FORMATS, export
from leadflow.editor.words import words
from leadflow.resources import grammar_text


@click.group(name="grammar")
def command() -> None:
    """The grammar of leadflow, for editors and other tools."""


@command.command(name="export")
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS, "all"]),
    required=True,
    metavar="FORMAT",
    help=f"What to write: {', '.join(FORMATS)}; `all` writes each into a folder of its name.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder to write into; made if it is not there.",
)
def export_command(*, form: str, out: Path) -> None:
    """Write a highlighter, or the grammar, into a folder.

    Files that are there are written anew.
    """
    files = export(form, words=words(), grammar=grammar_text())
    for path, text in files.items():
        try:
            (out / path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise Refused(f"{out}: {problem.strerror or problem}") from None
        write_new(out / path, text)
    human.note(f"wrote {len(files)} file{'s' * (len(files) > 1)} into {out}")
