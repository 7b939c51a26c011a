"""A small shop to run the example against: `python server.py [PORT]`, then GET /prices/ARTICLE and /requests.

Every fifth request for a price is taken and never answered, as by a worker that hangs.
"""

import asyncio
import sys
from collections import Counter

from aiohttp import web

HANGS = 5
"""Of so many requests one is never answered."""

SEEN = web.AppKey("seen", Counter[str])


async def price(request: web.Request) -> web.Response:
    """The price of an article: ten cents a letter."""
    seen = request.app[SEEN]
    seen["requests"] += 1
    if seen["requests"] % HANGS == 0:
        seen["hung"] += 1
        await asyncio.sleep(60)
    article = request.match_info["article"]
    return web.json_response({"article": article, "cents": 10 * len(article)})


async def requests(request: web.Request) -> web.Response:
    """How many requests for prices came, and how many of them hung."""
    return web.json_response({name: request.app[SEEN][name] for name in ("requests", "hung")})


def make_app() -> web.Application:
    """The service, with a fresh memory of what it has seen."""
    app = web.Application()
    app[SEEN] = Counter()
    app.router.add_get("/prices/{article}", price)
    app.router.add_get("/requests", requests)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
