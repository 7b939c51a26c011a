"""The kind `openai`: requests that the official SDK's own models accept, and answers as servers really give them."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from leadflow.agents.openai import OpenAIKind
from leadflow.agents.transport import HttpTransport
from leadflow.events.model import Usage
from leadflow.plan.plan import AgentSpec, Secret, SettingValue
from leadflow.plan.types import (
    FLOAT,
    JSON,
    STRING,
    FieldType,
    ListType,
    LiteralType,
    OptionalType,
    RecordType,
    Type,
    UnionType,
    Value,
)
from leadflow.run.errors import AnswerInvalid, BadResponse, Declined, Filtered, Incomplete, NotAllowed, RateLimited
from leadflow.run.ports import Agent, Reply, Request
from leadflow.run.quota import Left, Quota
from tests.agents.servers import Seen, api
from tests.agents.worlds import world

TOPIC = UnionType((LiteralType("bug"), LiteralType("other")))
VERDICT = RecordType((FieldType("topic", TOPIC), FieldType("note", OptionalType(STRING))), "Verdict")


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    """A transport, closed afterwards."""
    made = HttpTransport()
    yield made
    await made.aclose()


def agent(transport: HttpTransport, settings: Mapping[str, SettingValue]) -> Agent:
    """The agent `fast`."""
    spec = AgentSpec("fast", "openai", {"model": "m-1", "key": Secret("K"), **settings}, (), "fast", None)
    return OpenAIKind().build(spec, {}, world(Path(), transport=transport, secrets={"K": "s3cret"}))


def ask(action: str = "ask", result: Type = STRING, *, repair: str | None = None, **args: Value) -> Request:
    """One attempt."""
    declared = result != STRING
    idle = timedelta(seconds=5)
    return Request(action, args, result, declared, "run", "f/s", 1, None, True, idle, repair)


def completion(text: str | None, *, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """An answer of the server."""
    said = {"role": "assistant", "content": text, **message}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m-1",
            "choices": [{"index": 0, "message": said, "finish_reason": finish}], "usage": usage}  # fmt: skip


async def exchange(
    transport: HttpTransport, request: Request, answer: Any, status: int = 200, **settings: SettingValue
) -> tuple[Reply, dict[str, Any], Seen]:
    """The reply to one attempt, the body that was sent, and what the server saw."""

    async def serve(asked: web.BaseRequest) -> web.Response:
        return web.json_response(answer, status=status, headers={"Retry-After": "3"} if status == 429 else {})

    async with api(serve) as (url, seen):
        reply = await agent(transport, {"base_url": f"{url}/v1/", **settings}).call(request)
    return reply, json.loads(seen.bodies[0]), seen


def official(body: Mapping[str, Any]) -> int:
    """How many messages the official SDK's own types find in a request; raises for one they refuse."""
    read = TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(body)
    return len(list(read["messages"]))


def test_the_official_types_would_refuse_a_wrong_request() -> None:
    """The oracle of the next tests is no rubber stamp."""
    with pytest.raises(ValueError, match="role"):
        official({"model": "m", "messages": [{"role": 1}]})
    with pytest.raises(ValueError, match="model"):
        official({"messages": []})


async def test_a_question_is_one_request(transport: HttpTransport) -> None:
    """Model, messages, settings and arguments arrive; an argument goes before a setting."""
    request = ask(prompt="Hi é", temperature=0.2)
    reply, body, seen = await exchange(
        transport, request, completion("Hello"), system="Be brief.", temperature=1.0, max_tokens=50
    )
    assert reply == Reply("Hello", Usage(11, 7))
    assert body == {
        "model": "m-1",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi é"}],
        "temperature": 0.2,
        "max_tokens": 50,
    }
    assert official(body) == 2
    (sent,) = seen.requests
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.headers["Authorization"] == "Bearer s3cret"


