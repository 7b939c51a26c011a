"""The built-in functions at run time: one per row of `plan/functions.py`, same names, arguments in the row's order.

All are pure and total: what may be missing is none. Each pays for its work before it does it, so that none can be
made to take long or to make something huge. Arguments are of the row's types; what is not is a `NoValue`.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, cast

from leadflow.plan import forms
from leadflow.plan.operators import (
    MAX_INT,
    Meter,
    NoValue,
    add,
    contains,
    divide,
    equal,
    finite,
    kind,
    list_of_size,
    order_kind,
    pay_for_text,
    same_key,
    spend,
    text_of_size,
    whole,
)
from leadflow.plan.types import Money, Value
from leadflow.run.inputs import JsonLimits, read_json
from leadflow.run.values import Mismatch

Function: TypeAlias = Callable[..., Value]
"""Takes the meter, then the arguments; trailing ones may be left out as the row says."""

Items: TypeAlias = tuple[Any, ...]
Entries: TypeAlias = Mapping[str, Any]


# --- arguments ----------------------------------------------------------------------------------------------------


def _text(value: Any, meter: Meter) -> str:
    if type(value) is not str:
        raise NoValue(f"a string is needed, not {kind(value)}")
    spend(meter, len(value) >> 6)
    return value


def _items(value: Any, meter: Meter) -> Items:
    if type(value) is not tuple:
        raise NoValue(f"a list is needed, not {kind(value)}")
    spend(meter, len(value))
    return value


def _entries(value: Any, meter: Meter) -> Entries:
    if type(value) is not dict:
        raise NoValue(f"a map or record is needed, not {kind(value)}")
    spend(meter, len(value))
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise NoValue(f"an int is needed, not {kind(value)}")
    return value


def _number(value: Any) -> int | float:
    if type(value) is not int and type(value) is not float:
        raise NoValue(f"a number is needed, not {kind(value)}")
    return value


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise NoValue(f"a time is needed, not {kind(value)}")
    return value


# --- text ---------------------------------------------------------------------------------------------------------


def _len(meter: Meter, of: Any) -> Value:
    if type(of) in (str, tuple, dict):
        return len(of)
    raise NoValue(f"{kind(of)} has no length")


def _upper(meter: Meter, text: Any) -> Value:
    return _text(text, meter).upper()


def _lower(meter: Meter, text: Any) -> Value:
    return _text(text, meter).lower()


def _trim(meter: Meter, text: Any) -> Value:
    return _text(text, meter).strip()


def _contains(meter: Meter, text: Any, part: Any) -> Value:
    return contains(_text(part, meter), _text(text, meter), meter)


def _starts_with(meter: Meter, text: Any, part: Any) -> Value:
    return _text(text, meter).startswith(_text(part, meter))


def _ends_with(meter: Meter, text: Any, part: Any) -> Value:
    return _text(text, meter).endswith(_text(part, meter))


def _replace(meter: Meter, text: Any, old: Any, new: Any) -> Value:
    whole_text, gone, come = _text(text, meter), _text(old, meter), _text(new, meter)
    if not gone:
        return whole_text
    size = len(whole_text) + whole_text.count(gone) * (len(come) - len(gone))
    text_of_size(size)
    spend(meter, size >> 6)
    return whole_text.replace(gone, come)


def _split(meter: Meter, text: Any, separator: Any) -> Value:
    whole_text, between = _text(text, meter), _text(separator, meter)
    if not between:
        return (whole_text,)
    return _pieces(whole_text.split(between, _MOST_SPLITS), meter)


def _lines(meter: Meter, text: Any) -> Value:
    pieces = _LINE_END.split(_text(text, meter), _MOST_SPLITS)
    return _pieces(pieces if pieces[-1] else pieces[:-1], meter)


def _words(meter: Meter, text: Any) -> Value:
    return _pieces(_text(text, meter).split(None, _MOST_SPLITS), meter)


_LINE_END = re.compile(r"\r\n|\n|\r")
_MOST_SPLITS = 100_001


def _pieces(pieces: list[str], meter: Meter) -> Value:
    list_of_size(len(pieces))
    spend(meter, len(pieces))
    return tuple(pieces)


def _join(meter: Meter, items: Any, separator: Any = "") -> Value:
    pieces, between = _items(items, meter), _text(separator, meter)
    for piece in pieces:
        if type(piece) is not str:
            raise NoValue(f"join takes a list of strings, not of {kind(piece)}")
    size = sum(map(len, pieces)) + len(between) * max(0, len(pieces) - 1)
    text_of_size(size)
    spend(meter, size >> 8)
    return between.join(pieces)


# --- conversions --------------------------------------------------------------------------------------------------


def _string(meter: Meter, value: Any) -> Value:
    if type(value) is str:
        return value
    pay_for_text(value, meter)
    return _of_size(forms.to_text(value))


def _of_size(text: str) -> str:
    text_of_size(len(text))
    return text


_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_FRACTION = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def _int(meter: Meter, value: Any) -> Value:
    if type(value) is str:
        text = value.strip() if len(value) < 100 else ""
        number = int(text) if _WHOLE.fullmatch(text) else None
        return number if number is not None and -MAX_INT - 1 <= number <= MAX_INT else None
    return whole(int(_number(value)))


def _float(meter: Meter, value: Any) -> Value:
    if type(value) is str:
        text = value.strip() if len(value) < 400 else ""
        number = float(text) if _FRACTION.fullmatch(text) else math.inf
        return number if math.isfinite(number) else None
    return finite(float(_number(value)))


def _parse_json(meter: Meter, text: Any) -> Value:
    spend(meter, len(_text(text, meter)) >> 2)
    raw = read_json(text, JsonLimits(keys=100_000))
    return None if isinstance(raw, Mismatch) else _frozen(raw)


def _frozen(raw: Any) -> Value:
    """What the JSON reader made, as a value; its depth is bounded by then."""
    if type(raw) is list:
        return tuple([_frozen(item) for item in raw])
    if type(raw) is dict:
        return {name: _frozen(item) for name, item in raw.items()}
    return cast(Value, raw)


def _to_json(meter: Meter, value: Any) -> Value:
    spend(meter, 20)
    pay_for_text(value, meter)
    return _of_size(forms.to_json_text(value))


_CLOCK_PARTS = re.compile("YYYY|MM|DD|hh|mm|ss")


def _format_time(meter: Meter, time: Any, pattern: Any) -> Value:
    moment = _moment(time).astimezone(UTC)
    parts = {
        "YYYY": f"{moment.year:04d}",
        "MM": f"{moment.month:02d}",
        "DD": f"{moment.day:02d}",
        "hh": f"{moment.hour:02d}",
        "mm": f"{moment.minute:02d}",
        "ss": f"{moment.second:02d}",
    }
    written = _text(pattern, meter)
    spend(meter, len(written))
    return _CLOCK_PARTS.sub(lambda found: parts[found[0]], written)


def _parse_time(meter: Meter, text: Any) -> Value:
    return forms.read_time(_text(text, meter))


def _seconds(meter: Meter, duration: Any) -> Value:
    if not isinstance(duration, timedelta):
        raise NoValue(f"a duration is needed, not {kind(duration)}")
    return duration.total_seconds()


# --- numbers ------------------------------------------------------------------------------------------------------


def _abs(meter: Meter, number: Any) -> Value:
    value = _number(number)
    return whole(abs(value)) if isinstance(value, int) else abs(value)


def _round(meter: Meter, number: Any, digits: Any = None) -> Value:
    value = _number(number)
    if digits is None:
        return whole(round(value))
    return finite(round(float(value), max(0, min(15, _whole(digits)))))


def _floor(meter: Meter, number: Any) -> Value:
    return whole(math.floor(_number(number)))


def _ceil(meter: Meter, number: Any) -> Value:
    return whole(math.ceil(_number(number)))


def _min(meter: Meter, *items: Any) -> Value:
    return _extreme(meter, items, min)


def _max(meter: Meter, *items: Any) -> Value:
    return _extreme(meter, items, max)


def _extreme(meter: Meter, items: Items, pick: Callable[[Items], Any]) -> Value:
    found = _items(items[0], meter) if len(items) == 1 else items
    _check_order(found, meter)
    return cast(Value, pick(found)) if found else None


def _check_order(items: Items, meter: Meter) -> None:
    """Refuse items that are not all of one ordered kind."""
    spend(meter, len(items))
    kinds = {order_kind(item) for item in items}
    if len(kinds) > 1:
        raise NoValue(f"cannot compare {' with '.join(sorted(kinds))}")
    if kinds == {"string"}:
        spend(meter, sum(map(len, items)) >> 8)


def _sum(meter: Meter, items: Any, start: Any = 0) -> Value:
    total: Value = _quantity(start)
    for item in _items(items, meter):
        total = add(total, item if type(item) is int else _quantity(item), meter)  # most are: a call less for each
    return total


def _quantity(value: Any) -> int | float | timedelta | Money:
    return value if type(value) in (timedelta, Money) else _number(value)


def _average(meter: Meter, items: Any) -> Value:
    found = _items(items, meter)
    if not found:
        return None
    if type(found[0]) in (timedelta, Money):
        return divide(_sum(meter, found[1:], found[0]), len(found), meter)
    try:
        return finite(math.fsum(_number(item) for item in found) / len(found))
    except OverflowError:
        raise NoValue("the number is out of range") from None


# --- lists --------------------------------------------------------------------------------------------------------


def _first(meter: Meter, items: Any) -> Value:
    found = _items(items, meter)
    return cast(Value, found[0]) if found else None


def _last(meter: Meter, items: Any) -> Value:
    found = _items(items, meter)
    return cast(Value, found[-1]) if found else None


def _take(meter: Meter, items: Any, n: Any) -> Value:
    return _items(items, meter)[: max(0, _whole(n))]


def _drop(meter: Meter, items: Any, n: Any) -> Value:
    return _items(items, meter)[max(0, _whole(n)) :]


def _slice(meter: Meter, of: Any, start: Any, end: Any = None) -> Value:
    low = max(0, _whole(start))
    high = None if end is None else max(0, _whole(end))
    if type(of) is str:
        spend(meter, len(of) >> 8)
        return of[low:high]
    return _items(of, meter)[low:high]


def _chunk(meter: Meter, items: Any, n: Any) -> Value:
    found, size = _items(items, meter), max(1, _whole(n))
    return tuple(found[at : at + size] for at in range(0, len(found), size))


def _compact(meter: Meter, items: Any) -> Value:
    return tuple([item for item in _items(items, meter) if item is not None])


def _flatten(meter: Meter, lists: Any) -> Value:
    found = [_items(inner, meter) for inner in _items(lists, meter)]
    list_of_size(sum(map(len, found)))
    return tuple([item for inner in found for item in inner])


def _reverse(meter: Meter, items: Any) -> Value:
    return _items(items, meter)[::-1]


def _sort(meter: Meter, items: Any) -> Value:
    found = _items(items, meter)
    _check_order(found, meter)
    _pay_for_sorting(found, meter)
    return tuple(sorted(found))


def _pay_for_sorting(items: Items, meter: Meter) -> None:
    spend(meter, len(items) * len(items).bit_length() // 10)


def _unique(meter: Meter, items: Any) -> Value:
    found: dict[object, Value] = {}
    for item in _items(items, meter):
        found.setdefault(same_key(item, meter), item)
    return tuple(found.values())


def _zip(meter: Meter, left: Any, right: Any) -> Value:
    ones, others = _items(left, meter), _items(right, meter)
    spend(meter, 3 * min(len(ones), len(others)))
    return tuple([{"left": one, "right": other} for one, other in zip(ones, others, strict=False)])


def _range(meter: Meter, start: Any, end: Any = None) -> Value:
    numbers = range(_whole(start)) if end is None else range(_whole(start), _whole(end))
    count = max(0, numbers.stop - numbers.start)
    list_of_size(count)
    spend(meter, count)
    return tuple(numbers)


def _count(meter: Meter, items: Any, value: Any) -> Value:
    return sum([equal(item, value, meter) for item in _sought(items, meter)])


def _index_of(meter: Meter, items: Any, value: Any) -> Value:
    return next((at for at, item in enumerate(_sought(items, meter)) if equal(item, value, meter)), None)


def _sought(items: Any, meter: Meter) -> Items:
    """The items of a list each of which is compared with something."""
    found = _items(items, meter)
    spend(meter, 3 * len(found))
    return found


def _all(meter: Meter, items: Any) -> Value:
    return all(item is True for item in _items(items, meter))


def _any(meter: Meter, items: Any) -> Value:
    return any(item is True for item in _items(items, meter))


# --- maps and records ---------------------------------------------------------------------------------------------


def _keys(meter: Meter, entries: Any) -> Value:
    return tuple(_entries(entries, meter))


def _values(meter: Meter, entries: Any) -> Value:
    return tuple(_entries(entries, meter).values())


def _entry_list(meter: Meter, entries: Any) -> Value:
    found = _entries(entries, meter)
    spend(meter, 3 * len(found))
    return tuple([{"key": name, "value": value} for name, value in found.items()])


def _from_entries(meter: Meter, entries: Any) -> Value:
    made: dict[str, Value] = {}
    for entry in _items(entries, meter):
        found = _entries(entry, meter)
        made[_text(found.get("key"), meter)] = found.get("value")
    return made


def _merge(meter: Meter, first: Any, second: Any) -> Value:
    return {**_entries(first, meter), **_entries(second, meter)}


def _group_by(meter: Meter, items: Any, field: Any) -> Value:
    groups: dict[str, list[Value]] = {}
    for item in _items(items, meter):
        groups.setdefault(_key_text(item, field, meter), []).append(item)
    return {name: tuple(group) for name, group in groups.items()}


def _count_by(meter: Meter, items: Any, field: Any) -> Value:
    counts: dict[str, int] = {}
    for item in _items(items, meter):
        name = _key_text(item, field, meter)
        counts[name] = counts.get(name, 0) + 1
    return cast(Value, counts)


def _index_by(meter: Meter, items: Any, field: Any) -> Value:
    return {_key_text(item, field, meter): item for item in _items(items, meter)}


def _key_text(item: Any, field: Any, meter: Meter) -> str:
    value = _entries(item, meter).get(_text(field, meter))
    return value if type(value) is str else forms.to_text(_simple(value))


def _simple(value: Any) -> Value:
    if type(value) in (tuple, dict):
        raise NoValue(f"{kind(value)} is no key")
    return cast(Value, value)


def _sort_by(meter: Meter, items: Any, field: Any) -> Value:
    found, name = _items(items, meter), _text(field, meter)
    keys: Items = tuple([_entries(item, meter).get(name) for item in found])
    _check_order(keys, meter)
    _pay_for_sorting(found, meter)
    in_order: list[int] = sorted(range(len(found)), key=lambda at: keys[at])
    return tuple([found[at] for at in in_order])


IMPLEMENTED: Mapping[str, Function] = {
    "len": _len,
    "upper": _upper,
    "lower": _lower,
    "trim": _trim,
    "contains": _contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "replace": _replace,
    "split": _split,
    "lines": _lines,
    "words": _words,
    "join": _join,
    "string": _string,
    "int": _int,
    "float": _float,
    "parse_json": _parse_json,
    "to_json": _to_json,
    "format_time": _format_time,
    "parse_time": _parse_time,
    "seconds": _seconds,
    "abs": _abs,
    "round": _round,
    "floor": _floor,
    "ceil": _ceil,
    "min": _min,
    "max": _max,
    "sum": _sum,
    "average": _average,
    "first": _first,
    "last": _last,
    "take": _take,
    "drop": _drop,
    "slice": _slice,
    "chunk": _chunk,
    "compact": _compact,
    "flatten": _flatten,
    "reverse": _reverse,
    "sort": _sort,
    "unique": _unique,
    "zip": _zip,
    "range": _range,
    "count": _count,
    "index_of": _index_of,
    "all": _all,
    "any": _any,
    "keys": _keys,
    "values": _values,
    "entries": _entry_list,
    "from_entries": _from_entries,
    "merge": _merge,
    "group_by": _group_by,
    "count_by": _count_by,
    "index_by": _index_by,
    "sort_by": _sort_by,
}
"""Every built-in function by name; a test compares them with `plan.functions.FUNCTIONS`."""
