"""The built-in functions, as data: what each takes and gives. The checker types calls with this table and
`run/functions.py` implements exactly these rows (a test compares the two).

All are pure and total: what may be missing is `T?`, never a failure (rule E3). A call names arguments by position or
by name; trailing parameters with `required=False` may be left out, so an implementation is given fewer arguments.
Patterns stand for types: a `Var` is bound by the arguments and reused in the result.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from leadflow.plan.types import BOOL, DURATION, FLOAT, INT, JSON, STRING, TIME, Type
from leadflow.record import record

# --- patterns -----------------------------------------------------------------------------------------------------

Among = Literal["any", "number", "quantity", "ordered", "sized", "record", "key"]
"""What a type variable may be. `number`: int or float. `quantity`: what can be added up: numbers, durations, money.
`ordered`: what `<` compares: numbers, string, duration, money,
time. `sized`: string, list or map. `record`: a record. `key`: string, literals, int or bool: what a map's key is
made of."""


@record
class Var:
    """Any type of a family; the same name is the same type in one row."""

    name: str
    among: Among = "any"


@record
class ListOf:
    """`list[item]`."""

    item: "Pattern"


@record
class MapOf:
    """`map[item]`."""

    item: "Pattern"


@record
class MaybeOf:
    """`inner?`; as a parameter it takes `inner` too."""

    inner: "Pattern"


@record
class Fields:
    """A record with these fields."""

    fields: tuple[tuple[str, "Pattern"], ...]


Pattern: TypeAlias = Type | Var | ListOf | MapOf | MaybeOf | Fields

ResultRule = Literal["parsed_int", "parsed_float", "rounded", "mean", "extreme", "merged", "same_size"]
"""Results that no pattern says:

