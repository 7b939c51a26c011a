"""The heap of timers behind all time limits: what it holds, when it tidies up, whom it wakes."""

import asyncio
import gc
import math
import weakref
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from leadflow.policies.watch import Timer, Watch
from leadflow.run.errors import InternalError
from leadflow.testing import JumpLoop, run_virtual
from tests.policies.playing import CLOCK, forever, s

MANY = 64
"""Ended timers that may stay, however few are under way."""


def nothing() -> None:
    """Nobody is called back."""


def timers(watch: Watch, count: int, *, begin: float = 1_000.0) -> list[Timer]:
    """So many, each a second after the one before: the last one is the last of the heap."""
    return [Timer(begin + number, watch, nothing) for number in range(count)]


def stopped(some: Sequence[Timer]) -> None:
    """They end before their time."""
    for timer in some:
        assert not timer.stop()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Do it in virtual time."""
    run_virtual(main)


def test_the_last_goes_at_once() -> None:
    """A timer that ends as the last of the heap leaves it."""

    async def main() -> None:
        watch = Watch(CLOCK, s(5))
        some = timers(watch, 3)
        some[2].stop()
        assert 2 == len(watch)
        some[0].stop()
        assert 2 == len(watch)

    run(main())


@pytest.mark.parametrize(
    ("count", "ended", "left"),
    [
        (MANY + 2, MANY, MANY + 2),
        (MANY + 2, MANY + 1, 1),
        (200, 100, 200),
        (200, 101, 99),
        (200, 150, 99),
        (200, 101 + MANY, 99),
        (200, 102 + MANY, 99 - MANY - 1),
    ],
)
def test_it_tidies_up_when_most_have_ended(count: int, ended: int, left: int) -> None:
    """More than so many, and more than half of all: then those that ended go, and are counted from none again."""

    async def main() -> None:
        watch = Watch(CLOCK, s(5))
        stopped(timers(watch, count)[:ended])
        assert left == len(watch)

    run(main())


def test_after_tidying_up_the_others_ring_in_their_order() -> None:
    """However the heap lay: each of those that are left ends at its own time."""

    async def main() -> None:
        watch, rang = Watch(CLOCK, s(5)), list[tuple[float, float]]()
        times = [10.0 + number * 37 % 199 for number in range(199)]
        leave = asyncio.Event()

        async def one(when: float) -> None:
            timer = Timer(when, watch, nothing)
            try:
                await (leave.wait() if when % 4 else forever())
            except asyncio.CancelledError:
                assert timer.stop()
                rang.append((when, round(CLOCK.monotonic(), 6)))
            else:
                assert not timer.stop()

        async with asyncio.TaskGroup() as group:
            for when in times:
                group.create_task(one(when))
            await CLOCK.sleep(s(1))
            leave.set()
            await CLOCK.sleep(s(0))
        assert [(when, when) for when in sorted(times) if not when % 4] == rang

    run(main())


def test_those_that_passed_are_counted_no_more() -> None:
    """What ended and whose time has passed left the heap: it is no reason to tidy up."""

    async def main() -> None:
        watch = Watch(CLOCK, s(5))
        early = timers(watch, 40, begin=1.0)
        late = timers(watch, 200)
        stopped(early)
        await CLOCK.sleep(s(100))
        assert 200 == len(watch)
        ended = 0
        for timer in late:
            before = len(watch)
            stopped([timer])
            if len(watch) < before - 1:
                break
            ended += len(watch) == before
        assert 2 * ended <= before < 2 * (ended + 1)

    run(main())


def test_another_loop_begins_with_nothing() -> None:
    """What was under way in a loop that is gone is neither held nor counted, and nobody of it is woken."""
    watch = Watch(CLOCK, s(5))

    async def first() -> None:
        stopped(timers(watch, 60, begin=5.0)[:40])

    async def second() -> None:
        told = list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        some = timers(watch, MANY + 2)
        assert MANY + 2 == len(watch)
        stopped(some[:MANY])
        assert MANY + 2 == len(watch)
        await CLOCK.sleep(s(100))
        assert [] == told

    run(first())
    run(second())


def test_a_time_that_is_over_already_rings_at_once() -> None:
    """Nobody waits for a time that has passed."""

    async def main() -> None:
        await CLOCK.sleep(s(10))
        timer = Timer(3.0, Watch(CLOCK, s(5)), nothing)
        with pytest.raises(asyncio.CancelledError):
            await forever()
        assert (10.0, True) == (round(CLOCK.monotonic(), 6), timer.stop())

    run(main())


@pytest.mark.parametrize("rest", [0.01, 0.5, 5.0])
def test_what_begins_behind_a_standstill_takes_no_time_of_those_before(rest: float) -> None:
    """Case K3: they have as long to hear what came as if nothing had begun, and what began has its own end then."""

    async def main() -> list[float]:
        loop, watch, ends = asyncio.get_running_loop(), Watch(CLOCK, s(5)), list[float]()

        async def work(seconds: float) -> None:
            timer = Timer(CLOCK.monotonic() + seconds, watch, nothing)
            try:
                await forever()
            except asyncio.CancelledError:
                ends.append(round(CLOCK.monotonic() - woke, 3))
                assert timer.stop()

        woke, before = math.inf, loop.create_task(work(1.0))
        await CLOCK.sleep(s(0.5))
        assert isinstance(loop, JumpLoop)
        loop._jump(100.0)
        await CLOCK.sleep(s(0))
        await CLOCK.sleep(s(0))
        woke = CLOCK.monotonic()
        await asyncio.gather(before, work(rest))
        return ends

    assert [1.0, max(1.0, rest)] == run_virtual(main())


def test_the_grace_ends_with_the_work() -> None:
    """Work that stops within its grace is not left behind later."""

    async def main() -> None:
        left = list[str]()
        timer = Timer(1.0, Watch(CLOCK, s(5)), lambda: left.append("left"))
        with pytest.raises(asyncio.CancelledError):
            await forever()
        assert timer.stop()
        await CLOCK.sleep(s(60))
        assert [] == left

    run(main())


def test_a_timer_that_ended_keeps_nothing_alive() -> None:
    """The heap holds it until its time; what it would have called back goes at once."""

    class Call:
        def leave(self) -> None:
            """It is left behind."""

    async def main() -> None:
        watch = Watch(CLOCK, s(5))
        call = Call()
        timer, last = Timer(1_000.0, watch, call.leave), Timer(2_000.0, watch, nothing)
        known = weakref.ref(call)
        del call
        stopped([timer])
        gc.collect()
        assert (2, None) == (len(watch), known())
        stopped([last])

    run(main())


def test_a_timer_stands_in_a_task() -> None:
    """It is a task that is cancelled; outside of one there is none."""

    async def main() -> None:
        loop, found = asyncio.get_running_loop(), list[BaseException]()

        def outside() -> None:
            try:
                Timer(1.0, Watch(CLOCK, s(5)), nothing)
            except InternalError as problem:
                found.append(problem)

        loop.call_soon(outside)
        await CLOCK.sleep(s(1))
        assert ["a timer outside of a task"] == [str(problem) for problem in found]

    run(main())
