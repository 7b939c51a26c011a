"""The doors: what passes, what is made of it, and how a mismatch is told."""

from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.plan import forms
from leadflow.plan.operators import MAX_NODES
from leadflow.plan.types import (
    BOOL,
    DURATION,
    FILE,
    FLOAT,
    INT,
    JSON,
    MONEY,
    NEVER,
    NONE,
    SECRET,
    STRING,
    TIME,
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
)
from leadflow.run.values import Mismatch, admit, admit_inputs, door, pointer

TOPIC = UnionType((LiteralType("bug"), LiteralType("other")))
VERDICT = RecordType(
    (
        FieldType("urgent", BOOL),
        FieldType("topic", TOPIC),
        FieldType("confidence", FLOAT, constraints=(Range(0, 1),)),
        FieldType("notes", OptionalType(STRING), constraints=(Length(1, 3),)),
        FieldType("tags", ListType(STRING), default=("new",)),
    ),
    "Verdict",
)
SHAPES = UnionType(
    (
        RecordType((FieldType("kind", LiteralType("ok")), FieldType("value", INT))),
        RecordType((FieldType("kind", LiteralType("err")), FieldType("why", STRING))),
    )
)


class Color(StrEnum):
    """As Python functions give it."""

    RED = "red"


class Mixed(str, Enum):  # noqa: UP042
    """The older way to write one."""

    BLUE = "blue"


@pytest.mark.parametrize(
    ("type_", "raw", "expected"),
    [
        (STRING, "a", "a"),
        (STRING, Color.RED, "red"),
        (STRING, Mixed.BLUE, "blue"),
        (INT, 3, 3),
        (INT, 3.0, 3),
        (FLOAT, 3, 3.0),
        (BOOL, False, False),
        (NONE, None, None),
        (DURATION, "PT30S", timedelta(seconds=30)),
        (DURATION, timedelta(seconds=30), timedelta(seconds=30)),
        (MONEY, "USD 0.50", Money(500_000)),
        (TIME, "2026-01-02T00:00:00Z", datetime(2026, 1, 2, tzinfo=UTC)),
        (FILE, "a.csv", FileRef("a.csv")),
        (JSON, {"a": [1, None, Money(1)]}, {"a": (1, None, "USD 0.000001")}),
        (TOPIC, "bug", "bug"),
        (OptionalType(INT), None, None),
        (ListType(INT), [1, 2.0], (1, 2)),
        (MapType(INT), {"a b": 1}, {"a b": 1}),
        (SHAPES, {"kind": "err", "why": "x", "value": 1}, {"kind": "err", "why": "x"}),
        (UnionType((INT, STRING)), "a", "a"),
    ],
)
def test_what_passes(type_: Type, raw: object, expected: Value) -> None:
    """Each type takes its JSON form and its own values, and gives values."""
    value = admit(type_, raw)
    assert (type(expected), expected) == (type(value), value)


def test_records_are_filled_and_trimmed() -> None:
    """Defaults are filled in, absent is none, null is none, unknown fields are dropped (rule E2, case 63)."""
    least = {"urgent": True, "topic": "bug", "confidence": 1, "__proto__": 1, "x": 2}
    full = {"urgent": True, "topic": "bug", "confidence": 1.0, "notes": None, "tags": ("new",)}
    assert full == admit(VERDICT, least) == admit(VERDICT, {**least, "notes": None})


def test_times_keep_their_offset_only() -> None:
    """A zone of Python's becomes its offset at that time, so that a time is plain data."""
    winter = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Paris"), fold=1)
    value = admit(TIME, winter)
    assert "2026-10-25T02:30:00+01:00" == forms.to_plain(value if isinstance(value, datetime) else None)
    assert repr(value) == repr(forms.from_kept(forms.kept(winter)))


WRITTEN_TIME = 'time (RFC 3339 with a zone, as in "2026-01-31T12:00:00Z")'


@pytest.mark.parametrize(
    ("type_", "raw", "path", "expected", "got"),
    [
        (STRING, 1, "", "string", "int"),
        (INT, "1", "", "int", "string"),
        (INT, True, "", "int", "bool"),
        (INT, 1.5, "", "int", "float"),
        (INT, 2**63, "", "int", "a whole number of more than 64 bits"),
        (FLOAT, float("nan"), "", "float", "NaN or an infinite number"),
        (FLOAT, 10**400, "", "float", "a number out of range"),
        (BOOL, 1, "", "bool", "int"),
        (DURATION, "30s", "", 'duration (ISO 8601, as in "PT30S")', "other text"),
        (MONEY, 0.5, "", 'money (as in "USD 0.50")', "float"),
        (
            TIME,
            datetime(2026, 1, 2),
            "",
            WRITTEN_TIME,
            "a time without a zone",
        ),
        (FILE, "", "", "file (a path)", "other text"),
        (JSON, {"a": [{1}]}, "/a/0", "json", "a Python set"),
        (JSON, {"a/b~c": float("inf")}, "/a~1b~0c", "float", "NaN or an infinite number"),
        (JSON, {1: 2}, "", "string as a key", "int"),
        (TOPIC, "bgu", "", '"bug" | "other"', "other text"),
        (ListType(INT), [1, [2]], "/1", "int", "list"),
        (ListType(INT), Money(1), "", "list[int]", "money"),
        (MapType(INT), {"k": "v"}, "/k", "int", "string"),
        (VERDICT, [], "", "Verdict", "list"),
        (VERDICT, {}, "/urgent", "bool", "nothing"),
        (SHAPES, {"value": 1}, "/kind", '"ok" | "err"', "nothing"),
        (SHAPES, {"kind": "nope"}, "/kind", '"ok" | "err"', "other text"),
        (SHAPES, {"kind": "ok", "value": None}, "/value", "int", "none"),
        (UnionType((INT, BOOL)), "a", "", "int | bool", "other text"),
        (SECRET, "s3cr3t", "", "secret", "string"),
        (NEVER, 1, "", "never", "int"),
    ],
)
def test_what_does_not_pass(type_: Type, raw: object, path: str, expected: str, got: str) -> None:
    """A mismatch says where by JSON pointer, what was expected and which kind came (cases 52 to 54)."""
    found = admit(type_, raw)
    assert isinstance(found, Mismatch)
    assert (path, expected, got) == astuple(found)[:3]


