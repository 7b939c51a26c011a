"""What a condition tells about the values it looks at. Reads the types that `infer` wrote down; reports nothing."""

from collections.abc import Callable

from leadflow.check.checked import ConstRef
from leadflow.check.context import Context
from leadflow.check.env import Path
from leadflow.check.types import (
    comparable,
    either,
    holds_none,
    keep,
    members,
    only_words,
    without_none,
    without_words,
    words_of,
)
from leadflow.diagnostics import nearest
from leadflow.plan.types import BOOL, JSON, NEVER, NONE, UNKNOWN, ListType, MapType, RecordType, Type, optional
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
            if any(cx.program.types.get(side.id) == UNKNOWN for side in (left, right)):
                return {**unknown_from(cx, left), **unknown_from(cx, right)}
            equal = truth == (op == "==")
            return {**_compared(cx, left, right, equal), **_compared(cx, right, left, equal)}
        case tree.Binary(op="in" | "not in" as op, left=left, right=right):
            return _member_of(cx, left, right, truth == (op == "in"))
        case tree.Binary(op="??", left=left, right=tree.Bool(value=otherwise)) if otherwise != truth:
            return {**narrowed(cx, left, without_none), **assume(cx, left, truth)}
        case tree.Name() | tree.Member() if without_none(_type_of(cx, condition)) not in (BOOL, NEVER, JSON):
            return unknown_from(cx, condition)
        case _:
            return {}


def unknown_from(cx: Context, subject: tree.Expr) -> Facts:
    """What is known where a question about a value was a mistake: nothing, of it and of what it is read from.

    Where its name is unknown and near to another, that one may have been meant.
    """
    facts: Facts = {}
    expr: tree.Expr | None = subject
    while expr is not None:
        path = path_of(cx, expr)
        if path is None and isinstance(expr, tree.Name):
            meant = nearest(expr.text, cx.frame.names())
            var = None if meant is None else cx.frame.find(meant)
            path = None if var is None else (var,)
        if path is not None:
            facts[path] = UNKNOWN
        expr = expr.target if isinstance(expr, tree.Member | tree.Index) else None
    return facts


def _type_of(cx: Context, expr: tree.Expr) -> Type:
    """The type that was found for an expression."""
    return cx.program.types.get(expr.id, UNKNOWN)


def _either(first: Facts, second: Facts) -> Facts:
    """What is known whichever way led here: of a value that both ways tell about, that it is as one of them says."""
    facts = ((path, either(type_, second[path])) for path, type_ in first.items() if path in second)
    return {path: type_ for path, type_ in facts if type_ is not None}


def _compared(cx: Context, subject: tree.Expr, other: tree.Expr, equal: bool) -> Facts:
    """What `subject == other` tells about the subject."""
    if isinstance(other, tree.NoneLit):
        return narrowed(cx, subject, _only_none if equal else without_none)
    word = other.plain if isinstance(other, tree.Text) else None
    if word is not None:
        if meant(word, _type_of(cx, subject)) != word:
            return unknown_from(cx, subject)
        words = (word,)
        return narrowed(cx, subject, lambda t: only_words(t, words) if equal else without_words(t, words))
    known = _type_of(cx, other)
    if not equal or holds_none(known):
        return {}
    several = words_of(known) if known != NEVER else None
    return narrowed(cx, subject, without_none if several is None else lambda t: only_words(t, several))


def meant(word: str, type_: Type) -> str:
    """The text of a union that a text is meant to be: a misspelt one, which was reported, is the nearest."""
    known = words_of(without_none(type_)) if type_ not in (UNKNOWN, NEVER) else None
    return word if known is None or word in known else nearest(word, known) or word


def _only_none(type_: Type) -> Type:
    return NONE if holds_none(type_) else type_


def _member_of(cx: Context, subject: tree.Expr, owner: tree.Expr, inside: bool) -> Facts:
    """What `subject in owner` tells, or that it is not so."""
    words = _words_in(cx, owner)
    if words is not None:
        return narrowed(cx, subject, lambda t: only_words(t, words) if inside else without_words(t, words))
    type_ = _type_of(cx, owner)
    if inside and isinstance(type_, ListType) and not holds_none(type_.item):
        return narrowed(cx, subject, without_none)
    path = path_of(cx, owner)
    if inside and isinstance(type_, MapType) and path is not None and isinstance(subject, tree.Text):
        return {(*path, f'"{subject.plain}"'): type_.item} if subject.plain is not None else {}
    return {}


def _words_in(cx: Context, owner: tree.Expr) -> tuple[str, ...] | None:
    """The texts of a list that is written out or a constant; None when it is neither, or holds something else."""
    match owner:
        case tree.ListLit(items=items):
            found: object = tuple(item.plain if isinstance(item, tree.Text) else None for item in items)
        case tree.Name():
            ref = cx.program.refs.get(owner.id)
            found = ref.value if isinstance(ref, ConstRef) else None
        case _:
            return None
    words = tuple(word for word in found if isinstance(word, str)) if isinstance(found, tuple) else ()
    return words if words and isinstance(found, tuple) and len(words) == len(found) else None


def narrowed(cx: Context, subject: tree.Expr, change: Callable[[Type], Type]) -> Facts:
    """The facts that follow when the subject's type is known to change: about it, and about what it is read from."""
    path = path_of(cx, subject)
    if path is None:
        return {}
    before = _type_of(cx, subject)
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
        owner = _type_of(cx, member.target)
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
