"""JSON text under limits, and `name=value` typed by its parameter."""

import json
import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    ListType,
    LiteralType,
    OptionalType,
    RecordType,
    Type,
    UnionType,
)
from leadflow.run.inputs import JsonLimits, parse_input, read_json
from leadflow.run.values import Mismatch


@pytest.mark.parametrize(
    "text", ['{"a": [1, 2.5, "x", null, true]}', b'\xef\xbb\xbf{"a": []}', '"\\ud83d\\ude00"', "-0.0"]
)
def test_json_is_read(text: str | bytes) -> None:
    """Honest JSON, as text or as bytes, with or without a byte order mark."""
    assert not isinstance(read_json(text), Mismatch)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected JSON, got other text at line 1, column 1 (Expecting value)"),
        ("{'a': 1}", "expected JSON, got other text at line 1, column 2"),
        ('{"a": 1} x', "expected JSON, got other text at line 1, column 10 (Extra data)"),
        ("[NaN]", "expected JSON, got NaN"),
        ("[-Infinity]", "expected JSON, got -Infinity"),
        ("1e400", "expected numbers that a float can hold, got a larger one"),
        (str(2**63), "expected whole numbers of 64 bits, got a longer one"),
        ("9" * 5000, "expected whole numbers of 64 bits, got a longer one"),
        ('{"a": {"b": 1, "b": 2}}', "expected each key once, got 'b' twice in one object"),
        ("[" * 66 + "]" * 66, "expected JSON of at most 64 levels, got more"),
        ("[" * 100_000, "expected JSON of at most 64 levels, got more"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "expected JSON of at most 64 levels, got more"),
        (b"\xff\xfe", "expected JSON, got bytes that are not UTF-8"),
        ('"' + "x" * 2_000_000 + '"', "expected JSON of at most 1,048,576 bytes, got more"),
        ('"' + "é" * 600_000 + '"', "expected JSON of at most 1,048,576 bytes, got more"),
        ("{" + ",".join(f'"{n}":0' for n in range(10_001)) + "}", "expected JSON of at most 10,000 keys, got more"),
    ],
)
def test_json_is_refused(text: str | bytes, said: str) -> None:
    """What no value can hold is refused with what it is, in one line (cases 53 to 59)."""
    found = read_json(text)
    assert isinstance(found, Mismatch)
    assert found.message.startswith(said)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is a mismatch or what the standard reader finds in it; so are its bytes."""
    for form in (text, text.encode("utf-8", "surrogatepass")):
        found = read_json(form)
        assert isinstance(found, Mismatch) or found == json.loads(text)


VERDICT = RecordType((FieldType("a", INT),))


@pytest.mark.parametrize(
    ("type_", "written", "raw"),
    [
        (STRING, "3", "3"),
        (STRING, "a=b", "a=b"),
        (STRING, "", ""),
        (OptionalType(STRING), "none", "none"),
        (UnionType((LiteralType("bug"), LiteralType("other"))), "bug", "bug"),
        (FILE, "a.csv", "a.csv"),
        (TIME, "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z"),
        (INT, "3", 3),
        (INT, "10MB", 10_000_000),
        (OptionalType(INT), "none", None),
        (FLOAT, "0.5", 0.5),
        (BOOL, "true", True),
        (NONE, "none", None),
        (DURATION, "1h30m", timedelta(minutes=90)),
        (DURATION, "0s", timedelta(0)),
        (DURATION, "PT5S", "PT5S"),
        (MONEY, "$0.50", "$0.50"),
        (ListType(INT), "[1, 2]", [1, 2]),
        (VERDICT, '{"a": 1}', {"a": 1}),
        (JSON, '"x"', "x"),
    ],
)
def test_inputs_are_typed_by_their_parameter(type_: Type, written: str, raw: object) -> None:
    """A string is taken as it stands, units are read, all else is JSON."""
    assert ("p", raw) == parse_input(f"p={written}", [FieldType("p", type_)])


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("p", "expected name=value, got no '='"),
        ("q=1", "at /q: expected a parameter (p), got another name"),
        ("p=[1", "at /p: expected list[int], written as JSON, got other text at line 1, column 3"),
    ],
)
def test_inputs_that_cannot_be_read(pair: str, said: str) -> None:
    """The message names the parameter and its type, never the value (case 61)."""
    found = parse_input(pair, [FieldType("p", ListType(INT))])
    assert isinstance(found, Mismatch)
    assert found.message.startswith(said)


@pytest.mark.parametrize(
    ("type_", "said"),
    [
        (DURATION, "at /p: expected duration (as in 30s), got other text"),
        (OptionalType(MONEY), "at /p: expected money? (as in $0.50), got other text"),
        (INT, "at /p: expected int, got other text"),
    ],
)
def test_how_an_input_is_typed_is_told(type_: Type, said: str) -> None:
    """The form is that of a flow, and not that of JSON."""
    found = parse_input("p=5x", [FieldType("p", type_)])
    assert isinstance(found, Mismatch)
    assert said == found.message


DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(st.tuples(st.sampled_from("ab[{"), inner), max_size=4).map(tuple)
    ),
    max_leaves=12,
)
"""What a text may stand for; tuples are objects, in which a key may stand twice."""


def written(data: object) -> str:
    """Data as JSON, also what none may hold."""
    if isinstance(data, tuple):
        return "{" + ",".join(f"{json.dumps(name)}:{written(value)}" for name, value in data) + "}"
    return "[" + ",".join(map(written, data)) + "]" if isinstance(data, list) else json.dumps(data)


def is_allowed(data: object, limits: JsonLimits) -> bool:
    """Whether limits let data through, found out by looking at all of it."""
    keys = 0

    def fits(data: object, depth: int) -> bool:
        nonlocal keys
        if isinstance(data, float):
            return math.isfinite(data)
        if not isinstance(data, list | tuple):
            return not isinstance(data, int) or -(2**63) <= data < 2**63
        names = [name for name, _ in data] if isinstance(data, tuple) else []
        keys += len(names)
        inner = [value for _, value in data] if isinstance(data, tuple) else data
        # A level counts when something stands in it.
        return len(set(names)) == len(names) and all([depth < limits.depth and fits(one, depth + 1) for one in inner])

    return fits(data, 0) and keys <= limits.keys


@given(DATA, st.integers(0, 4), st.integers(0, 8))
def test_every_limit_holds_on_every_way(data: object, depth: int, keys: int) -> None:
    """Short texts are read without counting keys or levels: the same texts are refused as by looking at all."""
    limits = JsonLimits(depth=depth, keys=keys)
    for text in (written(data), written(data) + " " * 400):
        assert is_allowed(data, limits) == (not isinstance(read_json(text, limits), Mismatch))
        assert read_json(text.encode(), limits) == read_json(text, limits)