@pytest.mark.parametrize(
    ("most", "prompt", "sent"), [(96, "x" * 16, True), (96, "x" * 17, False), (96, "é" * 8, True), (96, "é" * 9, False)]
)
async def test_what_may_be_too_long_is_not_sent(transport: HttpTransport, most: int, prompt: str, sent: bool) -> None:
    """Under max_input_tokens a request is counted as its bytes, and refused before the server sees it."""
    answer = exchange(transport, ask(prompt=prompt), completion("Hello"), max_input_tokens=most)
    if sent:
        reply, _, _ = await answer
        assert reply.value == "Hello"
    else:
        with pytest.raises(
            NotAllowed, match=r"fast\.ask: the request may have \d+ tokens.*allows 96; nothing was sent"
        ):
            await answer


async def test_what_nobody_can_count_is_not_sent(transport: HttpTransport) -> None:
    """Under max_input_tokens a history holds texts only: nobody knows the tokens of a picture."""
    picture: Value = {"role": "user", "content": ({"type": "image_url", "image_url": {"url": "http://x/y.png"}},)}
    with pytest.raises(NotAllowed, match="a message holds nothing but text; nothing was sent"):
        await exchange(transport, ask("chat", history=(picture,)), completion("Hello"), max_input_tokens=10_000)
    told: Value = {"role": "user", "content": "Hi"}
    reply, _, _ = await exchange(transport, ask("chat", history=(told,)), completion("Hello"), max_input_tokens=10_000)
    assert reply.value == "Hello"


