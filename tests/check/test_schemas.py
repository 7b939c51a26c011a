"""JSON Schema as types: a type is its schema's type, whatever it says; what no type says is told with its place."""

import json
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.check.schema_parts import NotJson, read_document
from leadflow.check.schemas import type_of, types_of
from leadflow.diagnostics import Diagnostic
from leadflow.pipeline import check_source
from leadflow.plan.limits import keeps
from leadflow.plan.schema import json_schema
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
    FileRef,
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
    Value,
    optional,
)
from tests.plan.making import NAMES

# --- every type that can be written -------------------------------------------------------------------------------

PLAIN = st.sampled_from([STRING, INT, FLOAT, BOOL, DURATION, MONEY, TIME, FILE, JSON])
WORDS = st.lists(NAMES, min_size=1, max_size=3, unique=True).map(
    lambda words: LiteralType(words[0]) if len(words) == 1 else UnionType(tuple(map(LiteralType, words)))
)
COUNTS = st.none() | st.integers(0, 3)
BOUNDS = st.tuples(COUNTS, st.none() | st.integers(3, 9)).filter(lambda ends: ends != (None, None))
SCALARS: Mapping[Type, st.SearchStrategy[Value]] = {
    STRING: st.text(max_size=4),
    INT: st.integers(-9, 9),
    FLOAT: st.floats(-9, 9),
    BOOL: st.booleans(),
    DURATION: st.timedeltas(timedelta(0), timedelta(days=3)),
    MONEY: st.integers(0, 10**9).map(Money),
    TIME: st.datetimes(timezones=st.just(UTC)),
    FILE: st.sampled_from(["a", "b/c.txt"]).map(FileRef),
    JSON: st.none() | st.integers() | st.lists(st.text(max_size=2), max_size=2).map(tuple),
    NONE: st.none(),
}


def values(type_: Type) -> st.SearchStrategy[Value]:
    """Values of a type."""
    match type_:
        case LiteralType(word):
            return st.just(word)
        case OptionalType(inner):
            return st.none() | values(inner)
        case ListType(item):
            return st.lists(values(item), max_size=2).map(tuple)
        case MapType(item):
            return st.dictionaries(NAMES, values(item), max_size=2)
        case RecordType(fields):
            return st.fixed_dictionaries({field.name: values(field.type) for field in fields})
        case UnionType(members):
            return st.one_of([values(member) for member in members])
        case _:
            return SCALARS[type_]


def limits(type_: Type) -> st.SearchStrategy[tuple[Constraint, ...]]:
    """Constraints that a type can have; the words of a union keep to all of them."""
    inner = type_.inner if isinstance(type_, OptionalType) else type_
    if inner in (FLOAT, INT):
        return st.just(()) | st.tuples(BOUNDS.map(lambda ends: Range(*ends)))
    if isinstance(inner, ListType):
        return st.just(()) | st.tuples(BOUNDS.map(lambda ends: Length(*ends)))
    if inner == STRING:
        pattern = st.sampled_from(["a+", "a|b", "[a-z]{1,3}(-\\d)?", "\\^(?:x)\\$", "(|x)"]).map(Pattern)
        length = BOUNDS.map(lambda ends: Length(*ends))
        return st.just(()) | st.tuples(length) | st.tuples(pattern) | st.tuples(length, pattern)
    return st.just(())


@st.composite
def fields(draw: st.DrawFn, name: str, inner: st.SearchStrategy[Type]) -> FieldType:
    """A field with all that it may have."""
    type_ = draw(inner)
    held = draw(limits(type_))
    default = draw(st.just(MISSING) | values(type_).filter(lambda value: all(keeps(value, limit) for limit in held)))
    return FieldType(name, type_, default, held, draw(st.none() | NAMES))


@st.composite
def records(draw: st.DrawFn, inner: st.SearchStrategy[Type]) -> Type:
    """A record."""
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    return RecordType(tuple(draw(fields(name, inner)) for name in names))


@st.composite
def tagged(draw: st.DrawFn, inner: st.SearchStrategy[Type]) -> Type:
    """A union of records that a field tells apart."""
    kinds = (
        FieldType("kind", LiteralType(word)) for word in draw(st.lists(NAMES, min_size=2, max_size=3, unique=True))
    )
    others = [draw(records(inner)) for _ in range(3)]
    members = [
        RecordType((kind, *(f for f in other.fields if f.name != "kind")))
        for kind, other in zip(kinds, others, strict=False)
        if isinstance(other, RecordType)
    ]
    return UnionType(tuple(members))


