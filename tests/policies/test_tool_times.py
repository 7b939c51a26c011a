"""How long tools take whose time is over, or whose run is stopped: what does not stop is left behind (case T8), and
nothing goes on behind the end of the run (case X1)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from leadflow.events.model import Status
from leadflow.run.driver import Driver, Result
from leadflow.run.errors import ConnectionLost, Rejected
from leadflow.run.ports import Request
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Player, after, s
from tests.policies.talking import ASK, MODEL, asks, driver_of, talk, use
from tests.run.fakes import compiled, started

PEEK = '@read tool peek(x: string) -> string = python("tools:peek")\n'
FILE = "flow file(x: string) -> string {\n step a = put(x) undo UNDO\n step b = look(a)\n return b\n}\n"
"""A flow that writes, and looks then; the undo is made by the same function."""
DEEP = (
    "flow deep(x: string) -> string {\n step e = fast.ask(x)\n return e\n}\n"
    + MODEL.replace("TOOLS", "deep").replace("fast", "upper")
    + ASK.replace("fast", "upper")
)
"""A model that uses a flow as a tool in which a model does."""
WITH_FILE = FILE.replace("UNDO", 'put("back")') + MODEL.replace("TOOLS", "file") + ASK
BRIEF = MODEL.replace("] }", "]  loop: { time: 1s } }")
FAST = asks(use("file", x="1"))


async def hears_nothing(request: Request) -> str:
    """Works for a thousand seconds, and does not stop when it is told to."""
    end = CLOCK.monotonic() + 1000.0
    while (rest := end - CLOCK.monotonic()) > 1e-6:
        with suppress(asyncio.CancelledError):
            await CLOCK.sleep(s(rest))
    return "late"


def stepped(annotation: str, text: str = MODEL + ASK) -> str:
    """With an annotation on the step."""
    return text.replace(" step a = fast", f" {annotation}\n step a = fast")


def test_t8_a_tool_that_does_not_stop_is_left_behind_at_its_own_time() -> None:
    """T8: a grace after its timeout the model hears of it, and goes on."""
    text = PEEK.replace("tool", "@timeout(1s) tool") + MODEL.replace("TOOLS", "peek") + ASK
    told = talk(text, {"fast": Player(asks(use("peek", x="1")), "done"), "peek": Player(hears_nothing)})
    assert ("done", 6.0) == (told.result.value, told.result.entries[-1].at)
    assert ["error: peek took longer than 1 s in all; it does not stop and is left behind"] == told.texts()


def test_t8_a_write_that_is_left_behind_at_its_own_time_is_in_doubt() -> None:
    """T8, C3: no model is asked what to do about it."""
    text = PEEK.replace("@read tool", "@timeout(1s) tool") + MODEL.replace("TOOLS", "peek") + ASK
    fast = Player(asks(use("peek", x="1")), "never")
    told = talk(text, {"fast": fast, "peek": Player(hears_nothing)})
    assert (True, 6.0, 1) == (told.failure.in_doubt, told.result.entries[-1].at, len(fast.requests))


@pytest.mark.parametrize(
    ("model", "annotation", "error"),
    [(MODEL, "@timeout(1s)", "timeout.total"), (BRIEF, "", "resource.loop_time")],
    ids=["of the step", "of the loop"],
)
@pytest.mark.parametrize("uses", [1, 3])
def test_t8_tools_that_do_not_stop_are_left_behind_at_the_time_of_their_step(
    model: str, annotation: str, error: str, uses: int
) -> None:
    """T8: a grace behind it, however many of them read side by side."""
    text = stepped(annotation, PEEK + model.replace("TOOLS", "peek") + ASK)
    fast = Player(asks(*(use("peek", x=str(number)) for number in range(uses))))
    told = talk(text, {"fast": fast, "peek": Player(hears_nothing)})
    assert (error, False, 6.0) == (told.failure.error, told.failure.in_doubt, told.result.entries[-1].at)


def test_t8_a_turn_that_does_not_stop_is_left_behind_at_the_time_of_the_loop() -> None:
    """T8: the model itself, a grace behind it."""
    text = BRIEF.replace("TOOLS", "look") + ASK
    told = talk(text, {"fast": Player(hears_nothing), "look": Player("never")})
    assert ("resource.loop_time", 6.0) == (told.failure.error, told.result.entries[-1].at)


def test_a_fallback_goes_on_behind_a_read_that_is_left_behind() -> None:
    """F1: it hears that nothing was heard of it."""
    other = 'agent other: openai { model: "n"  max_tokens: 100  tools: [peek] }\n'
    text = PEEK + other + "@timeout(1s) @fallback(other)\n" + MODEL.replace("TOOLS", "peek") + ASK
    other_model = Player("done")
    told = talk(text, {"fast": Player(asks(use("peek", x="1"))), "other": other_model, "peek": Player(hears_nothing)})
    assert ("done", [6.0]) == (told.result.value, other_model.at)


@pytest.mark.parametrize("tool", ["peek", "twice"])
def test_t2_who_waits_for_an_equal_call_that_is_left_behind_makes_its_own(tool: str) -> None:
    """T2: also where that is a tool's, or one in a flow that is a tool."""
    text = PEEK.replace("tool", "@cache(1h) tool") + MODEL.replace("TOOLS", tool)
    text += "flow twice(x: string) -> string {\n step c = peek(x)\n return c\n}\n"
    later = ' step z = look("0")\n step b = peek("1") after z\n return "${a ?? "-"} ${b}"'
    text += stepped("@optional @timeout(1s)", ASK.replace(" return a", later))
    peek = Player(hears_nothing, after(1, "seen"))
    told = talk(text, {"fast": Player(asks(use(tool, x="1"))), "peek": peek, "look": Player(after(0.5))})
    assert ("- seen", [0.0, 6.0]) == (told.result.value, peek.at)


