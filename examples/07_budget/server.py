"""A model server to run the example against: `python server.py [PORT]`, then POST /chat/completions as OpenAI has it.

It sums up by taking the first words, and says what it used. It does not always keep to `max_tokens`: a text about a
novel makes it talk, as some servers do that ignore the field. GET /requests says how often it was asked.
"""

import sys

from aiohttp import web

WORDS = 4
"""Of a proper answer."""
TALK = 400
"""Of the other one."""


class Model:
    """The server, with a count of its requests."""

    def __init__(self) -> None:
        self.requests = 0

    async def answer(self, request: web.Request) -> web.Response:
        """One completion."""
        self.requests += 1
        told = await request.json()
        text = str(told["messages"][-1]["content"]).partition(": ")[2]
        answer = " ".join(text.split()[:WORDS])
        if "novel" in text:
            answer = " ".join(["and"] * TALK)
        usage = {"prompt_tokens": len(text.split()) + 10, "completion_tokens": len(answer.split())}
        choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
        return web.json_response({"object": "chat.completion", "choices": [choice], "usage": usage})

    async def count(self, request: web.Request) -> web.Response:
        """How often it was asked."""
        return web.json_response(self.requests)


def make_app() -> web.Application:
    """The server, as it is after a start."""
    app, model = web.Application(), Model()
    app.router.add_post("/chat/completions", model.answer)
    app.router.add_get("/requests", model.count)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
