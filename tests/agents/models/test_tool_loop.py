"""Tools through the three wires before a server that nobody here wrote: whole programs, from the flow to the bytes."""

import json
from pathlib import Path
from typing import Any

import pytest

import leadflow
from leadflow.events.model import ToolEnded
from tests.agents.models.wires import WIRES
from tests.doubles import LlmDouble

pytestmark = pytest.mark.node

PROGRAM = """leadflow 1

use std.tools (json_parse)

agent notes: folder { root: "notes" }
## Keeps a note under a name.
tool keep(name: string, text: string) = notes.write_file("kept/${name}", text)
## Doubles a number.
flow twice(n: int) -> int { return n + n }
agent fast: KIND { model: "m"  base_url: "URL"  max_tokens: 100  tools: [json_parse, keep, twice] }

flow main(topic: string) -> { n: int } {
  step a: { n: int } = fast.ask("Look into ${topic}")
  return a
}
"""
KINDS = {"chat": "openai", "responses": "openai", "messages": "anthropic"}
each_wire = pytest.mark.parametrize("wire", WIRES)


def program(wire: str, folder: Path, url: str) -> leadflow.Program:
    """The program, with its model behind one wire."""
    text = PROGRAM.replace("KIND", KINDS[wire]).replace("URL", url)
    if wire == "responses":
        text = text.replace("max_tokens: 100", 'max_tokens: 100  api: "responses"')
    file = folder / "main.flow"
    file.write_text(text, "utf-8")
    return leadflow.load(file)


def call(name: str, number: int, arguments: str) -> dict[str, Any]:
    """A use of a tool, as the double writes it."""
    return {"name": name, "arguments": arguments, "id": f"call_{number}"}


@each_wire
async def test_the_loop_on_each_wire(wire: str, llm_double: LlmDouble, tmp_path: Path) -> None:
    """Two turns with tools and an answer of the declared type; the last request has all that was said."""
    first = [call("json_parse", 1, '{"text": "[4]"}'), call("twice", 2, '{"n": 4}')]
    llm_double.answer({"userMessage": "oil", "sequenceIndex": 0}, {"toolCalls": first})
    kept = call("keep", 3, '{"name": "oil", "text": "dear"}')
    llm_double.answer({"userMessage": "oil", "sequenceIndex": 1}, {"toolCalls": [kept]})
    llm_double.answer({}, {"content": '{"n": 8}'})
    result = await program(wire, tmp_path, llm_double.base_url).run("main", {"topic": "oil"})
    assert {"n": 8} == result.unwrap()
    assert "dear" == (tmp_path / "notes" / "kept" / "oil").read_text("utf-8")
    bodies = [request["body"] for request in llm_double.requests()]
    assert 3 == len(bodies)
    last = json.dumps(bodies[-1])
    assert all(word in last for word in ("call_1", "call_2", "call_3", "Keeps a note", "kept/oil"))
    ended = [entry.event for entry in result.entries if isinstance(entry.event, ToolEnded)]
    assert {("std.tools.json_parse", None), ("twice", None), ("keep", None)} == {(e.tool, e.failure) for e in ended}


@each_wire
async def test_what_cannot_be_run_goes_back_on_each_wire(wire: str, llm_double: LlmDouble, tmp_path: Path) -> None:
    """SECURITY 95: no tool of that name, arguments of another type: the model is told, and goes on."""
    uses = [call("drop", 1, "{}"), call("twice", 2, '{"n": "x"}')]
    llm_double.answer({"userMessage": "oil", "sequenceIndex": 0}, {"toolCalls": uses})
    llm_double.answer({}, {"content": '{"n": 1}'})
    result = await program(wire, tmp_path, llm_double.base_url).run("main", {"topic": "oil"})
    assert {"n": 1} == result.unwrap()
    failures = [e.event.failure for e in result.entries if isinstance(e.event, ToolEnded) and e.event.failure]
    assert {"tool.unknown", "tool.arguments"} == {failure.error for failure in failures}
