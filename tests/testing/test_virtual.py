"""The test kit's virtual time: it costs nothing, it is exact, and threads still work under it."""

import asyncio
import threading
from time import perf_counter, sleep

import pytest

from leadflow.testing import JumpLoop, run_virtual

HOUR = 3600.0


async def back_off(attempts: int) -> None:
    """Wait 1, 2, 4 ... seconds."""
    for attempt in range(attempts):
        await asyncio.sleep(2.0**attempt)


async def an_afternoon() -> tuple[float, int]:
    """500 tasks of six back-offs each, then an hour's timeout over something that never comes."""
    timed_out = 0
    async with asyncio.TaskGroup() as group:
        for _ in range(500):
            group.create_task(back_off(6))
    try:
        async with asyncio.timeout(HOUR):
            await asyncio.Event().wait()
    except TimeoutError:
        timed_out += 1
    return asyncio.get_running_loop().time(), timed_out


def test_an_hour_costs_nothing() -> None:
    """Six back-offs of 500 tasks and a timeout of an hour pass in less than a second."""
    began = perf_counter()
    now, timed_out = run_virtual(an_afternoon())
    assert (now, timed_out) == (63.0 + HOUR, 1)
    assert perf_counter() - began < 5.0


def test_the_clock_is_exact() -> None:
    """Tasks wake in the order of their timers, at the very time they asked for."""

    async def main() -> list[tuple[str, float]]:
        log: list[tuple[str, float]] = []

        async def wake(name: str, after: float) -> None:
            await asyncio.sleep(after)
            log.append((name, asyncio.get_running_loop().time()))

        async with asyncio.TaskGroup() as group:
            for name, after in (("late", 0.3), ("soon", 0.1), ("year", 3.2e8), ("mid", 0.2)):
                group.create_task(wake(name, after))
        return log

    assert run_virtual(main()) == [("soon", 0.1), ("mid", 0.2), ("late", 0.3), ("year", 3.2e8)]


def test_a_century_of_seconds_does_not_spin() -> None:
    """Where one second is finer than the clock's own step allows, timers still fall due."""

    async def main() -> float:
        await asyncio.sleep(3.0e9)
        for _ in range(100):
            await asyncio.sleep(1e-3)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(3.0e9 + 0.1)


def test_threads_take_no_virtual_time() -> None:
    """A thread's answer arrives before a timer that was set for sooner than the thread takes."""

    def slow() -> int:
        sleep(0.05)
        return threading.get_ident()

    async def main() -> tuple[bool, float]:
        async with asyncio.timeout(0.01):
            where = await asyncio.get_running_loop().run_in_executor(None, slow)
        return where != threading.get_ident(), asyncio.get_running_loop().time()

    assert run_virtual(main()) == (True, 0.0)


def test_many_threads_and_timers() -> None:
    """Threads and timers together: all threads answer, and only the timers move the clock."""

    async def main() -> tuple[int, float]:
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(asyncio.to_thread(abs, -number)) for number in range(50)]
            group.create_task(back_off(4))
        return sum(answer.result() for answer in answers), asyncio.get_running_loop().time()

    assert run_virtual(main()) == (1225, 15.0)


def test_a_cancelled_wait_for_a_thread_lets_the_clock_go_on() -> None:
    """After its waiter is gone, a thread no longer holds the clock."""
    release = threading.Event()

    async def main() -> float:
        waiting = asyncio.get_running_loop().run_in_executor(None, release.wait)
        waiting.cancel()
        await asyncio.sleep(HOUR)
        release.set()
        return asyncio.get_running_loop().time()

    began = perf_counter()
    assert run_virtual(main()) == HOUR
    assert perf_counter() - began < 4.0


def test_the_error_of_the_main_coroutine_comes_out() -> None:
    """What `main` raises, `run_virtual` raises, as `asyncio.run` does."""

    async def main() -> None:
        await asyncio.sleep(1)
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        run_virtual(main())


def test_each_loop_starts_at_zero() -> None:
    """Two runs do not share a clock."""
    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        runner.run(asyncio.sleep(5))
        assert runner.get_loop().time() == 5.0
    assert run_virtual(an_afternoon())[0] == 63.0 + HOUR
