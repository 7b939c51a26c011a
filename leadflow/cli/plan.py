"""`leadflow plan FILE [FLOW]`: what a run would do, and the most that it can cost, without doing it."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

import click

from leadflow.bound.asks import Known
from leadflow.bound.history import Expected, expected_data
from leadflow.bound.report import Bound, bound_of
from leadflow.bound.text import bound_data, bound_text
from leadflow.cli.bounds import known_of
from leadflow.cli.inputs import find_project, raw_inputs
from leadflow.cli.programs import choose_flow, compile_flow
from leadflow.cli.refused import Refused
from leadflow.cli.views import human, machine
from leadflow.plan.codec import to_text
from leadflow.plan.plan import FlowPlan, Plan
from leadflow.plan.text import WIDTH, as_json, plan_text
from leadflow.plan.types import Value
from leadflow.plugins import Installed
from leadflow.run.inputs import read_inputs
from leadflow.run.store import JournalProblem
from leadflow.settings import JOURNAL, Project


@click.command()
@click.argument("file")
@click.argument("flow", required=False)
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="One input, to bound a run with it.")
@click.option("--input-file", metavar="FILE", help="A JSON object of inputs; `-` is standard input.")
@click.option("--profile", metavar="NAME", help="The profile to plan under.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "plan"]),
    default="text",
    help="For people; the same as JSON; or the plan itself, whole, as it is run and hashed.",
)
def command(
    file: str, flow: str | None, *, inputs: tuple[str, ...], input_file: str | None, profile: str | None, form: str
) -> None:
    """Show the plan of FILE: per flow the most that a run can cost, its levels, what may run together, what waits for
    what and why, the policies of each step with where they come from.

    With FLOW, only that one; the plan itself is always whole. The bound is on money for models, on calls and on time;
    where there is none, it says which line makes it so and what would bound it. With inputs it is the bound of runs
    with these inputs. Where runs of the flow have ended, it says what they took: what to expect.
    """
    catalogue = Installed()
    plan = compile_flow(file, profile=profile, catalogue=catalogue)
    given = bool(inputs) or input_file is not None
    chosen = None if flow is None and not given else choose_flow(plan, flow)
    values = {} if chosen is None else _values(chosen, raw_inputs(chosen, inputs, input_file))
    if form == "plan":
        human.text(to_text(plan))
        return
    project = find_project(file)
    known = known_of(project.settings, catalogue)
    bounds = _bounds(plan, known, None if chosen is None else chosen.name, values)
    history = _history(project, plan, tuple(bounds), known)
    name = None if chosen is None else chosen.name
    if form == "json":
        data = {flow: {"expected": expected_data(history.get(flow)), **bound_data(one)} for flow, one in bounds.items()}
        machine.document(as_json(plan, flow=name, bounds=data))
    else:
        heads = {flow: tuple(bound_text(one, WIDTH, history.get(flow))) for flow, one in bounds.items()}
        human.text(plan_text(plan, flow=name, heads=heads))


def _values(flow: FlowPlan, raw: Mapping[str, object]) -> Mapping[str, Value]:
    """The inputs that were given, as their parameters take them; the others are not missed."""
    given = [param for param in flow.params if param.name in raw]
    admitted = read_inputs(flow.name, given, raw)
    if isinstance(admitted, list):
        raise Refused("\n".join(admitted))
    return admitted


def _history(project: Project, plan: Plan, flows: Sequence[str], known: Known) -> Mapping[str, Expected]:
    """What the project's runs tell of the flows. What reads runs is loaded only where some are kept."""
    if not (project.root / JOURNAL).is_file():
        return {}
    read: Callable[..., Mapping[str, Expected]] = import_module("leadflow.cli.history").expected_of
    try:
        return read(project, plan, flows, known)
    except JournalProblem as problem:
        human.warning(f"the runs that tell what to expect cannot be read: {problem}")
        return {}


def _bounds(plan: Plan, known: Known, flow: str | None, inputs: Mapping[str, Value]) -> Mapping[str, Bound]:
    return {name: bound_of(plan, name, known, inputs) for name in plan.flows if flow in (None, name)}
