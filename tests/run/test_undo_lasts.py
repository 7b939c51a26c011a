"""Undos outlast deadlines, cancels, further attempts and the end of a process (cases S2, S3, X5, X9)."""

import asyncio
from datetime import timedelta

import pytest

from leadflow.events.model import (
    CancelRequested,
    DoubtSettled,
    Failure,
    NodeCancelled,
    RunFailed,
    RunResumed,
    Status,
    UndoBegan,
    UndoKept,
)
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.kernel import Kernel, Program
from leadflow.run.recover import replay
from leadflow.run.taken_up import Told
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.run.fakes import Fails, Fake, Says, Script, compiled, kinds, run, started
from tests.run.sagas import THREE, TOOLS, failure_of, undos

# --- deadlines and cancels ----------------------------------------------------------------------------------------


def test_deadlines_do_not_end_undos() -> None:
    """The time of the flow and of the run bound when undos begin; then each has the time that its agent gives it."""
    text = TOOLS + '@timeout(3s) flow f() { step a = put("1") undo drop(a) step b = look("2") after a }'
    fake = Fake({"b": Says("B", 9), "a~undo": Says(after=60)})
    result = run(text, fake, bounds=Bounds(deadline=timedelta(seconds=10)))
    assert ("timeout.total", ("f/a",)) == (failure_of(result).error, result.undone)
    assert (3, 63, "done") == fake.spans["f/a~undo"]
    assert None is next(order.deadline for order in fake.orders if order.path == "f/a~undo")


def test_no_budget_of_the_run_is_for_undos() -> None:
    """What a flow and its blocks may spend is for doing, so that what is used up can still be taken back."""
    text = (
        TOOLS
        + """
@budget(calls: 3) flow f() {
  @budget(calls: 1) step g = do { step a = put("1") undo drop(a) }
  step b = look("2") after g
}
"""
    )
    fake = Fake({"b": Fails()})
    assert ("f/g/a",) == run(text, fake).undone
    assert [("f/g/a", 2), ("f/b", 1), ("f/g/a~undo", 0)] == [(order.path, len(order.budgets)) for order in fake.orders]


def test_a_cancel_does_not_stop_undos() -> None:
    """Case S3: shielded, however long they take, also behind the drain; the failure of the run stands."""
    fake = Fake({"d": Fails("x.d", 1), "b~undo": Says(after=60), "a~undo": Says(after=60)})
    result = run(THREE, fake, cancel_after=[2, 30, 70])
    assert ("x.d", ("f/b", "f/a")) == (failure_of(result).error, result.undone)
    assert 1 == kinds(result.entries).count("CancelRequested")


def test_a_cancelled_run_is_shielded_too() -> None:
    """Cases S3, X5: asking again for what is done already changes nothing, and the drain ends no undo."""
    fake = Fake({"b": Says("B", 5), "b~undo": Says(after=60)})
    result = run(THREE, fake, cancel_after=[2, 8, 20])
    assert (Status.CANCELLED, ("f/b", "f/a")) == (result.status, result.undone)


def test_who_insists_stops_undos() -> None:
    """Case S3: a forced cancel cuts the undo under way off and begins no other; what is not undone is told."""
    plan, fake = compiled(THREE), Fake({"d": Fails("x.d", 1), "b~undo": Says(after=60)})

    async def main() -> Result:
        clock = SystemClock()
        driver = Driver(Program(plan), Ports(fake, MemoryJournal(clock), clock))
        asyncio.get_running_loop().call_later(5, lambda: driver.cancel("now", force=True))
        return await driver.run(started(plan))

    result = run_virtual(main())
    failure = failure_of(result)
    assert (1, 5, "cancelled") == fake.spans["f/b~undo"]
    assert (
        Failure("flow.not_undone", "agent", "it was cut off: now", "f/b~undo", in_doubt=True),
        Failure("flow.not_undone", "agent", "it was not begun: now", "f/a~undo"),
    ) == failure.causes[1:]
    assert NodeCancelled("f/a~undo", "now") == result.entries[-2].event
    assert ((), True) == (result.undone, failure.in_doubt)


