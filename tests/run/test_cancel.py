"""Deadlines and cancellation: what stops, what is awaited, what is written down (cases X1 to X6, T4, T8, T11)."""

import asyncio
from datetime import timedelta

import pytest

from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    AttemptStarted,
    CallPassedOn,
    DeadlinePassed,
    Failure,
    Status,
)
from leadflow.plan.plan import FlowPlan, Node
from leadflow.plan.types import Value
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.kernel import Program
from leadflow.run.ports import Answer, Caller, CallOrder
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.run.fakes import Breaks, Fails, Fake, Ignores, Says, compiled, ends, kinds, run, started, starts

TWO = 'flow f() { step a = look("1") step b = look(a) }'


def test_cancel_stops_what_is_under_way_and_starts_nothing() -> None:
    """Case X1: the call under way is cancelled and settles, then the run ends cancelled; nothing follows."""
    fake = Fake({"a": Says("A", 5)})
    result = run(TWO, fake, cancel_after=[2])
    assert Status.CANCELLED is result.status
    assert (0, 2, "cancelled") == fake.spans["f/a"]
    assert {"a": "cancelled: enough", "b": "cancelled: enough"} == ends(result)
    assert ["CancelRequested", "NodeCancelled", "NodeCancelled", "RunCancelled"] == kinds(result.entries)[-4:]


def test_cancel_awaits_a_write() -> None:
    """Rule A5: a write under way when somebody cancels is awaited and recorded done."""
    fake = Fake({"a": Says("A", 5)})
    result = run('flow f() { step a = put("1") step b = put(a) }', fake, cancel_after=[2])
    assert (0, 5, "done") == fake.spans["f/a"]
    assert {"b": "cancelled: enough", "a": "done"} == ends(result)
    assert Status.CANCELLED is result.status


def test_cancel_awaits_a_write_no_longer_than_the_drain() -> None:
    """Rule A5: the drain limit ends the patience with writes."""
    fake = Fake({"a": Says("A", 50)})
    run('flow f() { step a = put("1") }', fake, cancel_after=[2], bounds=Bounds(drain=timedelta(seconds=3)))
    assert (0, 5, "cancelled") == fake.spans["f/a"]


def test_cancel_twice_is_cancel_once() -> None:
    """Case X5: a second cancel, and one after the end, change nothing."""
    once = run(TWO, {"a": Says("A", 5)}, cancel_after=[2])
    twice = run(TWO, {"a": Says("A", 5)}, cancel_after=[2, 2, 3])
    assert [e.event for e in once.entries] == [e.event for e in twice.entries]


@pytest.mark.parametrize("delay", [0.0, 1.0, 2.0, 3.0])
def test_cancel_racing_with_success_ends_the_run_once(delay: float) -> None:
    """Case X4: whatever comes first in the same tick, there is exactly one terminal event, and a value stands."""
    result = run(TWO, {"a": Says("A", 1), "b": Says("B", 1)}, cancel_after=[delay])
    terminal = [kind for kind in kinds(result.entries) if kind in ("RunDone", "RunFailed", "RunCancelled")]
    assert [kinds(result.entries)[-1]] == terminal
    assert len(ends(result)) == 2


def test_cancelling_the_task_cancels_the_run_in_order() -> None:
    """Case X1: a cancel of the caller's task lets the run end in its log first, then goes on."""
    plan, journals = compiled(TWO), []

    async def main() -> list[str]:
        clock = SystemClock()
        journal = MemoryJournal(clock)
        journals.append(journal)
        driver = Driver(Program(plan), Ports(Fake({"a": Says("A", 5)}), journal, clock))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await driver.run(started(plan))
        return kinds(await journal.load())

    assert "RunCancelled" == run_virtual(main())[-1]


def test_a_call_that_does_not_stop_is_left_behind() -> None:
    """Case T8: after the grace the run goes on without it and reports it."""
    fake = Fake({"a": Ignores(100)})
    result = run(TWO, fake, cancel_after=[2], bounds=Bounds(grace=timedelta(seconds=4)))
    assert (Status.CANCELLED, ("f/a",)) == (result.status, result.leaked)
    assert "cancelled: enough; it did not stop" == ends(result)["a"]


def test_a_call_that_ends_with_a_value_although_cancelled_is_done() -> None:
    """Case X4: an answer that came in spite of the cancel is recorded."""
    assert "done" == ends(run(TWO, {"a": Ignores(3, "A")}, cancel_after=[2]))["a"]


def test_a_broken_agent_breaks_one_call() -> None:
    """What must not be raised is a failure of that call."""
    result = run(TWO, {"a": Breaks(KeyError("x"))})
    assert result.failure is not None
    assert ("system.internal", "KeyError: 'x'") == (result.failure.error, result.failure.message)


