"""Virtual time: under `run_virtual` an hour of back-off costs no time at all.

The loop jumps to the next timer whenever nothing else can happen. Not for real sockets or child processes: their
answers take real time, which no virtual clock can wait for. Use a normal loop there.
"""

import asyncio
import math
import selectors
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any, TypeVar, TypeVarTuple
from weakref import WeakSet

from leadflow.stores.writer import Writer

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Ready = list[tuple[selectors.SelectorKey, int]]

_FINEST = 1e-9
"""Timers closer than this (in seconds) fall due together; it must stay above one float step of the clock."""

_PATIENCE = timedelta(seconds=5)
"""How long the clock stands still for a thread in flight before it jumps past it."""

_STUCK = timedelta(seconds=30)
"""How long (in real time) a loop without timers may wait for something outside before it is called stuck."""


class _JumpSelector(selectors.DefaultSelector):
    """Asks what is ready, never waits for a timer, and reports the time it did not wait."""

    def __init__(self, jump: Callable[[float], None], in_flight: Callable[[], bool]) -> None:
        super().__init__()
        self._jump = jump
        self._in_flight = in_flight

    def select(self, timeout: float | None = None) -> Ready:
        """The ready files; with none, `timeout` seconds of virtual time pass at once."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return self._wait_for_others()
        if self._in_flight() and (ready := super().select(_PATIENCE.total_seconds())):
            return ready
        self._jump(timeout)
        return ready

    def _wait_for_others(self) -> Ready:
        """No timer is set: only a thread or a file can go on."""
        ready = super().select(_STUCK.total_seconds())
        if not ready and not self._in_flight():
            raise RuntimeError("every task waits, no timer is set, and nothing outside has moved")
        return ready


class JumpLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock starts at 0 and jumps to the next timer when nothing else can happen.

    Same code, same order, same times: nothing depends on the machine's speed. Work in threads
    (`asyncio.to_thread`, `run_in_executor`, a journal's) takes no virtual time.
    """

    _clock_resolution: float

    def __init__(self) -> None:
        self._now = 0.0
        self._threads = 0
        self._writers: WeakSet[Writer] = WeakSet()
        super().__init__(_JumpSelector(self._jump, self._in_flight))
        self._clock_resolution = _FINEST

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def _jump(self, seconds: float) -> None:
        self._now += seconds
        self._clock_resolution = max(_FINEST, 2 * math.ulp(self._now))

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> Future[T]:
        """As every loop's; the clock stands still until the thread answers."""
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._landed)
        return future

    def add_reader(self, fd: Any, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """As every loop's; the clock stands still while the thread of a journal owes an answer."""
        super().add_reader(fd, callback, *args)
        if isinstance(whose := getattr(callback, "__self__", None), Writer):
            self._writers.add(whose)

    def _in_flight(self) -> bool:
        return self._threads > 0 or any(writer.is_busy for writer in self._writers)

    def _landed(self, _: "Future[Any]") -> None:
        self._threads -= 1

    async def shutdown_default_executor(self, limit: float | None = None) -> None:
        """As every loop's, without a limit: a limit would be a timer, and be jumped to."""
        await super().shutdown_default_executor()


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time, as `asyncio.run` would in real time."""
    make: Callable[[], AbstractEventLoop] = JumpLoop
    with asyncio.Runner(loop_factory=make) as runner:
        return runner.run(main)
