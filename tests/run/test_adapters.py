"""The plain adapters of the ports: clock, chance, the journal in memory."""

import re
from datetime import timedelta

from leadflow.events.model import Entry, NodeStarted, RunDone
from leadflow.run.adapters import SeededRng, SystemClock, new_seed
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual


def test_the_clock_is_the_loops() -> None:
    """A day's sleep takes a day on the clock, and no time under a virtual loop."""

    async def main() -> float:
        clock = SystemClock()
        before = clock.monotonic()
        await clock.sleep(timedelta(days=1))
        await clock.sleep(timedelta(seconds=-5))
        return clock.monotonic() - before

    assert 86400.0 == run_virtual(main())


def test_the_wall_clock_has_a_zone() -> None:
    """`now` is in UTC."""
    assert timedelta(0) == SystemClock().now().utcoffset()


def test_both_readings_of_the_wall_clock_agree() -> None:
    """`timestamp` is `now` in seconds since the epoch."""
    clock = SystemClock()
    before, between, after = clock.now().timestamp(), clock.timestamp(), clock.now().timestamp()
    assert before <= between <= after + 0.001  # `now` cuts to microseconds


def test_one_seed_repeats_and_two_differ() -> None:
    """Case R8: chance follows from the seed alone."""
    draws = [[SeededRng(seed).random() for _ in range(3)] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert SeededRng(1).uuid() == SeededRng(1).uuid() != SeededRng(2).uuid()
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", SeededRng(1).uuid())
    assert new_seed() != new_seed()


def test_a_journal_in_memory_numbers_and_keeps() -> None:
    """Entries are numbered on from what it began with, and loading gives them all."""

    async def main() -> list[Entry]:
        clock = SystemClock()
        journal = MemoryJournal(clock, [Entry(0, 1.0, NodeStarted("f/a"))])
        appended = await journal.append([NodeStarted("f/b"), RunDone(1)])
        loaded = await journal.load()
        assert list(appended) == list(loaded[1:])
        return list(loaded)

    entries = run_virtual(main())
    assert [(0, NodeStarted("f/a")), (1, NodeStarted("f/b")), (2, RunDone(1))] == [(e.seq, e.event) for e in entries]
