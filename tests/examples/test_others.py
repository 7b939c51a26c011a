"""The examples after the first: each runs from the command line and gives what its expected.json says."""

import asyncio
import json
import runpy
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.doubles import LlmDouble
from tests.examples.running import EXAMPLES, ROOT, expected, leadflow, run_example

FILES = sorted([*EXAMPLES.rglob("*.flow"), *(ROOT / "stdlib").glob("*.flow")])


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_flow_file_checks(file: Path) -> None:
    """`leadflow check` finds nothing in any file of the examples and of the standard library."""
    ran = leadflow("check", str(file))
    assert (0, "") == (ran.code, ran.stderr)


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_flow_file_is_formatted(file: Path) -> None:
    """`leadflow fmt --check` would change nothing in any of them."""
    assert 0 == leadflow("fmt", "--check", str(file)).code


@pytest.fixture
async def weather() -> AsyncIterator[str]:
    """The weather service of the second example, on a free port: its address."""
    app: web.Application = runpy.run_path(str(EXAMPLES / "02_http_fanout" / "server.py"))["make_app"]()
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_http_fanout(weather: str) -> None:
    """Every city is asked under its own name, 503s are tried again, and the mute station is left out."""
    ran = await asyncio.to_thread(run_example, "02_http_fanout", env={"CITY_API": weather})
    assert (0, expected("02_http_fanout")) == (ran.code, ran.result)


def test_modules() -> None:
    """Flows and types of other files, a race, a quorum and an `after` give the receipts of the night."""
    ran = run_example("03_modules", "--input-file", str(EXAMPLES / "03_modules" / "input.json"))
    assert (0, expected("03_modules")) == (ran.code, ran.result)


@pytest.mark.node
def test_llm(llm_double: LlmDouble) -> None:
    """A classified message gets a reply that is improved once, since the first score is too low."""
    verdict = {"topic": "bug", "urgent": True, "confidence": 0.93}
    llm_double.answer({"userMessage": "Classify this message"}, {"content": json.dumps(verdict)})
    llm_double.answer({"userMessage": "Notes of the reviewer: none yet"}, {"content": "We are on it."})
    llm_double.answer(
        {"userMessage": "Notes of the reviewer: ask for the version"},
        {"content": "Which version do you use? An engineer is looking at it now."},
    )
    for reply, score, notes in (
        ("We are on it.", 0.4, "ask for the version"),
        ("An engineer is looking at it now.", 0.9, "good"),
    ):
        llm_double.answer({"userMessage": reply}, {"content": json.dumps({"score": score, "notes": notes})})
    ran = run_example(
        "04_llm",
        "--input-file",
        str(EXAMPLES / "04_llm" / "input.json"),
        env={"OPENAI_BASE_URL": llm_double.base_url, "OPENAI_API_KEY": "test-key"},
    )
    assert (0, expected("04_llm")) == (ran.code, ran.result)
    assert 5 == len(llm_double.requests())
