"""The examples after the first: each runs from the command line and gives what its expected.json says."""

import asyncio
import json
import re
import runpy
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.doubles import LlmDouble
from tests.examples.running import EXAMPLES, ROOT, expected, leadflow, run_example
from tests.examples.serving import served

FILES = sorted(map(str, [*EXAMPLES.rglob("*.flow"), *(ROOT / "stdlib").glob("*.flow")]))


def test_the_tests_of_the_examples() -> None:
    """`leadflow test examples` makes the tests in the examples: they pass, without a key or a server."""
    ran = leadflow("test", "--format", "json", str(EXAMPLES), str(ROOT / "stdlib"))
    told = ran.result
    assert (0, []) == (ran.code, told["errors"])
    with_tests = {Path(test["file"]).parent.name for test in told["tests"]}
    assert {"01_triage", "03_modules", "04_llm", "05_breaker", "10_on_error", "12_saga"} <= with_tests
    assert [] == [(test["name"], test["notes"]) for test in told["tests"] if test["notes"]]


def test_every_flow_file_checks() -> None:
    """`leadflow check` finds nothing in any file of the examples and of the standard library."""
    ran = leadflow("check", "--format", "json", *FILES)
    assert (0, []) == (ran.code, ran.result)


def test_every_flow_file_is_formatted() -> None:
    """`leadflow fmt --check` would change nothing in any of them."""
    ran = leadflow("fmt", "--check", *FILES)
    assert 0 == ran.code, ran.stderr


def test_the_readmes_commands_name_files_that_exist() -> None:
    """Each example's README shows how to run its `main.flow`, and every file it names is there."""
    for folder in (path.parent for path in EXAMPLES.glob("*/main.flow")):
        text = (folder / "README.md").read_text("utf-8")
        named = set(re.findall(r"\bexamples/[\w./-]+", text))
        assert f"examples/{folder.name}/main.flow" in named
        assert [] == [name for name in named if not (ROOT / name).exists()]


async def test_http_fanout() -> None:
    """Every city is asked under its own name, 503s are tried again, and the mute station is left out."""
    async with served("02_http_fanout") as address:
        ran = await asyncio.to_thread(run_example, "02_http_fanout", env={"CITY_API": address})
    assert (0, expected("02_http_fanout")) == (ran.code, ran.result)


async def test_limit() -> None:
    """Forty calls wait in line, and the service has nothing to refuse; those that wait say what for."""
    folder = EXAMPLES / "06_limit"
    words = ("--input-file", str(folder / "input.json"))
    async with served("06_limit") as address:
        ran = await asyncio.to_thread(run_example, "06_limit", "--json", *words, env={"OFFICE_API": address})
    assert (0, expected("06_limit")) == (ran.code, ran.result)
    assert {"20 per 2s", "5 calls at once"} == {e["why"] for e in ran.events if e["event"] == "CallWaits"}


async def test_without_its_limit_the_service_refuses(tmp_path: Path) -> None:
    """The service of the example does mean its limits."""
    folder = EXAMPLES / "06_limit"
    text = (folder / "main.flow").read_text("utf-8").replace("@limit(20 per 2s, concurrent: 5)", "")
    (tmp_path / "main.flow").write_text(text, "utf-8")
    words = ("--input-file", str(folder / "input.json"))
    async with served("06_limit") as address:
        ran = await asyncio.to_thread(leadflow, "run", str(tmp_path / "main.flow"), *words, env={"OFFICE_API": address})
    assert 1 == ran.code
    assert "office.get answered 429: too many requests" in ran.stderr


async def test_budget() -> None:
    """The long answer costs its review, and the others are done; one call less is sent than there are steps."""
    words = ("--input-file", str(EXAMPLES / "07_budget" / "input.json"))
    async with served("07_budget") as address:
        env = {"WORDS_API": address, "WORDS_KEY": "any"}
        ran = await asyncio.to_thread(run_example, "07_budget", "--json", *words, env=env)
    assert (0, expected("07_budget")) == (ran.code, ran.result)
    assert 5 == sum(e["event"] == "BudgetSettled" for e in ran.events)
    over = [e["over"] for e in ran.events if e["event"] == "BudgetSettled" and e["over"]]
    assert len(over) == 1


async def test_tools() -> None:
    """The second model of the role plays it; what the note asks for is refused, and no money is paid."""
    words = ("answer", "--input-file", str(EXAMPLES / "15_tools" / "input.json"))
    async with served("15_tools") as address:
        env = {"SHOP_API": address, "FIRST_API": f"{address}/busy", "SECOND_API": address}
        ran = await asyncio.to_thread(run_example, "15_tools", "--json", *words, env=env)
        async with ClientSession() as session, session.get(f"{address}/refunds") as told:
            refunds = await told.json()
    assert (0, expected("15_tools"), 0) == (ran.code, ran.result, refunds)
    told_of = [event["tool"] for event in ran.events if event["event"] == "ToolCalled"]
    assert ["order", "days", "std.tools.calculate_metrics", "refund"] == told_of
    assert [1, 1, 2, 2] == [event["turn"] for event in ran.events if event["event"] == "ToolCalled"]


