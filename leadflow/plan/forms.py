"""How values are written: as JSON for people and services, as text in a hole, and as lossless JSON for keeping.

Plain JSON (rule E3): a duration is ISO 8601, money `"USD 0.50"`, a time RFC 3339 with its zone, a file its path. It
does not tell a duration from a text that looks like one. Kept JSON does (cases D16, D17): what JSON has no form for is
an object with one key that begins with `$`, and a key of the author's that begins with `$` gets another `$`. Reading
it makes values and nothing else, whatever stands there.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from leadflow.plan.operators import NoValue, kind
from leadflow.plan.types import FileRef, Money, Value

Plain: TypeAlias = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None

# --- single values ------------------------------------------------------------------------------------------------

_MICROSECOND = timedelta(microseconds=1)
_PARTS = (("D", 86_400_000_000), ("H", 3_600_000_000), ("M", 60_000_000))
_ISO_DURATION = re.compile(
    r"(-?)P(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?"
    r"(T(?:([0-9]{1,12})H)?(?:([0-9]{1,12})M)?(?:([0-9]{1,15})(?:[.,]([0-9]{1,6}))?S)?)?"
)
_WRITTEN_DURATION = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,6})?(?:ms|s|m|h|d))+")
_WRITTEN_PART = re.compile(r"([0-9]+)(?:\.([0-9]+))?([a-z]+)")
_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_MONEY = re.compile(r"(?:USD (-?)|\$)([0-9]{1,12})(?:\.([0-9]{1,6}))?")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def duration_text(value: timedelta) -> str:
    """ISO 8601: `PT1H30M`, `P2D`, `PT0.5S`, `-PT5S`."""
    micros = value // _MICROSECOND
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    pieces: dict[str, str] = {}
    for letter, unit in _PARTS:
        count, micros = divmod(micros, unit)
        pieces[letter] = f"{count}{letter}" if count else ""
    seconds, rest = divmod(micros, 1_000_000)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    last = f"{seconds}{fraction}S" if seconds or rest else ""
    clock = pieces["H"] + pieces["M"] + last
    if not pieces["D"] and not clock:
        return "PT0S"
    return f"{sign}P{pieces['D']}{'T' + clock if clock else ''}"


def read_duration(text: str) -> timedelta | None:
    """The duration that an ISO 8601 text names (weeks, days, hours, minutes, seconds); None for any other text."""
    found = _ISO_DURATION.fullmatch(text)
    if found is None or text[-1] in "PT":
        return None
    sign, weeks, days, _, hours, minutes, seconds, fraction = found.groups()
    try:
        value = timedelta(
            weeks=int(weeks or 0),
            days=int(days or 0),
            hours=int(hours or 0),
            minutes=int(minutes or 0),
            seconds=int(seconds or 0),
            microseconds=int((fraction or "0").ljust(6, "0")),
        )
        return -value if sign else value
    except OverflowError:
        return None


def read_written_duration(text: str) -> timedelta | None:
    """The duration that a literal such as `1h30m` is; None for any other text."""
    if _WRITTEN_DURATION.fullmatch(text) is None:
        return None
    micros = 0
    for count, fraction, unit in _WRITTEN_PART.findall(text):
        micros += int(count) * _UNITS[unit] + (int(fraction) * _UNITS[unit] // 10 ** len(fraction) if fraction else 0)
    try:
        return timedelta(microseconds=micros)
    except OverflowError:
        return None


def read_money(text: str) -> Money | None:
    """The money that `USD 0.50` or the literal `$0.50` is; None for any other text."""
    found = _MONEY.fullmatch(text)
    if found is None:
        return None
    sign, dollars, decimals = found.groups()
    micros = int(dollars) * 1_000_000 + int((decimals or "0").ljust(6, "0"))
    return Money(-micros if sign else micros)


def time_text(value: datetime) -> str:
    """RFC 3339; UTC is `Z`."""
    text = value.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def read_time(text: str) -> datetime | None:
    """The time that an RFC 3339 text names; None for any other text, and for one without a zone."""
    if _TIME.fullmatch(text) is None:
        return None
    try:
        value = datetime.fromisoformat(text.upper())
        value.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return value


# --- JSON ---------------------------------------------------------------------------------------------------------


def to_plain(value: Value) -> Plain:
    """The value as plain JSON data. Its size is the caller's concern (`check_size`)."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case timedelta():
            return duration_text(value)
        case Money():
            return str(value)
        case datetime():
            return time_text(value)
        case FileRef(path):
            return path
        case tuple():
            return [to_plain(item) for item in value]
        case _:
            return {name: to_plain(item) for name, item in value.items()}


def to_json_text(value: Value) -> str:
    """The value as compact JSON text."""
    return json.dumps(to_plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def to_text(value: Value) -> str:
    """The value as it stands in a hole: a text itself, `none`, and else its JSON form without quotes around it."""
    match value:
        case str():
            return value
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case timedelta() | Money() | datetime() | FileRef():
            return str(to_plain(value))
        case _:
            return to_json_text(value)


# --- lossless JSON ------------------------------------------------------------------------------------------------


def keep(value: Value) -> Plain:
    """The value as JSON data from which `unkeep` makes the same value again."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case timedelta():
            return {"$duration": value // _MICROSECOND}
        case Money(micros):
            return {"$money": micros}
        case datetime():
            return {"$time": value.isoformat()}
        case FileRef(path):
            return {"$file": path}
        case tuple():
            return [keep(item) for item in value]
        case _:
            return {f"${name}" if name[:1] == "$" else name: keep(item) for name, item in value.items()}


def unkeep(raw: object) -> Value:
    """The value that `keep` wrote.

    Raises:
        NoValue: nobody can have written that.
    """
    match raw:
        case None | bool() | int() | float() | str():
            return raw
        case list():
            return tuple(unkeep(item) for item in raw)
        case dict():
            if len(raw) == 1 and (tag := next(iter(raw)))[:1] == "$" and tag[:2] != "$$":
                return _untag(tag, raw[tag])
            return {name.removeprefix("$"): unkeep(item) for name, item in raw.items()}
        case _:
            raise NoValue(f"{kind(raw)} is no kept value")


def _untag(tag: str, raw: Any) -> Value:
    try:
        match tag, raw:
            case "$duration", int():
                return timedelta(microseconds=raw)
            case "$money", int():
                return Money(raw)
            case "$time", str():
                return datetime.fromisoformat(raw)
            case "$file", str():
                return FileRef(raw)
    except (ValueError, OverflowError):
        pass
    raise NoValue(f"{tag!r} with {kind(raw)} is no kept value")


def kept(value: Value) -> bytes:
    """The value as bytes to keep: lossless, its keys in their order."""
    return _dump(keep(value), in_order=True)


def canonical(value: Value) -> bytes:
    """The value as bytes that are the same for equal records, whatever the order of their keys: for hashes."""
    return _dump(keep(value), in_order=False)


def _dump(data: Plain, *, in_order: bool) -> bytes:
    written = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=not in_order)
    return written.encode("utf-8", "surrogatepass")


def from_kept(data: bytes) -> Value:
    """The value that `kept` or `canonical` wrote.

    Raises:
        NoValue: it is none.
    """
    try:
        return unkeep(json.loads(data.decode("utf-8", "surrogatepass")))
    except (ValueError, RecursionError):
        raise NoValue("not JSON") from None
