"""Servers that have an address, and what HTTP can do to a call: statuses, redirects, sessions that are forgotten."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from mcp.shared.exceptions import MCPError

from leadflow.agents.mcp.http import STATUS, WAIT
from leadflow.agents.mcp.told import failure_of
from leadflow.run.errors import (
    AuthFailed,
    BadResponse,
    CallError,
    ConnectFailed,
    ConnectionLost,
    Forbidden,
    NotAllowed,
    Overloaded,
    RateLimited,
    Rejected,
    ServerError,
)
from tests.agents.mcp.links import address, linked
from tests.agents.servers import Seen, api, closed_port

Json = dict[str, Any]
Answer = Callable[[web.BaseRequest, Json], Awaitable[web.StreamResponse]]
TOOL = {"name": "echo", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}


async def _echo(request: web.BaseRequest, message: Json) -> web.StreamResponse:
    text = message["params"]["arguments"].get("text", "")
    return told(message, {"content": [{"type": "text", "text": text}]})


def told(message: Json, result: Json) -> web.Response:
    """An answer of the protocol."""
    return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": result})


class Server:
    """A server by hand: what a call is answered with is the test's decision."""

    def __init__(self, answer: Answer = _echo) -> None:
        self.answer = answer
        self.sessions = 0
        self.calls = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request."""
        if request.method != "POST":
            return web.Response(status=405)
        message = json.loads(await request.read())
        match message.get("method"):
            case "initialize":
                self.sessions += 1
                about = {"name": "by hand", "version": "1"}
                version = message["params"]["protocolVersion"]
                response = told(message, {"protocolVersion": version, "capabilities": {}, "serverInfo": about})
                response.headers["Mcp-Session-Id"] = f"s{self.sessions}"
                return response
            case "tools/list":
                return told(message, {"tools": [TOOL]})
            case "tools/call":
                self.calls += 1
                return await self.answer(request, message)
            case _ if "id" not in message:
                return web.Response(status=202)
            case _:
                error = {"code": -32601, "message": "no such method"}
                return web.json_response({"jsonrpc": "2.0", "id": message["id"], "error": error})


def bearers(seen: Seen) -> set[str | None]:
    """The credentials that came with the requests."""
    return {request.headers.get("Authorization") for request in seen.requests}


async def test_118_a_credential_that_is_not_accepted(tmp_path: Path) -> None:
    """401 at the start: the server does not come up, for the operator's credential, which is not told."""

    async def deny(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer resource_metadata="javascript:alert(1)"'})

    async with api(deny) as (url, seen), linked(address(url, {"Authorization": "Bearer t0ken-x"}), tmp_path) as link:
        with pytest.raises(AuthFailed, match="the server 'tried': it answered 401") as failed:
            await link.ready()
    assert "t0ken" not in failed.value.message
    assert ({"POST"}, {"Bearer t0ken-x"}) == ({request.method for request in seen.requests}, bearers(seen))


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (401, {}, AuthFailed),
        (403, {}, Forbidden),
        (404, {}, ConnectFailed),
        (422, {}, Rejected),
        (429, {"Retry-After": "7"}, RateLimited),
        (500, {}, ServerError),
        (503, {"Retry-After": "7"}, Overloaded),
    ],
)
async def test_what_a_status_means(tmp_path: Path, status: int, headers: dict[str, str], kind: type[CallError]) -> None:
    """The same as for every HTTP agent; 404 is a session that the server has forgotten."""

    async def refuse(request: web.BaseRequest, message: Json) -> web.StreamResponse:
        return web.Response(status=status, headers=headers)

    async with api(Server(refuse)) as (url, _), linked(address(url), tmp_path) as link:
        with pytest.raises(kind) as failed:
            await link.call("tried.echo", "echo", {})
    assert (status, 7.0 if headers else None) == (
        failed.value.status or status,
        failed.value.retry_after.total_seconds() if failed.value.retry_after else None,
    )


@pytest.mark.parametrize("wait", [1e300, float("inf"), float("nan"), -1, True, "7", None, 10**400])
def test_a_wait_that_nobody_can_wait_is_none(wait: object) -> None:
    """A server may write whatever it likes into the data of an error, our own names too."""
    limited = failure_of("x", MCPError(5, "no", {STATUS: 429, WAIT: wait}))
    assert isinstance(limited, RateLimited)
    assert limited.retry_after is None
    assert isinstance(failure_of("x", MCPError(5, "no", {STATUS: "404"})), ServerError)


async def test_a_forgotten_session_is_opened_anew(tmp_path: Path) -> None:
    """The call that finds it was not done; the next one has a session of its own."""
    server = Server()

    async def forget(request: web.BaseRequest, message: Json) -> web.StreamResponse:
        if request.headers["Mcp-Session-Id"] == "s1":
            return web.Response(status=404)
        return await _echo(request, message)

    server.answer = forget
    async with api(server) as (url, _), linked(address(url), tmp_path) as link:
        with pytest.raises(ConnectFailed) as failed:
            await link.call("tried.echo", "echo", {"text": "a"})
        answer = await link.call("tried.echo", "echo", {"text": "b"})
    assert (False, 2, "b") == (failed.value.sent, server.sessions, getattr(answer.content[0], "text", ""))


