"""A small weather service to run the example against: `python server.py [PORT]`, then GET /cities and /weather/NAME.

It is as unreliable as a real one, and always in the same way: the stations in `SHAKY` answer 503 to the first
requests after the start, as many as stated; the one in `MUTE` takes the request and says nothing for a minute.
Every answer about a city repeats the name and the country that it was asked for, so that a wrong address shows.
"""

import asyncio
import sys
from collections import Counter

from aiohttp import web

CITIES = {
    "Lisbon": ("PT", 19.5, 4.1),
    "Reykjavík": ("IS", 3.2, 11.0),
    "Saint-Denis / Réunion": ("RE", 27.9, 6.3),
    "Nairobi": ("KE", 24.1, 3.0),
    "Ōsaka": ("JP", 12.8, 2.7),
    "Who? (Ontario)": ("CA", -6.4, 5.5),
    "100% Pure": ("NZ", 17.3, 7.9),
    "Ushuaia": ("AR", 8.6, 9.8),
    "../admin": ("XX", 1.0, 0.0),
    "Kraków": ("PL", 5.7, 3.3),
    "São Paulo": ("BR", 26.2, 1.9),
    "Jokkmokk": ("SE", -14.0, 2.2),
}
SHAKY = {"Nairobi": 1, "Kraków": 2, "Lisbon": 1}
MUTE = {"Ushuaia"}

ASKED = web.AppKey("asked", Counter[str])


async def cities(request: web.Request) -> web.Response:
    """All cities with their countries."""
    return web.json_response([{"name": name, "country": row[0]} for name, row in CITIES.items()])


async def weather(request: web.Request) -> web.Response:
    """The weather of one city."""
    name = request.match_info["name"]
    if name not in CITIES or CITIES[name][0] != request.query.get("country"):
        return web.json_response({"error": "no such station"}, status=404)
    asked = request.app[ASKED]
    asked[name] += 1
    if asked[name] <= SHAKY.get(name, 0):
        return web.json_response({"error": "station restarting"}, status=503)
    if name in MUTE:
        await asyncio.sleep(60)
    _, celsius, wind = CITIES[name]
    return web.json_response({"city": name, "celsius": celsius, "wind": wind})


def make_app() -> web.Application:
    """The service, with a fresh memory of who asked what."""
    app = web.Application()
    app[ASKED] = Counter()
    app.router.add_get("/cities", cities)
    app.router.add_get("/weather/{name}", weather)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
