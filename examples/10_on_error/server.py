"""An exchange-rate service to run the example against: `python server.py [PORT]`.

Each service below (`/main`, `/mirror`, `/desk`) answers GET /rates/CODE. The first one misbehaves in five ways, always
in the same order:

- the worker behind the first connection has lost its session: whatever is asked over that connection gets a 500;
- YEN: it takes the request and says nothing for a minute;
- GBP: the first four requests are turned away with 429;
- XAU: the rate is a text, "n/a";
- CHF: the caller may not see it, 403; and the mirror does not have it.
"""

import asyncio
import sys
from collections import Counter

from aiohttp import web

RATES = {"EUR": 1.08, "YEN": 0.0067, "GBP": 1.27, "XAU": 2650.0, "CHF": 1.13}

ASKED = web.AppKey("asked", Counter[str])
CONNECTIONS = web.AppKey("connections", list[object])


async def main_rate(request: web.Request) -> web.Response:
    """A rate of the service with the faults."""
    code, app = request.match_info["code"], request.app
    if request.transport not in app[CONNECTIONS]:
        app[CONNECTIONS].append(request.transport)
    if request.transport is app[CONNECTIONS][0]:
        return web.json_response({"error": "session lost"}, status=500)
    app[ASKED][code] += 1
    if code == "YEN":
        await asyncio.sleep(60)
    if code == "GBP" and app[ASKED][code] <= 4:
        return web.json_response({"error": "slow down"}, status=429)
    if code == "CHF":
        return web.json_response({"error": "not for you"}, status=403)
    return web.json_response({"code": code, "rate": "n/a" if code == "XAU" else RATES[code]})


async def rate(request: web.Request) -> web.Response:
    """A rate of a service without faults. The mirror has no francs."""
    code = request.match_info["code"]
    if code == "CHF" and request.path.startswith("/mirror/"):
        return web.json_response({"error": "no such rate"}, status=404)
    return web.json_response({"code": code, "rate": RATES[code]})


def make_app() -> web.Application:
    """The services, with a fresh memory of who asked what."""
    app = web.Application()
    app[ASKED] = Counter()
    app[CONNECTIONS] = []
    app.router.add_get("/main/rates/{code}", main_rate)
    app.router.add_get("/mirror/rates/{code}", rate)
    app.router.add_get("/desk/rates/{code}", rate)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
