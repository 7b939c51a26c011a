"""One conversation on three wires, and the official SDKs' own models as judges of what is sent and what is read."""

from collections.abc import Mapping
from typing import Any

from anthropic.types import Message as AnthropicMessage
from anthropic.types import RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic import TypeAdapter

from leadflow.agents.models.chat import ChatWire
from leadflow.agents.models.messages import MessagesWire
from leadflow.agents.models.responses import ResponsesWire
from leadflow.agents.models.turns import Wire

WIRES: Mapping[str, Wire] = {"chat": ChatWire(), "responses": ResponsesWire(), "messages": MessagesWire()}

REQUESTS: Mapping[tuple[str, bool], TypeAdapter[Any]] = {
    ("chat", False): TypeAdapter(CompletionCreateParamsNonStreaming),
    ("chat", True): TypeAdapter(CompletionCreateParamsStreaming),
    ("responses", False): TypeAdapter(ResponseCreateParamsNonStreaming),
    ("responses", True): TypeAdapter(ResponseCreateParamsStreaming),
    ("messages", False): TypeAdapter(MessageCreateParamsNonStreaming),
    ("messages", True): TypeAdapter(MessageCreateParamsStreaming),
}
ANSWERS: Mapping[str, TypeAdapter[Any]] = {
    "chat": TypeAdapter(ChatCompletion),
    "responses": TypeAdapter(Response),
    "messages": TypeAdapter(AnthropicMessage),
}
EVENTS: Mapping[str, TypeAdapter[Any]] = {
    "chat": TypeAdapter(ChatCompletionChunk),
    "responses": TypeAdapter(ResponseStreamEvent),
    "messages": TypeAdapter(RawMessageStreamEvent),
}


def unread(value: Any) -> Any:
    """The data behind a validated request, with all that the SDK reads lazily read."""
    if isinstance(value, Mapping):
        return {name: unread(inner) for name, inner in value.items()}
    if hasattr(value, "__iter__") and not isinstance(value, str | bytes):
        return [unread(inner) for inner in value]
    return value


def judge_request(wire: str, body: Mapping[str, Any]) -> Any:
    """The body as the official SDK's types read it, all of it.

    Raises:
        ValidationError: they refuse it.
    """
    return unread(REQUESTS[wire, bool(body.get("stream"))].validate_python(body))
