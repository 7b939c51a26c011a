"""How long a server asks to be left alone. Pure and strict: what is not exactly a wait is no wait (case R12)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

LONGEST = timedelta(days=3660)
"""What asks for more asks for this: beyond every deadline, and safe to add to a time."""

_MILLISECONDS = re.compile(r"([0-9]{1,15})(?:\.[0-9]{1,9})?", re.ASCII)
_SECONDS = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?", re.ASCII)
_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT",
    re.ASCII,
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """The least wait that a response asks for; zero for a moment that has passed, None when it asks for none.

    Args:
        headers: of the response, names in small letters: `retry-after-ms`, `retry-after`, `date`.
        now: taken for the server's clock when the response has no `Date` of its own (case R13).
    """
    found = _MILLISECONDS.fullmatch(headers.get("retry-after-ms", "").strip(" \t"))
    if found is not None:
        return min(LONGEST, timedelta(milliseconds=int(found[1])))
    asked = headers.get("retry-after", "").strip(" \t")
    found = _SECONDS.fullmatch(asked)
    if found is not None:
        return min(LONGEST, timedelta(seconds=int(found[1]), microseconds=int((found[2] or "").ljust(6, "0")[:6])))
    until = read_http_date(asked)
    if until is None:
        return None
    since = read_http_date(headers.get("date", "").strip(" \t")) or now
    return min(LONGEST, max(timedelta(0), until - since))


def read_http_date(text: str) -> datetime | None:
    """The time that an HTTP date names (`Sun, 06 Nov 1994 08:49:37 GMT`); None for any other text."""
    found = _DATE.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[part]) for part in (1, 3, 4, 5, 6))
    try:
        return datetime(year, _MONTHS.index(found[2]) + 1, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
