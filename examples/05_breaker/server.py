"""A warehouse that is down for a while, and a copy of it: `python server.py [PORT]`, both under one address.

`/live/stock/ARTICLE` is the warehouse. It answers its first three requests, says 503 to the next four, as if it were
restarting, and answers from then on. `/copy/stock/ARTICLE` always answers, with what was in stock yesterday, and
`/copy/requests` says how many requests the warehouse got.
"""

import sys
from collections import Counter
from zlib import crc32

from aiohttp import web

WELL, DOWN = 3, 4
"""How many requests the warehouse answers before it is down, and how many it then does not."""

ASKED = web.AppKey("asked", Counter[str])


def stock(request: web.Request, of: str) -> web.Response:
    """The answer about one article."""
    article = request.match_info["article"]
    return web.json_response({"article": article, "pieces": crc32(article.encode()) % 50, "of": of})


async def live(request: web.Request) -> web.Response:
    """The warehouse."""
    asked = request.app[ASKED]
    asked["live"] += 1
    if WELL < asked["live"] <= WELL + DOWN:
        return web.json_response({"error": "the warehouse is restarting"}, status=503)
    return stock(request, "today")


async def copy(request: web.Request) -> web.Response:
    """The copy."""
    return stock(request, "yesterday")


async def requests(request: web.Request) -> web.Response:
    """How many requests the warehouse got."""
    return web.json_response(request.app[ASKED]["live"])


def make_app() -> web.Application:
    """Both, with nobody having asked yet."""
    app = web.Application()
    app[ASKED] = Counter()
    app.router.add_get("/live/stock/{article}", live)
    app.router.add_get("/copy/stock/{article}", copy)
    app.router.add_get("/copy/requests", requests)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
