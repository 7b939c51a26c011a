"""`@on_error` on the real stack against its model: random policies, random failures, calls beside each other."""

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from leadflow.events.model import ErrorHandled, Failure
from leadflow.plan.policy import Does, ErrorClass, Fallback, OnError, Policy, Reaction, Retry
from leadflow.plan.types import INT
from leadflow.run.errors import (
    AuthFailed,
    CallError,
    ConnectFailed,
    ConnectionLost,
    Declined,
    FunctionFailed,
    RateLimited,
    Rejected,
    ServerError,
)
from leadflow.run.ports import Answer, Reply, Request
from leadflow.testing import run_virtual
from tests.policies.models import on_error as naive
from tests.policies.models.runs import RUNS
from tests.policies.playing import CLOCK, Played, Player, Scene, s

ERRORS: Mapping[str, CallError] = {
    "lost": ConnectionLost("lost"),
    "refused": ConnectFailed("refused", sent=False),
    "broken": ServerError("broken", status=500),
    "declined": Declined("declined"),
    "no": Rejected("no"),
    "auth": AuthFailed("auth"),
    "busy": RateLimited("busy"),
    "lazy": FunctionFailed("lazy"),
}
NAMES = {error.error: end for end, error in ERRORS.items()} | {"validation.answer": "text"}
AGENTS = ("main", "spare", "desk")
SCRIPT: ContextVar[dict[str, list[str]]] = ContextVar("script")
LOG: ContextVar[list[str]] = ContextVar("log")


class Scripted(Player):
    """An instance of an agent; its acts are those of the call that asks it."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__()
        self.name, self.number = name, number

    async def call(self, request: Request) -> Reply:
        """A second, and then the next act of the call."""
        LOG.get().append(f"{self.name} {self.number}")
        await CLOCK.sleep(s(1))
        acts = SCRIPT.get()[self.name]
        end = acts.pop(0) if acts else "answer"
        if end in ERRORS:
            raise ERRORS[end]
        return Reply("text" if end == "text" else AGENTS.index(self.name))


ENDS = st.sampled_from(["answer", "text", *ERRORS])
CLASSES = sorted(set(naive.CLASSES.values()))
REACTIONS = st.one_of(
    st.tuples(st.just("retry"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["fallback", "escalate"]), st.sampled_from(AGENTS[1:])),
    st.tuples(st.sampled_from(["skip", "reset", "terminate"]), st.just(0)),
)
ACTS = st.lists(ENDS, max_size=4) | st.tuples(ENDS, st.integers(1, 5)).map(lambda pair: [pair[0]] * pair[1])
SCRIPTS = st.fixed_dictionaries({name: ACTS for name in AGENTS})


def policies(model: naive.Model) -> tuple[Policy, ...]:
    """The model's policies, as the stack has them."""
    on = None if model.on is None else tuple(cast(ErrorClass, name) for name in model.on)
    retry = Retry(model.attempts, s(1), 2.0, timedelta(days=1), "none", on)
    reactions: list[tuple[ErrorClass, Reaction]] = []
    for name, (does, given) in model.reactions.items():
        number, agent = (given or None, None) if isinstance(given, int) else (None, given)
        reactions.append((cast(ErrorClass, name), Reaction(cast(Does, does), number, agent)))
    chain = (Fallback(tuple(model.chain)),) if model.chain else ()
    return (*chain, retry, OnError(tuple(reactions)))


class Calls(RuleBasedStateMachine):
    """Calls of one step, some at the same time; what they share lives as long as the machine."""

    @initialize(
        attempts=st.integers(1, 4),
        on=st.none() | st.lists(st.sampled_from(CLASSES), max_size=3, unique=True),
        chain=st.lists(st.sampled_from(AGENTS[1:]), max_size=2, unique=True),
        reactions=st.dictionaries(st.sampled_from(CLASSES), REACTIONS, min_size=1),
        is_write=st.booleans(),
    )
    def begin(
        self,
        attempts: int,
        on: list[str] | None,
        chain: list[str],
        reactions: dict[str, naive.Reaction],
        is_write: bool,
    ) -> None:
        """Policies for a step."""
        self.model = naive.Model(attempts, on, chain, reactions, is_write)
        made = dict.fromkeys(AGENTS, 0)

        def another(name: str) -> Scripted:
            made[name] += 1
            return Scripted(name, made[name])

        self.scene = Scene(
            {name: Scripted(name, 0) for name in AGENTS},
            policies(self.model),
            INT,
            idempotent=not is_write,
            anew={name: partial(another, name) for name in AGENTS},
        )

    @rule(scripts=st.lists(SCRIPTS, min_size=1, max_size=4))
    def call(self, scripts: Sequence[dict[str, list[str]]]) -> None:
        """Calls that begin shortly after each other, each with its own acts."""
        copies = [{name: list(acts) for name, acts in script.items()} for script in scripts]
        wanted = naive.together(self.model, copies)
        assert wanted == run_virtual(self.together(scripts))
        for name in AGENTS:
            assert self.model.left(name) == self.scene.shared.upstream(name, name).retries.left

    @rule(count=st.integers(5, 30))
    def outage(self, count: int) -> None:
        """The first agent is down for a while: its further attempts run out."""
        self.call([{"main": ["lost"] * 5, "spare": [], "desk": []} for _ in range(count)])

    async def together(self, scripts: Sequence[dict[str, list[str]]]) -> list[tuple[str, float, list[str]]]:
        """Make the calls."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.one(script, 0.01 * number)) for number, script in enumerate(scripts)]
        return [task.result() for task in tasks]

    async def one(self, script: dict[str, list[str]], begins: float) -> tuple[str, float, list[str]]:
        """Make one."""
        log: list[str] = []
        SCRIPT.set(script)
        LOG.set(log)
        await CLOCK.sleep(s(begins))
        played = await self.scene.play(heard=lambda event: log.extend(decision(event)))
        return said(played), played.seconds, log


def decision(event: object) -> list[str]:
    """What the log says of a decision."""
    if not isinstance(event, ErrorHandled):
        return []
    return [" ".join(filter(None, (event.category, event.does, event.agent)))]


def said(played: Played) -> str:
    """How a call ended, in the words of the model."""
    match played.outcome:
        case Answer(None):
            return "none"
        case Answer(int() as value):
            return AGENTS[value]
        case Failure() as failure:
            mark = "run: " if failure.limit == "" else "doubt: " if failure.in_doubt else ""
            return mark + NAMES[failure.error]
        case other:
            raise AssertionError(other)


Calls.TestCase.settings = settings(max_examples=RUNS, stateful_step_count=6, deadline=None)
TestCalls = Calls.TestCase
