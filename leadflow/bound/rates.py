"""How long the rates of `@limit` make calls wait, all of a flow together.

A rate lets so many calls start in any window of its length. So each start holds one of so many places for that length,
and whoever waits for the rate alone finds them all held: all waits together last no longer than the starts times the
length, divided by the places. A call whose total time is limited does not wait longer than that time; it still takes
places from the others.

This holds where nobody else says when a call may start. A server may: by `Retry-After` all calls of an agent wait, as
long as the server likes, and what it says is left of its own quota counts as well. So for agents that ask a server, and
for tokens, which only answers tell, there is no such figure.
"""

from collections.abc import Iterator
from datetime import timedelta

from leadflow.bound.costs import is_hedged
from leadflow.bound.figures import NOTHING, Cause, Course, Figure, endless, share
from leadflow.bound.undos import attempts_of
from leadflow.plan.plan import AgentSpec, Node, Plan
from leadflow.plan.policy import PATIENCE, Breaker, Limit, PerTime, Timeout, policy_of
from leadflow.plan.reactions import retry_in_force

_SERVERLESS = frozenset(("python", "process", "clock", "random", "folder", "toolbox"))
"""Kinds whose agents ask no server: nobody tells them to wait."""
_LONGER = 1.02
"""A window counts a little longer than its length, because what is sent apart may arrive closer together."""
_FINEST = timedelta(milliseconds=1)
"""What a loop may be late."""
_DAY, _LONGEST_DAY = timedelta(days=1), timedelta(hours=25)
"""A limit per day counts from midnight to midnight, also where the clocks go back."""
_MARK = " starts "


def is_rate(owner: str) -> bool:
    """Whether the places of an owner are those of a rate."""
    return _MARK in owner


def _windows(spec: AgentSpec) -> Iterator[tuple[str, PerTime, int]]:
    """The rates of an agent, by whose they are, each with the microseconds that a start holds a place."""
    limit = policy_of(spec.policies, Limit)
    if limit is None:
        return
    parts = list(limit.rate)
    if limit.burst is not None and limit.rate:  # behind a burst, one by one in the pace of the fastest rate
        parts.append(PerTime(1, min(rate.period / rate.amount for rate in limit.rate)))
    for number, rate in enumerate(parts):
        period = _LONGEST_DAY if rate.period == _DAY else rate.period * _LONGER
        yield f"{spec.shares}{_MARK}{number} {rate.amount}", rate, (period + _FINEST) // timedelta(microseconds=1)


def unbounded(node: Node, spec: AgentSpec) -> Figure:
    """The wait of a call, where its limit has no figure for all calls together."""
    limit = policy_of(spec.policies, Limit)
    if limit is None:
        return NOTHING
    what = ""
    if spec.kind not in _SERVERLESS:
        what = f"a server may ask all calls of agent '{spec.name}' to wait, step '{node.name}' too, as long as it likes"
    elif limit.tokens is not None:
        what = f"how long step '{node.name}' waits for tokens in the @limit of agent '{spec.name}' shows in a run only"
    return endless(Cause(node.place, what, "write a total `@timeout(…)` on the step")) if what else NOTHING


def of_one(node: Node, spec: AgentSpec) -> Figure:
    """The wait of a call, whatever else the run does."""
    if unbounded(node, spec).is_endless or not any(_windows(spec)):
        return unbounded(node, spec)
    what = f"how long @limit on agent '{spec.name}' makes step '{node.name}' wait depends on its other calls"
    return endless(Cause(node.place, what, "see `leadflow plan`, or write a total `@timeout(…)` on the step"))


def held(node: Node, spec: AgentSpec) -> Iterator[tuple[str, Course]]:
    """The places that the starts of a call hold, by rate. Its width is 0 where the call's own time bounds its wait."""
    if unbounded(node, spec).is_endless:
        return
    timeout = policy_of(node.policies, Timeout)
    width = 0 if timeout is not None and timeout.total is not None else 1
    for owner, _, length in _windows(spec):
        yield owner, Course(NOTHING, Figure(_starts(node) * length), width)


def _starts(node: Node) -> int:
    """How often a call may start with one agent."""
    return attempts_of(retry_in_force(node.policies)) * (2 if is_hedged(node) else 1)


def waits(plan: Plan, course: Course) -> Iterator[Figure]:
    """How long all that waits for a rate waits together."""
    known = {owner: (rate, length) for spec in plan.agents.values() for owner, rate, length in _windows(spec)}
    for owner, part in course.slots:
        if is_rate(owner) and part.width:
            rate, length = known[owner]
            is_never_full = part.work.is_plain and part.work.known <= rate.amount * length
            yield NOTHING if is_never_full else share(part.work, rate.amount)


def alone(node: Node, spec: AgentSpec) -> Figure:
    """The wait of an undo, while nothing else of the run is under way: for each start, until the oldest is forgotten,
    and until an open breaker lets it try."""
    lengths = [length for _, _, length in _windows(spec)]
    breaker = policy_of(spec.policies, Breaker)
    if breaker is not None:
        lengths.append(PATIENCE * breaker.max_recovery // timedelta(microseconds=1))
    found = unbounded(node, spec)
    return found if found.is_endless else Figure(_starts(node) * sum(lengths))
