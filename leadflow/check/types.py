"""How types relate: what fits where, what two values have in common, what remains of a type when more is known.

Pure functions over `plan.types`. Knows no names, places or messages. Types are finite and small (the resolver refuses
others), so plain recursion is enough.
"""

from collections.abc import Callable, Iterable, Sequence

from leadflow.plan.policy import ERROR_CLASSES
from leadflow.plan.types import (
    BOOL,
    FLOAT,
    INT,
    JSON,
    NEVER,
    NONE,
    RATE,
    SECRET,
    STRING,
    UNKNOWN,
    FieldType,
    ListType,
    LiteralType,
    MapType,
    OptionalType,
    Prim,
    RecordType,
    Type,
    UnionType,
    optional,
)

ERROR_CLASS = UnionType(tuple(LiteralType(word) for word in ERROR_CLASSES))
"""What `class` of a failure is."""
ORDERED = frozenset({"string", "int", "float", "duration", "money", "time"})
"""Primitive types that `<` compares with their own kind."""


# --- what fits where ----------------------------------------------------------------------------------------------


def fits(given: Type, wanted: Type) -> bool:
    """Whether every value of `given` is a value of `wanted`. Reported mistakes (`unknown`) fit everywhere."""
    if given is wanted or given in (UNKNOWN, NEVER) or wanted == UNKNOWN:
        return True
    if wanted == JSON:
        return given not in (SECRET, RATE)
    if isinstance(wanted, OptionalType):
        inner = given.inner if isinstance(given, OptionalType) else given
        return inner == NONE or fits(inner, wanted.inner)
    if isinstance(given, UnionType):
        return all(fits(member, wanted) for member in given.members)
    if isinstance(wanted, UnionType):
        if isinstance(given, LiteralType):  # unions hold no plain string; there may be very many words
            return given.value in [m.value for m in wanted.members if isinstance(m, LiteralType)]
        return any(fits(given, member) for member in wanted.members)
    return _fits_plain(given, wanted)


def _fits_plain(given: Type, wanted: Type) -> bool:
    match given, wanted:
        case Prim(have), Prim(want):
            return have == want or (have, want) == ("int", "float")
        case LiteralType(have), LiteralType(want):
            return have == want
        case LiteralType(), Prim("string"):
            return True
        case (ListType(have), ListType(want)) | (MapType(have), MapType(want)):
            return fits(have, want)
        case RecordType(fields), MapType(want):
            return all(fits(f.type, want) for f in fields)
        case RecordType(), RecordType():
            return _fits_record(given, wanted)
        case _:
            return False


def _fits_record(given: RecordType, wanted: RecordType) -> bool:
    have = {f.name: f.type for f in given.fields}
    for want in wanted.fields:
        if want.name in have:
            if not fits(have[want.name], want.type):
                return False
        elif not isinstance(want.type, OptionalType):
            return False
    return True


def same(left: Type, right: Type) -> bool:
    """Whether two types have the same values."""
    return fits(left, right) and fits(right, left)


# --- what two have in common --------------------------------------------------------------------------------------


def join(left: Type, right: Type) -> Type | None:
    """The smallest type that both fit, None when there is none worth having."""
    if fits(left, right):
        return left if right == UNKNOWN else right
    if fits(right, left):
        return left
    if NONE in (left, right):
        return optional(right if left == NONE else left)
    match left, right:
        case (OptionalType(), _) | (_, OptionalType()):
            inner = join(without_none(left), without_none(right))
            return None if inner is None else optional(inner)
        case (ListType(a), ListType(b)):
            item = join(a, b)
            return None if item is None else ListType(item)
        case (MapType(a), MapType(b)):
            item = join(a, b)
            return None if item is None else MapType(item)
        case RecordType(), RecordType():
            return _join_records(left, right)
        case _:
            words = [*members(left), *members(right)]
            if all(isinstance(word, LiteralType) for word in words):
                return union(words)
            return None


def _join_records(left: RecordType, right: RecordType) -> Type | None:
    if [f.name for f in left.fields] != [f.name for f in right.fields]:
        return None
    fields = []
    for a, b in zip(left.fields, right.fields, strict=True):
        both = join(a.type, b.type)
        if both is None:
            return None
        fields.append(FieldType(a.name, both))
    return RecordType(tuple(fields))


def join_all(types: Sequence[Type]) -> Type | None:
    """The smallest type that all fit; `never` for none."""
    if all(isinstance(type_, LiteralType) for type_ in types):
        return union(types)  # at once: there may be very many
    result: Type = NEVER
    for type_ in types:
        both = join(result, type_)
        if both is None:
            return None
        result = both
    return result


