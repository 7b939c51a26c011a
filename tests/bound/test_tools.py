"""The bound of a step whose model uses tools: no run takes more, whatever the model asks for; and what has none."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.bound.asks import Known
from leadflow.bound.prices import read_prices
from leadflow.bound.report import Bound, bound_of
from leadflow.bound.worst import worst
from leadflow.events.model import ToolCalled, Usage
from leadflow.plan.kinds import BUILT_IN, LATER, PREDECLARED
from leadflow.plan.paths import NoSuchStep, find_steps
from leadflow.plan.plan import Plan
from leadflow.policies.budget import Charge
from leadflow.resources import prices_text
from leadflow.run.errors import ConnectionLost
from leadflow.run.ports import Reply, Request
from tests.policies.playing import Player, after
from tests.policies.talking import asks, talk, use
from tests.run.fakes import compiled

KNOWN = Known({**LATER, **BUILT_IN, **PREDECLARED}, read_prices(prices_text()), {}, 500)
HEAD = "flow double(x: string) -> string {\n step a = look(x: x)\n return a\n}\n"
AGENT = (
    'agent fast: openai { model: "gpt-5-mini"  max_tokens: 40  price: { input: $2, output: $8 }  '
    "tools: [look, double]  loop: { LOOP } }\n"
)
ASK = 'flow f() -> string {\n step a = fast.ask("go")\n return a\n}\n'


def text_of(loop: str, attempts: int) -> str:
    """A flow that asks a model with tools."""
    policies = f"@retry({attempts}, backoff: 1ms, max_retry_after: 1s)\n@timeout(attempt: 30s)\n"
    return HEAD + policies + AGENT.replace("LOOP", loop) + ASK


def bound(plan: Plan) -> Bound:
    """Of the flow `f`."""
    return bound_of(plan, "f", KNOWN, {})


class Greedy(Player):
    """A model that takes all that it may: asks for tools as often as it likes, fails, and writes to the end."""

    def __init__(self, chance: Random, patience: int) -> None:
        super().__init__()
        self._chance, self._patience = chance, patience
        self.tokens = self.money = 0

    async def call(self, request: Request) -> Reply:
        """Another turn."""
        self.requests.append(request)
        said = sum(len(result.text) for exchange in request.exchanges for result in exchange.results)
        read, written = self._chance.randint(1, 2 + said), self._chance.randint(0, 40)
        self.tokens += read + written
        self.money += -(-(read * 2_000_000 + written * 8_000_000) // 1_000_000)
        if self._chance.random() < 0.2:
            raise ConnectionLost("it broke")
        if len(self.requests) >= self._patience:
            return Reply("done", Usage(read, written))
        names = [self._chance.choice(["look", "double", "none"]) for _ in range(self._chance.randint(1, 4))]
        uses = [use(name, x=str(self._chance.randint(0, 10**6))) for name in names]
        return asks(*uses, usage=Usage(read, written))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 3))
def test_no_run_takes_more(seed: int, patience: int, attempts: int) -> None:
    """Tokens, money, calls and time of random conversations stay within what `plan` says of them."""
    chance = Random(seed)
    loop = f"turns: {chance.randint(1, 6)}, calls: {chance.randint(1, 9)}, time: 20s"
    loop += f", tokens: {chance.choice([500, 5_000])}"
    text = text_of(loop, attempts)
    most = bound(compiled(text))
    greedy, look = Greedy(chance, patience), Player(after(chance.random() * 3, "x" * chance.randint(0, 400)))
    told = talk(text, {"fast": greedy, "look": look}, charges={"fast": Charge(2_000_000, 8_000_000)})
    assert all(figure.is_plain for figure in (most.tokens, most.money, most.calls, most.time))
    assert greedy.tokens <= most.tokens.known
    assert greedy.money <= most.money.known
    assert len(greedy.requests) + len(look.requests) <= most.calls.known
    assert told.result.entries[-1].at * 1_000_000 <= most.time.known
    assert sum(isinstance(entry.event, ToolCalled) for entry in told.result.entries) <= 9 + 4


def test_turns_and_tokens_bound_what_a_model_reads() -> None:
    """Whatever tools give comes back with each turn: `max_input_tokens` times turns, or the tokens of the loop."""
    plain = bound(compiled(text_of("turns: 3, tokens: 90_000", 1)))
    assert 90_000 == plain.tokens.known
    narrow = text_of("turns: 3, tokens: 90_000", 1).replace("max_tokens", "max_input_tokens: 1_000  max_tokens")
    assert 3 * 1_040 == bound(compiled(narrow)).tokens.known


def test_calls_are_turns_and_tools() -> None:
    """Three turns tried twice, and the dearest tool as often as the loop allows."""
    assert 3 * 2 + 5 * 1 == bound(compiled(text_of("turns: 3, calls: 5", 2))).calls.known


def test_the_time_of_a_loop_bounds_the_step() -> None:
    """Without any timeout of tools: the loop's own, and what a cut-off call may take to clean up."""
    plan = compiled(text_of("time: 20s", 1))
    time = bound(plan).time
    assert (True, 25) == (time.is_plain, time.known // 1_000_000)
    ways = find_steps(plan, "f.a")
    assert not isinstance(ways, NoSuchStep)
    assert (timedelta(seconds=25), "the time of its loop of tools") == (
        worst(plan, ways[0], KNOWN).time, worst(plan, ways[0], KNOWN).time_why,
    )  # fmt: skip


def test_each_turn_is_a_request_that_explain_counts() -> None:
    """Three turns tried twice: six requests to the model, also where `explain` tells of the step."""
    plan = compiled(text_of("turns: 3, calls: 5", 2))
    ways = find_steps(plan, "f.a")
    assert not isinstance(ways, NoSuchStep)
    found = worst(plan, ways[0], KNOWN)
    assert (6, "2 with fast in each of 3 turns") == (found.attempts, found.attempts_why)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("max_tokens: 40", ""), "agent 'fast' may answer at any length"),
        (("[look, double]", "[look, deep]"), "tool 'deep' asks the model of agent 'deep'"),
    ],
)
def test_what_has_no_bound_says_why(change: tuple[str, str], what: str) -> None:
    """An answer of any length; another model that is asked with whatever the first one makes up."""
    more = 'agent other: openai { model: "m"  max_tokens: 5 }\ntool deep(x: string) -> string = other.ask(x)\n'
    found = bound(compiled(more + text_of("turns: 3", 1).replace(*change)))
    assert found.tokens.is_endless
    assert what in next(cause.what for cause in found.tokens.causes)


