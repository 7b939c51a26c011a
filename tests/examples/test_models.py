"""The example of models: three providers' wires before its small server, with and without streams."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession

import leadflow
from leadflow.events.model import AttemptFailed
from leadflow.events.words import Words
from leadflow.run.driver import Result
from tests.examples.running import EXAMPLES, expected, run_example
from tests.examples.serving import served

FOLDER = EXAMPLES / "14_models"
INPUT = ("--input-file", str(FOLDER / "input.json"))


async def asked(address: str) -> dict[str, int]:
    """How often each wire was asked."""
    async with ClientSession() as session, session.get(f"{address}/requests") as reply:
        counts: dict[str, int] = await reply.json()
    return counts


async def test_from_the_command_line() -> None:
    """A refused request, a wrong answer and a schema in words on the way; the sum says what is not known."""
    async with served("14_models") as address:
        env = {"MODELS_API": address, "MODELS_KEY": "test-key"}
        ran = await asyncio.to_thread(run_example, "14_models", *INPUT, env=env)
        assert {"messages": 2, "responses": 2, "chat": 1} == await asked(address)
    assert (0, expected("14_models")) == (ran.code, ran.result)
    micros = (442 * 2 + 31 * 10) + 2 * -(-(150 * 25 + 24 * 200) // 100)
    sums = (
        f"4 requests, 982 tokens in (30 put into the cache), 119 out, $0.{micros:06d} and the unknown cost of 1 request"
    )
    assert f"models: {sums}" == ran.stderr.splitlines()[-1]


@asynccontextmanager
async def heard(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Result, list[Words], dict[str, int]]]:
    """A run that somebody listens to."""
    words: list[Words] = []
    async with served("14_models") as address:
        monkeypatch.setenv("MODELS_API", address)
        monkeypatch.setenv("MODELS_KEY", "test-key")
        options = leadflow.RunOptions(durable=False, listeners=(words.append,))
        inputs = json.loads((FOLDER / "input.json").read_text("utf-8"))
        result = await leadflow.load(FOLDER / "main.flow").run("expense", inputs, options)
        yield result, words, await asked(address)


async def test_with_somebody_who_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same value out of streams; the letter that breaks off is void, and is heard anew."""
    async with heard(monkeypatch) as (result, words, counts):
        assert expected("14_models") == result.unwrap()
        assert {"messages": 2, "responses": 2, "chat": 2} == counts
    failed = [entry.event.failure.error for entry in result.entries if isinstance(entry.event, AttemptFailed)]
    assert ["resource.overloaded", "validation.answer", "agent.stream_truncated"] == failed
    letters = [word for word in words if word.path == "expense/letter"]
    assert [1, 2] == sorted({word.attempt for word in letters})
    last = "".join(word.text for word in letters if word.attempt == 2)
    assert expected("14_models")["letter"] == json.loads(last.removeprefix("```json").removesuffix("```"))
