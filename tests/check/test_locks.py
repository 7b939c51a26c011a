"""What the checker makes of locks: names, types, and what no type says."""

import json
from typing import Any

import pytest

from leadflow.check.locks import kind_of, problems_of
from leadflow.pipeline import compile_source
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.lock import Lock, LockedTool, lock_path, make_tool, write_lock
from leadflow.plan.types import JSON, STRING, show

FLOW = """leadflow 1
agent a: mcp.tried { reads: ["look"] }
flow main() -> string {
  step x = a.CALL
  return "${x}"
}
"""


def tool(properties: dict[str, Any], *required: str, output: Any = None, defs: Any = None) -> LockedTool:
    """A tool that takes these."""
    schema = {"type": "object", "properties": properties, "required": [*required], "$defs": defs or {}}
    return make_tool("look", "", (schema, output))


def said(one: LockedTool, call: str) -> list[str]:
    """What the checker says of a call."""
    files = {lock_path("tried"): write_lock(Lock("tried", "", (one,)))}
    _, report = compile_source("main.flow", FLOW.replace("CALL", call), files=files)
    return [f"{found.code} {found.message}" for found in report]


def taken(one: LockedTool) -> dict[str, str]:
    """The types of what a tool takes."""
    return {
        param.name: show(param.type) for param in kind_of(Lock("s", "", (one,)), BUILT_IN["mcp"]).actions["look"].params
    }


TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ('look("x")', []),
        ('look(path: "x", max_lines: 3)', []),
        ("look(path: 3)", ["FLOW301 the argument 'path' of 'a.look' is string, but this is int"]),
        ("look()", ["FLOW330 'a.look'"]),
        ('look(paht: "x")', ["FLOW210 'a.look' takes no argument 'paht'; did you mean 'path'?"]),
        ('lok(path: "x")', ["FLOW207 agent 'a' has no action 'lok'; did you mean 'look'?"]),
    ],
)
def test_calls_are_checked_by_the_lock(call: str, found: list[str]) -> None:
    """Names, types and what is required come from the schema; its sole required argument may stand without a name."""
    told = said(tool({"path": TEXT, "max-lines": {"type": "integer", "minimum": 1}}, "path"), call)
    assert len(found) == len(told), told
    assert all(have.startswith(want) for want, have in zip(found, sorted(told), strict=True)), told


def test_types_are_those_of_the_schema_without_its_limits() -> None:
    """What may be left out is `T?`; what no type says is json, and told; the server looks at limits itself."""
    one = tool(
        {
            "a": {"type": "integer", "minimum": 1},
            "b": {"enum": ["x", "y"]},
            "c": {"$ref": "#/$defs/Part"},
            "d": {"type": "string", "format": "uri"},
            "e": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "a",
        defs={"Part": {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}},
    )
    assert {"a": "int", "b": '("x" | "y")?', "c": "{ n: float }?", "d": "json", "e": "json"} == taken(one)
    assert ["argument 'd'", "argument 'e'"] == [problem.partition(":")[0] for problem in problems_of(one)]


@pytest.mark.parametrize(
    ("output", "result"),
    [
        (None, STRING),
        ({"type": "object", "properties": {"result": {"type": "string"}}, "required": ["result"]}, STRING),
        (
            {"type": "object", "properties": {"result": {"type": "string", "format": "uri"}}, "required": ["result"]},
            JSON,
        ),
        ({"type": "object", "properties": {"a": {"not": {}}}}, JSON),
    ],
)
def test_what_a_tool_gives(output: Any, result: object) -> None:
    """Text without a schema; what is wrapped as `result` by an SDK is what stands in it."""
    (row,) = kind_of(Lock("s", "", (tool({}, output=output),)), BUILT_IN["mcp"]).actions.values()
    assert result == row.result


def test_two_arguments_that_are_written_alike_are_passed_on_as_they_come() -> None:
    """Nobody can tell them apart, so nothing is said of them here."""
    assert [] == said(tool({"a-b": TEXT, "a_b": TEXT}, "a-b"), 'look(x: "y")')


def test_the_plan_holds_the_run_to_the_lock() -> None:
    """Hashes and names of the server travel in the plan; another lock is another plan."""
    files = [
        {lock_path("tried"): write_lock(Lock("tried", "", (make_tool("look", text, ({"type": "object"}, None)),)))}
        for text in ("a", "b")
    ]
    plans = [compile_source("main.flow", FLOW.replace("CALL", "look()"), files=one)[0] for one in files]
    assert None not in plans
    first, second = (plan for plan in plans if plan is not None)
    assert first.hash != second.hash
    assert {"look"} == set(json.loads(json.dumps(first.agents["a"].settings["lock"])))
