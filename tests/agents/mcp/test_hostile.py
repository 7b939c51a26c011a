"""Cases 106 to 119 of the bad inputs: servers that do what no server should, and what comes of it."""

import asyncio
import json
import logging
import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from leadflow.agents.mcp.kind import McpAgent
from leadflow.agents.mcp.stdio import MOST_LINE
from leadflow.check.locks import kind_of, problems_of
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.lock import MOST_DESCRIPTION, Lock
from leadflow.plan.types import JSON, STRING
from leadflow.run.errors import BadResponse, ConnectFailed, ConnectionLost, NotAllowed, ToolsChanged
from tests.agents.mcp.links import hostile, linked, program, request
from tests.agents.worlds import StillClock


def hashes(lock: Lock) -> dict[str, str]:
    """What a program was compiled with."""
    return {tool.name: tool.hash for tool in lock.tools}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of loopback to which nobody may connect."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def visitors(listener: socket.socket) -> int:
    """How many have connected."""
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


async def test_106_a_description_that_changed_stops_everything(tmp_path: Path) -> None:
    """A server whose tool has another description than its lock is not called, now or later."""
    server = hostile("changes", str(tmp_path / "starts"))
    async with linked(server, tmp_path) as link:
        pinned = hashes(await link.look())
    async with linked(server, tmp_path, pinned) as link:
        for _ in range(2):
            with pytest.raises(ToolsChanged, match="'echo' has changed; `leadflow mcp diff tried` shows it"):
                await link.call("tried.echo", "echo", {"text": "a"})


async def test_106_a_change_while_it_runs_is_seen_before_the_next_call(tmp_path: Path) -> None:
    """A server says that its tools have changed: they are looked at again, and compared."""
    server = hostile("swaps")
    async with linked(server, tmp_path) as link:
        pinned = hashes(await link.look())
    async with linked(server, tmp_path, pinned) as link:
        await link.call("tried.echo", "echo", {"text": "a"})
        with pytest.raises(ToolsChanged):
            await link.call("tried.echo", "echo", {"text": "b"})


async def test_106_a_list_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    """A server says that its tools have changed, and lists none: nothing is called, and the next call asks again."""
    async with linked(hostile("mumbles"), tmp_path) as link:
        await link.call("tried.echo", "echo", {"text": "a"})
        for _ in range(2):
            with pytest.raises(BadResponse, match="the server 'tried': its list of tools is not of") as failure:
                await link.call("tried.echo", "echo", {"text": "b"})
            assert not failure.value.sent, "nothing is in doubt"


async def test_106_a_change_while_tools_are_listed_is_looked_at(tmp_path: Path) -> None:
    """What a server says before its list has come is about the list that follows."""
    async with linked(hostile("good"), tmp_path) as link:
        pinned = hashes(await link.look())
    async with linked(hostile("hurries"), tmp_path, pinned) as link:
        await link.call("tried.echo", "echo", {"text": "a"})
        await link.call("tried.echo", "echo", {"text": "b"})
        with pytest.raises(ToolsChanged, match="'echo' has changed"):
            await link.call("tried.echo", "echo", {"text": "c"})


async def test_106_a_server_that_comes_back_with_other_tools(tmp_path: Path) -> None:
    """It dies in a call, and what starts instead describes its tool otherwise: nothing more is called (fault 27)."""
    async with linked(hostile("good"), tmp_path) as link:
        pinned = hashes(await link.look())
    async with linked(hostile("turns", str(tmp_path / "starts")), tmp_path, pinned) as link:
        with pytest.raises(ConnectionLost):
            await link.call("tried.echo", "echo", {"text": "die"})
        with pytest.raises(ToolsChanged, match="'echo' has changed"):
            await link.call("tried.echo", "echo", {"text": "live"})


async def test_106_a_tool_that_is_gone_is_a_change(tmp_path: Path) -> None:
    """So is a lock with a tool that the server does not have; one more tool than the lock has is none."""
    async with linked(hostile("good"), tmp_path) as link:
        pinned = hashes(await link.look())
    async with linked(hostile("good"), tmp_path, {**pinned, "rm": "x"}) as link:
        with pytest.raises(ToolsChanged, match="'rm' is gone"):
            await link.ready()
    async with linked(hostile("good"), tmp_path, {}) as link:
        await link.ready()