def test_the_second_interrupt_insists() -> None:
    """Cases S3, X9: a first cancel of the caller's task lets the undos run, a second one ends them."""
    plan = compiled(THREE)
    journals = []

    async def main() -> list[str]:
        clock, fake = SystemClock(), Fake({"c": Says("C", 60), "b~undo": Says(after=60)})
        journals.append(MemoryJournal(clock))
        driver = Driver(Program(plan), Ports(fake, journals[0], clock), Bounds(drain=timedelta(seconds=3)))
        loop = asyncio.get_running_loop()
        running = loop.create_task(driver.run(started(plan)))
        for delay in (1, 10):
            loop.call_later(delay, running.cancel)
        with pytest.raises(asyncio.CancelledError):
            await running
        return [f"{clock.monotonic():g}", *kinds(await journals[0].load())]

    told = run_virtual(main())
    log = [entry.event for entry in run_virtual(journals[0].load())]
    assert ("10", 2) == (told[0], told.count("CancelRequested"))
    assert [False, True] == [event.force for event in log if isinstance(event, CancelRequested)]
    assert isinstance(log[-1], RunFailed)
    assert "2 steps are not undone, of 2: f/b, f/a" == log[-1].failure.message


# --- attempts -----------------------------------------------------------------------------------------------------

AGAIN = (
    TOOLS
    + """
@idempotent tool keep(x: string) -> string = python("tools:keep")
flow f() {
  @retry(2, backoff: 1s, on: ["agent"])
  step g = do {
    step a = keep("1") undo drop(a)
    step b = look(a)
    yield b
  }
}
"""
)


def test_the_same_effect_of_two_attempts_is_undone_once() -> None:
    """A block that is tried again does its idempotent writes again: one effect, one undo."""
    result = run(AGAIN.replace("@retry(2", "@retry(4"), {"a": Says("A"), "b": Fails()})
    assert ["g~4/a: A"] == undos(result)


def test_different_effects_of_two_attempts_are_both_undone() -> None:
    """What an earlier attempt did stays kept, under its own path, and is undone as well."""
    result = run(AGAIN, {"f/g/a": Says("A"), "f/g~2/a": Says("B"), "b": Fails()})
    assert ["g~2/a: B", "g/a: A"] == undos(result)


@pytest.mark.parametrize("step", ['@idempotent(key: seen) step a = keep("1")', "step a = keep(seen)"])
def test_effects_of_two_keys_are_both_undone(step: str) -> None:
    """What was sent with another key is another effect, also where it is taken back by the same call (case R3)."""
    text = AGAIN.replace('step a = keep("1") undo drop(a)', f'step seen = look("0")\n    {step} undo wipe("1")')
    fake = Fake({"f/g/seen": Says("A"), "f/g~2/seen": Says("B"), "b": Fails()})
    assert ["g~2/a: 1", "g/a: 1"] == undos(run(text, fake))
    assert 4 == len({order.key for order in fake.orders if order.key})
    same = Fake({"seen": Says("A"), "b": Fails()})
    assert ["g~2/a: 1"] == undos(run(text, same))


def test_what_the_next_attempt_did_not_come_to_stays_kept() -> None:
    """The second attempt of a flow fails at once; what the first one did is undone."""
    text = AGAIN.replace('  @retry(2, backoff: 1s, on: ["agent"])\n', "").replace(
        "flow f()", '@retry(2, backoff: 1s, on: ["agent"]) flow f()'
    )
    result = run(text, {"f/g/a": Says("A"), "f/g/b": Fails(), "f~2/g/a": Fails("x.a")})
    assert (("f/g/a",), "x.a") == (result.undone, failure_of(result).error)


# --- taking up ----------------------------------------------------------------------------------------------------


CALLED_AGAIN = {f"f/{name}{way}": Told("retry") for name in "abcd" for way in ("", "~undo")}
"""Whatever was under way may be called again."""