TYPES: st.SearchStrategy[Type] = st.recursive(
    PLAIN | WORDS,
    lambda inner: st.one_of(
        inner.map(optional), inner.map(ListType), inner.map(MapType), records(inner), tagged(inner)
    ),
    max_leaves=6,
)  # fmt: skip


@given(TYPES)
def test_a_type_is_the_type_of_its_schema(type_: Type) -> None:
    """Types, constraints, defaults and docs come back from the schema, through its text."""
    read = type_of(json.loads(json.dumps(json_schema(type_)[0])))
    assert (type_, ()) == (read.type, read.problems)
    assert docs(type_) == docs(read.type)


def docs(type_: Type) -> list[str | None]:
    """The docs of all fields, which comparing types does not compare."""
    match type_:
        case RecordType(parts):
            return [doc for part in parts for doc in (part.doc, *docs(part.type))]
        case OptionalType(inner) | ListType(inner) | MapType(inner):
            return docs(inner)
        case UnionType(members):
            return [doc for member in members for doc in docs(member)]
        case _:
            return []


def without_defaults(type_: Type) -> Type:
    """The type as strict providers are told of it."""
    match type_:
        case RecordType(parts):
            return RecordType(tuple(FieldType(f.name, without_defaults(f.type), MISSING, f.constraints) for f in parts))
        case OptionalType(inner):
            return OptionalType(without_defaults(inner))
        case ListType(inner):
            return ListType(without_defaults(inner))
        case UnionType(members):
            return UnionType(tuple(map(without_defaults, members)))
        case _:
            return type_


@given(TYPES)
def test_the_strict_form_says_the_type_without_defaults(type_: Type) -> None:
    """In the strict form a default is not told, and all else is."""
    schema, is_strict = json_schema(type_, strict=True)
    if is_strict:
        assert without_defaults(type_) == type_of(schema).type


@given(TYPES)
def test_an_imported_type_is_the_type_that_was_exported(type_: Type) -> None:
    """What a flow takes by `use` is the type whose schema the file is."""
    document = {"$defs": {"T": json_schema(type_)[0]}}
    text = 'leadflow 1\nuse "lib/t.json" (T)\nflow main(given: T) -> T { return given }\n'
    checked, report = check_source("main.flow", text, files={"lib/t.json": json.dumps(document)})
    assert [] == list(report)
    assert checked is not None
    assert type_ == checked.flows["main"].result


# --- schemas of others --------------------------------------------------------------------------------------------


def record(schema: object, *, required: bool = True) -> dict[str, object]:
    """The schema of an object with one property."""
    return {"type": "object", "properties": {"x": schema}, "required": ["x"] if required else []}


@pytest.mark.parametrize(
    ("schema", "type_", "constraints"),
    [
        ({"type": ["string", "null"], "maxLength": 3}, OptionalType(STRING), (Length(None, 3),)),
        ({"oneOf": [{"type": "null"}, {"type": "integer", "exclusiveMinimum": 0}]}, OptionalType(INT),
         (Range(1, None),)),
        ({"type": "integer", "minimum": 0.5, "exclusiveMaximum": 7}, INT, (Range(1, 6),)),
        ({"const": "a"}, LiteralType("a"), ()),
        ({"enum": ["a", None]}, OptionalType(LiteralType("a")), ()),
        ({"type": "string", "enum": ["aa", "bb"], "minLength": 2}, UnionType((LiteralType("aa"), LiteralType("bb"))),
         (Length(2, None),)),
        ({"type": "string", "pattern": "^[a-z]+$"}, STRING, (Pattern("[a-z]+"),)),
        ({"type": "string", "pattern": "^(a|b)$"}, STRING, (Pattern("(a|b)"),)),
        ({"type": "string", "pattern": "^a"}, STRING, (Pattern("a[\\s\\S]*"),)),
        ({"type": "string", "pattern": "a|b"}, STRING, (Pattern("[\\s\\S]*(?:a|b)[\\s\\S]*"),)),
        ({"type": "string", "pattern": "5\\$"}, STRING, (Pattern("[\\s\\S]*5\\$[\\s\\S]*"),)),
        ({"type": "array"}, ListType(JSON), ()),
        ({"type": "object"}, MapType(JSON), ()),
        ({"title": "Anything", "x-note": 1, "examples": [1]}, JSON, ()),
        (True, JSON, ()),
        ({"anyOf": [{"type": "string"}, {}]}, JSON, ()),
        ({"allOf": [{"$ref": "#/definitions/Part"}], "description": "Older tools."}, STRING, (Length(1, 9),)),
        ({"$ref": "#/definitions/a~1b"}, OptionalType(BOOL), ()),
    ],
)  # fmt: skip
def test_what_other_schemas_say(schema: object, type_: Type, constraints: tuple[Constraint, ...]) -> None:
    """References, unions with null, words and bounds are read however they are spelt."""
    parts = {"Part": {"type": "string", "minLength": 1, "maxLength": 9}, "a/b": {"type": ["null", "boolean"]}}
    document = {**record(schema), "definitions": parts}
    read = type_of(document)
    assert () == read.problems
    assert RecordType((FieldType("x", type_, MISSING, constraints),)) == read.type


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"type": "string"}, FieldType("x", OptionalType(STRING))),
        ({"type": "string", "default": "a"}, FieldType("x", STRING, "a")),
        ({"type": "string", "default": None}, FieldType("x", OptionalType(STRING))),
        ({}, FieldType("x", JSON, None)),
        ({"type": "array", "items": {"type": "number"}, "default": [1]}, FieldType("x", ListType(FLOAT), (1.0,))),
    ],
)
def test_what_is_not_required(schema: object, field: FieldType) -> None:
    """A property that may be absent is optional, or has its default (rule E2)."""
    assert RecordType((field,)) == type_of(record(schema, required=False)).type


