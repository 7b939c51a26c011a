"""Types as JSON Schema and back (draft 2020-12).

The schema describes the JSON that a door takes for the type: a duration is ISO 8601, money `USD 0.50` (rule E3). The
strict form is what providers ask for that guarantee an answer of that shape: every field is required, an optional one
may be null (rule E2), and nothing else may stand in an object. A map and `json` have no strict form.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias, assert_never, cast

from leadflow.plan.forms import to_plain
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
    optional,
)

Schema: TypeAlias = dict[str, Any]

_PRIMS: Mapping[Type, Schema] = {
    STRING: {"type": "string"},
    INT: {"type": "integer"},
    FLOAT: {"type": "number"},
    BOOL: {"type": "boolean"},
    NONE: {"type": "null"},
    DURATION: {"type": "string", "format": "duration"},
    MONEY: {"type": "string", "pattern": r"^USD -?[0-9]{1,12}(\.[0-9]{1,6})?$"},
    TIME: {"type": "string", "format": "date-time"},
    FILE: {"type": "string", "format": "file-path"},
}


def json_schema(type_: Type, *, strict: bool = False) -> tuple[Schema, bool]:
    """The schema of a type, and whether it is in the strict form: asked for, and there is one."""
    is_strict = strict and _has_strict_form(type_)
    return _schema(type_, is_strict), is_strict


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
                plain["pattern"] = f"^(?:{text})$"
    if field.doc is not None:
        made["description"] = field.doc
    if field.default is not MISSING and not strict:
        made["default"] = to_plain(cast(Value, field.default))
    return made


def _bounds(lower: str, low: float | None, upper: str, high: float | None) -> Schema:
    return {name: bound for name, bound in ((lower, low), (upper, high)) if bound is not None}


# --- and back -----------------------------------------------------------------------------------------------------


def from_schema(schema: object) -> Type:
    """The type that a schema describes; `json` for what no type says. Constraints and defaults are not read."""
    if not isinstance(schema, Mapping):
        return JSON
    known = next((type_ for type_, written in _PRIMS.items() if len(written) > 1 and _within(written, schema)), None)
    if known is not None:
        return known
    if isinstance(schema.get("anyOf"), list):
        return _any_of([from_schema(member) for member in schema["anyOf"]])
    match schema:
        case {"type": "string", "enum": [*words]} if words and all(isinstance(word, str) for word in words):
            literals = tuple(LiteralType(word) for word in dict.fromkeys(words))
            return literals[0] if len(literals) == 1 else UnionType(literals)
        case {"type": "array"}:
            return ListType(from_schema(schema.get("items")))
        case {"type": "object", "properties": Mapping() as properties}:
            return _from_properties(properties, schema.get("required"))
        case {"type": "object", "additionalProperties": Mapping() as item}:
            return MapType(from_schema(item))
        case {"type": str(name)}:
            return next((type_ for type_, written in _PRIMS.items() if written == {"type": name}), JSON)
        case _:
            return JSON


def _within(written: Schema, schema: Mapping[Any, Any]) -> bool:
    return all(schema.get(name) == value for name, value in written.items())


def _any_of(members: list[Type]) -> Type:
    rest = [member for member in members if member != NONE]
    if not rest or JSON in rest:
        return JSON if rest else NONE
    made = rest[0] if len(rest) == 1 else UnionType(tuple(rest))
    return optional(made) if len(rest) < len(members) else made


def _from_properties(properties: Mapping[Any, Any], required: object) -> Type:
    needed = required if isinstance(required, list) else []
    fields = []
    for name, schema in properties.items():
        type_ = from_schema(schema)
        fields.append(FieldType(str(name), type_ if name in needed else optional(type_)))
    return RecordType(tuple(fields))
