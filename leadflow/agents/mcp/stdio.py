"""The SDK's transport over a program's standard input and output, with bounds for what a hostile one may do.

The program leads a process group of its own, which is ended as a whole: its input is closed, which is how it is asked
to go, then it is told to, then it is killed. Its output is read whether or not anybody takes the messages, so that no
pipe fills up; a line that is no message is left out and told once (case 115), a line without an end and a flood of
messages that nobody asked for end the program (case 112). What it says on standard error is kept for messages, the end
of it only.
"""

import asyncio
import logging
import math
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias, cast

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCRequest, JSONRPCResponse, jsonrpc_message_adapter

from leadflow.run.errors import CallError, ConnectFailed
from leadflow.run.ports import Server
from leadflow.run.redact import one_line

_log = logging.getLogger("leadflow")
_STDIN, _STDOUT, _STDERR = 0, 1, 2
MOST_LINE = 10_000_000
"""Bytes of one message."""
MOST_UNASKED = 3_000
"""Messages and other lines from one request to the next that are no answers; five of the longest at the most."""
FLOOD = f"it sent more than {MOST_UNASKED:,} messages that nobody asked for"
_KEPT_OF_STDERR = 4_000
_GOES_IN, _ENDS_IN = 1.0, 0.5
"""Seconds from the end of its input until a program is told to go, and from then until it is killed."""
_LAST_WORDS = 0.2
"""Seconds in which what a program wrote before its end is read, when somebody else holds its output."""

Heard: TypeAlias = SessionMessage | Exception
Streams: TypeAlias = tuple[MemoryObjectReceiveStream[Heard], MemoryObjectSendStream[SessionMessage]]