@pytest.mark.parametrize(
    ("schema", "pointer", "why"),
    [
        ({"type": "number", "multipleOf": 2}, "/multipleOf", "no type can say 'multipleOf'"),
        ({"type": "number", "exclusiveMinimum": 0}, "/exclusiveMinimum", "use 'minimum'"),
        ({"type": "string", "format": "email"}, "/format", "of this kind"),
        ({"type": "string", "nullable": True}, "/nullable", '"type": ["string", "null"]'),
        ({"type": "string", "pattern": "(?=a)b"}, "/pattern", "no looking around"),
        ({"type": "string", "pattern": "^a|b$"}, "/pattern", "the whole text always"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "/maxLength", "nothing is allowed"),
        ({"type": "string", "minLength": "1"}, "/minLength", "to be a number"),
        ({"type": "integer", "minimum": True}, "/minimum", "to be a number"),
        ({"type": "array", "items": {"type": "string", "minLength": 1}}, "/items", "on a property only"),
        ({"type": "array", "uniqueItems": True}, "/uniqueItems", "no type can say"),
        ({"type": "array", "prefixItems": []}, "/prefixItems", "use an object"),
        ({"type": "object", "additionalProperties": False}, "/additionalProperties", "no value is allowed"),
        ({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}, "/additionalProperties",
         "or is a map"),
        ({"type": "object", "properties": {"a": {}}, "required": ["b"]}, "/required", "not one of its properties"),
        ({"type": ["string", "integer"]}, "/type", "several of these"),
        ({"type": "text"}, "/type", "there is no type 'text'"),
        ({"properties": {}}, "", "say what it is with 'type'"),
        ({"not": {}}, "", "say what it is with 'type'"),
        ({"enum": [1, 2]}, "/enum", "only texts"),
        ({"enum": []}, "/enum", "only texts"),
        ({"type": "integer", "enum": ["a"]}, "/type", "the listed values are texts"),
        ({"enum": ["aaa"], "maxLength": 1}, "/enum", "outside of the limits"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "/anyOf", "a different text"),
        ({"oneOf": [{"type": "string"}, {}]}, "/oneOf", "a different text"),
        ({"anyOf": []}, "/anyOf", "no list of schemas"),
        ({"allOf": [{}, {}]}, "/allOf", "of several"),
        ({"$ref": "other.json#/x"}, "/$ref", "in this file"),
        ({"$ref": "#/$defs/None"}, None, "leads nowhere"),
        ({"$ref": "#"}, None, "it contains itself"),
        ({"$ref": "#/$defs/Part", "minLength": 1}, "/minLength", "no type can say 'minLength'"),
        ({"type": "string", "default": 3}, "/default", "does not fit: string"),
        ({"type": "string", "default": "aaa", "maxLength": 1}, "/default", "outside of @length(none, 1)"),
        (False, "", "no value is allowed"),
        ("text", "", "no schema"),
    ],
)  # fmt: skip
def test_what_no_type_says(schema: object, pointer: str | None, why: str) -> None:
    """Nothing that would loosen the type is left out: the place and the reason are told."""
    document = {**record(schema, required=False), "$defs": {"Part": {"type": "string"}}}
    read = type_of(document)
    assert UNKNOWN == read.type
    problem = read.problems[0]
    assert why in problem.why, problem
    assert pointer is None or f"/properties/x{pointer}" == problem.pointer


