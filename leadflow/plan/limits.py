"""Whether a value keeps to a constraint, and how the constraint is written. Shared by the checker and the doors."""

import json
from collections.abc import Mapping
from typing import assert_never

from leadflow.plan.pattern import BadPattern, compile_pattern
from leadflow.plan.types import Constraint, Length, Pattern, Range, Value


def keeps(value: Value, constraint: Constraint) -> bool:
    """Whether the value is within the limits. What has no such measure is: none, where the type allows it."""
    match constraint:
        case Range(low, high):
            return not isinstance(value, int | float) or _between(value, low, high)
        case Length(low, high):
            return not isinstance(value, str | tuple | Mapping) or _between(len(value), low, high)
        case Pattern(text):
            matcher = compile_pattern(text)
            return not isinstance(value, str) or isinstance(matcher, BadPattern) or matcher.matches(value)
        case _:
            assert_never(constraint)


def _between(measured: float, low: float | None, high: float | None) -> bool:
    return (low is None or measured >= low) and (high is None or measured <= high)


def written(constraint: Constraint) -> str:
    """The constraint as an author writes it: `@range(0, 1)`."""
    match constraint:
        case Range(low, high):
            return f"@range({_end(low)}, {_end(high)})"
        case Length(low, high):
            return f"@length({_end(low)}, {_end(high)})"
        case Pattern(text):
            return f"@pattern({json.dumps(text, ensure_ascii=False)})"
        case _:
            assert_never(constraint)


def _end(end: float | None) -> str:
    return "none" if end is None else repr(end)
