"""Servers on loopback for agents under test: a well-behaved one that counts, and a raw one that misbehaves to order."""

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Raw = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Seen:
    """The requests that reached a server."""

    def __init__(self) -> None:
        self.requests: list[web.BaseRequest] = []
        self.bodies: list[bytes] = []


@asynccontextmanager
async def api(handler: Handler) -> AsyncIterator[tuple[str, Seen]]:
    """An HTTP server that answers everything with one handler; gives its url and what it saw."""
    seen = Seen()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.requests.append(request)
        seen.bodies.append(await request.read())
        return await handler(request)

    server = web.Server(answer)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


@contextmanager
def answering(handler: Handler) -> Iterator[tuple[str, Seen]]:
    """An upstream, in a thread of its own: commands run in this one, where they can be interrupted."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    context = api(handler)
    try:
        yield asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@asynccontextmanager
async def raw(
    behave: Raw, *, until: bytes = b"\r\n\r\n", ended: asyncio.Event | None = None
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A TCP server that reads request heads and answers each with bytes of its own choice; gives url and the heads.

    Args:
        until: where a head ends.
        ended: set when a client has closed its connection.
    """
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(until):
                heads.append(head)
                await behave(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            if ended is not None:
                ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection with a reset instead of an end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def closed_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port
