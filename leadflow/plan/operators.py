"""What operators mean: shared by the evaluator and by the pass that folds constants, so that both agree.

Pure and total in this sense: every operation ends soon with a value or with `NoValue`. Whole numbers are exact and of
64 bits, fractions are never NaN nor infinite, 1 is not true, and texts, lists and work are bounded.
"""

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeAlias, cast

from leadflow.plan.types import FileRef, Money, Value

MAX_INT = 2**63 - 1
"""Largest whole number; the smallest is `-MAX_INT - 1`."""
MAX_TEXT = 4_000_000
"""Most characters of a text that an expression makes."""
MAX_ITEMS = 100_000
"""Most items of a list that an expression makes."""
MAX_NODES = 500_000
"""Most values inside one value."""
MAX_CHARS = 32_000_000
"""Most characters inside one value."""
MAX_DEPTH = 64
"""Deepest nesting of lists and records."""
FUEL = 400_000
"""What one evaluation may spend; a unit is about a tenth of a microsecond."""


class NoValue(Exception):
    """An operation has no value: division by zero, out of range, too large, out of fuel. One line for people."""


class Meter(Protocol):
    """Who pays for work that grows with the values."""

    fuel: int


class Gauge:
    """A meter of its own, for those who evaluate without a run."""

    __slots__ = ("fuel",)

    def __init__(self, fuel: int = FUEL) -> None:
        self.fuel = fuel


def spend(meter: Meter, units: int) -> None:
    """Pay for work.

    Raises:
        NoValue: more than there is.
    """
    meter.fuel -= units
    if meter.fuel < 0:
        raise NoValue("the expression is out of fuel: it does too much work")


def kind(value: object) -> str:
    """What a value is, in the author's words; never what is in it."""
    return _KINDS.get(type(value)) or f"a Python {type(value).__name__}"


_KINDS: Mapping[type, str] = {
    type(None): "none",
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    timedelta: "duration",
    Money: "money",
    datetime: "time",
    FileRef: "file",
    tuple: "list",
    list: "list",
    dict: "record",
}


# --- bounds -------------------------------------------------------------------------------------------------------


def whole(number: int) -> int:
    """The number, if it is one of 64 bits."""
    if -MAX_INT - 1 <= number <= MAX_INT:
        return number
    raise NoValue("the whole number is out of range: it takes more than 64 bits")


def finite(number: float) -> float:
    """The number, if it is one."""
    if math.isfinite(number):
        return number
    raise NoValue("the number is out of range")


def text_of_size(size: int) -> None:
    """Refuse a text of more characters than a text may have."""
    if size > MAX_TEXT:
        raise NoValue(f"the text is too large: more than {MAX_TEXT:,} characters")


def list_of_size(size: int) -> None:
    """Refuse a list of more items than a list may have."""
    if size > MAX_ITEMS:
        raise NoValue(f"the list is too large: more than {MAX_ITEMS:,} items")


def check_size(value: Value, meter: Meter) -> None:
    """Refuse a value with too much in it, or too deep; what stands in it twice counts twice, and looking is paid for.

    Raises:
        NoValue: says which.
    """
    level: dict[int, tuple[Any, int]] = {0: ((value,), 1)}  # what holds something, and how often it stands there
    nodes, chars = -1, 0
    for _ in range(MAX_DEPTH + 1):
        inner: dict[int, tuple[Any, int]] = {}
        for holder, times in level.values():
            nodes += len(holder) * times
            if nodes > MAX_NODES:
                raise NoValue(f"the value is too large: more than {MAX_NODES:,} parts")
            spend(meter, len(holder) >> 2)  # what is no list or record itself is only counted
            for item in holder if type(holder) is tuple else holder.values():
                found = type(item)
                if found is str:
                    chars += len(item) * times
                elif found is tuple or found is dict:
                    at = id(item)
                    known = inner.get(at)
                    inner[at] = (item, times if known is None else known[1] + times)
        if chars > MAX_CHARS:
            raise NoValue(f"the value is too large: more than {MAX_CHARS:,} characters")
        if not inner:
            return
        level = inner
    raise NoValue(f"the value is nested too deeply: more than {MAX_DEPTH} levels")


def pay_for(value: Value, meter: Meter) -> None:
    """Pay for reading everything in a value once.

    Raises:
        NoValue: there is too much of it.
    """
    level: list[Any] = [value]
    while level:
        inner: list[Any] = []
        for item in level:
            found = type(item)
            if found is str:
                spend(meter, len(item) >> 8)
            elif found is tuple:
                spend(meter, 4 * len(item))
                inner.extend(item)
            elif found is dict:
                spend(meter, 6 * len(item))
                inner.extend(item.values())
        level = inner


