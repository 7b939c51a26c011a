"""The SDK's transport over streamable HTTP, with what our own HTTP agents hold to.

No proxy and no credential of the environment is used that nobody declared; redirects are followed on the same origin
only (the SDK sees to that, and to that headers stay there). An answer has a longest length and is not packed, so that
it cannot unpack to more; one that is a stream has no more events than a program may send. A status is an error of the
protocol whose data says which, so that 401 is told from 500.
"""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp_types import INTERNAL_ERROR

from leadflow.agents.mcp.stdio import MOST_UNASKED
from leadflow.agents.wire import AGENT_NAME, MOST_BYTES, check_headers
from leadflow.run.ports import Server
from leadflow.run.retry_after import retry_after

STATUS, WAIT = "leadflow.status", "leadflow.wait"
"""In the data of an error: the status that it stands for, and the seconds that the server asks to wait."""
_IN_WORDS = frozenset({400, 404, 405, 409, 413, 422})
"""Statuses beside which an error of the protocol says more than they do."""
_EVENT_ENDS = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_CONNECT, _SILENT = 10.0, 300.0
"""Seconds for a connection, and between two bytes of an answer."""

Streams: TypeAlias = tuple[Any, Any]
"""What is heard and what is said, as the SDK types them."""
Now: TypeAlias = Callable[[], datetime]


class _Door(httpx2.AsyncBaseTransport):
    """In front of the sockets: what a status means is put into words that the SDK passes on."""

    def __init__(self, now: Now, flooded: Callable[[], None]) -> None:
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False)
        self._now, self._flooded = now, flooded

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request. What answers the server, as to a ping, may get lost: a call that is under way need not."""
        try:
            response = await self._inner.handle_async_request(request)
        except httpx2.TransportError:
            if not _is_answer(request):
                raise
            return httpx2.Response(202, request=request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.DecodingError("its answer is packed, which nobody asked for", request=request)
        if response.status_code >= 400 and request.method == "POST":
            return await self._as_error(request, response)
        is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        stream = response.stream
        if isinstance(stream, httpx2.AsyncByteStream) and not is_stream:
            response.stream = _Bounded(stream)
        elif isinstance(stream, httpx2.AsyncByteStream) and request.method == "POST":
            response.stream = _Counted(stream, self._flooded)
        return response

    async def _as_error(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        """A refused request as an error of the protocol; one that is such an error already keeps its words."""
        stream = response.stream
        body = b""
        if isinstance(stream, httpx2.AsyncByteStream):
            try:
                async for piece in stream:
                    body += piece
                    if len(body) > 20_000:
                        break
            finally:
                await stream.aclose()
        told = _error_of(body) if response.status_code in _IN_WORDS else {}
        data: dict[str, Any] = {STATUS: response.status_code}
        wait: timedelta | None = retry_after(dict(response.headers), now=self._now())
        if wait is not None:
            data[WAIT] = wait.total_seconds()
        error = {"code": INTERNAL_ERROR, "message": f"it answered {response.status_code}", **told}
        if "code" not in told:
            error["data"] = data
        answer = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
        headers = {"content-type": "application/json"}
        return httpx2.Response(response.status_code, headers=headers, content=answer, request=request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()


def _is_answer(request: httpx2.Request) -> bool:
    """Whether what is sent answers what the server asked."""
    return request.method == "POST" and "method" not in json.loads(request.content)


def _error_of(body: bytes) -> dict[str, Any]:
    """The error of the protocol that a body holds; nothing when it holds none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = found.get("error") if isinstance(found, dict) else None
    is_error = isinstance(error, dict) and isinstance(error.get("code"), int) and isinstance(error.get("message"), str)
    return error if is_error and isinstance(error, dict) else {}


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends when it is too long."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._inner:
            size += len(piece)
            if size > MOST_BYTES:
                raise httpx2.StreamError(f"the answer is longer than {MOST_BYTES:,} bytes")
            yield piece

    async def aclose(self) -> None:
        """Give the connection back."""
        await self._inner.aclose()


class _Counted(_Bounded):
    """The stream that answers a request, until it has more events or bytes than any answer needs."""

    def __init__(self, inner: httpx2.AsyncByteStream, flooded: Callable[[], None]) -> None:
        super().__init__(inner)
        self._flooded = flooded

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, events, rest = 0, 0, b""
        async for piece in self._inner:
            size += len(piece)
            data, last = rest + piece, 0
            for found in _EVENT_ENDS.finditer(data):
                events, last = events + 1, found.end()
            rest = data[last:][-3:]
            if events > MOST_UNASKED or size > 5 * MOST_BYTES:
                self._flooded()
                raise httpx2.StreamError("the server sends without end")
            yield piece


@asynccontextmanager
async def connected(server: Server, now: Now, flooded: Callable[[], None]) -> AsyncIterator[Streams]:
    """The streams of a session with a server that has an address.

    Args:
        flooded: what is to be done when it answers with more than anybody asked for.

    Raises:
        NotAllowed: a header would break its line.
    """
    own = {name: value.strip(" \t") for name, value in server.headers.items()}  # no part of a value (RFC 9110, 5.5)
    headers = {"User-Agent": AGENT_NAME, "Accept-Encoding": "identity", **own}
    check_headers(headers)
    timeout = httpx2.Timeout(_CONNECT, read=_SILENT)
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout, transport=_Door(now, flooded), trust_env=False) as client,
        streamable_http_client(server.url, http_client=client, max_sse_event_size=MOST_BYTES) as streams,
    ):
        yield streams