async def test_a_declared_record_is_the_schema_of_the_answer(transport: HttpTransport) -> None:
    """Strict form: every field required, nothing else allowed, an optional field may be null (rule E2)."""
    answer = completion('{"topic": "bug", "note": null}')
    reply, body, _ = await exchange(transport, ask(result=VERDICT, prompt="?"), answer)
    assert reply.value == {"topic": "bug", "note": None}
    form = body["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True
    schema = form["json_schema"]["schema"]
    assert schema["required"] == ["topic", "note"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["topic"]["enum"] == ["bug", "other"]
    assert official(body) == 1


async def test_any_other_type_travels_as_a_field(transport: HttpTransport) -> None:
    """A schema's root must be an object, so a list is the field `value` of one."""
    answer = completion('```json\n{"value": [0.5]}\n```')
    reply, body, _ = await exchange(transport, ask(result=ListType(FLOAT), prompt="?"), answer)
    assert reply.value == [0.5]
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["value"]["type"] == "array"


async def test_l7_what_is_left_of_a_quota_is_told(transport: HttpTransport) -> None:
    """L7: requests and tokens, as the headers of a completion, or of a vector, have them."""
    left = {"x-ratelimit-remaining-tokens": "149984", "x-ratelimit-reset-tokens": "6ms"}
    vector = {"data": [{"embedding": [0.5]}]}
    for request, answer in ((ask(prompt="?"), completion("x")), (ask("embed", ListType(FLOAT), text="x"), vector)):

        async def serve(_: web.BaseRequest, answer: object = answer) -> web.Response:
            return web.json_response(answer, headers=left)

        async with api(serve) as (url, _):
            reply = await agent(transport, {"base_url": url}).call(request)
        assert Quota(None, Left(149_984, timedelta(milliseconds=6))) == reply.quota


async def test_r20_a_repair_quotes_the_mistake_once(transport: HttpTransport) -> None:
    """R20: what was wrong with the last answer is one message more."""
    request = ask(prompt="?", repair="at /topic: expected bug")
    _, body, _ = await exchange(transport, request, completion("x"))
    assert len(body["messages"]) == 2
    assert "at /topic: expected bug" in body["messages"][1]["content"]


async def test_a_history_is_explicit(transport: HttpTransport) -> None:
    """`chat` sends the messages that it is given."""
    history: Value = ({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"})
    reply, body, _ = await exchange(transport, ask("chat", history=history), completion("c"))
    assert reply.value == "c"
    assert body["messages"] == [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


async def test_a_text_becomes_a_vector(transport: HttpTransport) -> None:
    """`embed` asks another path."""
    answer = {"data": [{"embedding": [0.5, -1.0]}], "usage": {"prompt_tokens": 3}}
    reply, body, seen = await exchange(transport, ask("embed", ListType(FLOAT), text="x"), answer)
    assert reply == Reply([0.5, -1.0], Usage(3, 0))
    assert body == {"model": "m-1", "input": "x"}
    assert seen.requests[0].path == "/v1/embeddings"


ANSWERS: list[tuple[Any, type[Exception], str]] = [
    (completion(None, refusal="I must not"), Declined, "declined: I must not"),
    (completion("half", finish="length"), Incomplete, "max_tokens"),
    (completion("half", finish="content_filter"), Filtered, "content filter"),
    (completion(None), BadResponse, "no text"),
    (completion(None, content=[1]), BadResponse, "no text"),
    ({"choices": []}, BadResponse, "no message"),
    ({"choices": [{}]}, BadResponse, "no message"),
    ({"choices": {"0": 1}}, BadResponse, "no message"),
    ({"error": {"message": "x"}}, BadResponse, "the provider failed: x"),
    ([], BadResponse, "no JSON object"),
]


@pytest.mark.parametrize(("answer", "failure", "said"), ANSWERS)
async def test_what_is_no_answer_is_none(
    transport: HttpTransport, answer: Any, failure: type[Exception], said: str
) -> None:
    """Bad inputs 90, 93 and 96: a refusal, a cut answer and a malformed one are different failures."""
    with pytest.raises(failure, match=said):
        await exchange(transport, ask(prompt="?"), answer)


@pytest.mark.parametrize("text", ["no json", '{"topic": ', "NaN", "[" * 5000, "```"])
async def test_an_answer_that_is_no_json_is_invalid(transport: HttpTransport, text: str) -> None:
    """It can be asked for again, with what was wrong."""
    with pytest.raises(AnswerInvalid):
        await exchange(transport, ask(result=VERDICT, prompt="?"), completion(text))
    with pytest.raises(AnswerInvalid, match="lacks the field 'value'"):
        await exchange(transport, ask(result=ListType(FLOAT), prompt="?"), completion('{"values": []}'))


@pytest.mark.parametrize(
    "usage", [None, [], {"prompt_tokens": -1, "completion_tokens": 10**18}, {"prompt_tokens": "1"}]
)
async def test_usage_that_cannot_be_true_is_unknown(transport: HttpTransport, usage: Any) -> None:
    """Case $10: a missing, negative or absurd figure counts as unknown, never as nothing."""
    reply, _, _ = await exchange(transport, ask(prompt="?"), {**completion("x"), "usage": usage})
    assert reply.usage in (None, Usage(None, None))


async def test_two_choices_mean_the_first(transport: HttpTransport) -> None:
    """Bad input 94."""
    answer = completion("first")
    answer["choices"].append({"message": {"content": "second"}, "finish_reason": "stop"})
    reply, _, _ = await exchange(transport, ask(prompt="?"), answer)
    assert reply.value == "first"


async def test_a_full_quota_waits(transport: HttpTransport) -> None:
    """A 429 carries the wait that the server asked for."""
    with pytest.raises(RateLimited) as problem:
        await exchange(transport, ask(prompt="?"), {"error": {"message": "slow down"}}, 429)
    assert problem.value.retry_after == timedelta(seconds=3)


async def test_json_is_asked_for_without_a_schema_of_its_own(transport: HttpTransport) -> None:
    """A step of type json takes any JSON, which no strict schema can say."""
    reply, body, _ = await exchange(transport, ask(result=JSON, prompt="?"), completion('{"value": {"a": 1}}'))
    assert reply.value == {"a": 1}
    assert body["response_format"]["json_schema"]["strict"] is False


def test_an_endpoint_that_takes_no_tools_is_granted_none(transport: HttpTransport) -> None:
    """A grant that its model could never see is not ignored."""
    with pytest.raises(NotAllowed, match="its endpoint takes none"):
        agent(transport, {"tools": ("search",), "takes": {"tools": False}})
