"""The doors: where data of the world becomes a value of a type, or a `Mismatch` that says where it does not fit.

Pure. Serves run inputs, agents' answers and `let x: T? = j` (rule E1). A mismatch names a place and kinds. The value
itself may hold a secret: its message does without, and `shown` wants to know what is to be blotted out. What comes
through a door is immutable, bounded, free of NaN and of half characters.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from json import dumps
from math import isfinite
from typing import Any, NoReturn, TypeAlias, assert_never, cast

from leadflow.plan import forms
from leadflow.plan.limits import keeps, written
from leadflow.plan.operators import MAX_DEPTH, MAX_INT, MAX_NODES, kind
from leadflow.plan.types import (
    MISSING,
    FieldType,
    FileRef,
    ListType,
    LiteralType,
    MapType,
    Money,
    OptionalType,
    Prim,
    RecordType,
    Type,
    UnionType,
    Value,
    show,
)
from leadflow.record import record
from leadflow.run.redact import one_line

_TIME = 'time (RFC 3339 with a zone, as in "2026-01-31T12:00:00Z")'
_SHOWN = 80
"""Most characters of a wrong text that are shown."""


@record
class Mismatch:
    """Data that is not of the type: where, and what kinds met."""

    path: str
    """JSON pointer to the place; empty for the whole."""
    expected: str
    got: str
    data: str | float | None = None
    """The single value that came instead, where there is one."""

    @property
    def message(self) -> str:
        """One line: `at /items/3/score: expected float, got string`."""
        return f"{f'at {self.path}: ' if self.path else ''}expected {self.expected}, got {self.got}"

    def shown(self, secrets: Iterable[str]) -> str:
        """The same with the beginning of what came, without secrets: `…, got string: "about 3"`."""
        return self.message if self.data is None else f"{self.message}: {excerpt(self.data, secrets)}"


def excerpt(data: str | float, secrets: Iterable[str] = ()) -> str:
    """The beginning of a single value as JSON writes it, on one line and without secrets."""
    text = one_line(data, secrets, _SHOWN) if isinstance(data, str) else data
    return one_line(dumps(text, ensure_ascii=False), most=2 * _SHOWN)


Door: TypeAlias = Callable[[object], Value | Mismatch]


def admit(type_: Type, raw: object, notes: list[str] | None = None) -> Value | Mismatch:
    """The raw data as a value of the type.

    Defaults are filled in, absent optionals are none, unknown fields are dropped (rule E2).

    Args:
        raw: plain data, or a value.
        notes: is given a line for each text in which half characters were replaced (case D16).
    """
    try:
        return _compile(type_, 0)(raw, _Passage(notes))
    except _Misfit as misfit:
        return misfit.mismatch()


def door(type_: Type) -> Door:
    """`admit` for one type, prepared once and used often."""
    check = _compile(type_, 0)

    def pass_through(raw: object) -> Value | Mismatch:
        try:
            return check(raw, _Passage(None))
        except _Misfit as misfit:
            return misfit.mismatch()

    return pass_through


def admit_inputs(
    params: Sequence[FieldType], raw: Mapping[str, object], notes: list[str] | None = None
) -> dict[str, Value] | tuple[Mismatch, ...]:
    """The inputs of a run by parameter, or everything that is wrong with them (case 52 of the bad inputs)."""
    known = {param.name for param in params}
    wrong = [Mismatch(pointer([name]), "no such parameter", "a value") for name in raw if name not in known]
    values: dict[str, Value] = {}
    for param in params:
        given = admit(RecordType((param,)), {param.name: raw[param.name]} if param.name in raw else {}, notes)
        if isinstance(given, Mismatch):
            wrong.append(given)
        else:
            values.update(cast(Mapping[str, Value], given))
    return tuple(wrong) or values


def pointer(names: Sequence[str | int]) -> str:
    """A JSON pointer on one line; long names are cut."""
    written = (str(name).replace("~", "~0").replace("/", "~1") for name in names)
    return "".join(
        "/" + "".join(char if char.isprintable() else "?" for char in (name if len(name) <= 60 else name[:57] + "..."))
        for name in written
    )


# --- how a door is built: a closure per type ----------------------------------------------------------------------


class _Misfit(Exception):
    """What a closure found; the containers around it add where, from the inside out."""

    def __init__(self, expected: str, got: str, *inside: str | int, data: object = None) -> None:
        super().__init__(expected, got)
        self.expected, self.got, self.inside = expected, got, [*inside]
        self.data = data if isinstance(data, str | int | float) else None

    def mismatch(self) -> Mismatch:
        """What is told of it outside."""
        return Mismatch(pointer(self.inside[::-1]), self.expected, self.got, self.data)


class _Passage:
    """One piece of data on its way through a door."""

    __slots__ = ("notes", "room")

    def __init__(self, notes: list[str] | None) -> None:
        self.room = MAX_NODES
        self.notes = notes

    def pay(self, parts: int) -> None:
        """Refuse data with too many parts, however they are shared."""
        self.room -= parts
        if self.room < 0:
            raise _Misfit(f"at most {MAX_NODES:,} values", "more")


_Check: TypeAlias = Callable[[Any, _Passage], Value]


def _compile(type_: Type, depth: int) -> _Check:
    if depth > MAX_DEPTH:
        return lambda raw, passage: _too_deep()
    match type_:
        case Prim("json" | "unknown"):
            return lambda raw, passage: _json(raw, passage, depth)
        case Prim(name):
            return _PRIMS.get(name) or (lambda raw, passage: _refuse(name, raw))
        case LiteralType() | UnionType():
            return _union(type_, depth)
        case OptionalType(inner):
            check = _compile(inner, depth)
            return lambda raw, passage: None if raw is None else check(raw, passage)
        case ListType(item):
            return _list(type_, _compile(item, depth + 1))
        case MapType(item):
            return _map(type_, _compile(item, depth + 1))
        case RecordType():
            return _record(type_, depth)
        case _:
            assert_never(type_)


def _refuse(expected: str, raw: object) -> NoReturn:
    raise _Misfit(expected, kind(raw), data=raw)


def _too_deep() -> NoReturn:
    raise _Misfit(f"at most {MAX_DEPTH} levels", "more")


# --- single values ------------------------------------------------------------------------------------------------


def _string(raw: Any, passage: _Passage) -> str:
    if not isinstance(raw, str):
        _refuse("string", raw)
    return _clean(raw, passage)


def _clean(raw: str, passage: _Passage) -> str:
    """A text of whole characters: the half ones, which no file or socket can carry, are replaced."""
    text = raw if type(raw) is str else str.__str__(raw)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        if passage.notes is not None:
            passage.notes.append("half characters of a text were replaced by U+FFFD")
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _int(raw: Any, passage: _Passage) -> int:
    if type(raw) is float and raw.is_integer():
        raw = int(raw)  # to JSON, 3.0 is a whole number
    if not isinstance(raw, int) or isinstance(raw, bool):
        _refuse("int", raw)
    if not -MAX_INT - 1 <= raw <= MAX_INT:
        raise _Misfit("int", "a whole number of more than 64 bits")
    return int(raw)


def _float(raw: Any, passage: _Passage) -> float:
    if not isinstance(raw, int | float) or isinstance(raw, bool):
        _refuse("float", raw)
    try:
        number = float(raw)
    except OverflowError:
        raise _Misfit("float", "a number out of range") from None
    if not isfinite(number):
        raise _Misfit("float", "NaN or an infinite number")
    return number


def _bool(raw: Any, passage: _Passage) -> bool:
    if raw is not True and raw is not False:
        _refuse("bool", raw)
    return raw


def _none(raw: Any, passage: _Passage) -> None:
    if raw is not None:
        _refuse("none", raw)


def _duration(raw: Any, passage: _Passage) -> timedelta:
    if isinstance(raw, timedelta):
        return raw
    found = forms.read_duration(raw) if isinstance(raw, str) else None
    return found if found is not None else _misread('duration (ISO 8601, as in "PT30S")', raw)


def _money(raw: Any, passage: _Passage) -> Money:
    if isinstance(raw, Money):
        return raw
    found = forms.read_money(raw) if isinstance(raw, str) else None
    return found if found is not None else _misread('money (as in "USD 0.50")', raw)


def _time(raw: Any, passage: _Passage) -> datetime:
    if isinstance(raw, datetime):
        offset = raw.utcoffset()
        if offset is None:
            raise _Misfit(_TIME, "a time without a zone")
        return raw.replace(tzinfo=timezone(offset), fold=0)
    found = forms.read_time(raw) if isinstance(raw, str) else None
    return found if found is not None else _misread(_TIME, raw)


def _file(raw: Any, passage: _Passage) -> FileRef:
    if isinstance(raw, FileRef):
        return raw
    if not isinstance(raw, str) or not raw or "\0" in raw:
        _misread("file (a path)", raw)
    return FileRef(_clean(raw, passage))


def _misread(expected: str, raw: object) -> NoReturn:
    raise _Misfit(expected, "other text" if isinstance(raw, str) else kind(raw), data=raw)


_PRIMS: Mapping[str, _Check] = {
    "string": _string,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "none": _none,
    "duration": _duration,
    "money": _money,
    "time": _time,
    "file": _file,
}
"""`secret` and `rate` are settings and pass no door; nothing is a `never`."""


def _json(raw: Any, passage: _Passage, depth: int) -> Value:
    """Any JSON; what JSON has no form for becomes its text."""
    match raw:
        case None | bool():
            return raw
        case str():
            return _clean(raw, passage)
        case int():
            return _int(raw, passage)
        case float():
            return _float(raw, passage)
        case timedelta() | Money() | FileRef():
            return cast(str, forms.to_plain(raw))
        case datetime():
            return forms.time_text(_time(raw, passage))
    if depth >= MAX_DEPTH:
        _too_deep()
    match raw:
        case list() | tuple():
            return _list_items(raw, passage, lambda item, way: _json(item, way, depth + 1))
        case Mapping():
            return _map_entries(raw, passage, lambda item, way: _json(item, way, depth + 1))
    _refuse("json", raw)


# --- values with parts --------------------------------------------------------------------------------------------


def _list(type_: ListType, check: _Check) -> _Check:
    expected = show(type_)

    def admit_list(raw: Any, passage: _Passage) -> Value:
        if not isinstance(raw, list | tuple) or isinstance(raw, Money | FileRef):
            _refuse(expected, raw)
        return _list_items(raw, passage, check)

    return admit_list


def _list_items(raw: Sequence[Any], passage: _Passage, check: _Check) -> Value:
    passage.pay(len(raw))
    items: list[Value] = []
    try:
        for item in raw:
            items.append(check(item, passage))
    except _Misfit as misfit:
        misfit.inside.append(len(items))
        raise
    return tuple(items)


def _map(type_: MapType, check: _Check) -> _Check:
    expected = show(type_)

    def admit_map(raw: Any, passage: _Passage) -> Value:
        if not isinstance(raw, Mapping):
            _refuse(expected, raw)
        return _map_entries(raw, passage, check)

    return admit_map


def _map_entries(raw: Mapping[Any, Any], passage: _Passage, check: _Check) -> Value:
    passage.pay(len(raw))
    entries: dict[str, Value] = {}
    for name, item in raw.items():
        if not isinstance(name, str):
            raise _Misfit("string as a key", kind(name))
        try:
            entries[_clean(name, passage)] = check(item, passage)
        except _Misfit as misfit:
            misfit.inside.append(name)
            raise
    return entries


def _record(type_: RecordType, depth: int) -> _Check:
    expected = show(type_)
    fields = tuple((field.name, _field(field, depth + 1), _absent(field), field) for field in type_.fields)

    def admit_record(raw: Any, passage: _Passage) -> Value:
        if not isinstance(raw, Mapping):
            _refuse(expected, raw)
        passage.pay(len(fields))
        entries: dict[str, Value] = {}
        for name, check, absent, field in fields:
            try:
                if name in raw:
                    entries[name] = check(raw[name], passage)
                elif absent is MISSING:
                    raise _Misfit(show(field.type), "nothing")
                else:
                    entries[name] = cast(Value, absent)
            except _Misfit as misfit:
                misfit.inside.append(name)
                raise
        return entries

    return admit_record


def _absent(field: FieldType) -> object:
    """What stands in for a field that is not given; MISSING: nothing does."""
    return None if field.default is MISSING and not field.required else field.default


def _field(field: FieldType, depth: int) -> _Check:
    check = _compile(field.type, depth)
    if not field.constraints:
        return check

    def constrained(raw: Any, passage: _Passage) -> Value:
        value = check(raw, passage)
        for constraint in field.constraints:
            if not keeps(value, constraint):
                raise _Misfit(f"{show(field.type)} {written(constraint)}", f"{kind(value)} outside of it", data=raw)
        return value

    return constrained


# --- unions -------------------------------------------------------------------------------------------------------


def _union(type_: LiteralType | UnionType, depth: int) -> _Check:
    expected = show(type_)
    members = type_.members if isinstance(type_, UnionType) else (type_,)
    if all(isinstance(member, LiteralType) for member in members):
        words = {member.value: member.value for member in members if isinstance(member, LiteralType)}

        def admit_word(raw: Any, passage: _Passage) -> Value:
            found = words.get(raw) if isinstance(raw, str) else None
            return found if found is not None else _misread(expected, raw)

        return admit_word
    if tags := _tags(members):
        return _tagged(expected, tags, depth)
    checks = tuple(_compile(member, depth) for member in members)

    def admit_any(raw: Any, passage: _Passage) -> Value:
        for check in checks:
            try:
                return check(raw, passage)
            except _Misfit:
                continue
        _misread(expected, raw)

    return admit_any


def _tags(members: tuple[Type, ...]) -> tuple[str, dict[str, RecordType]] | None:
    """The field that tells records apart, and the record of each of its words (rule E2)."""
    records = [member for member in members if isinstance(member, RecordType)]
    if len(records) < len(members):
        return None
    for field in records[0].fields:
        words = [(word, record) for record in records for word in _words(record.get(field.name))]
        named = {word: record for word, record in words}
        if len(named) == len(words) and {id(record) for record in named.values()} == {id(r) for r in records}:
            return field.name, named
    return None


def _words(field: FieldType | None) -> list[str]:
    match field.type if field else None:
        case LiteralType(value):
            return [value]
        case UnionType(members):
            words = [member.value for member in members if isinstance(member, LiteralType)]
            return words if len(words) == len(members) else []
        case _:
            return []


def _tagged(expected: str, tags: tuple[str, dict[str, RecordType]], depth: int) -> _Check:
    tag, records = tags
    checks = {word: _compile(record, depth) for word, record in records.items()}
    words = " | ".join(f'"{word}"' for word in records)

    def admit_tagged(raw: Any, passage: _Passage) -> Value:
        if not isinstance(raw, Mapping):
            _refuse(expected, raw)
        word = raw.get(tag)
        check = checks.get(word) if isinstance(word, str) else None
        if check is None:
            got = "nothing" if tag not in raw else "other text" if isinstance(word, str) else kind(word)
            raise _Misfit(words, got, tag, data=word)
        return check(raw, passage)

    return admit_tagged
