"""The three wires before a server that nobody here wrote: what is sent, what comes back, and each way to fail."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from leadflow.events.model import Usage
from leadflow.plan.types import FLOAT, INT, JSON, FieldType, ListType, LiteralType, RecordType, Type, UnionType
from leadflow.plan.types import Value as FlowValue
from leadflow.run.errors import (
    AnswerInvalid,
    BadResponse,
    CallError,
    ConnectionLost,
    Filtered,
    Incomplete,
    Overloaded,
    RateLimited,
    Rejected,
    ServerError,
)
from leadflow.run.quota import Left, Quota
from tests.agents.models.asking import Watching, agent_on, asked
from tests.agents.models.wires import ANSWERS, WIRES, judge_request
from tests.agents.servers import api
from tests.doubles import LlmDouble

pytestmark = pytest.mark.node

TOPIC = UnionType((LiteralType("bug"), LiteralType("other")))
VERDICT = RecordType((FieldType("topic", TOPIC), FieldType("score", INT)), "Verdict")
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "input_tokens": 11, "output_tokens": 7}

each_wire = pytest.mark.parametrize("wire", WIRES)


@each_wire
async def test_a_question_and_its_answer(wire: str, llm_double: LlmDouble, transport: Watching) -> None:
    """Both bodies are what the official types accept; usage comes back in one form."""
    llm_double.answer({"userMessage": "Hi"}, {"content": "Hello é", "usage": USAGE})
    agent = agent_on(wire, llm_double.base_url, transport, system="Be brief.", max_tokens=50)
    reply = await agent.call(asked(prompt="Hi"))
    assert ("Hello é", reply.usage) == (reply.value, Usage(11, 7, *((0, 0) if wire == "messages" else ())))
    (body,) = transport.sent
    assert set(judge_request(wire, body)) == set(body)
    assert "Be brief." in json.dumps(body)
    assert "s3cret" in "".join(transport.headers[0].values())
    if wire != "responses":  # the double leaves out what the official type wants there
        ANSWERS[wire].validate_json(transport.answers[0])


@each_wire
@pytest.mark.parametrize(
    ("type_", "answer", "value"),
    [
        (VERDICT, {"topic": "bug", "score": 3}, {"topic": "bug", "score": 3}),
        (ListType(FLOAT), {"value": [0.5]}, [0.5]),
        (JSON, {"value": {"a": 1}}, {"a": 1}),
    ],
)
@pytest.mark.parametrize("has_schemas", [True, False])
async def test_a_declared_type(
    wire: str, type_: Type, answer: Any, value: Any, has_schemas: bool, llm_double: LlmDouble, transport: Watching
) -> None:
    """It is asked for by the provider's own means, or in words where the endpoint or the schema has none."""
    llm_double.answer({}, {"content": json.dumps(answer)})
    takes: dict[str, FlowValue] = {} if has_schemas else {"schemas": False}
    agent = agent_on(wire, llm_double.base_url, transport, takes=takes)
    reply = await agent.call(asked(result=type_, prompt="?"))
    assert value == reply.value
    (body,) = transport.sent
    assert set(judge_request(wire, body)) == set(body)
    in_words = not has_schemas or (wire == "messages" and type_ == JSON)
    assert in_words == ("Answer with JSON of this schema" in json.dumps(body))
    assert in_words == (not {"response_format", "text", "output_config"} & set(body))


@each_wire
async def test_r20_a_repair_quotes_the_mistake_once(wire: str, llm_double: LlmDouble, transport: Watching) -> None:
    """R20: what was wrong with the last answer is one message more, on each wire."""
    llm_double.answer({}, {"content": "{}"})
    agent = agent_on(wire, llm_double.base_url, transport)
    await agent.call(asked(result=VERDICT, prompt="?", repair="at /topic: expected bug"))
    body = json.dumps(transport.sent[0])
    assert 1 == body.count("at /topic: expected bug")
    with pytest.raises(AnswerInvalid, match=r"lacks the field 'value': \"[{}]+\""):
        await agent.call(asked(result=INT, prompt="?"))


@each_wire
async def test_prose_is_shown_and_a_wrong_address_told(wire: str, llm_double: LlmDouble, transport: Watching) -> None:
    """What came in place of JSON begins the words of the failure, without secrets; a 404 names what was asked."""
    llm_double.answer({}, {"content": "Well, s3cret it is."})
    with pytest.raises(AnswerInvalid, match=r'expected JSON.*: "Well, [*]{3} it is\."'):
        await agent_on(wire, llm_double.base_url, transport).call(asked(result=VERDICT, prompt="?"))

    async def nothing(request: web.BaseRequest) -> web.Response:
        return web.Response(status=404)

    async with api(nothing) as (url, _):
        for base, hint in ((url, r"; does base_url lack /v1\?"), (f"{url}/v1", "")):
            with pytest.raises(Rejected, match=rf"fast\.ask: POST {base}/[a-z0-9/]+ answered 404{hint}$"):
                await agent_on(wire, base, transport).call(asked(prompt="?"))


@each_wire
async def test_a_history_is_explicit(wire: str, llm_double: LlmDouble, transport: Watching) -> None:
    """`chat` sends what it is given, the system's words where the wire has a place for them."""
    llm_double.answer({}, {"content": "c"})
    history: FlowValue = (
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": ("c", {"type": "image_url", "image_url": {"url": "https://x.test/y.png"}})},
    )
    reply = await agent_on(wire, llm_double.base_url, transport).call(asked("chat", history=history))
    assert "c" == reply.value
    body = json.dumps(transport.sent[0])
    assert all(1 == body.count(word) for word in ("Be kind.", "https://x.test/y.png"))


