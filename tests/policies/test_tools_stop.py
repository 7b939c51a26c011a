"""A model that uses tools, in a step that is to stop: it has no further turn, and uses no further tool."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import pytest

from leadflow.events.model import CancelRequested, DoubtSettled, Entry, NodeCancelled, Status, ToolCalled
from leadflow.run.driver import Driver, Result
from leadflow.run.errors import ConnectFailed, Rejected
from leadflow.run.ports import Request
from leadflow.run.taken_up import Told
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Player, after, s
from tests.policies.talking import ASK, MODEL, asks, driver_of, talk, use
from tests.run.fakes import compiled, started

WRITES = MODEL.replace("TOOLS", "put, look") + ASK
BESIDE = (
    MODEL.replace("TOOLS", "put, look")
    + """
flow f() -> string {
  @optional
  step made = parallel {
    step a = fast.ask("go")
    step z = think("1")
  }
  return made?.a ?? "none"
}
"""
)
TRIED = (
    """
@idempotent @retry(9, backoff: 1s, jitter: "none") tool hold(x: string) = python("tools:hold")
"""
    + MODEL.replace("TOOLS", "hold")
    + ASK
)
PLAYS: TypeAlias = Mapping[str, Player]


def turns(tool: str) -> Player:
    """A model that asks for nine uses of a tool, one in each turn of a second."""
    return Player(*(after(1, asks(use(tool, x=str(number)))) for number in range(9)), "done")


def stopped(how: str, at: float, text: str, players: PLAYS) -> Result:
    """A run that somebody asks to cancel, or to pause."""
    plan = compiled(text)

    async def main() -> Result:
        driver = driver_of(plan, players, journal=MemoryJournal(CLOCK))
        asyncio.get_running_loop().call_later(at, getattr(driver, how), "enough")
        result = await driver.run(started(plan))
        assert 1 == len(asyncio.all_tasks())
        return result

    return run_virtual(main())


def resumed(entries: Sequence[Entry], text: str, players: PLAYS, told: Mapping[str, Told] | None = None) -> Result:
    """It goes on in another process."""

    def driver() -> Driver:
        return driver_of(compiled(text), players, journal=MemoryJournal(CLOCK, entries))

    return run_virtual(driver().resume(entries, told))


def ended(entries: Sequence[Entry], text: str) -> Result:
    """Somebody cancels it while nobody works on it."""
    driver = driver_of(compiled(text), {}, journal=MemoryJournal(CLOCK, entries))
    return run_virtual(driver.end(entries, CancelRequested("no more")))


def doubts(result: Result) -> list[str]:
    """The steps that were stopped and may be done."""
    return [one.event.path for one in result.entries if isinstance(one.event, NodeCancelled) and one.event.in_doubt]


def test_c1_nothing_begins_behind_the_failure_of_another_step() -> None:
    """C1, A5: the write that was sent ends, and the model is asked no more; nothing absorbs that the step is in doubt
    then (rule C3)."""
    fast, put = turns("put"), Player(after(1, "written"))
    told = talk(BESIDE, {"fast": fast, "put": put, "think": Player(after(3.5, Rejected("no")))})
    assert ([1.0, 3.0], [0.0, 2.0]) == (put.at, fast.at)
    assert (4.0, "system.in_doubt", "f/made/a") == (told.result.entries[-1].at, told.failure.error, told.failure.path)
    assert "f/made/z failed: it was cut off; nobody knows whether it was done" == told.failure.message


@pytest.mark.parametrize("how", ["cancel", "pause"])
@pytest.mark.parametrize(
    ("at", "begun"), [(0.5, []), (1.5, [1.0]), (2.5, [1.0])], ids=["first turn", "a write", "next turn"]
)
def test_x8_nothing_begins_behind_a_wish_to_stop(how: str, at: float, begun: list[float]) -> None:
    """X1, X8: what is under way ends, be it a turn or a write, and it is told whether something was written."""
    put = Player(after(1, "written"))
    result = stopped(how, at, WRITES, {"fast": turns("put"), "put": put})
    assert begun == put.at
    assert max(1.0, at + 0.5) == result.entries[-1].at
    assert (["f/a"] if begun and how == "cancel" else []) == doubts(result)


def test_what_a_turn_asks_for_beside_a_write_does_not_begin() -> None:
    """X8: of the uses of one turn those are run that had begun."""
    put = Player(after(1, "written"))
    fast = Player(asks(use("look", x="1"), use("put", x="2"), use("put", x="3"), use("look", x="4")), "done")
    result = stopped("cancel", 0.5, WRITES, {"fast": fast, "put": put, "look": Player("seen")})
    called = [one.event.tool for one in result.entries if isinstance(one.event, ToolCalled)]
    assert ["look", "put"] == called


def test_a_tool_has_no_further_attempt() -> None:
    """X8: between two attempts of a tool nothing of the step is under way."""
    hold = Player(ConnectFailed("refused"))
    result = stopped("cancel", 2.5, TRIED, {"fast": turns("hold"), "hold": hold})
    assert ([1.0, 2.0], Status.CANCELLED) == (hold.at, result.status)


def test_a_paused_step_that_has_written_is_in_doubt() -> None:
    """X8, D2: nothing is repeated quietly; whoever says that it may be done again has it begin anew."""
    result = stopped("pause", 2.5, WRITES, {"fast": turns("put"), "put": Player(after(1, "written"))})
    fast, put = Player(asks(use("put", x="1")), "done"), Player("written")
    waits = resumed(result.entries, WRITES, {"fast": fast, "put": put})
    assert (Status.WAITING, [], []) == (waits.status, fast.at, put.at)
    assert waits.failure is not None
    assert ["f/a"] == [cause.path for cause in waits.failure.causes]
    again = resumed(result.entries, WRITES, {"fast": fast, "put": put}, {"f/a": Told("retry")})
    assert (Status.DONE, 1) == (again.status, len(put.at))
    assert ["f/a"] == doubts(ended(result.entries, WRITES))


def test_what_a_paused_step_has_written_may_stand() -> None:
    """C7: also where it is begun anew, and that is turned away."""
    result = stopped("pause", 2.5, WRITES, {"fast": turns("put"), "put": Player(after(1, "written"))})
    again = resumed(result.entries, WRITES, {"fast": Player(Rejected("no"))}, {"f/a": Told("retry")})
    assert again.failure is not None
    assert ["system.interrupted", "agent.rejected"] == [one.error for one in again.failure.attempts]


def test_a_paused_step_that_has_only_read_goes_on_by_itself() -> None:
    """X8: its model may write, and has not: it begins anew, and nothing is in doubt."""
    result = stopped("pause", 2.5, WRITES, {"fast": turns("look"), "look": Player("seen")})
    fast = Player(asks(use("put", x="1")), "done")
    again = resumed(result.entries, WRITES, {"fast": fast, "put": Player("written")})
    assert (Status.DONE, 2) == (again.status, len(fast.at))
    (settled,) = [one.event for one in again.entries if isinstance(one.event, DoubtSettled)]
    assert "no attempt was under way" == settled.why


def test_a_tool_of_a_tool_does_not_begin() -> None:
    """X8: a model that another one uses as a tool stops like that."""
    inner = 'agent sage: openai { model: "m"  max_tokens: 100  tools: [put] }\n'
    asked = 'tool wise(q: string) -> string = sage.ask("${q}")\n'
    text = inner + asked + MODEL.replace("TOOLS", "wise") + ASK
    put = Player(after(1, "written"))
    fast = Player(asks(use("wise", q="1")), "done")
    result = stopped("cancel", 2.5, text, {"fast": fast, "wise": turns("put"), "put": put})
    assert ([1.0], Status.CANCELLED) == (put.at, result.status)


FLOWING = """
tool drop(x: string) = python("tools:drop")
flow both(x: string) -> string {
  step one = parallel {
    step p = put("${x} p") undo drop(p)
    step q = put("${x} q") undo drop(q)
  }
  step two = put("last") undo none after one
  return two
}
"""


@pytest.mark.parametrize(
    ("how", "dropped", "ends"), [("cancel", ["w p", "w q"], 4.0), ("pause", [], 3.0), ("fail", ["w p", "w q"], 4.0)]
)
def test_in_a_flow_that_is_a_tool_nothing_begins(how: str, dropped: list[str], ends: float) -> None:
    """C1, X8: its writes that are under way are awaited, then taken back, but where the run pauses."""
    text = FLOWING + (BESIDE if how == "fail" else WRITES).replace("[put", "[both, put")

    async def writes(request: Request) -> str:
        await CLOCK.sleep(s(3.0 if str(request.args["x"]).endswith("p") else 1.0))
        return f"w {request.args['x']}"[:2] + str(request.args["x"])[-1]

    fast, put, drop = Player(asks(use("both", x="1")), "done"), Player(writes), Player(after(0.5, "gone"))
    players = {"fast": fast, "put": put, "drop": drop, "think": Player(after(0.5, Rejected("no")))}
    result = talk(text, players).result if how == "fail" else stopped(how, 0.5, text, players)
    assert ([0.0, 0.0], dropped) == (put.at, [request.args["x"] for request in drop.requests])
    assert ends == result.entries[-1].at
    assert 1 == len(fast.at)


INSIDE = """
agent sage: openai { model: "m"  max_tokens: 100  tools: [put] }
agent lead: openai { model: "m"  max_tokens: 100  tools: [wise] }
flow wise() -> string {
  step w = sage.ask("go")
  return w
}
flow wiser() -> string {
  step w = lead.ask("go")
  return w
}
"""


@pytest.mark.parametrize("how", ["cancel", "pause", "fail"])
@pytest.mark.parametrize("tool", ["wise", "wiser"])
def test_a_model_in_a_flow_that_is_a_tool_stops(how: str, tool: str) -> None:
    """C1, X8: it has no further turn, and uses no further tool, as if it stood in the run itself."""
    text = INSIDE + (BESIDE if how == "fail" else WRITES).replace("[put", f"[{tool}, put")
    fast, lead = Player(asks(use(tool)), "done"), Player(asks(use("wise")), "done")
    sage, put = turns("put"), Player(after(1, "written"))
    players = {"fast": fast, "lead": lead, "sage": sage, "put": put, "think": Player(after(2.5, Rejected("no")))}
    result = talk(text, players).result if how == "fail" else stopped(how, 2.5, text, players)
    assert ([1.0], [0.0, 2.0], [0.0]) == (put.at, sage.at, fast.at)
    assert 3.0 == result.entries[-1].at
    error = None if result.failure is None else result.failure.error
    assert {"cancel": "run.cancelled", "pause": None, "fail": "system.in_doubt"}[how] == error
