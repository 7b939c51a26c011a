"""A world for agents under test: real ports where they cost nothing, none where a test must not reach."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from leadflow.run.adapters import SeededRng
from leadflow.run.ports import Spawner, Transport, World


class StillClock:
    """A wall clock that stands still."""

    def monotonic(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """Always the same."""
        return datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

    def timestamp(self) -> float:
        """The same moment."""
        return self.now().timestamp()

    async def sleep(self, duration: timedelta) -> None:
        """On the loop's time."""
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        loop.call_later(duration.total_seconds(), over.set_result, None)
        await over


def world(
    root: Path,
    *,
    transport: Transport | None = None,
    spawner: Spawner | None = None,
    commands: dict[str, tuple[str, ...]] | None = None,
    secrets: dict[str, str] | None = None,
) -> World:
    """A world around a project's root; ports that are not given must not be used."""
    return World(
        StillClock(),
        SeededRng(0),
        cast(Transport, transport),
        cast(Spawner, spawner),
        root,
        commands or {},
        {"PATH": "/usr/bin:/bin"},
        secrets or {},
        tuple((secrets or {}).values()),
    )