class Program(asyncio.SubprocessProtocol):
    """A server's program as it runs: what it says goes to the session, line by line."""

    def __init__(self, server: Server, heard: MemoryObjectSendStream[Heard]) -> None:
        loop = asyncio.get_running_loop()
        self._server, self._heard = server, heard
        self._line = bytearray()
        self._open = 0
        """Requests that are not answered yet."""
        self._unasked = 0
        self._unasked_size = 0
        self._has_junk = False
        self._stderr = bytearray()
        self._is_cut = False
        """The first of these lines is half of one, and may hold half of a secret."""
        self.fault: str | None = None
        """Why it was ended before its time."""
        self.over: asyncio.Future[None] = loop.create_future()
        """Done when nothing more comes from it."""
        self.exited: asyncio.Future[None] = loop.create_future()
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It runs."""
        self.transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """A piece of its output."""
        if fd == _STDERR:
            self._stderr += data
            if len(self._stderr) > _KEPT_OF_STDERR:
                del self._stderr[:-_KEPT_OF_STDERR]
                self._is_cut = True
            return
        first, *rest = data.split(b"\n")
        self._line += first
        for piece in rest:
            self._take(bytes(self._line))
            self._line = bytearray(piece)
        if len(self._line) > MOST_LINE:
            self.end(f"it wrote a line of more than {MOST_LINE:,} bytes")

    def _take(self, line: bytes) -> None:
        if self.fault is not None or not line.strip():
            return
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            self._count(len(line))
            if not self._has_junk:
                self._has_junk = True
                _log.warning(
                    "the server '%s' writes what is no message to its standard output; such lines are left out",
                    self._server.name,
                )
            return
        if self._open and isinstance(message, JSONRPCResponse | JSONRPCError):
            self._open -= 1
        else:
            self._count(len(line))
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._heard.send_nowait(SessionMessage(message))

    def _count(self, size: int) -> None:
        """Something that nobody asked for."""
        self._unasked += 1
        self._unasked_size += size
        if self._unasked > MOST_UNASKED or self._unasked_size > 5 * MOST_LINE:
            self.end(FLOOD)

    def ask(self) -> None:
        """A request is sent to it: what comes now may belong to that."""
        self._open += 1
        self._unasked = self._unasked_size = 0

    def pause_writing(self) -> None:
        """It does not read fast enough."""
        self.may_write.clear()

    def resume_writing(self) -> None:
        """It reads again."""
        self.may_write.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """One of its pipes is gone; without its output there is no server."""
        if fd == _STDOUT:
            self._settle()

    def process_exited(self) -> None:
        """The program itself is gone. What it wrote may still lie in its pipe, which others may hold open."""
        if not self.exited.done():
            self.exited.set_result(None)
        asyncio.get_running_loop().call_later(_LAST_WORDS, self._settle)

    def _settle(self) -> None:
        self.may_write.set()
        self._heard.close()
        if not self.over.done():
            self.over.set_result(None)

    def end(self, why: str) -> None:
        """Kill it: it does what no server may."""
        if self.fault is None:
            self.fault = why
            self.kill(signal.SIGKILL)
            self._settle()

    def kill(self, how: signal.Signals) -> None:
        """Send a signal to all of its group."""
        if self.transport is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.transport.get_pid(), how)

    def write(self, line: bytes) -> None:
        """Give it a message."""
        transport = None if self.transport is None else self.transport.get_pipe_transport(_STDIN)
        if transport is not None and not transport.is_closing():
            cast(asyncio.WriteTransport, transport).write(line)

    def close_input(self) -> None:
        """Ask it to go."""
        transport = None if self.transport is None else self.transport.get_pipe_transport(_STDIN)
        if transport is not None:
            transport.close()

    async def last_words(self) -> str:
        """What there is to say about its end, if it is about to end."""
        await asyncio.wait([self.exited], timeout=_LAST_WORDS)
        return self.why()

    def why(self) -> str:
        """What there is to say about it."""
        code = None if self.transport is None else self.transport.get_returncode()
        whole = self._stderr.partition(b"\n")[2] if self._is_cut else self._stderr
        lines = [line for line in whole.decode("utf-8", "replace").splitlines() if line.strip()]
        said = f": {one_line(' / '.join(lines[-3:]), self._server.secrets, 300)}" if lines else ""
        if self.fault is not None:
            return self.fault
        if code is None:
            return f"it closed its output{said}" if self.over.done() else f"it runs{said}"
        return (f"it was killed by signal {-code}" if code < 0 else f"it ended with code {code}") + said


@asynccontextmanager
async def running(server: Server, root: Path) -> AsyncIterator[tuple[Streams, Program]]:
    """A server's program and the streams of its session, until it is left.

    Raises:
        ConnectFailed: it cannot be started.
    """
    heard, hears = anyio.create_memory_object_stream[Heard](math.inf)
    says, said = anyio.create_memory_object_stream[SessionMessage](0)
    with heard, hears, says, said:
        program = await _started(server, root, heard)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_pass_on, said, program)
                try:
                    yield (hears, says), program
                finally:
                    tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await _stop(program)


async def _started(server: Server, root: Path, heard: MemoryObjectSendStream[Heard]) -> Program:
    pipe = asyncio.subprocess.PIPE
    try:
        _, program = await asyncio.get_running_loop().subprocess_exec(
            lambda: Program(server, heard),
            *server.command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=dict(server.env),
            cwd=root,
            start_new_session=True,
        )
    except OSError as problem:
        raise _cannot_start(server, problem) from None
    return program


def _cannot_start(server: Server, problem: OSError) -> CallError:
    return ConnectFailed(f"{server.command[0]} cannot be started: {problem.strerror}", sent=False)


async def _pass_on(said: MemoryObjectReceiveStream[SessionMessage], program: Program) -> None:
    """Write what the session says."""
    async for one in said:
        await program.may_write.wait()
        if isinstance(one.message, JSONRPCRequest):
            program.ask()
        program.write(one.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")


async def _stop(program: Program) -> None:
    """Ask the program to go, tell it, kill it, and wait for it; what it has started goes with it."""
    program.close_input()
    if not await _has_ended(program, _GOES_IN):
        program.kill(signal.SIGTERM)
        await _has_ended(program, _ENDS_IN)
    program.kill(signal.SIGKILL)
    if program.transport is not None:
        program.transport.close()
    await program.exited


async def _has_ended(program: Program, seconds: float) -> bool:
    with anyio.move_on_after(seconds):
        await asyncio.wait([program.exited])
    return program.exited.done()