def comparable(left: Type, right: Type) -> bool:
    """Whether a value of one may equal a value of the other."""
    if UNKNOWN in (left, right) or NEVER in (left, right):
        return True
    if holds_none(left) and holds_none(right):
        return True
    left, right = without_none(left), without_none(right)
    if NEVER in (left, right) or JSON in (left, right):
        return left == right
    return any(_may_equal(a, b) for a in members(left) for b in members(right))


def _may_equal(left: Type, right: Type) -> bool:
    match left, right:
        case (ListType(), ListType()) | (MapType(), MapType()):
            return True
        case (RecordType(), MapType()) | (MapType(), RecordType()):
            return True
        case RecordType(fields), RecordType():
            pairs = [(f.type, other.type) for f in fields if (other := right.get(f.name)) is not None]
            return all(JSON in pair or comparable(*pair) for pair in pairs)  # only a whole json wants a type first
        case _:
            return fits(left, right) or fits(right, left)


# --- parts and what remains ---------------------------------------------------------------------------------------


def members(type_: Type) -> tuple[Type, ...]:
    """The members of a union, else the type itself."""
    return type_.members if isinstance(type_, UnionType) else (type_,)


def union(types: Iterable[Type]) -> Type:
    """The union of the given types, flat and without repeats; `never` for none, the type itself for one."""
    flat: list[Type] = []
    words: set[str] = set()
    for member in (member for type_ in types for member in members(type_)):
        if isinstance(member, LiteralType):
            if member.value not in words:
                words.add(member.value)
                flat.append(member)
        elif not any(member is other or member == other for other in flat):
            flat.append(member)
    if not flat:
        return NEVER
    return flat[0] if len(flat) == 1 else UnionType(tuple(flat))


def holds_none(type_: Type) -> bool:
    """Whether none is a value of the type."""
    return type_ in (NONE, JSON, UNKNOWN) or isinstance(type_, OptionalType)


def without_none(type_: Type) -> Type:
    """What remains when the value is known not to be none."""
    if isinstance(type_, OptionalType):
        return type_.inner
    return NEVER if type_ == NONE else type_


def keep(type_: Type, wanted: Callable[[Type], bool]) -> Type:
    """The members for which `wanted` holds, none aside: an optional stays one."""
    if isinstance(type_, OptionalType):
        inner = keep(type_.inner, wanted)
        return NONE if inner == NEVER else optional(inner)
    return union(member for member in members(type_) if wanted(member))


def only_words(type_: Type, words: Sequence[str]) -> Type:
    """What remains when the value is known to be one of these strings."""
    inner = without_none(type_)
    if inner == STRING:
        return union(LiteralType(word) for word in words)
    allowed = frozenset(words)
    return keep(inner, lambda member: not isinstance(member, LiteralType) or member.value in allowed)


def without_words(type_: Type, words: Sequence[str]) -> Type:
    """What remains when the value is known to be none of these strings."""
    excluded = frozenset(words)
    return keep(type_, lambda member: not (isinstance(member, LiteralType) and member.value in excluded))


def either(left: Type, right: Type) -> Type | None:
    """What is known of a value that is of one of the two; None when that is no type."""
    if fits(left, right):
        return right
    if fits(right, left):
        return left
    inner = union([without_none(left), without_none(right)])
    if not all(isinstance(member, LiteralType | RecordType) for member in members(inner)):
        return None
    return optional(inner) if holds_none(left) or holds_none(right) else inner


def words_of(type_: Type) -> tuple[str, ...] | None:
    """The strings of a type made of literals only (none aside); None for every other type."""
    found = members(without_none(type_))
    if not isinstance(found[0], LiteralType):
        return None
    words = tuple([member.value for member in found if isinstance(member, LiteralType)])
    return words if len(words) == len(found) else None


def discriminant(type_: Type) -> str | None:
    """The field that tells the records of a union apart: in each a literal of its own. None when there is none."""
    records = [member for member in members(type_) if isinstance(member, RecordType)]
    if len(records) < 2 or len(records) != len(members(type_)):
        return None
    for field in records[0].fields:
        seen: set[str] = set()
        for record in records:
            other = record.get(field.name)
            words = None if other is None or holds_none(other.type) else words_of(other.type)
            if words is None or seen & set(words):
                break
            seen |= set(words)
        else:
            return field.name
    return None


def is_number(type_: Type) -> bool:
    """int, float, or already reported."""
    return type_ in (INT, FLOAT, UNKNOWN, NEVER)


def is_text(type_: Type) -> bool:
    """A string, or a union of strings."""
    return type_ == STRING or (words_of(type_) is not None and not isinstance(type_, OptionalType))


def family(type_: Type) -> str | None:
    """The name under which values compare by size and repeat: `number`, `string`, `duration`, `money`, `time`,
    `bool`; None for all others."""
    if is_text(type_):
        return "string"
    if type_ in (INT, FLOAT):
        return "number"
    if type_ == BOOL:
        return "bool"
    return type_.name if isinstance(type_, Prim) and type_.name in ORDERED else None