UNDONE = (
    '@idempotent @timeout(30s) tool short(x: string) = python("tools:short")\n'
    '@idempotent @timeout(60s) tool long(x: string) = python("tools:long")\n'
    "flow one(x: string) {\n step a = put(x) undo short(x)\n}\n"
    "flow two(x: string) {\n step a = put(x) undo long(x)\n}\n"
)
"""Flows that are tools and take back what they wrote."""


def undone(loop: str, ask: str) -> Plan:
    """A flow whose model has such tools."""
    return compiled(UNDONE + AGENT.replace("look, double", "one, two").replace("LOOP", loop) + ask)


def test_a_flow_that_is_cut_off_takes_back_what_it_did() -> None:
    """Behind the time of the loop: one such flow at the most, with the time of its undo's own agent."""
    time = bound(undone("time: 20s", ASK)).time
    assert (True, 20 + 5 + 60 + 5) == (time.is_plain, time.known // 1_000_000)


@pytest.mark.parametrize(("above", "seconds"), [("", 20), ("@timeout(8s)\n", 8)])
def test_explain_counts_what_a_flow_takes_back(above: str, seconds: int) -> None:
    """Of a step with such tools, as `plan` does: no deadline, of the step or around it, is for what is taken back."""
    plan = undone("time: 20s", above + ASK)
    ways = find_steps(plan, "f.a")
    assert not isinstance(ways, NoSuchStep)
    told = worst(plan, ways[0], KNOWN)
    assert timedelta(seconds=seconds + 5 + 60 + 5) == told.time
    assert told.time_why.endswith(", then 1m5s for undos of a flow that is a tool")
    assert told.time == timedelta(microseconds=bound(plan).time.known)
