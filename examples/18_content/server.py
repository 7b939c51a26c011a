"""A model and a site to run the example against: `python server.py [PORT]`.

POST /chat/completions outlines, writes, edits and reviews; a text is good once it was edited twice. POST /pages puts a
page on the site, once for each `Idempotency-Key`; GET /pages lists them, DELETE /pages?title=… takes one down.
"""

import json
import sys

from aiohttp import web

OUTLINE = {"title": "What bees know", "sections": ["The dance", "The hive"]}
CLAIMS = {"doubtful": ["Bees never sleep."]}
SECTIONS = {"The dance": "A bee dances the way to the flowers. Bees never sleep.", "The hive": "A hive is kept warm."}


class Site:
    """The pages."""

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, object]] = {}

    async def put(self, request: web.Request) -> web.Response:
        """A page; the same one when the same key comes again."""
        body = await request.json()
        page = self.pages.setdefault(
            request.headers["Idempotency-Key"], {"url": f"/pages/{len(self.pages) + 1}", **body}
        )
        return web.json_response(page)

    async def take_down(self, request: web.Request) -> web.Response:
        """The page of a title is gone."""
        title = request.query["title"]
        self.pages = {key: page for key, page in self.pages.items() if page["title"] != title}
        return web.json_response({})

    async def all(self, request: web.Request) -> web.Response:
        """Every page."""
        return web.json_response(list(self.pages.values()))


async def chat(request: web.Request) -> web.Response:
    """What the model says to the last message."""
    prompt = str((await request.json())["messages"][-1]["content"])
    message = {"role": "assistant", "content": said(prompt)}
    usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": 40, "total_tokens": len(prompt) // 4 + 40}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return web.json_response({"object": "chat.completion", "choices": [choice], "usage": usage})


def said(prompt: str) -> str:
    """By how the prompt begins."""
    match prompt.split(maxsplit=1)[0]:
        case "Outline":
            return json.dumps(OUTLINE)
        case "Write":
            return next(text for heading, text in SECTIONS.items() if f'"{heading}"' in prompt)
        case "Edit":
            return prompt.partition("What to change:")[2].partition("\n")[2].strip() + "\n\n(edited)"
        case "Review":
            good = prompt.count("(edited)") > 1
            return json.dumps({"score": 0.9 if good else 0.5, "notes": [] if good else ["Once more."]})
        case _:
            return json.dumps(CLAIMS)


def make_app() -> web.Application:
    """All of it, fresh."""
    site = Site()
    app = web.Application()
    app.router.add_post("/pages", site.put)
    app.router.add_delete("/pages", site.take_down)
    app.router.add_get("/pages", site.all)
    app.router.add_post("/chat/completions", chat)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if sys.argv[1:] else 8765)
