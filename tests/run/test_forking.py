"""Forks of runs: a new log that keeps what was done, and runs the rest again."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.events.model import CallWaits, Entry, Event, NodeStarted, RunDone, RunFailed, Status
from leadflow.plan.plan import Plan
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.forking import NotBegun, begun_step, forked
from leadflow.run.kernel import Kernel, Program
from leadflow.run.recover import replay
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK
from tests.run.fakes import Fails, Fake, Says, Script, compiled, run, started
from tests.run.random_plans import plans
from tests.run.sagas import THREE

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


def fork(plan: Plan, entries: Sequence[Entry], step: str, *, before: bool) -> list[Event]:
    """The log of the fork."""
    start = replace(started(plan), run="run-2")
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
    """What was ordered and not kept waits: its process did not end in it."""
    plan = compiled(THREE)
    events = fork(plan, run(plan).entries, "f/b", before=True)
    assert CallWaits("f/b", "put", "the run to go on", None) == events[-1]
    result, fake = gone_on(plan, events)
    assert (Status.DONE, ["f/b", "f/c", "f/d"]) == (result.status, [order.path for order in fake.orders])


def test_what_was_taken_back_is_not_kept() -> None:
    """A failed run that undid its steps leaves nothing to keep of these."""
    plan = compiled(THREE)
    failed = run(plan, {"d": Fails()})
    assert ("f/b", "f/a") == failed.undone
    result, fake = gone_on(plan, fork(plan, failed.entries, "f/d", before=False))
    assert (Status.DONE, ["f/a", "f/b", "f/c", "f/d"]) == (result.status, [order.path for order in fake.orders])


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
