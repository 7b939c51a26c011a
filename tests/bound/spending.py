"""Random programs that spend, and agents that make the most of them: slow, failing, deaf and verbose."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from random import Random

from hypothesis import strategies as st

from leadflow.bound.asks import Known
from leadflow.bound.budgets import has_budgets, prices_of
from leadflow.bound.figures import Figure
from leadflow.bound.prices import Prices, read_prices
from leadflow.events.model import RunStarted
from leadflow.plan.expr import Expr, Template
from leadflow.plan.kinds import BUILT_IN, PREDECLARED
from leadflow.plan.plan import AgentCall, AgentSpec, Do, FlowCall, FlowPlan, For, Node, Parallel, Plan, Race, Repeat
from leadflow.plan.policy import (
    ERROR_CLASSES,
    Applied,
    Budget,
    Concurrency,
    ErrorClass,
    Fallback,
    Jitter,
    Limit,
    OnError,
    PerTime,
    Policy,
    Reaction,
    Retry,
    Timeout,
    policy_of,
)
from leadflow.plan.reactions import stand_ins
from leadflow.plan.tokens import BYTES_PER_TOKEN, HINT, PER_MESSAGE, PER_REQUEST, schema_tokens, text_tokens
from leadflow.plan.types import JSON, STRING, LiteralType, Money, Type, UnionType
from leadflow.policies.budget import Charge, Purse
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.renewal import Renewable
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.resources import prices_text
from leadflow.run.adapters import SeededRng
from leadflow.run.driver import Bounds, Driver, Ports
from leadflow.run.errors import FunctionFailed, RateLimited, Transient
from leadflow.run.kernel import Program
from leadflow.run.ports import Reply, Request
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.plans import NOWHERE
from tests.policies.playing import CLOCK, forever, s
from tests.run.random_plans import plans

PRICES: Prices = read_prices(prices_text())
WORDS = UnionType((LiteralType("yes"), LiteralType("no")))
JITTERS: Sequence[Jitter] = ("full", "equal", "decorrelated", "none")


def known(calls: int | None = None) -> Known:
    """All built-in kinds and published prices."""
    return Known({**BUILT_IN, **PREDECLARED}, PRICES, {}, calls)


def plain(figure: Figure) -> int:
    """The number that a figure is."""
    assert figure.is_plain, figure
    return figure.known


# --- programs -----------------------------------------------------------------------------------------------------


@st.composite
def spending_plans(draw: st.DrawFn, *, calm: bool = False) -> Plan:
    """A program of every construct whose calls go to models and functions under policies that bound them.

    `calm`: each call has `LIMIT` and no other policy, so that its bound is close to what patient agents take.
    """
    made, chance = draw(plans()), Random(draw(st.integers(0, 2**32)))
    rich = not calm and draw(st.booleans())
    agents = {name: _agent(name, chance) for name in AGENTS}
    flows = {name: _spending(flow, chance, calm=calm) for name, flow in made.flows.items()}
    if rich:
        flows = {name: _budgeted(flow, chance) for name, flow in flows.items()}
    return replace(made, flows=flows, agents=agents)


def _budgeted(flow: FlowPlan, chance: Random) -> FlowPlan:
    """The flow with budgets on some of its steps, and perhaps on all of it."""
    nodes = [replace(node, policies=_more(node.policies, chance)) if _may_pay(node) else node for node in flow.nodes]
    return replace(flow, nodes=tuple(nodes), policies=_more(flow.policies, chance))


def _may_pay(node: Node) -> bool:
    return isinstance(node.work, AgentCall | FlowCall | For | Repeat | Parallel | Race | Do)


def _more(policies: tuple[Applied, ...], chance: Random) -> tuple[Applied, ...]:
    if chance.random() < 0.7:
        return policies
    money, tokens, calls = Money(10 ** chance.randint(2, 5)), chance.randint(100, 3000), chance.randint(1, 6)
    some = (money if chance.random() < 0.6 else None, tokens if chance.random() < 0.4 else None)
    return (*policies, Applied("budget", Budget(*some, calls), "step", ""))


LIMIT = Timeout(total=s(200))


def _agent(name: str, chance: Random) -> AgentSpec:
    shared = (_on_agent(Concurrency(chance.randint(1, 3))),) if chance.random() < 0.4 else ()
    if name[0] == "f":
        shared = (*shared, *((_on_agent(_limit(chance)),) if chance.random() < 0.3 else ()))
        return AgentSpec(name, "python", {"module": "f.py"}, shared, name, NOWHERE)
    model: dict[str, str | int | Money | dict[str, Money]] = {"model": "gpt-5-mini", "max_tokens": chance.randint(1, 9)}
    if chance.random() < 0.5:
        model["price"] = {"input": Money(chance.randint(0, 10**7)), "output": Money(chance.randint(0, 10**8))}
    if chance.random() < 0.5:
        model["system"] = "Be brief. é" * chance.randint(0, 3)
    return AgentSpec(name, "openai", model, shared, name, NOWHERE)


def _limit(chance: Random) -> Limit:
    """Rates that make calls wait."""
    rates = [PerTime(chance.randint(1, 4), s(chance.choice([0.5, 1, 10, 3600]))) for _ in range(chance.randint(1, 2))]
    burst, places = chance.choice([None, None, 1, 2]), chance.choice([None, None, 1, 2])
    return Limit(tuple(rates), None, places, burst)


def _on_agent(policy: Policy) -> Applied:
    return Applied(_name(policy), policy, "agent", "")


def _name(policy: Policy) -> str:
    return "on_error" if isinstance(policy, OnError) else type(policy).__name__.lower()


def _spending(flow: FlowPlan, chance: Random, *, calm: bool) -> FlowPlan:
    return replace(flow, nodes=tuple(_node(node, chance, calm=calm) for node in flow.nodes))


def _node(node: Node, chance: Random, *, calm: bool) -> Node:
    undo = node.undo
    if undo is not None and isinstance(undo.work, AgentCall):
        args = [arg for _, arg in undo.work.args]
        work, policies = _spends(undo.work, args, chance, calm=calm)
        node = replace(node, undo=replace(undo, work=work, policies=policies))
    if not isinstance(node.work, AgentCall):
        return node
    work, policies = _spends(node.work, [arg for _, arg in node.work.args], chance, calm=calm)
    kept = tuple(a for a in node.policies if not isinstance(a.policy, Retry | Timeout | Concurrency))
    return replace(node, work=work, policies=(*policies, *kept))


def _spends(
    call: AgentCall, reads: Sequence[Expr], chance: Random, *, calm: bool
) -> tuple[AgentCall, tuple[Applied, ...]]:
    """A call that costs something, and its policies."""
    prompt = Template(("Say it. ", *reads))
    agent, policies = chance.choice(["m1", "m2", "m3", "f1"]), _policies(chance)
    if calm:
        policies = (_on_agent(LIMIT),)
    others = stand_ins(policies)
    # nothing but its type bounds what a function gives
    kinds: list[Type] = [WORDS] if "f1" in (agent, *others) else [STRING, JSON, WORDS]
    result = chance.choice(kinds)
    args = (("prompt", prompt),)
    work = replace(call, agent=agent, action="ask", args=args, result=result, declared=result != STRING)
    return work, policies


def _policies(chance: Random) -> tuple[Applied, ...]:
    total, attempt = s(chance.choice([1, 4, 20])), s(chance.choice([0.5, 2, 7]))
    both = chance.random()
    timeout = Timeout(None if both < 0.4 else total, None if both > 0.7 else attempt)
    found: list[Policy] = [timeout]
    reactions = _reactions(chance)
    if reactions or chance.random() < 0.5:
        asked = s(chance.choice([0, 3, 60]))
        found.append(
            Retry(chance.randint(1, 3), s(chance.choice([0.1, 2])), 2.0, s(3), chance.choice(JITTERS), None, asked)
        )
    if chance.random() < 0.3:
        found.insert(0, Fallback(tuple(chance.sample(AGENTS, chance.randint(1, 2)))))
    if reactions:
        found.append(OnError(reactions))
    return tuple(Applied(_name(policy), policy, "step", "") for policy in found)


AGENTS = ["m1", "m2", "m3", "f1"]


def _reactions(chance: Random) -> tuple[tuple[ErrorClass, Reaction], ...]:
    """What follows some classes of failures; most often nothing is said."""
    if chance.random() < 0.6:
        return ()
    can = [Reaction("retry", chance.randint(1, 5)), Reaction("reset"), Reaction("skip")]
    can += [Reaction(does, agent=chance.choice(AGENTS)) for does in ("fallback", "escalate")]
    classes = chance.sample(ERROR_CLASSES, chance.randint(1, len(ERROR_CLASSES)))
    return tuple((category, chance.choice(can)) for category in classes)


# --- agents -------------------------------------------------------------------------------------------------------


@dataclass
class Spent:
    """All that a run took."""

    calls: int = 0
    tokens: int = 0
    trillionths: int = 0
    """Of dollars, times a million."""
    seconds: float = 0.0


@dataclass
class Spender:
    """An agent that costs as much as it may, and often all the time that it is given."""

    spec: AgentSpec
    spent: Spent
    chance: Random
    greed: float
    """How often it does not simply answer."""
    pace: timedelta | None
    """How long it takes to answer; None: this time so, that time otherwise."""

    async def call(self, request: Request) -> Reply:
        """One attempt."""
        self.spent.calls += 1
        self._charge(request)
        if self.chance.random() < self.greed:
            await self._be_difficult(request)
        await CLOCK.sleep(s(self.chance.choice([0.0, 0.25, 0.5, 1.9])) if self.pace is None else self.pace)
        return Reply(self._answer(request))

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _be_difficult(self, request: Request) -> None:
        match self.chance.randint(0, 6):
            case 0:
                await forever()
            case 1:
                await self._deaf(s(self.chance.choice([1.0, 4.9, 8.0])))
            case 2:
                raise Transient("later")
            case 3:
                await CLOCK.sleep(s(0.4))
                self._charge(request, -1)  # what is turned away costs nothing
                if policy_of(self.spec.policies, Limit) is not None:
                    raise Transient("no server, so nobody says when")
                raise RateLimited("slowly", retry_after=s(self.chance.choice([0.0, 2.0, 59.0, 61.0])))
            case 4:
                raise FunctionFailed("no")
            case _:
                await CLOCK.sleep(s(6.9))

    async def _deaf(self, duration: timedelta) -> None:
        """Cleans up for a while when it is told to stop, whoever tells it again."""
        try:
            await forever()
        finally:
            end = CLOCK.monotonic() + duration.total_seconds()
            while (left := end - CLOCK.monotonic()) > 1e-6:
                try:
                    await CLOCK.sleep(s(left))
                except asyncio.CancelledError:
                    continue

    def _answer(self, request: Request) -> object:
        if self.chance.random() < 0.1 * self.greed:
            return 7 if request.result != JSON else float("nan")
        if request.result == WORDS:
            return self.chance.choice(["yes", "no"])
        most = self.spec.settings.get("max_tokens", 3)
        room = (most if isinstance(most, int) else 3) * BYTES_PER_TOKEN
        if request.result == STRING:
            return self.chance.choice(["yes", "x" * room, "\u0001" * room, '"' * room])
        return self.chance.choice(["no", "x" * (room - 2), ["é", {"k": "\n"}], [1e9] * (room // 4), {"a": {}}])

    def _charge(self, request: Request, times: int = 1) -> None:
        """What a provider would charge that counts a token for every byte."""
        settings = self.spec.settings
        if "model" not in settings:
            return
        texts = [str(request.args["prompt"]), *filter(None, [settings.get("system")])]
        if request.repair is not None:
            texts.append(request.repair[:HINT] + 80 * "h")
        read = PER_REQUEST + sum(PER_MESSAGE + text_tokens(str(text)) for text in texts)
        if request.declared:
            read += schema_tokens(request.result)
        most, price = settings["max_tokens"], settings.get("price")
        assert isinstance(most, int)
        each = (250_000, 2_000_000)
        if isinstance(price, dict):
            each = (price["input"].micros, price["output"].micros)
        self.spent.tokens += times * (read + most)
        self.spent.trillionths += times * (read * each[0] + most * each[1])


def _same(agent: Spender) -> Spender:
    return agent


def spend(plan: Plan, *, seed: int, greed: float, calls: int | None, pace: timedelta | None = None) -> Spent:
    """Run a program to its end, and add up."""
    spent, chance = Spent(), Random(seed)
    agents = {name: Spender(spec, spent, chance, greed, pace) for name, spec in plan.agents.items()}
    anew = {name: Renewable(agent, partial(_same, agent)) for name, agent in agents.items()}
    prices = prices_of(plan, known())
    charges = {name: Charge(one.price.input, one.price.output or 0, one.price.request) for name, one in prices.items()}
    purse = Purse(charges) if has_budgets(plan, plan.main or "") else None
    stack = Stack(plan.agents, anew, PolicyPorts(CLOCK, SeededRng(seed), Shared()), purse=purse)

    async def main() -> None:
        driver = Driver(Program(plan), Ports(stack, MemoryJournal(CLOCK), CLOCK), Bounds(calls=calls))
        begun = CLOCK.monotonic()
        await driver.run(RunStarted("run-1", plan.main or "", plan.hash, {}, seed, CLOCK.now()))
        spent.seconds = CLOCK.monotonic() - begun

    run_virtual(main())
    return spent
