"""Values in their three written forms."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.plan import forms
from leadflow.plan.operators import Gauge, NoValue, equal, same_key
from leadflow.plan.types import FileRef, Money, Value
from tests.values import values


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(seconds=90), "PT1M30S"),
        (timedelta(days=2), "P2D"),
        (timedelta(days=1, milliseconds=250), "P1DT0.25S"),
        (timedelta(seconds=-5), "-PT5S"),
    ],
)
def test_durations(duration: timedelta, text: str) -> None:
    """A duration is ISO 8601 (rule E3)."""
    assert text == forms.duration_text(duration)


@given(st.timedeltas())
def test_durations_come_back(duration: timedelta) -> None:
    """Reading undoes writing, to the microsecond."""
    assert duration == forms.read_duration(forms.duration_text(duration))


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "-P", "PT1", "P1Y", "1h", "PT1S ", "PT1.5M", "P999999999DT24H", "PT٣S"]
)
def test_what_is_no_duration(text: str) -> None:
    """Years, months, rests and foreign digits are no durations."""
    assert None is forms.read_duration(text)


def test_written_durations() -> None:
    """A duration may be written as in a flow."""
    written = {
        "1h30m": 5400.0,
        "1.5s": 1.5,
        "250ms": 0.25,
        "2d": 172_800.0,
        "30": None,
        "s": None,
        "-1s": None,
        "1x": None,
    }
    read = {text: forms.read_written_duration(text) for text in written}
    assert written == {text: None if found is None else found.total_seconds() for text, found in read.items()}


@given(st.integers(-(10**15), 10**15).map(Money))
def test_money_comes_back(money: Money) -> None:
    """Money is exact, in dollars with two decimals or more."""
    assert money == forms.read_money(str(money))


def test_money() -> None:
    """Money names its currency (rule E3)."""
    amounts = (500_000, -1_250_000, 1, 10_000_000)
    assert ["USD 0.50", "USD -1.25", "USD 0.000001", "USD 10.00"] == [str(Money(m)) for m in amounts]
    assert Money(500_000) == forms.read_money("$0.5")
    assert [None] * 5 == [forms.read_money(text) for text in ("0.5", "EUR 1.00", "USD 1.1234567", "USD -", "$-1")]


def test_times() -> None:
    """A time always has its zone."""
    east = timezone(timedelta(hours=5, minutes=30))
    assert "2026-01-02T03:04:05Z" == forms.time_text(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert "2026-01-02T03:04:05+05:30" == forms.time_text(datetime(2026, 1, 2, 3, 4, 5, tzinfo=east))
    assert datetime(2026, 1, 2, 3, 4, 5, 250_000, tzinfo=east) == forms.read_time("2026-01-02 03:04:05.25+05:30")
    junk = ("2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "0001-01-01T00:00:00+23:00", "now")
    assert [None] * 5 == [forms.read_time(text) for text in junk]


def test_plain_json() -> None:
    """What JSON has no form for is its text."""
    value: Value = {"d": timedelta(seconds=1), "m": Money(1), "f": FileRef("a"), "l": (None, True, 1.0)}
    assert '{"d":"PT1S","m":"USD 0.000001","f":"a","l":[null,true,1.0]}' == forms.to_json_text(value)


@given(values())
def test_kept_values_come_back(value: Value) -> None:
    """Lossless JSON gives the same value again, its kinds and the order of its keys included (cases D16, D17)."""
    assert repr(value) == repr(forms.from_kept(forms.kept(value)))


@given(values(), values())
def test_canonical_bytes_tell_values_apart(one: Value, other: Value) -> None:
    """Equal bytes are equal values; what is equal and of the same kinds has equal bytes."""
    assert equal(one, other, Gauge()) or forms.canonical(one) != forms.canonical(other)
    assert forms.canonical({"a": one, "b": other}) == forms.canonical({"b": other, "a": one})


@given(values(), values())
def test_keys_of_values_agree_with_equality(one: Value, other: Value) -> None:
    """Two values have the same key exactly when they are equal."""
    meter = Gauge()
    assert equal(one, other, meter) == (same_key(one, meter) == same_key(other, meter))
    assert same_key(one, meter) == same_key(forms.from_kept(forms.kept(one)), meter)


@pytest.mark.parametrize(
    "data", [b"{", b'{"$money": "x"}', b'{"$nope": 1}', b'{"$time": "now"}', b"\xff", b"[" * 100_000]
)
def test_only_kept_values_are_read(data: bytes) -> None:
    """What nobody can have written is refused, and nothing is made of it."""
    with pytest.raises(NoValue):
        forms.from_kept(data)
