"""`leadflow graph FILE [FLOW]`: a picture of a flow."""

from pathlib import Path

import click

from leadflow.cli.files import write_new
from leadflow.cli.programs import choose_flow, compile_flow
from leadflow.cli.views import human, machine
from leadflow.graph.export import to_dot, to_json, to_mermaid
from leadflow.graph.svg import to_svg
from leadflow.plan.plan import Plan

SUFFIXES = {".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".svg": "svg", ".json": "json"}


@click.command()
@click.argument("file")
@click.argument("flow", required=False)
@click.option("--profile", metavar="NAME", help="The profile to draw under.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["dot", "mermaid", "svg", "json"]),
    help="What to draw; without it, what the name of the output says, else Mermaid.",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="The file to write; else standard output."
)
def command(file: str, flow: str | None, *, profile: str | None, form: str | None, output: Path | None) -> None:
    """Draw FILE, or only its FLOW: steps by level, what waits for what, branches and blocks."""
    plan = compile_flow(file, profile=profile)
    chosen = None if flow is None else choose_flow(plan, flow).name
    text = _draw(plan, chosen, form or SUFFIXES.get(output.suffix if output else "", "mermaid"))
    if output is None:
        human.text(text)
        return
    write_new(output, text)
    human.note(f"wrote {output}")


def _draw(plan: Plan, flow: str | None, form: str) -> str:
    match form:
        case "dot":
            return to_dot(plan, flow)
        case "svg":
            return to_svg(plan, flow)
        case "json":
            return machine.pretty(to_json(plan, flow))
        case _:
            return to_mermaid(plan, flow)
