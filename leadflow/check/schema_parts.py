"""Parts of JSON Schema that are not types: the text of a document, patterns, defaults.

Pure. What nobody can say as a type is raised as `NoType`, for `schemas` to tell.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

from leadflow.check.types import discriminant, members, words_of
from leadflow.plan import forms
from leadflow.plan.operators import MAX_DEPTH
from leadflow.plan.pattern import is_choice
from leadflow.plan.types import (
    BOOL,
    DURATION,
    FILE,
    FLOAT,
    INT,
    JSON,
    MONEY,
    NEVER,
    NONE,
    STRING,
    TIME,
    FieldType,
    FileRef,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
    Value,
    _Missing,
    show,
)
from leadflow.record import record


class NoType(Exception):
    """A JSON pointer, and why no type says what stands there."""


def escape(name: str) -> str:
    """A name as a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


# --- the text -----------------------------------------------------------------------------------------------------


@record
class NotJson:
    """A text that is no JSON document."""

    why: str


def read_document(text: str) -> object:
    """The data of a JSON text, or `NotJson`: also for what is nested too deeply, and for a name twice in one object."""
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError:
        return NotJson(f"it is nested more than {MAX_DEPTH} deep")
    except json.JSONDecodeError as problem:
        return NotJson(f"it is no JSON: line {problem.lineno}, column {problem.colno}: {problem.msg}")
    except ValueError as problem:
        return NotJson(str(problem) if type(problem) is _Refused else "it has a number that is too long")
    return data if _is_flat(data) else NotJson(f"it is nested more than {MAX_DEPTH} deep")


class _Refused(ValueError):
    """Something that JSON does not have, or that means two things."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Refused(f"'{next(name for name in names if names.count(name) > 1)}' stands twice in one object")
    return made


def _no_number(word: str) -> NoReturn:
    raise _Refused(f"it is no JSON: {word} is no number")


def _is_flat(data: object) -> bool:
    level: list[Any] = [data]
    for _ in range(MAX_DEPTH + 1):
        lists = (item for item in level if isinstance(item, list | dict))
        level = [part for item in lists for part in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return True
    return False


# --- patterns -----------------------------------------------------------------------------------------------------


def whole_pattern(given: str) -> str:
    """A pattern of JSON Schema, which may match any part of a text, as one of whole texts."""
    starts = given.startswith("^")
    ends = given.endswith("$") and (len(given) - len(given[:-1].rstrip("\\"))) % 2 == 1
    core = given[1 if starts else 0 : -1 if ends else None]
    if starts and ends and core == f"(?:{core[3:-1]})" and is_choice(core[3:-1]) and not is_choice(core):
        return core[3:-1]  # as schemas are written here
    if is_choice(core):
        if starts or ends:
            return given  # an anchor of one alternative only: refused, since that is hardly what was meant
        core = f"(?:{core})"
    return f"{'' if starts else _ANY}{core}{'' if ends else _ANY}"


_ANY = "[\\s\\S]*"


# --- defaults -----------------------------------------------------------------------------------------------------


def default_of(type_: Type, raw: Any, at: str) -> Value:
    """A default as a value of its type."""
    if isinstance(type_, OptionalType):
        return None if raw is None else default_of(type_.inner, raw, at)
    if isinstance(type_, ListType) and isinstance(raw, list):
        return tuple(default_of(type_.item, item, f"{at}/{place}") for place, item in enumerate(raw))
    if isinstance(type_, MapType) and isinstance(raw, Mapping):
        return {name: default_of(type_.item, item, f"{at}/{escape(name)}") for name, item in raw.items()}
    if isinstance(type_, RecordType) and isinstance(raw, Mapping):
        return {part.name: _part(part, raw, at) for part in type_.fields}
    tell = discriminant(type_)
    if tell is not None and isinstance(raw, Mapping):
        for member in members(type_):
            word = member.get(tell) if isinstance(member, RecordType) else None
            if word is not None and raw.get(tell) in (words_of(word.type) or ()):
                return default_of(member, raw, at)
    if type_ == JSON:
        return _frozen(raw)
    words = words_of(type_) if type_ != NEVER else None
    found = raw if words is not None and raw in words else _scalar(type_, raw)
    if found is None and not (type_ == NONE and raw is None):
        _misfit(type_, at)
    return cast(Value, found)


def _scalar(type_: Type, raw: Any) -> Any:
    read = _SCALARS.get(type_)
    return None if read is None else read(raw)


def _part(part: FieldType, raw: Mapping[str, Any], at: str) -> Value:
    if part.name in raw:
        return default_of(part.type, raw[part.name], f"{at}/{escape(part.name)}")
    if part.required:
        _misfit(part.type, f"{at}/{escape(part.name)}")
    return None if isinstance(part.default, _Missing) else part.default


def _misfit(type_: Type, at: str) -> NoReturn:
    raise NoType(at, f"the default does not fit: {show(type_)} is expected")


def _frozen(raw: Any) -> Value:
    if isinstance(raw, list):
        return tuple(_frozen(item) for item in raw)
    if isinstance(raw, Mapping):
        return {name: _frozen(item) for name, item in raw.items()}
    return cast(Value, raw)


def _as(kind: type | tuple[type, ...]) -> Callable[[Any], Any]:
    return lambda raw: raw if isinstance(raw, kind) and (kind is bool or not isinstance(raw, bool)) else None


def _spelt(read: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda raw: read(raw) if isinstance(raw, str) else None


_SCALARS: Mapping[Type, Callable[[Any], Any]] = {
    STRING: _as(str),
    INT: _as(int),
    FLOAT: lambda raw: float(raw) if _as((int, float))(raw) is not None else None,
    BOOL: _as(bool),
    DURATION: _spelt(forms.read_duration),
    MONEY: _spelt(forms.read_money),
    TIME: _spelt(forms.read_time),
    FILE: _spelt(lambda text: FileRef(text) if text and "\0" not in text else None),
}
