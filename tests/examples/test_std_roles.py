"""The roles of the library: each can be derived, uses its tools, and answers in its type."""

import json
from pathlib import Path
from typing import Any

import pytest

import leadflow
from leadflow.events.model import ToolEnded
from tests.doubles import LlmDouble

pytestmark = pytest.mark.node

PROGRAM = """leadflow 1
use std.roles (ROLE, TYPE)
agent fast: openai { model: "m"  base_url: "URL"  max_tokens: 900 }
agent mine: ROLE { via: [fast]  tools: ROLE.tools }
flow main(request: string) -> TYPE {
  step answer: TYPE = mine.ask(request)
  return answer
}
"""
CASES: list[tuple[str, str, str, tuple[str, Any] | None, dict[str, Any]]] = [
    (
        "data_analyst", "Analysis", "You are a data analyst", ("calculate_metrics", {"values": [1, 2, 3]}),
        {"answer": "2 on average", "figures": [{"name": "mean", "value": 2.0}], "doubts": ["three numbers"]},
    ),
    (
        "code_reviewer", "CodeReview", "You review code", ("validate_code", {"code": "x = ", "language": "python"}),
        {
            "summary": "It cannot be parsed.",
            "findings": [{"severity": "blocker", "line": 1, "what": "nothing after =", "change": "write a value"}],
            "is_ready": False,
        },
    ),
    (
        "system_architect", "Design", "You design software systems", None,
        {
            "summary": "One part.",
            "components": [{"name": "api", "does": "all", "needs": []}],
            "decisions": [{"choice": "one part", "why": "small", "instead_of": "ten"}],
            "risks": [],
        },
    ),
    (
        "testing_specialist", "TestPlan", "You design tests", ("validate_code", {"code": "{}", "language": "json"}),
        {
            "cases": [{"name": "none", "given": "nothing", "does": "sum", "expects": "0", "kind": "edge"}],
            "untested": ["speed"],
        },
    ),
    (
        "documentation_writer", "Document", "You write documentation",
        ("generate_report", {"title": "T", "sections": [{"heading": "H", "text": "x"}], "summary": ""}),
        {"title": "T", "text": "# T", "open_questions": []},
    ),
    (
        "project_manager", "ProjectPlan", "You plan projects", ("generate_report", {"title": "T", "sections": []}),
        {
            "items": [{"name": "a", "days": 1.5, "after": [], "owner": None}],
            "milestones": ["a is there"],
            "risks": [],
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("role", "type_", "words", "tool", "answer"), CASES, ids=[case[0] for case in CASES])
async def test_a_role(
    role: str,
    type_: str,
    words: str,
    tool: tuple[str, Any] | None,
    answer: dict[str, Any],
    *,
    llm_double: LlmDouble,
    tmp_path: Path,
) -> None:
    """Its instructions reach the model, its tools run, and its answer has the type that it comes with."""
    if tool is not None:
        use = {"name": tool[0], "arguments": json.dumps(tool[1]), "id": "c1"}
        llm_double.answer({"systemMessage": words, "sequenceIndex": 0}, {"toolCalls": [use]})
    llm_double.answer({"systemMessage": words}, {"content": json.dumps(answer)})
    file = tmp_path / "main.flow"
    text = PROGRAM.replace("ROLE", role).replace("TYPE", type_).replace("URL", llm_double.base_url)
    file.write_text(text if tool is not None else text.replace(f"  tools: {role}.tools", ""), "utf-8")
    result = await leadflow.load(file).run("main", {"request": "Do it."})
    value = result.unwrap()
    assert isinstance(value, dict)
    assert set(answer) == set(value)
    ended = [entry.event for entry in result.entries if isinstance(entry.event, ToolEnded)]
    assert (
        [tool[0]] * (tool is not None) == [each.tool.removeprefix("std.tools.") for each in ended]
        if tool
        else not ended
    )
    assert all(each.failure is None for each in ended)


def test_a_role_without_models_cannot_be_called(tmp_path: Path) -> None:
    """A template says what it lacks."""
    file = tmp_path / "main.flow"
    file.write_text(
        "leadflow 1\nuse std.roles (data_analyst)\n"
        'flow main() -> string {\n  step a = data_analyst.ask("x")\n  return a\n}\n',
        "utf-8",
    )
    with pytest.raises(leadflow.CheckFailed, match="via"):
        leadflow.load(file)
