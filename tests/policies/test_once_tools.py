"""`@once` in a flow that a model uses as a tool: what happens there stands in the log by other paths, and nothing of it
goes on when its run is resumed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from leadflow.events.model import (
    DoubtSettled,
    Entry,
    Event,
    Failure,
    FlowEvent,
    NodeDone,
    NodeFailed,
    NodeStarted,
    OnceFound,
    RunResumed,
    ToolCalled,
    ToolEnded,
    ToolStep,
    UndoBegan,
)
from leadflow.plan.plan import Plan
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.once import judge
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Granted, Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.claims import MemoryClaims
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.errors import Rejected
from leadflow.run.kernel import Program
from leadflow.run.nested import Nested
from leadflow.run.ports import Claim, Holding
from leadflow.run.taken_up import Told
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Player, after
from tests.policies.talking import ASK, MODEL, asks, use
from tests.run.fakes import compiled, started

FILE = """tool drop(x: string) = python("tools:drop")
flow file(x: string) -> string {
 @once(key: x) step a = put(x) undo drop(a)
 step b = look(a)
 return a
}
"""
PLAN = compiled(FILE + MODEL.replace("TOOLS", "file") + ASK)
SAFE = compiled(FILE.replace("@once", "@idempotent @once") + MODEL.replace("TOOLS", "file") + ASK)
CALL, PATH = "f/a~tools[0]", "f/a~tools[0]/file/a"


class House:
    """Runs of one journal, whose models use the tool."""

    def __init__(self, *put: Act, look: Sequence[Act] = ("seen",), plan: Plan = PLAN) -> None:
        self.plan = plan
        self.claims, self.shared, self.rng = MemoryClaims(), Shared(), SeededRng(0)
        self.players = {"put": Player(*put), "look": Player(*look), "drop": Player("gone")}

    async def run(self, run: str, uses: int = 1, behind: Sequence[Event] = ()) -> tuple[Result, list[str]]:
        """One run, whose model uses the tool so often; and what it is told."""
        program = Program(self.plan)
        nested = Nested(program, CLOCK, self.rng, journal=lambda: MemoryJournal(CLOCK), calls=None)
        model = Player(*[asks(use("file", x="order-7"))] * uses, "done")
        ports = PolicyPorts(CLOCK, self.rng, self.shared, claims=self.claims)
        granted = Granted({tool.key: tool for tool in self.plan.tools}, nested.run)
        stack = Stack(self.plan.agents, {"fast": model, **self.players}, ports, granted=granted)
        first = replace(started(self.plan), run=run)
        entries = [Entry(seq, CLOCK.timestamp(), event) for seq, event in enumerate((first, *behind))]
        journal = MemoryJournal(CLOCK, entries if behind else ())
        self.claims.add(run, journal)
        driver = Driver(program, Ports(stack, journal, CLOCK))
        again = {"f/a": Told("retry")}
        result = await (driver.resume(entries, again, owner="me") if behind else driver.run(first))
        return result, [told.text for said in model.requests[-1].exchanges for told in said.results]

    @property
    def asked(self) -> tuple[int, int]:
        """How often it was written and taken back."""
        return len(self.players["put"].requests), len(self.players["drop"].requests)


def test_the_next_run_has_the_value_of_the_first() -> None:
    """Nothing is written for a key that the tool of another run has used."""

    async def both() -> list[list[str]]:
        return [(await house.run(f"run-{number}"))[1] for number in (1, 2)]

    house = House("T-1", "T-2")
    assert ([["T-1"], ["T-1"]], (1, 0)) == (run_virtual(both()), house.asked)


def test_the_next_use_in_a_run_has_the_value_of_the_first() -> None:
    """It says whose value it is."""
    house = House("T-1", "T-2")
    result, told = run_virtual(house.run("run-1", uses=2))
    found = [entry.event for entry in result.entries if isinstance(entry.event, ToolStep)]
    assert [OnceFound("file/a", "run-1", PATH)] == [one.inner for one in found if isinstance(one.inner, OnceFound)]
    assert (["T-1", "T-1"], (1, 0)) == (told, house.asked)


def test_who_comes_meanwhile_waits() -> None:
    """A tool's call that is under way is waited for, like that of a step."""

    async def both() -> list[list[str]]:
        return [told for _, told in await asyncio.gather(house.run("run-1"), house.run("run-2"))]

    house = House(after(3, "T-1"), "T-2")
    assert ([["T-1"], ["T-1"]], (1, 0)) == (run_virtual(both()), house.asked)


def test_what_the_flow_took_back_may_be_done_again() -> None:
    """The flow failed, and undid its step: the next use makes the call."""
    house = House("T-1", "T-2", look=[Rejected("no", status=400), "seen"])
    _, told = run_virtual(house.run("run-1", uses=2))
    assert ("T-2", (2, 1)) == (told[-1], house.asked)