def test_a_call_that_cancels_itself_fails() -> None:
    """A `CancelledError` that nobody asked for is a failure, not the end of the run."""
    result = run(TWO, {"a": Breaks(asyncio.CancelledError())})
    assert result.failure is not None
    assert "system.internal" == result.failure.error


class Retrying:
    """Callers whose calls take 2 s, fail, wait 50 s, and try again, for ever."""

    def __init__(self) -> None:
        self.begun: list[float] = []

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node."""

        async def call(order: CallOrder) -> Answer | Failure:
            clock, attempt = SystemClock(), 1
            while True:
                self.begun.append(clock.monotonic())
                await clock.sleep(timedelta(seconds=2))
                slip = AttemptFailure(attempt, "put", "network.connect", "refused", 2.0)
                order.post(AttemptFailed(order.path, slip, 50.0))
                await clock.sleep(timedelta(seconds=50))
                attempt += 1
                order.post(AttemptStarted(order.path, attempt, "put"))

        return call


@pytest.mark.parametrize(("cancel_after", "end", "attempts"), [(1, 2, 1), (20, 20, 1), (53, 54, 2)])
def test_a_write_is_awaited_to_the_end_of_its_attempt(cancel_after: float, end: float, attempts: int) -> None:
    """Rule A5, case X3: an attempt that was sent is awaited; a wait between attempts ends at once; none follows."""
    plan, callers = compiled('flow f() { step a = put("1") }'), Retrying()

    async def main() -> tuple[Result, float]:
        clock = SystemClock()
        driver = Driver(Program(plan), Ports(callers, MemoryJournal(clock), clock))
        asyncio.get_running_loop().call_later(cancel_after, driver.cancel, "enough")
        return await driver.run(started(plan)), clock.monotonic()

    result, ended = run_virtual(main())
    assert (Status.CANCELLED, end, attempts) == (result.status, round(ended, 3), len(callers.begun))
    assert {"a": "cancelled: enough"} == ends(result)


class TurnedAway:
    """Callers whose first agent turns each call away after 2 s, so that another one is asked."""

    def __init__(self) -> None:
        self.begun = 0

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node."""

        async def call(order: CallOrder) -> Answer | Failure:
            clock = SystemClock()
            await clock.sleep(timedelta(seconds=2))
            order.post(CallPassedOn(order.path, "put", Failure("timeout.total", "timeout", "too late"), "spare"))
            await clock.sleep(timedelta(0))
            self.begun += 1
            return Answer("spare")

        return call


def test_a_write_that_is_to_stop_is_not_passed_on() -> None:
    """Rule A5: where an agent has turned a call away nothing of it is under way: no other agent is asked, and nothing
    is in doubt."""
    plan, callers = compiled('flow f() { step a = put("1") }'), TurnedAway()

    async def main() -> Result:
        clock = SystemClock()
        driver = Driver(Program(plan), Ports(callers, MemoryJournal(clock), clock))
        asyncio.get_running_loop().call_later(1, driver.cancel, "enough")
        return await driver.run(started(plan))

    result = run_virtual(main())
    assert (Status.CANCELLED, 0, {"a": "cancelled: enough"}) == (result.status, callers.begun, ends(result))


# --- deadlines ----------------------------------------------------------------------------------------------------

LATE = """
%s
flow f() -> string {
  %s
  step g = do {
    @optional step a = look("1")
    yield a ?? "nothing"
  }
  return g
}
"""


def test_a_deadline_is_not_absorbed_below_it() -> None:
    """Rule C3: the time of a group is over: `@optional` inside it does not help, the group fails."""
    result = run(LATE % ("", "@timeout(2s)"), {"a": Says("A", 5)})
    assert result.failure is not None
    assert ("timeout.total", "f/g") == (result.failure.error, result.failure.path)
    assert "cancelled: the time of f/g is over" == ends(result)["g/a"]


def test_a_deadline_is_absorbed_on_it() -> None:
    """Rule C3: what stands on the block, or around it, may absorb its deadline."""
    text = 'flow f() -> string { @timeout(2s) step g = do { step a = look("1") yield a } catch e => e.class return g }'
    assert "timeout" == run(text, {"a": Says("A", 5)}).value


def test_the_outer_deadline_is_named_in_the_same_tick() -> None:
    """Case T4: flow and group are over at the same time: one failure, the flow's."""
    result = run(LATE % ("@timeout(2s)", "@timeout(2s)"), {"a": Says("A", 5)})
    assert result.failure is not None
    assert "f" == result.failure.path
    assert ["f"] == [e.event.path for e in result.entries if isinstance(e.event, DeadlinePassed)]


