"""What a server asks for, read strictly."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.run.retry_after import LONGEST, retry_after

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
SOON = "Fri, 02 Jan 2026 12:00:30 GMT"
PAST = "Thu, 01 Jan 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "30"}, 0.25),
        ({"retry-after": SOON}, 30.0),
        ({"retry-after": PAST}, 0.0),
        ({"retry-after": "99999999999"}, LONGEST.total_seconds()),
    ],
)
def test_r12_what_is_read(headers: dict[str, str], seconds: float) -> None:
    """R12: seconds, fractions, milliseconds and HTTP dates; a moment that has passed is no wait."""
    found = retry_after(headers, now=NOW)
    assert found is not None
    assert seconds == found.total_seconds()


JUNK = ["", "nan", "inf", "-1", "+1", "1_000", "1e3", "٣", "1" + "0" * 309, "1, 2", "0x10", "30s", "1.", ".5", "soon"]


@pytest.mark.parametrize("text", [*JUNK, "Fri, 32 Jan 2026 12:00:30 GMT", "Fri, 02 Jam 2026 12:00:30 GMT", SOON + "\n"])
def test_r12_junk_is_no_wait(text: str) -> None:
    """R12: what is not exactly a wait is ignored."""
    assert None is retry_after({"retry-after": text, "retry-after-ms": text}, now=NOW)


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[0-9]{1,320}(\.[0-9]{0,12})?")))
def test_r12_no_text_breaks_it(text: str) -> None:
    """R12: never an exception, a negative wait, or one without an end."""
    for headers in ({"retry-after": text}, {"retry-after-ms": text}, {"retry-after": SOON, "date": text}):
        found = retry_after(headers, now=NOW)
        assert found is None or (timedelta(0) <= found <= LONGEST and math.isfinite(found.total_seconds()))


def test_r13_a_date_is_read_against_the_servers_own_clock() -> None:
    """R13: with a `Date` header, a skewed clock of ours does not matter."""
    headers = {"retry-after": SOON, "date": "Fri, 02 Jan 2026 12:00:00 GMT"}
    assert timedelta(seconds=30) == retry_after(headers, now=NOW + timedelta(days=400))
