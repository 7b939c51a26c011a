"""The wire of OpenAI's chat completions, which most compatible servers speak.

A stream is whole when a choice has said why it stops and `[DONE]` has come: the usage stands between the two.
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
    joined,
    make_use,
    usage_of,
)
from leadflow.agents.models.sse import Event
from leadflow.agents.models.turns import Blob, Message, Part, Profile, Prompt, Sent, Stop, Text, Turn
from leadflow.plan.tokens import believed
from leadflow.plan.types import Type
from leadflow.run.errors import BadResponse
from leadflow.run.toolbox import ToolResult, ToolSpec, ToolUse

_STOPS: Mapping[str, Stop] = {"length": "length", "content_filter": "filter"}


class ChatWire:
    """See `Wire`."""

    name = "chat"

    def takes_schema(self, type_: Type) -> bool:
        """See `Wire`; one that is not strict is sent all the same."""
        return True

    def encode(self, prompt: Prompt, profile: Profile, *, is_streamed: bool) -> Sent:
        """See `Wire`."""
        messages: list[Any] = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
        for message in prompt.messages:
            messages += _messages(message)
        body: dict[str, Any] = {"model": profile.model, "messages": messages}
        if prompt.temperature is not None:
            body["temperature"] = prompt.temperature
        if prompt.max_tokens is not None:
            body[profile.limit_field] = prompt.max_tokens
        if prompt.result is not None:
            body["response_format"] = _format(prompt.result)
        if profile.cache_name is not None:
            body["prompt_cache_key"] = profile.cache_name
        if prompt.tools:
            body["tools"] = [_tool(spec) for spec in prompt.tools]
            if prompt.must_answer:
                body["tool_choice"] = "none"
        if is_streamed:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return Sent("/chat/completions", {}, body)

    def decode(self, told: Mapping[str, Any]) -> Turn:
        """See `Wire`."""
        choices = told.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None  # of several, the first (bad input 94)
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise BadResponse("the answer has no message")
        content, refusal = message.get("content"), message.get("refusal")
        uses = tuple(_uses(message.get("tool_calls")))
        if content is not None and not isinstance(content, str):
            raise BadResponse("the answer's message has no text")
        parts: tuple[Part, ...] = (*((Text(content),) if content else ()), *uses)
        stop = _STOPS.get(str(choice.get("finish_reason")), "tools" if uses else "end")
        if refusal:
            stop = "refusal"
        elif content is None and stop == "end":
            raise BadResponse("the answer's message has no text")
        usage = usage_of(told.get("usage"), "prompt_tokens", "completion_tokens")
        return Turn(Message("assistant", parts), stop, usage, refusal=str(refusal or ""))

    def reader(self) -> "ChatReader":
        """See `Wire`."""
        return ChatReader()


class ChatReader(EventReader):
    """Builds the unstreamed answer out of its chunks."""

    def __init__(self) -> None:
        super().__init__()
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._uses: dict[int, _Use] = {}
        self._finish: object = None
        self._usage: object = None

    def take(self, event: Event, words: list[str]) -> None:
        """See `EventReader`."""
        if event.data.strip() == "[DONE]":
            self.is_done = self._finish is not None
            return
        told = data_of(event)
        if told.get("error"):
            raise self.broken(told["error"])
        self._usage = told.get("usage") or self._usage
        choices = told.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("index", 0) == 0:
                self._take_delta(choice.get("delta"), words)
                self._finish = choice.get("finish_reason") or self._finish

    def end(self) -> Turn:
        """See `Reader`."""
        self.check_done()
        calls = [self._uses[index].whole() for index in sorted(self._uses)]
        is_silent = not self._text and (calls or self._refusal)
        message = {
            "content": None if is_silent else joined(self._text),
            "refusal": joined(self._refusal),
            "tool_calls": calls,
        }
        choice = {"message": message, "finish_reason": self._finish}
        return ChatWire().decode({"choices": [choice], "usage": self._usage})

    def _take_delta(self, delta: object, words: list[str]) -> None:
        if not isinstance(delta, dict):
            return
        for field, kept in (("content", self._text), ("refusal", self._refusal)):
            piece = delta.get(field)
            if isinstance(piece, str) and piece:
                kept.append(piece)
                if field == "content":
                    words.append(piece)
        calls = delta.get("tool_calls")
        for place, call in enumerate(calls if isinstance(calls, list) else ()):
            if not isinstance(call, dict):
                raise BadResponse("the stream's use of a tool cannot be read")
            index = believed(call.get("index"))
            self._take_use(place if index is None else index, call)

    def _take_use(self, index: int, call: Mapping[str, Any]) -> None:
        use = self._uses.setdefault(index, _Use())
        use.id = use.id or call.get("id")
        function = call.get("function")
        for field, kept in (("name", use.name), ("arguments", use.arguments)):
            piece = function.get(field) if isinstance(function, dict) else None
            if isinstance(piece, str):
                kept.append(piece)


class _Use:
    """A use of a tool, of which pieces have come."""

    def __init__(self) -> None:
        self.id: object = None
        self.name: list[str] = []
        self.arguments: list[str] = []

    def whole(self) -> dict[str, Any]:
        """As it stands in an unstreamed answer."""
        return {"id": self.id, "function": {"name": "".join(self.name), "arguments": joined(self.arguments)}}


def _messages(message: Message) -> Iterator[dict[str, Any]]:
    """A message as this wire's: each result of a tool is one of its own."""
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    if message.role == "user" and len(texts) == len(message.parts):  # nearly all are
        yield {"role": "user", "content": "\n".join(texts)}
        return
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for result in results:
        yield {"role": "tool", "tool_call_id": result.id, "content": result.text}
    rest = [part for part in message.parts if isinstance(part, Text | Blob)]
    uses = [part for part in message.parts if isinstance(part, ToolUse)]
    if message.role == "assistant":
        text = "".join(part.text for part in rest if isinstance(part, Text))
        made: dict[str, Any] = {"role": "assistant", "content": text or (None if uses else "")}
        if uses:
            made["tool_calls"] = [_call(use) for use in uses]
        yield made
    elif rest or not results:
        yield {"role": "user", "content": content(rest, _part)}


def _part(part: Text | Blob) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if part.is_image:
        return {"type": "image_url", "image_url": {"url": data_url(part)}}
    return {"type": "file", "file": {"filename": part.name, "file_data": data_url(part)}}


def _call(use: ToolUse) -> dict[str, Any]:
    return {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": as_json(use.args)}}


def _tool(spec: ToolSpec) -> dict[str, Any]:
    function = {"name": spec.name, "description": spec.description, "parameters": spec.schema}
    return {"type": "function", "function": function}


def _format(type_: Type) -> dict[str, Any]:
    schema, strict = answer_schema(type_)
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": strict, "schema": schema}}


def _uses(calls: object) -> Iterator[ToolUse]:
    """What a message asks of tools.

    Raises:
        BadResponse: nobody can answer to it.
    """
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise BadResponse("the answer's use of a tool cannot be read")
        yield make_use(call.get("id"), function.get("name"), function.get("arguments"))
