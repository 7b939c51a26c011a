"""Where two values differ: the places of a few differences instead of two long texts."""

from collections.abc import Iterator, Mapping

from leadflow.plan.types import Value
from leadflow.plan.words import value_words

MOST = 5
"""Differences told."""
LONGEST = 100
"""Characters of a value told."""


def apart(left: Value, right: Value) -> tuple[str, ...]:
    """The differences of two records, maps or lists, a line each; none for values without parts."""
    if not (_has_parts(left) and _has_parts(right)):
        return ()
    found = list(_walk(left, right, ""))
    return (*found[:MOST], *([f"and {len(found) - MOST} more"] if len(found) > MOST else []))


def _has_parts(value: Value) -> bool:
    return isinstance(value, Mapping) or type(value) is tuple


def short(value: Value, most: int = LONGEST) -> str:
    """A value as an author writes it, cut."""
    text = value_words(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def _walk(left: Value, right: Value, at: str) -> Iterator[str]:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for name in dict.fromkeys([*left, *right]):
            inner = f"{at}.{name}"
            if name not in right:
                yield f"{inner}: {short(left[name])} is on the left only"
            elif name not in left:
                yield f"{inner}: {short(right[name])} is on the right only"
            else:
                yield from _walk(left[name], right[name], inner)
    elif type(left) is tuple and type(right) is tuple:
        for number in range(max(len(left), len(right))):
            inner = f"{at}[{number}]"
            if number >= len(right):
                yield f"{inner}: {short(left[number])} is on the left only"
            elif number >= len(left):
                yield f"{inner}: {short(right[number])} is on the right only"
            else:
                yield from _walk(left[number], right[number], inner)
    elif type(left) is not type(right) or left != right:
        yield f"{at}: {short(left)} is not {short(right)}"
