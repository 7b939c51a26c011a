"""The wire of Anthropic's Messages.

A stream is whole when `message_stop` has come. The blocks of an answer go back as they came: the provider signs its
thinking and refuses a changed one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from leadflow.agents.models.common import (
    EventReader,
    answer_schema,
    base64_of,
    data_of,
    joined,
    make_use,
)
from leadflow.agents.models.sse import Event
from leadflow.agents.models.turns import Blob, Message, Part, Profile, Prompt, Raw, Sent, Stop, Text, Turn
from leadflow.events.model import Usage
from leadflow.plan.plainer import plainer
from leadflow.plan.tokens import believed
from leadflow.plan.types import Type
from leadflow.run.errors import BadResponse
from leadflow.run.toolbox import ToolResult, ToolUse

VERSION = "2026-10-21"
"""Of the interface: the first one without a temperature."""
_STOPS: Mapping[str, Stop] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "tools",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


class MessagesWire:
    """See `Wire`."""

    name = "messages"

    def takes_schema(self, type_: Type) -> bool:
        """See `Wire`: strict ones only."""
        return answer_schema(type_)[1]

    def encode(self, prompt: Prompt, profile: Profile, *, is_streamed: bool) -> Sent:
        """See `Wire`."""
        body: dict[str, Any] = {
            "model": profile.model,
            "max_tokens": prompt.max_tokens,
            "messages": [self._message(message) for message in prompt.messages],
        }
        if prompt.system is not None:
            body["system"] = prompt.system
        if profile.cache_name is not None:
            self._mark(body)
        if prompt.result is not None:
            schema = plainer(answer_schema(prompt.result)[0])
            body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        if prompt.tools:
            body["tools"] = [
                {"name": spec.name, "description": spec.description, "input_schema": spec.schema}
                for spec in prompt.tools
            ]
            if prompt.must_answer:
                body["tool_choice"] = {"type": "none"}
        if is_streamed:
            body["stream"] = True
        return Sent("/messages", {"anthropic-version": VERSION}, body)

    def decode(self, told: Mapping[str, Any]) -> Turn:
        """See `Wire`."""
        content = told.get("content")
        if not isinstance(content, list):
            raise BadResponse("the answer has no content")
        parts = tuple(_parts(content))
        stop = _STOPS.get(str(told.get("stop_reason")))
        if stop is None:
            raise BadResponse("the answer does not say that it is complete")
        if stop == "end" and not any(isinstance(part, Text) for part in parts):
            raise BadResponse("the answer has no text")
        message = Message("assistant", parts, Raw(self.name, content))
        return Turn(message, stop, _usage(told.get("usage")), refusal=_refusal(told) if stop == "refusal" else "")

    def reader(self) -> "MessagesReader":
        """See `Wire`."""
        return MessagesReader()

    def _mark(self, body: dict[str, Any]) -> None:
        """Ask for the cache up to the end of what all calls share, and of the conversation so far where it goes on."""
        if "system" in body:
            body["system"] = [{"type": "text", "text": body["system"], "cache_control": {"type": "ephemeral"}}]
        if len(body["messages"]) > 1 or "system" not in body:
            body["cache_control"] = {"type": "ephemeral"}

    def _message(self, message: Message) -> dict[str, Any]:
        raw = message.raw_of(self.name)
        if raw is not None:
            return {"role": message.role, "content": raw}
        match message.parts:
            case (Text(text),):
                return {"role": message.role, "content": text}
        ordered = sorted(message.parts, key=lambda part: not isinstance(part, ToolResult))  # results stand first
        return {"role": message.role, "content": [_block(part) for part in ordered]}


class MessagesReader(EventReader):
    """Builds the unstreamed answer out of its events."""

    def __init__(self) -> None:
        super().__init__()
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}
        """What has come of the fields of a block that is open."""
        self._closed: set[int] = set()

    def take(self, event: Event, words: list[str]) -> None:
        """See `EventReader`."""
        told = data_of(event)
        match told.get("type"):
            case "message_start" if isinstance(told.get("message"), dict):
                self._message = dict(told["message"])
            case "content_block_start" if isinstance(told.get("content_block"), dict):
                self._blocks[_index(told)] = dict(told["content_block"])
            case "content_block_delta" if isinstance(told.get("delta"), dict):
                self._take_delta(_index(told), told["delta"], words)
            case "content_block_stop":
                self._close(_index(told))
            case "message_delta":
                self._take_end(told)
            case "message_stop":
                if len(self._closed) < len(self._blocks):
                    raise BadResponse("the stream ends in the middle of a block")
                self.is_done = True
            case "error":
                raise self.broken(told.get("error"))

    def end(self) -> Turn:
        """See `Reader`."""
        self.check_done()
        content = [self._blocks[index] for index in sorted(self._blocks)]
        return MessagesWire().decode({**self._message, "content": content})

    def _take_delta(self, index: int, delta: Mapping[str, Any], words: list[str]) -> None:
        if index not in self._blocks or index in self._closed:
            raise BadResponse("the stream goes on with a block that it has not begun")
        match delta:
            case {"type": "text_delta", "text": str(piece)}:
                self._add(index, "text", piece)
                words.append(piece)
            case {"type": "input_json_delta", "partial_json": str(piece)}:
                self._add(index, "input", piece)
            case {"type": "thinking_delta", "thinking": str(piece)}:
                self._add(index, "thinking", piece)
            case {"type": "signature_delta", "signature": str(piece)}:
                self._add(index, "signature", piece)

    def _add(self, index: int, field: str, piece: str) -> None:
        self._pieces.setdefault((index, field), []).append(piece)

    def _close(self, index: int) -> None:
        if index not in self._blocks:
            raise BadResponse("the stream ends a block that it has not begun")
        self._closed.add(index)
        block = self._blocks[index]
        for field in ("text", "thinking", "signature", "input"):
            more = joined(self._pieces.pop((index, field), ()))
            if field == "input" and more.strip():
                block[field] = more
            elif field != "input" and more:
                block[field] = str(block.get(field) or "") + more

    def _take_end(self, told: Mapping[str, Any]) -> None:
        delta, usage = told.get("delta"), told.get("usage")
        for field in ("stop_reason", "stop_details"):
            if isinstance(delta, dict) and delta.get(field) is not None:
                self._message[field] = delta[field]
        if isinstance(usage, dict):
            before = self._message.get("usage")
            new = {name: value for name, value in usage.items() if value is not None}
            self._message["usage"] = {**(before if isinstance(before, dict) else {}), **new}


def _index(told: Mapping[str, Any]) -> int:
    index = believed(told.get("index"))
    if index is None:
        raise BadResponse("the stream names no block")
    return index


def _parts(content: list[Any]) -> Iterator[Part]:
    """What an answer's blocks say; a streamed tool's arguments are text still, and become data in their block too."""
    for block in content:
        match block:
            case {"type": "text", "text": str(text)}:
                yield Text(text)
            case {"type": "tool_use"}:
                use = make_use(block.get("id"), block.get("name"), block.get("input"))
                block["input"] = use.args
                yield use
            case {"type": str()}:  # thinking, and what is not known: it goes back with the rest
                pass
            case _:
                raise BadResponse("the answer's content cannot be read")


def _block(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case ToolUse(id_, name, args):
            return {"type": "tool_use", "id": id_, "name": name, "input": args}
        case ToolResult(id_, text, is_error):
            return {"type": "tool_result", "tool_use_id": id_, "content": text, "is_error": is_error}
        case Blob(media_type, data, url):
            source = (
                {"type": "url", "url": url}
                if data is None
                else {"type": "base64", "media_type": media_type, "data": base64_of(part)}
            )
            return {"type": "image" if part.is_image else "document", "source": source}


def _refusal(told: Mapping[str, Any]) -> str:
    details = told.get("stop_details")
    said = details.get("explanation") if isinstance(details, dict) else None
    return said if isinstance(said, str) else "it says no more"


def _usage(told: object) -> Usage | None:
    """All that was read: fresh, from the cache, and into it."""
    if not isinstance(told, dict):
        return None
    fresh, written = believed(told.get("input_tokens")), believed(told.get("output_tokens"))
    cached, stored = (
        0 if told.get(name) is None else believed(told[name])
        for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
    )
    read = None if fresh is None or cached is None or stored is None else fresh + cached + stored
    return Usage(read, written, cached, stored)
