"""Why a run did not end well, for people: the node, its place in the source, every attempt, every cause."""

import re
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence

import click

from leadflow.cli.views.human import duration, one_line, problem
from leadflow.events.model import Failure, NodeDone, NodeFailed, Status, UndoBegan, UndoKept
from leadflow.plan.paths import NoSuchStep, find_steps, is_inside
from leadflow.plan.plan import FlowCall, Place, Plan
from leadflow.plan.undoing import SUFFIX, undo_node
from leadflow.plan.words import call_words, value_words
from leadflow.run.driver import Result
from leadflow.run.severity import severity

MOST_CAUSES = 10
"""Causes shown below one failure."""
_STOPPED = {"system.in_doubt": "in doubt", "system.interrupted": "interrupted"}
"""What is said of a run that has not ended and cannot go on by itself, by the name of its failure."""
_LONGEST = 300
"""Characters of the arguments of a call."""


def failure(result: Result, plan: Plan, names: Callable[[str], str] = str, *, where: str | None = None) -> None:
    """How a run ended that did not end well.

    Args:
        names: gives what a file is called for whoever reads it.
        where: the option that names the run's project; None: the run is not kept.
    """
    if result.failure is None:
        problem(f"the run was {result.status}")
        return
    if result.status.is_settled:
        label = "cancelled" if result.status is Status.CANCELLED else "failed"
    else:
        label = _STOPPED.get(result.failure.error, "stopped")
    causes = result.failure.causes
    # the only call in doubt says by itself all that the run says of it
    why = causes[0] if result.failure.error == "system.in_doubt" and len(causes) == 1 else result.failure
    for line in failure_lines(why, plan, names, label=label):
        click.echo(line, err=True)
    undone(result.undone)
    if result.status.is_settled:
        _by_hand(result, plan, where)
        untold(result, plan)


def undone(paths: Sequence[str]) -> None:
    """The steps that were taken back, in that order."""
    if paths:
        click.echo(click.style("undone: ", fg="yellow") + _listed(paths), err=True)


def untold(result: Result, plan: Plan) -> None:
    """The failed flows of which nobody was told, because that failed, too."""
    failed = [entry.event for entry in result.entries if isinstance(entry.event, NodeFailed)]
    left = [one for one in failed if _tells(plan, one.path)]
    for one in left[:MOST_CAUSES]:
        click.echo(click.style("not told: ", fg="yellow") + f"{one.path}: {one_line(one.failure.message)}", err=True)
    if len(left) > MOST_CAUSES:
        click.echo(f"and {len(left) - MOST_CAUSES} more", err=True)


def _tells(plan: Plan, path: str) -> bool:
    """Whether a path is that of a call which tells of a failed flow."""
    if all(flow.escalation is None for flow in plan.flows.values()):
        return False
    ways = find_steps(plan, path)
    return not isinstance(ways, NoSuchStep) and any(way[-1].flow.escalation == way[-1].node.id for way in ways)


def _by_hand(result: Result, plan: Plan, where: str | None) -> None:
    """The calls that would have taken back what was not: nothing does it any more but a person, or a run of its own."""
    began = next((entry.event for entry in reversed(result.entries) if isinstance(entry.event, UndoBegan)), None)
    kept = {entry.event.path: entry.event for entry in result.entries if isinstance(entry.event, UndoKept)}
    paths = began.paths if began is not None else ()
    left = [path for path in paths if path not in result.undone]
    for path in left[:MOST_CAUSES]:
        event = kept.get(path)
        not_undone(path, "" if event is None or event.failure is not None else undo_call(plan, event))
    if len(left) > MOST_CAUSES:
        click.echo(f"and {len(left) - MOST_CAUSES} more", err=True)
    if left and where is not None:
        again = any(path in kept and kept[path].failure is None for path in left)
        say_by_hand(result.run, left, where, again=again)


def not_undone(path: str, call: str) -> None:
    """A step that nothing has taken back."""
    how = f"take it back by hand, as {call} would" if call else "look at it, and take it back by hand"
    click.echo(click.style("not undone: ", fg="yellow") + f"{path}; {how}", err=True)


def say_by_hand(run: str, left: Sequence[str], where: str, *, again: bool) -> None:
    """How to say that steps were taken back by hand, and how to have their undos called again."""
    words = " ".join(f"--undone {shlex.quote(path)}" for path in left[:MOST_CAUSES])
    click.echo(f"then say so: `leadflow runs undo {run} {words}{where}`", err=True)
    if again:
        click.echo(f"or, when what failed is well again: `leadflow runs undo {run}{where}`", err=True)


