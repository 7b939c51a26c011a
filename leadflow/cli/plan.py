"""`leadflow plan FILE [FLOW]`: what a run would do, without doing it."""

import click

from leadflow.cli.programs import choose_flow, compile_flow
from leadflow.cli.views import human, machine
from leadflow.plan.codec import to_text
from leadflow.plan.text import as_json, plan_text


@click.command()
@click.argument("file")
@click.argument("flow", required=False)
@click.option("--profile", help="The profile to plan under.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "plan"]),
    default="text",
    help="For people; the same as JSON; or the plan itself, whole, as it is run and hashed.",
)
def command(file: str, flow: str | None, *, profile: str | None, form: str) -> None:
    """Show the plan of FILE: per flow its levels, what may run together, what waits for what and why, and the policies
    of each step with where they come from.

    With FLOW, only that one; the plan itself is always whole.
    """
    plan = compile_flow(file, profile=profile)
    chosen = None if flow is None else choose_flow(plan, flow).name
    match form:
        case "plan":
            human.text(to_text(plan))
        case "json":
            machine.document(as_json(plan, flow=chosen))
        case _:
            human.text(plan_text(plan, flow=chosen))
