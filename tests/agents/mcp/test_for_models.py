"""Tools of servers in the hands of models: granted by name, with the types of the lock, and nothing else."""

import json
from pathlib import Path

import pytest

import leadflow
from leadflow import RunOptions, StartProblem
from leadflow.events.model import ToolEnded
from leadflow.plan.lock import lock_path, write_lock
from tests.agents.mcp.links import linked
from tests.agents.mcp.npm import server
from tests.agents.mcp.test_runs import project
from tests.doubles import LlmDouble

pytestmark = pytest.mark.node

FLOW = """leadflow 1

agent files: mcp.tried { reads: ["read_text_file"] }
agent fast: openai { model: "m"  base_url: "URL"  max_tokens: 100  tools: [files.read_text_file] }

flow main(path: string) -> string {
  step said = fast.ask("What does the file at ${path} say?")
  return said
}
"""


async def of_files(folder: Path, url: str) -> leadflow.Program:
    """A program whose model may read the files below `notes`."""
    notes = folder / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("forty-two", "utf-8")
    started = server("filesystem", str(notes))
    (folder / "leadflow.toml").write_text(f"[mcp.tried]\ncommand = {list(started.command)!r}\n")
    async with linked(started, folder) as link:
        lock = await link.look()
    (folder / lock_path("tried")).parent.mkdir(parents=True)
    (folder / lock_path("tried")).write_text(write_lock(lock))
    main = folder / "main.flow"
    main.write_text(FLOW.replace("URL", url))
    return leadflow.load(main)


def use(name: str, number: int, **arguments: object) -> dict[str, object]:
    """A use of a tool, as the double writes it."""
    return {"name": name, "arguments": json.dumps(arguments), "id": f"call_{number}"}


async def test_a_model_calls_a_tool_of_a_server(llm_double: LlmDouble, tmp_path: Path) -> None:
    """It is shown the description and the arguments of the lock, and told what the server answered."""
    program = await of_files(tmp_path, llm_double.base_url)
    path = str(tmp_path / "notes" / "a.txt")
    llm_double.answer(
        {"userMessage": "say?", "sequenceIndex": 0}, {"toolCalls": [use("files_read_text_file", 1, path=path)]}
    )
    llm_double.answer({}, {"content": "It says forty-two."})
    result = await program.run("main", {"path": path}, RunOptions(durable=False))
    assert "It says forty-two." == result.unwrap()
    first, last = (request["body"] for request in llm_double.requests())
    names = [tool["function"]["name"] for tool in first["tools"]]
    (shown,) = [tool["function"] for tool in first["tools"]]
    assert ["files_read_text_file"] == names
    assert "path" in shown["parameters"]["properties"]
    assert "Read the complete contents of a file" in shown["description"]
    assert "forty-two" in json.dumps(last["messages"][-1])


async def test_what_is_not_granted_is_not_called(llm_double: LlmDouble, tmp_path: Path) -> None:
    """A model that asks for another tool of the same server, or for a file outside, is told no, and goes on."""
    program = await of_files(tmp_path, llm_double.base_url)
    target = tmp_path / "notes" / "b.txt"
    uses = [
        use("files_write_file", 1, path=str(target), content="mine"),
        use("files_read_text_file", 2, path="/etc/passwd"),
    ]
    llm_double.answer({"userMessage": "say?", "sequenceIndex": 0}, {"toolCalls": uses})
    llm_double.answer({}, {"content": "I could not."})
    result = await program.run("main", {"path": "x"}, RunOptions(durable=False))
    assert ("I could not.", False) == (result.unwrap(), target.exists())
    failures = [e.event.failure for e in result.entries if isinstance(e.event, ToolEnded) and e.event.failure]
    assert {"tool.unknown", "tool.failed"} == {failure.error for failure in failures}


async def test_106_a_model_is_not_asked_when_its_tools_have_changed(llm_double: LlmDouble, tmp_path: Path) -> None:
    """Its description would be another one than was looked at: nothing is sent to the model."""
    flow = FLOW.replace("read_text_file", "echo").replace("URL", llm_double.base_url)
    main = await project(tmp_path, "changes", str(tmp_path / "starts"), flow=flow)
    with pytest.raises(StartProblem, match="are not those of its lock: 'echo' has changed"):
        await leadflow.load(main).run("main", {"path": "x"}, RunOptions(durable=False))
    assert [] == llm_double.requests()
