"""The plain adapters of the ports: the system's clock, seeded chance, slots within this process.

The only place of a run that reads a clock or draws chance.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID


class SystemClock:
    """Time of the running loop and of the system: under a virtual loop durations are virtual too."""

    def monotonic(self) -> float:
        """Seconds on the loop's clock."""
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def timestamp(self) -> float:
        """The same in seconds since the epoch."""
        return time.time()

    async def sleep(self, duration: timedelta) -> None:
        """Wait; a duration of zero or less gives way once."""
        await asyncio.sleep(max(0.0, duration.total_seconds()))


class SeededRng:
    """Chance that repeats: one seed, one sequence (case R8)."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def random(self) -> float:
        """Evenly distributed in [0, 1)."""
        return self._random.random()

    def uuid(self) -> str:
        """A random UUID (version 4)."""
        return str(UUID(int=self._random.getrandbits(128), version=4))


def new_seed() -> int:
    """A seed that nobody can guess, for a run that was given none."""
    return Random().getrandbits(63)


@dataclass(slots=True)
class _Slots:
    """The slots of one key."""

    used: int = 0
    queue: deque["asyncio.Future[None]"] = field(default_factory=deque)


class LocalLimits:
    """Slots shared by the runs of this process; first come, first served (cases L3, L8)."""

    def __init__(self) -> None:
        self._slots: dict[str, _Slots] = {}

    def slot(self, key: str, capacity: int) -> AbstractAsyncContextManager[None]:
        """Hold one of `capacity` slots of `key`."""
        return self._hold(key, capacity)

    @asynccontextmanager
    async def _hold(self, key: str, capacity: int) -> AsyncIterator[None]:
        slots = self._slots.setdefault(key, _Slots())
        if slots.used >= capacity or slots.queue:
            await self._wait(slots)
        else:
            slots.used += 1
        try:
            yield
        finally:
            self._give_back(slots)
            if not slots.used and not slots.queue:
                self._slots.pop(key, None)

    async def _wait(self, slots: _Slots) -> None:
        """Wait for a slot; it is handed over, so nobody who comes later can take it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        slots.queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(slots)
            raise

    def _give_back(self, slots: _Slots) -> None:
        while slots.queue:
            turn = slots.queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        slots.used -= 1
