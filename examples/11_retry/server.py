"""A rate service to run the example against: `python server.py [PORT]`, then GET /rates/NAME.

Each currency has one trouble, always the same, and remembers how often it was asked since the start:

    EUR  answers 503 twice
    USD  answers 429 once and wants a break; whoever comes back sooner is sent away for good
    GBP  takes the first request and says nothing
    JPY  breaks the first answer off in the middle
    CHF  says "n/a" where a number belongs, the first time
    SEK  answers 500 every time
    XAU  is not traded here: 404
    ATL  is known to nobody

POST /orders places an order and loses the first answer. An order that comes again under its key is the same order.
"""

import asyncio
import sys
from collections import Counter
from time import monotonic

from aiohttp import web

RATES = {"EUR": 1.0842, "USD": 1.0, "GBP": 1.2674, "JPY": 0.0067, "CHF": 1.1319}
BREAK = 0.3
"""Seconds for which the caller of USD is to stay away."""


class Desk:
    """The service, with a memory of who asked what."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.orders: dict[str, str] = {}
        """Ids by key."""
        self.back_at = 0.0

    async def rate(self, request: web.Request) -> web.StreamResponse:
        """The rate of a currency, or its trouble."""
        name = request.match_info["name"]
        self.asked[name] += 1
        first = self.asked[name] == 1
        match name:
            case "EUR" if self.asked[name] <= 2:
                return problem(503, "starting")
            case "USD" if first:
                self.back_at = monotonic() + BREAK
                return problem(429, "too fast", {"Retry-After": str(BREAK)})
            case "USD" if monotonic() < self.back_at:
                return problem(403, "told you to wait")
            case "GBP" if first:
                await asyncio.sleep(60)
            case "JPY" if first:
                return await broken_off(request)
            case "CHF" if first:
                return web.json_response({"currency": name, "value": "n/a"})
            case "SEK":
                return problem(500, "out of order")
        if name not in RATES:
            return problem(404, "not traded here")
        return web.json_response({"currency": name, "value": RATES[name]})

    async def count(self, request: web.Request) -> web.Response:
        """How often the rate of a currency was asked for."""
        return web.json_response(self.asked[request.match_info["name"]])

    async def order(self, request: web.Request) -> web.StreamResponse:
        """Place an order."""
        key = request.headers.get("Idempotency-Key", f"order {len(self.orders)}")
        is_new = key not in self.orders
        number = self.orders.setdefault(key, f"O-{len(self.orders) + 1}")
        return await broken_off(request) if is_new else web.json_response({"id": number})

    async def placed(self, request: web.Request) -> web.Response:
        """How many orders were placed."""
        return web.json_response(len(self.orders))


def problem(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """An answer that says what is wrong."""
    return web.json_response({"error": text}, status=status, headers=headers)


async def broken_off(request: web.Request) -> web.StreamResponse:
    """An answer that promises more than it sends before the line goes dead."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"currency": "')
    if request.transport is not None:
        request.transport.close()
    return response


def make_app() -> web.Application:
    """The service, as it is after a start."""
    app, desk = web.Application(), Desk()
    app.router.add_get("/rates/{name}", desk.rate)
    app.router.add_get("/asked/{name}", desk.count)
    app.router.add_post("/orders", desk.order)
    app.router.add_get("/orders", desk.placed)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
