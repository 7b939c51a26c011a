"""How large a value can get: bytes of its text, items, fields. Pure arithmetic over types, values and expressions.

A size is never too small; what it does not understand has no bound. It says by name what makes a size boundless.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import reduce
from typing import cast

from leadflow.plan.forms import to_json_text, to_text
from leadflow.plan.tokens import text_tokens
from leadflow.plan.types import (
    MISSING,
    FieldType,
    Length,
    ListType,
    LiteralType,
    MapType,
    OptionalType,
    Prim,
    RecordType,
    Type,
    UnionType,
    Value,
)
from leadflow.record import record

Most = int | None
"""The most of something; None has no bound."""


@record
class Size:
    """The most that a value can be."""

    text: Most
    """UTF-8 bytes of its text in a hole."""
    json: Most
    """Bytes of its JSON, or of the JSON of what stands in it."""
    items: Most = 0
    """Of a list or a map; 0 for what is none."""
    item: "Size | None" = None
    """Each of them; None: not known, or there are none. Who works with it reads `each`."""
    fields: tuple[tuple[str, "Size"], ...] = ()
    """Of a record."""
    open: str = ""
    """The name of what has no bound."""
    default: "Size | None" = None
    """Of a field that has a default: what stands there when nothing was given."""

    @property
    def each(self) -> "Size | None":
        """Each of what stands in a list or a map; None only where nothing does."""
        parts = [*(size for _, size in self.fields), *([] if self.item is None else [self.item])]
        if parts:
            return reduce(larger, parts)
        return None if self.items == 0 else boundless(self.open)

    @property
    def count(self) -> Most:
        """How many entries a map or a list has; a record may be taken for a map."""
        return None if self.items is None else max(self.items, len(self.fields))

    def field(self, name: str) -> "Size":
        """A field, or an entry of a map."""
        known = next((size for field, size in self.fields if field == name), None)
        return known or self.item or boundless(f"{self.open}.{name}" if self.open else name)


SCALAR = 64
"""Bytes of a number, a time, a duration, an amount of money or a truth in any form."""
_QUOTED = 6
"""Bytes of JSON for one byte of text, at worst: a control character becomes six."""

NONE_SIZE = Size(4, 4)
SMALL = Size(SCALAR, SCALAR + 2)


def boundless(name: str) -> Size:
    """What nobody knows."""
    return Size(None, None, None, None, (), name)


def text_size(most: Most, name: str = "") -> Size:
    """A text of so many bytes."""
    return Size(None, None, open=name) if most is None else Size(most, 2 + _QUOTED * most)


def list_size(items: Most, item: Size | None, name: str = "") -> Size:
    """A list of so many items. Of what stands in it nothing is known where `item` is None."""
    each = None if item is None else item.json
    if items == 0:
        return Size(2, 2, 0)
    whole = None if items is None or each is None else 2 + items * (each + 1)
    what = "" if item is None else item.open
    return Size(whole, whole, items, item, (), what or name if whole is None else "")


def map_size(items: Most, key: Most, item: Size | None, name: str = "") -> Size:
    """A map with so many entries."""
    if item is None or item.json is None or items is None or key is None:
        return Size(None, None, items, item or boundless(name), (), (item.open if item else "") or name)
    whole = 2 + items * (item.json + 2 + _QUOTED * key + 2)
    return Size(whole, whole, items, item)


def record_size(fields: Iterable[tuple[str, Size]]) -> Size:
    """A record with these fields."""
    parts = tuple(fields)
    whole: Most = 2
    for name, size in parts:
        quoted = text_tokens(to_json_text(name))
        whole = None if whole is None or size.json is None else whole + quoted + 2 + size.json
    return Size(whole, whole, 0, None, parts, next((size.open for _, size in parts if size.json is None), ""))


def larger(first: Size, second: Size) -> Size:
    """No smaller than either."""
    if first == second:
        return first
    fields = dict(first.fields)
    for name, size in second.fields:
        fields[name] = larger(fields[name], size) if name in fields else size
    items = [size.item for size in (first, second) if size.item is not None]
    if any(size.items != 0 and size.item is None for size in (first, second)):
        items = []  # of one of them nobody knows what stands in it
    return Size(
        _most(first.text, second.text),
        _most(first.json, second.json),
        _most(first.items, second.items),
        reduce(larger, items) if items else None,
        tuple(fields.items()),
        first.open or second.open,
        first.default if second.default is None else larger(second.default, first.default or NONE_SIZE),
    )


def largest(sizes: Iterable[Size]) -> Size:
    """No smaller than any; that of nothing is none's."""
    return reduce(larger, sizes, NONE_SIZE)


