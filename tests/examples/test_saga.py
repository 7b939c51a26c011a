"""The example of a saga: four trips, each booked whole or given back, as far as the services let it."""

import asyncio
import runpy
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.examples.running import EXAMPLES, Ran, expected, run_example


async def test_saga() -> None:
    """Each trip is booked whole or given back, last booking first, and the services agree (cases S1, S2, S4, D2)."""
    app: web.Application = runpy.run_path(str(EXAMPLES / "12_saga" / "server.py"))["make_app"]()
    found: dict[str, Any] = {}
    async with TestServer(app, host="127.0.0.1") as server, ClientSession() as client:
        address = str(server.make_url("/")).rstrip("/")
        for city in ("Lisbon", "Sintra", "Porto", "Faro"):
            words = ("--json", "-i", "who=Ada", "-i", f"city={city}")
            ran = await asyncio.to_thread(run_example, "12_saga", *words, env={"TRIP_API": address})
            found[city] = trip(ran)
        async with client.get(f"{address}/ledger") as answer:
            found.update(await answer.json())
    assert expected("12_saga") == found


def trip(ran: Ran) -> Any:
    """What a run of the saga gave; or why it failed, and the attempts that each undo took."""
    if ran.code == 0:
        return ran.result
    tries: dict[str, int] = {}
    for event in ran.events:
        path = event.get("path", "")
        if path.endswith("~undo") and event["event"] in ("NodeStarted", "AttemptStarted"):
            tries[path] = event.get("attempt", 1)
    last = ran.events[-1]["failure"]
    return {"failed": last["error"], "undos": tries, "because": [cause["path"] for cause in last.get("causes", ())]}
