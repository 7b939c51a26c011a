"""The servers that the protocol's project ships, over both transports, and its conformance suite for clients."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from leadflow.agents.mcp.kind import McpAgent
from leadflow.agents.mcp.link import Link
from leadflow.check.locks import kind_of
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.types import JSON, STRING, Value
from leadflow.run.errors import Rejected, ToolFailed
from tests.agents.mcp.links import address, linked, request
from tests.agents.mcp.npm import CONFORMANCE_VERSION, entry, everything_at, server
from tests.agents.mcp.test_programs import agent
from tests.doubles import NODE, ROOT

pytestmark = pytest.mark.node


async def everything(link: Link) -> None:
    """What any transport has to carry: text, structure, pictures, links, names, refusals, progress."""
    lock = await link.look()
    rows = kind_of(lock, BUILT_IN["mcp"]).actions
    tried = agent(lock, link)
    assert "5" in str((await tried.call(request("get_sum", STRING, a=2, b=3))).value)
    city = rows["get_structured_content"]
    weather = (await tried.call(request(city.name, city.result, location="Chicago"))).value
    assert isinstance(weather, dict)
    assert {"temperature", "conditions", "humidity"} == set(weather)
    picture = (await tried.call(request("get_tiny_image", JSON))).value
    assert isinstance(picture, list)
    assert ["text", "image", "text"] == [part["type"] for part in picture]
    with pytest.raises((ToolFailed, Rejected)):
        await tried.call(request("echo", STRING))
    long = request("trigger_long_running_operation", STRING, duration=0.2, steps=5)
    assert "completed" in str((await tried.call(long)).value)
    many = [asyncio.create_task(tried.call(request("echo", STRING, message=f"m{at}"))) for at in range(50)]
    await asyncio.wait(many)
    assert [f"Echo: m{at}" for at in range(50)] == [task.result().value for task in many]


async def test_everything_over_stdio(tmp_path: Path) -> None:
    """server-everything as a program."""
    async with linked(server("everything"), tmp_path) as link:
        await everything(link)


async def test_everything_over_http(tmp_path: Path) -> None:
    """server-everything at an address."""
    with everything_at() as url:
        async with linked(address(url), tmp_path) as link:
            await everything(link)


async def test_everything_sees_what_it_may_see_only(tmp_path: Path) -> None:
    """The environment of a server is the one that it is given, and nothing of ours."""
    async with linked(server("everything", env={"NOTE": "seen"}), tmp_path) as link:
        told = str((await McpAgent("e", {"env": {"name": "get-env"}}, link).call(request("env", JSON))).value)
    assert "seen" in told
    assert "PYTEST_CURRENT_TEST" not in told


async def test_files_stay_in_their_folder(tmp_path: Path) -> None:
    """server-filesystem reads and writes below its root, and refuses the rest itself."""
    root = tmp_path / "notes"
    root.mkdir()
    async with linked(server("filesystem", str(root)), tmp_path) as link:
        lock = await link.look()
        rows = kind_of(lock, BUILT_IN["mcp"]).actions
        tried = agent(lock, link)
        written = request("write_file", rows["write_file"].result, path=str(root / "a.txt"), content="héllo\n")
        await tried.call(written)
        read = await tried.call(request("read_text_file", rows["read_text_file"].result, path=str(root / "a.txt")))
        assert ("héllo\n", {"content": "héllo\n"}) == ((root / "a.txt").read_text("utf-8"), read.value)
        with pytest.raises(ToolFailed, match="outside allowed directories"):
            await tried.call(request("read_text_file", STRING, path="/etc/passwd"))


async def test_memory_is_the_servers(tmp_path: Path) -> None:
    """server-memory keeps a graph: nested arguments go in and come out as they are."""
    file = str(tmp_path / "graph.jsonl")
    async with linked(server("memory", env={"MEMORY_FILE_PATH": file}), tmp_path) as link:
        lock = await link.look()
        tried = agent(lock, link)
        ada: dict[str, Value] = {"name": "Ada", "entityType": "person", "observations": ("writes",)}
        await tried.call(request("create_entities", JSON, entities=(ada,)))
        graph = (await tried.call(request("read_graph", JSON))).value
    assert {"entities": [{**ada, "observations": ["writes"]}], "relations": []} == graph


CONFORMING = ["initialize", "tools_call", "sse-retry"]
"""The scenarios for clients that are not about OAuth, but one."""


def conformance(scenario: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Let the suite test our client."""
    client = f"{sys.executable} -m tests.agents.mcp.conform"
    suite = [str(NODE), str(entry("conformance", CONFORMANCE_VERSION)), "client", "--command", client]
    command = [*suite, "--scenario", scenario, "-o", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT)


@pytest.mark.parametrize("scenario", CONFORMING)
def test_the_client_conforms(scenario: str, tmp_path: Path) -> None:
    """The conformance suite of the protocol has nothing to say about our client."""
    ran = conformance(scenario, tmp_path)
    assert (0, True) == (ran.returncode, ", 0 failed, 0 warnings" in ran.stdout + ran.stderr), ran.stdout + ran.stderr


def test_the_client_asks_nobody(tmp_path: Path) -> None:
    """The one scenario that is left wants a form to be filled in: no flow grants that (case 111), and it is told so."""
    ran = conformance("elicitation-sep1034-client-defaults", tmp_path)
    assert (1, True) == (ran.returncode, "Elicitation not supported" in ran.stdout + ran.stderr)
