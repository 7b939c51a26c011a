"""`run --record` and `replay`: the same calls are answered the same, others are drift, and no secret is kept."""

import asyncio
import base64
import html
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

import leadflow
from leadflow.api import load
from leadflow.events.model import Status
from leadflow.plan.forms import unkeep
from leadflow.plan.types import Value
from leadflow.run.redact import SHORTEST, forms_of, without
from leadflow.runs import RunOptions
from leadflow.testing.recording import Recorder
from leadflow.testing.rows import Recording, read_recording
from leadflow.testing.trials import Ways
from tests.doubles import LlmDouble
from tests.testing.trying import made, told

DESK = '''
"""Answers, and fails as often as a file beside it says."""
from pathlib import Path
from threading import Lock
from leadflow import Transient

ONE = Lock()

def greet(name: str) -> dict:
    left = Path(__file__).with_name("left.txt")
    with ONE:
        count = int(left.read_text())
        left.write_text(str(max(0, count - 1)))
    if count:
        raise Transient("not yet")
    return {"text": f"Hello, {name}!", "at": 1.5}

def rank(names: list) -> list:
    return sorted(names)
'''
FLOW = """leadflow 1

agent desk: python { module: "desk.py"  reads: ["greet", "rank"] }

flow main(names: list[string]) -> list[string] {
  step sorted: list[string] = desk.rank(names)
  step all = for name in sorted {
    @retry(5, backoff: 1h, max: 1h)
    step card: { text: string, at: float } = desk.greet(PROMPT)
    yield card.text
  }
  step id = random.uuid()
  step slept = clock.sleep(1ms)
  return ["${join(all, " ")} ${id} ${run.id}"]
}

test "as it was" {
  replay "run.jsonl"
  run r = main(names: ["Grace", "Ada"])
  expect starts_with(join(r.value ?? [], ""), "Hello, Ada! Hello, Grace!") and r.calls.card == 4
  expect r.value == VALUE
}
"""


def recorded(folder: Path, text: str, names: list[str], left: int = 2) -> tuple[leadflow.Result, Recording]:
    """Run a flow in real time and record it."""
    (folder / "desk.py").write_text(DESK, "utf-8")
    (folder / "left.txt").write_text(str(left), "utf-8")
    (folder / "main.flow").write_text(text, "utf-8")
    recorder = Recorder()
    options = RunOptions(durable=False, cast=recorder, observers=[recorder], seed=7)
    result = asyncio.run(load(folder / "main.flow").run("main", {"names": names}, options))
    recorder.write(folder / "run.jsonl")
    return result, read_recording(folder / "run.jsonl")


TEXT = FLOW.replace("PROMPT", "name").replace("VALUE", "r.value").replace("1h", "1ms")


def test_a_recorded_run_is_made_again(tmp_path: Path) -> None:
    """Attempts, failures, chance, the run's own values: all is as it was, and no function is called."""
    result, recording = recorded(tmp_path, TEXT, ["Grace", "Ada"])
    assert Status.DONE is result.status
    assert ["main/all[0]/card", "main/all[1]/card", "main/id", "main/sorted"] == sorted({p for p, _ in recording.rows})
    value = json.dumps(list(result.value)) if isinstance(result.value, tuple) else ""
    (tmp_path / "desk.py").write_text("raise SystemExit('nobody may load this')\n", "utf-8")
    (outcome,) = made(FLOW.replace("PROMPT", "name").replace("VALUE", value), tmp_path)
    assert [] == told(outcome)


def test_a_test_in_another_file_replays_it(tmp_path: Path) -> None:
    """Recorded from its own file, replayed by a test that imports it, whatever it is called there."""
    flow, _, _ = TEXT.partition("test ")
    result, _ = recorded(tmp_path, flow, ["Grace", "Ada"])
    value = json.dumps(list(result.value)) if isinstance(result.value, tuple) else ""
    for head, called in (('use "main.flow" as jobs', "jobs.main"), ('use "main.flow" (main as greet)', "greet")):
        text = f'leadflow 1\n{head}\ntest "t" {{\n replay "run.jsonl"\n'
        text += f' run r = {called}(names: ["Grace", "Ada"])\n expect r.value == {value} and r.calls.card == 4\n}}\n'
        (outcome,) = made(text, tmp_path, name="tests.flow")
        assert [] == told(outcome)


def test_line_ends_of_other_alphabets_end_no_line(tmp_path: Path) -> None:
    """A text may hold what some call the end of a line or of a page: one line of the file is still one attempt."""
    names = ["a\u2028b", "c\u0085d", "e\u2029\x0c\x1ef\r\n"]
    _, recording = recorded(tmp_path, TEXT, names, left=0)
    replies = {
        cast(dict[str, Value], unkeep(row.reply))["text"]
        for (path, _), row in recording.rows.items()
        if path.endswith("/card")
    }
    assert {f"Hello, {name}!" for name in names} == replies


