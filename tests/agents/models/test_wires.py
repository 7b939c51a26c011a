"""The wires: what is sent is what the official SDKs' types accept, and both sides of a conversation survive."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from anthropic.lib._parse._transform import transform_schema
from hypothesis import given
from hypothesis import strategies as st

from leadflow.agents.models.chat import ChatWire
from leadflow.agents.models.common import answer_schema
from leadflow.agents.models.messages import MessagesWire
from leadflow.agents.models.turns import Blob, Message, Part, Profile, Prompt, Raw, Text
from leadflow.plan.plainer import plainer
from leadflow.plan.types import FLOAT, INT, STRING, FieldType, Length, OptionalType, Pattern, Range, RecordType, Type
from leadflow.run.errors import BadResponse, ConnectFailed
from leadflow.run.ports import Streamed
from leadflow.run.toolbox import Asked, Exchange, ToolResult, ToolSpec, ToolUse
from tests.agents.models.asking import agent_on, asked
from tests.agents.models.wires import WIRES, judge_request

CITY = ToolSpec("weather", "The weather of a city.", {"type": "object", "properties": {"city": {"type": "string"}}})
VERDICT = RecordType(
    (
        FieldType("score", FLOAT, constraints=(Range(0, 1),), doc="how sure"),
        FieldType("note", OptionalType(STRING), constraints=(Length(1, 80),)),
        FieldType("code", STRING, constraints=(Pattern("[A-Z]+"),)),
        FieldType("count", INT),
    ),
    "Verdict",
)
PICTURE = Blob("image/png", b"\x89PNG")
PAPER = Blob("application/pdf", b"%PDF", name="a.pdf")
TALK = Prompt(
    (
        Message("user", (Text("Look at these."), PICTURE, PAPER)),
        Message(
            "assistant", (Text("I ask."), ToolUse("t1", "weather", {"city": "Paris"}), ToolUse("t2", "weather", {}))
        ),
        Message("user", (ToolResult("t1", "18 °C"), ToolResult("t2", "no such city", is_error=True), Text("Go on."))),
    ),
    "Be brief.",
    (CITY,),
    result=VERDICT,
    temperature=0.5,
    max_tokens=100,
)


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("must_answer", [False, True])
def test_the_official_types_accept_a_whole_conversation(name: str, is_streamed: bool, must_answer: bool) -> None:
    """Pictures, files, tools, their uses and results, a schema, and all settings."""
    prompt = Prompt(TALK.messages, TALK.system, TALK.tools, must_answer, TALK.result, TALK.temperature, TALK.max_tokens)
    sent = WIRES[name].encode(prompt, Profile("m-1"), is_streamed=is_streamed)
    judged = judge_request(name, sent.body)
    assert set(sent.body) == set(judged)
    assert is_streamed == ("stream" in sent.body)
    assert must_answer == ("tool_choice" in sent.body)


def found(data: Any, key: str) -> list[Any]:
    """All values of a key, at any depth, in order."""
    if isinstance(data, dict):
        return [inner for name, value in data.items() for inner in ([value] if name == key else found(value, key))]
    return [inner for value in data for inner in found(value, key)] if isinstance(data, list) else []


@pytest.mark.parametrize("name", WIRES)
def test_nothing_of_a_conversation_is_lost(name: str) -> None:
    """Every word, byte and id of the prompt stands in the body, once."""
    body = str(WIRES[name].encode(TALK, Profile("m-1"), is_streamed=False).body)
    picture, paper = (base64.b64encode(blob.data or b"").decode() for blob in (PICTURE, PAPER))
    for word in ("Look at these.", picture, paper, "I ask.", "Paris", "18 °C", "no such city", "Go on.", "Be brief."):
        assert (word, 1) == (word, body.count(word))
    assert (2, 2) == (body.count("'t1'"), body.count("'t2'"))


def test_an_error_of_a_tool_is_told_as_one() -> None:
    """Anthropic has a field for it."""
    body = WIRES["messages"].encode(TALK, Profile("m-1"), is_streamed=False).body
    assert [False, True] == found(body, "is_error")
    assert ["tool_result", "tool_result", "text"] == [part["type"] for part in body["messages"][2]["content"]]


@pytest.mark.parametrize("name", ["responses", "messages"])
def test_what_a_provider_signed_goes_back_as_it_came(name: str) -> None:
    """Its own wire sends it word for word; the others send what it says."""
    raw = [{"type": "reasoning", "encrypted_content": "sealed", "summary": [], "id": "r"}]
    message = Message("assistant", (Text("so"),), Raw(name, raw))
    for other, wire in WIRES.items():
        body = wire.encode(Prompt((Message("user", (Text("?"),)), message)), Profile("m"), is_streamed=False).body
        assert (other == name) == ("sealed" in str(body))
        assert (other == name) == ("'so'" not in str(body))


def test_reasoning_that_is_not_sealed_is_left_out() -> None:
    """Nothing is left with the provider, so an item that only names what it has kept cannot go back."""
    raw = [{"type": "reasoning", "summary": [], "id": "r"}, {"type": "message", "id": "m"}]
    message = Message("assistant", (Text("so"),), Raw("responses", raw))
    body = WIRES["responses"].encode(Prompt((message,)), Profile("m"), is_streamed=False).body
    assert body["input"] == [{"role": "assistant", "content": "so"}]


def bare(schema: Any) -> Any:
    """A schema without its prose."""
    if isinstance(schema, dict):
        return {name: bare(inner) for name, inner in schema.items() if name not in ("description", "title")}
    return [bare(inner) for inner in schema] if isinstance(schema, list) else schema


def untyped(schema: Any) -> Any:
    """The official function drops the type beside an enum."""
    if not isinstance(schema, dict):
        return [untyped(inner) for inner in schema] if isinstance(schema, list) else schema
    made = {name: untyped(inner) for name, inner in schema.items()}
    return {name: inner for name, inner in made.items() if name != "type" or "enum" not in made}


@pytest.mark.parametrize("type_", [VERDICT, STRING, OptionalType(INT)])
def test_a_schema_for_anthropic_is_what_its_own_sdk_makes_of_it(type_: Type) -> None:
    """Bounds, lengths and patterns go into the words; all else stays."""
    schema, _ = answer_schema(type_)
    ours = plainer(schema)
    assert untyped(bare(transform_schema(schema))) == untyped(bare(ours))
    if type_ == VERDICT:
        assert "how sure (minimum: 0, maximum: 1)" == ours["properties"]["score"]["description"]
        assert "pattern" in ours["properties"]["code"]["description"]


@pytest.mark.parametrize("why", [{}, [], 5, True, None])
def test_a_stop_that_is_no_word_is_none(why: Any) -> None:
    """An answer of another form is told as one, or is read without it where a wire can do that."""
    with pytest.raises(BadResponse, match="does not say that it is complete"):
        MessagesWire().decode({"content": [{"type": "text", "text": "a"}], "stop_reason": why})
    turn = ChatWire().decode({"choices": [{"message": {"content": "a"}, "finish_reason": why}]})
    assert ("end", "a") == (turn.stop, turn.text)


class _Keeping:
    """A transport that keeps what is to be sent, and sends nothing."""

    def __init__(self) -> None:
        self.body = b""

    @asynccontextmanager
    async def request(self, *_: Any, body: bytes | None = None, **__: Any) -> AsyncIterator[Streamed]:
        """Keep a body."""
        self.body = body or b""
        raise ConnectFailed("nobody is there", sent=False)
        yield

    async def aclose(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("name", WIRES)
async def test_half_a_character_goes_back_as_a_sign_for_it(name: str) -> None:
    """A model may write half of a surrogate pair as an argument; UTF-8 has none, and the conversation goes on."""
    use = ToolUse("t1", "look", {"x": "<\ud800>"})
    message = Message("assistant", (use,), Raw("messages", [{"type": "tool_use", "id": "t1", "input": use.args}]))
    exchange = Exchange(Asked((use,), message, 1), (ToolResult("t1", "seen \udfff"),))
    transport = _Keeping()
    with pytest.raises(ConnectFailed):
        await agent_on(name, "http://127.0.0.1:9", transport).call(
            replace(asked(prompt="go"), exchanges=(exchange,), tools=(CITY,))
        )
    assert "<?>" in transport.body.decode()
    assert "seen ?" in transport.body.decode()


@given(st.lists(st.text(max_size=4), min_size=1, max_size=3))
def test_words_alone_are_sent_as_words_beside_results(words: list[str]) -> None:
    """What a user says and nothing else takes a shorter way through the chat wire, to the same message."""
    said, result = tuple(map(Text, words)), ToolResult("t1", "18 °C")

    def sent(*parts: Part) -> list[Any]:
        body = ChatWire().encode(Prompt((Message("user", parts),)), Profile("m"), is_streamed=False).body
        return list(body["messages"])

    assert sent(result, *said) == [*sent(result), *sent(*said)]
    assert [{"role": "user", "content": ""}] == sent()
