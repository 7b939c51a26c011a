"""`--live`: what no mock answers, the agents themselves do; only when that is asked for; with real secrets."""

from pathlib import Path

import pytest

from leadflow.testing.trials import Ways
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


def test_nothing_is_called_unless_asked_for(tmp_path: Path) -> None:
    """Without `--live` no function is loaded, even where that would be all it takes."""
    (tmp_path / "desk.py").write_text("raise SystemExit('nobody may load this')\n", "utf-8")
    mocked, _ = made(FLOW, tmp_path)
    assert ["unmocked: desk.greet at main/text, mock main.text"] == told(mocked)[:1]