def test_two_recordings_are_equal_line_by_line(tmp_path: Path) -> None:
    """Of the same run only the first line differs, whatever ended first."""
    files = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        recorded(folder, TEXT, ["c", "b", "a"], left=0)
        files.append((folder / "run.jsonl").read_text("utf-8").splitlines())
    assert files[0][1:] == files[1][1:]
    assert files[0][0] != files[1][0]
    assert [2, 2] == [sum("card" in line and '"ordinal":1,' in line for line in lines) - 1 for lines in files]


DRIFTS = {
    "another argument": (
        "name",
        '"${name}!"',
        ['- 0: "Ada"', '+ 0: "Ada!"'],
    ),
    "a longer prompt": (
        '"""\n      One\n      ${name}\n      """',
        '"""\n      One\n      Two\n      ${name}\n      """',
        ["+ 0: Two"],
    ),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_says_what_is_other(name: str, tmp_path: Path) -> None:
    """A request that is not the recorded one fails the test by name, and shows the parts that differ."""
    before, after, changes = DRIFTS[name]
    plain = TEXT.replace("desk.greet(name)", f"desk.greet({before})")
    recorded(tmp_path, plain, ["Ada"], left=0)
    text = TEXT.replace("desk.greet(name)", f"desk.greet({after})").replace('["Grace", "Ada"]', '["Ada"]')
    (outcome,) = made(text, tmp_path)
    said = "drift: main/all[0]/card: this call is another than the recorded one"
    assert " | ".join([said, *changes]) == told(outcome)[0]


def test_drift_of_types_and_calls(tmp_path: Path) -> None:
    """Another declared type, a call more, and a call that was recorded and is not made."""
    recorded(tmp_path, TEXT, ["Ada"], left=0)
    one = TEXT.replace('["Grace", "Ada"]', '["Ada"]')
    (outcome,) = made(one.replace("at: float", "at: int"), tmp_path)
    changes = "- answers { text: string, at: float } | + answers { text: string, at: int }"
    assert f"drift: main/all[0]/card: this call is another than the recorded one | {changes}" == told(outcome)[0]
    (outcome,) = made(
        one.replace("step id =", "step number = random.int(1, 6)\n  step again = desk.rank([])\n  step id ="), tmp_path
    )
    assert "drift: main/again: this call was not recorded | desk.rank: { 0: [] }" == told(outcome)[0]
    (outcome,) = made(one.replace("step id = random.uuid()", 'let id = ""'), tmp_path)
    assert "18 note: recorded calls that were not made: main/id" in told(outcome)


def test_what_was_stopped_is_stopped_again(tmp_path: Path) -> None:
    """A loser of a race, and an attempt that ran into its timeout, end in the test as they did."""
    flow = """leadflow 1
agent shell: python { module: "desk.py"  reads: ["soon", "late"] }
flow main(names: list[string]) -> string {
  step first = race {
    step late: string = shell.late()
    step soon: string = shell.soon()
  }
  @timeout(attempt: 200ms) @optional
  step never: string = shell.late()
  return "${first} ${never ?? "none"}"
}
test "as it was" {
  replay "run.jsonl"
  run r = main(names: [])
  expect r.value == "soon none" and r.calls.never == 1
}
"""
    desk = (
        "import asyncio\n"
        "async def soon() -> str:\n    return 'soon'\n"
        "async def late() -> str:\n    await asyncio.sleep(30)\n    return 'late'\n"
    )
    (tmp_path / "main.flow").write_text(flow, "utf-8")
    (tmp_path / "desk.py").write_text(desk, "utf-8")
    recorder = Recorder()
    options = RunOptions(durable=False, cast=recorder, observers=[recorder])
    result = asyncio.run(load(tmp_path / "main.flow").run("main", {"names": []}, options))
    assert "soon none" == result.value
    recorder.write(tmp_path / "run.jsonl")
    (tmp_path / "desk.py").unlink()
    (outcome,) = made(flow, tmp_path)
    assert [] == told(outcome)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (None, "the recording run.jsonl cannot be read: No such file or directory"),
        ("", "run.jsonl is no recording: line 1 has another form"),
        ('{"flow": "main"}\n', "run.jsonl is no recording: line 1 has another form"),
        ('{"leadflow": 2, "flow": "main", "run": "r", "started": "2026-01-01T00:00:00Z", "seed": 1}\n',
         "run.jsonl is a recording of another version of leadflow; record it anew"),
        ('{"flow": "main", "run": "r", "started": "2026-01-01T00:00:00Z", "seed": 1}\n{"path": 1}\n',
         "run.jsonl is no recording: line 2 has another form"),
    ],
)  # fmt: skip
def test_what_is_no_recording(written: str | None, said: str, tmp_path: Path) -> None:
    """A file that is missing or broken is said with its line."""
    (tmp_path / "desk.py").write_text(DESK, "utf-8")
    if written is not None:
        (tmp_path / "run.jsonl").write_text(written, "utf-8")
    (outcome,) = made(TEXT, tmp_path)
    assert [f"18 not started: {said}"] == told(outcome)[:1]


