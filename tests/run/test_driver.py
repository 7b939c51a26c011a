"""The driver: what it does around the kernel's decisions, under virtual time."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import pytest

from leadflow.events.fold import fold
from leadflow.events.model import (
    CallWaits,
    DoubtSettled,
    Entry,
    Event,
    Failure,
    NodeDone,
    NodeStarted,
    RunDone,
    RunResumed,
    Status,
)
from leadflow.plan.plan import FlowPlan, Node, Plan
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.kernel import Program
from leadflow.run.ports import Answer, Caller, CallOrder
from leadflow.run.store import Fenced
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.plans import SHAPES, chain, nested
from tests.run.fakes import Fake, Says, ends, kinds, run, started


def test_a_chain_runs_to_its_value() -> None:
    """Three calls in a row give the value of the last, and the log tells it in order."""
    result = run(chain(3))
    assert (Status.DONE, "main/n2") == (result.status, result.value)
    starts_and_ends = [entry.event for entry in result.entries if isinstance(entry.event, NodeStarted | NodeDone)]
    names = [f"{type(event).__name__} {event.path}" for event in starts_and_ends]
    assert [
        "NodeStarted main/n0", "NodeDone main/n0",
        "NodeStarted main/n1", "NodeDone main/n1",
        "NodeStarted main/n2", "NodeDone main/n2",
        "NodeDone main/return@3",
    ] == names  # fmt: skip
    assert RunDone("main/n2") == result.entries[-1].event


def test_every_shape_calls_every_node_once() -> None:
    """Chain, fan, layers and ladder of 40: each call is made exactly once."""
    for shape in SHAPES.values():
        fake, plan = Fake(), shape(40)
        assert Status.DONE is run(plan, fake).status
        paths = [order.path for order in fake.orders]
        assert len(paths) == len(set(paths)) == len(plan.flows["main"].nodes) - 1


def test_entries_are_numbered_without_gaps() -> None:
    """The log counts from 0."""
    assert list(range(9)) == [entry.seq for entry in run(chain(3)).entries]


def test_the_fold_of_the_log_is_the_result() -> None:
    """Status, value and every node's value can be read from the log alone."""
    result = run(nested(), {"first": Says("F")})
    state = fold(result.entries)
    assert (result.status, result.value) == (state.status, state.value)
    assert {Status.DONE: len(ends(result))} == {status: count for status, count in state.counts.items() if count}


# --- the journal --------------------------------------------------------------------------------------------------


class SlowJournal(MemoryJournal):
    """Takes a while to commit, and notes when it has."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.committed: list[Event] = []

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events a second later."""
        await asyncio.to_thread(lambda: None)
        entries = await super().append(events)
        self.committed.extend(events)
        return entries


class Watching:
    """Callers that look at the journal when they are called."""

    def __init__(self, journal: SlowJournal) -> None:
        self._journal = journal
        self.seen: dict[str, list[Event]] = {}

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node."""

        async def call(order: CallOrder) -> Answer | Failure:
            self.seen[order.path] = list(self._journal.committed)
            return Answer(order.path)

        return call


def test_nothing_starts_before_what_it_follows_from_is_committed() -> None:
    """Case D1: when a call is made, its own start and the end of what it needs are committed."""

    async def main() -> None:
        journal, plan = SlowJournal(), chain(4)
        callers = Watching(journal)
        await Driver(Program(plan), Ports(callers, journal, SystemClock())).run(started(plan))
        for number in range(1, 4):
            seen = callers.seen[f"main/n{number}"]
            assert NodeStarted(f"main/n{number}") in seen
            assert NodeDone(f"main/n{number - 1}", f"main/n{number - 1}") in seen

    run_virtual(main())


class Noting(MemoryJournal):
    """Notes of which of its commits it heard that nothing is under way."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.said: list[str] = []

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events."""
        self.said.append(f"busy {_names(events)}")
        return await super().append(events)

    async def append_idle(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events."""
        self.said.append(f"idle {_names(events)}")
        return await super().append(events)


def _names(events: Sequence[Event]) -> str:
    return " ".join(event.path.removeprefix("main/") for event in events if isinstance(event, NodeStarted | NodeDone))


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (chain(3), ["idle n0", "idle n0 n1", "idle n1 n2", "idle n2 return@3"]),
        (SHAPES["fan"](2), ["idle n0 n1", "busy n0", "idle n1 total", "idle total return@3"]),
    ],
    ids=["chain", "fan"],
)
def test_the_journal_hears_when_nothing_is_under_way(plan: Plan, expected: list[str]) -> None:
    """Nothing of the run can go on before the commit then, so that its journal may stop the loop for it."""

    async def main() -> list[str]:
        journal, fake = Noting(), Fake({"n0": Says("0"), "n1": Says("1", after=1)})
        await Driver(Program(plan), Ports(fake, journal, SystemClock())).run(started(plan))
        return journal.said

    assert expected == run_virtual(main())


