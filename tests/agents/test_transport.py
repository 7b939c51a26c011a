"""HTTP as it really goes wrong, on loopback: what each fault is called, and that nothing is sent twice."""

import asyncio
import gzip
import resource
import zlib
from collections import UserDict
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from aiohttp import web

from leadflow.agents.transport import HttpTransport
from leadflow.agents.wire import read_body
from leadflow.run.errors import BadResponse, CallError, ConnectFailed, ConnectionLost, IdleTimeout, NotAllowed
from tests.agents.servers import api, closed_port, raw, reset


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    """A transport, closed afterwards."""
    made = HttpTransport()
    yield made
    await made.aclose()


async def fetch(transport: HttpTransport, url: str, *, method: str = "GET", idle: float = 5) -> tuple[int, bytes]:
    """Status and body of one request."""
    async with transport.request(method, url, headers={}, idle=timedelta(seconds=idle)) as response:
        return response.status, await read_body(response, 1_000_000)


async def test_an_answer_arrives_with_its_headers(transport: HttpTransport) -> None:
    """Names of headers are lower-case; percent-encoding stays as it was written."""

    async def hello(request: web.BaseRequest) -> web.Response:
        return web.json_response({"path": request.raw_path}, headers={"X-One": "1"})

    async with api(hello) as (url, _), transport.request("GET", f"{url}/a%2Fb/..%2F?q=%20", headers={}) as response:
        assert response.status == 200
        assert response.headers["x-one"] == "1"
        assert await read_body(response, 1000) == b'{"path": "/a%2Fb/..%2F?q=%20"}'


class Noting(UserDict[str, str]):
    """Headers that say when somebody reads them: their request begins."""

    def __init__(self, begun: list["Noting"]) -> None:
        super().__init__({"X-Team": "desk"})
        self._begun = begun

    def __iter__(self) -> Iterator[str]:
        self._begun.append(self)
        return super().__iter__()


async def test_the_first_of_many_is_asked_before_the_last_begins(transport: HttpTransport) -> None:
    """Hundreds that come together do not go side by side, each waiting for the connections of all others."""
    begun, at_first = list[Noting](), list[int]()

    async def hello(request: web.BaseRequest) -> web.Response:
        at_first.append(len(set(map(id, begun))))
        return web.Response(body=b"ok")

    async def ask(url: str) -> None:
        async with transport.request("GET", url, headers=Noting(begun)) as response:
            assert await read_body(response, 10) == b"ok"

    async with api(hello) as (url, _), asyncio.TaskGroup() as group:
        for _ in range(500):
            group.create_task(ask(url))
    assert 500 == len(at_first)
    assert 0 < at_first[0] < 400


async def test_r4_a_refused_connection_sent_nothing(transport: HttpTransport) -> None:
    """R4: no connection means that a repeat is safe for every call."""
    with pytest.raises(ConnectFailed) as problem:
        await fetch(transport, f"http://127.0.0.1:{closed_port()}/secret?token=x")
    assert not problem.value.sent
    assert "secret" not in str(problem.value)
    assert "token" not in str(problem.value)


async def test_a_name_that_does_not_exist_sent_nothing(transport: HttpTransport) -> None:
    """The top-level name `invalid` never resolves."""
    with pytest.raises(ConnectFailed):
        await fetch(transport, "http://nowhere.invalid/")


