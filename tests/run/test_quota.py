"""What a server says is left of its quota, read strictly."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.run.quota import Left, Quota, read_quota
from leadflow.run.retry_after import LONGEST

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def s(seconds: float) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1.0), ("6m0s", 360.0), ("20ms", 0.02), ("1m30.5s", 90.5), ("12", 12.0), ("1h1m1s", 3661.0), ("9us", 9e-6),
     ("2d", 172_800.0), ("0s", 0.0), ("3ns", 0.0), ("999999999d", LONGEST.total_seconds())],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: float) -> None:
    """As OpenAI writes them."""
    headers = {"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": text}
    assert Quota(Left(5, s(seconds))) == read_quota(headers, now=NOW)


def test_tokens_and_requests_are_read_apart() -> None:
    """Each has an amount and a reset of its own."""
    headers = {
        "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-remaining-tokens": "149984", "x-ratelimit-reset-tokens": "6ms",
    }  # fmt: skip
    assert Quota(Left(59, s(1)), Left(149_984, s(0.006))) == read_quota(headers, now=NOW)


def test_times_are_read_against_the_servers_own_clock() -> None:
    """R13: as Anthropic writes them; with a `Date`, a skewed clock of ours does not matter. A past time is no wait."""
    headers = {
        "anthropic-ratelimit-requests-remaining": "3",
        "anthropic-ratelimit-requests-reset": "2026-01-02T12:00:30Z",
    }
    assert Quota(Left(3, s(30))) == read_quota(headers, now=NOW)
    assert Quota(Left(3, s(0))) == read_quota(headers, now=NOW + s(60))
    dated = {**headers, "date": "Fri, 02 Jan 2026 12:00:20 GMT"}
    assert Quota(Left(3, s(10))) == read_quota(dated, now=NOW + s(9999))


def test_of_several_kinds_of_tokens_the_least_counts() -> None:
    """Input and output tokens have quotas of their own."""
    kinds = {"tokens": "90000", "input-tokens": "50000", "output-tokens": "7"}
    headers = {f"anthropic-ratelimit-{kind}-remaining": amount for kind, amount in kinds.items()}
    headers |= {f"anthropic-ratelimit-{kind}-reset": "2026-01-02T12:00:01Z" for kind in kinds}
    assert Quota(None, Left(7, s(1))) == read_quota(headers, now=NOW)


JUNK = ["", "nan", "inf", "-1", "+1", "1_000", "1e3", "٣", "1" * 309, "1, 2", "0x10", " 1", "1.5.5s", "s", "1x", "soon"]


@pytest.mark.parametrize("text", [*JUNK, "2026-13-02T12:00:30Z", "2026-01-02 12:00:30", "2026-01-02T12:00:30Z\n"])
def test_r12_junk_says_nothing(text: str) -> None:
    """R12: what is not exactly an amount, or a time, is ignored."""
    assert None is read_quota({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": text}, now=NOW)
    if text != "":
        assert None is read_quota({"x-ratelimit-remaining-tokens": text, "x-ratelimit-reset-tokens": "1s"}, now=NOW)


def test_an_amount_without_a_time_says_nothing() -> None:
    """Nobody knows until when it holds."""
    assert None is read_quota({"x-ratelimit-remaining-requests": "0"}, now=NOW)


@given(st.text(max_size=30) | st.from_regex(r"([0-9]{1,12}(\.[0-9]{0,10})?(ms|s|m|h|d))*"), st.text(max_size=20))
def test_r12_no_text_breaks_it(reset: str, amount: str) -> None:
    """R12: never an exception, a negative wait, or one without an end."""
    for name in ("x-ratelimit-reset-requests", "anthropic-ratelimit-requests-reset"):
        headers = {"x-ratelimit-remaining-requests": amount, "anthropic-ratelimit-requests-remaining": "5", name: reset}
        found = read_quota(headers, now=NOW)
        assert found is None or (found.requests is not None and timedelta(0) <= found.requests.reset <= LONGEST)


@given(
    st.dictionaries(
        st.sampled_from(
            ["date", "x-ratelimit-reset-tokens", "anthropic-ratelimit-tokens-remaining", "x-ratelimit-remaining-tokens",
             "anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-input-tokens-remaining", "retry-after"]
        ),
        st.sampled_from(["", "5", "1s", "-1", "2026-01-02T12:00:30Z", "Fri, 02 Jan 2026 12:00:00 GMT"]),
    )
)  # fmt: skip
def test_what_says_nothing_changes_nothing(headers: dict[str, str]) -> None:
    """Headers that say nothing of a quota are not looked into; that finds what looking into them finds."""
    junk = {"x-ratelimit-remaining-requests": "many", **headers}
    assert read_quota(junk, now=NOW) == read_quota(headers, now=NOW)
