"""Clocks that jump: the wall clock is set, and a process that stood still goes on (cases K2 and K3)."""

import asyncio
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from leadflow.events.model import NodeFailed, Status
from leadflow.keeping import begin, held
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng, SystemClock
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.errors import ServerError
from leadflow.run.kernel import Program
from leadflow.run.ports import BREATH, Reply, Request
from leadflow.stores.memory import MemoryJournal
from leadflow.stores.sqlite import LEASE
from leadflow.testing import JumpLoop, run_virtual
from tests.policies.playing import Player, after
from tests.run.fakes import compiled, started
from tests.simulation.inline import InlineStore, fast_folder

CLOCK = SystemClock()
AN_HOUR = 3600.0
TIMED = {
    "each step": compiled("""flow f() -> string {
  @timeout(30s) step a = look("1")
  @timeout(40s, attempt: 20s) step b = look("2")
  step c = look("3")
  return "${a}${b}${c}"
}
"""),
    "all of them": compiled("""flow f() -> string {
  step d = g()
  return d
}
@timeout(1m) flow g() -> string {
  step a = look("1")
  step b = look("2")
  step c = look("3")
  return "${a}${b}${c}"
}
"""),
}


class Standing(JumpLoop):
    """A virtual loop whose process can stand still."""

    def stand_still(self, seconds: float) -> None:
        """The next turn comes so much later."""
        self._jump(seconds)


class Line:
    """An agent behind a real socket, which answers when it is told to."""

    def __init__(self) -> None:
        self._far: list[socket.socket] = []

    async def call(self, request: Request) -> Reply:
        """Wait for the answer."""
        near, far = socket.socketpair()
        near.setblocking(False)
        self._far.append(far)
        with near, far:
            said = await asyncio.get_running_loop().sock_recv(near, 1)
            for _ in range(5):  # it is read and looked at in some turns
                await CLOCK.sleep(timedelta(0))
            return Reply(said.decode())

    def answer(self) -> None:
        """The answers to all calls are there."""
        for number, far in enumerate(self._far, 1):
            far.send(str(number).encode())

    async def aclose(self) -> None:
        """Nothing is held."""


def stood_still(flow: str, *, answers: bool) -> tuple[Result, float]:
    """A run whose process stands still for an hour while its calls are under way: how it ends, and how much later.

    Args:
        answers: those of all calls come in that hour.
    """

    async def main() -> tuple[Result, float]:
        loop, line = asyncio.get_running_loop(), Line()
        assert isinstance(loop, Standing)

        def stands_still() -> None:
            if answers:
                line.answer()
            loop.stand_still(AN_HOUR)

        plan = TIMED[flow]
        stack = Stack(plan.agents, dict.fromkeys(plan.agents, line), PolicyPorts(CLOCK, SeededRng(1), Shared()))
        loop.call_later(1, stands_still)
        result = await Driver(Program(plan), Ports(stack, MemoryJournal(CLOCK), CLOCK)).run(started(plan))
        return result, loop.time() - 1 - AN_HOUR

    with asyncio.Runner(loop_factory=Standing) as runner:
        return runner.run(main())


@pytest.mark.parametrize("flow", TIMED)
def test_k3_answers_that_came_while_a_process_stood_still_are_heard(flow: str) -> None:
    """K3: all time limits are over in the turn in which it goes on, and so are the answers there: they count."""
    result, later = stood_still(flow, answers=True)
    assert (Status.DONE, "123") == (result.status, result.value)
    assert later < 0.1


@pytest.mark.parametrize(
    ("flow", "late"),
    [("each step", {"f/a": "timeout.total", "f/b": "timeout.attempt"}), ("all of them", {"f/d": "timeout.total"})],
)
def test_k3_what_has_no_answer_then_is_late(flow: str, late: Mapping[str, str]) -> None:
    """K3: a moment later, and what has a time limit only. The rest of it goes on."""
    result, later = stood_still(flow, answers=False)
    failed = [entry.event for entry in result.entries if isinstance(entry.event, NodeFailed)]
    assert (Status.FAILED, late) == (result.status, {each.path: each.failure.error for each in failed})
    assert BREATH.total_seconds() == pytest.approx(later)


# --- the wall clock ---------------------------------------------------------------------------------------------------

TRIED = compiled("""@limit(1 per minute) @read tool seldom(x: string) -> string = python("tools:seldom")
flow f() -> string {
  @timeout(2m, attempt: 20s) @retry(4, backoff: 8s, jitter: "none") step a = look("1")
  step b = seldom("2") after a
  step c = seldom("3") after b
  return "${a}${b}${c}"
}
""")


class Wall(SystemClock):
    """A wall clock that goes with the loop, and is set now and then."""

    def __init__(self) -> None:
        self.ahead = 0.0
        """Seconds."""

    def timestamp(self) -> float:
        """Seconds since the epoch: in the hour before the zones of Europe set their clocks back."""
        return 1_792_886_400.0 + self.ahead + self.monotonic()

    def now(self) -> datetime:
        """The same."""
        return datetime.fromtimestamp(self.timestamp(), UTC)


def set_by(seconds: float) -> tuple[Result, float, bool]:
    """A kept run whose wall clock is set by so much while it is under way: how it ends, how long it took, and whether
    another process could take it up, half a lease later."""

    async def main() -> tuple[Result, float, bool]:
        clock = Wall()
        player = Player(ServerError("busy", status=500), after(10_000), ServerError("busy", status=500), after(5, "x"))
        with fast_folder() as folder:
            store, other = (InlineStore(Path(folder) / "journal.db", clock) for _ in range(2))
            await store.open()
            await other.open()

            async def takes_up() -> bool:
                await clock.sleep(timedelta(seconds=10))
                clock.ahead = seconds
                await clock.sleep(LEASE / 2)
                return await other.claim("run-1") is not None

            stack = Stack(
                TRIED.agents,
                dict.fromkeys(TRIED.agents, player),
                PolicyPorts(clock, SeededRng(1), Shared()),
            )
            taking = asyncio.get_running_loop().create_task(takes_up())
            begun = started(TRIED)
            async with held(store, await begin(store, begun, TRIED, Bounds()), clock) as journal:
                result = await Driver(Program(TRIED), Ports(stack, journal, clock)).run(begun)
            took = clock.monotonic()
            is_taken = await taking
            await store.aclose()
            await other.aclose()
            return result, took, is_taken

    return run_virtual(main())


@pytest.mark.parametrize(
    "seconds", [AN_HOUR, -AN_HOUR, 1.0, -1.0], ids=["summer", "winter", "a second", "a leap second"]
)
def test_k2_a_wall_clock_that_is_set_changes_no_run(seconds: float) -> None:
    """K2: its limits, pauses and rates are as long as ever, its log is the same but for its times, and it stays whose
    it is: a claim that ends by the new time is renewed before half a lease is over."""
    result, took, is_taken = set_by(seconds)
    calm, usual, _ = set_by(0)
    assert (Status.DONE, "xxx", False) == (result.status, result.value, is_taken)
    assert [entry.event for entry in calm.entries] == [entry.event for entry in result.entries]
    assert took == pytest.approx(usual, abs=1e-6)
    assert seconds == pytest.approx(result.entries[-1].at - calm.entries[-1].at, abs=1e-3)
