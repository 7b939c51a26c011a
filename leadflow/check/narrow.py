"""What a condition tells about the values it looks at. Reads the types that `infer` wrote down; reports nothing."""

from collections.abc import Callable

from leadflow.check.context import Context
from leadflow.check.env import Path
from leadflow.check.types import (
    comparable,
    holds_none,
    keep,
    members,
    with_literal,
    without_literal,
    without_none,
)
from leadflow.plan.types import NEVER, NONE, UNKNOWN, LiteralType, RecordType, Type, optional
from leadflow.syntax import tree

Facts = dict[Path, Type]


def path_of(cx: Context, expr: tree.Expr) -> Path | None:
    """The path that an expression reads, None when it computes something."""
    match expr:
        case tree.Name(text=text):
            var = cx.frame.find(text)
            return None if var is None else (var,)
        case tree.Member(target=target, name=name):
            base = path_of(cx, target)
            return None if base is None else (*base, name.text)
        case tree.Index(target=target, index=tree.Int(value=at)):
            base = path_of(cx, target)
            return None if base is None else (*base, at)
        case tree.Index(target=target, index=tree.Text() as text) if text.plain is not None:
            base = path_of(cx, target)
            return None if base is None else (*base, f'"{text.plain}"')
        case _:
            return None


def assume(cx: Context, condition: tree.Expr, truth: bool) -> Facts:
    """What is known where the condition turned out to be `truth`."""
    match condition:
        case tree.Unary(op="not", operand=operand):
            return assume(cx, operand, not truth)
        case tree.Binary(op="and" | "or" as op, left=left, right=right):
            first, second = assume(cx, left, truth), assume(cx, right, truth)
            if truth == (op == "and"):
                return {**first, **second}
            return _either(first, second)
        case tree.Binary(op="==" | "!=" as op, left=left, right=right):
            equal = truth == (op == "==")
            return {**_compared(cx, left, right, equal), **_compared(cx, right, left, equal)}
        case tree.Binary(op="in" | "not in" as op, left=left, right=tree.ListLit(items=items)):
            return _listed(cx, left, items) if truth == (op == "in") else {}
        case _:
            return {}


def _either(first: Facts, second: Facts) -> Facts:
    """What both ways of getting here agree on: a value that is not none after both is not none."""
    return {path: type_ for path, type_ in first.items() if path in second and second[path] == type_}


def _compared(cx: Context, subject: tree.Expr, other: tree.Expr, equal: bool) -> Facts:
    """What `subject == other` tells about the subject."""
    if isinstance(other, tree.NoneLit):
        return narrowed(cx, subject, _only_none if equal else without_none)
    word = other.plain if isinstance(other, tree.Text) else None
    if word is not None:
        chosen = word
        return narrowed(cx, subject, lambda t: with_literal(t, chosen) if equal else without_literal(t, chosen))
    if equal and not holds_none(cx.program.types.get(other.id, UNKNOWN)):
        return narrowed(cx, subject, without_none)
    return {}


def _only_none(type_: Type) -> Type:
    return NONE if holds_none(type_) else type_


def _listed(cx: Context, subject: tree.Expr, items: tuple[tree.Expr, ...]) -> Facts:
    words = {item.plain for item in items if isinstance(item, tree.Text)}
    if len(words) != len(items) or None in words:
        return {}
    return narrowed(cx, subject, lambda t: only_words(without_none(t), words))


def only_words(type_: Type, words: set[str | None]) -> Type:
    """What remains when the value is known to be one of these texts."""
    return keep(type_, lambda member: not isinstance(member, LiteralType) or member.value in words)


def narrowed(cx: Context, subject: tree.Expr, change: Callable[[Type], Type]) -> Facts:
    """The facts that follow when the subject's type is known to change: about it, and about what it is read from."""
    path = path_of(cx, subject)
    if path is None:
        return {}
    before = cx.program.types.get(subject.id, UNKNOWN)
    after = change(before)
    if after is before or before == UNKNOWN:
        return {}
    facts: Facts = {path: after}
    if isinstance(subject, tree.Member):
        _narrow_owner(cx, subject, after, facts)
    return facts


def _narrow_owner(cx: Context, member: tree.Member, known: Type, facts: Facts) -> None:
    """A field that is there has an owner that is there; a field with one of several texts tells records apart."""
    while True:
        owner = cx.program.types.get(member.target.id, UNKNOWN)
        path = path_of(cx, member.target)
        if path is None:
            return
        kept = owner
        if member.safe and not holds_none(known):
            kept = without_none(owner)
        records = members(without_none(kept))
        if len(records) > 1:
            alive = _alive(without_none(kept), member.name.text, known)
            if alive != NEVER and len(members(alive)) < len(records):
                kept = alive if kept is not owner or not holds_none(owner) else optional(alive)
        if kept is not owner:
            facts[path] = kept
        if not isinstance(member.target, tree.Member):
            return
        member, known = member.target, kept


def _alive(records: Type, name: str, known: Type) -> Type:
    """The members whose field can be what is known of it."""

    def may_be(record: Type) -> bool:
        field = record.get(name) if isinstance(record, RecordType) else None
        return field is None or comparable(field.type, known)

    return keep(records, may_be)
