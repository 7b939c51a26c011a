"""A paused run begins nothing more, lets go of what is under way, and goes on later as if nobody had paused it (X8)."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from leadflow.events.model import (
    AttemptStarted,
    DoubtSettled,
    Entry,
    Event,
    NodeStarted,
    RunPaused,
    RunResumed,
    Status,
)
from leadflow.plan.plan import AgentCall, Plan
from leadflow.run.adapters import SystemClock
from leadflow.run.brake import Brake
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.kernel import Kernel, Program
from leadflow.run.recover import replay
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.run.fakes import Fails, Fake, Ignores, Says, Script, compiled, ends, kinds, run, started, starts
from tests.run.random_plans import World, plans, world
from tests.run.test_laws import picker

CHAIN = compiled('flow f() { step a = look("1") step b = put(a) step c = look(b) }')
BOTH = compiled('flow f() { step p = parallel { step a = look("1") step b = put("2") step c = put("3") } }')
MARKS = (RunPaused, RunResumed, DoubtSettled, AttemptStarted)


def paused(
    plan: Plan, script: Script, *pauses: float, bounds: Bounds | None = None, cancel: float | None = None
) -> Result:
    """A run that somebody asks to pause, after so many seconds."""
    clock = SystemClock()

    async def main() -> Result:
        driver = Driver(Program(plan), Ports(Fake(script), MemoryJournal(clock), clock), bounds)
        loop = asyncio.get_running_loop()
        for delay in pauses:
            loop.call_later(delay, driver.pause, "SIGTERM")
        if cancel is not None:
            loop.call_later(cancel, driver.cancel, "enough")
        result = await driver.run(started(plan))
        assert len(asyncio.all_tasks()) == 1 + len(result.leaked)
        return result

    return run_virtual(main())


def resumed(plan: Plan, entries: Sequence[Entry], script: Mapping[str, Says] | None = None) -> tuple[Result, Fake]:
    """The run goes on in another process."""
    fake, clock = Fake(script or {}), SystemClock()

    async def main() -> Result:
        driver = Driver(Program(plan), Ports(fake, MemoryJournal(clock, entries), clock))
        return await driver.resume(entries)

    return run_virtual(main()), fake


def unmarked(entries: Sequence[Entry]) -> list[Event]:
    """The events without those that tell of pauses."""
    return [entry.event for entry in entries if not isinstance(entry.event, MARKS)]


def test_what_is_under_way_ends_and_nothing_begins() -> None:
    """The call under way is awaited; the next one begins when the run is resumed, and no call is made twice."""
    script = {"a": Says("A", 5), "b": Says("B", 1)}
    result = paused(CHAIN, script, 1, 2)
    assert (Status.WAITING, True, ["a"]) == (result.status, result.is_paused, starts(result))
    assert {"a": "done"} == ends(result)
    done, fake = resumed(CHAIN, result.entries, {"b": Says("B")})
    assert ["f/b", "f/c"] == [order.path for order in fake.orders]
    assert unmarked(run(CHAIN, {"a": Says("A"), "b": Says("B")}).entries) == unmarked(done.entries)


def test_a_brake_that_is_pulled_before_the_start_lets_nothing_begin() -> None:
    """Paused or cancelled before its loop runs, no call is made; a paused run says so, has nothing in doubt and goes on
    from its start, and again so when it is paused before it goes on."""
    clock = SystemClock()

    async def stopped(entries: Sequence[Entry] = (), *, pauses: bool = True) -> tuple[Result, list[str]]:
        fake = Fake({})
        driver = Driver(Program(BOTH), Ports(fake, MemoryJournal(clock, entries), clock))
        if pauses:
            driver.pause("SIGTERM")
        else:
            driver.cancel("enough")
        result = await (driver.resume(entries) if entries else driver.run(started(BOTH)))
        assert 1 == len(asyncio.all_tasks())
        return result, [order.path for order in fake.orders]

    first, called = run_virtual(stopped())
    assert (True, RunPaused("SIGTERM"), []) == (first.is_paused, first.entries[-1].event, called)
    assert 3 == kinds(first.entries).count("CallWaits")
    again, called = run_virtual(stopped(first.entries))
    assert (True, first.entries, []) == (again.is_paused, again.entries, called)
    done, fake = resumed(BOTH, again.entries)
    assert (Status.DONE, 3) == (done.status, len(fake.orders))
    ended, called = run_virtual(stopped(pauses=False))
    assert (Status.CANCELLED, []) == (ended.status, called)


def test_what_takes_too_long_is_let_go() -> None:
    """After the drain limit: a read is called again later, a write is in doubt, as if the process had been killed."""
    result = paused(BOTH, {"a": Says(1, 60), "b": Says(2, 5), "c": Says(3, 60)}, 1)
    assert {"p/b": "done"} == ends(result)
    waits, fake = resumed(BOTH, result.entries)
    assert waits.failure is not None
    assert ("system.in_doubt", ["f/p/c"], []) == (
        waits.failure.error, [cause.path for cause in waits.failure.causes], fake.orders,
    )  # fmt: skip


def test_what_does_not_stop_is_left_behind() -> None:
    """A call that swallows its cancel keeps a paused run no longer than the grace."""
    bounds = Bounds(drain=timedelta(seconds=2), grace=timedelta(seconds=1))
    result = paused(CHAIN, {"a": Ignores(900)}, 1, bounds=bounds)
    assert (True, ("f/a",)) == (result.is_paused, result.leaked)


def test_a_run_that_ends_while_it_pauses_has_ended() -> None:
    """Whoever asks to pause a run whose last call is under way gets its result."""
    plan = compiled('flow f() -> string { step a = look("1") return a }')
    assert (Status.DONE, "A") == ((result := paused(plan, {"a": Says("A", 5)}, 1)).status, result.value)


def test_a_cancel_behind_a_pause_takes_back() -> None:
    """Who cancels a run that pauses has it cancelled: steps that are done are undone."""
    plan = compiled("""
