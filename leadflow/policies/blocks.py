"""`@cache` on blocks and flows: what equal ones gave, in this process.

A key of the kernel tells blocks of one program; here that becomes a digest which tells programs, credentials and
projects too (case C2). Who waits for an equal one that ends without anything to give runs itself, one after the other:
a block that fails says nothing of the next one, because its calls are retried and answered by their own policies.

    find ---> kept: its value
      |
      +-----> nobody leads: leads ---> land: kept for `ttl`; all that wait have its value
      |                         |
      |                         +----> leave: the first that waits leads
      |
      +-----> waits ---> the one that led landed: its value
                |
                +------> the one that led left: leads
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from hashlib import blake2b
from typing import TypeAlias

from leadflow.plan.forms import from_kept, kept
from leadflow.plan.types import Value
from leadflow.policies.memory import Kept
from leadflow.policies.shared import Shared
from leadflow.run.ports import Clock, Lead, Recalled

Turn: TypeAlias = asyncio.Future[Kept | None]
"""Of one that waits: what the equal one gave; None: it runs itself now."""
Group: TypeAlias = tuple[asyncio.AbstractEventLoop, bytes]


class Blocks:
    """The `Memo` of the runs of one program."""

    def __init__(self, shared: Shared, clock: Clock, scope: bytes) -> None:
        """
        Args:
            scope: of the program, and of whose answers it is given.
        """
        self._shared, self._clock = shared, clock
        self._scope = blake2b(b"blocks:" + scope, digest_size=32)

    async def find(self, key: bytes, waits: Callable[[], None]) -> Recalled | Lead:
        """What an equal block gave; or the lead."""
        loop, digest = asyncio.get_running_loop(), self._digest(key)
        found = self._shared.memory.find(digest, self._clock.monotonic())
        if found is not None:
            return Recalled(from_kept(found.answer), is_shared=False)
        turn: Turn = loop.create_future()
        lead = _Lead(self, (loop, digest), turn)  # who waits is woken in its own loop
        if self._shared.flights.join((loop, digest), turn):
            return lead
        waits()
        try:
            landed = await turn
        except BaseException:
            lead.leave()
            raise
        return lead if landed is None else Recalled(from_kept(landed.answer), is_shared=True)

    def keep(self, key: bytes, value: Value, ttl: timedelta) -> None:
        """Remember what a block gave."""
        self._remember(self._digest(key), Kept(kept(value)), ttl)

    def _digest(self, key: bytes) -> bytes:
        digest = self._scope.copy()
        digest.update(key)
        return digest.digest()

    def _remember(self, digest: bytes, ended: Kept, ttl: timedelta) -> None:
        self._shared.memory.keep(digest, ended, seconds=ttl.total_seconds(), now=self._clock.monotonic())

    def land(self, group: Group, turn: Turn, value: Value, ttl: timedelta) -> None:
        """One that leads is done."""
        ended = Kept(kept(value))
        self._remember(group[1], ended, ttl)
        for other in self._shared.flights.land(group, turn):
            _wake(other, ended)

    def leave(self, group: Group, turn: Turn) -> None:
        """One goes without anything that others could use."""
        _wake(self._shared.flights.leave(group, turn), None)


class _Lead(Lead):
    """One that runs, or waits to."""

    def __init__(self, blocks: Blocks, group: Group, turn: Turn) -> None:
        self._blocks, self._group, self._turn = blocks, group, turn

    def land(self, value: Value, ttl: timedelta) -> None:
        self._blocks.land(self._group, self._turn, value, ttl)

    def leave(self) -> None:
        self._blocks.leave(self._group, self._turn)


def _wake(turn: Turn | None, landed: Kept | None) -> None:
    """Tell one that waits; one that is being cancelled passes it on by itself."""
    if turn is not None and not turn.done():
        turn.set_result(landed)
