"""`@once`: at most one run of a journal makes a call for a key, whatever becomes of that run."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from leadflow.events.model import (
    AttemptFailure,
    CallAdmitted,
    CallWaits,
    Entry,
    Event,
    Failure,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    OnceFound,
    RunStarted,
    Status,
    UndoBegan,
)
from leadflow.pipeline import compile_source
from leadflow.plan.types import Value
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.once import judge
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.claims import MemoryClaims
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.errors import ConnectFailed, ConnectionLost, Rejected
from leadflow.run.kernel import Program
from leadflow.run.ports import Claim, Holding
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Player, after, s

HEAD = """leadflow 1
agent main: python { module: "main.py" }
agent spare: python { module: "spare.py" }
"""
ONE = """flow f(k: string) -> int {
  @once(key: k)
  step a: int = main.put(k) undo main.drop(k)
  step b: int = spare.put("b") undo none
  return a
}"""


class House:
    """A journal in memory, and the runs in it."""

    def __init__(self, text: str, *script: object) -> None:
        plan, report = compile_source("test.flow", HEAD + text)
        assert plan is not None, [finding.message for finding in report.diagnostics]
        self.plan, self.claims = plan, MemoryClaims()
        self.main, self.spare = Player(*script), Player(1)

    async def run(
        self,
        run: str,
        key: str = "k",
        then: Callable[[Driver], Awaitable[None]] | None = None,
        behind: Sequence[Event] = (),
    ) -> Result:
        """The flow `f`; or what goes on of it behind these events, at which its process ended."""
        ports = PolicyPorts(CLOCK, SeededRng(1), Shared(), claims=self.claims)
        stack = Stack(self.plan.agents, {"main": self.main, "spare": self.spare}, ports)
        first = RunStarted(run, "f", self.plan.hash, {"k": key}, 1, CLOCK.now())
        entries = [Entry(seq, CLOCK.timestamp(), event) for seq, event in enumerate((first, *behind))]
        journal = MemoryJournal(CLOCK, entries if behind else ())
        self.claims.add(run, journal)
        driver = Driver(Program(self.plan), Ports(stack, journal, CLOCK))
        told = asyncio.ensure_future(then(driver)) if then is not None else None
        result = await (driver.resume(entries) if behind else driver.run(first))
        if told is not None:
            await told
        return result

    @property
    def asked(self) -> list[str]:
        """What the first agent was asked."""
        return [request.action for request in self.main.requests]


def in_turn(house: House, *keys: str) -> list[Result]:
    """Runs one after the other."""

    async def all_of_them() -> list[Result]:
        return [await house.run(f"run-{number}", key) for number, key in enumerate(keys)]

    return run_virtual(all_of_them())


def of(result: Result, kind: type[Event]) -> list[Event]:
    """The events of a kind."""
    return [entry.event for entry in result.entries if isinstance(entry.event, kind)]


def test_a_second_run_has_the_value_of_the_first() -> None:
    """Nothing is sent for a key that a run has used; another key is another call."""
    house = House(ONE, 7, 8)
    first, second, other = in_turn(house, "x", "x", "y")
    assert [7, 7, 8] == [first.unwrap(), second.unwrap(), other.unwrap()]
    assert ["put", "put"] == house.asked
    assert [[], [OnceFound("f/a", "run-0", "f/a")], []] == [of(one, OnceFound) for one in (first, second, other)]


def test_it_waits_for_a_call_that_is_under_way() -> None:
    """A run at the same time says for whom it waits, and takes what comes of it."""

    async def both() -> list[Result]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(house.run(f"run-{number}")) for number in range(5)]
        return [task.result() for task in tasks]

    house = House(ONE, after(2, 7))
    results = run_virtual(both())
    assert ([7] * 5, ["put"]) == ([result.unwrap() for result in results], house.asked)
    assert [CallWaits("f/a", "main", "run run-0, which makes the same call", None)] == of(results[1], CallWaits)


def test_what_was_not_done_is_done_by_the_next() -> None:
    """A call that was turned away, or never sent, gives the key up."""
    house = House(ONE, Rejected("no", status=400), ConnectFailed("nobody"), 9)
    first, second, third, fourth = in_turn(house, "x", "x", "x", "x")
    assert [Status.FAILED, Status.FAILED, Status.DONE, Status.DONE] == [
        one.status for one in (first, second, third, fourth)
    ]
    assert (9, ["put"] * 3) == (fourth.unwrap(), house.asked)


def test_who_waited_makes_the_call_that_another_one_could_not() -> None:
    """And says that it has its turn."""

    async def both() -> list[Result]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(house.run(f"run-{number}")) for number in range(2)]
        return [task.result() for task in tasks]

    house = House(ONE, after(2, Rejected("no", status=400)), 9)
    first, second = run_virtual(both())
    assert (Status.FAILED, 9) == (first.status, second.unwrap())
    assert 1 == len(of(second, CallAdmitted)) and [] == of(second, OnceFound)


def test_what_may_have_been_done_is_not_done_again() -> None:
    """A call of which nobody knows whether it was done keeps its key: the other run fails, and says where to look."""
    house = House(ONE, ConnectionLost("broke off"), 9)
    first, second = in_turn(house, "x", "x")
    assert first.failure is not None and second.failure is not None
    assert ("resource.key", ["put"]) == (second.failure.error, house.asked)
    told = "'@once' lets main.put be called once for this key, and step f/a of run run-0 may have been done"
    how = "when it does not stand, say so: `leadflow runs undo run-0 --undone f/a`"
    assert f"nothing was sent: {told}; {how}" == second.failure.message


def test_a_run_takes_back_only_what_it_did_itself() -> None:
    """Rule C7: the value of another run's call is not this one's to undo; and what its own run took back may be done
    anew."""

    async def three() -> list[Result]:
        first = await house.run("run-0")
        house.spare.script = (Rejected("no", status=400),)
        second = await house.run("run-1")
        return [first, second]

    house = House(ONE, 7)
    first, second = run_virtual(three())
    assert (7, Status.FAILED, (), ["put"]) == (first.unwrap(), second.status, second.undone, house.asked)


def test_what_was_taken_back_may_be_done_again() -> None:
    """A run that failed and undid its step has given the key up."""

    async def both() -> list[Result]:
        house.spare.script = (Rejected("no", status=400),)
        first = await house.run("run-0")
        house.spare.script = (1,)
        return [first, await house.run("run-1")]

    house = House(ONE, 7)
    first, second = run_virtual(both())
    assert (Status.FAILED, ("f/a",), 7) == (first.status, first.undone, second.unwrap())
    assert ["put", "drop", "put"] == house.asked


def test_two_steps_of_a_run_are_two_runs_in_this() -> None:
    """The key belongs to the agent and the action, not to the step."""
    text = """flow f(k: string) -> list[int] {
      @once(key: k) step a: int = main.put("1") undo none
      @once(key: k) step b: int = main.put("2") undo none
      @once(key: k) step c: int = main.other("2") undo none
      @once(key: k) step d: int = spare.put("2") undo none
      return [a, b, c, d]
    }"""
    house = House(text, 3, 4)
    assert [(3, 3, 4, 1)] == [result.unwrap() for result in in_turn(house, "x")]
    assert ["put", "other"] == house.asked


def test_a_value_of_another_type_is_said_to_be_one() -> None:
    """A flow that asks for another type since: the call is not made again for that."""

    async def both() -> Result:
        await house.run("run-0")
        changed = House(ONE.replace("step a: int", "step a: string").replace("-> int", "-> string"), "x")
        changed.claims = house.claims
        result = await changed.run("run-1")
        assert [] == changed.asked
        return result

    house = House(ONE, 7)
    failure = run_virtual(both()).failure
    assert failure is not None and "resource.key" == failure.error
    assert failure.message.endswith("step f/a of run run-0 gave int, and string is asked for now")


def test_a_wait_ends_with_the_run() -> None:
    """Case X3: who waits for another run is cancelled at once, has sent nothing and keeps nothing."""

    async def both() -> tuple[Result, float]:
        async def stop(driver: Driver) -> None:
            await CLOCK.sleep(s(1))
            driver.cancel("enough")

        first = asyncio.ensure_future(house.run("run-0"))
        await CLOCK.sleep(s(0.1))
        second = await house.run("run-1", then=stop)
        at = CLOCK.monotonic()
        await first
        return second, at

    house = House(ONE, after(60, 7))
    second, at = run_virtual(both())
    assert (Status.CANCELLED, 1.1, ["put"]) == (second.status, at, house.asked)
    assert NodeCancelled("f/a", "enough") in of(second, NodeCancelled)


def test_what_an_earlier_attempt_may_have_done_is_not_done_again() -> None:
    """Rule C7: a run that is cancelled between two attempts, the first of which was cut off, leaves the call in doubt.
    That run says that its undo may not be called in vain, and nobody makes the call once more."""

    async def both() -> list[Result]:
        async def stop(driver: Driver) -> None:
            await CLOCK.sleep(s(1))
            driver.cancel("enough")

        return [await house.run("run-0", then=stop), await house.run("run-1")]

    text = ONE.replace("@once(key: k)", '@once(key: k) @idempotent @retry(2, backoff: 10s, jitter: "none")')
    house = House(text, ConnectionLost("broke off"), 7)
    first, second = run_virtual(both())
    assert NodeCancelled("f/a", "enough", in_doubt=True) in of(first, NodeCancelled)
    assert first.failure is not None and second.failure is not None
    assert ["flow.compensation", "resource.key"] == [first.failure.error, second.failure.error]
    assert ["put"] == house.asked


def test_an_attempt_that_was_lost_may_have_done_it() -> None:
    """Cases D2, R22: that a call was turned away says nothing of the attempt before, whose process ended in it. The key
    stays, and the undo counts as not called."""

    async def both() -> list[Result]:
        return [await house.run("run-0", behind=[NodeStarted("f/a")]), await house.run("run-1")]

    house = House(ONE.replace("@once(key: k)", "@once(key: k) @idempotent"), Rejected("no", status=400), 9)
    first, second = run_virtual(both())
    assert first.failure is not None and second.failure is not None
    assert ["flow.compensation", "resource.key"] == [first.failure.error, second.failure.error]
    attempts = [(one.attempt, one.agent, one.error) for one in first.failure.causes[0].attempts]
    assert [(1, "main", "system.interrupted"), (2, "main", "agent.rejected")] == attempts
    assert ["put"] == house.asked


def test_whoever_waits_looks_twice_a_second() -> None:
    """A call that ends is noticed half a second later at most; how long a turn was waited for is said."""

    async def both(*script: object) -> tuple[list[Event], float]:
        house = House(ONE, *script)
        first = asyncio.ensure_future(house.run("run-0"))
        await CLOCK.sleep(s(0.25))
        begun, second = CLOCK.monotonic(), await house.run("run-1")
        await first
        return of(second, CallAdmitted), CLOCK.monotonic() - begun

    assert ([], 1.5) == run_virtual(both(after(1.5, 7)))
    assert ([CallAdmitted("f/a", "main", 1.5)], 1.5) == run_virtual(both(after(1.5, Rejected("no", status=400)), 9))


class Noting(MemoryClaims):
    """Notes what whoever looks has seen before."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[int | None] = []

    async def look(self, run: str, known: Holding | None = None) -> Holding | None:
        """What became of a run."""
        self.known.append(None if known is None else len(known.entries))
        return await super().look(run, known)


