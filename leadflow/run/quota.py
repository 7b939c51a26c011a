"""What an upstream says is left of its own quota. Pure and strict: what is not exactly a number and a time is nothing.

x-ratelimit-remaining-requests: 59             x-ratelimit-reset-requests: 6m0s
x-ratelimit-remaining-tokens: 149984           x-ratelimit-reset-tokens: 20ms
anthropic-ratelimit-requests-remaining: 59     anthropic-ratelimit-requests-reset: 2026-01-02T12:00:30Z
anthropic-ratelimit-tokens-remaining: 39000    (also input-tokens, output-tokens: the least of them counts)
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from leadflow.record import record
from leadflow.run.retry_after import LONGEST, read_http_date

_AMOUNT = re.compile(r"[0-9]{1,15}", re.ASCII)
_PART = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?(ms|us|µs|ns|d|h|m|s)", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_UNITS = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1000, "us": 1, "µs": 1}
"""In microseconds; what is shorter is nothing."""
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)Z", re.ASCII)


@record
class Left:
    """So much may still be asked for until the quota is whole again."""

    amount: int
    reset: timedelta
    """From the answer on."""


@record
class Quota:
    """What is left; None: nothing was said."""

    requests: Left | None = None
    tokens: Left | None = None


def _names(*axes: str) -> Sequence[tuple[str, str]]:
    """The headers that say how much is left, and until when."""
    openai = [(f"x-ratelimit-remaining-{axis}", f"x-ratelimit-reset-{axis}") for axis in axes]
    anthropic = [(f"anthropic-ratelimit-{axis}-remaining", f"anthropic-ratelimit-{axis}-reset") for axis in axes]
    return (*openai, *anthropic)


_REQUESTS = _names("requests")
_TOKENS = _names("tokens", "input-tokens", "output-tokens")
_SAID = frozenset(amount for amount, _ in (*_REQUESTS, *_TOKENS))


def read_quota(headers: Mapping[str, str], *, now: datetime) -> Quota | None:
    """What the headers of an answer say of the quota; None when they say nothing that can be used.

    Args:
        headers: names in small letters.
        now: taken for the server's clock when the answer has no `Date` of its own.
    """
    if _SAID.isdisjoint(headers):
        return None
    requests = min(_told(headers, now, _REQUESTS), key=_by_amount, default=None)
    tokens = min(_told(headers, now, _TOKENS), key=_by_amount, default=None)
    return None if requests is None and tokens is None else Quota(requests, tokens)


def _by_amount(left: Left) -> int:
    return left.amount


def _told(headers: Mapping[str, str], now: datetime, names: Sequence[tuple[str, str]]) -> Iterator[Left]:
    for amount, reset in names:
        if amount in headers and _AMOUNT.fullmatch(headers[amount]):
            wait = _reset(headers.get(reset, ""), headers, now)
            if wait is not None:
                yield Left(int(headers[amount]), wait)


def _reset(text: str, headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """`1m30.5s`, `12`, or a time; a time that has passed is no wait."""
    found = _TIME.fullmatch(text)
    if found is not None:
        try:
            until = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        except ValueError:
            return None
        since = read_http_date(headers.get("date", "").strip(" \t")) or now
        return min(LONGEST, max(timedelta(0), until - since))
    return _duration(text)


def _duration(text: str) -> timedelta | None:
    if _SECONDS.fullmatch(text):
        text += "s"
    micros, at = 0, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        whole, fraction, unit = part[1], (part[2] or "").ljust(9, "0"), _UNITS.get(part[3], 0)
        micros += int(whole) * unit + int(fraction) * unit // 1_000_000_000
        at = part.end()
    return timedelta(microseconds=min(micros, LONGEST // timedelta(microseconds=1))) if text else None
