"""Servers that nobody here wrote, as agents use them: time and git from PyPI."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from leadflow.agents.mcp.kind import McpAgent
from leadflow.agents.mcp.link import Link
from leadflow.check.locks import kind_of
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.lock import Lock
from leadflow.plan.types import STRING, RecordType
from leadflow.run.errors import Rejected, ToolFailed
from tests.agents.mcp.links import linked, program, request


def agent(lock: Lock, link: Link) -> McpAgent:
    """An agent as a plan would have it."""
    facts: Any = kind_of(lock, BUILT_IN["mcp"]).facts
    tools: Mapping[str, Mapping[str, Any]] = facts["lock"]
    return McpAgent("tried", tools, link)


async def test_time_gives_structured_answers(tmp_path: Path) -> None:
    """mcp-server-time: the answer has the fields that its schema says; a text is the text beside them."""
    async with linked(program("mcp-server-time", "--local-timezone", "UTC"), tmp_path) as link:
        lock = await link.look()
        rows = kind_of(lock, BUILT_IN["mcp"]).actions
        result = rows["get_current_time"].result
        assert isinstance(result, RecordType)
        tried = agent(lock, link)
        answer = await tried.call(request("get_current_time", result, timezone="Etc/UTC"))
        assert isinstance(answer.value, dict)
        assert {"timezone": "Etc/UTC", "is_dst": False} == {key: answer.value[key] for key in ("timezone", "is_dst")}
        assert set(answer.value) == {field.name for field in result.fields}
        text = await tried.call(request("get_current_time", STRING, timezone="Etc/UTC"))
        assert isinstance(text.value, str)
        assert '"timezone": "Etc/UTC"' in text.value


async def test_what_a_tool_refuses_is_a_failure(tmp_path: Path) -> None:
    """mcp-server-time: a failure that the tool tells is `tool.failed`, an unknown tool is rejected; it lives on."""
    async with linked(program("mcp-server-time"), tmp_path) as link:
        tried = agent(await link.look(), link)
        with pytest.raises(ToolFailed, match="No time zone found"):
            await tried.call(request("get_current_time", timezone="Mars/Olympus"))
        with pytest.raises(Rejected, match="Unknown tool"):
            await link.call("tried.nothing", "nothing", {})
        assert (await tried.call(request("get_current_time", timezone="Etc/UTC"))).value


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with a file that it does not know yet."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "a.txt").write_text("a\n")
    return tmp_path


async def test_git_works_in_a_repository(repository: Path) -> None:
    """mcp-server-git: tools without a schema of their answer give text, and what they do is done."""
    async with linked(program("mcp-server-git"), repository) as link:
        lock = await link.look()
        tried = agent(lock, link)
        rows = kind_of(lock, BUILT_IN["mcp"]).actions
        assert rows["git_status"].result == STRING
        before = await tried.call(request("git_status", STRING, repo_path=str(repository)))
        await tried.call(request("git_add", STRING, repo_path=str(repository), files=("a.txt",)))
        after = await tried.call(request("git_status", STRING, repo_path=str(repository)))
        assert "Untracked files" in str(before.value)
        assert "new file:   a.txt" in str(after.value)
