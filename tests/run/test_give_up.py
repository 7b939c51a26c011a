"""A run whose process has ended is cancelled: nothing of it is called again, and its steps are taken back (case X1)."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from leadflow.events.model import (
    CancelRequested,
    Entry,
    Event,
    NodeCancelled,
    NodeDone,
    NodeStarted,
    RunCancelled,
    RunDone,
    RunFailed,
    Status,
)
from leadflow.plan.plan import Plan
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.kernel import Kernel, Program
from leadflow.run.recover import replay
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK
from tests.run.fakes import Fails, Fake, compiled, run, started
from tests.run.random_plans import plans, world
from tests.run.sagas import THREE, undos

WISH = CancelRequested("enough", by="ada")


def ended(plan: Plan, events: Sequence[Event], wish: CancelRequested = WISH) -> tuple[Result, Fake]:
    """Somebody cancels the run of a log."""
    fake = Fake()
    entries = [Entry(seq, float(seq), event) for seq, event in enumerate(events)]

    async def main() -> Result:
        driver = Driver(Program(plan), Ports(fake, MemoryJournal(CLOCK, entries), CLOCK))
        return await driver.end(entries, wish, owner="me")

    return run_virtual(main()), fake


def test_from_any_prefix_what_was_done_is_taken_back() -> None:
    """Cases X1, S1: wherever the process ended, what is done is undone, last first; nothing else is called."""
    plan = compiled(THREE)
    events = [entry.event for entry in run(plan).entries]
    last = events.index(NodeStarted("f/d"))
    for stop in range(1, last + 2):
        done = [one.path for one in events[:stop] if isinstance(one, NodeDone) and one.path in ("f/a", "f/b")]
        result, fake = ended(plan, events[:stop])
        assert done[::-1] == list(result.undone)
        assert all(order.path.endswith("~undo") for order in fake.orders)
        cut = [one.path for one in map(_doubtful, result.entries) if one is not None]
        begun = events[stop - 1]
        assert ([begun.path] if isinstance(begun, NodeStarted) else []) == cut
        is_lost = cut in (["f/a"], ["f/b"])
        assert (Status.FAILED if is_lost else Status.CANCELLED) is result.status
        replay(Kernel(Program(plan)), [entry.event for entry in result.entries])


def _doubtful(entry: Entry) -> NodeCancelled | None:
    return entry.event if isinstance(entry.event, NodeCancelled) and entry.event.in_doubt else None


def test_by_force_nothing_is_taken_back() -> None:
    """Case S3: who insists gets an end at once; what is not undone is not called undone."""
    plan = compiled(THREE)
    events = [entry.event for entry in run(plan).entries]
    cut = events.index(NodeStarted("f/d"))
    result, fake = ended(plan, events[:cut], CancelRequested("now", force=True))
    assert ([], ()) == (fake.orders, result.undone)
    assert isinstance(result.entries[-1].event, RunCancelled | RunFailed)


def test_a_run_that_takes_its_steps_back_goes_on_with_that() -> None:
    """Case S3: a failed run in the middle of its undos is not stopped by a wish; an undo in doubt waits for a word."""
    plan = compiled(THREE.replace("tool drop", "@idempotent tool drop"))
    events = [entry.event for entry in run(plan, {"d": Fails()}).entries]
    cut = events.index(NodeStarted("f/b~undo")) + 1
    result, _ = ended(plan, events[:cut])
    assert ("f/b", "f/a") == result.undone
    assert 2 == len(undos(result))
    doubtful = compiled(THREE)
    result, fake = ended(doubtful, [started(doubtful), *events[1:cut]])
    assert (Status.WAITING, []) == (result.status, fake.orders)


def test_a_run_that_has_ended_stays_as_it_is() -> None:
    """Case X5: the end of a run is its end."""
    plan = compiled(THREE)
    events = [entry.event for entry in run(plan).entries]
    result, fake = ended(plan, events)
    assert (Status.DONE, []) == (result.status, fake.orders)
    assert events == [entry.event for entry in result.entries]


@given(st.data())
def test_any_run_can_be_given_up_anywhere(data: st.DataObject) -> None:
    """Whatever a run is made of and wherever its log ends, it ends, and its log follows from its plan."""
    plan = data.draw(plans())
    made = world(Program(plan), lambda count: data.draw(st.integers(0, count - 1)), failing=20)
    for _ in range(data.draw(st.integers(0, 8))):
        if made.kernel.has_ended:
            break
        made.give(made.next_fact())
    events = made.log[: data.draw(st.integers(1, len(made.log)))]
    result, fake = ended(plan, events, CancelRequested("enough", force=data.draw(st.booleans())))
    if result.status is not Status.WAITING:
        assert isinstance(result.entries[-1].event, RunCancelled | RunFailed | RunDone)
        assert all("~undo" in order.path for order in fake.orders)
        replay(Kernel(Program(plan)), [entry.event for entry in result.entries])