- `parsed_int`, `parsed_float`: `int?`/`float?` of a string, `int`/`float` of a number (truncated towards zero);
- `rounded`: int without `digits`, float with;
- `mean`: `float?` of numbers, else `T?` of the list's T;
- `extreme`: of one list its `T?`, of two or more values their `T`;
- `merged`: two maps give a map, two records a record; what the second has wins;
- `same_size`: a string of a string, a list of a list.
"""


@record
class FunctionParam:
    """One parameter of a function."""

    name: str
    type: Pattern
    required: bool = True
    field_of: str | None = None
    """Names the parameter (a list of records) whose field this string literal names; None: an ordinary value."""
    sought_in: str | None = None
    """Names the parameter (a list) among whose items this value is looked for: it has to be one that they can be."""
    is_zero: bool = False
    """Left out, it is nothing of its kind: $0 among money, 0s among durations, 0 among numbers."""
    many: bool = False
    """Takes all further positional arguments."""


@record
class FunctionRow:
    """One built-in function."""

    name: str
    params: tuple[FunctionParam, ...]
    result: "Pattern | ResultRule"
    doc: str


# --- the table ----------------------------------------------------------------------------------------------------

_T, _U = Var("T"), Var("U")
_NUMBER, _QUANTITY, _ORDERED = Var("N", "number"), Var("Q", "quantity"), Var("O", "ordered")
_SIZED, _RECORD = Var("S", "sized"), Var("R", "record")
_LISTED = ListOf(_T)
_P = FunctionParam


def _row(name: str, result: "Pattern | ResultRule", doc: str, *params: FunctionParam) -> FunctionRow:
    return FunctionRow(name, params, result, doc)


def _by(name: str, result: Pattern, doc: str, *, field: Pattern) -> FunctionRow:
    """A function over the field of a list of records, the field named by a string literal."""
    return _row(name, result, doc, _P("items", ListOf(_RECORD)), _P("field", field, field_of="items"))


FUNCTIONS: Mapping[str, FunctionRow] = {
    row.name: row
    for row in (
        # text
        _row("len", INT, "Characters of a text, items of a list, entries of a map.", _P("of", _SIZED)),
        _row("upper", STRING, "In capitals.", _P("text", STRING)),
        _row("lower", STRING, "In small letters.", _P("text", STRING)),
        _row("trim", STRING, "Without white space at both ends.", _P("text", STRING)),
        _row("contains", BOOL, "Whether a text has a part.", _P("text", STRING), _P("part", STRING)),
        _row("starts_with", BOOL, "Whether a text begins so.", _P("text", STRING), _P("part", STRING)),
        _row("ends_with", BOOL, "Whether a text ends so.", _P("text", STRING), _P("part", STRING)),
        _row("replace", STRING, "Every `old` becomes `new`; an empty `old` changes nothing.",
             _P("text", STRING), _P("old", STRING), _P("new", STRING)),
        _row("split", ListOf(STRING), "The pieces between separators; an empty separator gives the whole text.",
             _P("text", STRING), _P("separator", STRING)),
        _row("lines", ListOf(STRING), "The lines, without their ends.", _P("text", STRING)),
        _row("words", ListOf(STRING), "The pieces between white space.", _P("text", STRING)),
        _row("join", STRING, "One text, with the separator (nothing if not given) between the items.",
             _P("items", ListOf(STRING)), _P("separator", STRING, required=False)),
        # conversions
        _row("string", STRING, "As in a hole of a text: a text itself, else its JSON form.", _P("value", _T)),
        _row("int", "parsed_int", "A whole number; none for a text that is none.",
             _P("value", Var("V"))),
        _row("float", "parsed_float", "A number; none for a text that is none.", _P("value", Var("V"))),
        _row("parse_json", JSON, "The value that a JSON text stands for; none for any other text.",
             _P("text", STRING)),
        _row("to_json", STRING, "The value as JSON text.", _P("value", _T)),
        _row("format_time", STRING, "A time in UTC: YYYY, MM, DD, hh, mm, ss are replaced in the pattern.",
             _P("time", TIME), _P("pattern", STRING)),
        _row("parse_time", MaybeOf(TIME), "The time that an RFC 3339 text names; none for any other text.",
             _P("text", STRING)),
        _row("seconds", FLOAT, "A duration in seconds.", _P("duration", DURATION)),
        # numbers
        _row("abs", _NUMBER, "Without its sign.", _P("number", _NUMBER)),
        _row("round", "rounded", "The nearest whole number, halves to even, or as many digits as given (0 to 15).",
             _P("number", _NUMBER), _P("digits", INT, required=False)),
        _row("floor", INT, "The next whole number below.", _P("number", _NUMBER)),
        _row("ceil", INT, "The next whole number above.", _P("number", _NUMBER)),
        _row("min", "extreme", "The smallest item of a list (none when empty), or of several values.",
             _P("items", Var("X"), many=True)),
        _row("max", "extreme", "The largest item of a list (none when empty), or of several values.",
             _P("items", Var("X"), many=True)),
        _row("sum", _QUANTITY, "The sum of a list of numbers, durations or money, from `start` on (0, 0s or $0).",
             _P("items", ListOf(_QUANTITY)), _P("start", _QUANTITY, required=False, is_zero=True)),
        _row("average", "mean", "The mean of a list of numbers, durations or money; none when empty.",
             _P("items", ListOf(_QUANTITY))),
        # lists
        _row("first", MaybeOf(_T), "The first item; none when empty.", _P("items", _LISTED)),
        _row("last", MaybeOf(_T), "The last item; none when empty.", _P("items", _LISTED)),
        _row("take", _LISTED, "The first n items, or all when there are fewer.", _P("items", _LISTED), _P("n", INT)),
        _row("drop", _LISTED, "All but the first n items.", _P("items", _LISTED), _P("n", INT)),
        _row("slice", "same_size", "From index `start` (0 is the first) up to and without `end`; to the end if absent.",
             _P("of", Var("S", "sized")), _P("start", INT), _P("end", INT, required=False)),
        _row("chunk", ListOf(_LISTED), "Lists of at most n items, in order; n below 1 counts as 1.",
             _P("items", _LISTED), _P("n", INT)),
        _row("compact", _LISTED, "Without the nones.", _P("items", ListOf(MaybeOf(_T)))),
        _row("flatten", _LISTED, "One list of the items of all.", _P("lists", ListOf(_LISTED))),
        _row("reverse", _LISTED, "Last first.", _P("items", _LISTED)),
        _row("sort", ListOf(_ORDERED), "Smallest first; equals keep their order.", _P("items", ListOf(_ORDERED))),
        _row("unique", _LISTED, "Each value once, where it stood first.", _P("items", _LISTED)),
        _row("zip", ListOf(Fields((("left", _T), ("right", _U)))), "Pairs, as many as the shorter list has.",
             _P("left", ListOf(_T)), _P("right", ListOf(_U))),
        _row("range", ListOf(INT), "0 up to and without n, or from `start` up to and without `end`.",
             _P("start", INT), _P("end", INT, required=False)),
        _row("count", INT, "How many items equal the value.", _P("items", _LISTED),
             _P("value", _T, sought_in="items")),
        _row("index_of", MaybeOf(INT), "Where the first item equal to the value stands; none when nowhere.",
             _P("items", _LISTED), _P("value", _T, sought_in="items")),
        _row("all", BOOL, "Whether every item is true; true when empty.", _P("items", ListOf(BOOL))),
        _row("any", BOOL, "Whether an item is true; false when empty.", _P("items", ListOf(BOOL))),
        # maps and records
        _row("keys", ListOf(STRING), "The keys, in order.", _P("map", MapOf(_T))),
        _row("values", _LISTED, "The values, in the order of the keys.", _P("map", MapOf(_T))),
        _row("entries", ListOf(Fields((("key", STRING), ("value", _T)))), "Keys with their values.",
             _P("map", MapOf(_T))),
        _row("from_entries", MapOf(_T), "The map of these entries; of equal keys the last wins.",
             _P("entries", ListOf(Fields((("key", STRING), ("value", _T)))))),
        _row("merge", "merged", "Both maps or records in one; what the second has wins.",
             _P("first", Var("A")), _P("second", Var("B"))),
        _by("group_by", MapOf(ListOf(_RECORD)), "The items by the text of a field, in order of first appearance.",
            field=Var("K", "key")),
        _by("count_by", MapOf(INT), "How many items have each text in a field.", field=Var("K", "key")),
        _by("index_by", MapOf(_RECORD), "The last item with each text in a field.", field=Var("K", "key")),
        _by("sort_by", ListOf(_RECORD), "Smallest field first; equals keep their order.", field=Var("K", "ordered")),
    )
}  # fmt: skip
"""Every built-in function by name. Names are looked up only before `(`, so a new row breaks no file (rule D5)."""
