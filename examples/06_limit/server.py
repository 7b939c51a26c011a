"""A translation service to run the example against: `python server.py [PORT]`, then GET /words/WORD.

It has two limits, and keeps to them: so many requests within its window, and so many at once. Whoever exceeds one of
them gets a 429. It counts one second of the two that it promises, as services do that forgive a little: a request may
be late on its way. GET /refused says how often it had to refuse, GET /most how many requests it ever had at once, GET
/place/WORD as which one a word came.
"""

import asyncio
import sys
from collections import deque
from time import monotonic

from aiohttp import web

PER_WINDOW, AT_ONCE = 20, 5
WINDOW = 1.0
"""Seconds."""
WORK = 0.03
"""Seconds that a translation takes."""


class Office:
    """The service, with a memory of who came when."""

    def __init__(self) -> None:
        self.came: deque[float] = deque()
        self.words: list[str] = []
        self.now = self.most = self.refused = 0

    async def translate(self, request: web.Request) -> web.Response:
        """One word, or a 429."""
        at = monotonic()
        while self.came and at - self.came[0] >= WINDOW:
            self.came.popleft()
        if len(self.came) >= PER_WINDOW or self.now >= AT_ONCE:
            self.refused += 1
            return web.json_response({"error": "too many requests"}, status=429)
        self.came.append(at)
        self.words.append(request.match_info["word"])
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(WORK)
        finally:
            self.now -= 1
        left = {"X-RateLimit-Remaining-Requests": str(PER_WINDOW - len(self.came)), "X-RateLimit-Reset-Requests": "1s"}
        return web.Response(text=request.match_info["word"][::-1], headers=left)

    async def count(self, request: web.Request) -> web.Response:
        """How often it refused."""
        return web.json_response(self.refused)

    async def place(self, request: web.Request) -> web.Response:
        """As which one a word came."""
        return web.json_response(self.words.index(request.match_info["word"]) + 1)

    async def crowd(self, request: web.Request) -> web.Response:
        """How many there were at once."""
        return web.json_response(self.most)


def make_app() -> web.Application:
    """The service, as it is after a start."""
    app, office = web.Application(), Office()
    app.router.add_get("/words/{word}", office.translate)
    app.router.add_get("/refused", office.count)
    app.router.add_get("/most", office.crowd)
    app.router.add_get("/place/{word}", office.place)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
