"""Types as JSON Schema: what a door takes, and what strict providers ask for. The way back: tests/check."""

from typing import Any

import pytest

from leadflow.plan.schema import json_schema
from leadflow.plan.types import (
    BOOL,
    DURATION,
    FILE,
    FLOAT,
    INT,
    JSON,
    MONEY,
    NONE,
    STRING,
    TIME,
    FieldType,
    Length,
    ListType,
    LiteralType,
    MapType,
    Money,
    OptionalType,
    Pattern,
    Range,
    RecordType,
    Type,
    UnionType,
)

VERDICT = RecordType(
    (
        FieldType("urgent", BOOL),
        FieldType("topic", UnionType((LiteralType("bug"), LiteralType("billing")))),
        FieldType("sure", OptionalType(FLOAT), constraints=(Range(0, 1),), doc="How sure."),
        FieldType("tags", ListType(STRING), default=(), constraints=(Length(None, 3),)),
    )
)


def test_the_schema_of_a_record() -> None:
    """What has a default or is optional may be left out; constraints, docs and defaults are said."""
    assert {
        "type": "object",
        "properties": {
            "urgent": {"type": "boolean"},
            "topic": {"type": "string", "enum": ["bug", "billing"]},
            "sure": {
                "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}],
                "description": "How sure.",
            },
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "default": []},
        },
        "required": ["urgent", "topic"],
    } == json_schema(VERDICT)[0]


def test_the_strict_form() -> None:
    """For strict providers every field is required, an optional one nullable, and nothing else allowed (rule E2)."""
    schema, is_strict = json_schema(VERDICT, strict=True)
    assert is_strict
    assert (["urgent", "topic", "sure", "tags"], False) == (schema["required"], schema["additionalProperties"])
    assert "default" not in schema["properties"]["tags"]


@pytest.mark.parametrize("type_", [JSON, MapType(INT), RecordType((FieldType("x", ListType(MapType(STRING))),))])
def test_what_has_no_strict_form(type_: Type) -> None:
    """A map and json, at any depth, are asked for in the loose form."""
    assert (json_schema(type_)[0], False) == json_schema(type_, strict=True)


@pytest.mark.parametrize(
    ("type_", "schema"),
    [
        (DURATION, {"type": "string", "format": "duration"}),
        (TIME, {"type": "string", "format": "date-time"}),
        (FILE, {"type": "string", "format": "file-path"}),
        (NONE, {"type": "null"}),
        (JSON, {}),
        (MapType(INT), {"type": "object", "additionalProperties": {"type": "integer"}}),
        (LiteralType("a"), {"type": "string", "enum": ["a"]}),
    ],
)
def test_what_types_are_in_json(type_: Type, schema: dict[str, Any]) -> None:
    """Durations, money and times are strings of their own formats (rule E3)."""
    assert schema == json_schema(type_)[0]


def test_length_of_a_text_and_default_of_money() -> None:
    """A length bounds characters of a string, a pattern is anchored; a default stands there as it does in JSON."""
    record = RecordType(
        (
            FieldType("a", STRING, constraints=(Length(1, 2), Pattern("a|b"))),
            FieldType("b", MONEY, default=Money(500_000)),
        )
    )
    properties = json_schema(record)[0]["properties"]
    assert {"type": "string", "minLength": 1, "maxLength": 2, "pattern": "^(?:a|b)$"} == properties["a"]
    assert "USD 0.50" == properties["b"]["default"]
