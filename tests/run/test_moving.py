"""An open run moves to another plan, when nothing that it has passed differs there (case D6)."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.events.model import (
    CallWaits,
    Entry,
    Event,
    NodeDone,
    NodeStarted,
    RunDone,
    RunFailed,
    RunMoved,
    Status,
    UndoBegan,
)
from leadflow.plan.plan import Plan
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.kernel import Kernel, Program
from leadflow.run.moving import Moved, Stays, move
from leadflow.run.recover import replay
from leadflow.run.taken_up import Told
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK
from tests.run.fakes import Fails, Fake, compiled, run
from tests.run.random_plans import plans
from tests.run.sagas import TOOLS

OLD = """flow f() -> string {
  step a = look("1")
  step b = put(a)
  step c = look(b)
  return c
}
"""


def until(plan: Plan, path: str) -> list[Event]:
    """The log of a run whose process ended as that step began."""
    events = [entry.event for entry in run(plan).entries]
    return events[: events.index(NodeStarted(path)) + 1]


def moved(old: Plan, new: Plan, events: Sequence[Event]) -> Moved | Stays:
    """What becomes of a run of the old plan."""
    return move(old, new, Kernel(Program(new)), events, by="ada")


def gone_on(new: Plan, events: Sequence[Event], told: dict[str, Told] | None = None) -> tuple[Result, Fake]:
    """The run goes on under the new plan."""
    fake = Fake()
    entries = [Entry(seq, float(seq), event) for seq, event in enumerate(events)]

    async def main() -> Result:
        driver = Driver(Program(new), Ports(fake, MemoryJournal(CLOCK, entries), CLOCK))
        return await driver.resume(entries, told, owner="me")

    return run_virtual(main()), fake


@pytest.mark.parametrize(
    ("change", "called", "value"),
    [
        (("step c = look(b)", 'step c = look("new ${b}")'), ["f/c"], "f/c"),
        (("  return c\n", "  step d = put(c)\n  return d\n"), ["f/c", "f/d"], "f/d"),
        (("step a = look", "@timeout(9s) step a = look"), ["f/c"], "f/c"),
        (("  step c", '  step e = look("5")\n  step c'), ["f/c", "f/e"], "f/c"),
        (("  step c = look(b)\n  return c", "  return b"), [], "f/b"),
    ],
)
def test_what_has_not_been_reached_may_be_anything(change: tuple[str, str], called: list[str], value: str) -> None:
    """Steps that are done keep what they gave; what is new, or has changed since, runs as it is now."""
    old, new = compiled(OLD), compiled(OLD.replace(*change))
    events = until(old, "f/c")[:-1]
    found = moved(old, new, events)
    assert isinstance(found, Moved), found
    assert (("f/a", "f/b"), RunMoved(new.hash, "ada")) == (found.kept, found.events[0])
    result, fake = gone_on(new, [*events, *found.events])
    assert (Status.DONE, value) == (result.status, result.value)
    assert called == sorted(order.path for order in fake.orders)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("put(a)", 'put("${a}!")'), "f/b: "),
        (
            ("step b = put(a)\n  step c = look(b)", "step c = look(a)"),
            "f/b: it changes something and is not there any more",
        ),
        (("step a = look", "step z = look"), "f/a"),
    ],
)
def test_what_has_been_passed_must_be_the_same(change: tuple[str, str], why: str) -> None:
    """A step that has begun and is another now, or is gone and changed something, keeps the run where it is."""
    old, new = compiled(OLD), compiled(OLD.replace(*change).replace("(a)", "(z)" if "step z" in change[1] else "(a)"))
    found = moved(old, new, until(old, "f/c"))
    assert isinstance(found, Stays)
    assert any(why in reason for reason in found.reasons), found.reasons


def test_a_write_under_way_stays_in_doubt() -> None:
    """Case D2: who moves a run learns nothing of the call in whose middle its process ended."""
    old, new = compiled(OLD), compiled(OLD.replace("look(b)", 'look("new ${b}")'))
    events = until(old, "f/b")
    found = moved(old, new, events)
    assert isinstance(found, Moved)
    assert (("f/a",), ("f/b",)) == (found.kept, found.under_way)
    result, fake = gone_on(new, [*events, *found.events])
    assert (Status.WAITING, []) == (result.status, fake.orders)
    result, fake = gone_on(new, [*events, *found.events], {"f/b": Told("done", "B")})
    assert (Status.DONE, ["f/c"]) == (result.status, [order.path for order in fake.orders])


def test_a_write_that_is_new_is_not_in_doubt() -> None:
    """A step that the move has made possible waits for the run to go on: nothing of it was under way."""
    old = compiled('flow f() { step a = put("1") step b = look(a) }')
    new = compiled('flow f() { step a = put("1") step b = look(a) step n = put(a) }')
    events = [event for event in until(old, "f/b")]
    found = moved(old, new, events)
    assert isinstance(found, Moved)
    result, fake = gone_on(new, [*events, *found.events])
    assert (Status.DONE, ["f/b", "f/n"]) == (result.status, sorted(order.path for order in fake.orders))
    both = [one for one in found.events if isinstance(one, NodeStarted | CallWaits)]
    assert all(one.path == "f/n" for one in both)


def test_a_run_that_takes_its_steps_back_stays() -> None:
    """Undos go on as they were fixed."""
    text = TOOLS + 'flow f() { step a = put("1") undo drop(a) step b = look(a) }'
    old, new = compiled(text), compiled(text.replace("look(a)", 'look("${a}!")'))
    events = [entry.event for entry in run(old, {"b": Fails()}).entries]
    cut = next(at for at, event in enumerate(events) if isinstance(event, UndoBegan)) + 1
    assert isinstance(moved(old, new, events[:cut]), Stays)


def test_a_run_may_move_again_and_end_anywhere() -> None:
    """Case D4: wherever the process of a moved run ends, its log is one of the plan that it was moved to last."""
    first, second = compiled(OLD), compiled(OLD.replace("look(b)", 'look("two ${b}")'))
    third = compiled(OLD.replace("look(b)", 'look("three ${b}")'))
    events = until(first, "f/b")
    for old, new in ((first, second), (second, third)):
        found = moved(old, new, events)
        assert isinstance(found, Moved)
        events = [*events, *found.events]
        events += [event for event in _more(new, events) if not isinstance(event, NodeDone) or event.path != "f/c"]
        events = events[: events.index(NodeStarted("f/c"))] if NodeStarted("f/c") in events else events
    whole = [entry.event for entry in gone_on(third, events, {"f/b": Told("retry")})[0].entries]
    start = max(at for at, event in enumerate(whole) if isinstance(event, RunMoved))
    for stop in range(start + 1, len(whole) + 1):
        step = replay(Kernel(Program(third)), whole[:stop])
        assert whole[stop : stop + len(step.events)] == step.events


def _more(plan: Plan, events: Sequence[Event]) -> list[Event]:
    """What the log has further when the run has gone on and its process ended before the last step."""
    result, _ = gone_on(plan, events, {"f/b": Told("retry")})
    return [entry.event for entry in result.entries[len(events) :]]


@given(st.data())
@settings(deadline=None)
def test_a_run_that_moves_to_its_own_plan_is_as_before(data: st.DataObject) -> None:
    """Carried over to an equal plan, a log leads to the same end with the same calls, wherever it is cut."""
    plan = data.draw(plans(calm=True))
    whole = run(plan)
    events = [entry.event for entry in whole.entries]
    events = events[: data.draw(st.integers(1, len(events)))]
    found = moved(plan, plan, events)
    if isinstance(found, Stays):
        assert any(isinstance(event, UndoBegan | RunDone | RunFailed) for event in events)
        return
    told = {event.path: Told("retry") for event in events if isinstance(event, NodeStarted)}
    before, one = gone_on(plan, events, told)
    after, other = gone_on(plan, [*events, *found.events], told)
    assert (before.status, before.value) == (after.status, after.value) == (whole.status, whole.value)
    assert sorted(order.path for order in one.orders) == sorted(order.path for order in other.orders)
