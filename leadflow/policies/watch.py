"""Time limits of what is under way: many timers, one of them at the loop.

A timer cancels the task that entered it when its time is over. Nearly all end before: so they stand in a heap of our
own, and the loop is asked to call for the first of them only, which makes an attempt with a limit three times cheaper
than `asyncio.timeout` does. Unlike that, a timer does not wait without end for work that does not stop (case T8); in
all else a test holds the two against each other.
"""

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Callable
from datetime import timedelta
from heapq import heapify, heappop, heappush
from math import inf

from leadflow.run.errors import InternalError
from leadflow.run.ports import BREATH, LATE, Clock

_SAME = 1e-6
"""Seconds that make no difference: a loop may call that much too early."""
_LATE, _BREATH = LATE.total_seconds(), BREATH.total_seconds()
_MANY = 64
"""Ended timers that may stay in the heap, however few are under way."""


class Watch:
    """Tells timers that their time is over."""

    __slots__ = ("_due", "_ended", "_handle", "_heap", "_loop", "_next", "_number", "clock", "grace")

    def __init__(self, clock: Clock, grace: timedelta) -> None:
        self.clock = clock
        self.grace = grace
        """How long work may clean up before it is left behind."""
        self._heap: list[tuple[float, int, Timer]] = []
        """By when; what has ended stays until it is on top, or until there is too much of it."""
        self._ended = self._number = 0
        self._next = inf
        """When the time of the first of them is over."""
        self._due = inf
        """When the loop calls: then, or at once."""
        self._handle: asyncio.TimerHandle | None = None
        self._loop: AbstractEventLoop | None = None

    def add(self, timer: "Timer", loop: AbstractEventLoop) -> None:
        """Tell the timer when its time is over."""
        if loop is not self._loop:  # a new loop, with nothing under way yet
            self._loop, self._handle, self._next, self._ended = loop, None, inf, 0
            self._heap.clear()
        self._number += 1
        heappush(self._heap, (timer.when, self._number, timer))
        if timer.when < self._next:
            self._call_at(timer.when, loop)

    def drop(self, timer: "Timer") -> None:
        """A timer ended before its time."""
        if self._heap and self._heap[-1][2] is timer:  # the last of a heap may go at any time
            self._heap.pop()
            return
        self._ended += 1
        if self._ended > _MANY and 2 * self._ended > len(self._heap):
            self._heap = [entry for entry in self._heap if not entry[2].has_ended]
            heapify(self._heap)
            self._ended = 0

    def __len__(self) -> int:
        """How many timers it holds, those that ended and are still there included."""
        return len(self._heap)

    def _call_at(self, when: float, loop: AbstractEventLoop) -> None:
        if self._handle is not None:
            self._handle.cancel()
        now = self.clock.monotonic()
        self._next, self._due = when, max(when, now)
        self._handle = loop.call_later(self._due - now, self._ring, loop)

    def _ring(self, loop: AbstractEventLoop) -> None:
        now, heap = self.clock.monotonic() + _SAME, self._heap
        if now - self._due > _LATE:
            self._call_at(now + _BREATH, loop)
            self._next = -inf  # and not before, whatever begins meanwhile
            return
        while heap and (heap[0][0] <= now or heap[0][2].has_ended):
            timer = heappop(heap)[2]
            if timer.has_ended:
                self._ended -= 1
            else:
                timer.expire(loop)
        self._handle, self._next = None, inf
        if heap:
            self._call_at(heap[0][0], loop)


class Timer:
    """Runs from when it is made, in the task that makes it, until `stop`, which is to be called however the work ends.

    When its time is over it cancels the task; if that has no effect within the grace it calls back.
    """

    __slots__ = ("_before", "_leave", "_left", "_task", "_watch", "has_ended", "when")

    def __init__(self, when: float, watch: Watch, leave: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise InternalError("a timer outside of a task")
        self.when = when
        """In seconds of the watch's clock."""
        self._watch = watch
        self._leave = leave
        self._left: asyncio.TimerHandle | None = None
        """The end of the grace, when the time is over."""
        self._task = task
        self._before = task.cancelling()
        self.has_ended = False
        watch.add(self, loop)

    def stop(self) -> bool:
        """Whether the time was over: the cancel that the work has seen, or swallowed, was this timer's.

        Raises:
            CancelledError: somebody else cancelled the task too.
        """
        self.has_ended = True
        if self._left is None:
            self._watch.drop(self)
            self._leave = _nobody  # a heap keeps this timer until its time: it may not keep the call, and so the run
            return False
        self._left.cancel()
        if self._task.uncancel() > self._before:
            raise asyncio.CancelledError
        return True

    def expire(self, loop: AbstractEventLoop) -> None:
        """The time is over."""
        self._task.cancel()
        self._left = loop.call_later(self._watch.grace.total_seconds(), self._leave)


def _nobody() -> None:
    """Calls back nobody: of a timer that has ended."""
