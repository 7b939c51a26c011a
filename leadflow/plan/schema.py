"""Types as JSON Schema (draft 2020-12); `check.schemas` reads it.

The schema describes the JSON that a door takes for the type: a duration is ISO 8601, money `USD 0.50` (rule E3). The
strict form is what providers ask for that guarantee an answer of that shape: every field is required, an optional one
may be null (rule E2), and nothing else may stand in an object. A map and `json` have no strict form.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias, assert_never, cast

from leadflow.plan.forms import to_plain
from leadflow.plan.pattern import is_choice
from leadflow.plan.types import (
    BOOL,
    DURATION,
    FILE,
    FLOAT,
    INT,
    MISSING,
    MONEY,
    NONE,
    STRING,
    TIME,
    FieldType,
    Length,
    ListType,
    LiteralType,
    MapType,
    OptionalType,
    Pattern,
    Prim,
    Range,
    RecordType,
    Type,
    UnionType,
    Value,
)

Schema: TypeAlias = dict[str, Any]

MONEY_PATTERN = r"^USD -?[0-9]{1,12}(\.[0-9]{1,6})?$"
"""Also how money is known when a schema is read."""

_PRIMS: Mapping[Type, Schema] = {
    STRING: {"type": "string"},
    INT: {"type": "integer"},
    FLOAT: {"type": "number"},
    BOOL: {"type": "boolean"},
    NONE: {"type": "null"},
    DURATION: {"type": "string", "format": "duration"},
    MONEY: {"type": "string", "pattern": MONEY_PATTERN},
    TIME: {"type": "string", "format": "date-time"},
    FILE: {"type": "string", "format": "file-path"},
}


def json_schema(type_: Type, *, strict: bool = False) -> tuple[Schema, bool]:
    """The schema of a type, and whether it is in the strict form: asked for, and there is one."""
    is_strict = strict and _has_strict_form(type_)
    return _schema(type_, is_strict), is_strict


DIALECT = "https://json-schema.org/draft/2020-12/schema"


def type_document(schema: Schema, *, title: str) -> Schema:
    """A schema as a file of its own."""
    return {"$schema": DIALECT, "title": title, **schema}


def defs_document(schemas: Mapping[str, Schema]) -> Schema:
    """Several schemas as one file."""
    return {"$schema": DIALECT, "$defs": dict(schemas)}


def _has_strict_form(type_: Type) -> bool:
    match type_:
        case Prim():
            return type_ in _PRIMS
        case LiteralType():
            return True
        case OptionalType(inner) | ListType(inner):
            return _has_strict_form(inner)
        case MapType():
            return False
        case RecordType(fields):
            return all(_has_strict_form(field.type) for field in fields)
        case UnionType(members):
            return all(map(_has_strict_form, members))
        case _:
            assert_never(type_)


def _schema(type_: Type, strict: bool) -> Schema:
    match type_:
        case Prim():
            return dict(_PRIMS.get(type_, {}))
        case LiteralType(value):
            return {"type": "string", "enum": [value]}
        case OptionalType(inner):
            return {"anyOf": [_schema(inner, strict), {"type": "null"}]}
        case ListType(item):
            return {"type": "array", "items": _schema(item, strict)}
        case MapType(item):
            return {"type": "object", "additionalProperties": _schema(item, strict)}
        case RecordType(fields):
            return _record(fields, strict)
        case UnionType(members):
            words = [member.value for member in members if isinstance(member, LiteralType)]
            if len(words) == len(members):
                return {"type": "string", "enum": words}
            return {"anyOf": [_schema(member, strict) for member in members]}
        case _:
            assert_never(type_)


def _record(fields: tuple[FieldType, ...], strict: bool) -> Schema:
    made: Schema = {
        "type": "object",
        "properties": {field.name: _property(field, strict) for field in fields},
        "required": [field.name for field in fields if strict or field.required],
    }
    if strict:
        made["additionalProperties"] = False
    return made


def _property(field: FieldType, strict: bool) -> Schema:
    made = _schema(field.type, strict)
    plain = made["anyOf"][0] if isinstance(field.type, OptionalType) else made
    for constraint in field.constraints:
        match constraint:
            case Range(low, high):
                plain.update(_bounds("minimum", low, "maximum", high))
            case Length(low, high) if plain["type"] == "array":
                plain.update(_bounds("minItems", low, "maxItems", high))
            case Length(low, high):
                plain.update(_bounds("minLength", low, "maxLength", high))
            case Pattern(text):
                plain["pattern"] = f"^(?:{text})$" if is_choice(text) else f"^{text}$"
    if field.doc is not None:
        made["description"] = field.doc
    if field.default is not MISSING and not strict:
        made["default"] = to_plain(cast(Value, field.default))
    return made


def _bounds(lower: str, low: float | None, upper: str, high: float | None) -> Schema:
    return {name: bound for name, bound in ((lower, low), (upper, high)) if bound is not None}
