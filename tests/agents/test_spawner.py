"""Programs as they really behave: what they get, what they give, and that nothing of them survives a cancel."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from leadflow.agents.spawner import ProcessSpawner
from leadflow.run.errors import BadResponse, NotAllowed
from leadflow.run.ports import Exited

PYTHON = (sys.executable, "-S", "-c")


async def run(code: str, folder: Path, *, stdin: bytes = b"", limit: int = 1_000_000) -> Exited:
    """A small Python program."""
    return await ProcessSpawner().run((*PYTHON, code), stdin=stdin, env={"SHOWN": "1"}, cwd=folder, limit=limit)


async def test_input_output_and_code(tmp_path: Path) -> None:
    """A program reads its input, writes both outputs and ends with a code; it sees only the given environment."""
    code = (
        "import os, sys; print(sys.stdin.read().upper(), sorted(os.environ.items() - {('LC_CTYPE', 'C.UTF-8')}));"
        "print(os.getcwd(), file=sys.stderr); sys.exit(3)"
    )
    ended = await run(code, tmp_path, stdin=b"hello")
    assert ended == Exited(3, b"HELLO [('SHOWN', '1')]\n", f"{tmp_path}\n".encode())


async def test_a_program_need_not_read_its_input(tmp_path: Path) -> None:
    """A closed pipe is no failure."""
    assert (await run("print(1)", tmp_path, stdin=b"x" * 5_000_000)).stdout == b"1\n"


async def test_an_endless_output_is_stopped(tmp_path: Path) -> None:
    """The cap holds for each output, and the program is killed."""
    with pytest.raises(BadResponse, match="more than 1,000 bytes"):
        await run("while True: print('y' * 1000)", tmp_path, limit=1000)


@pytest.mark.parametrize("argv", [("/nowhere/program",), ("/",)])
async def test_what_cannot_be_started_says_so(tmp_path: Path, argv: tuple[str, ...]) -> None:
    """A missing program, or a folder."""
    with pytest.raises(NotAllowed, match="cannot be started"):
        await ProcessSpawner().run(argv, stdin=b"", env={}, cwd=tmp_path, limit=1)


async def test_nothing_is_a_shell(tmp_path: Path) -> None:
    """Metacharacters are characters."""
    code = "import sys; print(sys.argv[1:])"
    words = ("; touch x", "$(touch y)", "*", "a b")
    ended = await ProcessSpawner().run((*PYTHON, code, *words), stdin=b"", env={}, cwd=tmp_path, limit=1000)
    assert ended.stdout.decode() == f"{list(words)}\n"
    assert os.listdir(tmp_path) == []


async def test_x7_a_cancel_kills_the_whole_group(tmp_path: Path) -> None:
    """X7: a program's own children die with it."""
    code = (
        "import os, sys, time\n"
        "child = os.fork()\n"
        "open(f'pid{int(child == 0)}.part', 'w').write(str(os.getpid()))\n"
        "os.rename(f'pid{int(child == 0)}.part', f'pid{int(child == 0)}')\n"
        "time.sleep(600)\n"
    )
    running = asyncio.create_task(run(code, tmp_path))
    files = [tmp_path / "pid0", tmp_path / "pid1"]
    while not all(file.exists() for file in files):
        await asyncio.wait([running], timeout=0.005)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with asyncio.timeout(10):
        for file in files:
            while _is_alive(int(file.read_text())):
                await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=0.005)


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
