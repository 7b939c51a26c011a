"""What a process that begins should know of upstreams from the runs of others: what they took of a limit per day (case
L10), and that a breaker is open. Both are read from the logs of the runs of the same file; nothing is kept twice.

A log names agents, so that an agent is the same in two runs when its name and its file are. What a limit of a minute or
of an hour, a breaker that is closed, or a cache knows is that of a process.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo

from leadflow.assembly import Making, upstream_keys
from leadflow.events.model import (
    AttemptFailed,
    AttemptStarted,
    BreakerMoved,
    CacheUsed,
    CallAdmitted,
    CallUsed,
    CallWaits,
    Event,
    NodeStarted,
    OnceFound,
    ToolCalled,
    ToolEnded,
    ToolStep,
)
from leadflow.events.places import in_place
from leadflow.plan.codec import NotAPlan, from_text
from leadflow.plan.looping import TOOLS, inside_tool
from leadflow.plan.paths import NoSuchStep, find_steps, without_numbers
from leadflow.plan.plan import AgentCall, FlowCall, Plan, Work
from leadflow.plan.policy import Breaker, Concurrency, Limit, PerTime, policy_of
from leadflow.plan.undoing import SUFFIX, undo_node
from leadflow.policies.windows import Moment
from leadflow.record import record
from leadflow.run.adapters import zone_of
from leadflow.run.ports import Clock
from leadflow.run.store import Recent, Store

_DAY = timedelta(days=1)
_READ = (
    NodeStarted, AttemptStarted, AttemptFailed, CallWaits, CallAdmitted, CacheUsed, OnceFound, CallUsed, ToolCalled,
    ToolEnded, ToolStep,
)  # fmt: skip
"""What is counted by."""
_NOT_CALLED = ("tool.unknown", "tool.arguments", "tool.calls")
"""Failures of uses that called nothing."""


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
    found = await store.recent(plan.file, since, tuple(kind.__name__ for kind in _READ))
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
    calls: dict[tuple[str, str], _Begun] = {}
    tokens = 0
    for one in found:
        event = in_place(one.entry.event)
        path = getattr(event, "path", "")
        call = calls.setdefault((one.run, path), _Begun(plans.get(one.plan), path))
        if isinstance(event, ToolCalled | ToolEnded):
            use = f"{path}{TOOLS}[{event.call}]"
            calls.setdefault((one.run, use), _Begun(call.plan, use)).read_use(event)
        call.read(event)
        if isinstance(event, CallUsed) and event.agent in agents and event.usage is not None:
            tokens += (event.usage.input_tokens or 0) + (event.usage.output_tokens or 0)
    return Taken(sum(agent in agents for call in calls.values() for agent in call.asked), tokens)


@dataclass(slots=True)
class _Begun:
    """What began of a call, or of a use of a tool."""

    plan: Plan | None
    path: str
    asked: list[str] = field(default_factory=list)
    """The agent of each attempt."""
    agent: str | None = None
    """Who was asked last."""
    is_ahead: bool = False
    """Nobody has heard of the last of these: it may have to wait, or not be made at all."""
    is_admitted: bool = False
    """It has waited, and its own start may follow."""
    turn: int = 0
    """Of its model, the last that has asked for a tool."""

    def read(self, event: Event) -> None:
        """What happened to a call."""
        match event:
            case NodeStarted():
                self._begin(_agent_of(self.plan, self.path))
            case AttemptStarted(agent=agent):
                if self.is_admitted:
                    self.asked.pop()
                self.turn = 0
                self._begin(agent)
            case CallAdmitted(agent=agent):
                self._begin(agent, is_admitted=True)
            case CallWaits() | CacheUsed() | OnceFound():
                if self.is_ahead:
                    self.asked.pop()
                self.is_ahead = self.is_admitted = False
            case CallUsed() | AttemptFailed():
                self.is_ahead = self.is_admitted = False
            case ToolCalled(turn=turn) if turn != self.turn:  # once its tools have ended, the model has the next turn
                self.turn = turn
                self._begin(self.agent or _agent_of(self.plan, self.path))
            case _:
                pass

    def read_use(self, event: ToolCalled | ToolEnded) -> None:
        """A tool is called, or has ended: of its attempts those are known that failed with it."""
        if isinstance(event, ToolCalled):
            tools = () if self.plan is None else self.plan.tools
            works = (tool.work for tool in tools if tool.key == event.tool)
            self._begin(next((work.agent for work in works if isinstance(work, AgentCall)), None))
        elif event.failure is not None and self.is_ahead:
            attempts = [attempt.agent for attempt in event.failure.attempts]
            if attempts or event.failure.error in _NOT_CALLED:
                self.asked[-1:] = attempts

    def _begin(self, agent: str | None, *, is_admitted: bool = False) -> None:
        self.agent, self.is_ahead, self.is_admitted = agent, agent is not None, is_admitted
        if agent is not None:
            self.asked.append(agent)


def _agent_of(plan: Plan | None, path: str) -> str | None:
    """The agent that a path's call asks first; None where it names no call."""
    in_tool = inside_tool(path)
    works = () if plan is None else _works_of(plan, path if in_tool is None else in_tool[1])
    return next((work.agent for work in works if isinstance(work, AgentCall)), None)


def _works_of(plan: Plan, path: str) -> tuple[Work, ...]:
    """What the nodes of that path do, also where that takes a step back."""
    ways = find_steps(plan, path)
    if not isinstance(ways, NoSuchStep):
        return tuple(way[-1].node.work for way in ways)
    step, undo, inside = without_numbers(path).partition(SUFFIX)
    found = find_steps(plan, step) if undo else ways
    nodes = () if isinstance(found, NoSuchStep) else tuple(undo_node(way[-1].node) for way in found)
    works = tuple(node.work for node in nodes if node is not None)
    if not inside:
        return works
    return tuple(work for flow in works if isinstance(flow, FlowCall) for work in _works_of(plan, flow.flow + inside))
