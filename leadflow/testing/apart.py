"""Where two values differ: the places of a few differences instead of two long texts."""

from collections.abc import Iterator, Mapping

from leadflow.plan.types import Value
from leadflow.plan.words import value_words

MOST = 5
"""Differences told."""
LONGEST = 100
"""Characters of a value told."""


def apart(left: Value, right: Value) -> tuple[str, ...]:
    """The differences of two records, maps, lists or long texts, a line each; none for values without parts."""
    if not (_has_parts(left) and _has_parts(right)) and not _are_long(left, right):
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
        where = f"{at}: " if at else ""
        if isinstance(left, str) and isinstance(right, str) and _are_long(left, right):
            yield where + _texts_apart(left, right)
        else:
            yield f"{where}{short(left)} is not {short(right)}"


_LONG = 60
"""Characters from which on nobody finds by eye where two texts differ."""
_BEFORE, _BEHIND = 30, 40
"""Characters shown of texts around the place where they begin to differ."""


def _are_long(left: Value, right: Value) -> bool:
    return isinstance(left, str) and isinstance(right, str) and max(len(left), len(right)) > _LONG


def _texts_apart(left: str, right: str) -> str:
    """Where two texts begin to differ, and what stands there."""
    pairs = enumerate(zip(left, right, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(left), len(right)))
    start = left.rfind("\n", 0, same) + 1
    line = f"line {left.count(chr(10), 0, same) + 1}, " if "\n" in left or "\n" in right else ""
    told = f"{_around(left, start, same)} is not {_around(right, start, same)}"
    return f"from {line}character {same - start + 1} on, {told}"


def _around(text: str, start: int, at: int) -> str:
    """A text around a place in a line that begins at `start`."""
    begin, line_end = max(start, at - _BEFORE), text.find("\n", at)
    end = min(len(text) if line_end < 0 else line_end, at + _BEHIND)
    before, behind = "…" if begin > start else "", "…" if end < len(text) else ""
    return value_words(f"{before}{text[begin:end]}{behind}")
