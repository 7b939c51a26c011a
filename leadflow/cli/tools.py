"""`leadflow tools`: what models and steps may call, and how often kept runs have called it."""

import asyncio

import click

from leadflow.cli.journals import all_runs, entries_of, the_project
from leadflow.cli.programs import checked_flow
from leadflow.cli.views import machine
from leadflow.cli.views import tools as views
from leadflow.events.tool_uses import ToolUse, add_run
from leadflow.plugins import Installed


@click.group()
def command() -> None:
    """Tools: what models and steps may call, and what came of that."""


@command.command("ls")
@click.argument("file", default="main.flow")
@click.option("--profile", metavar="NAME", help="The profile under which agents are looked at.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_(file: str, *, profile: str | None, as_json: bool) -> None:
    """List the tools of FILE, with who is granted them.

    FILE is main.flow unless said. For each tool, those of imported files included: what it calls, its effect, its
    category, its limit, and the agents whose models may use it. Flows and actions are listed when a model may.
    """
    checked = checked_flow(file, profile=profile, catalogue=Installed(), as_json=as_json)
    rows = views.rows_of(checked)
    if as_json:
        machine.document([views.row_data(row) for row in rows])
    else:
        views.table(rows, file)


@command.command("stats")
@click.option("--in", "folder", metavar="DIR", default=".", help="The project whose runs; else this folder's.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def stats(*, folder: str, as_json: bool) -> None:
    """Count how tools were used in the runs that are kept.

    By models and by steps, how many calls failed, how long they took. What a model asked for and was not granted is
    counted, too.
    """
    found = asyncio.run(_stats(folder))
    if as_json:
        machine.document({name: views.use_data(use) for name, use in found.items()})
    else:
        views.uses(found)


async def _stats(folder: str) -> dict[str, ToolUse]:
    project = the_project(folder)
    found: dict[str, ToolUse] = {}
    for row in await all_runs(project):
        if row.is_whole:
            run, entries = await entries_of(project, row.id)
            add_run(found, run.plan, entries)
    return dict(sorted(found.items()))
