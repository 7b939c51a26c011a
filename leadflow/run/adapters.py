"""The plain adapters of the ports: the system's clock and seeded chance.

The only place of a run that reads a clock or draws chance.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo


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


def new_run_id() -> str:
    """The id of a run: never repeated, because the keys of its writes are made of it."""
    return SeededRng(new_seed()).uuid()


def zone_of(name: str) -> tzinfo:
    """The hours of a time zone, as this machine knows them.

    Raises:
        ZoneInfoNotFoundError: it does not.
    """
    return UTC if name == "UTC" else ZoneInfo(name)


def seconds_passed() -> Callable[[], float]:
    """A watch that is started: it says how many seconds have passed since."""
    begun = time.perf_counter()
    return lambda: time.perf_counter() - begun
