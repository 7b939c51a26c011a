"""The wire of OpenAI's Responses. Nothing is left with the provider: each request carries the whole conversation.

A stream is whole when `response.completed` or `response.incomplete` has come: that event carries the whole answer.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from leadflow.agents.models.common import (
    EventReader,
    answer_schema,
    as_json,
    content,
    data_of,
    data_url,
    failure_in,
    make_use,
    usage_of,
)
from leadflow.agents.models.sse import Event
from leadflow.agents.models.turns import Blob, Message, Part, Profile, Prompt, Raw, Sent, Stop, Text, Turn
from leadflow.plan.types import Type
from leadflow.run.errors import BadResponse
from leadflow.run.toolbox import ToolResult, ToolSpec, ToolUse


class ResponsesWire:
    """See `Wire`."""

    name = "responses"

    def takes_schema(self, type_: Type) -> bool:
        """See `Wire`; one that is not strict is sent all the same."""
        return True

    def encode(self, prompt: Prompt, profile: Profile, *, is_streamed: bool) -> Sent:
        """See `Wire`."""
        items: list[Any] = []
        for message in prompt.messages:
            items += self._items(message)
        body: dict[str, Any] = {"model": profile.model, "input": items, "store": False}
        if prompt.system is not None:
            body["instructions"] = prompt.system
        if prompt.temperature is not None:
            body["temperature"] = prompt.temperature
        if prompt.max_tokens is not None:
            body["max_output_tokens"] = prompt.max_tokens
        if prompt.result is not None:
            body["text"] = {"format": _format(prompt.result)}
        if profile.has_reasoning:
            body["include"] = ["reasoning.encrypted_content"]
        if profile.cache_name is not None:
            body["prompt_cache_key"] = profile.cache_name
        if prompt.tools:
            body["tools"] = [_tool(spec) for spec in prompt.tools]
            if prompt.must_answer:
                body["tool_choice"] = "none"
        if is_streamed:
            body["stream"] = True
        return Sent("/responses", {}, body)

    def decode(self, told: Mapping[str, Any]) -> Turn:
        """See `Wire`."""
        output = told.get("output")
        if told.get("status") == "failed":
            raise failure_in(told.get("error"))
        if not isinstance(output, list):
            raise BadResponse("the answer has no output")
        parts: list[Part] = []
        refusal = ""
        for item in output:
            if not isinstance(item, dict):
                raise BadResponse("the answer's output cannot be read")
            match item.get("type"):
                case "message":
                    refusal += _read_message(item, parts)
                case "function_call":
                    parts.append(make_use(item.get("call_id"), item.get("name"), item.get("arguments")))
        message = Message("assistant", tuple(parts), Raw(self.name, output))
        usage = usage_of(told.get("usage"), "input_tokens", "output_tokens")
        return Turn(message, _stop(told, parts, refusal), usage, refusal=refusal)

    def reader(self) -> "ResponsesReader":
        """See `Wire`."""
        return ResponsesReader()

    def _items(self, message: Message) -> Iterator[Any]:
        """A message as items; what the provider wrote goes back as it came where it can be taken without a memory."""
        raw = message.raw_of(self.name)
        if raw is not None and all(item.get("encrypted_content") for item in raw if item.get("type") == "reasoning"):
            yield from raw
            return
        for part in message.parts:
            match part:
                case ToolResult(id_, text):
                    yield {"type": "function_call_output", "call_id": id_, "output": text}
                case ToolUse(id_, name, args):
                    yield {"type": "function_call", "call_id": id_, "name": name, "arguments": as_json(args)}
        rest = [part for part in message.parts if isinstance(part, Text | Blob)]
        if rest:
            yield {"role": message.role, "content": content(rest, _part)}


class ResponsesReader(EventReader):
    """Hands on the words, and waits for the event that carries the whole answer."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, Any] = {}

    def take(self, event: Event, words: list[str]) -> None:
        """See `EventReader`."""
        told = data_of(event)
        match told.get("type"):
            case "response.output_text.delta" if isinstance(told.get("delta"), str):
                words.append(told["delta"])
            case "error":
                raise self.broken(told.get("error") or told)
            case "response.completed" | "response.incomplete" | "response.failed":
                if not isinstance(told.get("response"), dict):
                    raise BadResponse("the stream ends without its answer")
                self._told = told["response"]
                self.is_done = True

    def end(self) -> Turn:
        """See `Reader`."""
        self.check_done()
        return ResponsesWire().decode(self._told)


def _part(part: Text | Blob) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if part.is_image:
        return {"type": "input_image", "image_url": data_url(part), "detail": "auto"}
    if part.data is None:
        return {"type": "input_file", "file_url": part.url}
    return {"type": "input_file", "filename": part.name, "file_data": data_url(part)}


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.schema,
        "strict": False,
    }


def _format(type_: Type) -> dict[str, Any]:
    schema, strict = answer_schema(type_)
    return {"type": "json_schema", "name": "answer", "strict": strict, "schema": schema}


def _read_message(item: Mapping[str, Any], parts: list[Part]) -> str:
    """Notes the texts of a message; gives the words of a refusal."""
    content, refusal = item.get("content"), ""
    for piece in content if isinstance(content, list) else ():
        match piece:
            case {"type": "output_text", "text": str(text)}:
                parts.append(Text(text))
            case {"type": "refusal", "refusal": said}:
                refusal += str(said) or "it declines"
            case _:
                raise BadResponse("the answer's message cannot be read")
    return refusal


def _stop(told: Mapping[str, Any], parts: list[Part], refusal: str) -> Stop:
    status = told.get("status")
    if status == "incomplete":
        details = told.get("incomplete_details")
        return "filter" if isinstance(details, dict) and details.get("reason") == "content_filter" else "length"
    if status != "completed":
        raise BadResponse("the answer does not say that it is complete")
    if refusal:
        return "refusal"
    if any(isinstance(part, ToolUse) for part in parts):
        return "tools"
    if not any(isinstance(part, Text) for part in parts):
        raise BadResponse("the answer has no text")
    return "end"
