"""Z13 on streams that nobody here wrote: the double's own, as they came, cut at every byte; judged by the SDKs' types.

The double leaves out of Responses what its official types want and no reader needs (`GAPS`); with that filled in, all
the rest of each event is judged.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from leadflow.agents.models.turns import Turn
from leadflow.run.errors import StreamTruncated
from leadflow.run.toolbox import ToolSpec
from tests.agents.models.asking import Watching, agent_on, asked
from tests.agents.models.wires import ANSWERS, EVENTS, WIRES
from tests.doubles import LlmDouble

pytestmark = pytest.mark.node

Json = dict[str, Any]
WORDS = "Hello é🦊, " * 4
USES: list[Json] = [{"name": "weather", "arguments": {"city": "Zürich"}}, {"name": "time", "arguments": {}}]
TELLS: dict[str, Json] = {
    "text": {"content": WORDS},
    "tools": {"toolCalls": USES},
    "both": {"content": WORDS, "toolCalls": USES},
    "blank": {"content": " "},
}
TOOLS = tuple(ToolSpec(str(use["name"]), "", {"type": "object", "properties": {}}) for use in USES)
GAPS: Json = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
DETAILS: Json = {
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}

each_wire = pytest.mark.parametrize("wire", WIRES)
each_tale = pytest.mark.parametrize("tale", TELLS)


async def told(wire: str, tale: str, llm_double: LlmDouble, transport: Watching, *, is_heard: bool) -> bytes:
    """The answer of the double as it came."""
    llm_double.answer({}, TELLS[tale], chunkSize=5)
    request = replace(asked(prompt="?"), tools=TOOLS, hear=(lambda words: None) if is_heard else None)
    await agent_on(wire, llm_double.base_url, transport).call(request)
    return transport.answers[0]


def read(wire: str, body: bytes) -> Turn:
    """What a stream comes to."""
    reader = WIRES[wire].reader()
    reader.feed(body)
    return reader.end()


def completed(event: Json) -> Json:
    """An event of Responses, or an answer, with what the double leaves out."""
    if isinstance(inner := event.get("response"), dict):
        event = {**event, "response": completed(inner)}
    if event.get("object") == "response":
        usage = event.get("usage")
        return {**GAPS, **event, "usage": usage and {**DETAILS, **usage}}
    more: Json = {"sequence_number": 0}
    if "output_text" in event.get("type", ""):
        more |= {"logprobs": []}
    if str(event.get("type")).endswith("function_call_arguments.done"):
        more |= {"name": "?"}
    return {**more, **event}


def events_of(body: bytes) -> Iterator[Json]:
    """The data of each event that is JSON."""
    for line in body.decode().splitlines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


@each_wire
@each_tale
async def test_z13_the_doubles_own_streams(wire: str, tale: str, llm_double: LlmDouble, transport: Watching) -> None:
    """Cut at every byte: none is taken for an answer, and the whole one is what the double was told to say."""
    body = await told(wire, tale, llm_double, transport, is_heard=True)
    whole = read(wire, body)
    assert TELLS[tale].get("content", "") == whole.text
    assert [(use["name"], use["arguments"]) for use in TELLS[tale].get("toolCalls", ())] == [
        (use.name, use.args) for use in whole.uses
    ]
    accepted = []
    for end in range(len(body)):
        try:
            accepted.append((end, read(wire, body[:end])))
        except StreamTruncated:
            continue
    assert [] == [end for end, turn in accepted if turn != whole or body[end:].strip()]


@each_wire
@each_tale
async def test_its_events_are_what_the_official_types_accept(
    wire: str, tale: str, llm_double: LlmDouble, transport: Watching
) -> None:
    """Every event of every stream, and every answer that is no stream."""
    body = await told(wire, tale, llm_double, transport, is_heard=True)
    judged = 0
    for event in events_of(body):
        EVENTS[wire].validate_python(completed(event) if wire == "responses" else event)
        judged += 1
    assert judged > 2


@each_wire
@each_tale
async def test_its_answers_are_what_the_official_types_accept(
    wire: str, tale: str, llm_double: LlmDouble, transport: Watching
) -> None:
    """Of Responses, too."""
    answer = json.loads(await told(wire, tale, llm_double, transport, is_heard=False))
    ANSWERS[wire].validate_python(completed(answer) if wire == "responses" else answer)
