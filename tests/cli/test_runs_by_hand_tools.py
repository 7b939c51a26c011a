"""`leadflow runs undo --undone` of a step in a flow that a model uses as a tool."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.agents.servers import answering
from tests.cli.session import leadflow

FLOW = """leadflow 1
agent fast: openai { model: "m"  base_url: "URL"  tools: [file] }
tool put(x: string) -> string = python("work:put")

flow file(x: string) -> string {
  @once(key: x)
  step one = put(x) undo none
  return one
}
flow main() -> string {
  step answer = fast.ask("file it")
  return answer
}
"""
WORK = """import os
from pathlib import Path


def put(x):
    if (Path(__file__).parent / "fatal").exists():
        os._exit(9)
    return "filed " + x
"""
STEP = "main/answer~tools[0]/file/one"


async def complete(request: web.BaseRequest) -> web.Response:
    """A model that uses the tool once, and says what it was told."""
    asked = json.loads(await request.read())
    told = [message["content"] for message in asked["messages"] if message["role"] == "tool"]
    call = {"id": "c-1", "type": "function", "function": {"name": "file", "arguments": '{"x": "T"}'}}
    said = {"content": told[0]} if told else {"tool_calls": [call]}
    choice = {"message": {"role": "assistant", **said}, "finish_reason": "stop" if told else "tool_calls"}
    usage = {"prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37}
    return web.json_response({"choices": [choice], "usage": usage})


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project whose model stands on loopback."""
    with answering(complete) as (url, _):
        (tmp_path / "main.flow").write_text(FLOW.replace("URL", url), "utf-8")
        (tmp_path / "work.py").write_text(WORK, "utf-8")
        yield tmp_path


def test_a_step_of_a_tool_that_was_left_in_the_middle_can_be_said_not_to_stand(project: Path) -> None:
    """Its run says what may have been done, by its whole path; whoever looked frees the key."""
    (project / "fatal").touch()
    command = [sys.executable, "-m", "leadflow", "run", "main.flow", "-q"]
    assert 9 == subprocess.run(command, cwd=project, capture_output=True, check=False).returncode
    (project / "fatal").unlink()
    (row,) = json.loads(leadflow("runs", "--json", folder=project).stdout)
    run = row["run"]
    assert 0 == leadflow("runs", "cancel", run, folder=project).code
    said = leadflow("run", "main.flow", "-q", folder=project)
    assert f"say so: `leadflow runs undo {run} --undone {STEP}`" in said.stdout
    assert 0 == leadflow("runs", "undo", run, "--undone", STEP, folder=project).code
    assert '"filed T"\n' == leadflow("run", "main.flow", "-q", folder=project).stdout