async def test_an_answer_that_breaks_off_leaves_the_call_in_doubt(tmp_path: Path) -> None:
    """The connection is cut while the tool is called."""

    async def cut(request: web.BaseRequest, message: Json) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if request.transport is not None:
            request.transport.abort()
        return response

    async with api(Server(cut)) as (url, _), linked(address(url), tmp_path) as link:
        with pytest.raises(ConnectionLost) as failed:
            await link.call("tried.echo", "echo", {})
    assert failed.value.sent


@pytest.mark.parametrize("status", [302, 307])
async def test_credentials_go_to_their_own_origin(tmp_path: Path, status: int) -> None:
    """A redirect to another origin is not followed."""

    async def elsewhere(request: web.BaseRequest, message: Json) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": other + "/mcp"})

    async with (
        api(_nothing) as (other, met),
        api(Server(elsewhere)) as (url, _),
        linked(address(url, {"Authorization": "Bearer k"}), tmp_path) as link,
    ):
        with pytest.raises(Rejected, match="not followed"):
            await link.call("tried.echo", "echo", {})
    assert [] == met.requests


async def _nothing(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response()


async def test_proxies_of_the_environment_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody declared them."""
    async with api(_nothing) as (other, met), api(Server()) as (url, _):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, other)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with linked(address(url), tmp_path) as link:
            assert not (await link.call("tried.echo", "echo", {"text": "a"})).is_error
    assert [] == met.requests


async def test_nobody_there(tmp_path: Path) -> None:
    """A port on which nobody listens: nothing was sent."""
    async with linked(address(f"http://127.0.0.1:{closed_port()}/"), tmp_path) as link:
        with pytest.raises(ConnectFailed, match="does not come up: ConnectError") as failed:
            await link.ready()
    assert not failed.value.sent


async def test_a_header_cannot_break_its_line(tmp_path: Path) -> None:
    """A value from the environment with a line end in it is refused before anything is sent."""
    async with api(Server()) as (url, seen), linked(address(url, {"X-Key": "a\r\nX-B: c"}), tmp_path) as link:
        with pytest.raises((NotAllowed, ConnectFailed), match="the header 'X-Key' holds a line end"):
            await link.ready()
    assert [] == seen.requests


FLOODS: list[Json] = [
    {"method": "notifications/message", "params": {"level": "info", "data": 1}},
    {"method": "notifications/nobody_knows"},
    {"method": "ping", "id": "again"},
]


@pytest.mark.parametrize("message", FLOODS)
async def test_112_a_flood_over_http_ends_the_connection(tmp_path: Path, message: Json) -> None:
    """Thousands of messages before an answer: the connection is given up, the call in doubt."""
    sent = json.dumps({"jsonrpc": "2.0", **message})

    async def flood(request: web.BaseRequest, message: Json) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            while True:
                await response.write(f"event: message\ndata: {sent}\n\n".encode() * 100)
        except ConnectionError:
            return response

    async with api(Server(flood)) as (url, _), linked(address(url), tmp_path) as link:
        with pytest.raises(ConnectionLost, match="more than 3,000 messages that nobody asked for"):
            await link.call("tried.echo", "echo", {})


async def test_112_an_answer_that_gets_lost_is_not_the_end_of_a_call(tmp_path: Path) -> None:
    """A server asks whether anybody is there, and hangs up on who says so: the call that is under way goes on."""
    hung_up = asyncio.Semaphore(0)

    class Rude(Server):
        """Hangs up on answers."""

        async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
            """One request."""
            if request.method == "POST" and "method" not in json.loads(await request.read()):
                assert request.transport is not None
                request.transport.close()
                hung_up.release()
            return await super().__call__(request)

    async def asking(request: web.BaseRequest, message: Json) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        result = {"content": [{"type": "text", "text": "a"}]}
        ping = {"method": "ping", "id": "again"}
        for said in (ping, ping, {"id": message["id"], "result": result}):
            await response.write(f"event: message\ndata: {json.dumps({'jsonrpc': '2.0', **said})}\n\n".encode())
            if said is ping:
                await hung_up.acquire()
        return response

    async with api(Rude(asking)) as (url, _), linked(address(url), tmp_path) as link:
        assert not (await link.call("tried.echo", "echo", {})).is_error


async def test_what_is_packed_is_not_unpacked(tmp_path: Path) -> None:
    """An answer that would unpack to a gigabyte is not read: nobody asked for a packed one."""

    async def bomb(request: web.BaseRequest, message: Json) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return web.Response(body=gzip.compress(b" " * 50_000_000), headers=headers)

    async with api(Server(bomb)) as (url, seen), linked(address(url), tmp_path) as link:
        with pytest.raises(ConnectionLost, match="its answer is packed, which nobody asked for"):
            await link.call("tried.echo", "echo", {})
    assert {"identity"} == {request.headers["Accept-Encoding"] for request in seen.requests}


async def test_a_long_answer_is_not_read_to_its_end(tmp_path: Path) -> None:
    """An answer that is longer than any may be: the call fails, and no more of it is kept."""

    async def long(request: web.BaseRequest, message: Json) -> web.StreamResponse:
        return web.Response(body=b" " * 11_000_000, content_type="application/json")

    async with api(Server(long)) as (url, _), linked(address(url), tmp_path) as link:
        with pytest.raises((BadResponse, ConnectionLost), match="longer than 10,000,000 bytes"):
            await link.call("tried.echo", "echo", {})
