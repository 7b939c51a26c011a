"""The kind `toolbox`: small helpers that change nothing and ask nobody.

What a model cannot be trusted to do in its head: read and write JSON, count, say whether code is code, lay out a
report. Code is only parsed, never compiled to be run and never run.
"""

import ast
import json
import math
import re
import statistics
import tomllib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from leadflow.plan.forms import to_json_text, to_plain
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import Value
from leadflow.plan.words import call_words
from leadflow.run import inputs
from leadflow.run.errors import NotAllowed, ValueProblem
from leadflow.run.ports import Agent, Reply, Request, Uses, World
from leadflow.run.values import Mismatch

_MOST_CODE = 200_000
"""Characters of code that is looked at: parsing takes the run's own time."""
_LIMITS = inputs.JsonLimits(size=1_000_000)


class ToolboxKind:
    """Builds toolboxes."""

    row = BUILT_IN["toolbox"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """A toolbox; all are alike."""
        return ToolboxAgent(spec.name)


class ToolboxAgent:
    """The helpers, one per action."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def call(self, request: Request) -> Reply:
        """What the helper gives.

        Raises:
            ValueProblem: it gives nothing for these arguments. NotAllowed: there is too much of them.
        """
        try:
            return Reply(_HELPERS[request.action](request.args))
        except ValueProblem as problem:
            raise ValueProblem(f"{call_words(self._name, request.action)}: {problem.message}") from None

    async def aclose(self) -> None:
        """Nothing is held."""


# --- JSON ---------------------------------------------------------------------------------------------------------


def _json_parse(args: Mapping[str, Value]) -> object:
    found = inputs.read_json(str(args["text"]), _LIMITS)
    if isinstance(found, Mismatch):
        raise ValueProblem(found.message)
    return found


def _json_stringify(args: Mapping[str, Value]) -> str:
    indent = args.get("indent")
    if not isinstance(indent, int) or indent < 1:
        return to_json_text(args.get("value"))
    return json.dumps(to_plain(args.get("value")), ensure_ascii=False, indent=min(indent, 8))


# --- numbers ------------------------------------------------------------------------------------------------------


def _calculate_metrics(args: Mapping[str, Value]) -> dict[str, object]:
    """What describes a list of numbers; of an empty one only the count is known."""
    values = sorted(float(number) for number in cast(Sequence[float], args["values"]))
    if not values:
        return {"count": 0, "sum": 0.0}
    try:
        total = math.fsum(values)
        spread = statistics.stdev(values) if len(values) > 1 else None
    except OverflowError:
        raise ValueProblem("the sum is larger than a number can be") from None
    return {
        "count": len(values),
        "sum": total,
        "min": values[0],
        "max": values[-1],
        "mean": total / len(values),
        "median": statistics.median(values),
        "stddev": spread,
        "p90": _quantile(values, 0.9),
        "p99": _quantile(values, 0.99),
    }


def _quantile(values: Sequence[float], share: float) -> float:
    """Between the two nearest of sorted values, in proportion."""
    place = (len(values) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


# --- code ---------------------------------------------------------------------------------------------------------


def _validate_code(args: Mapping[str, Value]) -> dict[str, object]:
    """Whether text is code of a language, and the first place where it is not."""
    code, language = str(args["code"]), str(args["language"])
    if len(code) > _MOST_CODE:
        raise NotAllowed(f"validate_code looks at {_MOST_CODE:,} characters at most, and this has {len(code):,}")
    problem = _PARSERS[language](code)
    return {"valid": problem is None, "errors": [] if problem is None else [problem]}


def _problem(line: int | None, column: int | None, message: str) -> dict[str, object]:
    return {"line": line or 1, "column": column or 1, "message": " ".join(message.split())[:300]}


def _python(code: str) -> dict[str, object] | None:
    try:
        with warnings.catch_warnings(action="ignore"):  # `"\d"` is code all the same
            ast.parse(code)
    except SyntaxError as wrong:
        return _problem(wrong.lineno, wrong.offset, wrong.msg)
    except (ValueError, RecursionError, MemoryError) as wrong:  # a NUL; brackets in brackets without end
        return _problem(1, 1, str(wrong) or "it is nested too deeply")
    return None


def _json(code: str) -> dict[str, object] | None:
    try:
        json.loads(code)
    except json.JSONDecodeError as wrong:
        return _problem(wrong.lineno, wrong.colno, wrong.msg)
    except (ValueError, RecursionError) as wrong:
        return _problem(1, 1, "it is nested too deeply" if isinstance(wrong, RecursionError) else str(wrong))
    return None


def _toml(code: str) -> dict[str, object] | None:
    try:
        tomllib.loads(code)
    except RecursionError:
        return _problem(1, 1, "it is nested too deeply")
    except ValueError as wrong:  # says where in words only
        place = re.search(r" \(at line (\d+), column (\d+)\)$", str(wrong))
        if place is None:
            return _problem(code.count("\n") + 1, 1, str(wrong))
        return _problem(int(place[1]), int(place[2]), str(wrong)[: place.start()])
    return None


_PARSERS: Mapping[str, Callable[[str], dict[str, object] | None]] = {"python": _python, "json": _json, "toml": _toml}


# --- reports ------------------------------------------------------------------------------------------------------


def _generate_report(args: Mapping[str, Value]) -> str:
    """A report in Markdown: a title, and sections of text, figures and tables. Headings and cells stay on a line."""
    parts = [f"# {_line(args['title'])}"]
    if args.get("summary"):
        parts.append(str(args["summary"]).strip())
    for section in cast(Sequence[Mapping[str, Any]], args["sections"]):
        parts.append(f"## {_line(section['heading'])}")
        if section.get("text"):
            parts.append(str(section["text"]).strip())
        figures = section.get("figures")
        if figures:
            parts.append("\n".join(f"- {_line(name)}: {_line(value)}" for name, value in figures.items()))
        rows = section.get("rows")
        if rows:
            parts.append(_table(rows))
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Mapping[str, Value]]) -> str:
    """One line for each row; the columns stand in the order in which they first come."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = [_cells(columns), _cells(["---"] * len(columns))]
    return "\n".join([*head, *(_cells([row.get(name) for name in columns]) for row in rows)])


def _cells(values: Sequence[Value]) -> str:
    return "| " + " | ".join(_line(value).replace("|", "\\|") for value in values) + " |"


def _line(value: Value) -> str:
    text = value if isinstance(value, str) else "" if value is None else to_json_text(value)
    return " ".join(text.split())


_HELPERS: Mapping[str, Callable[[Mapping[str, Value]], object]] = {
    "json_parse": _json_parse,
    "json_stringify": _json_stringify,
    "calculate_metrics": _calculate_metrics,
    "validate_code": _validate_code,
    "generate_report": _generate_report,
}