class FullJournal(MemoryJournal):
    """Has room for so many batches."""

    def __init__(self, room: int) -> None:
        super().__init__(SystemClock())
        self._room = room

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events, while there is room."""
        if not self._room:
            raise OSError("no space left on device")
        self._room -= 1
        return await super().append(events)


class LostJournal(MemoryJournal):
    """Is another worker's behind the first batch."""

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events, once."""
        if await self.load():
            raise Fenced("run r was taken over by another worker")
        return await super().append(events)


def test_what_is_done_too_late_is_told() -> None:
    """Case D14: the worker that lost the run makes no further call, and names what it did in vain."""
    fake, plan = Fake(), chain(3)

    async def main() -> Result:
        return await Driver(Program(plan), Ports(fake, LostJournal(SystemClock()), SystemClock())).run(started(plan))

    result = run_virtual(main())
    assert result.failure is not None
    told = "run r was taken over by another worker; done here, and not kept: main/n0"
    assert ("system.taken_over", told) == (result.failure.error, result.failure.message)
    assert ["main/n0"] == [order.path for order in fake.orders]


class LastWords:
    """Calls that say something when they are cancelled."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node."""

        async def call(order: CallOrder) -> Answer | Failure:
            try:
                await SystemClock().sleep(timedelta(seconds=60))
            finally:
                order.post(CallWaits(order.path, "main", "the end", None))
                self.heard.append(order.path)
            return Answer(None)

        return call


def test_what_is_said_while_the_event_loop_closes_is_no_error() -> None:
    """Case X1: who closes the loop cancels all tasks at once, and the run does not wait any more for what they say."""
    callers, plan = LastWords(), chain(3)

    async def main() -> None:
        driver = Driver(Program(plan), Ports(callers, MemoryJournal(SystemClock()), SystemClock()))
        running = asyncio.create_task(driver.run(started(plan)))
        await SystemClock().sleep(timedelta(seconds=1))
        assert not running.done()

    run_virtual(main())
    assert ["main/n0"] == callers.heard


@pytest.mark.parametrize("room", range(5))
def test_a_full_journal_parks_the_run_and_it_can_go_on(room: int) -> None:
    """Case D8: nothing is done that was not committed; with space again the run ends as if nothing had been."""
    plan = chain(4)

    async def main() -> tuple[Result, Result, int]:
        journal, fake = FullJournal(room), Fake()
        parked = await Driver(Program(plan), Ports(fake, journal, SystemClock())).run(started(plan))
        calls = len(fake.orders)
        entries = await journal.load()
        again = MemoryJournal(SystemClock(), entries)
        driver = Driver(Program(plan), Ports(fake, again, SystemClock()))
        return parked, await (driver.resume(entries) if entries else driver.run(started(plan))), calls

    parked, ended, calls = run_virtual(main())
    assert parked.failure is not None
    assert (Status.WAITING, "system.journal", room) == (parked.status, parked.failure.error, calls)
    assert (Status.DONE, "main/n3") == (ended.status, ended.value)
    assert [entry.event for entry in run(plan).entries] == [
        entry.event for entry in ended.entries if not isinstance(entry.event, RunResumed | DoubtSettled)
    ]


def test_a_finished_log_is_finished() -> None:
    """Taking up the log of a run that has ended gives its result and calls nobody."""
    plan, fake = chain(3), Fake()
    entries = run(plan).entries

    async def main() -> Result:
        clock = SystemClock()
        driver = Driver(Program(plan), Ports(fake, MemoryJournal(clock, entries), clock))
        return await driver.resume(entries)

    assert (Status.DONE, "main/n2", []) == ((ended := run_virtual(main())).status, ended.value, fake.orders)


# --- observers ----------------------------------------------------------------------------------------------------


def test_observers_see_every_entry_in_order() -> None:
    """What an observer is shown is the log."""
    seen: list[Entry] = []
    result = run(nested(), observers=[seen.append])
    assert list(result.entries) == seen


def test_a_broken_observer_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Case X10: what an observer raises is logged; the run and the other observers go on."""
    seen: list[Entry] = []

    def broken(entry: Entry) -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "leadflow"):
        result = run(chain(2), observers=[broken, seen.append])
    assert (Status.DONE, len(result.entries)) == (result.status, len(seen))
    assert len(seen) == len(caplog.records)


def test_what_arrives_together_is_committed_together() -> None:
    """A fan of calls that end in one tick is one batch: committed once, not once per call."""
    batches: list[int] = []

    class Counting(MemoryJournal):
        async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
            batches.append(len(events))
            return await super().append(events)

    async def main() -> None:
        clock, plan = SystemClock(), SHAPES["fan"](50)
        await Driver(Program(plan), Ports(Fake(), Counting(clock), clock)).run(started(plan))

    run_virtual(main())
    assert [51, 51, 3] == batches


def test_kinds_of_a_small_run() -> None:
    """A run of one call is these events, and no others."""
    expected = ["RunStarted", "NodeStarted", "NodeDone", "NodeDone", "RunDone"]
    assert expected == kinds(run(chain(1)).entries)