@pytest.mark.parametrize(
    ("put", "look", "undo", "ends", "writes"),
    [
        ([after(60)], "seen", "none", 5.0, [0.0]),
        ([hears_nothing], "seen", "none", 10.0, [0.0]),
        (["written", after(300)], after(60), 'put("back")', 305.0, [0.0, 5.0]),
        (["written", "undone"], hears_nothing, 'put("back")', 10.0, [0.0, 10.0]),
    ],
    ids=["a write stops", "a write does not stop", "an undo takes its time", "a read does not stop"],
)
def test_t8_a_flow_ends_when_the_time_of_its_step_is_over(
    put: list[Act], look: Act, undo: str, ends: float, writes: list[float]
) -> None:
    """T8, S1: what is under way in it is cut off at once, and then it takes back what it did."""
    text = stepped("@timeout(5s)", FILE.replace("UNDO", undo) + MODEL.replace("TOOLS", "file") + ASK)
    player = Player(*put)
    told = talk(text, {"fast": Player(FAST), "put": player, "look": Player(look)})
    assert ("timeout.total", True) == (told.failure.error, told.failure.in_doubt)
    assert (ends, writes) == (told.result.entries[-1].at, player.at)


def test_s1_an_undo_in_a_flow_has_the_time_of_its_own_agent() -> None:
    """S1: its timeout and its attempts, though the time of the step is over."""
    back = '@idempotent @timeout(10s) @retry(2, backoff: 1s, jitter: "none") '
    back += 'tool back() -> string = python("tools:back")\n'
    text = FILE.replace("UNDO", "back()") + MODEL.replace("TOOLS", "file") + ASK
    taking_back = Player(after(1, ConnectionLost("gone")), after(60))
    told = talk(
        back + stepped("@timeout(5s)", text),
        {"fast": Player(FAST), "put": Player("written"), "look": Player(after(60)), "back": taking_back},
    )
    assert ([5.0, 7.0], 15.0) == (taking_back.at, told.result.entries[-1].at)


def steered(
    steer: Callable[[Driver], None], *put: Act, look: Act, text: str = WITH_FILE
) -> tuple[Result, list[float], float]:
    """A run whose model uses the flow, how it ended, when the write and its undo were called, and when it ended."""
    plan, player = compiled(text), Player(*put)
    players = {"fast": Player(FAST, "done"), "put": player, "look": Player(look)}
    players["upper"] = Player(asks(use("deep", x="1")), "done")

    async def main() -> tuple[Result, float]:
        driver = driver_of(plan, players, journal=MemoryJournal(CLOCK))
        steer(driver)
        result = await driver.run(started(plan))
        assert 1 == len(asyncio.all_tasks())
        return result, CLOCK.monotonic()

    result, end = run_virtual(main())
    return result, player.at, end


def at(seconds: float, act: Callable[[], None]) -> None:
    """Do it then."""
    asyncio.get_running_loop().call_later(seconds, act)


@pytest.mark.parametrize("text", [WITH_FILE, WITH_FILE.replace(ASK, DEEP)], ids=["a flow", "a flow in a flow"])
@pytest.mark.parametrize(
    ("look", "cancelled", "undoes"),
    [(after(100), 2, 12.0), (after(5, Rejected("no")), 6, 5.0)],
    ids=["it is cut off", "it takes back already"],
)
def test_x1_a_run_is_cancelled_when_its_flows_have_taken_back_what_they_did(
    look: Act, cancelled: float, undoes: float, text: str
) -> None:
    """X1: nothing of it is under way behind its last event."""
    undone = after(20, "undone")
    result, writes, end = steered(
        lambda driver: at(cancelled, lambda: driver.cancel("no")), "w", undone, look=look, text=text
    )
    assert (Status.CANCELLED, (), [0.0, undoes]) == (result.status, result.leaked, writes)
    assert undoes + 20.0 == result.entries[-1].at == end


@pytest.mark.parametrize("text", [WITH_FILE, WITH_FILE.replace(ASK, DEEP)], ids=["a flow", "a flow in a flow"])
def test_s3_who_insists_ends_what_a_flow_takes_back(text: str) -> None:
    """S3: the undo under way is cut off."""

    def steer(driver: Driver) -> None:
        at(2, lambda: driver.cancel("enough"))
        at(20, lambda: driver.cancel("now", force=True))

    result, writes, end = steered(steer, "written", after(100), look=after(100), text=text)
    assert (Status.CANCELLED, [0.0, 12.0], 20.0) == (result.status, writes, end)


def test_s3_who_insists_at_once_has_nothing_taken_back() -> None:
    """S3: no undo begins in a flow either."""
    result, writes, end = steered(
        lambda driver: at(2, lambda: driver.cancel("now", force=True)), "written", "never", look=after(100)
    )
    assert (Status.CANCELLED, [0.0], 2.0) == (result.status, writes, end)


def test_x8_a_run_that_is_paused_takes_nothing_back() -> None:
    """X8: a flow that is under way is let go; whether it wrote, somebody has to say when the run is resumed."""
    result, writes, end = steered(lambda driver: at(2, lambda: driver.pause("enough")), "written", look=after(100))
    assert (True, [0.0], 12.0) == (result.is_paused, writes, end)