def test_long_chains_of_references_end() -> None:
    """References that lead on and on, and schemas in schemas, are told, not followed for ever."""
    chain = {f"A{n}": {"$ref": f"#/$defs/A{n + 1}"} for n in range(2_000)}
    nested: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        nested = {"type": "array", "items": nested}
    wide = {f"B{n}": {"type": "array", "items": {"$ref": f"#/$defs/B{n + 1}"}} for n in range(60)}
    for document in ({"$ref": "#/$defs/A0", "$defs": chain}, nested, {"$ref": "#/$defs/B0", "$defs": wide}):
        assert ["deep" in problem.why or "nowhere" in problem.why for problem in type_of(document).problems] == [True]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "line 1, column 2"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("[" * 100_000, "nested more than 64 deep"),
        ("[" * 80 + "]" * 80, "nested more than 64 deep"),
        ('{"minimum": NaN}', "NaN is no number"),
        (f'{{"minimum": {"9" * 5000}}}', "too long"),
    ],
)
def test_what_is_no_document(text: str, why: str) -> None:
    """JSON is read strictly and never for long."""
    found = read_document(text)
    assert isinstance(found, NotJson)
    assert why in found.why


# --- imported -----------------------------------------------------------------------------------------------------

TICKET = json.dumps(
    {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ticket",
        "type": "object",
        "properties": {"id": {"type": "string", "pattern": "^T-[0-9]+$"}, "by": {"$ref": "#/$defs/Person"}},
        "required": ["id", "by"],
        "$defs": {
            "Person": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
            "Bad": {"type": "string", "format": "uri"},
        },
    }
)


def said(text: str, schema: str = TICKET, *, main: str = "main.flow") -> list[Diagnostic]:
    """What is reported about a flow beside `schemas/ticket.schema.json`."""
    _, report = check_source(main, f"leadflow 1\n{text}\n", files={"schemas/ticket.schema.json": schema})
    return list(report)


USE = 'use "schemas/ticket.schema.json"'


@pytest.mark.parametrize(
    "text",
    [
        f"{USE} (Ticket)\nflow main(t: Ticket) -> string {{ return t.by.name }}",
        f"{USE} (Person as Human, Ticket)\nflow main(t: Ticket) -> Human {{ return t.by }}",
    ],
)
def test_types_of_a_schema_are_used_like_others(text: str) -> None:
    """The root goes by its title, the others by their names in `$defs`; records are structural."""
    assert [] == said(text)


def test_a_whole_schema_is_a_module_of_types() -> None:
    """Without a list of names the file comes as a whole, under its own name; then all of it must be said."""
    good = TICKET.replace(', "format": "uri"', "")
    assert [] == said(f"{USE}\nflow main(t: ticket.Ticket) -> string {{ return t.by.name }}", good)
    assert ["FLOW328"] == [d.code for d in said(f"{USE} as s\nflow main(t: s.Ticket) -> string {{ return t.id }}")]


@pytest.mark.parametrize(
    ("text", "schema", "code", "message"),
    [
        (f"{USE} (Bad)", TICKET, "FLOW328", "in 'schemas/ticket.schema.json' at /$defs/Bad/format: no type can say"),
        (f"{USE} (Tickte)", TICKET, "FLOW213", "ticket.schema.json' declares no 'Tickte'; did you mean 'Ticket'"),
        (f"{USE} (Ticket)", "{", "FLOW222", "it is no JSON: line 1, column 2"),
        (f"{USE} as s", "[]", "FLOW328", "it has neither a title nor $defs, so it names no type"),
        (f"{USE} (Ticket)", '{"title": "Ticket", "type": "string", "$defs": {"Ticket": {}}}', "FLOW328",
         "at /title: 'Ticket' is the name of another type in it"),
        ('use "../ticket.schema.json" (Ticket)', TICKET, "FLOW221", "'..' leads out of the folder"),
        ('use "schemas/other.json" (Ticket)', TICKET, "FLOW212", "other.json"),
        (f'{USE} (Ticket)\nconst first: Ticket = {{ id: "x", by: {{ name: "Ada" }} }}', TICKET, "FLOW326",
         'limited by @pattern("T-[0-9]+")'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_import(text: str, schema: str, code: str, message: str) -> None:
    """Whatever is wrong is told at the import, once."""
    found = [d for d in said(text, schema) if d.severity == "error"]
    assert [code] == [d.code for d in found]
    assert message in found[0].message


def test_names_of_a_document() -> None:
    """`definitions`, `$defs` and the title name types; the name is the record's."""
    found = types_of(json.loads(TICKET))
    assert ["Person", "Bad", "Ticket"] == list(found)
    person = found["Person"].type
    assert isinstance(person, RecordType)
    assert "Person" == person.name
