"""A small help desk to run the example against: `python server.py [PORT]`, then GET /ask/QUESTION and /requests.

It takes its time, knows the answers to a few questions, says 404 to all others, and counts what it is asked.
"""

import asyncio
import sys
from collections import Counter

from aiohttp import web

ANSWERS = {
    "how do I reset my password": "Under Settings, Security.",
    "when are you open": "From nine to five.",
}
SLOW = 0.3
"""Seconds that an answer takes."""

ASKED = web.AppKey("asked", Counter[str])


async def ask(request: web.Request) -> web.Response:
    """The answer to a question, after a while."""
    question = request.match_info["question"]
    request.app[ASKED][question] += 1
    await asyncio.sleep(SLOW)
    if question not in ANSWERS:
        return web.json_response({"error": "nobody knows"}, status=404)
    return web.json_response({"question": question, "answer": ANSWERS[question]})


async def requests(request: web.Request) -> web.Response:
    """How often each question was asked."""
    return web.json_response(request.app[ASKED])


def make_app() -> web.Application:
    """The service, with a fresh memory of what it was asked."""
    app = web.Application()
    app[ASKED] = Counter()
    app.router.add_get("/ask/{question}", ask)
    app.router.add_get("/requests", requests)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
