"""The kind `web`: what is asked, what comes back, and where no request ever goes."""

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from leadflow.agents.tools.addresses import Guard
from leadflow.agents.tools.web import WebKind
from leadflow.agents.transport import Guarded
from leadflow.plan.plan import AgentSpec, SettingValue
from leadflow.plan.types import JSON, Value
from leadflow.run.errors import BadResponse, NotAllowed
from leadflow.run.ports import Agent, Request
from tests.agents.servers import api
from tests.agents.worlds import world


def agent(**settings: SettingValue) -> Agent:
    """The agent `net`."""
    return WebKind().build(AgentSpec("net", "web", settings, (), "net", None), {}, world(Path()))


def ask(action: str, url: str, args: Mapping[str, Value] | None = None, *, key: str | None = None) -> Request:
    """One attempt of `net.action(url, …)`."""
    return Request(action, {"url": url, **(args or {})}, JSON, False, "run", "f/s", 1, key, True, None)


async def echo(request: web.BaseRequest) -> web.Response:
    """Says what it was asked."""
    told = {"method": request.method, "path": request.path_qs, "body": await request.text()}
    return web.json_response(told, status=404 if request.path == "/none" else 200)


async def test_every_answer_is_a_value() -> None:
    """A status is a part of the answer, not a failure; a declared address may be asked."""
    async with api(echo) as (url, seen):
        net = agent(private=(url.removeprefix("http://"),))
        got = await net.call(ask("http_get", url + "/none?q=a b#part"))
        sent = await net.call(ask("http_request", url + "/x", {"method": "PUT", "json": {"a": 1}}, key="k"))
        await net.aclose()
    assert isinstance(got.value, dict)
    assert (404, '{"method": "GET", "path": "/none?q=a+b", "body": ""}') == (got.value["status"], got.value["body"])
    assert isinstance(sent.value, dict)
    assert '{"method": "PUT", "path": "/x", "body": "{\\"a\\":1}"}' == sent.value["body"]
    assert "k" == seen.requests[1].headers["Idempotency-Key"]


async def test_redirects_are_not_followed() -> None:
    """SECURITY 99: the answer says where to; asking there is another request, and looked at."""

    async def elsewhere(_: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest"})

    async with api(elsewhere) as (url, seen):
        net = agent(private=("127.0.0.1",))
        got = await net.call(ask("http_get", url))
        assert isinstance(got.value, dict)
        with pytest.raises(NotAllowed, match="no address of the public internet"):
            await net.call(ask("http_get", got.value["headers"]["location"]))
        await net.aclose()
    assert 1 == len(seen.requests)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://2130706433:{port}/", "http://0x7f.1:{port}/",
        "http://127.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[::1]:{port}/", "http://0.0.0.0:{port}/",
        "http://169.254.169.254/", "file:///etc/passwd", "ftp://example.com/", "//example.com", "http://",
        "http://user:word@127.0.0.1:{port}/", "http://a:b@c:d/", "gopher://127.0.0.1:{port}/_x",
    ],
)  # fmt: skip
async def test_private_addresses_are_refused_in_all_clothes(url: str) -> None:
    """Nothing reaches a server on loopback that is not declared, however its address is written."""
    async with api(echo) as (base, seen):
        net = agent()
        with pytest.raises(NotAllowed):
            await net.call(ask("http_get", url.format(port=base.rpartition(":")[2])))
        await net.aclose()
    assert [] == seen.requests


class Names(AbstractResolver):
    """Says other addresses each time, as a name does whose owner means harm."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The next answer."""
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.answers.pop(0)
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def test_a_name_with_one_bad_address_is_refused() -> None:
    """All addresses of a name are looked at, and what is looked at is what is connected to."""
    names = Guarded(Guard(), Names(("1.1.1.1",), ("1.1.1.1", "10.0.0.1")))
    assert ["1.1.1.1"] == [one["host"] for one in await names.resolve("a.test", 80)]
    with pytest.raises(NotAllowed, match=r"10\.0\.0\.1"):
        await names.resolve("a.test", 80)
    await names.close()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"headers": {"Host": "intranet"}}, "not written by hand"),
        ({"headers": {"X": "a\r\nHost: b"}}, "line end"),
        ({"json": 1, "body": "x"}, "not both"),
        ({"method": "TRACE"}, "none of these"),
    ],
)
async def test_a_request_that_cannot_be(args: dict[str, Value], said: str) -> None:
    """What would make another request of it is refused."""
    net = agent(private=("127.0.0.1",))
    with pytest.raises(NotAllowed, match=said):
        await net.call(ask("http_request", "http://127.0.0.1:9/", args))
    await net.aclose()


async def test_hosts_and_sizes() -> None:
    """With `hosts` no other is asked; an answer that is too long is none."""
    async with api(echo) as (url, seen):
        net = agent(private=("127.0.0.1",), hosts=("api.example.com",))
        with pytest.raises(NotAllowed, match="among those"):
            await net.call(ask("http_get", url))
        await net.aclose()
        assert [] == seen.requests
        small = agent(private=("127.0.0.1",), max_size=10)
        with pytest.raises(BadResponse, match="longer than 10 bytes"):
            await small.call(ask("http_get", url))
        await small.aclose()


def test_an_entry_that_says_nothing() -> None:
    """A declaration that is none is told before the run starts."""
    with pytest.raises(NotAllowed, match="agent 'net': in its setting 'private', 'http://x'"):
        agent(private=("http://x",))
