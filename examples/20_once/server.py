"""A desk that files orders, to run the example against: `python server.py [PORT]`, then POST /orders and GET /copies.

It is slow and files whatever it is sent, as often as it is sent: an order that comes twice has two copies.
"""

import asyncio
import sys
from collections import Counter

from aiohttp import web

SLOW = 0.3
"""Seconds that it takes to file an order."""

COPIES = web.AppKey("copies", Counter[str])


async def file(request: web.Request) -> web.Response:
    """File an order, once more if need be."""
    order = (await request.json())["id"]
    request.app[COPIES][order] += 1
    copy = request.app[COPIES][order]
    await asyncio.sleep(SLOW)
    return web.json_response({"case": f"{order}, copy {copy}"})


async def copies(request: web.Request) -> web.Response:
    """How often each order was filed."""
    return web.json_response(request.app[COPIES])


def make_app() -> web.Application:
    """The service, with nothing filed."""
    app = web.Application()
    app[COPIES] = Counter()
    app.router.add_post("/orders", file)
    app.router.add_get("/copies", copies)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
