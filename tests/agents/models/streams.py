"""Streams of the three wires, event by event as their providers send them, with what each must come to."""

import json
from typing import Any, NamedTuple

from leadflow.agents.models.turns import Stop
from leadflow.events.model import Usage

Json = dict[str, Any]


class Stream(NamedTuple):
    """A recorded answer."""

    wire: str
    events: tuple[Json, ...]
    stop: Stop
    text: str
    uses: tuple[tuple[str, Json], ...]
    usage: Usage | None

    @property
    def body(self) -> bytes:
        """As it comes over the wire."""
        lines = []
        for event in self.events:
            name = f"event: {event['type']}\n" if self.wire != "chat" else ""
            lines.append(f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n")
        return ("".join(lines) + ("data: [DONE]\n\n" if self.wire == "chat" else "")).encode()


def chunk(delta: Json, finish: str | None = None, **more: Any) -> Json:
    """Of chat completions."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def call(index: int, arguments: str, **more: Any) -> Json:
    """A piece of a use of a tool, of chat completions."""
    function = {"arguments": arguments} | ({"name": more.pop("name")} if "name" in more else {})
    return chunk({"tool_calls": [{"index": index, "function": function, **more}]})


TALLY = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "prompt_tokens_details": {"cached_tokens": 4}}
END = {**chunk({}), "choices": [], "usage": TALLY}

CHAT_TEXT = Stream(
    "chat",
    (
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"content": "Hello "}),
        chunk({"content": "é🦊"}),
        chunk({}, "stop"),
        END,
    ),
    "end", "Hello é🦊", (), Usage(11, 7, 4),
)  # fmt: skip
CHAT_TOOLS = Stream(
    "chat",
    (
        chunk({"role": "assistant", "content": None}),
        call(0, "", id="t1", type="function", name="weather"),
        call(0, '{"city": "Par'),
        call(0, 'is"}'),
        call(1, "{}", id="t2", type="function", name="time"),
        chunk({}, "tool_calls"),
        END,
    ),
    "tools", "", (("weather", {"city": "Paris"}), ("time", {})), Usage(11, 7, 4),
)  # fmt: skip
CHAT_CUT = Stream("chat", (chunk({"content": "half"}), chunk({}, "length"), END), "length", "half", (), Usage(11, 7, 4))
CHAT_NO = Stream("chat", (chunk({"refusal": "I must"}), chunk({"refusal": " not"}), chunk({}, "stop"), END), "refusal",
                 "", (), Usage(11, 7, 4))  # fmt: skip

DETAILS = {"input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
           "output_tokens_details": {"reasoning_tokens": 3}}  # fmt: skip
SPENT = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18, **DETAILS}


def response(status: str, output: list[Json], **more: Any) -> Json:
    """The answer of Responses that some of its events carry."""
    fixed = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "created_at": 1, "model": "m"}
    return {"id": "r", "object": "response", "status": status, "output": output, **fixed, **more}


def numbered(*events: Json) -> tuple[Json, ...]:
    """Events of Responses with their numbers."""
    return tuple({**event, "sequence_number": at} for at, event in enumerate(events))


SAID = {"type": "message", "id": "m", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "Hello é🦊", "annotations": []}]}  # fmt: skip
THOUGHT = {"type": "reasoning", "id": "s", "summary": [], "encrypted_content": "sealed"}
USED = {"type": "function_call", "id": "i", "call_id": "t1", "name": "weather", "arguments": '{"city": "Paris"}',
        "status": "completed"}  # fmt: skip
AT = {"item_id": "m", "output_index": 0, "content_index": 0, "logprobs": []}

RESPONSES_TEXT = Stream(
    "responses",
    numbered(
        {"type": "response.created", "response": response("in_progress", [])},
        {"type": "response.in_progress", "response": response("in_progress", [])},
        {"type": "response.output_item.added", "output_index": 0,
         "item": {**SAID, "content": [], "status": "in_progress"}},
        {"type": "response.output_text.delta", **AT, "delta": "Hello "},
        {"type": "response.output_text.delta", **AT, "delta": "é🦊"},
        {"type": "response.output_text.done", **AT, "text": "Hello é🦊"},
        {"type": "response.output_item.done", "output_index": 0, "item": SAID},
        {"type": "response.completed", "response": response("completed", [SAID], usage=SPENT)},
    ),
    "end", "Hello é🦊", (), Usage(11, 7, 4, 0),
)  # fmt: skip
RESPONSES_TOOLS = Stream(
    "responses",
    numbered(
        {"type": "response.created", "response": response("in_progress", [])},
        {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT},
        {"type": "response.function_call_arguments.delta", "item_id": "i", "output_index": 1, "delta": '{"city": '},
        {"type": "response.output_item.done", "output_index": 1, "item": USED},
        {"type": "response.completed", "response": response("completed", [THOUGHT, USED], usage=SPENT)},
    ),
    "tools", "", (("weather", {"city": "Paris"}),), Usage(11, 7, 4, 0),
)  # fmt: skip
RESPONSES_CUT = Stream(
    "responses",
    numbered(
        {"type": "response.output_text.delta", **AT, "delta": "Hello é🦊"},
        {"type": "response.incomplete",
         "response": response("incomplete", [SAID], usage=SPENT, incomplete_details={"reason": "max_output_tokens"})},
    ),
    "length", "Hello é🦊", (), Usage(11, 7, 4, 0),
)  # fmt: skip

BEGUN: Json = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
         "stop_sequence": None,
         "usage": {"input_tokens": 5, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2,
                   "output_tokens": 1}}  # fmt: skip


def block(index: int, start: Json, *deltas: Json) -> tuple[Json, ...]:
    """A block of Messages."""
    return (
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    )


def over(reason: str) -> tuple[Json, ...]:
    """The end of a message of Messages."""
    delta = {"stop_reason": reason, "stop_sequence": None}
    return ({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}}, {"type": "message_stop"})


def words(*texts: str) -> list[Json]:
    """Deltas of a text."""
    return [{"type": "text_delta", "text": text} for text in texts]


MESSAGES_TEXT = Stream(
    "messages",
    (
        {"type": "message_start", "message": BEGUN},
        *block(0, {"type": "text", "text": ""}, *words("Hello ", "é🦊")),
        {"type": "ping"},
        *over("end_turn"),
    ),
    "end", "Hello é🦊", (), Usage(11, 7, 4, 2),
)  # fmt: skip
MESSAGES_TOOLS = Stream(
    "messages",
    (
        {"type": "message_start", "message": BEGUN},
        *block(0, {"type": "thinking", "thinking": "", "signature": ""},
               {"type": "thinking_delta", "thinking": "so"}, {"type": "signature_delta", "signature": "sealed"}),
        *block(1, {"type": "text", "text": ""}, *words("I look.")),
        *block(2, {"type": "tool_use", "id": "t1", "name": "weather", "input": {}},
               {"type": "input_json_delta", "partial_json": ""},
               {"type": "input_json_delta", "partial_json": '{"city": "Par'},
               {"type": "input_json_delta", "partial_json": 'is"}'}),
        *block(3, {"type": "tool_use", "id": "t2", "name": "time", "input": {}}),
        *over("tool_use"),
    ),
    "tools", "I look.", (("weather", {"city": "Paris"}), ("time", {})), Usage(11, 7, 4, 2),
)  # fmt: skip
MESSAGES_CUT = Stream(
    "messages",
    ({"type": "message_start", "message": BEGUN}, *block(0, {"type": "text", "text": ""}, *words("half")),
     *over("max_tokens")),
    "length", "half", (), Usage(11, 7, 4, 2),
)  # fmt: skip

STREAMS = {
    name.lower(): stream
    for name, stream in {
        "CHAT_TEXT": CHAT_TEXT, "CHAT_TOOLS": CHAT_TOOLS, "CHAT_CUT": CHAT_CUT, "CHAT_NO": CHAT_NO,
        "RESPONSES_TEXT": RESPONSES_TEXT, "RESPONSES_TOOLS": RESPONSES_TOOLS, "RESPONSES_CUT": RESPONSES_CUT,
        "MESSAGES_TEXT": MESSAGES_TEXT, "MESSAGES_TOOLS": MESSAGES_TOOLS, "MESSAGES_CUT": MESSAGES_CUT,
    }.items()
}  # fmt: skip
