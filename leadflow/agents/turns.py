"""Requests that begin together take turns: so many at each turn of the event loop.

Thousands at once would go through each of their stages side by side. Then nobody is asked before the last of them has
begun to connect, and what a request works with has left the processor's caches whenever it goes on: 5,000 calls took
twice the time that they take in turns (`tests/benchmarks/README.md`, P3). Few at once never wait.
"""

import asyncio
from collections import deque

TOGETHER = 32
"""Requests that begin at one turn of the event loop."""


class Turns:
    """Whose turn it is; of those who wait the first one's. Belongs to one event loop at a time."""

    def __init__(self, together: int = TOGETHER) -> None:
        """So many may begin at one turn of the loop."""
        self._together = self._left = together
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_counting = False

    def next(self) -> "asyncio.Future[None] | None":
        """What to wait for before a request begins; None: it is its turn. Who is cancelled takes nobody's turn."""
        loop = asyncio.get_running_loop()
        if not self._is_counting:
            self._is_counting = True
            loop.call_soon(self._begin_turn, loop)
        if self._left and not self._waiting:
            self._left -= 1
            return None
        turn = loop.create_future()
        self._waiting.append(turn)
        return turn

    def _begin_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_counting, self._left = bool(self._waiting), self._together
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._left -= 1
        if self._is_counting:
            loop.call_soon(self._begin_turn, loop)