FAILURES: list[tuple[dict[str, Any], int, type[CallError], timedelta | None]] = [
    ({"type": "rate_limit_error", "message": "slow down"}, 429, RateLimited, timedelta(seconds=2)),
    ({"type": "overloaded_error", "message": "busy"}, 529, Overloaded, None),
    ({"type": "server_error", "message": "oh"}, 500, ServerError, None),
    ({"type": "invalid_request_error", "message": "no"}, 400, Rejected, None),
]


@each_wire
@pytest.mark.parametrize(("error", "status", "failure", "wait"), FAILURES)
async def test_a_failure_is_told_by_its_status(
    wire: str,
    error: dict[str, Any],
    status: int,
    failure: type[CallError],
    wait: timedelta | None,
    llm_double: LlmDouble,
    transport: Watching,
) -> None:
    """429 carries the wait that the server asks for; the words are the provider's."""
    told: dict[str, Any] = {"error": error, "status": status}
    if wait is not None:
        told["retryAfter"] = wait.total_seconds()
    llm_double.answer({}, told)
    with pytest.raises(failure, match=error["message"]) as problem:
        await agent_on(wire, llm_double.base_url, transport).call(asked(prompt="?"))
    assert (status, wait) == (problem.value.status, problem.value.retry_after)


CHAOS: list[tuple[dict[str, float], type[CallError]]] = [
    ({"dropRate": 1}, ServerError),
    ({"malformedRate": 1}, BadResponse),
    ({"rateLimitRate": 1}, RateLimited),
    ({"disconnectRate": 1}, ConnectionLost),
]


@each_wire
@pytest.mark.parametrize(("chaos", "failure"), CHAOS)
@pytest.mark.parametrize("is_heard", [False, True])
async def test_chaos(
    wire: str,
    chaos: dict[str, float],
    failure: type[CallError],
    is_heard: bool,
    llm_double: LlmDouble,
    transport: Watching,
) -> None:
    """The double's own mischief is a failure that may be tried again, streamed or not."""
    llm_double.answer({}, {"content": "never"}, chaos=chaos)
    heard: list[str] = []
    request = replace(asked(prompt="?"), hear=heard.append if is_heard else None)
    with pytest.raises(failure) as problem:
        await agent_on(wire, llm_double.base_url, transport).call(request)
    assert problem.value.transient
    assert [] == heard


LEFT: dict[str, dict[str, str]] = {
    "chat": {"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6s"},
    "responses": {"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6s"},
    "messages": {
        "anthropic-ratelimit-tokens-remaining": "90",
        "anthropic-ratelimit-tokens-reset": "2026-03-01T09:30:06Z",
        "anthropic-ratelimit-output-tokens-remaining": "9",
        "anthropic-ratelimit-output-tokens-reset": "2026-03-01T09:30:06Z",
    },
}


@each_wire
async def test_l7_what_is_left_of_a_quota_is_told(wire: str, transport: Watching) -> None:
    """L7: by each provider's own headers; of several kinds of tokens the least counts."""
    said = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
    bodies: dict[str, Any] = {
        "chat": {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]},
        "responses": {"status": "completed", "output": [said]},
        "messages": {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"},
    }

    async def serve(_: web.BaseRequest) -> web.Response:
        return web.json_response(bodies[wire], headers={**LEFT[wire], "Date": "Sun, 01 Mar 2026 09:30:00 GMT"})

    async with api(serve) as (url, _):
        reply = await agent_on(wire, url, transport).call(asked(prompt="?"))
    assert Quota(None, Left(9, timedelta(seconds=6))) == reply.quota


@each_wire
async def test_a_cut_answer_is_none(wire: str, llm_double: LlmDouble, transport: Watching) -> None:
    """Bad input 96: cut off at `max_tokens`, on each wire."""
    llm_double.answer({}, {"content": "half", "finishReason": "length"})
    with pytest.raises(Incomplete, match="max_tokens"):
        await agent_on(wire, llm_double.base_url, transport).call(asked(prompt="?"))


@pytest.mark.parametrize("wire", ["chat"])
async def test_a_filtered_answer_is_none(wire: str, llm_double: LlmDouble, transport: Watching) -> None:
    """Bad input 96: stopped by the provider's filter."""
    llm_double.answer({}, {"content": "half", "finishReason": "content_filter"})
    with pytest.raises(Filtered):
        await agent_on(wire, llm_double.base_url, transport).call(asked(prompt="?"))


@each_wire
async def test_a_model_that_asks_for_tools_it_has_not(wire: str, llm_double: LlmDouble, transport: Watching) -> None:
    """It was given none, so its answer is none."""
    llm_double.answer({}, {"toolCalls": [{"name": "drop_tables", "arguments": {}}]})
    with pytest.raises(AnswerInvalid, match="tools that it was not given"):
        await agent_on(wire, llm_double.base_url, transport).call(asked(prompt="?"))


async def test_a_text_becomes_a_vector(llm_double: LlmDouble, transport: Watching) -> None:
    """`embed` of the kind `openai`."""
    llm_double.answer({"inputText": "x"}, {"embedding": [0.5, -1.0]})
    reply = await agent_on("chat", llm_double.base_url, transport).call(asked("embed", ListType(FLOAT), text="x"))
    assert [0.5, -1.0] == reply.value


@each_wire
async def test_a_prompt_cache_is_asked_for(wire: str, llm_double: LlmDouble, transport: Watching) -> None:
    """In the provider's own way, in a body that its types accept."""
    llm_double.answer({}, {"content": "ok"})
    agent = agent_on(wire, llm_double.base_url, transport, prompt_cache=True, system="Long.")
    await agent.call(asked(prompt="?"))
    (body,) = transport.sent
    assert set(judge_request(wire, body)) == set(body)
    assert ("cache_control" if wire == "messages" else "prompt_cache_key") in json.dumps(body)
