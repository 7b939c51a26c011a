"""`--live`: what no mock answers, the agents themselves do; only when that is asked for; with real secrets."""

from pathlib import Path

import pytest

from leadflow.testing.trials import Ways
from tests.doubles import LlmDouble
from tests.testing.trying import made, told

DESK = "def greet(name: str) -> str:\n    return f'Hello, {name}!'\n"
FLOW = """leadflow 1
agent desk: python { module: "desk.py"  reads: ["greet"] }
agent web: http { url: "http://127.0.0.1:9"  auth: bearer(secret("LEADFLOW_LIVE")) }
flow main(name: string) -> string {
  step page: string = web.get("/${name}")
  step text: string = desk.greet(page)
  return text
}
test "the page is mocked" {
  mock main.page => "Ada"
  run r = main(name: "x")
  expect r.value == "Hello, Ada!"
}
test "only this page is" {
  mock web.get("/y") => "Ada"
  run r = main(name: "x")
  expect r.failure?.class == "network"
}
"""


def test_agents_answer_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is needed by agents that may be called, and by no other."""
    monkeypatch.delenv("LEADFLOW_LIVE", raising=False)
    (tmp_path / "desk.py").write_text(DESK, "utf-8")
    mocked, called = made(FLOW, tmp_path, Ways(is_live=True))
    assert [] == told(mocked)
    needs = "agent 'web' needs the environment variable LEADFLOW_LIVE, which is not set: export LEADFLOW_LIVE=…"
    assert f"16 not started: main.flow:3:7: {needs}" == told(called)[0]
    monkeypatch.setenv("LEADFLOW_LIVE", "secret")
    assert ['15 note: `mock web.get("/y")` answered no call'] == told(made(FLOW, tmp_path, Ways(is_live=True))[1])


UNDONE = """leadflow 1
agent desk: python { module: "desk.py" }
agent back: python { module: "desk.py" }
flow main(name: string) -> string {
  step text: string = desk.greet(name) undo back.greet(text)
  fail "not so: ${text}"
}
test "it is taken back" {
  run r = main(name: "x")
  expect r.failure?.class == "agent" and r.undone == ["main/text"]
}
"""
USED = """leadflow 1
@read tool greet(name: string) -> string = python("desk:greet")
agent fast: openai {{ model: "m"  base_url: "{url}"  max_tokens: 100  tools: [greet] }}
flow main() -> string {{
  step said = fast.ask("Greet Ada")
  return said
}}
test "the tool is called" {{
  run r = main()
  expect r.value == "She was greeted."
}}
"""


def test_what_takes_a_step_back_is_called(tmp_path: Path) -> None:
    """An agent that nothing but an undo calls answers itself, too."""
    (tmp_path / "desk.py").write_text(DESK, "utf-8")
    (outcome,) = made(UNDONE, tmp_path, Ways(is_live=True))
    assert [] == told(outcome)


@pytest.mark.node
def test_tools_of_a_model_are_called(llm_double: LlmDouble, tmp_path: Path) -> None:
    """A tool that nothing but a model uses answers itself."""
    (tmp_path / "desk.py").write_text(DESK, "utf-8")
    use = {"id": "t1", "name": "greet", "arguments": '{"name": "Ada"}'}
    llm_double.answer({"userMessage": "Ada", "sequenceIndex": 0}, {"toolCalls": [use]})
    llm_double.answer({"userMessage": "Ada", "sequenceIndex": 1}, {"content": "She was greeted."})
    (used,) = made(USED.format(url=llm_double.base_url), tmp_path, Ways(is_live=True))
    assert [] == told(used)
    assert "Hello, Ada!" in str(llm_double.requests()[1])


def test_nothing_is_called_unless_asked_for(tmp_path: Path) -> None:
    """Without `--live` no function is loaded, even where that would be all it takes."""
    (tmp_path / "desk.py").write_text("raise SystemExit('nobody may load this')\n", "utf-8")
    mocked, _ = made(FLOW, tmp_path)
    assert ["unmocked: desk.greet at main/text, mock main.text"] == told(mocked)[:1]