def test_deadlines_propagate() -> None:
    """Case T11: a sub-flow of 60 s under a flow of 2 s is told the nearer end, and is over with it."""
    text = """
@timeout(2s)
flow f() { step s = g() }
@timeout(60s)
flow g() { step a = look("1") }
"""
    fake = Fake({"a": Says("A", 5)})
    result = run(text, fake)
    assert [2.0] == [order.deadline for order in fake.orders]
    assert result.failure is not None
    assert "f" == result.failure.path


def test_a_deadline_waits_for_no_write() -> None:
    """A write under way is cancelled when the time of its block is over: the deadline was its own bound too."""
    fake = Fake({"a": Says("A", 5)})
    run('@timeout(2s) flow f() { step a = put("1") }', fake)
    assert (0, 2, "cancelled") == fake.spans["f/a"]


def test_the_run_has_a_deadline_of_its_own() -> None:
    """The operator's bound: the run fails with it, and nothing inside absorbs it."""
    result = run(LATE % ("", ""), {"a": Says("A", 5)}, bounds=Bounds(deadline=timedelta(seconds=3)))
    assert result.failure is not None
    assert ("timeout.total", "") == (result.failure.error, result.failure.path)


def test_a_block_in_time_forgets_its_deadline() -> None:
    """A timer that is not needed any more is stopped, and ends nothing later."""
    text = 'flow f() { @timeout(2s) step g = do { step a = look("1") } step b = look("2") after g }'
    result = run(text, {"a": Says("A", 1), "b": Says("B", 9)})
    assert Status.DONE is result.status
    assert "DeadlinePassed" not in kinds(result.entries)


# --- every await --------------------------------------------------------------------------------------------------

MIXED = """
@on_failure("continue")
flow f() {
  step each = for t in ["x", "y", "z"] { step one = look(t) step two = put(one) yield two }
  step both = parallel { step l = look("l") step r = do { step m = look("m") yield m } }
  step first = race { step p = look("p") step q = look("q") }
  step loop = repeat v = "v" at most 2 { step s = look(v) yield s } until false else v
}
"""


def test_cancel_at_every_moment_leaves_no_task() -> None:
    """Case X2: whenever the cancel comes, every node settles once, the log ends once, and no task is left."""
    plan = compiled(MIXED)
    script = {name: Says(name, 1 + number / 10) for number, name in enumerate(["one", "two", "l", "m", "p", "q", "s"])}

    async def main(delay: float) -> tuple[Value, int]:
        clock, fake = SystemClock(), Fake(script)
        driver = Driver(Program(plan), Ports(fake, MemoryJournal(clock), clock))
        asyncio.get_running_loop().call_later(delay, driver.cancel, "enough")
        result = await driver.run(started(plan))
        assert len(ends(result)) == len([e for e in result.entries if kind_settles(type(e.event).__name__)])
        assert kinds(result.entries)[-1] in ("RunCancelled", "RunDone")
        return fake.under_way, len(asyncio.all_tasks())

    for tick in range(80):
        assert (0, 1) == run_virtual(main(tick / 20)), tick


def test_cancel_at_every_step_of_the_loop_leaves_no_task() -> None:
    """Case X2: with calls that answer at once, a cancel after any number of turns of the loop ends in order."""
    plan = compiled(MIXED)

    async def main(turns: int) -> tuple[int, int, str]:
        clock, fake = SystemClock(), Fake()
        driver = Driver(Program(plan), Ports(fake, MemoryJournal(clock), clock))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(driver.run(started(plan)))
            for _ in range(turns):
                await clock.sleep(timedelta(0))
            driver.cancel("enough")
        assert len(ends(running.result())) == len(
            [e for e in running.result().entries if kind_settles(type(e.event).__name__)]
        )
        return fake.under_way, len(asyncio.all_tasks()), kinds(running.result().entries)[-1]

    last = [run_virtual(main(turns)) for turns in range(30)]
    assert {(0, 1, "RunCancelled"), (0, 1, "RunDone")} == set(last)
    assert "RunDone" == last[-1][2]


def kind_settles(kind: str) -> bool:
    """Whether an event settles a node."""
    return kind in ("NodeDone", "NodeFailed", "NodeSkipped", "NodeBlocked", "NodeCancelled", "BranchTaken")


def test_a_stopped_block_settles_when_its_members_have() -> None:
    """Case X6: siblings are cancelled and awaited before the flow fails."""
    text = 'flow f() { step g = do { step a = look("1") step b = look(a) } step c = look("2") }'
    result = run(text, {"a": Says("A", 5), "c": Fails(after=1)})
    assert ["c", "g/b", "g/a", "g"] == list(ends(result))
    assert "cancelled: f/c failed" == ends(result)["g"]
    assert ["g", "g/a", "c"] == starts(result)
