"""How dataclasses of the plan become JSON and come back, made from their own annotations.

A record is an object with its fields in alphabetical order; a field is left out when it is None, an empty tuple or
MISSING. Where one of several classes may stand, the object says which in `is`. Named tuples are lists. Values are as
`plan.forms` keeps them. Reading makes the classes that the annotations name and nothing else.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from functools import cache
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, cast, get_args, get_origin

from leadflow.plan import expr, plan, policy, types
from leadflow.plan.forms import keep, unkeep
from leadflow.plan.operators import NoValue
from leadflow.plan.types import MISSING
from leadflow.record import record

Json: TypeAlias = Any
"""What `json` writes and reads."""
Write: TypeAlias = Callable[[Any], str]
Read: TypeAlias = Callable[[Json], Any]


class NotAPlan(ValueError):
    """The text is no plan. One line for people."""


UNSAID: Mapping[type, frozenset[str]] = {
    plan.Plan: frozenset({"file", "profile", "hash"}),
    plan.AgentSpec: frozenset({"place", "calls"}),
    plan.FlowPlan: frozenset({"place", "doc"}),
    plan.Node: frozenset({"place", "doc"}),
    plan.ToolPlan: frozenset({"place"}),
    policy.Applied: frozenset({"origin", "place"}),
}
"""Fields that say where or how something was written, and have no part in the meaning."""

_NAMES: dict[str, Any] = {
    "Expr": expr.Expr,
    "Expr | None": expr.Expr | None,
    "str | Expr": expr.Expr | str,
    "Type": types.Type,
    "Value | _Missing": types.Value,
}
"""The annotations that stand in quotes."""


def learn(names: Mapping[str, Any]) -> None:
    """Annotations that stand in quotes in the classes of another room, which wants to write those classes, too."""
    _NAMES.update(names)


def _hint(hint: Any) -> Any:
    return _NAMES[hint] if isinstance(hint, str) else hint


def _is_class(hint: Any) -> bool:
    return isinstance(hint, type) and is_dataclass(hint)


def _classes(hint: Any) -> dict[str, type]:
    """The classes of a union by name; empty for all else."""
    args = get_args(hint) if get_origin(hint) in (Union, UnionType) else ()
    return {arg.__name__: arg for arg in map(_hint, args) if _is_class(arg)}


def _parts(kind: Any) -> list[tuple[str, Any]]:
    """The fields of a class with their types, in alphabetical order."""
    return sorted((field.name, _hint(kind.__annotations__[field.name])) for field in fields(kind))


def _is_list(hint: Any) -> bool:
    return get_origin(hint) is tuple and get_args(hint)[-1] is Ellipsis


# --- values with forms of their own -------------------------------------------------------------------------------

_MICROSECOND = timedelta(microseconds=1)


def _keep_argument(value: Any) -> Json:
    """An argument of a policy: a value, or a rate."""
    if isinstance(value, policy.PerTime):
        return {"$per": [value.amount, value.period // _MICROSECOND]}
    return keep(value)


def _unkeep_argument(raw: Json) -> Any:
    match raw:
        case {"$per": [int(amount), int(micros)], **rest} if not rest:
            return policy.PerTime(amount, timedelta(microseconds=micros))
        case _:
            return unkeep(raw)


def _keep_setting(value: Any) -> Json:
    """A setting of an agent: a value, a secret, or what is made of these."""
    if isinstance(value, plan.Secret):
        return {"$secret": [value.form, value.name, value.text]}
    if type(value) is tuple:
        return [_keep_setting(item) for item in value]
    if isinstance(value, Mapping):
        return {f"${name}" if name[:1] == "$" else name: _keep_setting(item) for name, item in value.items()}
    return keep(value)


def _unkeep_setting(raw: Json) -> Any:
    match raw:
        case {"$secret": [str(form), str(name), str(text)], **rest} if not rest:
            return plan.Secret(name, cast(Any, form), text)
        case list():
            return tuple(_unkeep_setting(item) for item in raw)
        case dict() if len(raw) != 1 or next(iter(raw))[:1] != "$" or next(iter(raw))[:2] == "$$":
            return {name.removeprefix("$"): _unkeep_setting(item) for name, item in raw.items()}
        case _:
            return unkeep(raw)


def _unkeep_duration(raw: Json) -> timedelta:
    return timedelta(microseconds=_typed(raw, int))


def _unkeep_time(raw: Json) -> datetime:
    value = unkeep(raw)
    if not isinstance(value, datetime):
        raise NoValue("no time")
    return value


_SPECIAL: list[tuple[Any, Callable[[Any], Json], Read]] = [
    (types.Value, keep, unkeep),
    (types.Value | policy.PerTime, _keep_argument, _unkeep_argument),
    (plan.SettingValue, _keep_setting, _unkeep_setting),
    (timedelta, lambda value: value // _MICROSECOND, _unkeep_duration),
    (datetime, keep, _unkeep_time),
]


def _special(hint: Any) -> tuple[Any, Callable[[Any], Json], Read] | None:
    return next((row for row in _SPECIAL if row[0] == hint), None)


# --- writing ------------------------------------------------------------------------------------------------------

_PLAIN: Mapping[Any, Write] = {
    str: encode_basestring_ascii,
    int: repr,
    float: repr,
    bool: lambda value: "true" if value else "false",
    NoneType: lambda value: "null",
}
"""Writers of what JSON has a form of its own for. Text is written at once: nothing is built in between."""


def writer(hint: Any, *, full: bool) -> Write:
    """Writes what has this type; without `full`, only what has a part in the meaning."""
    return _make_writer(_hint(hint), full)


@cache
def _make_writer(hint: Any, full: bool) -> Write:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if get_origin(hint) is Literal:
        return encode_basestring_ascii
    special = _special(hint)
    args = get_args(hint)
    if special is not None:
        return _kept_writer(special[1])
    if _is_list(hint):
        inner = writer(args[0], full=full)
        return lambda value: f"[{','.join([inner(item) for item in value])}]"
    if get_origin(hint) is tuple:
        return _row_writer(args, full)
    if _is_mapping(hint):
        inner = writer(args[1], full=full)
        return lambda value: _object((name, inner(value[name])) for name in sorted(value))
    if get_origin(hint) in (Union, UnionType):
        return _union_writer(hint, full)
    if _is_class(hint):
        return _record_writer(hint, full)
    return _row_writer(tuple(hint.__annotations__.values()), full)


def _is_mapping(hint: Any) -> bool:
    origin = get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _object(entries: Iterable[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{encode_basestring_ascii(name)}:{text}" for name, text in entries) + "}"


def _kept_writer(kept: Callable[[Any], Json]) -> Write:
    def write(value: Any) -> str:
        plain = _PLAIN.get(type(value))
        if plain is not None:
            return plain(value)
        return json.dumps(kept(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))

    return write


def _row_writer(hints: tuple[Any, ...], full: bool) -> Write:
    inner = [writer(hint, full=full) for hint in hints]
    return lambda value: f"[{','.join([write(item) for write, item in zip(inner, value, strict=True)])}]"


def _union_writer(hint: Any, full: bool) -> Write:
    table, rest = _of_union(hint, full)

    def write(value: Any) -> str:
        return (table.get(type(value)) or rest)(value)

    return write


@cache
def _of_union(hint: Any, full: bool) -> tuple[Mapping[Any, Write], Write]:
    """Writers by the class of the value, and the one of all others. Made once for each union: what holds itself would
    else have writers for each way through it.
    """
    classes = _classes(hint)
    tagged = len(classes) > 1
    table: dict[Any, Write] = dict(_PLAIN)
    table.update((kind, _record_writer(kind, full, name if tagged else None)) for name, kind in classes.items())
    others = [arg for arg in get_args(hint) if arg not in _PLAIN and not _is_class(arg)]
    return table, writer(others[0], full=full) if others else repr


def _record_writer(kind: Any, full: bool, tag: str | None = None) -> Write:
    """Of a class, which may hold itself, and which few plans have: how it is written is found out at its first use."""
    first = [] if tag is None else [f'"is":"{tag}"']

    @cache
    def parts() -> list[tuple[Callable[[Any], Any], str, Mapping[Any, Write], Write, Any]]:
        unsaid = frozenset() if full else UNSAID.get(kind, frozenset())
        return [
            (attrgetter(name), f'"{name}":', *_by_class(hint, full), _empty(kind, name, hint))
            for name, hint in _parts(kind)
            if name not in unsaid
        ]

    def write(value: Any) -> str:
        made = first.copy()
        for get, key, table, rest, empty in parts():
            inner = get(value)
            if inner is not empty:
                made.append(key + (table.get(type(inner)) or rest)(inner))
        return f"{{{','.join(made)}}}"

    return write


def _by_class(hint: Any, full: bool) -> tuple[Mapping[Any, Write], Write]:
    """As `_of_union`, of any type: what stands in a record is written without a step in between."""
    hint = _hint(hint)
    special = _special(hint)
    if special is None and get_origin(hint) in (Union, UnionType):
        return _of_union(hint, full)
    return {} if special is None else _PLAIN, writer(hint, full=full)


# --- reading ------------------------------------------------------------------------------------------------------


def reader(hint: Any) -> Read:
    """Reads what `writer` of the same type wrote in full.

    Raises (the reader):
        NotAPlan: something else stands there.
    """
    return _late_reader(_hint(hint))


@cache
def _late_reader(hint: Any) -> Read:
    made: list[Read] = []

    def read(raw: Json) -> Any:
        if not made:
            made.append(_make_reader(hint))
        return made[0](raw)

    return read


def _make_reader(hint: Any) -> Read:
    special = _special(hint)
    args = get_args(hint)
    if special is not None:
        return _special_reader(special[2])
    if _is_list(hint):
        inner = reader(args[0])
        return lambda raw: tuple([inner(item) for item in _typed(raw, list)])
    if get_origin(hint) is tuple:
        return _row_reader(args, tuple)
    if _is_mapping(hint):
        inner = reader(args[1])
        return lambda raw: {name: inner(item) for name, item in _typed(raw, dict).items()}
    if get_origin(hint) in (Union, UnionType):
        return _union_reader(hint)
    if _is_class(hint):
        return _record_reader(hint)
    if get_origin(hint) is Literal:
        return lambda raw: _one_of(raw, args)
    if isinstance(hint, type) and issubclass(hint, tuple):
        return _row_reader(tuple(hint.__annotations__.values()), cast(Any, hint)._make)
    return lambda raw: _typed(raw, hint)


def _special_reader(read: Read) -> Read:
    def guarded(raw: Json) -> Any:
        try:
            return read(raw)
        except (NoValue, OverflowError):
            raise NotAPlan("a value cannot be read") from None

    return guarded


def _typed(raw: Json, kind: Any) -> Any:
    if type(raw) is kind or (kind is float and type(raw) is int):
        return raw
    raise NotAPlan(f"{type(raw).__name__} stands where {kind.__name__} belongs")


def _one_of(raw: Json, words: tuple[Any, ...]) -> Any:
    if isinstance(raw, str) and raw in words:
        return raw
    raise NotAPlan("a word stands where it does not belong")


def _row_reader(hints: tuple[Any, ...], make: Callable[[list[Any]], Any]) -> Read:
    inner = [reader(hint) for hint in hints]

    def read(raw: Json) -> Any:
        if len(_typed(raw, list)) != len(inner):
            raise NotAPlan(f"{len(raw)} parts stand where {len(inner)} belong")
        return make([part(item) for part, item in zip(inner, raw, strict=True)])

    return read


def _union_reader(hint: Any) -> Read:
    args = get_args(hint)
    table = {name: _record_reader(kind, len(_classes(hint)) > 1) for name, kind in _classes(hint).items()}
    only = next(iter(table.values())) if len(table) == 1 else None
    plain = frozenset(arg for arg in args if arg in _PLAIN) | ({int} if float in args else frozenset())
    others = [arg for arg in args if arg not in _PLAIN and not _is_class(arg)]
    rest = reader(others[0]) if others else None

    def read(raw: Json) -> Any:
        if type(raw) in plain:
            return raw
        if type(raw) is dict and table:
            tag = raw.get("is")
            known = only or (table.get(tag) if isinstance(tag, str) else None)
            if known is None:
                raise NotAPlan(f"nothing is called {tag!r}")
            return known(raw)
        if rest is None:
            raise NotAPlan(f"{type(raw).__name__} does not belong there")
        return rest(raw)

    return read


@record
class _Part:
    """A field that is read."""

    name: str
    read: Read
    empty: Any
    """As `_empty` says."""


def _record_reader(kind: Any, is_tagged: bool = False) -> Read:
    parts = [_Part(name, reader(hint), _empty(kind, name, hint)) for name, hint in _parts(kind)]
    known = frozenset(part.name for part in parts) | ({"is"} if is_tagged else frozenset())

    def read(raw: Json) -> Any:
        if not known.issuperset(_typed(raw, dict)):
            raise NotAPlan(f"{kind.__name__} has no such field")
        made: dict[str, Any] = {}
        for part in parts:
            if part.name in raw:
                made[part.name] = part.read(raw[part.name])
            elif part.empty is ...:
                raise NotAPlan(f"{kind.__name__} lacks '{part.name}'")
            else:
                made[part.name] = part.empty
        return kind(**made)

    return read


def _empty(kind: Any, name: str, hint: Any) -> Any:
    """What a field is when it is left out (there is one empty tuple only); `...` when it never is."""
    if _is_list(hint):
        return ()
    if kind is types.FieldType and name == "default":
        return MISSING
    if hint == types.Value or NoneType in get_args(hint):
        return None
    return ...
