"""Types and values: JSON-shaped, structural, without recursion. Shared by the checker, the plan and the doors.

A value at run time is immutable data: `None bool int float str`, `timedelta` (duration), `Money`, `datetime` (time,
always with a zone), `FileRef`, `tuple` (list), `dict` (record or map; nobody may change one it did not just make).
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

from leadflow.record import record

Effect = Literal["pure", "read", "write", "dangerous"]
EFFECTS: tuple[Effect, ...] = ("pure", "read", "write", "dangerous")
HARMFUL: frozenset[Effect] = frozenset({"write", "dangerous"})
"""Those of what changes something outside."""
"""From harmless to harmful: the join of two effects is the later one."""


def join_effects(*effects: Effect) -> Effect:
    """The most harmful of the given effects; `pure` for none."""
    return max(effects, key=EFFECTS.index, default="pure")


# --- values -------------------------------------------------------------------------------------------------------


class Money(NamedTuple):
    """US dollars in millionths: exact, never a float."""

    micros: int

    def __str__(self) -> str:
        """`USD 0.50`: two decimals, up to six where they are needed."""
        sign = "-" if self.micros < 0 else ""
        dollars, rest = divmod(abs(self.micros), 1_000_000)
        return f"USD {sign}{dollars}.{f'{rest:06d}'.rstrip('0').ljust(2, '0')}"


class FileRef(NamedTuple):
    """A file by its path as the author or the caller wrote it."""

    path: str

    def __str__(self) -> str:
        """The path."""
        return self.path


Scalar: TypeAlias = bool | int | float | str | timedelta | Money | datetime | FileRef | None
Value: TypeAlias = Scalar | tuple["Value", ...] | Mapping[str, "Value"]


class _Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()
"""No default: not the same as the default `none`."""


# --- types --------------------------------------------------------------------------------------------------------

PrimName = Literal[
    "string", "int", "float", "bool", "duration", "money", "time", "file", "json", "none", "secret", "rate",
    "never", "unknown",
]  # fmt: skip


@record
class Prim:
    """A type without parts. `secret` and `rate` fit settings only; `never` is the type of no value (an empty list's
    item); `unknown` is the type of what has already been reported: it fits everywhere, so that one mistake gives one
    message."""

    name: PrimName


@record
class LiteralType:
    """Exactly this string."""

    value: str


@record
class OptionalType:
    """`T?`: T or none. Never nested; never around json."""

    inner: "Type"


@record
class ListType:
    """`list[T]`."""

    item: "Type"


@record
class MapType:
    """`map[T]`: string keys."""

    item: "Type"


@record
class Range:
    """`@range(low, high)`, both ends included; None is open."""

    low: int | float | None
    high: int | float | None


@record
class Length:
    """`@length(low, high)` of a string (characters) or list (items), both ends included; None is open."""

    low: int | None
    high: int | None


@record
class Pattern:
    """`@pattern("…")` of a string: it matches as a whole. The text is a pattern (`plan.pattern`)."""

    text: str


Constraint = Range | Length | Pattern


@record
class FieldType:
    """A field of a record, or a parameter."""

    name: str
    type: "Type"
    default: "Value | _Missing" = MISSING
    constraints: tuple[Constraint, ...] = ()
    doc: str | None = field(default=None, compare=False)

    @property
    def required(self) -> bool:
        """True when a caller has to give it: no default, and not optional (rule E2: absent is none)."""
        return isinstance(self.default, _Missing) and not isinstance(self.type, OptionalType)

    def __hash__(self) -> int:
        """Of all but the default, which may be a record: those have no hash."""
        return hash((self.name, self.type, self.constraints))


@record
class RecordType:
    """A record, structural: two with equal fields are one type. `name` is how the author calls it."""

    fields: tuple[FieldType, ...]
    name: str | None = field(default=None, compare=False)

    def get(self, name: str) -> FieldType | None:
        """The field of that name, or None."""
        return next((f for f in self.fields if f.name == name), None)


@record
class UnionType:
    """One of several: literals, or records told apart by a common field of distinct literals (rule E2). Flat, at
    least two members, none of them none (that is `OptionalType`)."""

    members: tuple["Type", ...]


Type: TypeAlias = Prim | LiteralType | OptionalType | ListType | MapType | RecordType | UnionType

STRING, INT, FLOAT, BOOL = Prim("string"), Prim("int"), Prim("float"), Prim("bool")
DURATION, MONEY, TIME, FILE = Prim("duration"), Prim("money"), Prim("time"), Prim("file")
JSON, NONE, SECRET, RATE = Prim("json"), Prim("none"), Prim("secret"), Prim("rate")
NEVER, UNKNOWN = Prim("never"), Prim("unknown")


def optional(inner: Type) -> Type:
    """`T?`, without nesting; none, json and unknown already hold none."""
    if isinstance(inner, OptionalType) or inner in (NONE, JSON, UNKNOWN):
        return inner
    return OptionalType(inner)


def show(type_: Type) -> str:
    """The type as an author writes it."""
    match type_:
        case Prim(name):
            return name
        case LiteralType(value):
            return f'"{value}"'
        case OptionalType(UnionType() as inner):
            return f"({show(inner)})?"
        case OptionalType(inner):
            return f"{show(inner)}?"
        case ListType(item):
            return f"list[{show(item)}]"
        case MapType(item):
            return f"map[{show(item)}]"
        case RecordType(fields, name):
            return name or "{ " + ", ".join(f"{f.name}: {show(f.type)}" for f in fields) + " }"
        case UnionType(members):
            return " | ".join(show(m) for m in members)
