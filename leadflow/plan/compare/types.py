"""What differs in two types, field by field: the declared names stand once for all that use them."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from leadflow.plan.compare.changes import Change, Subject
from leadflow.plan.compare.meaning import PLAIN, Names, told
from leadflow.plan.limits import written
from leadflow.plan.plan import AgentCall, Plan
from leadflow.plan.types import (
    MISSING,
    Constraint,
    FieldType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
    UnionType,
    show,
)
from leadflow.plan.words import value_words

Part: TypeAlias = tuple[str, str | None, str | None]
"""Which part of a type, and its two versions in words."""


def named_types(plan: Plan) -> dict[str, RecordType]:
    """The records that have a name, and one meaning in the whole plan."""
    found: dict[str, dict[str, RecordType]] = {}
    seen: set[int] = set()
    todo: list[Type] = []
    for flow in plan.flows.values():
        todo += [flow.result, *(param.type for param in flow.params)]
        for node in flow.nodes:
            todo.append(node.type)
            if isinstance(node.work, AgentCall):
                todo.append(node.work.result)
    while todo:
        type_ = todo.pop()
        if id(type_) in seen:
            continue
        seen.add(id(type_))
        match type_:
            case OptionalType(inner) | ListType(inner) | MapType(inner):
                todo.append(inner)
            case UnionType(members):
                todo += members
            case RecordType(fields, name):
                todo += [field.type for field in fields]
                if name is not None:
                    found.setdefault(name, {})[told(type_)] = type_
            case _:
                pass
    return {name: next(iter(each.values())) for name, each in found.items() if len(each) == 1}


def type_parts(old: Type, new: Type, names: Names = PLAIN) -> Iterator[Part]:
    """The parts in which two types differ."""
    if told(old, names) == told(new, names):
        return
    found = list(_parts("", old, new, names))
    yield from found or [("", show(old), show(new))]


def _parts(path: str, old: Type, new: Type, names: Names) -> Iterator[Part]:
    if told(old, names) == told(new, names):
        return
    match old, new:
        case (
            (OptionalType(one), OptionalType(other)) | (ListType(one), ListType(other)) | (MapType(one), MapType(other))
        ):
            yield from _parts(path, one, other, names)
        case RecordType(), RecordType():
            if old.name != new.name:
                yield path, show(old), show(new)
            yield from field_parts(path, old.fields, new.fields, names)
        case UnionType(olds), UnionType(news) if not _has_records(olds) and not _has_records(news):
            yield path, " | ".join(map(show, olds)), " | ".join(map(show, news))
        case _ if show(old) != show(new):
            yield path, show(old), show(new)
        case _:
            yield path, _in_full(old), _in_full(new)


def _has_records(members: Sequence[Type]) -> bool:
    return any(isinstance(member, RecordType) for member in members)


def field_parts(
    path: str, olds: Sequence[FieldType], news: Sequence[FieldType], names: Names = PLAIN
) -> Iterator[Part]:
    """The fields or parameters that were added, removed or changed."""
    before, after = ({field.name: field for field in fields} for fields in (olds, news))
    for name in [*before, *(name for name in after if name not in before)]:
        inner = f"{path}.{name}" if path else name
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            yield inner, None if one is None else field_words(one), None if other is None else field_words(other)
            continue
        yield from _parts(inner, one.type, other.type, names)
        if told(one.default) != told(other.default):
            yield f"{inner} default", _default(one), _default(other)
        if told(one.constraints) != told(other.constraints):
            yield f"{inner} allows", _limits(one.constraints), _limits(other.constraints)
        if one.doc != other.doc:
            yield f"{inner} description", one.doc or "none", other.doc or "none"
    common = [name for name in before if name in after]
    order = [name for name in after if name in before]
    if common != order:
        yield f"{path} order".strip(), ", ".join(common), ", ".join(order)


def field_words(field: FieldType) -> str:
    """A field as it is written."""
    limits = _limits(field.constraints)
    default = "" if field.default is MISSING else f" = {_default(field)}"
    return show(field.type) + ("" if limits == "anything" else f" {limits}") + default


def _default(field: FieldType) -> str:
    return "none given" if field.default is MISSING else value_words(field.default)  # type: ignore[arg-type]


def _limits(constraints: tuple[Constraint, ...]) -> str:
    return " ".join(map(written, constraints)) or "anything"


def _in_full(type_: Type) -> str:
    """A type with its records written out: their names are the same, and they are not."""
    match type_:
        case OptionalType(inner):
            return f"({_in_full(inner)})?"
        case ListType(inner):
            return f"list[{_in_full(inner)}]"
        case MapType(inner):
            return f"map[{_in_full(inner)}]"
        case UnionType(members):
            return " | ".join(map(_in_full, members))
        case RecordType(fields):
            return "{ " + ", ".join(f"{field.name}: {field_words(field)}" for field in fields) + " }"
        case _:
            return show(type_)


def type_changes(
    subject: Subject, path: str, aspect: str, old: Type, new: Type, names: Names = PLAIN
) -> Iterator[Change]:
    """The difference of two types as changes of what has them."""
    for part, was, now in type_parts(old, new, names):
        yield Change(subject, path, "changed", f"{aspect} {part}".strip(), was, now)
