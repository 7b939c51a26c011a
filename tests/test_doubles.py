"""The model double answers what a test wrote down, refuses the rest, and remembers what it was asked."""

from typing import Any

import aiohttp
import pytest

from tests.doubles import LlmDouble

pytestmark = pytest.mark.node


async def ask(double: LlmDouble, text: str) -> tuple[int, dict[str, Any], str | None]:
    """Status, body and `Retry-After` of one chat completion."""
    body = {"model": "small", "messages": [{"role": "user", "content": text}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{double.base_url}/chat/completions", json=body) as reply,
    ):
        return reply.status, await reply.json(), reply.headers.get("Retry-After")


async def test_it_answers_what_was_written_down(llm_double: LlmDouble) -> None:
    """A matching question gets the scripted content and usage, in the shape of a chat completion."""
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    llm_double.answer({"userMessage": "classify"}, {"content": '{"urgent": true}', "usage": usage})
    status, body, _ = await ask(llm_double, "please classify this")
    assert (200, '{"urgent": true}') == (status, body["choices"][0]["message"]["content"])
    assert usage == body["usage"]


async def test_it_refuses_what_was_not(llm_double: LlmDouble) -> None:
    """A question that nothing matches is an error, never an invented answer; answers of other tests are gone."""
    status, body, _ = await ask(llm_double, "please classify this")
    assert 503 == status
    assert "error" in body


async def test_it_can_fail_first_and_answer_later(llm_double: LlmDouble) -> None:
    """A rate limit with its waiting time comes first, the answer on the second try."""
    error = {"message": "slow down", "type": "rate_limit_error"}
    llm_double.answer({"userMessage": "hi", "sequenceIndex": 0}, {"error": error, "status": 429, "retryAfter": 2})
    llm_double.answer({"userMessage": "hi", "sequenceIndex": 1}, {"content": "hello"})
    assert (429, "2") == (await ask(llm_double, "hi"))[::2]
    status, body, _ = await ask(llm_double, "hi")
    assert (200, "hello") == (status, body["choices"][0]["message"]["content"])


async def test_it_remembers(llm_double: LlmDouble) -> None:
    """The journal has every request of this test and only those, with what was sent."""
    llm_double.answer({}, {"content": "ok"})
    await ask(llm_double, "one")
    await ask(llm_double, "two")
    asked = [request["body"]["messages"][0]["content"] for request in llm_double.requests()]
    assert ["one", "two"] == asked
