"""The `Transport` port on aiohttp: one session for all agents of a run. The only file of this room that knows aiohttp.

It sends each request once: aiohttp repeats some by itself when a kept-alive connection dies, unless a middleware turns
that failure into one of ours (case R5). It follows no redirects, keeps no cookies, reads no proxy from the environment,
and leaves percent-encoding as it is. Bodies are read in pieces, so that a small answer that unpacks to a huge one is
noticed in time, and unpacked here, so that a packed one that ends early is noticed at all.
"""

import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import lru_cache
from types import TracebackType

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from leadflow.agents.tools.addresses import Guard
from leadflow.agents.turns import Turns
from leadflow.agents.wire import in_words
from leadflow.plan.words import duration_words
from leadflow.run.errors import BadResponse, CallError, ConnectFailed, ConnectionLost, IdleTimeout, NotAllowed
from leadflow.run.ports import Streamed
from leadflow.run.room import make_room

_PIECE = 64 * 1024
"""Bytes read at once, after decompression."""


class HttpTransport:
    """HTTP over aiohttp. Connections are kept and shared; how many calls are under way is decided elsewhere."""

    def __init__(self, guard: Guard | None = None) -> None:
        """Guard: where requests may go; None: anywhere. A host that is written as an address is not asked about."""
        self._guard = guard
        self._session: aiohttp.ClientSession | None = None
        self.turns = Turns()
        make_room()  # before the first name is resolved, in a thread

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        idle: timedelta | None = None,
    ) -> AbstractAsyncContextManager[Streamed]:
        """Send a request; see the port."""
        return _Exchange(self, method, url, headers, body, idle)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def open(self) -> aiohttp.ClientSession:
        """The session, made at its first use."""
        if self._session is None:
            resolver = None if self._guard is None else Guarded(self._guard, aiohttp.ThreadedResolver())
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, resolver=resolver),
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(_send_once,),
                trust_env=False,
                auto_decompress=False,
                headers={"Accept-Encoding": "gzip, deflate"},
            )
        return self._session


class _Exchange:
    """A request, from its sending until its answer is let go. A class, because a generator that is one costs as much
    again as all that is done here."""

    __slots__ = ("_body", "_headers", "_idle", "_method", "_sent", "_told", "_transport", "_url")

    def __init__(
        self,
        transport: HttpTransport,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        idle: timedelta | None,
    ) -> None:
        self._transport, self._method, self._url = transport, method, _address(url)
        self._headers, self._body, self._idle = headers, body, idle
        self._told = _translated(method, self._url, idle)

    async def __aenter__(self) -> "_Response":
        if (turn := self._transport.turns.next()) is not None:
            await turn
        with self._told:
            self._sent = self._transport.open().request(
                self._method,
                self._url,
                headers=self._headers,
                data=self._body,
                allow_redirects=False,
                timeout=_silent_for(self._idle),
            )
            response = await self._sent.__aenter__()
        return _Response(response, self._method, self._url, self._idle)

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._told:
            await self._sent.__aexit__(kind, problem, trace)
        self._told.__exit__(kind, problem, trace)


@lru_cache(64)
def _silent_for(idle: timedelta | None) -> aiohttp.ClientTimeout:
    """The limits of a request: how long nothing may come. All others are its attempt's."""
    return aiohttp.ClientTimeout(total=None, sock_read=idle.total_seconds() if idle else None)