def test_whoever_waits_says_what_it_has_seen() -> None:
    """Nothing of a long log is read twice for a call that is waited for."""

    async def both() -> list[int | None]:
        house = House(ONE, after(1.2, 7))
        house.claims = noting = Noting()
        await asyncio.gather(house.run("run-0"), house.run("run-1"))
        return noting.known

    assert [None, 2, 2, 2] == run_virtual(both())


class Broken(MemoryClaims):
    """Keys in a journal that cannot be read."""

    def __init__(self, *, is_taken: bool) -> None:
        super().__init__()
        self.is_taken = is_taken

    async def take(self, key: str, claim: Claim, instead: Claim | None) -> Claim:
        """Another one has it, if anybody can say that."""
        if self.is_taken:
            return Claim("run-9", "f/a")
        raise OSError("no disk")

    async def look(self, run: str, known: Holding | None = None) -> Holding | None:
        """Nobody can say what became of that one."""
        raise OSError("no disk")


@pytest.mark.parametrize("is_taken", [False, True])
def test_nothing_is_sent_when_nobody_can_say_who_has_the_key(*, is_taken: bool) -> None:
    """A journal that cannot be read leaves open whether the call was made."""
    house = House(ONE, 7)
    house.claims = Broken(is_taken=is_taken)
    (result,) = in_turn(house, "x")
    assert result.failure is not None
    told = "nothing was sent: who has the key of '@once' cannot be read: no disk"
    assert ("resource.key", told, []) == (result.failure.error, result.failure.message, house.asked)


