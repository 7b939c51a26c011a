"""Numbers with the units that people write elsewhere -> how they are written here. Knows no grammar."""

import re
from decimal import Decimal

OWN_UNITS = frozenset({"ms", "s", "m", "h", "d", "KB", "MB", "GB"})
"""What touches its number."""

_TOUCHING = {
    **dict.fromkeys(("sec", "secs", "second", "seconds", "S"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes", "M"), "m"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours", "H"), "h"),
    **dict.fromkeys(("day", "days", "D"), "d"),
    **dict.fromkeys(("msec", "millis", "millisecond", "milliseconds", "MS"), "ms"),
    **dict.fromkeys(("kb", "kB", "Kb", "KiB"), "KB"),
    **dict.fromkeys(("mb", "Mb", "MiB"), "MB"),
    **dict.fromkeys(("g", "G", "gb", "Gb", "GiB"), "GB"),
    **{unit: unit for unit in OWN_UNITS},
}
_RATES = {
    **dict.fromkeys(("rps", "qps"), "second"),
    **dict.fromkeys(("rpm", "tpm", "qpm"), "minute"),
    **dict.fromkeys(("rph", "tph"), "hour"),
    **dict.fromkeys(("rpd", "tpd"), "day"),
}
_PER = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
_WEEKS = {"w", "week", "weeks"}
_DOLLARS = {"usd", "dollar", "dollars"}
_THOUSANDS = {"k": 10**3, "K": 10**3}
_MILLIONS = {"m": 10**6, "M": 10**6}


def per(unit: str) -> str:
    """The unit of a rate behind `per`: `60/min` is `60 per minute`."""
    return _PER.get(_TOUCHING.get(unit, ""), unit)


def with_unit(number: str, unit: str, *, of_tokens: bool = False) -> str | None:
    """How a number with a unit is written; None when nobody knows what the unit means.

    `of_tokens` says that the number counts tokens: `1M` of them are a million.
    """
    many = (_THOUSANDS | _MILLIONS if of_tokens else _THOUSANDS).get(unit)
    if many:
        count = Decimal(number.lstrip("$").replace("_", "")) * many
        return f"{'$' if number.startswith('$') else ''}{int(count):_}" if count % 1 == 0 else None
    if unit.casefold() in _DOLLARS:
        return f"${number.lstrip('$')}"
    if number.startswith("$"):
        return None
    if unit.casefold() in _RATES:
        return f"{number} per {_RATES[unit.casefold()]}"
    if unit in _WEEKS:
        return f"{7 * int(number)}d" if number.isdecimal() else None
    return number + _TOUCHING[unit] if unit in _TOUCHING else None


_NAMED = re.compile(r"tokens:[ ]*$")
_NEAR = 40


def counts_tokens(text: str, start: int) -> bool:
    """Whether the number that begins at an offset counts tokens, by the name before it."""
    return _NAMED.search(text[max(0, start - _NEAR) : start]) is not None
