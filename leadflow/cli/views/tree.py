"""A run as a tree, for people: each step with its time, its attempts, what it cost and why it ended as it did; and who
did something to the run.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from leadflow.cli.views import spending
from leadflow.cli.views.human import duration, one_line
from leadflow.cli.views.kept import moment, stands
from leadflow.cli.views.marks import MARKS, marked
from leadflow.events.fold import NodeState, RunState, ToolState, fold
from leadflow.events.model import (
    CallPassedOn,
    CancelRequested,
    DoubtSettled,
    Entry,
    OnceFound,
    QuestionAnswered,
    RunMoved,
    RunPaused,
    RunResumed,
    RunStarted,
    Status,
)
from leadflow.keeping import Kept, TakenBack
from leadflow.plan.forms import to_plain, to_text
from leadflow.plan.looping import TOOLS
from leadflow.plan.types import Money
from leadflow.plan.undoing import SUFFIX
from leadflow.plan.words import value_words
from leadflow.run.taken_up import ASKED
from leadflow.settings import Project

_CONTROL = re.compile(r"(?:if|match|return|yield|fail|merge|join)@[0-9]+")
"""Nodes that only decide: they are shown when they fail."""
_MANY = 30
"""More children than that are summed up."""
_FEW = 10
"""Of them so many are shown in any case, and all that did not end well."""


@dataclass(slots=True)
class _Branch:
    """A part of a path, with what is below it."""

    state: NodeState | None = None
    below: dict[str, "_Branch"] = field(default_factory=dict)


def tree(
    run: Kept, entries: Sequence[Entry], project: Project, *, taken_back: Sequence[TakenBack] = (),
    unheard: Sequence[QuestionAnswered] = (), now: float,
) -> None:  # fmt: skip
    """A run with its steps, each below what it stands in; what is under way has taken so long until now.

    Args:
        taken_back: what was taken back of it since it ended.
        unheard: what people have answered, and it has not heard.
        now: seconds since the epoch.
    """
    row, state = run.row, state_of(entries, unheard)
    until = now if row.is_held and not row.status.is_settled else row.changed
    told = [stands(row, project), duration(max(0.0, until - row.started)), *_cost(state)]
    click.secho("  ".join([row.flow, *told]), bold=True)
    by = f" by {run.by}" if run.by else ""
    click.echo(f"  run {row.id}, started {moment(row.started)}{by}{_times(state, run)}")
    _steps(state, until=until, values=False)
    if state.used.requests:
        click.echo(f"  models: {spending.words(state.used)}")
    if state.failure is not None:
        click.echo(f"  {one_line(state.failure.message)} [{state.failure.error}]")
    for line in _audit(run, entries, taken_back):
        click.echo(f"  {line}")


def state_of(entries: Sequence[Entry], unheard: Sequence[QuestionAnswered]) -> RunState:
    """Where a run stands that nobody works on, with what people have answered and it has not heard."""
    state = fold(entries)
    for answer in unheard:
        node = state.nodes[answer.path]
        node.waits_for, node.reason = None, f"answered by {answer.by}, not yet resumed"
    return state


def moment_of(run: Kept, entries: Sequence[Entry], number: int) -> None:
    """A run as it stood behind the event of that number, with what its steps had given."""
    seen = entries[: number + 1]
    state, last = fold(seen), seen[-1]
    passed = duration(max(0.0, last.at - entries[0].at))
    click.secho(f"{state.flow}  {state.status}  {passed}", bold=True)
    where = getattr(last.event, "path", "")
    what = f"{type(last.event).__name__}{f' {where}' if where else ''}"
    click.echo(f"  run {run.row.id} behind event {number} of {len(entries) - 1}: {what}")
    given = ", ".join(f"{name}={_short(value)}" for name, value in state.inputs.items())
    if given:
        click.echo(f"  given {given}")
    _steps(state, until=last.at, values=True)
    if state.status is Status.DONE:
        click.echo(f"  gives {_short(state.value)}")
    if state.failure is not None:
        click.echo(f"  {one_line(state.failure.message)} [{state.failure.error}]")


def state_data(state: RunState) -> dict[str, Any]:
    """Where a run stands, for machines."""
    steps = {
        path: {
            "status": str(node.status),
            "attempts": node.attempts,
            **({} if node.status is not Status.DONE else {"value": to_plain(node.value)}),
            **({} if node.failure is None else {"failure": node.failure.message, "error": node.failure.error}),
            **({} if not node.reason else {"reason": node.reason}),
            **({} if not node.passed else {"passed": [_passed_data(one) for one in node.passed]}),
            **({} if node.found is None else {"once": {"run": node.found.run, "step": node.found.step}}),
            **({} if not node.tools else {"tools": {name: _tool_data(tool) for name, tool in node.tools.items()}}),
            **({} if node.used is None else {"used": spending.data(node.used)}),
            **({} if not node.spent and not node.spent_tokens else {"spent": node.spent, "tokens": node.spent_tokens}),
        }
        for path, node in state.all_nodes()
    }
    return {
        "run": state.run,
        "flow": state.flow,
        "status": str(state.status),
        "inputs": {name: to_plain(value) for name, value in state.inputs.items()},
        "value": to_plain(state.value),
        "failure": None if state.failure is None else state.failure.message,
        "used": spending.data(state.used),
        "spent": state.spent,
        "tokens": state.spent_tokens,
        "steps": steps,
    }


def _passed_data(passed: CallPassedOn) -> dict[str, Any]:
    """An agent that was not asked, for machines."""
    why = passed.failure
    return {"agent": passed.agent, "failure": why.message, "error": why.error, "then": passed.then}


def _tool_data(tool: ToolState) -> dict[str, Any]:
    """What a model did with a tool, for machines, and why that failed at last."""
    why = tool.failure
    failed = {} if why is None else {"failed": tool.failed, "failure": why.message, "error": why.error}
    return {"calls": tool.calls, "seconds": round(tool.seconds, 6), **failed}


def origin(run: Kept) -> dict[str, Any]:
    """Who began a run, and from which other one it was made."""
    made = run.origin
    return {"by": run.by, "from": None if made is None else {"run": made.run, "step": made.step}}


def taken_back_data(taken_back: Sequence[TakenBack]) -> dict[str, Any]:
    """What was taken back of a run since it ended."""
    return {
        "taken_back": [{"step": one.step, "run": one.run, "by": one.by, "by_hand": one.by_hand} for one in taken_back]
    }


# --- about the run ------------------------------------------------------------------------------------------------


def _cost(state: NodeState | RunState) -> list[str]:
    """What is known of a cost: what models used, else what budgets counted; nothing where nobody did."""
    if state.used is not None and state.used.requests:
        return [spending.short(state.used)] if isinstance(state, NodeState) else []
    money, tokens = state.spent, state.spent_tokens
    told = [value_words(Money(money))] if money else []
    return [*told, f"{tokens:,} tokens"] if tokens else told


def _times(state: RunState, run: Kept) -> str:
    times = state.resumed - (run.origin is not None)  # a run that was made from another one begins by that
    origin = "" if run.origin is None else f" from {run.origin.step} of run {run.origin.run}"
    crashes = run.row.crashes
    ended = f", {crashes} {'process' if crashes == 1 else 'processes'} in a row ended in it" if crashes else ""
    return origin + ended + ("" if times < 1 else ", resumed once" if times == 1 else f", resumed {times} times")


def _audit(run: Kept, entries: Sequence[Entry], taken_back: Sequence[TakenBack]) -> Iterator[str]:
    """Who did what to the run, in order; nothing when it was begun and nothing else."""
    lines = [line for entry in entries for line in _acts(entry, run.by)]
    for one in taken_back:
        how = f"counts as taken back, told by {one.by}" if one.by_hand else f"taken back by run {one.run}"
        lines.append(f"{moment(one.at)}  {one.step} {how}")
    if run.origin is not None and run.origin.by_hand:
        step, of = run.origin.step.removesuffix(SUFFIX), run.origin.run
        lines.append(f"{moment(run.row.changed)}  {step} of run {of} counts as taken back, told by {run.by}")
    yield from lines if len(lines) > 1 else ()


def _acts(entry: Entry, by: str | None) -> Iterator[str]:
    at = moment(entry.at)
    match entry.event:
        case RunStarted() if by is not None:
            yield f"{at}  begun by {by}"
        case RunResumed(owner=owner):
            yield f"{at}  taken up by {owner}"
        case RunMoved(plan=plan, by=who):
            yield f"{at}  moved to plan {plan[:12]}{f' by {who}' if who else ''}"
        case RunPaused(why=why):
            yield f"{at}  paused{' by' if why.startswith('SIG') else ':'} {one_line(why)}"
        case CancelRequested(why=why, force=force, by=who):
            insists = " at once" if force else ""
            yield f"{at}  asked to stop{insists}{f' by {who}' if who else ''}: {one_line(why)}"
        case DoubtSettled(path=path, decision=decision, why=why) if why != ASKED:  # its question stays as it is
            said = {"retry": "is called again", "failed": "counts as failed", "done": "counts as done"}[decision]
            yield f"{at}  {path} {said}: {why}"
        case QuestionAnswered(path=path, value=value, by=who, note=note):
            yield f"{at}  {path} answered by {who}: {_short(value)}{f' ({one_line(note)})' if note else ''}"
        case _:
            pass


# --- steps --------------------------------------------------------------------------------------------------------


def _steps(state: RunState, *, until: float, values: bool) -> None:
    for line in _lines(_grown(state).below, 1, until=until, values=values):
        click.echo(line)


def _grown(state: RunState) -> _Branch:
    """The nodes as a tree; what takes a step back stands below it, and so do flows that its model used as tools."""
    root = _Branch()
    for path, node in state.all_nodes():
        if not _CONTROL.fullmatch(path.rpartition("/")[2]) or node.status is Status.FAILED:
            _branch(root, path).state = node
    for call, inner in state.inner.items():
        whole = NodeState(inner.status, failure=inner.failure, started_at=inner.started_at, ended_at=inner.ended_at)
        _branch(root, f"{call}/{inner.flow}").state = whole
    return root


def _branch(root: _Branch, path: str) -> _Branch:
    """Where a node stands; a flow that is a tool with the number of its call: `tools[0] look`."""
    call = ""
    for part in path.split("/")[1:]:
        name, is_tool, number = part.partition(TOOLS)
        name, is_undo, _ = name.partition(SUFFIX)
        root = root.below.setdefault(call + name, _Branch())
        if is_undo:
            root = root.below.setdefault("undo", _Branch())
        call = f"tools{number} " if is_tool else ""
    return root


def _lines(branches: Mapping[str, _Branch], depth: int, *, until: float, values: bool) -> Iterator[str]:
    shown = 0
    left = 0
    for name, branch in branches.items():
        is_plain = branch.state is None or branch.state.status in (Status.DONE, Status.SKIPPED)
        if len(branches) > _MANY and is_plain and shown >= _FEW and not _has_trouble(branch):
            left += 1
            continue
        shown += 1
        yield "  " * depth + _line(name, branch.state, until=until, values=values)
        if branch.state is not None:
            told = (*_attempts(branch.state), *_failed_tools(branch.state, branch.below))
            yield from ("  " * (depth + 1) + line for line in told)
        yield from _lines(branch.below, depth + 1, until=until, values=values)
    if left:
        yield "  " * depth + f"  and {left:,} more that ended well"


def _has_trouble(branch: _Branch) -> bool:
    """Whether something in it did not end well."""
    state = branch.state
    is_well = state is None or state.status in (Status.DONE, Status.SKIPPED)
    return not is_well or any(_has_trouble(one) for one in branch.below.values())


def _line(name: str, state: NodeState | None, *, until: float, values: bool) -> str:
    if state is None:
        return f"  {name}"
    mark, color = MARKS[state.status]
    told = [name]
    if state.started_at is not None:
        ended = state.ended_at if state.status.is_settled and state.ended_at is not None else until
        told.append(duration(max(0.0, ended - state.started_at)))
    if state.attempts > 1:
        told.append(f"{state.attempts} attempts")
    told += _cost(state)
    told += [tool_words(name, tool) for name, tool in state.tools.items()]
    if state.is_cached:
        told.append("from memory")
    if state.found is not None:
        told.append(once_words(state.found))
    if state.agent is not None and state.status is Status.DONE:
        told.append(f"answered by {state.agent}")
    if state.waits_for is not None and not state.status.is_settled:
        told.append(f"waits for {one_line(state.waits_for)}")
    if state.failure is not None:
        absorbed = "absorbed: " if state.status is Status.DONE else ""
        told.append(absorbed + one_line(state.failure.message))
    elif state.reason:
        blocked = "needs " if state.status is Status.BLOCKED else ""
        told.append(blocked + one_line(state.reason))
    if values and state.status is Status.DONE and state.value is not None:
        told.append(f"= {_short(state.value)}")
    return marked(mark, color) + " " + "  ".join(told)


def tool_words(name: str, tool: ToolState) -> str:
    """What a model did with a tool: `search x3 (1 failed)`."""
    times = f" x{tool.calls}" if tool.calls > 1 else ""
    return f"{name}{times}{f' ({tool.failed} failed)' if tool.failed else ''}"


def once_words(found: OnceFound) -> str:
    """By which run a call was made that this one did not make again."""
    return f"not called: run {found.run} has made this call for the same key of @once"


def _attempts(state: NodeState) -> Iterator[str]:
    """The attempts of a step that failed, where more than one was made; and the agents that were not asked."""
    for one in state.failed_attempts if state.attempts > 1 else ():
        yield f"  attempt {one.attempt}, {one.agent}: {one_line(one.message)} ({duration(one.seconds)})"
    for passed in state.passed:
        why = passed.failure
        yield f"  {passed.agent} was passed over: {one_line(why.message)} [{why.error}]"


def _failed_tools(state: NodeState, below: Iterable[str]) -> Iterator[str]:
    """Why tools of a step's model failed, each at last; that of a flow stands below the step, with the flow."""
    flows = {name.partition(" ")[2] for name in below}
    for name, tool in state.tools.items():
        if tool.failure is not None and name not in flows:
            yield f"  {name} failed: {one_line(tool.failure.message)} [{tool.failure.error}]"


def _short(value: Any) -> str:
    """A value on one line, cut."""
    text = one_line(to_text(value))
    return text if len(text) <= 80 else text[:79] + "…"
