"""Made-up values of a type: what `--fake` answers, and what stands in the mock that a message offers.

The same type and the same words give the same value, on every machine. A value keeps to the constraints of its fields.
"""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import assert_never

from leadflow.plan.limits import keeps
from leadflow.plan.pattern import example
from leadflow.plan.types import (
    Constraint,
    FieldType,
    FileRef,
    Length,
    ListType,
    LiteralType,
    MapType,
    Money,
    OptionalType,
    Pattern,
    Prim,
    Range,
    RecordType,
    Type,
    UnionType,
    Value,
)
from leadflow.run.adapters import SeededRng

_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_TRIES = 50
"""How often a text is made anew that its constraints together do not let through."""


def fake(type_: Type, words: str) -> Value:
    """A value of the type.

    Args:
        words: what it is made up from: the path of a call, and a seed.
    """
    seed = int.from_bytes(blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1
    return _Maker(SeededRng(seed)).value(type_, "")


def sample(type_: Type) -> Value:
    """A value of the type to begin with: everything is there, and as short and plain as it may be."""
    return _Maker(None).value(type_, "")


class _Maker:
    """Makes up one value."""

    def __init__(self, rng: SeededRng | None) -> None:
        self._rng = rng
        """None: always the first possibility."""

    def _choose(self, count: int) -> int:
        return 0 if self._rng is None else min(int(self._rng.random() * count), count - 1)

    def value(self, type_: Type, name: str, constraints: tuple[Constraint, ...] = ()) -> Value:
        """A value of a type, for a field of that name."""
        match type_:
            case Prim():
                return self._prim(type_, name, constraints)
            case LiteralType(value):
                return value
            case OptionalType(inner):
                return None if self._rng is not None and self._choose(4) == 3 else self.value(inner, name, constraints)
            case ListType(item):
                low, high = _length(constraints, 1 if self._rng is None else self._choose(4), 100)
                return tuple(self.value(item, name) for _ in range(min(low, high)))
            case MapType(item):
                return {f"key {number + 1}": self.value(item, name) for number in range(1 + self._choose(3))}
            case RecordType(fields):
                return {field.name: self.field(field) for field in fields}
            case UnionType(members):
                return self.value(members[self._choose(len(members))], name)
            case _:
                assert_never(type_)

    def field(self, field: FieldType) -> Value:
        """The value of a field."""
        return self.value(field.type, field.name, field.constraints)

    def _prim(self, type_: Prim, name: str, constraints: tuple[Constraint, ...]) -> Value:
        match type_.name:
            case "string":
                return self._text(name, constraints)
            case "int":
                return self._int(constraints)
            case "float":
                return self._float(constraints)
            case "bool":
                return self._choose(2) == 0
            case "duration":
                return timedelta(minutes=1 + self._choose(60))
            case "money":
                return Money(10_000 * (1 + self._choose(10_000)))
            case "time":
                return _DAY + timedelta(minutes=self._choose(525_600))
            case "file":
                return FileRef(f"{name or 'file'}.txt")
            case "none" | "never":
                return None
            case "json" | "unknown" | "secret" | "rate":
                return {name or "text": self._text(name, ())}
            case _:
                assert_never(type_.name)

    def _text(self, name: str, constraints: tuple[Constraint, ...]) -> str:
        low, high = _length(constraints, 0, 1_000)
        pattern = next((one.text for one in constraints if isinstance(one, Pattern)), None)
        text = ""
        for _ in range(_TRIES):
            if pattern is None:
                word = name or "text"
                text = word if self._rng is None else f"{word} {self._choose(1_000)}"
                text = (text if len(text) >= low else f"{text} {'more ' * low}"[:low].ljust(low, "."))[:high]
            else:
                text = example(pattern, self._choose)
            if all(keeps(text, one) for one in constraints):
                break
        return text

    def _int(self, constraints: tuple[Constraint, ...]) -> int:
        low, high = _range(constraints, 0, 100)
        first, last = -int(-low // 1), int(high // 1)
        return first + self._choose(last - first + 1)

    def _float(self, constraints: tuple[Constraint, ...]) -> float:
        low, high = _range(constraints, 0.0, 1.0)
        middle = round(low + (high - low) * self._choose(1_001) / 1_000, 3)
        return float((low + high) / 2 if self._rng is None else min(max(middle, low), high))


def _range(constraints: tuple[Constraint, ...], low: float, high: float) -> tuple[float, float]:
    """The bounds of a number: those of its `@range`, and where that is open as far again."""
    for one in constraints:
        if isinstance(one, Range):
            width = high - low
            if one.low is not None:
                return one.low, one.low + width if one.high is None else one.high
            if one.high is not None:
                return one.high - width, one.high
    return low, high


def _length(constraints: tuple[Constraint, ...], low: int, high: int) -> tuple[int, int]:
    """The bounds of a length: what is wished for, within its `@length`."""
    for one in constraints:
        if isinstance(one, Length):
            least, most = one.low or 0, high if one.high is None else one.high
            return min(max(low, least), most), max(most, least)
    return low, high
