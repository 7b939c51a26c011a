"""Whole runs that call servers: what stops them before the first call, and what becomes of calls in doubt."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import leadflow
from leadflow import RunOptions, StartProblem, Status
from leadflow.plan.lock import lock_path, write_lock
from tests.agents.mcp.links import HOSTILE, hostile, linked
from tests.agents.worlds import StillClock

ONE = """leadflow 1
agent a: mcp.tried { SETTINGS }
agent b: mcp.tried
flow main(text: string) -> string {
  step first: string = a.echo(text: text)
  ANNOTATION
  step second: string = b.echo(text: first)
  return second
}
"""


async def project(
    folder: Path, way: str, *more: str, flow: str = ONE, settings: str = "", annotation: str = ""
) -> Path:
    """A project whose server is a hostile one, with the lock that it gives at first."""
    command = [sys.executable, "-S", str(HOSTILE), way, *more]
    (folder / "leadflow.toml").write_text(f"[mcp.tried]\ncommand = {command!r}\nstart = 20\n{settings}")
    async with linked(hostile(way, *more), folder) as link:
        lock = await link.look()
    path = folder / lock_path("tried")
    path.parent.mkdir(parents=True)
    path.write_text(write_lock(lock))
    main = folder / "main.flow"
    main.write_text(flow.replace("{ SETTINGS }", "").replace("ANNOTATION", annotation))
    return main


async def run(main: Path, text: str = "hello") -> leadflow.Result:
    """One run, which is not kept."""
    return await leadflow.load(main).run("main", {"text": text}, RunOptions(durable=False))


async def test_agents_of_one_server_share_it(tmp_path: Path) -> None:
    """Two agents, one server: it is started once in a run."""
    count = tmp_path / "starts"
    main = await project(tmp_path, "dies", str(count))
    count.unlink()
    result = await run(main, "live")
    assert (Status.DONE, "live", "1") == (result.status, result.value, count.read_text())


async def test_106_a_run_stops_before_its_first_call(tmp_path: Path) -> None:
    """A description that changed after it was looked at: nothing is called, and the problem has its place."""
    main = await project(tmp_path, "changes", str(tmp_path / "starts"))
    with pytest.raises(StartProblem) as stopped:
        await run(main)
    assert "main.flow:2:7: agent 'a': the tools of the server 'tried' are not those of its lock" in str(stopped.value)


async def test_a_server_without_a_lock_is_not_called(tmp_path: Path) -> None:
    """`check` warns, `run` refuses."""
    main = await project(tmp_path, "good")
    (tmp_path / lock_path("tried")).unlink()
    with pytest.raises(
        StartProblem, match="agent 'a': the server 'tried' has no lock; write it: leadflow mcp pin tried"
    ):
        await run(main)


async def test_a_server_that_nobody_allows_is_not_started(tmp_path: Path) -> None:
    """A flow names servers; leadflow.toml allows them."""
    main = await project(tmp_path, "good")
    (tmp_path / "leadflow.toml").write_text("[mcp.other]\ncommand = ['x']\n")
    with pytest.raises(StartProblem, match=r"agent 'a': leadflow\.toml allows no server 'tried'; it allows other"):
        await run(main)


async def test_a_variable_that_is_not_set_is_told_by_its_name(tmp_path: Path) -> None:
    """Before anything is started (case 127)."""
    main = await project(tmp_path, "good", settings='env = ["NO_SUCH_KEY_HERE"]\n')
    with pytest.raises(StartProblem, match="the server 'tried' needs the environment variable NO_SUCH_KEY_HERE"):
        await run(main)


async def test_119_a_write_in_doubt_ends_the_run(tmp_path: Path) -> None:
    """The server dies in the middle of a call that may have been done: nobody repeats it."""
    count = tmp_path / "starts"
    main = await project(tmp_path, "dies", str(count), annotation="@retry(3, backoff: 10ms)\n  @idempotent")
    result = await run(main, "die")
    assert result.failure is not None
    assert (True, "network.lost", "main/first") == (
        result.failure.in_doubt or any(cause.in_doubt for cause in result.failure.causes),
        result.failure.error,
        result.failure.path,
    )
    assert "2" == count.read_text()


async def test_119_what_may_be_repeated_is(tmp_path: Path) -> None:
    """Declared as idempotent, the call is tried three times, each time with a server that was started anew."""
    count = tmp_path / "starts"
    flow = ONE.replace("step first: string = a.echo(text: text)", "let first = text")
    main = await project(tmp_path, "dies", str(count), flow=flow, annotation="@retry(3, backoff: 10ms)\n  @idempotent")
    count.unlink()
    result = await run(main, "die")
    assert result.failure is not None
    assert (3, "3") == (len(result.failure.attempts), count.read_text())


async def test_no_server_outlives_its_run(tmp_path: Path) -> None:
    """A run that is cancelled ends its servers, too (case X7)."""
    main = await project(tmp_path, "waits", str(tmp_path / "met"))
    task = asyncio.create_task(run(main))
    async with asyncio.timeout(20):
        while not _of(str(tmp_path)):
            await StillClock().sleep(timedelta(milliseconds=20))
        task.cancel()
        await asyncio.wait([task])
        while _of(str(tmp_path)):
            await StillClock().sleep(timedelta(milliseconds=20))
    assert task.cancelled()


async def test_no_server_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    """kill -9 of leadflow closes the input of its servers, which is how they are asked to go (case X7)."""
    main = await project(tmp_path, "waits", str(tmp_path / "met"))
    command = [str(Path(sys.executable).with_name("leadflow")), "run", str(main), "-i", "text=a", "--no-journal"]
    running = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(20):
            while not _of(str(tmp_path)):
                await StillClock().sleep(timedelta(milliseconds=20))
            running.kill()
            await running.wait()
            while _of(str(tmp_path)):
                await StillClock().sleep(timedelta(milliseconds=20))
    finally:
        if running.returncode is None:
            running.kill()
    assert [] == _of(str(tmp_path))


def _of(text: str) -> list[str]:
    """The processes whose command line has a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if text.encode() in command and b"hostile.py" in command:
            found.append(path.parent.name)
    return found


def test_without_the_sdk_it_is_told_what_to_install(tmp_path: Path) -> None:
    """The extra is asked for when a run needs it, and by nothing else."""
    program = (
        "import sys; sys.modules['mcp'] = None\n"
        "from leadflow.agents.mcp.kind import link_module\n"
        "from leadflow.run.errors import NotAllowed\n"
        "try: link_module('agent a')\n"
        "except NotAllowed as problem: print(problem.message)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "agent a: servers of tools need the extra `mcp` (mcp is missing); install it: pip install" in ran.stdout