def _most(first: Most, second: Most) -> Most:
    return None if first is None or second is None else max(first, second)


def no_more(size: Size, most: int) -> Size:
    """The size of a value whose JSON, as it was read, had at most so many bytes."""
    return _within(size, most, most * (12 + _keys(size)))


def _within(size: Size, raw: int, again: int) -> Size:
    """What was read, or the default that stands there although nothing was."""
    read = _as_read(size, raw, again)
    return read if size.default is None else larger(read, size.default)


def _as_read(size: Size, raw: int, again: int) -> Size:
    """Texts and items are no more than the bytes they were read from; `again`: written anew, it may be longer."""
    if size.items == 0 and not size.fields:
        return Size(_least(size.text, max(raw, SCALAR)), _least(size.json, 2 + _QUOTED * max(raw, SCALAR)))
    return Size(
        _least(size.text, again),
        _least(size.json, again + 2),
        _least(size.items, raw),
        None if size.item is None else _within(size.item, raw, again),
        tuple((name, _within(field, raw, again)) for name, field in size.fields),
    )


def _keys(size: Size) -> int:
    """Bytes that the fields of a value take when all of them are missing: as none, or as their default."""
    inner = 0 if size.item is None else _keys(size.item)
    return inner + sum(
        _QUOTED * len(name.encode()) + 8 + _keys(field) + (0 if field.default is None else field.default.json or 0)
        for name, field in size.fields
    )


def _least(first: Most, second: int) -> int:
    return second if first is None else min(first, second)


# --- of values and types ------------------------------------------------------------------------------------------


def size_of_value(value: Value) -> Size:
    """The size of a value that is known."""
    match value:
        case tuple() if type(value) is tuple:
            items = [size_of_value(part) for part in value]
            inner = list_size(len(items), reduce(larger, items) if items else None)
            return Size(_text(value), _json(value), inner.items, inner.item)
        case Mapping():
            fields = tuple((name, size_of_value(part)) for name, part in value.items())
            item = reduce(larger, (size for _, size in fields)) if fields else None
            return Size(_text(value), _json(value), len(fields), item, fields)
        case _:
            return Size(_text(value), _json(value))


def _text(value: Value) -> int:
    return text_tokens(to_text(value))


def _json(value: Value) -> int:
    return text_tokens(to_json_text(value))


def size_of_type(type_: Type, name: str, length: Length | None = None) -> Size:
    """The size of any value of a type.

    Args:
        name: of what has the type, for people.
        length: its `@length`.
    """
    most = None if length is None else length.high
    match type_:
        case Prim("none"):
            return NONE_SIZE
        case Prim("string"):
            return text_size(None if most is None else 4 * most, name)
        case Prim("json" | "file" | "secret" | "unknown"):
            return boundless(name)
        case Prim():
            return SMALL
        case LiteralType(value):
            return size_of_value(value)
        case OptionalType(inner):
            return larger(size_of_type(inner, name, length), NONE_SIZE)
        case ListType(item):
            return list_size(most, size_of_type(item, name), name)
        case MapType(item):
            return map_size(most, None, size_of_type(item, name), name)
        case RecordType(fields):
            return record_size((field.name, size_of_field(field, f"{name}.{field.name}")) for field in fields)
        case UnionType(members):
            return reduce(larger, (size_of_type(member, name) for member in members))


def size_of_field(field: FieldType, name: str) -> Size:
    """The size of a field, or of a parameter."""
    length = next((one for one in field.constraints if isinstance(one, Length)), None)
    size = size_of_type(field.type, name, length)
    if field.default is MISSING:
        return size
    default = size_of_value(cast(Value, field.default))
    return replace(larger(size, default), default=default)
