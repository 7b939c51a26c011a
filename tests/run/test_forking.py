"""Forks of runs: a new log that keeps what was done, and runs the rest again."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.events.model import (
    Entry,
    Event,
    NodeDone,
    NodeFailed,
    NodeStarted,
    OnceFound,
    RunDone,
    RunFailed,
    RunResumed,
    Status,
)
from leadflow.plan.paths import around_of, is_inside
from leadflow.plan.plan import Plan
from leadflow.plan.undoing import SUFFIX
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.forking import NotBegun, begun_step, forked
from leadflow.run.kernel import Kernel, Program
from leadflow.run.recover import replay
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK
from tests.run.fakes import Fails, Fake, Says, Script, compiled, run, started
from tests.run.random_plans import World, plans, world
from tests.run.sagas import THREE
from tests.run.test_laws import finished, needed_paths, picker, settled_paths

FOUR = """flow f() -> string {
  step p = parallel {
    step a = look("1")
    step b = look("2")
  }
  step c = put(p.a)
  step d = look(p.b)
  return c
}
"""


ROWS = """flow f() -> int {
  @concurrency(%d) @on_failure("partial")
  step rows = for i in ["0", "1", "2", "3", "4", "5"] {
    step found = look(i)
    step sent = put(found)
    yield sent
  }
  return len(compact(rows))
}
"""
BEHIND = {"f/rows[1]/sent": Fails(), "f/rows[2]/found": Fails()}
AGAIN = """flow f() -> string {
  @retry(2, on: ["agent"]) step g = do {
    @idempotent(key: "a") step a = put("1")
    @idempotent(key: "b") step b = put(a)
    yield b
  }
  step c = put(g)
  return c
}
"""
CAUGHT = """flow f() -> string {
  step g = do {
    step a = put("1")
    step b = put(a)
    yield b
  } catch e => "none"
  step c = put(g)
  step d = put(c)
  return d
}
"""
MEMBERS = """flow f() {
  @concurrency(1) @on_failure("continue") step p = parallel {
    step x = do { step a = put("1") step b = put(a) yield b }
    step y = do { step a = put("2") step b = put(a) yield b }
    step z = do { step a = put("3") step b = put(a) yield b }
  }
}
"""


def fork(plan: Plan, entries: Sequence[Entry], step: str, *, before: bool) -> list[Event]:
    """The log of the fork."""
    start = replace(started(plan), run="run-2", origin="run-1")
    return forked(Kernel(Program(plan)), entries, start, step, before=before)


def gone_on(plan: Plan, events: Sequence[Event], script: Script | None = None) -> tuple[Result, Fake]:
    """The fork goes on to its end."""
    fake = Fake(script or {})
    entries = [Entry(seq, 0.0, event) for seq, event in enumerate(events)]

    async def main() -> Result:
        driver = Driver(Program(plan), Ports(fake, MemoryJournal(CLOCK, entries), CLOCK))
        return await driver.resume(entries, owner="me")

    return run_virtual(main()), fake


@pytest.mark.parametrize(
    ("step", "before", "again"),
    [
        ("f/p/a", True, ["f/p/a", "f/p/b", "f/c", "f/d"]),
        ("f/p/a", False, ["f/p/a", "f/c", "f/d"]),
        ("f/p/b", True, ["f/p/a", "f/p/b", "f/c", "f/d"]),
        ("f/p", True, ["f/p/a", "f/p/b", "f/c", "f/d"]),
        ("f/c", True, ["f/c", "f/d"]),
        ("f/c", False, ["f/c"]),
        ("f/d", True, ["f/c", "f/d"]),
    ],
)
def test_what_runs_again(step: str, before: bool, again: list[str]) -> None:
    """Before the step: what was done when it began (a and b begin as one, so do c and d). Else all others."""
    plan = compiled(FOUR)
    whole = run(plan, {"a": Says("A", 2), "b": Says("B", 1), "c": Says("C", 5), "d": Says("D", 1)})
    result, fake = gone_on(plan, fork(plan, whole.entries, step, before=before))
    assert Status.DONE is result.status
    assert sorted(again) == sorted(order.path for order in fake.orders)


def test_a_write_that_runs_again_is_not_in_doubt() -> None:
    """What is not kept has not begun: its process did not end in it."""
    plan = compiled(THREE)
    events = fork(plan, run(plan).entries, "f/b", before=True)
    assert ["f/a"] == [event.path for event in events if isinstance(event, NodeStarted)]
    result, fake = gone_on(plan, events)
    assert (Status.DONE, ["f/b", "f/c", "f/d"]) == (result.status, [order.path for order in fake.orders])


def test_what_was_taken_back_is_not_kept() -> None:
    """A failed run that undid its steps leaves nothing to keep of these."""
    plan = compiled(THREE)
    failed = run(plan, {"d": Fails()})
    assert ("f/b", "f/a") == failed.undone
    result, fake = gone_on(plan, fork(plan, failed.entries, "f/d", before=False))
    assert (Status.DONE, ["f/a", "f/b", "f/c", "f/d"]) == (result.status, [order.path for order in fake.orders])


def test_the_value_of_another_run_is_kept_as_that() -> None:
    """`@once`: a fork that fails takes back what it keeps, but for what another run did, as the first run would."""
    plan = compiled(THREE)
    old = [entry.event for entry in run(plan, {"d": Fails()}).entries]
    begun, found = old.index(NodeStarted("f/a")), OnceFound("f/a", "run-0", "f/a")
    log = [event for event in old if isinstance(event, NodeStarted | NodeDone) and SUFFIX not in event.path]
    entries = [Entry(at, 0.0, event) for at, event in enumerate([*old[: begun + 1], found, *log[1:]])]
    events = fork(plan, entries, "f/d", before=True)
    assert [found] == [event for event in events if isinstance(event, OnceFound)]
    result, _ = gone_on(plan, events, {"d": Fails()})
    assert (Status.FAILED, ("f/b",)) == (result.status, result.undone)


def test_a_failed_run_goes_on_from_what_failed() -> None:
    """What was done is kept, what failed runs again, and the run ends well."""
    plan = compiled(FOUR)
    failed = run(plan, {"c": Fails()})
    assert Status.FAILED is failed.status
    result, fake = gone_on(plan, fork(plan, failed.entries, "f/c", before=False))
    assert (Status.DONE, ["f/c"]) == (result.status, [order.path for order in fake.orders if order.path != "f/d"])


def test_a_step_is_named_with_or_without_its_flow() -> None:
    """A step that has not begun is told, with those that have."""
    entries = run(compiled(FOUR), {"c": Fails()}).entries
    assert ["f/c", "f/c", "f/p/a", "f/p/a"] == [begun_step(entries, name) for name in ("c", "f/c", "p/a", "a")]
    with pytest.raises(NotBegun, match="step 'e' has not begun in this run; begun: f/p, f/p/a"):
        begun_step(entries, "e")


def test_an_end_that_several_steps_have_is_told_with_some_of_them() -> None:
    """One of the paths has to be named; the list of them stays short."""
    entries = [Entry(number, 0.0, NodeStarted(f"f/all[{number}]/a")) for number in range(7)]
    listed = ", ".join(f"f/all[{number}]/a" for number in range(5))
    with pytest.raises(NotBegun, match=re.escape(f"7 steps end in 'a': {listed}, …; name one")):
        begun_step(entries, "a")
    assert "f/all[6]/a" == begun_step(entries, "all[6]/a")


def test_no_run_goes_on_from_an_undo() -> None:
    """It has begun, and that is not denied; the step itself can be named."""
    entries = (Entry(0, 0.0, NodeStarted("f/c")), Entry(1, 0.0, NodeStarted("f/c~undo")))
    with pytest.raises(NotBegun, match=r"'f/c~undo' takes a step back, and no run goes on from there; .*again: f/c$"):
        begun_step(entries, "f/c~undo")


@given(st.data())
def test_a_fork_at_any_step_ends_as_the_original(data: st.DataObject) -> None:
    """Case D5: agents that answer alike lead a fork to the same end, wherever it leaves the original."""
    plan = data.draw(plans(calm=True))
    whole = run(plan)
    begun = [entry.event.path for entry in whole.entries if isinstance(entry.event, NodeStarted)]
    steps = [path for path in begun if "~undo" not in path]
    if not steps:
        return
    step = data.draw(st.sampled_from(steps))
    events = fork(plan, whole.entries, step, before=data.draw(st.booleans()))
    replay(Kernel(Program(plan)), events)
    result, fake = gone_on(plan, events)
    assert (whole.status, whole.value) == (result.status, result.value)
    end = whole.entries[-1].event
    assert isinstance(end, RunDone | RunFailed)
    assert type(end) is type(result.entries[-1].event)
    assert len(fake.orders) <= len([path for path in begun if "~undo" not in path])


@settings(max_examples=150)
@given(plans(), st.data())
def test_a_fork_of_any_run_does_nothing_again_that_it_keeps(plan: Plan, data: st.DataObject) -> None:
    """Whatever failed, was cut off or cancelled, and however few may work at a time: the log of the fork is one of the
    plan, nothing in it begins or settles twice, and it ends with nothing left open."""
    made = finished(plan, data)
    begun = [event.path for event in made.log if isinstance(event, NodeStarted) and SUFFIX not in event.path]
    if not begun:
        return
    entries = [Entry(seq, 0.0, event) for seq, event in enumerate(made.log)]
    events = fork(plan, entries, data.draw(st.sampled_from(begun)), before=data.draw(st.booleans()))
    most = data.draw(st.sampled_from([None, 1, 2]))
    goes_on = World(Kernel(Program(plan), calls=most), picker(data))
    goes_on.log += events
    goes_on.take(replay(goes_on.kernel, events))
    goes_on.give(RunResumed("me"))
    goes_on.to_the_end()
    settled = settled_paths(goes_on.log)
    starts = [event.path for event in goes_on.log if isinstance(event, NodeStarted)]
    assert (len(set(starts)), len(set(settled))) == (len(starts), len(settled))
    assert set(starts) <= set(settled)
    state = goes_on.kernel.state
    assert (0, 0, {}, {}) == (state.gate.used, len(state.work), state.calls, state.timers)
    again = Kernel(Program(plan), calls=most)
    assert [] == list(replay(again, goes_on.log).events)
    assert again.has_ended


def touch(one: str, other: str) -> bool:
    """Whether the nodes of two paths are the same, or one is inside of the other."""
    return one == other or is_inside(one, other) or is_inside(other, one)


@settings(max_examples=150)
@given(plans(calm=True), st.data())
def test_a_retry_of_what_failed_calls_only_what_was_not_done(plan: Plan, data: st.DataObject) -> None:
    """Of what was done outside of loops, the retry lacks the step itself, what was taken back, what is in or around
    these, and what needs any of it; in whatever order the calls ended."""
    made = world(Program(plan), picker(data), failing=data.draw(st.sampled_from([10, 40])))
    made.to_the_end()
    failed = [event.path for event in made.log if isinstance(event, NodeFailed) and SUFFIX not in event.path]
    if not failed:
        return
    events = fork(plan, [Entry(seq, 0.0, event) for seq, event in enumerate(made.log)], failed[0], before=False)
    kept, undos = set(settled_paths(events)), [path for path in settled_paths(made.log) if path.endswith(SUFFIX)]
    again = {failed[0], *(path.removesuffix(SUFFIX) for path in undos)}
    for path in [event.path for event in made.log if isinstance(event, NodeDone) and SUFFIX not in event.path]:
        way = [*around_of(path), path]
        is_kept = path in kept or any(touch(path, one) for one in again) or "[" in path
        assert is_kept or any(not kept.issuperset(needed_paths(plan, one)) for one in way if "/" in one)


@pytest.mark.parametrize("at_once", [1, 2, 6])
@pytest.mark.parametrize(
    ("step", "again"),
    [
        ("f/rows[2]/found", ["f/rows[1]/sent", "f/rows[2]/found", "f/rows[2]/sent"]),
        ("f/rows[3]/sent", ["f/rows[1]/sent", "f/rows[2]/found", "f/rows[2]/sent", "f/rows[3]/sent"]),
    ],
)
def test_iterations_behind_failed_ones_are_kept(at_once: int, step: str, again: list[str]) -> None:
    """What failed takes all places of a loop, and no iteration behind it is done a second time for that."""
    plan = compiled(ROWS % at_once)
    whole = run(plan, BEHIND)
    result, fake = gone_on(plan, fork(plan, whole.entries, step, before=False), {"found": Says("x", 1)})
    assert (Status.DONE, 6, again) == (result.status, result.value, sorted(order.path for order in fake.orders))
    assert fake.most <= at_once


def test_members_behind_failed_ones_are_kept() -> None:
    """So it is with the members of a block that lets one of them work at a time; they still do so one by one."""
    plan = compiled(MEMBERS)
    whole = run(plan, {"b": Fails()})
    script = {"b": Says("b", 1)}
    result, fake = gone_on(plan, fork(plan, whole.entries, "f/p/x/b", before=False), script)
    assert (Status.DONE, 1) == (result.status, fake.most)
    assert ["f/p/x/b", "f/p/y/b", "f/p/z/b"] == [order.path for order in fake.orders]


@pytest.mark.parametrize(
    ("text", "step", "again"),
    [
        (AGAIN, "f/c", ["f/c"]),
        (AGAIN, "f/g~2/b", ["f/g~2/b", "f/c"]),
        (CAUGHT, "f/d", ["f/d"]),
    ],
)
def test_a_failure_that_was_dealt_with_is_kept(text: str, step: str, again: list[str]) -> None:
    """A block that was done in a later attempt, or whose failure was caught, is done, and what waited for it, too."""
    plan = compiled(text)
    whole = run(plan, {"f/g/b": Fails()})
    result, fake = gone_on(plan, fork(plan, whole.entries, step, before=False))
    assert (Status.DONE, again) == (result.status, [order.path for order in fake.orders])


def test_a_fork_keeps_what_it_kept_wherever_its_process_ends() -> None:
    """Its log says by itself what it keeps: going on from any place in it does nothing again that was done."""
    plan = compiled(ROWS.replace("put(found)", "look(found)") % 1)
    result, _ = gone_on(plan, fork(plan, run(plan, BEHIND).entries, "f/rows[2]/found", before=False))
    events = [entry.event for entry in result.entries]
    resumed = next(at for at, event in enumerate(events) if isinstance(event, RunResumed))
    for cut in range(resumed, len(events)):
        done = {event.path for event in events[:cut] if isinstance(event, NodeDone)}
        ended, fake = gone_on(plan, events[:cut])
        assert (Status.DONE, 6) == (ended.status, ended.value)
        assert done.isdisjoint(order.path for order in fake.orders)


@pytest.mark.parametrize("at_once", [1, 2])
def test_failed_iterations_hold_no_place_when_a_run_is_resumed(at_once: int) -> None:
    """A run whose process ended behind them goes on, and does nothing again that was done."""
    plan = compiled(ROWS.replace("put(found)", "look(found)") % at_once)
    events = [entry.event for entry in run(plan, BEHIND).entries]
    for cut in range(1, len(events)):
        done = {event.path for event in events[:cut] if isinstance(event, NodeDone)}
        ended, fake = gone_on(plan, events[:cut])
        assert Status.DONE is ended.status
        assert done.isdisjoint(order.path for order in fake.orders)
