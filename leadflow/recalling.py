"""What a process that begins should know of upstreams from the runs of others: what they took of a limit per day (case
L10), and that a breaker is open. Both are read from the logs of the runs of the same file; nothing is kept twice.

A log names agents, so that an agent is the same in two runs when its name and its file are. What a limit of a minute or
of an hour, a breaker that is closed, or a cache knows is that of a process.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo

from leadflow.assembly import Making, upstream_keys
from leadflow.events.model import BreakerMoved, CallUsed
from leadflow.plan.codec import NotAPlan, from_text
from leadflow.plan.plan import Plan
from leadflow.plan.policy import Breaker, Concurrency, Limit, PerTime, policy_of
from leadflow.policies.windows import Moment
from leadflow.record import record
from leadflow.run.adapters import zone_of
from leadflow.run.begun import TELLING, Begun
from leadflow.run.ports import Clock
from leadflow.run.store import Recent, Store

_DAY = timedelta(days=1)


@record
class Taken:
    """What was taken today."""

    calls: int
    tokens: int


async def recall(store: Store, making: Making, clock: Clock) -> None:
    """Tell the upstreams of a run that begins, those that this process has not asked before, what the journal knows.

    Raises:
        JournalProblem: it cannot be read.
    """
    plan, keys = making.plan, upstream_keys(making)
    for name in making.needed:
        spec = plan.agents[name]
        upstream = making.shared.upstream(keys[name], spec.shares)
        limit, breaker = policy_of(spec.policies, Limit), policy_of(spec.policies, Breaker)
        if upstream.is_recalled or (limit is None and breaker is None):
            continue
        upstream.is_recalled = True
        agents = frozenset(other for other in plan.agents if plan.agents[other].shares == spec.shares)
        if limit is not None and _has_day(limit):
            zone = zone_of(limit.zone) if limit.zone else UTC
            taken = await _taken(store, plan, agents, midnight(clock.now(), zone))
            place = upstream.limit(limit, policy_of(spec.policies, Concurrency))
            now = Moment(clock.monotonic(), clock.timestamp())
            place.admission.recall(taken.calls, taken.tokens, now)
        if breaker is not None:
            since = clock.timestamp() - breaker.max_recovery.total_seconds() * 2
            moves = await store.recent(plan.file, since, (BreakerMoved.__name__,))
            told = [(one.entry.at, one.entry.event) for one in moves if isinstance(one.entry.event, BreakerMoved)]
            mine = [(at, event) for at, event in told if event.agent == spec.shares]
            if mine and (last := mine[-1])[1].state == "open" and last[1].seconds is not None:
                ago = clock.timestamp() - last[0]
                upstream.breaker(breaker).recall(
                    clock.monotonic() - ago, last[1].seconds, last[1].why, times=_in_a_row(event for _, event in mine)
                )


def _has_day(limit: Limit) -> bool:
    """Whether it counts the calls, or the tokens, of a day."""
    rates: tuple[PerTime, ...] = limit.rate if limit.tokens is None else (*limit.rate, limit.tokens)
    return any(rate.period >= _DAY for rate in rates)


def midnight(now: datetime, zone: tzinfo) -> float:
    """When the day began there, in seconds since the epoch."""
    return datetime.combine(now.astimezone(zone).date(), time(), zone).timestamp()


def _in_a_row(moves: Iterable[BreakerMoved]) -> int:
    """How often it opened since it was closed last."""
    times = 0
    for move in moves:
        times = 0 if move.state == "closed" else times + (move.state == "open")
    return times


async def _taken(store: Store, plan: Plan, agents: frozenset[str], since: float) -> Taken:
    """What calls of these agents took since then."""
    found = await store.recent(plan.file, since, tuple(kind.__name__ for kind in TELLING))
    plans = {each: await _plan(store, each, plan) for each in dict.fromkeys(one.plan for one in found)}
    return counted(found, plans, agents)


async def _plan(store: Store, hash_: str, plan: Plan) -> Plan | None:
    text = None if hash_ == plan.hash else await store.plan(hash_)
    try:
        return plan if text is None else from_text(text)
    except NotAPlan:
        return None


def counted(found: Iterable[Recent], plans: Mapping[str, Plan | None], agents: frozenset[str]) -> Taken:
    """What began with these agents, and what models reported: in the order of the logs."""
    runs: dict[tuple[str, str], Begun] = {}
    tokens = 0
    for one in found:
        runs.setdefault((one.run, one.plan), Begun(plans.get(one.plan))).read(event := one.entry.event)
        if isinstance(event, CallUsed) and event.agent in agents and event.usage is not None:
            tokens += (event.usage.input_tokens or 0) + (event.usage.output_tokens or 0)
    return Taken(sum(agent in agents for run in runs.values() for agent in run.asked()), tokens)
