"""A model to run the example against: `python server.py [PORT]`. POST /chat/completions names the hottest station."""

import json
import sys

from aiohttp import web


async def chat(request: web.Request) -> web.Response:
    """Two sentences on the rows of the last message."""
    prompt = str((await request.json())["messages"][-1]["content"])
    rows = json.loads(prompt[prompt.index("[") :])
    hottest = max(rows, key=lambda row: row["max"])
    outliers = sum(row["outliers"] for row in rows)
    words = {
        "headline": f"{hottest['station']} was the hottest",
        "text": f"It had up to {hottest['max']} degrees. {outliers} readings lie far from all others.",
    }
    message = {"role": "assistant", "content": json.dumps(words)}
    usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": 40, "total_tokens": len(prompt) // 4 + 40}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return web.json_response({"object": "chat.completion", "choices": [choice], "usage": usage})


def make_app() -> web.Application:
    """The model."""
    app = web.Application()
    app.router.add_post("/chat/completions", chat)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if sys.argv[1:] else 8765)
