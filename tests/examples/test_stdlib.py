"""The standard library: its flows give what their documentation says, its agents can be derived."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import leadflow
from leadflow.resources import stdlib_text
from tests.doubles import LlmDouble

PATTERNS = """
leadflow 1
use std.patterns (majority, best, Scored)

flow vote(votes: list[string]) -> string? {
  step winner = majority(votes: votes)
  return winner
}

flow choose(candidates: list[Scored]) -> string? {
  step winner = best(candidates: candidates)
  return winner?.text
}
"""

REVIEW = """
leadflow 1
use std.agents (reviewer)

agent lead: reviewer { model: "gpt-5"  base_url: "URL"  tools: reviewer.tools }

flow judge(draft: string) -> { score: float, notes: string } {
  step review: { score: float, notes: string } = lead.ask("Judge this: ${draft}")
  return review
}
"""


TOOLS = """
leadflow 1
use std.tools (calculate_metrics, files, generate_report, http_get, json_parse, json_stringify, validate_code, Section)

agent notes: files { root: "notes" }

flow report(numbers: list[float], code: string) -> { report: string, kept: string, names: list[string] } {
  step metrics = calculate_metrics(values: numbers)
  step checked = validate_code(code: code, language: "python")
  step note = json_stringify(value: { "valid": checked.valid })
  step read: { valid: bool } = json_parse(text: note)
  step text = generate_report(
    title: "Numbers",
    sections: [{ heading: "All", text: none, figures: { "mean": metrics.mean, "valid": read.valid }, rows: none }],
  )
  step kept = notes.write_file("reports/numbers.md", text)
  step again = notes.read_file("reports/numbers.md") after kept
  step names = notes.list_files("reports")
  return { report: text, kept: again, names: names }
}

flow fetch(url: string) -> int {
  step page = http_get(url: url)
  return page.status
}
"""


def program(folder: Path, text: str) -> leadflow.Program:
    """A program out of one file."""
    file = folder / "main.flow"
    file.write_text(text.lstrip(), "utf-8")
    return leadflow.load(file)


@pytest.mark.parametrize(
    ("votes", "winner"),
    [
        (["a", "b", "b"], "b"),
        (["b", "a", "a", "b"], "b"),
        (["only"], "only"),
        ([], None),
    ],
)
async def test_majority(tmp_path: Path, votes: list[str], winner: str | None) -> None:
    """The most frequent vote wins, of equals the one given first; nobody wins without votes."""
    result = await program(tmp_path, PATTERNS).run("vote", {"votes": votes})
    assert (leadflow.Status.DONE, winner) == (result.status, result.value)


@pytest.mark.parametrize(
    ("scores", "winner"),
    [([0.1, 0.9, 0.5], "1"), ([0.4, 0.9, 0.9], "1"), ([], None)],
)
async def test_best(tmp_path: Path, scores: list[float], winner: str | None) -> None:
    """The highest score wins, of equals the first; nobody wins without candidates."""
    candidates = [{"text": str(at), "score": score} for at, score in enumerate(scores)]
    result = await program(tmp_path, PATTERNS).run("choose", {"candidates": candidates})
    assert (leadflow.Status.DONE, winner) == (result.status, result.value)


@pytest.mark.node
async def test_reviewer(tmp_path: Path, llm_double: LlmDouble) -> None:
    """A derived reviewer brings the template's instructions to the model that it names itself."""
    llm_double.answer(
        {"systemMessage": "You review drafts", "model": "gpt-5"}, {"content": '{"score": 0.5, "notes": "shorter"}'}
    )
    result = await program(tmp_path, REVIEW.replace("URL", llm_double.base_url)).run("judge", {"draft": "Hello"})
    assert {"score": 0.5, "notes": "shorter"} == result.value


def test_reviewer_is_abstract(tmp_path: Path) -> None:
    """The template has no model: calling it is an error that says so."""
    flow = 'leadflow 1\nuse std.agents (reviewer)\nflow f() -> string { step x = reviewer.ask("?") return x }\n'
    with pytest.raises(leadflow.CheckFailed, match="model"):
        program(tmp_path, flow)


async def test_tools(tmp_path: Path) -> None:
    """The tools as steps: each gives what its type says, and a file goes below the root that the flow declares."""
    result = await program(tmp_path, TOOLS).run("report", {"numbers": [1.0, 2.0], "code": "x = 1"})
    text = "# Numbers\n\n## All\n\n- mean: 1.5\n- valid: true\n"
    assert {"report": text, "kept": text, "names": ("numbers.md",)} == result.unwrap()
    assert text == (tmp_path / "notes" / "reports" / "numbers.md").read_text("utf-8")


async def test_the_web_is_the_public_one(tmp_path: Path) -> None:
    """`http_get` of the library asks nothing that is not public."""
    result = await program(tmp_path, TOOLS).run("fetch", {"url": "http://127.0.0.1:1/"})
    assert result.failure is not None
    assert "permission.local" == result.failure.error


