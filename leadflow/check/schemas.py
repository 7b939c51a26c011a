"""JSON Schema -> types: what `use "x.schema.json" (T)` brings in (draft 2020-12, and 7 as far as both agree).

A type is never looser than its schema: a keyword that no type says is a problem with its place, not left out. What only
describes (a title, examples, keywords that begin with `x-`) is read over. Two things are as everywhere in the language
(rule E2): a property that may be absent is `T?`, for which null is the same; and properties that are not known are
dropped, whether or not the schema allows them. Pure: knows data, not files nor messages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor, isfinite
from typing import Any, TypeAlias, cast

from leadflow.check.schema_parts import NoType, default_of, escape, whole_pattern
from leadflow.check.types import discriminant, holds_none, union, without_none, words_of
from leadflow.plan.limits import keeps, written
from leadflow.plan.pattern import BadPattern, compile_pattern
from leadflow.plan.schema import MONEY_PATTERN
from leadflow.plan.types import (
    BOOL,
    DURATION,
    FILE,
    FLOAT,
    INT,
    JSON,
    MISSING,
    MONEY,
    NONE,
    STRING,
    TIME,
    UNKNOWN,
    Constraint,
    FieldType,
    Length,
    ListType,
    LiteralType,
    MapType,
    OptionalType,
    Pattern,
    Range,
    RecordType,
    Type,
    UnionType,
    Value,
    _Missing,
    optional,
)
from leadflow.record import record

DEEPEST = 64
"""Schemas in schemas, references followed."""


@record
class SchemaProblem:
    """A place of a schema that no type says."""

    pointer: str
    """JSON pointer into the document."""
    why: str


@record
class Described:
    """What a schema describes."""

    type: Type
    """`unknown` where there are problems."""
    problems: tuple[SchemaProblem, ...] = ()


def type_of(document: object, pointer: str = "") -> Described:
    """The type that a schema describes: the whole document, or what stands at a JSON pointer."""
    reading = _Reading(document)
    try:
        return Described(_unlimited(reading, reading.at(pointer, "#" + pointer), pointer))
    except NoType as problem:
        return Described(UNKNOWN, (SchemaProblem(*problem.args),))


def types_of(document: object) -> Mapping[str, Described]:
    """The types of a document by name: the entries of `$defs` or `definitions`, and the whole under its `title`."""
    if not isinstance(document, Mapping):
        return {}
    found: dict[str, Described] = {}
    for group in ("definitions", "$defs"):
        entries = document.get(group)
        if isinstance(entries, Mapping):
            found |= {str(name): type_of(document, f"/{group}/{escape(str(name))}") for name in entries}
    title = document.get("title")
    if isinstance(title, str):
        whole = type_of(document)
        same = found.get(title, whole)
        twice = SchemaProblem("/title", f"'{title}' is the name of another type in it")
        found[title] = whole if same.type == whole.type or whole.problems else Described(UNKNOWN, (twice,))
    return {name: replace(one, type=_called(one.type, name)) for name, one in found.items()}


def _called(type_: Type, name: str) -> Type:
    return replace(type_, name=name) if isinstance(type_, RecordType) else type_


# --- reading ------------------------------------------------------------------------------------------------------


@record
class _Found:
    """What a schema says of a value: its type, and limits that a field can have."""

    type: Type
    limits: tuple[Constraint, ...] = ()


_Schema: TypeAlias = Mapping[str, Any]

_TELLING = frozenset(
    ("$schema", "$id", "$anchor", "$comment", "$defs", "$vocabulary", "definitions", "title", "description", "default",
     "examples", "example", "deprecated", "readOnly", "writeOnly")
)  # fmt: skip
"""Keywords that limit nothing."""


@dataclass(slots=True)
class _Reading:
    """A document on its way; what references lead to is read once."""

    document: object
    known: dict[str, _Found] = field(default_factory=dict)
    under_way: list[str] = field(default_factory=list)
    depth: int = 0

    def at(self, pointer: str, reference: str) -> _Found:
        """What stands at a pointer of the document."""
        if pointer in self.known:
            return self.known[pointer]
        if pointer in self.under_way:
            raise NoType(pointer, "it contains itself, and types are finite; use '{}' (any JSON) for a part of it")
        self.under_way.append(pointer)
        found = self.known[pointer] = _read(self, self._find(pointer, reference), pointer)
        self.under_way.pop()
        return found

    def _find(self, pointer: str, reference: str) -> object:
        place = self.document
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(place, Mapping) and name in place:
                place = place[name]
            elif isinstance(place, list) and name.isdecimal() and int(name) < len(place):
                place = place[int(name)]
            else:
                raise NoType(pointer, f"'{reference}' leads nowhere")
        return place


def _unlimited(reading: _Reading, found: _Found, at: str) -> Type:
    """The type of something that is no field, which has no place for limits."""
    if found.limits:
        raise NoType(at, f"{written(found.limits[0])} can stand on a property only, not on what stands here")
    return found.type


def _read(reading: _Reading, schema: object, at: str) -> _Found:
    reading.depth += 1
    if reading.depth > DEEPEST:
        raise NoType(at, f"schemas stand in each other more than {DEEPEST} deep")
    found = _described(reading, schema, at)
    reading.depth -= 1
    return found


def _described(reading: _Reading, schema: object, at: str) -> _Found:
    if schema is True:
        return _Found(JSON)
    if not isinstance(schema, Mapping):
        raise NoType(at, "no value is allowed here" if schema is False else "this is no schema")
    if not any(_says(name) for name in schema):
        return _Found(JSON)
    for keyword, read in _BY_KEYWORD.items():
        if keyword in schema:
            return read(reading, schema, at)
    kind = schema.get("type")
    if isinstance(kind, list):
        return _of_types(reading, schema, kind, at)
    if not isinstance(kind, str) or kind not in _BY_TYPE:
        hint = "say what it is with 'type'" if kind is None else f"there is no type {kind!r}"
        raise NoType(at if kind is None else f"{at}/type", hint)
    return _BY_TYPE[kind](reading, schema, at)


def _says(keyword: str) -> bool:
    return keyword not in _TELLING and not keyword.startswith("x-")


def _only(schema: _Schema, at: str, *allowed: str) -> None:
    """Refuse keywords that would be left out."""
    for keyword in schema:
        if _says(keyword) and keyword not in allowed:
            raise NoType(f"{at}/{escape(keyword)}", f"no type can say '{keyword}'{_INSTEAD.get(keyword, '')}")


_INSTEAD = {
    "format": " of this kind; the formats are 'duration', 'date-time' and 'file-path', others are said by 'pattern'",
    "allOf": "; write one schema",
    "nullable": '; write \'"type": ["string", "null"]\'',
    "exclusiveMinimum": " of a number; use 'minimum'",
    "exclusiveMaximum": " of a number; use 'maximum'",
    "patternProperties": "; use 'additionalProperties' for a map",
    "prefixItems": "; use an object",
}


# --- references, choices ------------------------------------------------------------------------------------------


def _reference(reading: _Reading, schema: _Schema, at: str) -> _Found:
    _only(schema, at, "$ref")
    target = schema["$ref"]
    if not isinstance(target, str) or not (target == "#" or target.startswith("#/")):
        raise NoType(f"{at}/$ref", "a reference leads to a place in this file: '#/$defs/…'")
    return reading.at(target[1:], target)


def _all_of(reading: _Reading, schema: _Schema, at: str) -> _Found:
    parts = schema["allOf"]
    if not isinstance(parts, list) or len(parts) != 1:
        raise NoType(f"{at}/allOf", "no type can say 'allOf' of several; write one schema")
    _only(schema, at, "allOf")
    return _read(reading, parts[0], f"{at}/allOf/0")


def _choice(reading: _Reading, schema: _Schema, at: str) -> _Found:
    keyword = "anyOf" if "anyOf" in schema else "oneOf"
    _only(schema, at, keyword)
    parts, here = schema[keyword], f"{at}/{keyword}"
    if not isinstance(parts, list) or not parts:
        raise NoType(here, "this is no list of schemas")
    found = [_read(reading, part, f"{here}/{place}") for place, part in enumerate(parts)]
    rest = [one for one in found if one.type != NONE]
    has_none = len(rest) < len(found) or any(isinstance(one.type, OptionalType) for one in rest)
    if not rest:
        return _Found(NONE)
    if len(rest) == 1:
        return _Found(optional(rest[0].type) if has_none else rest[0].type, rest[0].limits)
    for place, one in enumerate(found):
        _unlimited(reading, one, f"{here}/{place}")
    if any(one.type == JSON for one in rest) and keyword == "anyOf":
        return _Found(JSON)
    made = union(without_none(one.type) for one in rest)
    if words_of(made) is None and discriminant(made) is None and isinstance(made, UnionType):
        raise NoType(here, "its members are to be texts, or objects with a common property that has a different text "
                            "('const') in each")  # fmt: skip
    return _Found(optional(made) if has_none else made)


def _of_types(reading: _Reading, schema: _Schema, kinds: Sequence[object], at: str) -> _Found:
    others = [kind for kind in kinds if kind != "null"]
    if len(others) != 1:
        raise NoType(f"{at}/type", "no type can say several of these but 'null' and one other")
    found = _read(reading, {**schema, "type": others[0]}, at)
    return replace(found, type=optional(found.type)) if len(others) < len(kinds) else found


def _words(reading: _Reading, schema: _Schema, at: str) -> _Found:
    keyword = "enum" if "enum" in schema else "const"
    words = schema["enum"] if keyword == "enum" else [schema["const"]]
    kind = schema.get("type", "string")
    kinds = kind if isinstance(kind, list) else [kind]
    texts = [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
    has_none = isinstance(words, list) and None in words and ("type" not in schema or "null" in kinds)
    if not isinstance(words, list) or len(texts) + words.count(None) < len(words) or not words:
        raise NoType(f"{at}/{keyword}", "only texts can be listed")
    if texts and "string" not in kinds:
        raise NoType(f"{at}/type", "the listed values are texts")
    limits = _lengths(schema, at, "minLength", "maxLength") + _pattern(schema, at)
    _only(schema, at, keyword, "type", "minLength", "maxLength", "pattern")
    made = union(LiteralType(text) for text in texts) if texts else NONE
    out = next((text for text in texts for limit in limits if not keeps(text, limit)), None)
    if out is not None:
        raise NoType(f"{at}/{keyword}", f"{out!r} is outside of the limits beside it")
    return _Found(optional(made) if has_none else made, limits)


# --- plain types --------------------------------------------------------------------------------------------------

_FORMATS = {"duration": DURATION, "date-time": TIME, "file-path": FILE}


def _string(reading: _Reading, schema: _Schema, at: str) -> _Found:
    if schema.get("pattern") == MONEY_PATTERN:
        _only(schema, at, "type", "pattern")
        return _Found(MONEY)
    form = schema.get("format")
    if isinstance(form, str) and form in _FORMATS:
        _only(schema, at, "type", "format")
        return _Found(_FORMATS[form])
    _only(schema, at, "type", "minLength", "maxLength", "pattern")
    return _Found(STRING, _lengths(schema, at, "minLength", "maxLength") + _pattern(schema, at))


def _lengths(schema: _Schema, at: str, lower: str, upper: str) -> tuple[Constraint, ...]:
    ends = [_bound(schema, at, name) for name in (lower, upper)]
    if any(end is not None and (end != int(end) or end < 0) for end in ends):
        raise NoType(f"{at}/{lower if lower in schema else upper}", "this is to be a whole number")
    low, high = (None if end is None else int(end) for end in ends)
    _ordered(low, high, f"{at}/{upper}")
    return () if low is None and high is None else (Length(low, high),)


def _bound(schema: _Schema, at: str, name: str) -> int | float | None:
    value = schema.get(name)
    if value is None and name not in schema:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise NoType(f"{at}/{name}", "this is to be a number")
    return value


def _ordered(low: float | None, high: float | None, at: str) -> None:
    if low is not None and high is not None and low > high:
        raise NoType(at, "the smallest value is above the largest, so nothing is allowed")


def _pattern(schema: _Schema, at: str) -> tuple[Constraint, ...]:
    """A pattern of a part of the text is one of the whole text, with any text before and behind it."""
    given = schema.get("pattern")
    if given is None and "pattern" not in schema:
        return ()
    if not isinstance(given, str):
        raise NoType(f"{at}/pattern", "this is to be a text")
    text = whole_pattern(given)
    found = compile_pattern(text)
    if isinstance(found, BadPattern):
        raise NoType(f"{at}/pattern", f"patterns are simpler here: {found.why}")
    return (Pattern(text),)


def _number(reading: _Reading, schema: _Schema, at: str) -> _Found:
    _only(schema, at, "type", "minimum", "maximum")
    low, high = _bound(schema, at, "minimum"), _bound(schema, at, "maximum")
    _ordered(low, high, f"{at}/maximum")
    return _Found(FLOAT, () if low is None and high is None else (Range(low, high),))


def _integer(reading: _Reading, schema: _Schema, at: str) -> _Found:
    _only(schema, at, "type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    low, above = _bound(schema, at, "minimum"), _bound(schema, at, "exclusiveMinimum")
    high, below = _bound(schema, at, "maximum"), _bound(schema, at, "exclusiveMaximum")
    lows = [ceil(low)] if low is not None else []
    lows += [floor(above) + 1] if above is not None else []
    highs = [floor(high)] if high is not None else []
    highs += [ceil(below) - 1] if below is not None else []
    least, most = max(lows, default=None), min(highs, default=None)
    _ordered(least, most, at)
    return _Found(INT, () if least is None and most is None else (Range(least, most),))


def _plain(type_: Type) -> "_Reader":
    def read(reading: _Reading, schema: _Schema, at: str) -> _Found:
        _only(schema, at, "type")
        return _Found(type_)

    return read


# --- lists and objects --------------------------------------------------------------------------------------------


def _array(reading: _Reading, schema: _Schema, at: str) -> _Found:
    _only(schema, at, "type", "items", "minItems", "maxItems")
    here = f"{at}/items"
    item = _unlimited(reading, _read(reading, schema.get("items", True), here), here)
    return _Found(ListType(item), _lengths(schema, at, "minItems", "maxItems"))


def _object(reading: _Reading, schema: _Schema, at: str) -> _Found:
    _only(schema, at, "type", "properties", "required", "additionalProperties")
    properties, rest = schema.get("properties"), schema.get("additionalProperties", True)
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise NoType(f"{at}/required", "this is to be a list of names")
    if properties is None:
        if required:
            raise NoType(f"{at}/required", "a map requires no names; list them in 'properties'")
        here = f"{at}/additionalProperties"
        return _Found(MapType(_unlimited(reading, _read(reading, rest, here), here)))
    if not isinstance(properties, Mapping):
        raise NoType(f"{at}/properties", "this is to be an object")
    if not isinstance(rest, bool) and rest != {}:
        raise NoType(f"{at}/additionalProperties", "an object has 'properties', or is a map of values of one type")
    unknown = next((name for name in required if name not in properties), None)
    if unknown is not None:
        raise NoType(f"{at}/required", f"'{unknown}' is not one of its properties")
    fields = [
        _property(reading, name, part, is_required=name in required, at=f"{at}/properties/{escape(name)}")
        for name, part in properties.items()
    ]
    title = schema.get("title")
    return _Found(RecordType(tuple(fields), title if isinstance(title, str) and title.isidentifier() else None))


def _property(reading: _Reading, name: str, schema: object, *, is_required: bool, at: str) -> FieldType:
    found = _read(reading, schema, at)
    about: _Schema = schema if isinstance(schema, Mapping) else {}
    doc = about.get("description")
    type_, default = found.type, cast("Value | _Missing", MISSING)
    if not is_required and "default" in about and not (about["default"] is None and not holds_none(type_)):
        default = default_of(type_, about["default"], f"{at}/default")
        broken = next((limit for limit in found.limits if not keeps(default, limit)), None)
        if broken is not None:
            raise NoType(f"{at}/default", f"it is outside of {written(broken)}")
    elif not is_required:
        type_ = optional(type_)
        default = None if type_ in (JSON, NONE) else MISSING
    return FieldType(name, type_, default, found.limits, doc if isinstance(doc, str) else None)


_Reader: TypeAlias = Callable[[_Reading, _Schema, str], _Found]

_BY_KEYWORD: Mapping[str, _Reader] = {
    "$ref": _reference,
    "allOf": _all_of,
    "anyOf": _choice,
    "oneOf": _choice,
    "enum": _words,
    "const": _words,
}
_BY_TYPE: Mapping[str, _Reader] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _plain(BOOL),
    "null": _plain(NONE),
    "array": _array,
    "object": _object,
}
