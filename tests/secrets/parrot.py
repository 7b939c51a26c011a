"""Upstreams that say again what they were sent, in every way that the test names: `mode-NAME` in a path or a prompt.

What they say again is each credential as it came, and in the writings in which it might travel on.
"""

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from aiohttp import web

Json = dict[str, Any]


def credentials(request: web.BaseRequest) -> Iterator[str]:
    """What opens the door, as it came and as it was meant."""
    headers = request.headers
    for name in ("Authorization", "x-api-key", "X-Token"):
        if name not in headers:
            continue
        scheme, _, token = headers[name].partition(" ")
        yield headers[name]
        yield token if scheme in ("Bearer", "Token") else headers[name]
        if scheme == "Basic":
            with suppress(ValueError):
                yield b64decode(token).decode("utf-8", "replace").partition(":")[2]
    if "/T0/" in request.path_qs:
        address = urlsplit(request.path_qs)
        yield request.path_qs
        yield from (part for part in address.path.split("/") if len(part) > 16)
        yield from (value for _, value in parse_qsl(address.query))


def words(request: web.BaseRequest) -> str:
    """A text with all of it."""
    return " ".join(
        writing
        for token in credentials(request)
        for writing in (token, json.dumps(token), quote(token, safe=""), repr(token), token.encode().hex())
    )


async def parrot(request: web.BaseRequest) -> web.StreamResponse:
    """One answer."""
    body = (await request.read()).decode("utf-8", "replace")
    found = re.search(r"mode-([a-z_]+)", f"{request.path_qs} {body}")
    mode, tokens, text = found[1] if found else "", [*credentials(request)], words(request)
    many = " ".join(f"{text} {'.' * number}" for number in range(40))
    statuses = {"refused": 400, "auth": 401, "denied": 403, "missing": 404, "unfit": 422, "limited": 429, "server": 500,
                "busy": 503}  # fmt: skip
    if mode in statuses:
        told = {"error": {"message": many, "type": text, "code": text}}
        return web.json_response(told, status=statuses[mode])
    match mode:
        case _ if '"jsonrpc"' in body:
            return _server(json.loads(body), mode, text)
        case "moved":
            return web.Response(status=302, headers={"Location": f"/elsewhere?{quote(text)}"})
        case "page":
            return web.Response(text=f"<html>{text}</html>", content_type="text/html")
        case "broken":
            return web.Response(text=f'{{"said": "{many}', content_type="application/json")
        case "reason":
            return web.Response(status=418, reason=_plain(tokens[-1]), text=many)
        case "trouble":
            return web.json_response({"error": {"message": many, "type": "server_error", "code": text}})
        case _ if request.path.endswith("/chat/completions"):
            return await _chat(request, json.loads(body), mode, text)
        case _ if request.path.endswith(("/responses", "/messages")):
            return web.json_response(_other(request.path, mode, text))
        case "text" | "typed":
            return web.Response(text=text)
        case "head":
            return web.Response(headers={"X-Said": _plain(tokens[-1]), _name(tokens): "1"})
        case _:
            return web.json_response({"said": text, text: [text, {text: text}]})


def _server(message: Json, mode: str, text: str) -> web.StreamResponse:
    """A server of tools."""
    if "id" not in message:
        return web.Response(status=202)
    tool = {"name": "echo", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}
    result: Json
    match message["method"]:
        case "initialize":
            about = {"name": text, "version": "1"}
            version = message["params"]["protocolVersion"]
            result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
        case "tools/list":
            result = {"tools": [tool]}
        case "tools/call" if mode != "fault":
            result = {"content": [{"type": "text", "text": text}], "isError": mode == "failed"}
        case method:
            error = {"code": -32000 if method == "tools/call" else -32601, "message": text * 9, "data": {"said": text}}
            return web.json_response({"jsonrpc": "2.0", "id": message["id"], "error": error})
    return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": result})


def _plain(text: str) -> str:
    return "".join(char if " " < char < "\x7f" else " " for char in text)


def _name(tokens: Iterable[str]) -> str:
    """A header's name with the whole of a credential in it, where letters are all that it has."""
    return "X-" + next((token for token in tokens if token.isascii() and token.isalnum()), "None")


def _use(text: str) -> tuple[str, str]:
    """A tool of that name, and arguments; what nobody knows is to be told to nobody."""
    return text, json.dumps({"text": text})


async def _chat(request: web.BaseRequest, asked: Json, mode: str, text: str) -> web.StreamResponse:
    message: Json = {"role": "assistant", "content": text}
    has_results = any(one["role"] == "tool" for one in asked["messages"])
    if mode == "refusal":
        message = {"role": "assistant", "content": None, "refusal": text}
    elif mode in ("tool", "stranger") and not has_results:
        name, arguments = _use(text)
        function = {"name": "say" if mode == "tool" else name, "arguments": arguments}
        message |= {"content": None, "tool_calls": [{"id": text, "type": "function", "function": function}]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}
    if asked.get("stream") and mode in ("say", "cut"):
        return await _streamed(request, text, is_whole=mode == "say")
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return web.json_response({"id": text, "model": text, "choices": [choice], "usage": usage})


async def _streamed(request: web.BaseRequest, text: str, *, is_whole: bool) -> web.StreamResponse:
    """Words in pieces that cut every credential."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for at in range(0, len(text), 7):
        delta = {"choices": [{"index": 0, "delta": {"content": text[at : at + 7]}, "finish_reason": None}]}
        await response.write(f"data: {json.dumps(delta)}\n\n".encode())
    end: Json = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    last = [json.dumps(end), "[DONE]"] if is_whole else [json.dumps({"error": {"message": text * 9, "code": text}})]
    await response.write("".join(f"data: {line}\n\n" for line in last).encode())
    await response.write_eof()
    return response


def _other(path: str, mode: str, text: str) -> Json:
    name, arguments = _use(text)
    if path.endswith("/messages"):
        content: list[Json] = [{"type": "text", "text": text}]
        if mode == "stranger":
            content = [{"type": "tool_use", "id": "t", "name": name, "input": json.loads(arguments)}]
        stop = {"refusal": "refusal", "stranger": "tool_use"}.get(mode, "end_turn")
        usage = {"input_tokens": 1, "output_tokens": 1}
        told = {"id": text, "type": "message", "role": "assistant", "model": text, "content": content}
        return {**told, "stop_reason": stop, "usage": usage}
    part = {"type": "refusal", "refusal": text} if mode == "refusal" else {"type": "output_text", "text": text}
    output = [{"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}]
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    return {"id": text, "object": "response", "status": "completed", "model": text, "output": output, "usage": usage}
