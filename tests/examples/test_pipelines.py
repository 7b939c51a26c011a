"""The examples of whole pipelines: leads, content, data."""

import asyncio
import json
import shutil
from pathlib import Path

from aiohttp import ClientSession

from tests.examples.running import EXAMPLES, expected, leadflow, run_example
from tests.examples.serving import served


async def test_leads() -> None:
    """Doubles are scored once, and each good lead is one deal of the CRM."""
    words = ("process", "--input-file", str(EXAMPLES / "17_leads" / "input.json"))
    async with served("17_leads") as address, ClientSession() as session:
        ran = await asyncio.to_thread(run_example, "17_leads", "--json", *words, env={"LEADS_API": address})
        async with session.get(f"{address}/deals") as told:
            deals = await told.json()
    assert (0, expected("17_leads")) == (ran.code, ran.result)
    assert [("ada@acme.example", "Acme"), ("cleo@corner.example", "Corner Shop")] == sorted(
        (deal["who"], deal["firm"]) for deal in deals
    )
    assert 3 == sum(event["event"] == "CallUsed" for event in ran.events)


async def test_content() -> None:
    """The text that the editor was content with is on the site, once."""
    words = ("article", "--input-file", str(EXAMPLES / "18_content" / "input.json"))
    async with served("18_content") as address, ClientSession() as session:
        ran = await asyncio.to_thread(run_example, "18_content", *words, env={"CONTENT_API": address})
        async with session.get(f"{address}/pages") as told:
            pages = await told.json()
    assert (0, expected("18_content")) == (ran.code, ran.result)
    assert [ran.result["text"]] == [page["text"] for page in pages]


async def test_data(tmp_path: Path) -> None:
    """Each station has its figures, broken lines are counted, and the report lies below the agent's folder."""
    folder = shutil.copytree(EXAMPLES / "19_data", tmp_path / "19_data", ignore=shutil.ignore_patterns("out"))
    words = (str(folder / "main.flow"), "daily", "--no-journal", "-i", "day=2026-11-29")
    async with served("19_data") as address:
        ran = await asyncio.to_thread(leadflow, "run", *words, env={"DATA_API": address})
    assert (0, expected("19_data")) == (ran.code, ran.result)
    lines = [
        line for file in sorted((folder / "data" / "in").iterdir()) for line in file.read_text("utf-8").split("\n")
    ]
    readings = sum(station["readings"] for station in ran.result["stations"])
    assert len([line for line in lines if line]) == readings + ran.result["broken"]
    report = (folder / ran.result["report"]).read_text("utf-8")
    assert "3 readings lie far from all others" in report
    assert json.dumps(ran.result["broken"]) in report