def pay_for_text(value: Value, meter: Meter) -> None:
    """Pay for writing everything in a value as text: more than for reading it, most where a form has to be made.

    Raises:
        NoValue: there is too much of it.
    """
    spend(meter, _TO_WRITE.get(type(value), 4))
    level: list[Any] = [value]
    while level:
        inner: list[Any] = []
        for item in level:
            found = type(item)
            if found is str:
                spend(meter, len(item) >> 6)
            elif found is tuple or found is dict:
                parts = item if found is tuple else item.values()
                spend(meter, 4 * len(item) + sum(_TO_WRITE.get(type(part), 2) for part in parts))
                inner.extend(parts)
        level = inner


_TO_WRITE: Mapping[type, int] = {timedelta: 16, datetime: 10, Money: 6, float: 4}
"""What the written form of a value costs."""


# --- equality -----------------------------------------------------------------------------------------------------


def equal(left: Any, right: Any, meter: Meter) -> bool:
    """Whether two values are the same: structurally, numbers by their value, and 1 is not true."""
    if left is right:
        return True
    one, other = type(left), type(right)
    if one is str and other is str:
        if len(left) != len(right):
            return False
        spend(meter, len(left) >> 10)
        return cast(bool, left == right)
    if one is not other:
        return {one, other} == _NUMBERS and cast(bool, left == right)
    if one is tuple:
        return _equal_lists(left, right, meter)
    if one is dict:
        return _equal_maps(left, right, meter)
    return cast(bool, left == right)


_NUMBERS = {int, float}


def _equal_lists(left: tuple[Any, ...], right: tuple[Any, ...], meter: Meter) -> bool:
    if len(left) != len(right):
        return False
    spend(meter, 4 * len(left))
    return all(equal(a, b, meter) for a, b in zip(left, right, strict=True))


def _equal_maps(left: Mapping[str, Any], right: Mapping[str, Any], meter: Meter) -> bool:
    if left.keys() != right.keys():
        return False
    spend(meter, 4 * len(left))
    return all(equal(value, right[name], meter) for name, value in left.items())


def same_key(value: Any, meter: Meter) -> object:
    """Something to hash in place of a value: alike exactly for equal values."""
    match value:
        case None | str() | int() | float() if type(value) is not bool:
            spend(meter, 1 + (len(value) >> 10 if type(value) is str else 0))
            return value
        case tuple() if type(value) is tuple:
            spend(meter, 6 * len(value))
            return ("list", *(same_key(item, meter) for item in value))
        case dict():
            spend(meter, 8 * len(value))
            return frozenset((name, same_key(item, meter)) for name, item in value.items())
        case _:
            spend(meter, 1)
            return (kind(value), value)


# --- order --------------------------------------------------------------------------------------------------------


def order_kind(value: object) -> str:
    """What `<` compares with what: values of one order kind.

    Raises:
        NoValue: it is of a kind without an order.
    """
    found = _ORDERED.get(type(value))
    if found is None:
        raise NoValue(f"{kind(value)} has no order")
    return found


_ORDERED: Mapping[type, str] = {
    int: "number",
    float: "number",
    str: "string",
    timedelta: "duration",
    Money: "money",
    datetime: "time",
}


def _comparing(op: Callable[[Any, Any], bool]) -> "Operator":
    def compare(left: Any, right: Any, meter: Meter) -> Value:
        one, other = type(left), type(right)
        if (one is not other and {one, other} != _NUMBERS) or one not in _ORDERED:
            raise NoValue(f"cannot compare {kind(left)} with {kind(right)}")
        if one is str:
            spend(meter, min(len(left), len(right)) >> 10)
        return op(left, right)

    return compare


# --- arithmetic ---------------------------------------------------------------------------------------------------

Operator: TypeAlias = Callable[[Any, Any, Meter], Value]


def _is_number(value: object) -> bool:
    return type(value) is int or type(value) is float


def _cannot(op: str, left: object, right: object) -> NoValue:
    return NoValue(f"cannot compute {kind(left)} {op} {kind(right)}")


