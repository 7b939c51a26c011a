"""`leadflow config`: the operator's settings in force, and where each is said."""

from pathlib import Path

import click

from leadflow.cli.inputs import find_project
from leadflow.cli.views import machine
from leadflow.settings.effective import effective


@click.group()
def command() -> None:
    """The operator's settings: leadflow.toml at the project's root, and the environment.

    \b
    LEADFLOW_RUN_CONCURRENCY=20    says `concurrency` of [run] for this process

    A variable goes before the file. Profiles change agents, not settings: `leadflow explain FILE FLOW.STEP`
    shows those.
    """


@command.command("show", short_help="Print each setting in force, and who says it.")
@click.option("--in", "folder", metavar="DIR", default=".", help="The project's folder; else this one.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def show(*, folder: str, as_json: bool) -> None:
    """Print each setting in force, with the line or the variable that says it, or `default`.

    Texts of headers are not shown: they may be credentials.
    """
    project = find_project(str(Path(folder) / "main.flow"))
    found = effective(project)
    if as_json:
        machine.document([{"setting": one.name, "value": one.value, "origin": one.origin} for one in found])
        return
    names = max(len(one.name) for one in found)
    values = [machine.compact(one.value) for one in found]
    widest = min(max(map(len, values)), 60)
    for one, value in zip(found, values, strict=True):
        click.echo(f"{one.name:<{names}}  {value:<{widest}}  {one.origin}")
