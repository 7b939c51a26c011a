"""The `Spawner` port: each program leads a process group, so that a cancel stops all that it started (case X7).

Built on asyncio's protocols and not on its streams: a stream that stopped reading keeps `wait()` from ever ending.
"""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from leadflow.run.errors import BadResponse, CallError, NotAllowed
from leadflow.run.ports import Exited

_STDIN, _STDOUT, _STDERR = 0, 1, 2


class ProcessSpawner:
    """Starts programs with asyncio. No shell, ever; the environment is only what is given."""

    async def run(self, argv: Sequence[str], *, stdin: bytes, env: Mapping[str, str], cwd: Path, limit: int) -> Exited:
        """Run a program to its end; see the port."""
        loop = asyncio.get_running_loop()
        pipe = asyncio.subprocess.PIPE
        try:
            transport, outputs = await loop.subprocess_exec(
                lambda: _Outputs(loop, argv[0], limit),
                *argv,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as problem:
            raise NotAllowed(f"{argv[0]} cannot be started: {problem.strerror}") from None
        try:
            entry = cast(asyncio.WriteTransport, transport.get_pipe_transport(_STDIN))
            entry.write(stdin)
            entry.close()  # once it is written; a program need not read it
            await outputs.over
        finally:
            await _stop(transport, outputs)
        return Exited(transport.get_returncode() or 0, bytes(outputs.kept[_STDOUT]), bytes(outputs.kept[_STDERR]))


class _Outputs(asyncio.SubprocessProtocol):
    """What a program writes, under a cap, and when it has ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str, limit: int) -> None:
        self._name, self._limit = name, limit
        self.kept = {_STDOUT: bytearray(), _STDERR: bytearray()}
        self.over: asyncio.Future[None] = loop.create_future()
        """Done when the program has ended and its outputs were read; fails at once when one grows too long."""
        self.exited: asyncio.Future[None] = loop.create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep a piece."""
        self.kept[fd] += data
        if len(self.kept[fd]) > self._limit:
            self._settle(BadResponse(f"{self._name} wrote more than {self._limit:,} bytes"))

    def process_exited(self) -> None:
        """The program itself is gone; others may still hold its outputs."""
        if not self.exited.done():
            self.exited.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The program is gone and so are its outputs."""
        self._settle(None)

    def _settle(self, problem: CallError | None) -> None:
        if self.over.done():
            return
        if problem is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(problem)


async def _stop(transport: asyncio.SubprocessTransport, outputs: _Outputs) -> None:
    """Kill what is left of the group, and wait for the program itself."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(transport.get_pid(), signal.SIGKILL)
    transport.close()
    await outputs.exited