class Guarded(AbstractResolver):
    """Resolves a name once and lets no address pass that may not be asked; the connection goes to what is left here.

    One address that may not be asked refuses the name: which of them would be taken is not ours to say.
    """

    def __init__(self, guard: Guard, resolver: AbstractResolver) -> None:
        self._guard, self._resolver = guard, resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host.

        Raises:
            NotAllowed: one of them may not be asked.
        """
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            refusal = self._guard.refuses(host, one["host"], port)
            if refusal is not None:
                raise NotAllowed(refusal)
        return found

    async def close(self) -> None:
        """Close the resolver below."""
        await self._resolver.close()


class _Response:
    """A response whose head has come."""

    def __init__(self, response: aiohttp.ClientResponse, method: str, url: URL, idle: timedelta | None) -> None:
        self._response = response
        self._method, self._url, self._idle = method, url, idle
        self._headers: Mapping[str, str] | None = None
        self.status = response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """With names in small letters."""
        if self._headers is None:
            self._headers = {name.lower(): value for name, value in self._response.headers.items()}
        return self._headers

    def chunks(self) -> AsyncIterator[bytes]:
        """The decompressed body, piece by piece."""
        coding = self._response.headers.get("Content-Encoding", "identity").strip().lower()
        packed = self._response.content.iter_chunked(_PIECE)
        told = _translated(self._method, self._url, self._idle, "between two pieces of the answer")
        return _Pieces(packed if coding in ("", "identity") else _unpacked(packed, coding), told)


class _Pieces:
    """The pieces of a body, with failures of our own. A class, because the loop keeps account of each generator."""

    __slots__ = ("_pieces", "_told")

    def __init__(self, pieces: AsyncIterator[bytes], told: "_translated") -> None:
        self._pieces, self._told = pieces, told

    def __aiter__(self) -> "_Pieces":
        return self

    async def __anext__(self) -> bytes:
        with self._told:
            return await self._pieces.__anext__()


async def _unpacked(packed: AsyncIterator[bytes], coding: str) -> AsyncIterator[bytes]:
    """A gzip or deflate body, a bounded piece at a time; one that ends early is a failure, which aiohttp's is not."""
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise BadResponse(f"the answer is packed as '{coding[:20]}', which was not asked for")
    unpacker = None
    async for piece in packed:
        if unpacker is None:  # what is called deflate comes with or without its header
            bare = coding == "deflate" and piece[0] & 0x0F != 8
            unpacker = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)
        rest, is_full = piece, False
        while (rest or is_full) and not unpacker.eof:  # a full one may have left something behind, all bytes read
            try:
                unpacked = unpacker.decompress(rest, _PIECE)
            except zlib.error:
                raise BadResponse("the answer cannot be unpacked") from None
            rest, is_full = unpacker.unconsumed_tail, len(unpacked) == _PIECE
            yield unpacked
    if unpacker is not None and not unpacker.eof:
        raise ConnectionLost("the packed answer broke off")


async def _send_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Give a broken connection our own name before aiohttp takes it for a reason to send again. Silence is none: it is
    named further out, where it is known how long was waited."""
    with _translated(request.method, request.url):
        return await send(request)


class _translated:
    """aiohttp's failures as ours. The text names the host, never the path or query: they may hold secrets."""

    __slots__ = ("_idle", "_method", "_url", "_when")

    def __init__(
        self, method: str, url: URL, idle: timedelta | None = None, when: str = "between the request and the answer"
    ) -> None:
        """
        Args:
            idle: how long is waited for the next byte; None: whoever called sees to that.
            when: between what one waits in here.
        """
        self._method, self._url, self._idle, self._when = method, url, idle, when

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, problem: BaseException | None, _trace: object) -> None:
        if problem is None or isinstance(problem, CallError | StopAsyncIteration):
            return
        what = f"{self._method} to {_host(self._url)}"
        ours = self._silence(what) if _is_silence(problem) else _ours(what, problem)
        if ours is not None:
            raise ours from None

    def _silence(self, what: str) -> IdleTimeout | None:
        if self._idle is None:
            return None
        return IdleTimeout(f"{what}: nothing came for {duration_words(self._idle)} {self._when}")


def _is_silence(problem: BaseException) -> bool:
    """Whether the connection stands, and nothing came over it for too long."""
    return isinstance(problem, aiohttp.ServerTimeoutError) and not isinstance(problem, aiohttp.ConnectionTimeoutError)


def _ours(what: str, problem: BaseException) -> CallError | None:
    match problem:
        case aiohttp.ConnectionTimeoutError() | aiohttp.ClientConnectorError() | ssl.SSLError():
            return ConnectFailed(f"{what}: no connection: {_why(problem)}", sent=False)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return NotAllowed(f"{what}: this is no address of an HTTP server")
        case aiohttp.ClientPayloadError():
            return ConnectionLost(f"{what}: the answer broke off")
        case aiohttp.ClientResponseError():
            return BadResponse(f"{what}: the answer is no proper HTTP", status=problem.status or None)
        case aiohttp.ClientError() | OSError():
            return ConnectionLost(f"{what}: the connection broke: {_why(problem)}")
        case _:
            return None


def _address(url: str) -> URL:
    try:
        return URL(url, encoded=True)
    except ValueError:
        raise NotAllowed("a malformed address: this is no address of an HTTP server") from None


def _host(url: URL) -> str:
    return f"{url.host}:{url.port}" if url.host else "an address without a host"


def _why(problem: BaseException) -> str:
    inner = getattr(problem, "os_error", None) or problem
    text = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return in_words(" ".join(str(text).split()))[:200]