SCORE = '{"score": 0.9, "notes": ""}'
WIRED: dict[str, tuple[str, Mapping[str, object], Mapping[str, str], object]] = {
    "scatter_gather": (
        "patterns",
        {"question": "Trains?", "views": ["a poet", "a banker"]},
        {"point of view: a poet": "fast", "point of view: a banker": "cheap", "Name what they disagree on": "both"},
        "both",
    ),
    "reflection": (
        "patterns",
        {"task": "A poem."},
        {"The best draft so far": "Roses", "Score this from 0 to 1": SCORE},
        {"text": "Roses", "score": 0.9},
    ),
    "debate": (
        "patterns",
        {"claim": "Cats are better."},
        {
            "Argue for this claim": "they purr",
            "Argue against this claim": "dogs bark",
            "You judge a debate": '{"winner": "pro", "reason": "it purrs", "settled": true}',
        },
        {"winner": "pro", "reason": "it purrs", "pro": "they purr", "contra": "dogs bark"},
    ),
    "plan_and_execute": (
        "patterns",
        {"goal": "Tea."},
        {
            "Write a plan": '{"steps": ["boil", "pour"]}',
            "say what came of it: boil": "hot",
            "say what came of it: pour": "ready",
            "Say what the goal asked for": "Tea is ready.",
        },
        {
            "answer": "Tea is ready.",
            "done": ({"step": "boil", "result": "hot"}, {"step": "pour", "result": "ready"}),
        },
    ),
    "map_reduce": (
        "patterns",
        {"question": "Who?", "documents": ["Ada was there.", "Bob was there."]},
        {
            "Note what this says": "somebody",
            "Merge these notes": "two people",
            "Answer the question with these notes": "Ada and Bob.",
        },
        {"answer": "Ada and Bob.", "left_out": 0},
    ),
    "development": (
        "teams",
        {"task": "A clock."},
        {
            "Cut this into files": '{"summary": "A clock.", "parts": [{"file": "clock.py", "task": "time"}]}',
            "Write the file clock.py": "print(1)",
            "Is this right?": '{"right": true, "faults": []}',
            "Say in one page": "Start it.",
        },
        {
            "summary": "A clock.",
            "files": ({"file": "clock.py", "code": "print(1)"},),
            "open_faults": (),
            "readme": "Start it.",
        },
    ),
    "data_analysis": (
        "teams",
        {"question": "Rain?", "data": "day,mm"},
        {
            "Doubts to settle": '{"findings": [{"claim": "No.", "evidence": "0 mm", "confidence": 0.9}]}',
            "What is wrong with these findings": '{"serious": [], "small": ["one day"]}',
            "Report to somebody": "It does not rain.",
        },
        {
            "report": "It does not rain.",
            "findings": ({"claim": "No.", "evidence": "0 mm", "confidence": 0.9},),
            "doubts": (),
        },
    ),
}
"""By flow: its module, its inputs, what the model answers to a message with that in it, and what comes of it."""


@pytest.mark.node
@pytest.mark.parametrize("flow", WIRED)
async def test_flows_with_models(
    flow: str, tmp_path: Path, llm_double: LlmDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flows of the library as they stand, over the wire to a model server; only its address is put in."""
    module, inputs, answers, value = WIRED[flow]
    for said, answer in answers.items():
        llm_double.answer({"userMessage": said}, {"content": answer})
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    result = await program(tmp_path, wired(module, llm_double)).run(flow, inputs)
    assert value == result.unwrap()


def wired(module: str, double: LlmDouble) -> str:
    """A module of the library whose models are at another address."""
    text = stdlib_text(module) or ""
    return text.replace('model: "gpt-5-mini"', f'model: "gpt-5-mini"  base_url: "{double.base_url}"')


@pytest.mark.node
async def test_a_person_lets_it_out(tmp_path: Path, llm_double: LlmDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the model wrote is shown to somebody, and goes out on a yes."""
    llm_double.answer({"userMessage": "A letter."}, {"content": "Dear all"})
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    gate = program(tmp_path, wired("patterns", llm_double))
    asked = await gate.run("human_gate", {"task": "A letter."})
    assert asked.is_paused
    (question,) = asked.questions
    assert {"task": "A letter.", "draft": "Dear all"} == question.show
    await gate.answer(asked.run, question.path, True, by="ada")
    assert "Dear all" == (await gate.resume(asked.run)).unwrap()


@pytest.mark.parametrize(("lacks", "left"), [("", ["cars", "rooms"]), ("cars", []), ("confirm", [])])
async def test_all_or_nothing(lacks: str, left: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saga as it stands, over the wire to a service: what cannot be had or confirmed costs what was reserved."""
    kept: dict[str, str] = {}

    async def serve(request: web.Request) -> web.Response:
        kind, thing, *rest = request.path.strip("/").split("/")
        if lacks and lacks in (kind, *rest):
            raise web.HTTPConflict
        if request.method == "PUT":
            kept[thing] = kind
        elif request.method == "DELETE":
            kept.pop(thing, None)
        return web.json_response({"ok": True})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    async with TestServer(app) as server:
        monkeypatch.setenv("OFFICE_API", str(server.make_url("")).rstrip("/"))
        monkeypatch.setenv("OPENAI_API_KEY", "test-key")
        orders = [{"kind": kind, "body": {"who": "Ada"}} for kind in ("rooms", "cars")]
        result = await program(tmp_path, stdlib_text("patterns") or "").run("saga", {"orders": orders})
    assert left == sorted(kept.values())
    assert (not lacks) == (result.failure is None)
    assert result.failure is None or "agent.rejected" == result.failure.error


def test_no_flow_is_left_out() -> None:
    """Every flow of the library that asks a model or a service goes over the wire in these tests."""
    flows = {
        name
        for module in ("patterns", "teams", "agents", "roles", "tools")
        for name in re.findall(r"^flow ([a-z_]+)", stdlib_text(module) or "", re.MULTILINE)
    }
    assert {"majority", "best", "human_gate", "saga", *WIRED} == flows


@pytest.mark.parametrize("module", ["agents", "patterns", "roles", "teams", "tools"])
def test_everything_is_documented(module: str) -> None:
    """Flows, agents, tools and types say what they are for, on the lines above."""
    above, bare = "", []
    for line in (stdlib_text(module) or "").splitlines():
        declared = re.match(r"(?:@\S+ )*((?:flow|agent|tool|type) \w+)", line)
        if declared and not above.startswith("## "):
            bare.append(declared[1])
        above = above if line.startswith("@") and not declared else line
    assert [] == bare