async def test_107_two_tools_of_one_name_are_no_tools(tmp_path: Path) -> None:
    """The second of two tools called alike could stand for the first: neither is called."""
    async with linked(hostile("twins"), tmp_path) as link:
        with pytest.raises(ToolsChanged, match="two tools are called 'echo' in a flow"):
            await link.ready()


async def test_108_a_long_description_is_cut(tmp_path: Path) -> None:
    """1 MB of description: 4 KiB are kept."""
    async with linked(hostile("long"), tmp_path) as link:
        (tool,) = (await link.look()).tools
    assert len(tool.description.encode()) == MOST_DESCRIPTION


async def test_109_schemas_are_read_and_nothing_is_fetched(tmp_path: Path, listener: socket.socket) -> None:
    """What leads outside, contains itself or has no end of properties is `json` or read; no reference is followed."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
    async with linked(hostile("schemas", url), tmp_path) as link:
        lock = await link.look()
        answer = await link.call("tried.echo", "echo", {"text": "a"})
    rows = kind_of(lock, BUILT_IN["mcp"]).actions
    assert {"outside": JSON, "endless": JSON} == {name: rows[name].params[0].type for name in ("outside", "endless")}
    assert (10_000, JSON) == (len(rows["many"].params), rows["echo"].result)
    told = [problem for tool in lock.tools for problem in problems_of(tool)]
    assert "argument 'a': a reference leads to a place in this file: '#/$defs/…'" in told
    assert not answer.is_error
    assert 0 == visitors(listener)


async def test_110_links_are_data(tmp_path: Path, listener: socket.socket) -> None:
    """A link to a file or to an address inside is a value of the flow; nobody opens it."""
    links = ("file:///etc/passwd", f"http://127.0.0.1:{listener.getsockname()[1]}/admin")
    async with linked(hostile("links", *links), tmp_path) as link:
        tried = McpAgent("tried", {"echo": {"name": "echo"}}, link)
        found = (await tried.call(request("echo", JSON, text="a"))).value
        text = (await tried.call(request("echo", STRING, text="a"))).value
    assert list(links) == [part["uri"] for part in found] if isinstance(found, list) else False
    assert ("", 0) == (text, visitors(listener))


async def test_111_nothing_is_granted(tmp_path: Path) -> None:
    """A server that asks for a model, a person or folders hears no, and its call goes on."""
    async with linked(hostile("asks"), tmp_path) as link:
        answer = await link.call("tried.echo", "echo", {"text": "a"})
    told = json.loads(getattr(answer.content[0], "text", ""))
    assert [("elicitation/create", False), ("roots/list", False), ("sampling/createMessage", False)] == (
        sorted((one["method"], one["granted"]) for one in told)
    )


@pytest.mark.parametrize("way", ["floods", "nags"])
async def test_112_a_flood_ends_the_server(tmp_path: Path, way: str) -> None:
    """A server that says, or asks, thousands of things that nobody asked for is killed; the call is in doubt."""
    async with linked(hostile(way), tmp_path) as link:
        with pytest.raises(ConnectionLost, match="more than 3,000 messages that nobody asked for") as lost:
            await link.call("tried.echo", "echo", {"text": "a"})
    assert lost.value.sent


async def test_112_a_line_without_end_ends_the_server(tmp_path: Path) -> None:
    """No more is kept of a message than a message may have."""
    async with linked(hostile("endless"), tmp_path) as link:
        with pytest.raises(ConnectionLost, match=f"a line of more than {MOST_LINE:,} bytes"):
            await link.call("tried.echo", "echo", {"text": "a"})


async def test_112_what_it_logs_fills_no_pipe(tmp_path: Path) -> None:
    """10 MB on standard error before the first answer: it is read, and the end of it kept."""
    async with linked(hostile("noisy"), tmp_path) as link:
        assert not (await link.call("tried.echo", "echo", {"text": "a"})).is_error


async def test_113_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """It is not ready in time: nothing was sent, and it is gone."""
    async with linked(hostile("mute", start=0.3), tmp_path) as link:
        with pytest.raises(ConnectFailed, match=r"was not ready within 0\.3 s") as failed:
            await link.ready()
    assert not failed.value.sent


async def test_113_who_waits_no_longer_leaves_the_start_to_the_next(tmp_path: Path) -> None:
    """A call that gives up while the server starts does not end it: the next one finds it started."""
    count = tmp_path / "starts"
    async with linked(hostile("slow", str(count)), tmp_path) as link:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await link.ready()
        await link.ready()
    assert "1" == count.read_text()


async def test_114_another_version_of_the_protocol_is_refused(tmp_path: Path) -> None:
    """A version that nobody knows: the server does not come up."""
    async with linked(hostile("old"), tmp_path) as link:
        with pytest.raises(ConnectFailed, match="does not come up: Unsupported protocol version"):
            await link.ready()


async def test_115_what_is_no_message_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Logs on standard output are read over line by line, with one warning; the server works."""
    with caplog.at_level(logging.WARNING):
        async with linked(hostile("chatty"), tmp_path) as link:
            answer = await link.call("tried.echo", "echo", {"text": "a"})
    assert not answer.is_error
    assert ["the server 'tried' writes what is no message to its standard output; such lines are left out"] == [
        record.getMessage() for record in caplog.records
    ]


