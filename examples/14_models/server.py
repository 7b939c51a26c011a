"""Models to run the example against: `python server.py [PORT]`, then POST /messages, /responses or /chat/completions.

It speaks as three providers do, streamed or not, and answers from a little table. It is as unreliable as they are: the
first request for /messages is turned away, the first answer on /responses is not of the asked type, and the first
stream of /chat/completions breaks off in the middle. GET /requests says how often each was asked.
"""

import json
import sys
from collections import Counter
from typing import Any

from aiohttp import web

BILL = {"shop": "Station Kiosk", "total": 12.4, "day": "2026-11-02"}
VERDICT = {"category": "travel", "pay": True, "why": "a sandwich on the train counts as travel"}
LETTER = {"subject": "Your claim", "body": "Dear colleague, we pay it: a sandwich on the train counts as travel."}

Json = dict[str, Any]


class Models:
    """The server, with a count of its requests."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """As Anthropic does."""
        self.asked["messages"] += 1
        if self.asked["messages"] == 1:
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
            return web.json_response(error, status=529, headers={"retry-after": "0"})
        told = await request.json()
        pictures = [part for part in told["messages"][0]["content"] if part["type"] == "image"]
        text = json.dumps(BILL if pictures else {})
        usage = {"input_tokens": 412, "cache_creation_input_tokens": 30, "output_tokens": 1}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": told["model"], "stop_sequence": None}
        if not told.get("stream"):
            block = {"type": "text", "text": text}
            usage["output_tokens"] = 31
            return web.json_response({**message, "content": [block], "stop_reason": "end_turn", "usage": usage})
        events: list[Json] = [
            {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": usage}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
                for piece in pieces(text)
            ),
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": 31},
            },
            {"type": "message_stop"},
        ]
        return await streamed(request, [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events])

    async def responses(self, request: web.Request) -> web.StreamResponse:
        """As OpenAI does now."""
        self.asked["responses"] += 1
        told = await request.json()
        text = json.dumps({"category": "snacks"} if self.asked["responses"] == 1 else VERDICT)
        content = {"type": "output_text", "text": text, "annotations": []}
        item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [content]}
        whole = {"id": "r", "object": "response", "status": "completed", "model": told["model"], "output": [item]}
        whole["usage"] = {"input_tokens": 150, "output_tokens": 24, "total_tokens": 174}
        if not told.get("stream"):
            return web.json_response(whole)
        at = {"item_id": "m", "output_index": 0, "content_index": 0}
        events: list[Json] = [{"type": "response.output_text.delta", **at, "delta": piece} for piece in pieces(text)]
        events.append({"type": "response.completed", "response": whole})
        return await streamed(request, [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events])

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """As most servers do."""
        self.asked["chat"] += 1
        told = await request.json()
        text = f"```json\n{json.dumps(LETTER)}\n```"
        whole = {"id": "c", "object": "chat.completion", "created": 1, "model": told["model"]}
        usage = {"prompt_tokens": 240, "completion_tokens": 40, "total_tokens": 280}
        if not told.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            return web.json_response({**whole, "choices": [choice], "usage": usage})
        deltas = [{"content": piece} for piece in pieces(text)]
        events = [
            *({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas),
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": usage},
        ]
        lines = [f"data: {json.dumps({**whole, **event})}\n\n" for event in events] + ["data: [DONE]\n\n"]
        return await streamed(request, lines[: 3 if self.asked["chat"] == 1 else None])

    async def count(self, request: web.Request) -> web.Response:
        """How often each was asked."""
        return web.json_response(dict(self.asked))


def pieces(text: str) -> list[str]:
    """A text as a model says it."""
    return [text[at : at + 9] for at in range(0, len(text), 9)]


async def streamed(request: web.Request, lines: list[str]) -> web.StreamResponse:
    """Events, one after the other."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for line in lines:
        await response.write(line.encode())
    return response


def make_app() -> web.Application:
    """The server, as it is after a start."""
    app, models = web.Application(), Models()
    app.router.add_post("/messages", models.messages)
    app.router.add_post("/responses", models.responses)
    app.router.add_post("/chat/completions", models.chat)
    app.router.add_get("/requests", models.count)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
