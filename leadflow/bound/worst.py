"""The longest that one call of a step may take, and how often it may be tried: for `leadflow explain FLOW.STEP`.

Rule C5: `@timeout` bounds one agent of a call, so that fallbacks come on top. The time of an agent is that of the
bound of the whole run (`bound.times`), without its queues: where no total time is set, waiting for a free
place is not counted. That of a block or of a flow is its part of that bound, with the queues in it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any

from leadflow.bound import rates
from leadflow.bound.asks import Known, tool_loop
from leadflow.bound.context import Context, open_flow
from leadflow.bound.costs import is_hedged
from leadflow.bound.figures import NOTHING, Figure, total
from leadflow.bound.times import candidate, node_time, tools_undone, within_loop
from leadflow.plan.expr import Const
from leadflow.plan.forms import to_plain
from leadflow.plan.paths import Stop, node_path, owners
from leadflow.plan.plan import AgentCall, FlowCall, For, Node, Plan, Repeat
from leadflow.plan.policy import (
    GRACE,
    Retry,
    policy_of,
)
from leadflow.plan.reactions import retry_in_force
from leadflow.plan.words import duration_words
from leadflow.record import record
from leadflow.run.kernel_layout import whole_timeout
from leadflow.run.support import agents_of


@record
class Worst:
    """The bounds of one node."""

    time: timedelta | None
    """The cleaning up of what does not stop included; None: nothing bounds it."""
    time_why: str
    attempts: int | None
    """Requests of one call, fallbacks included; None for what is no call of an agent."""
    attempts_why: str
    calls: int | None
    """How often a run of the outermost flow calls it at most; None: nobody knows before it runs."""
    calls_why: str


def worst(plan: Plan, way: Sequence[Stop], known: Known) -> Worst:
    """The bounds of the last node of a way."""
    node = way[-1].node
    call = node.work if isinstance(node.work, AgentCall) else None
    context = _around(plan, way, known)
    time, why = _whole_time(context, node) if call is None else _call_time(plan, node, call)
    for limit, where in _deadlines(way):
        if time is None or limit + GRACE < time:
            time, why = limit + GRACE, f"the deadline of {where}"
    if call is not None:
        time, why = _with_undone(time, why, tools_undone(context, node))
    attempts, attempts_why = _attempts(plan, node)
    calls, calls_why = _calls(way)
    return Worst(time, why, attempts, attempts_why, calls, calls_why)


# --- time ---------------------------------------------------------------------------------------------------------


def _call_time(plan: Plan, node: Node, call: AgentCall) -> tuple[timedelta | None, str]:
    """All agents of a call, one after the other; or the loop in which a model uses tools."""
    if (loop := within_loop(plan, node, call)) is not None:
        return _duration(loop), "the time of its loop of tools"
    specs = [(name, plan.agents[name]) for name in agents_of(node, call)]
    times = [(name, candidate(node, call, spec, wait=rates.of_one(node, spec))) for name, spec in specs]
    whole = total(figure for _, figure in times)
    if not whole.is_plain:
        cause = whole.causes[0]
        return None, f"{cause.what}; {cause.mend}"
    return _duration(whole), ", then ".join(f"{duration_words(_duration(time))} with {name}" for name, time in times)


_MILLISECOND = timedelta(milliseconds=1)


def _duration(figure: Figure) -> timedelta:
    """Rounded up to milliseconds."""
    return -(-timedelta(microseconds=figure.known) // _MILLISECOND) * _MILLISECOND


def _around(plan: Plan, way: Sequence[Stop], known: Known) -> Context:
    """The flow in which a way ends; nobody is told to give inputs, so it takes none."""
    context = open_flow(plan, known, way[0].flow.name, {}, depth=1)
    for stop in way[:-1]:
        context = context.child(stop.node.work) if isinstance(stop.node.work, FlowCall) else context
    return context


def _with_undone(time: timedelta | None, why: str, undone: Figure) -> tuple[timedelta | None, str]:
    """Behind the end of a step, under none of its deadlines: what a flow takes back that its model used as a tool."""
    if time is None or undone == NOTHING:
        return time, why
    if not undone.is_plain:
        return None, f"{undone.causes[0].what}; {undone.causes[0].mend}"
    return time + _duration(
        undone
    ), f"{why}, then {duration_words(_duration(undone))} for undos of a flow that is a tool"


def _whole_time(context: Context, node: Node) -> tuple[timedelta | None, str]:
    """A block or the call of a flow: what stands on it as a whole, and on the flow, or the steps in it."""
    found = [(limit + GRACE, "its total time") for limit in [whole_timeout(node.policies)] if limit is not None]
    if isinstance(node.work, FlowCall):
        name = node.work.flow
        limit = whole_timeout(context.plan.flows[name].policies)
        found += [] if limit is None else [(limit + GRACE, f"the deadline of flow {name}")]
    inside = node_time(context, node)
    if inside.is_plain:
        found.append((_duration(inside), "the longest way through it"))
    return min(found, key=itemgetter(0)) if found else (None, f"{inside.causes[0].what}; {inside.causes[0].mend}")


def _deadlines(way: Sequence[Stop]) -> Iterable[tuple[timedelta, str]]:
    """The ends of what stands around, outermost first."""
    for position, stop in enumerate(way):
        around = [(node.policies, node_path(stop.flow, node)) for node in reversed(list(owners(stop.flow, stop.node)))]
        if position < len(way) - 1:
            around.append((stop.node.policies, node_path(stop.flow, stop.node)))
        for policies, where in [(stop.flow.policies, f"flow {stop.flow.name}"), *around]:
            limit = whole_timeout(policies)
            if limit is not None:
                yield limit, where


# --- how often ----------------------------------------------------------------------------------------------------


def _attempts(plan: Plan, node: Node) -> tuple[int | None, str]:
    if not isinstance(node.work, AgentCall):
        return None, ""
    retry = retry_in_force(node.policies)
    each, most, told = (retry.attempts if retry else 1) * (2 if is_hedged(node) else 1), 0, list[str]()
    for agent in agents_of(node, node.work):
        loop = tool_loop(plan, agent, node.work)
        most += each * (1 if loop is None else loop.turns)
        told.append(f"{each} with {agent}" + ("" if loop is None else f" in each of {loop.turns} turns"))
    return most, ", then ".join(told)


def _calls(way: Sequence[Stop]) -> tuple[int | None, str]:
    """The product of loops and of retries of blocks and flows around."""
    product, factors, unknown = 1, list[str](), ""
    for position, stop in enumerate(way):
        called = way[position - 1].node if position else None
        retry = policy_of(stop.flow.policies, Retry)
        if called is None or policy_of(called.policies, Retry) is None:
            product = _times(product, retry.attempts if retry else 1, f"attempts of flow {stop.flow.name}", factors)
        around = [*reversed(list(owners(stop.flow, stop.node))), *([stop.node] if position < len(way) - 1 else [])]
        for node in around:
            again = policy_of(node.policies, Retry)
            product = _times(product, again.attempts if again else 1, f"attempts of {node.name}", factors)
            rounds = _rounds(node)
            if rounds is None:
                unknown = unknown or f"{node.name} has as many rounds as its list has items"
            else:
                product = _times(product, rounds, f"rounds of {node.name}", factors)
    return (None, unknown) if unknown else (product, " x ".join(factors))


def _times(product: int, count: int, what: str, factors: list[str]) -> int:
    if count != 1:
        factors.append(f"{count} {what}")
    return product * count


def _rounds(node: Node) -> int | None:
    match node.work:
        case For(items=Const(tuple() as items)):
            return len(items)
        case For(limit=Const(int() as limit)) | Repeat(limit=Const(int() as limit)):
            return limit
        case For() | Repeat():
            return None
        case _:
            return 1


# --- words and data -----------------------------------------------------------------------------------------------


def worst_facts(found: Worst) -> Iterator[tuple[str, str]]:
    """Each bound by its name, in words."""
    yield "time", f"{'no bound' if found.time is None else duration_words(found.time)}: {found.time_why}"
    if found.attempts is not None:
        yield "attempts", f"{found.attempts}: {found.attempts_why}"
    calls = "no bound" if found.calls is None else f"{found.calls:,}".replace(",", "_")
    yield "in one run", calls + (f": {found.calls_why}" if found.calls_why else "")


def worst_data(found: Worst) -> dict[str, Any]:
    """The same for machines."""
    return {
        "time": to_plain(found.time),
        "time_why": found.time_why,
        "attempts": found.attempts,
        "attempts_why": found.attempts_why or None,
        "calls": found.calls,
        "calls_why": found.calls_why or None,
    }