async def test_116_a_program_that_is_not_there(tmp_path: Path) -> None:
    """Told at the start; shells and relative paths are refused by the settings (tests/test_settings.py)."""
    async with linked(program("no-such-program-anywhere"), tmp_path) as link:
        with pytest.raises(ConnectFailed, match="no-such-program-anywhere cannot be started: No such file"):
            await link.ready()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "http://127.0.0.1:1/"])
async def test_117_no_address_is_opened(tmp_path: Path, url: str) -> None:
    """A server that wants an address to be opened is told no, whatever the address."""
    async with linked(hostile("opens", url), tmp_path) as link:
        with pytest.raises(NotAllowed, match="wants an address to be opened by a person; nothing was opened"):
            await link.call("tried.echo", "echo", {"text": "a"})


async def test_119_a_server_that_dies_leaves_the_call_in_doubt(tmp_path: Path) -> None:
    """The call may have been done; the next one starts the server again, and what it logged last is told."""
    count = tmp_path / "starts"
    async with linked(hostile("dies", str(count)), tmp_path) as link:
        with pytest.raises(ConnectionLost, match="it ended with code 7: no more") as lost:
            await link.call("tried.echo", "echo", {"text": "die"})
        assert lost.value.sent
        answer = await link.call("tried.echo", "echo", {"text": "live"})
    assert ("live", "2") == (getattr(answer.content[0], "text", ""), count.read_text())


async def test_a_cancel_reaches_the_server(tmp_path: Path) -> None:
    """A call that is cancelled tells the server so; the link lives on."""
    met = tmp_path / "met"
    async with linked(hostile("waits", str(met)), tmp_path) as link:
        await link.ready()
        call = asyncio.create_task(link.call("tried.echo", "echo", {"text": "a"}))
        done, _ = await asyncio.wait([call], timeout=0.2)
        call.cancel()
        await asyncio.wait([call])
        while not met.exists() or not met.read_text():
            await asyncio.wait([asyncio.create_task(link.ready())], timeout=0.05)
    assert (set(), True) == (done, call.cancelled())
    assert "notifications/cancelled" == json.loads(met.read_text())["method"]


async def test_the_whole_group_ends(tmp_path: Path) -> None:
    """A server that ignores its closed input and the signal, and what it has started, are killed (case X7)."""
    pids = tmp_path / "pids"
    async with linked(hostile("stays", str(pids)), tmp_path) as link:
        await link.ready()
        server, child = (int(pid) for pid in pids.read_text().split())
        assert is_running(server)
        assert is_running(child)
    async with asyncio.timeout(5):  # the kernel ends what was killed when it has the time
        while is_running(server) or is_running(child):
            await StillClock().sleep(timedelta(milliseconds=10))


def is_running(pid: int) -> bool:
    """Whether a process does anything; one that is dead and that nobody has asked for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return stat.read_text().rpartition(")")[2].split()[0] != "Z" if stat.exists() else True


async def test_no_message_holds_what_the_server_was_given(tmp_path: Path) -> None:
    """A server that cannot start and says its secret has it blotted out."""
    server = program("sh", "-c", "echo cannot use $KEY >&2; exit 3", env={"KEY": "s3cr3t-canary"})
    async with linked(server, tmp_path) as link:
        with pytest.raises(ConnectFailed) as failed:
            await link.ready()
    assert "it ended with code 3: cannot use ***" in failed.value.message
