"""Three services to run the example against: `python server.py [PORT]`. GET /ledger tells what they did.

They fail as real ones do, and always in the same way:

- `POST /cars` says 409 in Sintra, where no car is left; in Porto the car is booked, and the connection breaks before
  anybody learns of it.
- `DELETE /rooms/ID` says 503 to the first two requests, as if it were restarting.
- `DELETE /flights/ID` says 410 for flights to Faro: these are not given back.
"""

import sys
from collections import Counter
from typing import Any

from aiohttp import web

LEDGER = web.AppKey("ledger", list[str])
STANDING = web.AppKey("standing", dict[str, dict[str, Any]])
ASKED = web.AppKey("asked", Counter[str])


async def book(request: web.Request) -> web.Response:
    """One more booking, unless the service has a bad day."""
    kind, order = request.match_info["kind"][:-1], await request.json()
    if kind == "car" and order["city"] in ("Sintra", "Faro"):
        return web.json_response({"error": f"no car is left in {order['city']}"}, status=409)
    request.app[ASKED][kind] += 1
    name = f"{kind}-{request.app[ASKED][kind]}"
    request.app[STANDING][name] = order
    request.app[LEDGER].append(f"{name} booked for {order['who']} in {order['city']}")
    if kind == "car" and order["city"] == "Porto" and request.transport is not None:
        request.transport.abort()
    return web.json_response({"id": name})


async def give_back(request: web.Request) -> web.Response:
    """A booking is given back by its id."""
    name = request.match_info["id"]
    request.app[ASKED][f"DELETE {name}"] += 1
    if name.startswith("room") and request.app[ASKED][f"DELETE {name}"] <= 2:
        return web.json_response({"error": "the hotel's server is restarting"}, status=503)
    order = request.app[STANDING].get(name)
    if name.startswith("flight") and order is not None and order["city"] == "Faro":
        return web.json_response({"error": "flights to Faro are not given back"}, status=410)
    _forget(request.app, name)
    return web.json_response({"given_back": order is not None})


async def give_back_cars(request: web.Request) -> web.Response:
    """All cars of somebody in a city, if there are any."""
    wanted = dict(request.query)
    names = [name for name, order in request.app[STANDING].items() if name.startswith("car") and order == wanted]
    for name in names:
        _forget(request.app, name)
    return web.json_response({"given_back": len(names)})


async def complain(request: web.Request) -> web.Response:
    """Somebody has no trip, and says so."""
    said = await request.json()
    request.app[LEDGER].append(f"{said['who']} has no trip: {said['step']}, {said['why']}")
    return web.json_response({"noted": True})


def _forget(app: web.Application, name: str) -> None:
    if app[STANDING].pop(name, None) is not None:
        app[LEDGER].append(f"{name} given back")


async def ledger(request: web.Request) -> web.Response:
    """What was booked and given back, in order, and what stands."""
    return web.json_response({"ledger": request.app[LEDGER], "stands": sorted(request.app[STANDING])})


def make_app() -> web.Application:
    """The services, with nothing booked."""
    app = web.Application()
    app[LEDGER], app[STANDING], app[ASKED] = [], {}, Counter()
    app.router.add_post("/{kind:flights|rooms|cars}", book)
    app.router.add_post("/complaints", complain)
    app.router.add_delete("/{kind:flights|rooms}/{id}", give_back)
    app.router.add_delete("/cars", give_back_cars)
    app.router.add_get("/ledger", ledger)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