def test_a_recording_stays_in_its_project(tmp_path: Path) -> None:
    """A test reads no file outside of its project."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (outcome,) = made(TEXT.replace("run.jsonl", "../run.jsonl"), inner)
    assert ["18 not started: the recording ../run.jsonl lies outside of the project"] == told(outcome)[:1]


TOOLS = """leadflow 1
agent notes: folder {{ root: "notes" }}
## Keeps a note under a name.
tool keep(name: string, text: string) = notes.write_file("kept/${{name}}", text)
agent fast: openai {{ model: "m"  base_url: "{url}"  max_tokens: 100  system: "Be brief."  tools: [keep] }}
flow main(names: list[string]) -> {{ n: int }} {{
  step a: {{ n: int }} = fast.ask("Look into oil")
  return a
}}
test "as it was" {{
  replay "run.jsonl"
  run r = main(names: [])
  expect r.value == {{ n: 8 }}
}}
"""


@pytest.mark.node
async def test_a_model_with_tools(llm_double: LlmDouble, tmp_path: Path) -> None:
    """Turns, what was asked of tools and what they gave are in the recording; in the test no tool is run, and another
    instruction to the model is drift."""
    use = {"name": "keep", "arguments": '{"name": "oil", "text": "dear"}', "id": "call_1"}
    llm_double.answer({"userMessage": "oil", "sequenceIndex": 0}, {"toolCalls": [use]})
    llm_double.answer({}, {"content": '{"n": 8}'})
    text = TOOLS.format(url=llm_double.base_url)
    (tmp_path / "main.flow").write_text(text, "utf-8")
    recorder = Recorder()
    options = RunOptions(durable=False, cast=recorder, observers=[recorder])
    result = await load(tmp_path / "main.flow").run("main", {"names": []}, options)
    assert {"n": 8} == result.unwrap()
    recorder.write(tmp_path / "run.jsonl")
    (tmp_path / "notes" / "kept" / "oil").unlink()
    (same,) = await asyncio.to_thread(made, text, tmp_path)
    (other,) = await asyncio.to_thread(made, text.replace("brief", "long"), tmp_path)
    assert [] == told(same)
    assert not (tmp_path / "notes" / "kept" / "oil").exists()
    said = "drift: main/a: this call is another than the recorded one"
    assert f'{said} | - system: "Be brief." | + system: "Be long."' == told(other)[0]


FLOW_TOOL = """leadflow 1
agent web: http {{ url: "http://127.0.0.1:9" }}
agent fast: openai {{ model: "m"  base_url: "{url}"  max_tokens: 100  tools: [look] }}
## Looks a thing up.
flow look(name: string) -> string {{
  step both = parallel {{
    step page: string = web.get("/${{name}}")
    step other: string = web.get("/other")
  }}
  return "${{both.page}} ${{both.other}}"
}}
flow main() -> string {{
  step a = fast.ask("Look into oil")
  return a
}}
test "by the step's name, and by the call" {{
  mock look.page => "dear"
  mock web.get("/other") => "and cheap"
  run r = main()
  expect r.value == "oil is dear" and r.calls.a == 2
}}
test "as it was" {{
  replay "run.jsonl"
  run r = main()
  expect r.value == "oil is dear"
}}
"""


@pytest.mark.node
async def test_the_steps_of_a_flow_that_is_a_tool(llm_double: LlmDouble, tmp_path: Path) -> None:
    """They are mocked by their names and told by them, as where a step calls the flow; and recorded with it."""
    use = {"name": "look", "arguments": '{"name": "oil"}', "id": "call_1"}
    llm_double.answer({"userMessage": "oil", "sequenceIndex": 0}, {"toolCalls": [use]})
    llm_double.answer({}, {"content": "oil is dear"})
    text = FLOW_TOOL.format(url=llm_double.base_url)
    by_name, _ = await asyncio.to_thread(made, text, tmp_path, Ways(is_live=True))
    assert [] == told(by_name)
    assert "dear and cheap" in json.dumps(llm_double.requests()[-1]["body"])
    llm_double.forget()
    llm_double.answer({"userMessage": "oil", "sequenceIndex": 0}, {"toolCalls": [use]})
    llm_double.answer({}, {"content": "oil is dear"})
    recorder = Recorder()
    options = RunOptions(durable=False, cast=recorder, observers=[recorder])
    result = await load(tmp_path / "main.flow").run("main", {}, options)
    assert "oil is dear" == result.unwrap()
    recorder.write(tmp_path / "run.jsonl")
    inside = "main/a~tools[0]/look/both"
    assert {"main/a", f"{inside}/page", f"{inside}/other"} >= {
        path for path, _ in read_recording(tmp_path / "run.jsonl").rows
    }
    llm_double.forget()
    _, same = await asyncio.to_thread(made, text, tmp_path)
    assert [] == told(same)
    assert [] == llm_double.requests()


# --- secrets ------------------------------------------------------------------------------------------------------

CANARY = 'canary-7c1e/äß+"quoted"&9f'


def leaks(text: str) -> list[str]:
    """Forms of the canary in a text, found in another way than they are hidden: by undoing the encodings."""
    found = [form for form in (CANARY[:11], CANARY.encode().hex()) if form in text]
    for word in text.replace("\\n", " ").replace('"', " ").split():
        for start in range(4):
            piece = word[start:]
            piece = piece[: len(piece) // 4 * 4]
            for decode in (base64.b64decode, base64.urlsafe_b64decode):
                try:
                    raw = decode(piece.encode("ascii", "replace"))
                except ValueError:
                    continue
                if CANARY.encode()[3:-3] in raw:
                    found.append(word)
    return found


SENT: list[str] = []


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """A server that says what it was told, in every form."""

    async def answer(request: web.Request) -> web.Response:
        token = request.headers["authorization"].partition(" ")[2]
        said: Mapping[str, object] = {
            "raw": token,
            "nested": json.dumps({"token": token, CANARY: 1}),
            "plain": CANARY,
            "quoted": quote(CANARY, safe=""),
            "small letters": re.sub("%..", lambda code: code[0].lower(), quote(CANARY, safe="")),
            "slashes": json.dumps({"token": token}).replace("/", "\\/"),
            "page": f"<p>{html.escape(CANARY)} {html.escape(CANARY, quote=False)}</p>",
            "hex": CANARY.encode().hex(),
            "base64": [base64.b64encode(b"x" * n + CANARY.encode() + b"y" * n).decode() for n in range(4)],
            "url": base64.urlsafe_b64encode(f"me:{CANARY}".encode()).decode(),
            CANARY: "as a name",
        }
        if request.path == "/bad":
            return web.Response(status=400, text=f"no such token: {CANARY}")
        SENT.append(json.dumps(said))
        return web.json_response(said)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_no_secret_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that sends a credential back, in any form in which one travels, puts none into the recording."""
    monkeypatch.setenv("LEADFLOW_CANARY", CANARY)
    async with echo() as url:
        flow = f"""leadflow 1
agent api: http {{ url: "{url}"  auth: basic("me", secret("LEADFLOW_CANARY")) }}
flow main(names: list[string]) -> json {{
  step said = api.get("/good")
  @optional
  step bad = api.get("/bad")
  return said
}}
"""
        (tmp_path / "main.flow").write_text(flow, "utf-8")
        recorder = Recorder()
        options = RunOptions(durable=False, cast=recorder, observers=[recorder])
        result = await load(tmp_path / "main.flow").run("main", {"names": []}, options)
    assert Status.DONE is result.status
    assert leaks(SENT[-1]), "the check itself sees them"
    assert [] == leaks(str(result.value)), "nor into the run"
    recorder.write(tmp_path / "run.jsonl")
    text = (tmp_path / "run.jsonl").read_text("utf-8")
    assert [] == leaks(text)
    assert [] == leaks(text.encode().decode("unicode_escape", "replace"))
    assert text.count("***") >= 10
    assert '"plain":"***"' in text


@given(st.text(min_size=SHORTEST, max_size=40), st.binary(max_size=5), st.binary(max_size=5))
def test_base64_at_any_place(secret: str, before: bytes, after: bytes) -> None:
    """Whatever stands around it, what is left of a secret in Base64 is at most what shares letters with that."""
    data = secret.encode("utf-8", "surrogatepass")
    text = base64.b64encode(before + data + after).decode()
    left = without(text, forms_of(secret))
    assert "***" in left or len(data) < 5


def test_a_secret_that_begins_like_a_longer_one() -> None:
    """The longer one is hidden as a whole, whichever is named first."""
    recorder = Recorder()
    recorder.hide(("key-12", "key-12-and-more"))
    assert ("***", "***!") == recorder._hidden(("key-12", "key-12-and-more!"))