LOST = Failure("network.lost", "network", "gone", "f/a", (AttemptFailure(1, "main", "network.lost", "gone", 0.1),))
REFUSED = Failure("agent.rejected", "agent", "no", "f/a")
FIRST: tuple[Event, ...] = (NodeStarted("f/a"),)
BACK = UndoBegan(("f/a",), None)
CLAIM = Claim("r", "f/a")


@pytest.mark.parametrize(("events", "has_ended", "is_held", "state", "value"), [
    (FIRST, False, True, "waits", None),
    (FIRST, False, False, "stuck", None),
    (FIRST, True, False, "stuck", None),
    ((), False, True, "stuck", None),
    ((*FIRST, NodeDone("f/a", 7)), False, False, "done", 7),
    ((*FIRST, NodeDone("f/a", 7)), True, False, "done", 7),
    ((*FIRST, NodeDone("f/b", 7)), False, True, "waits", None),
    ((*FIRST, NodeDone("f/a", None, REFUSED)), True, False, "free", None),
    ((*FIRST, NodeDone("f/a", None, LOST)), True, False, "stuck", None),
    ((*FIRST, NodeFailed("f/a", REFUSED)), False, True, "free", None),
    ((*FIRST, NodeFailed("f/a", LOST)), False, True, "stuck", None),
    ((*FIRST, NodeFailed("f/a", Failure("x", "system", "x", in_doubt=True))), True, False, "stuck", None),
    ((*FIRST, NodeCancelled("f/a", "enough")), True, False, "free", None),
    ((*FIRST, NodeCancelled("f/a", "enough", in_doubt=True)), True, False, "stuck", None),
    ((*FIRST, NodeDone("f/a", 7), BACK), False, True, "waits", None),
    ((*FIRST, NodeDone("f/a", 7), BACK), False, False, "stuck", None),
    ((*FIRST, NodeDone("f/a", 7), BACK), True, False, "stuck", None),
    ((*FIRST, NodeDone("f/a", 7), BACK, NodeDone("f/a~undo", 1)), False, True, "free", None),
    ((*FIRST, NodeDone("f/a", 7), BACK, NodeDone("f/a~undo", None, REFUSED)), True, False, "stuck", None),
])  # fmt: skip
def test_what_became_of_the_first_call_decides(
    events: tuple[Event, ...], has_ended: bool, is_held: bool, state: str, value: Value
) -> None:
    """Every way in which a log can leave a call."""
    verdict = judge(Holding([Entry(seq, 0.0, event) for seq, event in enumerate(events)], has_ended, is_held), CLAIM)
    assert (state, value) == (verdict.state, verdict.value)
    assert (state == "stuck") == ("step f/a of run r" in verdict.why)


def test_a_run_that_was_forgotten_has_no_key() -> None:
    """With a run goes what it did."""
    assert "free" == judge(None, CLAIM).state
