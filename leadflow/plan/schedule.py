"""Schedules as cron writes them: five fields, read into the minutes, hours and days that they name.

Pure: knows the calendar, no clock. A schedule that can be read may still never come: the 31st of February.
"""

from collections.abc import Mapping
from typing import NamedTuple

from leadflow.record import record


class _Field(NamedTuple):
    """What one field may say."""

    name: str
    low: int
    high: int
    words: Mapping[str, int]


_MONTHS = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "may": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
}
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month, of February in a leap year."""
_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@record
class Schedule:
    """When something starts: at each minute that all fields name."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    """Of the month."""
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    either: bool
    """Both the day of the month and of the week are said: one of them is enough, as cron has it."""

    @property
    def comes(self) -> bool:
        """Whether there is such a day in any year."""
        if self.either or self.weekdays != frozenset(range(7)):
            return True
        return any(min(self.days) <= _LONGEST[month - 1] for month in self.months)


@record
class BadSchedule:
    """Why a text is no schedule."""

    why: str
    part: str = ""
    """The part of the text that is wrong; empty for all of it."""


def read_schedule(text: str) -> Schedule | BadSchedule:
    """Read `minute hour day month weekday`; what is wrong with it is returned, not raised."""
    parts = text.split()
    if len(parts) == 1 and parts[0].lower() in _SHORT:
        return BadSchedule(f"'{parts[0]}' is written '{_SHORT[parts[0].lower()]}' here")
    if len(parts) != len(_FIELDS):
        hint = "a schedule has five fields: minute, hour, day of the month, month, day of the week"
        return BadSchedule(hint if parts else f"{hint}; this has none")
    found: list[frozenset[int]] = []
    for part, field in zip(parts, _FIELDS, strict=True):
        values = _values(part, field)
        if isinstance(values, BadSchedule):
            return values
        found.append(values)
    minutes, hours, days, months, weekdays = found
    weekdays = frozenset(day % 7 for day in weekdays)
    either = not parts[2].startswith("*") and not parts[4].startswith("*")
    return Schedule(minutes, hours, days, months, weekdays, either)


def _values(text: str, field: _Field) -> frozenset[int] | BadSchedule:
    """What one field names: `*`, `5`, `1-5`, `*/15`, `mon,wed`."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        every = _number(step, field, low=1) if slash else 1
        if isinstance(every, BadSchedule):
            return BadSchedule(f"the step of '{part}' is a number from 1 to {field.high}", part)
        if span == "*":
            low, high = field.low, field.high
        else:
            first, dash, last = span.partition("-")
            start = _number(first, field, low=field.low)
            end = _number(last, field, low=field.low) if dash else (field.high if slash else start)
            if isinstance(start, BadSchedule):
                return start
            if isinstance(end, BadSchedule):
                return end
            low, high = start, end
        if low > high:
            first, _, last = span.partition("-")
            return BadSchedule(f"'{span}' counts downwards; write '{last}-{first}', or '{first}-{field.high},…'", part)
        found.update(range(low, high + 1, every))
    return frozenset(found)


def _number(text: str, field: _Field, *, low: int) -> int | BadSchedule:
    known = field.words.get(text.lower())
    if known is not None:
        return known
    if text.isascii() and text.isdigit() and len(text) < 4 and low <= int(text) <= field.high:
        return int(text)
    if not text:
        return BadSchedule(f"a {field.name} is missing beside a ',' or '-'")
    words = f", or {', '.join(field.words)}" if field.words else ""
    return BadSchedule(f"'{text}' is no {field.name}: it is from {field.low} to {field.high}{words}", text)
