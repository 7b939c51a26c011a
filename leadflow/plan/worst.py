"""The longest that one call of a step may take, and how often it may be tried: upper bounds, with their sums in words.

Rule C5: `@timeout` bounds one agent of a call, so that fallbacks come on top. Pure arithmetic over a plan. Not counted,
because nothing bounds it: waiting for a free place where no total time is set, and the cleaning up of an attempt that
was told to stop.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from leadflow.plan.backoff import MOST_UPWARD, UPWARD, back_off
from leadflow.plan.expr import Const
from leadflow.plan.paths import Stop, node_path, owners
from leadflow.plan.plan import AgentCall, FlowCall, For, Node, Plan, Repeat
from leadflow.plan.policy import Applied, Fallback, Policy, Retry, Timeout
from leadflow.plan.words import duration_words
from leadflow.record import record

P = TypeVar("P", bound=Policy)


@record
class Worst:
    """The bounds of one node."""

    time: timedelta | None
    """None: nothing bounds it."""
    time_why: str
    attempts: int | None
    """Requests of one call, fallbacks included; None for what is no call of an agent."""
    attempts_why: str
    calls: int | None
    """How often a run of the outermost flow calls it at most; None: nobody knows before it runs."""
    calls_why: str


def policy_of(applied: Iterable[Applied], kind: type[P]) -> P | None:
    """The policy of that kind that is in force, if any."""
    return next((each.policy for each in applied if isinstance(each.policy, kind)), None)


def worst(plan: Plan, way: Sequence[Stop]) -> Worst:
    """The bounds of the last node of a way."""
    node = way[-1].node
    time, why = _call_time(node) if isinstance(node.work, AgentCall) else _whole_time(plan, node)
    for limit, where in _deadlines(way):
        if time is None or limit < time:
            time, why = limit, f"the deadline of {where}"
    attempts, attempts_why = _attempts(node)
    calls, calls_why = _calls(way)
    return Worst(time, why, attempts, attempts_why, calls, calls_why)


# --- time ---------------------------------------------------------------------------------------------------------


def _call_time(node: Node) -> tuple[timedelta | None, str]:
    """All agents of a call, one after the other."""
    timeout, fallback = policy_of(node.policies, Timeout), policy_of(node.policies, Fallback)
    one, why = _candidate_time(timeout, policy_of(node.policies, Retry))
    agents = 1 + (len(fallback.agents) if fallback else 0)
    if one is None or agents == 1:
        return one, why
    return one * agents, f"{agents} agents x {duration_words(one)}" + (f" ({why})" if " " in why else "")


def _candidate_time(timeout: Timeout | None, retry: Retry | None) -> tuple[timedelta | None, str]:
    total = timeout.total if timeout else None
    attempt = timeout.attempt if timeout else None
    summed = None if attempt is None else _sum(attempt, retry)
    if summed is not None and (total is None or summed[0] < total):
        return summed
    if total is not None:
        return total, "its total time"
    if attempt is not None:
        return None, "the other side may ask for any wait between two attempts; `max_retry_after` or a total bounds it"
    return None, "an attempt has no end of its own; `@timeout` gives it one"


def _sum(attempt: timedelta, retry: Retry | None) -> tuple[timedelta, str] | None:
    """All attempts and the pauses between them; None when the other side may ask for pauses of any length."""
    if retry is None or retry.attempts == 1:
        return attempt, "one attempt"
    if retry.max_retry_after is None:
        return None
    pauses = _pauses(retry, retry.max_retry_after)
    return attempt * retry.attempts + pauses, (
        f"{retry.attempts} attempts x {duration_words(attempt)} + {duration_words(pauses)} of pauses"
    )


def _pauses(retry: Retry, asked: timedelta) -> timedelta:
    wait, total, wanted = retry.backoff.total_seconds(), 0.0, asked.total_seconds()
    longest = wanted + min(MOST_UPWARD, UPWARD * wanted)
    for number in range(1, retry.attempts):
        wait = back_off(retry, number, wait, 1.0)
        total += max(wait, longest)
    return timedelta(seconds=round(total, 3))


def _whole_time(plan: Plan, node: Node) -> tuple[timedelta | None, str]:
    """A block or the call of a flow: what stands on it as a whole, and on the flow."""
    found: list[tuple[timedelta, str]] = []
    timeout = policy_of(node.policies, Timeout)
    if timeout is not None and timeout.total is not None:
        found.append((timeout.total, "its total time"))
    if isinstance(node.work, FlowCall):
        own = policy_of(plan.flows[node.work.flow].policies, Timeout)
        if own is not None and own.total is not None:
            found.append((own.total, f"the deadline of flow {node.work.flow}"))
    return min(found, default=(None, "no deadline stands on it"), key=_first)


def _first(bound: tuple[timedelta, str] | tuple[None, str]) -> timedelta:
    return bound[0] or timedelta.max


def _deadlines(way: Sequence[Stop]) -> Iterable[tuple[timedelta, str]]:
    """The ends of what stands around, outermost first."""
    for position, stop in enumerate(way):
        around = [(node.policies, node_path(stop.flow, node)) for node in reversed(list(owners(stop.flow, stop.node)))]
        if position < len(way) - 1:
            around.append((stop.node.policies, node_path(stop.flow, stop.node)))
        for policies, where in [(stop.flow.policies, f"flow {stop.flow.name}"), *around]:
            timeout = policy_of(policies, Timeout)
            if timeout is not None and timeout.total is not None:
                yield timeout.total, where


# --- how often ----------------------------------------------------------------------------------------------------


def _attempts(node: Node) -> tuple[int | None, str]:
    if not isinstance(node.work, AgentCall):
        return None, ""
    retry, fallback = policy_of(node.policies, Retry), policy_of(node.policies, Fallback)
    agents = (node.work.agent, *(fallback.agents if fallback else ()))
    each = retry.attempts if retry else 1
    return each * len(agents), ", then ".join(f"{each} with {agent}" for agent in agents)


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