tool drop(x: string) = python("tools:drop")
flow f() { step a = put("1") undo drop(a) step b = look(a) step c = put(b) }
""")
    result = paused(plan, {"b": Says("B", 60)}, 1, cancel=2)
    assert (Status.CANCELLED, ("f/a",)) == (result.status, result.undone)
    assert ["RunPaused", "CancelRequested"] == [
        kind for kind in kinds(result.entries) if kind in ("RunPaused", "CancelRequested")
    ]


def test_a_block_between_two_attempts_pauses_at_once() -> None:
    """Nothing is under way then: the wait goes on when the run does."""
    block = 'step g = do { step a = look("1") yield a }'
    plan = compiled(f'flow f() {{ @retry(2, backoff: 1h, max: 1h, jitter: "none", on: ["tool"]) {block} }}')
    result = paused(plan, {"a": Fails(after=1, category="tool")}, 5)
    assert (True, ["AttemptFailed", "RunPaused"]) == (result.is_paused, kinds(result.entries[-2:]))
    done, fake = resumed(plan, result.entries)
    assert (Status.DONE, ["f/g~2/a"]) == (done.status, [order.path for order in fake.orders])


def test_a_run_in_doubt_leaves_nothing_behind() -> None:
    """Case D2: who asks it to stop before it is known that it stays where it is has nothing left that waits for it."""
    log = [entry.event for entry in paused(BOTH, {"b": Says(2, 60)}, 1, bounds=Bounds(drain=timedelta(0))).entries]
    entries = [Entry(seq, float(seq), event) for seq, event in enumerate(log)]

    async def main() -> Result:
        driver = Driver(Program(BOTH), Ports(Fake({}), MemoryJournal(SystemClock(), entries), SystemClock()))
        driver.pause("SIGTERM")
        driver.cancel("enough")
        result = await driver.resume(entries)
        assert 1 == len(asyncio.all_tasks())
        return result

    result = run_virtual(main())
    assert result.failure is not None and result.failure.in_doubt


def test_a_brake_holds_what_begins_later() -> None:
    """A run that begins behind a pulled brake is paused, too; one that is not kept is cancelled."""
    calls: list[str] = []

    class Pausable:
        def pause(self, why: str) -> None:
            calls.append(f"pause {why}")

        def cancel(self, why: str) -> None:
            calls.append(f"cancel {why}")

    brake = Brake()
    with brake.on(Pausable(), is_kept=True), brake.on(Pausable(), is_kept=False):
        assert [] == calls
        brake.pull("SIGTERM")
        brake.pull("SIGINT")
        with brake.on(Pausable(), is_kept=True):
            pass
    brake.pull("again")
    assert ["pause SIGTERM", "cancel SIGTERM", "pause SIGTERM"] == calls


@given(st.data(), plans())
def test_paused_runs_go_on(data: st.DataObject, plan: Plan) -> None:
    """On any plan, paused anywhere: no call begins behind the pause, and the log can be replayed and gone on with."""
    made = world(Program(plan), picker(data), failing=data.draw(st.sampled_from([0, 20])))
    for _ in range(data.draw(st.integers(0, 8))):
        if made.kernel.has_ended:
            return
        made.give(made.next_fact())
    if made.kernel.has_ended:
        return
    before = len(made.log)
    made.give(RunPaused("SIGTERM"))
    for _ in range(data.draw(st.integers(0, 3))):
        if made.calls and not made.kernel.has_ended:
            made.give(made.next_fact())
    assert [] == calls_in(plan, made.log[before:])
    if made.kernel.has_ended:
        return
    kernel = Kernel(Program(plan))
    later = World(kernel, made.pick, made.failing, log=[*made.log])
    later.take(replay(kernel, made.log))
    later.give(RunResumed("me"))
    later.to_the_end()
    again = Kernel(Program(plan))
    assert [] == replay(again, later.log).events
    assert again.has_ended


def calls_in(plan: Plan, events: Sequence[Event]) -> list[str]:
    """The paths of calls that begin in these events."""
    names = {node.name for flow in plan.flows.values() for node in flow.nodes if isinstance(node.work, AgentCall)}
    return [e.path for e in events if isinstance(e, NodeStarted) and e.path.rpartition("/")[2] in names]