def test_what_the_flow_could_not_take_back_keeps_its_key() -> None:
    """Nobody does it a second time; and nobody waits for the undo, which is over with the tool's call."""
    house = House("T-1", "T-2", look=[Rejected("no", status=400)])
    house.players["drop"] = Player(Rejected("no", status=400))
    _, told = run_virtual(house.run("run-1", uses=2))
    assert told[-1].endswith(f"and step {PATH} of run run-1 was to be taken back, and was not")
    assert (1, 1) == house.asked


def test_nobody_waits_for_a_key_that_the_log_does_not_tell_of() -> None:
    """The key is taken when the log has the start of the step, so that it always tells what became of it."""
    taken: list[bool] = []

    class Looking(MemoryClaims):
        async def take(self, key: str, claim: Claim, instead: Claim | None) -> Claim:
            holding = await self.look(claim.run)
            assert holding is not None
            taken.append(ToolStep(CALL, NodeStarted("file/a")) in [entry.event for entry in holding.entries])
            return await super().take(key, claim, instead)

    house = House("T-1")
    house.claims = Looking()
    run_virtual(house.run("run-1"))
    assert [True] == taken


# --- a process that ends ------------------------------------------------------------------------------------------


def inner(*events: FlowEvent) -> tuple[Event, ...]:
    """What happened in the flow."""
    return tuple(ToolStep(CALL, event) for event in events)


CALLED = ToolCalled("f/a", 0, 1, "file", "write", {"x": "order-7"})
BEGUN: tuple[Event, ...] = (NodeStarted("f/a"), CALLED, *inner(NodeStarted("file/a")))


@pytest.mark.parametrize(("behind", "told", "asked"), [
    (BEGUN[:2], "T-1", 1),
    (BEGUN, "may have been done", 0),
    ((*BEGUN, *inner(NodeDone("file/a", "T-0"))), "T-0", 0),
    ((*BEGUN, *inner(NodeFailed("file/a", Failure("agent.rejected", "agent", "no", "file/a")))), "T-1", 1),
    ((*BEGUN, *inner(NodeDone("file/a", "T-0"), UndoBegan(("file/a",), None))), "was to be taken back, and was not", 0),
])  # fmt: skip
def test_a_flow_that_begins_again_does_not_do_again_what_may_be_done(
    behind: tuple[Event, ...], told: str, asked: int
) -> None:
    """Case D2: its path is that of before, and so it has the key; what the log says of that decides."""
    house = House("T-1")
    _, texts = run_virtual(house.run("run-1", behind=behind))
    assert (True, asked) == (texts[-1].endswith(told), house.asked[0])


def test_what_is_safe_to_repeat_is_done_again_by_itself() -> None:
    """Case R3: with the key of before; not what was to be taken back, because that may have happened."""
    back = inner(NodeDone("file/a", "T-0"), UndoBegan(("file/a",), None))
    for behind, asked in ((BEGUN, 1), ((*BEGUN, *back), 0)):
        house = House("T-1", plan=SAFE)
        run_virtual(house.run("run-1", behind=behind))
        assert asked == house.asked[0]


DONE = inner(NodeDone("file/a", 7))
REFUSED = inner(NodeFailed("file/a", Failure("resource.key", "resource", "no", "file/a")))
BACK = inner(UndoBegan(("file/a",), None))
OVER = ToolEnded("f/a", 0, "file", 1.0, None, 0)
RESUMED = (RunResumed("me"), DoubtSettled("f/a", "retry", "so"), CALLED)


@pytest.mark.parametrize(("events", "state"), [
    (BEGUN, "waits"),
    ((*BEGUN, OVER), "stuck"),
    ((*BEGUN, ToolEnded("f/a", 1, "file", 1.0, None, 0), NodeDone("f/b", 1)), "waits"),
    ((*BEGUN, NodeFailed("f/a", Failure("x", "system", "x", "f/a"))), "stuck"),
    ((*BEGUN, *RESUMED), "stuck"),
    ((*BEGUN, *RESUMED, *BEGUN[2:], *REFUSED), "stuck"),
    ((*BEGUN, *RESUMED, *BEGUN[2:], *DONE), "done"),
    ((*BEGUN, *DONE, *RESUMED, *BEGUN[2:]), "done"),
    ((*BEGUN, *DONE, OVER), "done"),
    ((*BEGUN, *DONE, *BACK), "waits"),
    ((*BEGUN, *DONE, *BACK, OVER), "stuck"),
    ((*BEGUN, *DONE, *BACK, *inner(NodeDone("file/a~undo", 1)), OVER), "free"),
    ((*BEGUN, *DONE, *BACK, *inner(NodeDone("file/a~undo", 1)), *RESUMED, *BEGUN[2:]), "waits"),
])  # fmt: skip
def test_what_became_of_a_step_in_a_tool_decides(events: tuple[Event, ...], state: str) -> None:
    """Every way in which the log of a run that is worked on can leave it."""
    holding = Holding([Entry(seq, 0.0, event) for seq, event in enumerate(events)], has_ended=False, is_under_way=True)
    assert state == judge(holding, Claim("r", PATH)).state
