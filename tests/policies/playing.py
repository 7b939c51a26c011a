"""A call under its policies in virtual time: an agent that plays a script, and all that the call did."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeAlias

from leadflow.events.model import AttemptFailed, AttemptStarted, Event, Failure
from leadflow.plan.plan import AgentCall, AgentSpec, SettingValue
from leadflow.plan.policy import Applied, Breaker, Budgets, Concurrency, Limit, Policy
from leadflow.plan.rates import Rates
from leadflow.plan.types import JSON, Type, Value
from leadflow.policies.admission import Ended
from leadflow.policies.budget import Purse
from leadflow.policies.call import Ports
from leadflow.policies.renewal import Renewable
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.policies.turnstile import Turnstile
from leadflow.run.adapters import SeededRng, SystemClock
from leadflow.run.ports import Agent, Answer, CallOrder, Claims, Reply, Request
from leadflow.testing import run_virtual
from tests.plans import Making

Act: TypeAlias = "object | BaseException | Callable[[Request], Awaitable[object]]"
"""What an agent does at one call: answers with a value, raises, or does something that takes time."""


class LoopClock(SystemClock):
    """The loop's time for people too: under virtual time a log's times repeat."""

    def now(self) -> datetime:
        """Seconds of the loop since the epoch."""
        return datetime.fromtimestamp(self.monotonic(), UTC)

    def timestamp(self) -> float:
        """The same seconds."""
        return self.monotonic()


CLOCK = LoopClock()


def s(seconds: float) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=seconds)


def after(seconds: float, act: Act = "late") -> Callable[[Request], Awaitable[object]]:
    """Takes some time, and does the act then."""

    async def wait(request: Request) -> object:
        await CLOCK.sleep(s(seconds))
        return await play(act, request)

    return wait


async def play(act: Act, request: Request) -> object:
    """Do an act."""
    if isinstance(act, BaseException):
        raise act
    return await act(request) if callable(act) else act


class Player:
    """An agent that plays its script; the last act repeats."""

    def __init__(self, *script: Act) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.at: list[float] = []
        """When each request came, in virtual seconds."""
        self.now = self.most = 0
        """Calls under way, now and at most."""

    async def call(self, request: Request) -> Reply:
        """The next act."""
        act = self.script[min(len(self.requests), len(self.script) - 1)]
        self.requests.append(request)
        self.at.append(CLOCK.monotonic())
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            done = await play(act, request)
            return done if isinstance(done, Reply) else Reply(done)
        finally:
            self.now -= 1

    async def aclose(self) -> None:
        """Nothing is held."""


@dataclass
class Played:
    """What became of a call."""

    outcome: Answer | Failure | None = None
    events: list[Event] = field(default_factory=list)
    seconds: float = 0.0
    """Virtual time until the outcome."""
    given_up: list[Failure] = field(default_factory=list)

    @property
    def failure(self) -> Failure:
        """The outcome, which is a failure."""
        assert isinstance(self.outcome, Failure), self.outcome
        return self.outcome

    @property
    def value(self) -> object:
        """The outcome's value."""
        assert isinstance(self.outcome, Answer), self.outcome
        return self.outcome.value

    @property
    def delays(self) -> list[float | None]:
        """The delays that were announced."""
        return [event.delay for event in self.events if isinstance(event, AttemptFailed)]

    @property
    def attempts(self) -> list[tuple[int, str]]:
        """The further attempts that were announced."""
        return [(event.attempt, event.agent) for event in self.events if isinstance(event, AttemptStarted)]