def add(left: Any, right: Any, meter: Meter) -> Value:
    """`left + right`: numbers, texts, durations, money; a time and a duration."""
    one, other = type(left), type(right)
    if one is int and other is int:
        return whole(left + right)
    if one is str and other is str:
        text_of_size(len(left) + len(right))
        spend(meter, (len(left) + len(right)) >> 8)
        return cast(str, left + right)
    if _is_number(left) and _is_number(right):
        return finite(left + right)
    if one in (timedelta, datetime) and other is timedelta:
        return _in_time(lambda: left + right)
    if one is Money and other is Money:
        return Money(whole(left.micros + right.micros))
    raise _cannot("+", left, right)


def subtract(left: Any, right: Any, meter: Meter) -> Value:
    """`left - right`: numbers, durations, money; a time and a duration, or two times."""
    one, other = type(left), type(right)
    if one is int and other is int:
        return whole(left - right)
    if _is_number(left) and _is_number(right):
        return finite(left - right)
    if (one, other) in _SPANS:
        return _in_time(lambda: left - right)
    if one is Money and other is Money:
        return Money(whole(left.micros - right.micros))
    raise _cannot("-", left, right)


_SPANS = {(timedelta, timedelta), (datetime, timedelta), (datetime, datetime)}


def multiply(left: Any, right: Any, meter: Meter) -> Value:
    """`left * right`: numbers; a duration or money and a number, either way round."""
    if type(left) is int and type(right) is int:
        return whole(left * right)
    if _is_number(left):
        if _is_number(right):
            return finite(left * right)
        left, right = right, left
    if _is_number(right):
        if type(left) is timedelta:
            return _in_time(lambda: left * right)
        if type(left) is Money:
            return _money(left.micros * right)
    raise _cannot("*", left, right)


def divide(left: Any, right: Any, meter: Meter) -> Value:
    """`left / right`: numbers give a float, as two durations or two amounts of money do; one of these by a number."""
    one, other = type(left), type(right)
    if one is Money and other is Money:
        left, right = left.micros, right.micros
    elif not (one is other is timedelta or (_is_number(right) and (_is_number(left) or one in (timedelta, Money)))):
        raise _cannot("/", left, right)
    if not right:
        raise NoValue("division by zero")
    if one is timedelta:
        return _in_time(lambda: left / right)
    if one is Money and other is not Money:
        return _money(left.micros / right)
    return finite(left / right)


def remainder(left: Any, right: Any, meter: Meter) -> Value:
    """`left % right` of numbers; it has the sign of `right`."""
    if not _is_number(left) or not _is_number(right):
        raise _cannot("%", left, right)
    if right == 0:
        raise NoValue("division by zero")
    return cast("int | float", left % right)


def _in_time(compute: Callable[[], Any]) -> Value:
    try:
        return cast(Value, compute())
    except OverflowError:
        raise NoValue("the time or duration is out of range") from None


def _money(micros: int | float) -> Money:
    """Halves of a millionth go to the even one."""
    return Money(whole(micros if isinstance(micros, int) else round(finite(micros))))


def contains(left: Any, right: Any, meter: Meter) -> Value:
    """`left in right`: an item of a list, a key of a map, a part of a text."""
    if type(right) is tuple:
        spend(meter, len(right))
        return any(equal(left, item, meter) for item in right)
    if type(left) is str and type(right) is dict:
        return left in right
    if type(left) is str and type(right) is str:
        spend(meter, len(right) >> 8)
        return left in right
    raise NoValue(f"cannot look for {kind(left)} in {kind(right)}")


BINARY: Mapping[str, Operator] = {
    "==": equal,
    "!=": lambda left, right, meter: not equal(left, right, meter),
    "<": _comparing(lambda left, right: left < right),
    "<=": _comparing(lambda left, right: left <= right),
    ">": _comparing(lambda left, right: left > right),
    ">=": _comparing(lambda left, right: left >= right),
    "in": contains,
    "not in": lambda left, right, meter: not contains(left, right, meter),
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
}
"""The operators that read both sides; `or`, `and` and `??` read the right one only when needed."""


def negate(value: Any) -> Value:
    """`-value`: a number, a duration, money."""
    match value:
        case bool():
            pass
        case int():
            return whole(-value)
        case float():
            return -value
        case timedelta():
            return _in_time(lambda: -value)
        case Money(micros):
            return Money(whole(-micros))
    raise NoValue(f"cannot negate {kind(value)}")


def invert(value: Any) -> Value:
    """`not value`."""
    return not truth(value)


def truth(value: Any) -> bool:
    """The value, if it is a bool: there is no truthiness (rule E2)."""
    if value is True or value is False:
        return value
    raise NoValue(f"a condition is true or false, not {kind(value)}")


UNARY: Mapping[Literal["not", "-"], Callable[[Any], Value]] = {"not": invert, "-": negate}
