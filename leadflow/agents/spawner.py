"""The `Spawner` port: each program leads a process group, so that a cancel stops all that it started (case X7)."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from leadflow.run.errors import BadResponse, NotAllowed
from leadflow.run.ports import Exited

_PIECE = 64 * 1024


class ProcessSpawner:
    """Starts programs with asyncio. No shell, ever; the environment is only what is given."""

    async def run(self, argv: Sequence[str], *, stdin: bytes, env: Mapping[str, str], cwd: Path, limit: int) -> Exited:
        """Run a program to its end; see the port."""
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as problem:
            raise NotAllowed(f"{argv[0]} cannot be started: {problem.strerror}") from None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_feed(process, stdin))
                out = group.create_task(_collect(process.stdout, limit, argv[0]))
                err = group.create_task(_collect(process.stderr, limit, argv[0]))
            code = await process.wait()
        except BaseExceptionGroup as problems:
            raise problems.exceptions[0] from None
        finally:
            await _stop(process)
        return Exited(code, out.result(), err.result())


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    if process.stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):  # a program need not read its input
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _collect(stream: asyncio.StreamReader | None, limit: int, name: str) -> bytes:
    pieces, size = [], 0
    while stream is not None and (piece := await stream.read(_PIECE)):
        size += len(piece)
        if size > limit:
            raise BadResponse(f"{name} wrote more than {limit:,} bytes")
        pieces.append(piece)
    return b"".join(pieces)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of the group, and wait for the program itself."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