async def test_on_error() -> None:
    """Each class of failure is followed by what `@on_error` says; the log tells the decisions."""
    async with served("10_on_error") as address:
        names = {"RATES_API": "main", "MIRROR_API": "mirror", "DESK_API": "desk"}
        env = {name: f"{address}/{service}" for name, service in names.items()}
        ran = await asyncio.to_thread(run_example, "10_on_error", "sheet", "--json", env=env)
    assert (0, expected("10_on_error")) == (ran.code, ran.result)
    told = {(event["path"], event["does"]) for event in ran.events if event["event"] == "ErrorHandled"}
    does = {"eur": "reset", "yen": "fallback", "gbp": "retry", "xau": "skip", "chf": "escalate"}
    assert {(f"sheet/{step}", each) for step, each in does.items()} == told


async def test_on_error_ends_the_run() -> None:
    """A critical step ends a flow that goes on without all others."""
    async with served("10_on_error") as address:
        env = dict.fromkeys(("RATES_API", "MIRROR_API"), f"{address}/main") | {"DESK_API": f"{address}/desk"}
        ran = await asyncio.to_thread(run_example, "10_on_error", "balance", env=env)
    assert 1 == ran.code
    assert "failed, critical: balance/chf: rates.get answered 403: not for you [permission.denied]" in ran.stderr


async def test_retry() -> None:
    """Each trouble of the rate service is answered as it should be, and the service was asked as often as told."""
    async with served("11_retry") as address:
        ran = await asyncio.to_thread(run_example, "11_retry", env={"RATES_API": address})
    assert (0, expected("11_retry")) == (ran.code, ran.result)


async def test_breaker() -> None:
    """While the warehouse is down the copy answers; it is left alone, and asked again when it is back."""
    async with served("05_breaker") as address:
        env = {"STOCK_API": f"{address}/live", "COPY_API": f"{address}/copy"}
        ran = await asyncio.to_thread(run_example, "05_breaker", "--json", env=env)
    assert (0, expected("05_breaker")) == (ran.code, ran.result)
    moves = [(event["state"], event["agent"]) for event in ran.events if event["event"] == "BreakerMoved"]
    assert [(state, "warehouse") for state in ("open", "half_open", "open", "half_open", "closed")] == moves


def test_modules() -> None:
    """Flows and types of other files, a race, a quorum and an `after` give the receipts of the night."""
    ran = run_example("03_modules", "--input-file", str(EXAMPLES / "03_modules" / "input.json"))
    assert (0, expected("03_modules")) == (ran.code, ran.result)


@pytest.fixture
async def desk() -> AsyncIterator[str]:
    """The help desk of the example of `@cache`, on a free port: its address."""
    app: web.Application = runpy.run_path(str(EXAMPLES / "08_cache" / "server.py"))["make_app"]()
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_cache(desk: str) -> None:
    """A hundred equal questions, three that nobody can answer and two of one key are one request each (C3, $6)."""
    inputs = str(EXAMPLES / "08_cache" / "input.json")
    ran = await asyncio.to_thread(run_example, "08_cache", "--json", "--input-file", inputs, env={"DESK_API": desk})
    assert (0, expected("08_cache")) == (ran.code, ran.result)
    assert 103 - 2 + 1 + 1 == sum(event["event"] == "CacheUsed" for event in ran.events)


async def test_once(tmp_path: Path) -> None:
    """An order that comes three times is filed once, in one run and in the next."""
    folder = tmp_path / "20_once"
    shutil.copytree(EXAMPLES / "20_once", folder)
    command = ("run", str(folder / "main.flow"), "--input-file", str(folder / "input.json"))
    async with served("20_once") as address:
        for _ in range(2):
            ran = await asyncio.to_thread(leadflow, *command, env={"DESK_API": address})
            assert (0, expected("20_once")) == (ran.code, ran.result), ran.stderr
        async with ClientSession() as session, session.get(f"{address}/copies") as copies:
            assert {"A-1": 1, "B-7": 1} == await copies.json()


@pytest.fixture
async def shop() -> AsyncIterator[str]:
    """The shop of the example of `@hedge`, on a free port: its address."""
    app: web.Application = runpy.run_path(str(EXAMPLES / "09_hedge" / "server.py"))["make_app"]()
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_hedge(shop: str) -> None:
    """Twenty prices of which four hang are twenty-four requests, each an attempt in the log (R5)."""
    inputs = str(EXAMPLES / "09_hedge" / "input.json")
    ran = await asyncio.to_thread(run_example, "09_hedge", "--json", "--input-file", inputs, env={"SHOP_API": shop})
    assert (0, expected("09_hedge")) == (ran.code, ran.result)
    assert [2] * 4 == [event["attempt"] for event in ran.events if event["event"] == "AttemptStarted"]


@pytest.mark.node
def test_llm(llm_double: LlmDouble, tmp_path: Path) -> None:
    """A classified message gets a reply that is improved once, since the first score is too low; the recording that the
    example's test replays is one of such a run."""
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
        "--record",
        str(tmp_path / "recorded.jsonl"),
        env={"OPENAI_BASE_URL": llm_double.base_url, "OPENAI_API_KEY": "test-key"},
    )
    assert (0, expected("04_llm")) == (ran.code, ran.result)
    assert 5 == len(llm_double.requests())
    now, kept = (folder / "recorded.jsonl" for folder in (tmp_path, EXAMPLES / "04_llm"))
    assert now.read_text("utf-8").splitlines()[1:] == kept.read_text("utf-8").splitlines()[1:]
