"""A register of firms, a CRM and a model to run the example against: `python server.py [PORT]`.

GET /firms/DOMAIN knows two firms. POST /deals makes a deal, once for each `Idempotency-Key`; GET /deals lists them, and
DELETE /deals/ID takes one back. POST /chat/completions is a model that scores a lead by what its message says.
"""

import json
import sys

from aiohttp import web

FIRMS = {"acme.example": ("Acme", 900), "corner.example": ("Corner Shop", 4)}


class Desk:
    """What the CRM has."""

    def __init__(self) -> None:
        self.deals: dict[str, dict[str, object]] = {}

    async def firm(self, request: web.Request) -> web.Response:
        """A firm, by the domain of its addresses."""
        known = FIRMS.get(request.match_info["domain"])
        if known is None:
            raise web.HTTPNotFound
        return web.json_response({"name": known[0], "employees": known[1]})

    async def make(self, request: web.Request) -> web.Response:
        """A deal; the same one when the same key comes again."""
        body = await request.json()
        key = request.headers["Idempotency-Key"]
        deal = self.deals.setdefault(key, {"id": "D-" + str(body["who"]).partition("@")[0], **body})
        return web.json_response(deal)

    async def take_back(self, request: web.Request) -> web.Response:
        """No deal."""
        self.deals = {key: deal for key, deal in self.deals.items() if deal["id"] != request.match_info["id"]}
        return web.json_response({})

    async def all(self, request: web.Request) -> web.Response:
        """Every deal."""
        return web.json_response(list(self.deals.values()))


async def chat(request: web.Request) -> web.Response:
    """The score of the lead in the last message."""
    prompt = (await request.json())["messages"][-1]["content"]
    if "seats" in prompt:
        score = {"fit": 0.9, "segment": "enterprise", "reason": "asks for many seats"}
    elif "shop" in prompt.lower():
        score = {"fit": 0.7, "segment": "small", "reason": "a shop that wants to begin"}
    else:
        score = {"fit": 0.1, "segment": "none", "reason": "wants nothing that is sold"}
    message = {"role": "assistant", "content": json.dumps(score)}
    usage = {"prompt_tokens": 60, "completion_tokens": 20, "total_tokens": 80}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return web.json_response({"object": "chat.completion", "choices": [choice], "usage": usage})


def make_app() -> web.Application:
    """All of it, fresh."""
    desk = Desk()
    app = web.Application()
    app.router.add_get("/firms/{domain}", desk.firm)
    app.router.add_post("/deals", desk.make)
    app.router.add_delete("/deals/{id}", desk.take_back)
    app.router.add_get("/deals", desk.all)
    app.router.add_post("/chat/completions", chat)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if sys.argv[1:] else 8765)