@dataclass
class Scene:
    """A node with its agents and policies; the first agent is the one that is called."""

    agents: Mapping[str, Player]
    policies: Sequence[Policy] = ()
    result: Type = JSON
    idempotent: bool = True
    slots: Mapping[str, int] = field(default_factory=dict)
    """`@concurrency` of agents."""
    anew: Mapping[str, Callable[[], Agent]] = field(default_factory=dict)
    """Agents that can be made anew: what makes another instance."""
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    """`@breaker` of agents."""
    seed: int = 1
    secrets: tuple[str, ...] = ()
    grace: timedelta = timedelta(seconds=5)

    limits: Mapping[str, Limit] = field(default_factory=dict)
    """`@limit` of agents."""
    settings: Mapping[str, SettingValue] = field(default_factory=dict)
    """Of every agent."""
    shared: Shared = field(default_factory=Shared)
    action: str = "do"
    purse: Purse | None = None
    """Of the run, where there are budgets."""
    rates: Mapping[str, Rates | None] = field(default_factory=dict)
    """Of agents that tell each request of an attempt."""
    claims: Claims | None = None
    """Who has which key, where there is `@once`."""

    def __post_init__(self) -> None:
        self.stack = self._stack()
        flow = Making()
        work = AgentCall(next(iter(self.agents)), self.action, (), self.result, True, "write", self.idempotent, None)
        applied = [Applied(type(policy).__name__.lower(), policy, "step", "") for policy in self.policies]
        flow.node("a", work, policies=applied)
        self.flow = flow.done()
        self.call = self.stack.prepare(self.flow, self.flow.nodes[0])

    def _stack(self) -> Stack:
        def shared(name: str) -> tuple[Applied, ...]:
            slots, limit, breaker = self.slots.get(name), self.limits.get(name), self.breakers.get(name)
            found: list[Policy | None] = [Concurrency(slots) if slots else None, limit, breaker]
            named = [(type(policy).__name__.lower(), policy) for policy in found if policy is not None]
            return tuple(Applied(kind, policy, f"agent {name}", "") for kind, policy in named)

        kind = "openai" if "model" in self.settings else "python"
        specs = {name: AgentSpec(name, kind, self.settings, shared(name), name, None) for name in self.agents}
        ports = Ports(CLOCK, SeededRng(self.seed), self.shared, self.secrets, self.grace, self.claims)
        agents = {
            name: Renewable(player, self.anew[name]) if name in self.anew else player
            for name, player in self.agents.items()
        }
        return Stack(specs, agents, ports, purse=self.purse, rates=self.rates)

    async def play(
        self,
        *,
        key: str | None = None,
        deadline: float | None = None,
        priority: int = 0,
        args: Mapping[str, Value] | None = None,
        heard: Callable[[Event], None] = lambda event: None,
        budgets: Budgets = (),
        path: str = "main/a",
    ) -> Played:
        """Make the call once, inside a loop; `heard` is told each event at once."""
        played = Played()

        def post(event: Event) -> None:
            played.events.append(event)
            heard(event)

        order = CallOrder(
            path,
            args or {},
            key,
            "run-1",
            deadline,
            post,
            lambda _, failure: played.given_up.append(failure),
            priority,
            budgets=budgets,
        )
        begun = CLOCK.monotonic()
        played.outcome = await self.call(order)
        played.seconds = round(CLOCK.monotonic() - begun, 6)
        return played

    def turnstile(self, name: str) -> Turnstile:
        """Where calls of an agent wait."""
        slots = self.slots.get(name)
        return self.shared.upstream(name, name).limit(self.limits.get(name), Concurrency(slots) if slots else None)

    async def limits_held(self, name: str, duration: timedelta) -> None:
        """Somebody else has a turn for some time."""
        order = CallOrder("other", {}, None, "run-2", None, lambda event: None)
        ticket = await self.turnstile(name).enter(order, name, tokens=0, deadline=None, clock=CLOCK)
        await CLOCK.sleep(duration)
        self.turnstile(name).leave(ticket, CLOCK, Ended(None))

    def run(self, *, key: str | None = None, deadline: float | None = None) -> Played:
        """Make the call once, in virtual time that starts at 0."""
        return run_virtual(self.play(key=key, deadline=deadline))


async def forever() -> NoReturn:
    """Wait for a cancel."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody ends this")
