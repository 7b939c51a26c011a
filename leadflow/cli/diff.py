"""`leadflow diff OLD NEW [FLOW]`: what changed in meaning between two programs, and whether open runs may move."""

import sys
from pathlib import Path

import click

from leadflow.bound.asks import Known
from leadflow.bound.report import Bound, bound_of
from leadflow.bound.text import bound_data, summary
from leadflow.cli.bounds import known_of
from leadflow.cli.files import is_there, main_flow, read_bytes
from leadflow.cli.inputs import find_project
from leadflow.cli.programs import compile_flow
from leadflow.cli.refused import Refused
from leadflow.cli.views import human, machine
from leadflow.diagnostics import did_you_mean
from leadflow.plan.codec import NotAPlan, from_text
from leadflow.plan.compare.difference import Difference, difference
from leadflow.plan.compare.moves import moves
from leadflow.plan.compare.sound import unsound
from leadflow.plan.compare.text import as_json, difference_text
from leadflow.plan.plan import Plan
from leadflow.plugins import Installed


@click.command()
@click.argument("old")
@click.argument("new")
@click.argument("flow", required=False)
@click.option("--profile", metavar="NAME", help="The profile to compile flows under.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people or for machines."
)
def command(old: str, new: str, flow: str | None, *, profile: str | None, form: str) -> None:
    """Show what differs in meaning between OLD and NEW: steps added, removed, renamed, rewired; prompts, arguments,
    types, policies, agents. Layout and comments make no difference. Below it stand, per flow, the most that a run can
    cost before and after, and whether runs of OLD that are open may go on under NEW.

    OLD and NEW are flows, folders with a `main.flow`, or plans that `leadflow plan --format plan` wrote; `-` is a plan
    on standard input. With FLOW, only what concerns that one, the agents and the types.

    \b
    Exit code 0    no difference
              1    differences
              2    the command line is wrong, or one of the two has errors
    """
    catalogue = Installed()
    whole = difference(_plan(old, profile, catalogue), _plan(new, profile, catalogue))
    found = whole if flow is None else whole.only(_chosen(whole, flow))
    about = [move for move in moves(whole) if flow is None or flow in (move.flow, whole.renames.flow(move.flow))]
    known = known_of(find_project("." if new == "-" else new).settings, catalogue)
    bounds = {move.flow: _bounds(whole, move.flow, known) for move in about if move.flow in whole.matched}
    if form == "json":
        data = {name: {"old": bound_data(was), "new": bound_data(now)} for name, (was, now) in bounds.items()}
        machine.document({**as_json(found, about), "bounds": data})
    else:
        told = [(name, summary(was), summary(now)) for name, (was, now) in bounds.items()]
        human.text(difference_text(found, about, (old, new), told))
    sys.exit(int(bool(found.changes)))


def _bounds(found: Difference, flow: str, known: Known) -> tuple[Bound, Bound]:
    """The most that a run of a flow can cost, before and after."""
    return bound_of(found.old, flow, known, {}), bound_of(found.new, found.renames.flow(flow), known, {})


def _chosen(found: Difference, flow: str) -> str:
    names = [*found.old.flows, *found.new.flows]
    if flow not in names:
        raise Refused(f"there is no flow '{flow}' on either side{did_you_mean(flow, names)}")
    return flow


def _plan(name: str, profile: str | None, catalogue: Installed) -> Plan:
    """The plan that a word of the command line stands for."""
    if name != "-" and is_there(Path(name)) and Path(name).is_dir():
        name = str(main_flow(Path(name)))
    if name.endswith(".flow"):
        return compile_flow(name, profile=profile, catalogue=catalogue, exit_code=2)
    try:
        plan = from_text(read_bytes(name))
    except NotAPlan as problem:
        raise Refused(f"{name}: {problem}") from None
    if (wrong := unsound(plan)) is not None:
        raise Refused(f"{name}: {wrong}")
    return plan