async def test_tls_to_a_plain_port_sent_nothing(transport: HttpTransport) -> None:
    """Garbage in the handshake is a failed connection."""

    async def garbage(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with raw(garbage, until=b"\x16") as (url, _):
        with pytest.raises(ConnectFailed):
            await fetch(transport, url.replace("http:", "https:"))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_r5_a_dying_connection_is_not_tried_again(transport: HttpTransport, method: str) -> None:
    """R5: when a kept connection dies after the request, exactly one request was sent, whatever the method."""
    answers = iter([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])

    async def once(head: bytes, writer: asyncio.StreamWriter) -> None:
        answer = next(answers, None)
        if answer is None:
            reset(writer)
        else:
            writer.write(answer)

    async with raw(once) as (url, heads):
        assert await fetch(transport, url) == (200, b"ok")
        with pytest.raises(ConnectionLost) as problem:
            await fetch(transport, url, method=method)
        assert problem.value.sent
        assert len(heads) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x", mtime=0)[:10],
    ],
)
async def test_a_cut_answer_is_never_an_answer(transport: HttpTransport, answer: bytes) -> None:
    """A body that ends early is a lost connection or a bad response, however it was framed."""

    async def cut(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with raw(cut) as (url, _):
        with pytest.raises((ConnectionLost, BadResponse)):
            await fetch(transport, url)


async def test_t9_silence_is_noticed(transport: HttpTransport) -> None:
    """T9: an answer that stops for longer than the idle time fails, before the head and inside the body; it is told how
    long was waited, and between what."""
    waits = {"/head": "50ms between the request and the answer", "/body": "50ms between two pieces of the answer"}

    async def silent(head: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/body" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal")

    async with raw(silent) as (url, _):
        for path, waited in waits.items():
            with pytest.raises(IdleTimeout, match=f"GET to 127.0.0.1:[0-9]+: nothing came for {waited}$"):
                await fetch(transport, url + path, idle=0.05)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_a_bomb_is_stopped_at_the_cap(transport: HttpTransport, pack: object) -> None:
    """A few hundred kilobytes that unpack to hundreds of megabytes fail, and memory stays bounded."""
    assert callable(pack)
    bomb = pack(bytes(200_000_000))
    name = "gzip" if pack is gzip.compress else "deflate"

    async def serve(request: web.BaseRequest) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": name})

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with api(serve) as (url, _):
        with pytest.raises(BadResponse, match="longer than 1,000,000 bytes"):
            await fetch(transport, url)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize("size", [65_535, 65_537, 65_800, 131_099, 500_000])
@pytest.mark.parametrize("bits", [-zlib.MAX_WBITS, zlib.MAX_WBITS, zlib.MAX_WBITS | 16])
async def test_a_packed_answer_is_unpacked_to_its_end(transport: HttpTransport, bits: int, size: int) -> None:
    """However little stands behind the last full piece: without a header nothing does, and nothing broke off."""
    packer = zlib.compressobj(wbits=bits)
    packed = packer.compress(bytes(size)) + packer.flush()
    name = "gzip" if bits > zlib.MAX_WBITS else "deflate"

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": name})

    async with api(answer) as (url, _):
        assert (200, bytes(size)) == await fetch(transport, url)


class Stopped(Exception):
    """Whoever reads an answer has enough."""


LEFT = {
    "unread": (b"HTTP/1.1 302 Found\r\nContent-Length: 90\r\nLocation: /b\r\n\r\nab", 0, None),
    "too long": (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + b"a" * 50, 20, BadResponse),
    "too long, packed": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(90_000)),
        20, BadResponse,
    ),
    "not packed": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\nContent-Encoding: gzip\r\n\r\n" + b"a" * 50, 900, BadResponse,
    ),
    "packed otherwise": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\nContent-Encoding: br\r\n\r\n" + b"a" * 50, 900, BadResponse,
    ),
    "silent": (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + b"a" * 50, 900, IdleTimeout),
    "silent, no head": (b"HTTP/1.1 200", 900, IdleTimeout),
    "the reader's own failure": (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + b"a" * 50, -1, Stopped),
}  # fmt: skip


@pytest.mark.parametrize("how", LEFT)
async def test_an_answer_that_is_left_is_let_go(transport: HttpTransport, how: str) -> None:
    """However one leaves an answer that has not ended, its connection is closed: the server sees it at once."""
    answer, most, problem = LEFT[how]
    closed = asyncio.Event()

    async def behave(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async def ask(url: str) -> None:
        idle = timedelta(seconds=0.2) if problem is IdleTimeout else None
        async with transport.request("GET", url, headers={}, idle=idle) as response:
            if most < 0:
                raise Stopped
            if most:
                await read_body(response, most)

    async with raw(behave, ended=closed) as (url, _):
        if problem is None:
            await ask(url)
        else:
            with pytest.raises(problem):
                await ask(url)
        async with asyncio.timeout(5):
            await closed.wait()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(5000)) + b"\r\n",
        b"this is no HTTP\r\n\r\n",
    ],
)
async def test_what_is_no_proper_http_is_told(transport: HttpTransport, answer: bytes) -> None:
    """Header bombs and other protocols are bad responses."""

    async def speak(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    async with raw(speak) as (url, _):
        with pytest.raises(BadResponse):
            await fetch(transport, url)


async def test_redirects_are_not_followed(transport: HttpTransport) -> None:
    """A redirect is an answer like any other: credentials never go where an upstream sends them."""

    async def move(request: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"})

    async with api(move) as (url, seen):
        assert await fetch(transport, url) == (302, b"")
        assert len(seen.requests) == 1


@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1/", "http://[::1", "nothing"])
async def test_what_is_no_address_is_refused(transport: HttpTransport, url: str) -> None:
    """A malformed address never reaches the network."""
    with pytest.raises(NotAllowed):
        await fetch(transport, url)


async def test_cookies_are_not_kept(transport: HttpTransport) -> None:
    """One call leaves nothing behind for another."""

    async def bake(request: web.BaseRequest) -> web.Response:
        answer = web.Response(text=request.headers.get("Cookie", ""))
        answer.set_cookie("session", "1")
        return answer

    async with api(bake) as (url, _):
        assert await fetch(transport, url) == (200, b"")
        assert await fetch(transport, url) == (200, b"")


async def test_a_cancelled_request_leaves_no_connection(transport: HttpTransport) -> None:
    """X2: cancelling during the answer closes the connection and raises nothing else."""
    closed = asyncio.Event()

    async def hang(head: bytes, writer: asyncio.StreamWriter) -> None:
        """Says nothing."""

    async with raw(hang, ended=closed) as (url, heads):
        asking = asyncio.create_task(fetch(transport, url))
        while not heads:
            await asyncio.wait([asking], timeout=0.001)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        async with asyncio.timeout(5):
            await closed.wait()


async def test_our_failures_pass_through_unchanged(transport: HttpTransport) -> None:
    """A CallError raised while the body is read is not taken for the transport's own."""

    async def hello(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x" * 100)

    async with api(hello) as (url, _):
        with pytest.raises(CallError) as problem:
            async with transport.request("GET", url, headers={}) as response:
                await read_body(response, 10)
    assert type(problem.value) is BadResponse
