"""One file with most of the language: it checks, formats, plans and draws; only `run` refuses it here."""

import json
from pathlib import Path

import pytest

from tests.examples.running import EXAMPLES, ROOT, leadflow

WHOLE = ROOT / "tests" / "data" / "example.flow"
ALL = [WHOLE, *sorted(EXAMPLES.glob("*/main.flow"))]


def test_it_checks() -> None:
    """`leadflow check` has no error to tell."""
    ran = leadflow("check", "--format", "json", str(WHOLE))
    assert [] == [found for found in ran.result if found["severity"] == "error"]


def test_formatting_it_settles_at_once() -> None:
    """What `leadflow fmt` writes, `leadflow fmt` leaves as it is."""
    once = leadflow("fmt", "-", stdin=WHOLE.read_text("utf-8"))
    twice = leadflow("fmt", "-", stdin=once.stdout)
    assert (0, once.stdout) == (twice.code, twice.stdout)
    assert "agent judge: role" in once.stdout


@pytest.mark.parametrize("file", ALL, ids=lambda path: str(path.relative_to(ROOT)))
def test_plan_and_graph(file: Path) -> None:
    """`leadflow plan` names every flow of a file, and `leadflow graph` draws it."""
    plan, graph = leadflow("plan", str(file)), leadflow("graph", "--format", "json", str(file))
    assert (0, 0) == (plan.code, graph.code)
    for flow in json.loads(graph.stdout)["flows"]:
        assert f"flow {flow['name']}(" in plan.stdout


def test_run_refuses_what_it_cannot_run() -> None:
    """`leadflow run` names what the operator has not allowed, and stops."""
    env = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "CRM_TOKEN": "k"}
    ran = leadflow("run", str(WHOLE), "triage", "--input", 'ticket={"id":"1","body":"hello"}', env=env)
    assert 1 == ran.code
    assert "" == ran.stdout
    assert "tests/data/example.flow:26:7: agent 'files': leadflow.toml allows no server 'filesystem'" in ran.stderr
