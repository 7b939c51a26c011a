"""Inputs as people give them: JSON text under limits, and `name=value` typed by the parameter.

Pure. What comes out is raw data for the doors of `values.py`. Messages go to whoever gave the inputs, and show
what does not fit.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

from leadflow.diagnostics.suggest import did_you_mean
from leadflow.plan import forms
from leadflow.plan.operators import MAX_DEPTH, MAX_INT
from leadflow.plan.types import JSON, FieldType, LiteralType, OptionalType, Prim, Type, UnionType, Value, show
from leadflow.record import record
from leadflow.run.values import Mismatch, admit_inputs, pointer


@record
class JsonLimits:
    """What a JSON text may be at most."""

    size: int = 1024 * 1024
    """Bytes of UTF-8."""
    depth: int = MAX_DEPTH
    keys: int = 10_000
    """Keys of all objects together."""


INPUT = JsonLimits()
_MakeObject: TypeAlias = Callable[[list[tuple[str, Any]]], dict[str, Any]]


class _Refused(Exception):
    """The expected and the got of a mismatch."""


def read_json(text: str | bytes, limits: JsonLimits = INPUT) -> object:
    """The data that a JSON text stands for, or a `Mismatch`.

    Refused: what is too large, nested too deeply or has too many keys, a key that stands twice in one object, NaN and
    infinite numbers, whole numbers of more than 64 bits.
    """
    try:
        return _read(text, limits)
    except _Refused as refused:
        return Mismatch("", *refused.args)
    except RecursionError:
        return Mismatch("", f"JSON of at most {limits.depth} levels", "more")
    except json.JSONDecodeError as problem:
        return Mismatch("", "JSON", f"other text at line {problem.lineno}, column {problem.colno} ({problem.msg})")


def _read(text: str | bytes, limits: JsonLimits) -> object:
    if len(text) > limits.size or (isinstance(text, str) and not text.isascii() and _bytes(text) > limits.size):
        raise _Refused(f"JSON of at most {limits.size:,} bytes", "more")
    if isinstance(text, bytes):
        try:
            text = text.decode().removeprefix("\ufeff")
        except UnicodeDecodeError:
            raise _Refused("JSON", "bytes that are not UTF-8") from None
    may_be_many = len(text) // _PAIR > limits.keys
    data = (_decoder(_counting(limits.keys)) if may_be_many else _FEW).decode(text)
    if text.count("[") + text.count("{") > limits.depth:
        _check_depth(data, limits.depth)
    return data


_PAIR = len('"":0')
"""Characters of a key and its value, at least."""


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _Refused("each key once", f"{pointer([_twice(pairs)])[1:]!r} twice in one object")
    return made


def _counting(most: int) -> _MakeObject:
    """Makes objects, so many keys in all."""
    keys = 0

    def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal keys
        keys += len(pairs)
        if keys > most:
            raise _Refused(f"JSON of at most {most:,} keys", "more")
        return _object_of(pairs)

    return make_object


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _twice(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _whole(digits: str) -> int:
    if len(digits) > 20 or not -MAX_INT - 1 <= (number := int(digits)) <= MAX_INT:
        raise _Refused("whole numbers of 64 bits", "a longer one")
    return number


def _fraction(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise _Refused("numbers that a float can hold", "a larger one")
    return number


def _no_number(word: str) -> NoReturn:
    raise _Refused("JSON", word)


def _decoder(make_object: _MakeObject) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=make_object, parse_int=_whole, parse_float=_fraction, parse_constant=_no_number
    )


_FEW = _decoder(_object_of)
"""Of texts that are too short for too many keys: nothing has to be counted, and one serves all."""


def _check_depth(data: object, most: int) -> None:
    level: list[Any] = [data]
    for _ in range(most + 1):
        inner: list[Any] = []
        for item in level:
            if type(item) is list:
                inner.extend(item)
            elif type(item) is dict:
                inner.extend(item.values())
        if not inner:
            return
        level = inner
    raise _Refused(f"JSON of at most {most} levels", "more")


# --- all inputs of a flow -----------------------------------------------------------------------------------------

_MOST_TOLD = 10
"""Unknown inputs that are told by name."""


def read_inputs(flow: str, params: Sequence[FieldType], raw: Mapping[str, object]) -> Mapping[str, Value] | list[str]:
    """The inputs of a run by parameter, or a line for everything that is wrong with them (case 52)."""
    admitted = admit_inputs(params, raw)
    if not isinstance(admitted, tuple):
        return admitted
    types = {param.name: param.type for param in params}
    unknown = [name for name in raw if name not in types]
    lines = [unknown_input(flow, params, name) for name in unknown[:_MOST_TOLD]]
    if len(unknown) > _MOST_TOLD:
        lines.append(f"{flow} has no such {len(unknown) - _MOST_TOLD} further inputs either")
    for wrong in admitted:
        name = wrong.path.split("/")[1]
        if name in types and name not in raw:
            lines.append(f"{flow} needs the input '{name}' ({show(types[name])})")
        elif name in types:
            lines.append(f"input of {flow}: {wrong.message}")
    return lines


def unknown_input(flow: str, params: Sequence[FieldType], name: str) -> str:
    """What to say about an input that is none."""
    names = [param.name for param in params]
    hint = did_you_mean(name, names) or (f"; its inputs are {', '.join(names)}" if names else "; it takes none")
    return f"{flow} has no input '{pointer([name])[1:]}'{hint}"


# --- name=value ---------------------------------------------------------------------------------------------------


def parse_input(pair: str, params: Sequence[FieldType]) -> tuple[str, object] | Mismatch:
    """The parameter and the raw data of `name=value`.

    The parameter's type decides how the value is written: a string (a word of a union, a path, a time) is taken as it
    stands; a duration is `30s` or `PT30S`, money `$0.50`, a whole number also `10MB`; all else is JSON.
    """
    name, equals, text = pair.partition("=")
    types = {param.name: param.type for param in params}
    if not equals:
        return Mismatch("", "name=value", "no '='")
    if name not in types:
        return Mismatch(pointer([name]), f"a parameter ({', '.join(types) or 'there are none'})", "another name")
    raw = _typed(types[name], text)
    if not isinstance(raw, Mismatch):
        return name, raw
    if _is_plain(types[name]):
        return Mismatch(pointer([name]), show(types[name]) + _as_in(types[name]), "other text", text)
    return Mismatch(pointer([name]), f"{show(types[name])}, written as JSON", raw.got, text)


def _typed(type_: Type, text: str) -> object:
    match type_:
        case OptionalType(inner):
            return None if text in ("none", "null") and not _takes_text(inner) else _typed(inner, text)
        case Prim("int") if (size := _size(text)) is not None:
            return size
        case Prim("duration"):
            written = forms.read_written_duration(text)
            if written is None and forms.read_duration(text) is None:
                return Mismatch("", show(type_), "other text", text)
            return text if written is None else written
        case Prim("money") if forms.read_money(text) is None:
            return Mismatch("", show(type_), "other text", text)
        case Prim("none") if text == "none":
            return None
        case _:
            return text if _takes_text(type_) else read_json(text)


def _is_plain(type_: Type) -> bool:
    """Whether nobody thinks of JSON when a value of the type is written."""
    return isinstance(type_.inner if isinstance(type_, OptionalType) else type_, Prim) and type_ != JSON


def _as_in(type_: Type) -> str:
    """How a value is typed whose form nobody guesses: as in a flow."""
    match type_:
        case OptionalType(inner):
            return _as_in(inner)
        case Prim("duration"):
            return " (as in 30s)"
        case Prim("money"):
            return " (as in $0.50)"
        case _:
            return ""


def _takes_text(type_: Type) -> bool:
    match type_:
        case Prim("string" | "money" | "time" | "file" | "duration") | LiteralType():
            return True
        case UnionType(members):
            return all(_takes_text(member) for member in members)
        case _:
            return False


_SIZES: Mapping[str, int] = {"KB": 10**3, "MB": 10**6, "GB": 10**9}


def _size(text: str) -> int | None:
    """Bytes, as in `10MB`."""
    digits, unit = text[:-2], text[-2:]
    if unit in _SIZES and digits.isascii() and digits.isdigit() and len(digits) < 10:
        return int(digits) * _SIZES[unit]
    return None