def undo_call(plan: Plan, kept: UndoKept) -> str:
    """The call that takes a step back, as an author writes it: `shop.cancel(id: "R-1")`; nothing where it is gone."""
    ways = find_steps(plan, kept.path)
    undos = () if isinstance(ways, NoSuchStep) else tuple(way[-1].node.undo for way in ways)
    work = next((undo.work for undo in undos if undo is not None and undo.work is not None), None)
    if work is None:
        return ""
    called = work.flow if isinstance(work, FlowCall) else call_words(work.agent, work.action)
    named = (("" if name.isdigit() else f"{name}: ", value) for name, value in kept.args.items())
    args = one_line(", ".join(name + value_words(value) for name, value in named))
    return f"{called}({args if len(args) <= _LONGEST else args[:_LONGEST] + '…'})"


def absorbed(result: Result) -> None:
    """What failed in a run that ended well, each once: `@optional`, `catch`, `need` or `partial` took it."""
    found = _borne(result)
    for path, why in list(found.items())[:MOST_CAUSES]:
        click.echo(click.style("absorbed: ", fg="yellow") + f"{path}: {one_line(why.message)}", err=True)
    if len(found) > MOST_CAUSES:
        click.echo(f"and {len(found) - MOST_CAUSES} more", err=True)
    _standing(result, found)


def left_out(result: Result) -> None:
    """The same in one line, for those who were told of each failure when it came: in a long log nobody sees them."""
    found = _borne(result)
    if found:
        count, it = ("1 step", "it") if len(found) == 1 else (f"{len(found)} steps", "them")
        click.echo(f"{count} failed, and the run went on without {it}: {_listed([*found])}", err=True)
    _standing(result, found)


def _borne(result: Result) -> dict[str, Failure]:
    """By path, the failures of a run that ended well."""
    found: dict[str, Failure] = {}
    for entry in result.entries:
        match entry.event:
            case NodeDone(path=path, absorbed=Failure() as why) | NodeFailed(path=path, failure=why):
                if why.path in ("", path) and why.error != "flow.members":
                    found.setdefault(path, why)
            case _:
                pass
    return found


def _standing(result: Result, borne: Collection[str]) -> None:
    """What stands of rounds that failed: a run that is done takes nothing back (rule C7)."""
    rounds = {path[: path.rindex("]") + 1] for path in borne if "]" in path}
    kept = [entry.event.path for entry in result.entries if isinstance(entry.event, UndoKept)]
    left = [path for path in kept if any(is_inside(path, one) for one in rounds) and path not in result.undone]
    if left:
        click.echo(f"done before that, and not taken back: {_listed(left)}", err=True)


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - MOST_CAUSES} more" if len(paths) > MOST_CAUSES else ""
    return ", ".join(paths[:MOST_CAUSES]) + more


def failure_lines(
    why: Failure, plan: Plan, names: Callable[[str], str] = str, depth: int = 0, *, label: str = "failed"
) -> Iterator[str]:
    """A failure and what led to it, indented by depth."""
    pad = "  " * depth
    place = place_of(plan, why.path)
    grade = ", critical" if severity(why) == "critical" and label == "failed" else ""
    head = click.style(f"{label}{grade}: ", fg="red", bold=True) if depth == 0 else "because "
    yield f"{pad}{head}{why.path + ': ' if why.path else ''}{one_line(why.message)} [{why.error}]"
    if place is not None:
        yield f"{pad}  at {names(place.file)}:{place.line}:{place.column}"
    if len(why.attempts) > 1:
        for attempt in why.attempts:
            took = duration(attempt.seconds)
            yield f"{pad}  attempt {attempt.attempt}, {attempt.agent}: {one_line(attempt.message)} ({took})"
    # what the attempts tell already is not told again
    causes = [cause for cause in why.causes if cause.path != why.path or not why.attempts]
    for cause in causes[:MOST_CAUSES]:
        yield from failure_lines(cause, plan, names, depth + 1)
    if len(causes) > MOST_CAUSES:
        yield f"{pad}  and {len(causes) - MOST_CAUSES} more"


def place_of(plan: Plan, path: str) -> Place | None:
    """Where the node of a path stands in the source; the flow's own place for the run."""
    names = [re.sub(r"\[[0-9]+\]|~[0-9]+", "", part) for part in path.split("/")]
    flow = plan.flows.get(names[0])
    if flow is None:
        return None
    scope, place = 0, flow.place
    for name in names[1:]:
        own = name.removesuffix(SUFFIX)
        node = next((flow.nodes[n] for n in flow.scopes[scope].nodes if flow.nodes[n].name == own), None)
        if node is not None and name != own:
            node = undo_node(node)
        if node is None:
            return place
        place = node.place
        if isinstance(node.work, FlowCall):
            flow, scope = plan.flows[node.work.flow], 0
        else:
            scope = next((s.id for s in flow.scopes if s.owner == node.id), scope)
    return place