def test_undos_go_on_from_any_prefix_of_the_log() -> None:
    """Case S2: a run taken up anywhere calls again what was under way, and otherwise only what is left to undo."""
    plan = compiled(THREE)
    script: Script = {"a": Says("A"), "b": Says("B"), "d": Fails("x.d"), "b~undo": Says(after=2)}
    whole = [entry.event for entry in run(plan, script).entries]
    for stop in range(1, len(whole)):
        fake = Fake(script)

        async def main(fake: Fake = fake, stop: int = stop) -> Result:
            clock = SystemClock()
            journal = MemoryJournal(clock)
            driver = Driver(Program(plan), Ports(fake, journal, clock))
            return await driver.resume(await journal.append(whole[:stop]), CALLED_AGAIN)

        result = run_virtual(main())
        marks = (RunResumed, DoubtSettled)
        assert whole == [entry.event for entry in result.entries if not isinstance(entry.event, marks)], stop
        settled = {event.path for event in whole[:stop] if hasattr(event, "path") and not_started(event)}
        assert not settled & {order.path for order in fake.orders}


def not_started(event: object) -> bool:
    """Whether an event settles a node."""
    return type(event).__name__ in ("NodeDone", "NodeFailed", "NodeCancelled")


def test_the_arguments_in_the_log_are_those_of_the_call() -> None:
    """Case S2: what is in the log is what a kernel taken up behind it orders."""
    plan = compiled(THREE)
    log = [entry.event for entry in run(plan, {"a": Says("A"), "b": Says("B"), "d": Fails()}).entries]
    began = next(at for at, event in enumerate(log) if isinstance(event, UndoBegan))
    step = replay(Kernel(Program(plan)), log[: began + 2])
    kept = {event.path: event.args for event in log if isinstance(event, UndoKept)}
    assert [("f/b~undo", kept["f/b"])] == [(command.path, getattr(command, "args", None)) for command in step.commands]


# --- every moment -------------------------------------------------------------------------------------------------

EACH = (
    TOOLS
    + """
flow f() {
  step all = for t in ["x", "y"] { step a = put(t) undo drop(a) step b = put(a) undo g(b) }
  step c = put("3") undo wipe("3")
}
flow g(x: string) { step d = put(x) step e = look(d) }
"""
)


@pytest.mark.parametrize("force", [False, True])
def test_cancel_at_every_moment_undoes_or_names_each_step(force: bool) -> None:
    """Cases X1, X2, X4, S3: whenever the cancel comes, every step that was done is undone or told; no task is left."""
    plan = compiled(EACH)
    script: Script = {name: Says(name, 1 + number / 10) for number, name in enumerate(["a", "b", "c", "d", "e"])}
    script = {**script, "a~undo": Says(after=1), "c~undo": Says(after=1)}

    async def main(delay: float) -> tuple[Result, int]:
        clock, fake = SystemClock(), Fake(script)
        driver = Driver(Program(plan), Ports(fake, MemoryJournal(clock), clock))
        loop = asyncio.get_running_loop()
        loop.call_later(delay, driver.cancel, "enough")
        if force:
            loop.call_later(delay + 3.05, lambda: driver.cancel("now", force=True))
        result = await driver.run(started(plan))
        assert 0 == fake.under_way
        return result, len(asyncio.all_tasks())

    statuses = set()
    for tick in range(45):
        result, tasks = run_virtual(main(tick / 10))
        done = {e.event.path for e in result.entries if isinstance(e.event, UndoKept)}
        causes_told = () if result.failure is None else result.failure.causes
        told = {cause.path.partition("~undo")[0] for cause in causes_told}
        statuses.add(result.status)
        assert 1 == tasks, tick
        assert 1 == sum(kind in ("RunDone", "RunFailed", "RunCancelled") for kind in kinds(result.entries))
        if result.status is Status.CANCELLED:
            assert done == set(result.undone), tick
        elif result.status is Status.FAILED:
            assert done == {*result.undone, *told} - {""}, tick
    assert statuses == ({Status.CANCELLED, Status.FAILED, Status.DONE} if force else {Status.CANCELLED, Status.DONE})