def test_constraints_are_checked() -> None:
    """Ranges and lengths include their ends, and let none pass where the type does."""
    good = {"urgent": True, "topic": "bug", "confidence": 1}
    assert [True, False, True, False] == [
        isinstance(admit(VERDICT, {**good, **change}), Mismatch)
        for change in ({"confidence": 1.01}, {"notes": "abc"}, {"notes": "abcd"}, {"notes": None})
    ]
    said = admit(VERDICT, {**good, "confidence": -1})
    assert isinstance(said, Mismatch)
    assert "at /confidence: expected float @range(0, 1), got float outside of it" == said.message


def test_what_came_is_shown_without_secrets() -> None:
    """The beginning of a wrong text, on one line; a secret is blotted out before the text is cut."""
    found = [admit(TOPIC, raw) for raw in ("a\nb", "x" * 70 + "sk-secret-123456")]
    assert [
        'expected "bug" | "other", got other text: "a b"',
        'expected "bug" | "other", got other text: "' + "x" * 70 + '***"',
    ] == [one.shown(("sk-secret-123456",)) for one in found if isinstance(one, Mismatch)]
    number = admit(INT, 1.5)
    assert isinstance(number, Mismatch)
    assert "expected int, got float: 1.5" == number.shown(())


def test_a_pattern_is_asked_at_the_doors() -> None:
    """A text that does not match is refused, as an input of a run and in an answer; none passes where it may."""
    ticket = FieldType("id", OptionalType(STRING), constraints=(Pattern("T-[0-9]+"),))
    assert {"id": "T-1"} == admit(RecordType((ticket,)), {"id": "T-1"})
    assert {"id": None} == admit(RecordType((ticket,)), {})
    found = admit_inputs([ticket], {"id": "T-1\n"})
    assert isinstance(found, tuple)
    assert ['at /id: expected string? @pattern("T-[0-9]+"), got string outside of it'] == [m.message for m in found]


@given(st.text(min_size=9, alphabet="0123456789"))
def test_a_mismatch_never_shows_the_data(secret: str) -> None:
    """Neither the text nor the number that came stands in the message (case 61)."""
    raw = {"urgent": True, "topic": secret, "confidence": secret, "notes": secret}
    for type_ in (VERDICT, INT, TOPIC, DURATION, MONEY, TIME, RecordType((FieldType("topic", INT),))):
        found = admit(type_, raw if isinstance(type_, RecordType) else secret)
        assert isinstance(found, Mismatch)
        assert secret not in found.message


def test_half_characters_are_replaced_and_told() -> None:
    """A lone surrogate becomes U+FFFD and is noted; NUL and emoji stay (cases D16, 55)."""
    notes: list[str] = []
    assert {"a\ufffd": ("\ufffdb", "\0", "😀")} == admit(JSON, {"a\ud800": ["\udfffb", "\0", "😀"]}, notes)
    assert ["half characters of a text were replaced by U+FFFD"] * 2 == notes


def test_depth_and_size_are_bounded() -> None:
    """Data without end, deep or wide, is refused, whoever made it (cases 56, 104)."""
    endless: list[object] = []
    endless.append(endless)
    wide: object = [0]
    for _ in range(40):
        wide = [wide, wide]
    for raw, said in ((endless, "at most 64 levels"), (wide, f"at most {MAX_NODES:,} values")):
        found = admit(JSON, raw)
        assert isinstance(found, Mismatch)
        assert said == found.expected


def test_names_of_fields_cannot_forge_lines() -> None:
    """A pointer is one line of bounded length (case 60)."""
    assert "/a?b/" + "x" * 57 + "..." == pointer(["a\nb", "x" * 500])


@given(st.data())
def test_plain_json_passes_the_json_door(data: st.DataObject) -> None:
    """Whatever JSON a value has passes the door unchanged."""
    plain = data.draw(
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=5)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
        )
    )
    value = door(JSON)(plain)
    assert not isinstance(value, Mismatch)
    assert plain == forms.to_plain(value)


# --- the inputs of a run ------------------------------------------------------------------------------------------

PARAMS = (
    FieldType("n", INT, constraints=(Range(1, 10),)),
    FieldType("name", STRING, default="x"),
    FieldType("more", OptionalType(INT)),
)


def test_inputs() -> None:
    """Defaults and absent optionals are filled in."""
    assert {"n": 3, "name": "x", "more": None} == admit_inputs(PARAMS, {"n": 3})


def test_all_that_is_wrong_with_inputs_is_told_at_once() -> None:
    """Missing, extra and mistyped parameters each have a line with a pointer (case 52)."""
    found = admit_inputs(PARAMS, {"nam": 1, "name": 2})
    assert isinstance(found, tuple)
    assert [
        "at /nam: expected no such parameter, got a value",
        "at /n: expected int, got nothing",
        "at /name: expected string, got int",
    ] == [mismatch.message for mismatch in found]
