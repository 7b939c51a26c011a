"""What a user reads when an upstream is not what was expected: who was asked, where, what came, and what to look at."""

import re
from pathlib import Path

import pytest
from aiohttp import web

from leadflow.agents.mcp.told import plainly
from leadflow.agents.registry import find_kinds
from leadflow.agents.wire import in_words
from leadflow.plan.plan import AgentSpec, Secret
from leadflow.plan.types import JSON
from leadflow.run.errors import CallError
from leadflow.run.ports import Agent, Request
from tests.agents.models.asking import Watching, agent_on, asked
from tests.agents.servers import api
from tests.agents.worlds import world

PAGE = web.Response(text="<html>Sign in</html>", content_type="text/html")
CASES = {
    "page": (PAGE, r"{who}: {where}: the answer cannot be read: expected JSON, got an HTML page$"),
    "key": (web.Response(status=401, text="no"), r"{who} answered 401: no; its credential is in K$"),
    "wait": (web.Response(status=429, headers={"Retry-After": "30"}), r"{who} answered 429; it asks to wait 30 s$"),
    "moved": (
        web.Response(status=308, headers={"Location": "https://u:p@new.test/v2?key=s3cret"}),
        r"{who} answered 308: redirects are not followed; it moved to https://new\.test/v2$",
    ),
}


def crm(url: str, transport: Watching) -> Agent:
    """An agent of the kind `http` with a credential."""
    spec = AgentSpec("crm", "http", {"url": f"{url}/v1", "auth": Secret("K", "bearer")}, (), "f", None)
    return find_kinds(()).kinds["http"].build(spec, {}, world(Path(), transport=transport, secrets={"K": "s3cret"}))


def get() -> Request:
    """One attempt that wants JSON."""
    return Request("get", {"path": "/x"}, JSON, True, "run", "f/s", 1, None, False, None)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("who", ["fast.ask", "crm.get"])
async def test_a_failure_says_who_where_and_what_to_look_at(who: str, case: str, transport: Watching) -> None:
    """Models and APIs alike."""
    answer, words = CASES[case]

    async def serve(_: web.BaseRequest) -> web.StreamResponse:
        headers = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async with api(serve) as (url, _):
        agent = agent_on("chat", f"{url}/v1", transport) if who == "fast.ask" else crm(url, transport)
        where = f"POST {url}/v1/chat/completions" if who == "fast.ask" else f"GET {url}/v1/x"
        with pytest.raises(CallError) as problem:
            await agent.call(asked(prompt="?") if who == "fast.ask" else get())
    assert re.match(words.format(who=who, where=where), problem.value.message), problem.value.message


async def test_nothing_is_no_answer(transport: Watching) -> None:
    """An address without a path may lack its end."""

    async def serve(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="", content_type="application/json")

    async with api(serve) as (url, _):
        with pytest.raises(CallError) as problem:
            await agent_on("chat", url, transport).call(asked(prompt="?"))
    assert problem.value.message.endswith("got nothing; does base_url lack /v1?")


async def test_a_server_that_speaks_no_tls(transport: Watching) -> None:
    """It is said in words, not in those of a library of C."""

    async def serve(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    async with api(serve) as (url, _):
        with pytest.raises(CallError, match=r"no connection: it does not speak TLS; does its address begin with http"):
            await agent_on("chat", url.replace("http:", "https:"), transport).call(asked(prompt="?"))


def test_words_of_libraries() -> None:
    """Certificates, and answers that the SDK of servers cannot read: without the answer, which may hold anything."""
    refused = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)"
    assert "its certificate is not trusted: self-signed certificate" == in_words(refused)
    assert "Connection refused" == in_words("Connection refused")
    assert "its answer is not of the protocol" == plainly("Failed to parse: 1 validation error … input_value=b'hello'")
    assert plainly("Unexpected content type: text/html; charset=utf-8").startswith("it answered with text/html, which")
    assert "it answered with an answer of no type" in plainly("Unexpected content type: ")
