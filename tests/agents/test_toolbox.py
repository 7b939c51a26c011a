"""The kind `toolbox`: what each helper gives, and what it refuses."""

from pathlib import Path

import pytest

from leadflow.agents.tools.toolbox import ToolboxKind
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import JSON, Value
from leadflow.run.errors import NotAllowed, ValueProblem
from leadflow.run.ports import Request
from leadflow.run.values import Mismatch, admit
from tests.agents.worlds import world


async def ask(action: str, agent: str = "box", **args: Value) -> Value:
    """What the helper gives, as the type that its row promises."""
    box = ToolboxKind().build(AgentSpec(agent, "toolbox", {}, (), agent, None), {}, world(Path()))
    reply = await box.call(Request(action, args, JSON, False, "run", "f/s", 1, None, True, None))
    value = admit(BUILT_IN["toolbox"].actions[action].result, reply.value)
    assert not isinstance(value, Mismatch)
    return value


async def test_json_there_and_back() -> None:
    """What is written is read; NaN, twice the same key and endless nesting are none."""
    assert '{"a":[1,null]}' == await ask("json_stringify", value={"a": (1, None)})
    assert '{\n  "a": 1\n}' == await ask("json_stringify", value={"a": 1}, indent=2)
    assert {"a": (1, None)} == await ask("json_parse", text=' {"a": [1, null]} ')
    for text in ("NaN", '{"a": 1, "a": 2}', "[" * 10_000, "", '"' + "x" * 2_000_000 + '"'):
        with pytest.raises(ValueProblem, match=r"box\.json_parse"):
            await ask("json_parse", text=text)


async def test_a_tool_has_one_name() -> None:
    """A tool is an agent of its own; what goes wrong in it is told under its name alone."""
    with pytest.raises(ValueProblem, match=r"^std\.tools\.json_parse: "):
        await ask("json_parse", "std.tools.json_parse", text="NaN")


async def test_metrics() -> None:
    """Of many numbers, of one, of none, and of those whose sum is no number."""
    many = await ask("calculate_metrics", values=(4.0, 1, 3, 2))
    assert isinstance(many, dict)
    assert {"count": 4, "sum": 10.0, "min": 1.0, "max": 4.0, "mean": 2.5, "median": 2.5} == {
        name: many[name] for name in ("count", "sum", "min", "max", "mean", "median")
    }
    assert (1.2909944487358056, 3.7, 3.9699999999999998) == (many["stddev"], many["p90"], many["p99"])
    one = await ask("calculate_metrics", values=(7,))
    assert isinstance(one, dict)
    assert (7.0, None, 7.0) == (one["mean"], one["stddev"], one["p99"])
    none = await ask("calculate_metrics", values=())
    assert isinstance(none, dict)
    assert (0, 0.0, None) == (none["count"], none["sum"], none["mean"])
    with pytest.raises(ValueProblem, match="larger than a number"):
        await ask("calculate_metrics", values=(1e308, 1e308))


@pytest.mark.parametrize(
    ("language", "code", "place"),
    [
        ("python", "def f():\n    return '\\d'\n", None),
        ("python", "x = 1\nif x\n    y\n", (2, 5)),
        ("python", "x = '\0'", (1, 1)),
        ("python", "(" * 5000, (1, 201)),
        ("json", '{"a": [1]}', None),
        ("json", '{\n "a": ]', (2, 7)),
        ("json", "[" * 100_000, (1, 1)),
        ("toml", "a = 1", None),
        ("toml", "a = 1\nb = = 1", (2, 5)),
        ("toml", "a = [", (1, 1)),
    ],
)
async def test_code_is_looked_at(language: str, code: str, place: tuple[int, int] | None) -> None:
    """Whether it is code, and the first place where it is not."""
    found = await ask("validate_code", code=code, language=language)
    assert isinstance(found, dict)
    errors = found["errors"]
    assert isinstance(errors, tuple)
    assert found["valid"] is (place is None)
    if place is not None:
        (wrong,) = errors
        assert isinstance(wrong, dict)
        assert place == (wrong["line"], wrong["column"])


async def test_code_is_never_run(tmp_path: Path) -> None:
    """SECURITY, first row: not a decorator, not a default, not an import."""
    mark = tmp_path / "ran"
    code = f"import pathlib\n@(lambda f: pathlib.Path({str(mark)!r}).touch())\ndef f(x=open({str(mark)!r}, 'w')): ...\n"
    found = await ask("validate_code", code=code, language="python")
    assert isinstance(found, dict)
    assert found["valid"] is True
    assert not mark.exists()
    with pytest.raises(NotAllowed, match="200,000 characters at most"):
        await ask("validate_code", code="#" * 200_001, language="python")


async def test_a_report() -> None:
    """Text, figures and a table; a cell can break neither its line nor its column."""
    told = await ask(
        "generate_report",
        title="March\n# not a heading",
        summary="Fine.",
        sections=(
            {"heading": "Sales", "text": "Up.", "figures": {"total": 12, "best day": "Friday"}},
            {"heading": "Rows", "rows": ({"name": "a|b", "n": 1}, {"n": 2, "why": "c\nd"})},
        ),
    )
    assert (
        "# March # not a heading\n\nFine.\n\n## Sales\n\nUp.\n\n- total: 12\n- best day: Friday\n\n## Rows\n\n"
        "| name | n | why |\n| --- | --- | --- |\n| a\\|b | 1 |  |\n|  | 2 | c d |\n"
    ) == told
