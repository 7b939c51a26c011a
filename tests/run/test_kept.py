"""Nothing is sent before what led to it is committed: the turn in a queue, the further attempt, what is set aside."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import pytest

from leadflow.events.model import AttemptStarted, BudgetReserved, BudgetSettled, CallAdmitted, Entry, Event, Status
from leadflow.policies.budget import Purse
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng, SystemClock
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.errors import ConnectFailed
from leadflow.run.kernel import Program
from leadflow.run.ports import Reply, Request
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.run.fakes import Fake, Says, compiled, started

CLOCK = SystemClock()


class Slow(MemoryJournal):
    """A journal whose commits take a second."""

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events."""
        await CLOCK.sleep(timedelta(seconds=1))
        return await super().append(events)


class Asked:
    """An agent that notes what is committed of a call when it is asked; the first attempt of `often` fails."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self.seen: list[tuple[str, list[str]]] = []

    async def call(self, request: Request) -> Reply:
        """Note, and answer after a while."""
        kept = [entry.event for entry in await self._journal.load()]
        wanted = (CallAdmitted, AttemptStarted, BudgetReserved)
        of_it = [type(event).__name__ for event in kept if isinstance(event, wanted) and event.path == request.path]
        self.seen.append((request.path, of_it))
        await CLOCK.sleep(timedelta(seconds=0.1))
        if request.action == "often" and request.attempt == 1:
            raise ConnectFailed("nobody is there", sent=False)
        return Reply("yes")

    async def aclose(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(
    ("agent", "steps", "expected"),
    [
        ("@concurrency(1)", "step p = parallel { step a: string = one.put() step b: string = one.put() }",
         {"f/p/b": [["CallAdmitted"]]}),
        ("", '@retry(2, backoff: 1ms, jitter: "none") step a: string = one.often() return a',
         {"f/a": [[], ["AttemptStarted"]]}),
        ("", "@budget(calls: 2) step a: string = one.put()", {"f/a": [["BudgetReserved"]]}),
    ],
    ids=["queue", "attempt", "budget"],
)  # fmt: skip
def test_what_led_to_a_request_is_committed(agent: str, steps: str, expected: dict[str, list[list[str]]]) -> None:
    """Cases D2, R22, $8: wherever a log ends, it shows that a request may have been sent, and what it may take."""
    result = " -> string" if "return" in steps else ""
    plan = compiled(
        f'{agent} agent one: python {{ module: "one.py"  reads: ["often"] }} flow f(){result} {{ {steps} }}'
    )

    async def main() -> tuple[Result, Asked]:
        journal = Slow(CLOCK)
        asked = Asked(journal)
        stack = Stack(plan.agents, {"one": asked}, PolicyPorts(CLOCK, SeededRng(1), Shared()), purse=Purse())
        return await Driver(Program(plan), Ports(stack, journal, CLOCK)).run(started(plan)), asked

    ended, asked = run_virtual(main())
    assert Status.DONE is ended.status
    for path, kept in expected.items():
        assert kept == [names for where, names in asked.seen if where == path]


class Deaf:
    """An agent whose action `late` does not hear that it is told to stop."""

    async def call(self, request: Request) -> Reply:
        """Answer in a second, or in a minute whatever comes."""
        end = CLOCK.monotonic() + (60 if request.action == "late" else 1)
        while (left := end - CLOCK.monotonic()) > 1e-6:
            with suppress(asyncio.CancelledError):
                await CLOCK.sleep(timedelta(seconds=left))
        return Reply("yes")

    async def aclose(self) -> None:
        """Nothing is held."""


def test_what_a_call_that_is_left_behind_set_aside_is_spent() -> None:
    """Cases $3, T8: a call that does not stop when its race is over is settled in the log before it ends there."""
    plan = compiled(
        'agent one: python { module: "one.py"  reads: ["look", "late"] }\n'
        "@budget(calls: 5) flow f() { step r = race { step a: string = one.look() step b: string = one.late() } "
        "step c: string = one.put(r) undo none }"
    )

    async def main() -> Result:
        stack = Stack(plan.agents, {"one": Deaf()}, PolicyPorts(CLOCK, SeededRng(1), Shared()), purse=Purse())
        result = await Driver(Program(plan), Ports(stack, MemoryJournal(CLOCK), CLOCK)).run(started(plan))
        await CLOCK.sleep(timedelta(minutes=2))
        return result

    events = [entry.event for entry in run_virtual(main()).entries]
    of_it = [type(event).__name__ for event in events if getattr(event, "path", "") == "f/r/b"]
    assert ["NodeStarted", "BudgetReserved", "BudgetSettled", "NodeCancelled"] == of_it
    assert [True] == [
        event.is_estimated for event in events if isinstance(event, BudgetSettled) and event.path == "f/r/b"
    ]


def test_a_loop_that_is_cancelled_itself_ends_the_run() -> None:
    """When a loop is closed every task is cancelled, that of the driver too: whoever waits for the run hears of it."""
    plan = compiled('flow f() { step a = put("1") }')

    async def main() -> str:
        loop = asyncio.get_running_loop()
        journal = MemoryJournal(CLOCK)
        driver = Driver(Program(plan), Ports(Fake({"a": Says("A", 100)}), journal, CLOCK))
        waiting = loop.create_task(driver.run(started(plan)))
        await CLOCK.sleep(timedelta(seconds=1))
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.wait([waiting])
        return "cancelled" if waiting.cancelled() else "done"

    assert "cancelled" == run_virtual(main())
