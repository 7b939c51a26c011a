"""Whether the arms of a `match` cover its subject, and what each arm knows of it (rule D3): statements and values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from leadflow.check.context import Context
from leadflow.check.messages.types import dead_arm, json_leak, name_pattern, not_covered, outside_union, wrong_pattern
from leadflow.check.narrow import Facts, meant, narrowed
from leadflow.check.origin import with_origin
from leadflow.check.spoken import spoken
from leadflow.check.types import holds_none, is_text, keep, members, only_words, without_none, words_of
from leadflow.diagnostics import Label, Span
from leadflow.plan.types import BOOL, INT, JSON, NEVER, NONE, UNKNOWN, LiteralType, Type, optional, show
from leadflow.syntax import tree

_Key: TypeAlias = tuple[type, str | int | bool | None]


@dataclass(slots=True)
class _Seen:
    """What the arms so far have taken."""

    by: dict[_Key, Span] = field(default_factory=dict)
    rest: Span | None = None
    """Where `_` stands."""
    never: set[type] = field(default_factory=set)
    """Types of literals that the subject never is."""
    broken: bool = False
    """A pattern was no pattern, so what is covered is not known."""


def cover(cx: Context, subject: tree.Expr, type_: Type, arms: Sequence[tree.MatchArm | tree.ValueArm]) -> list[Facts]:
    """Check all patterns; the facts that hold in each arm."""
    if type_ == JSON:
        cx.report(json_leak(subject.span, what=spoken(subject), hint="declare the type of the step it comes from"))
        type_ = UNKNOWN
    words = words_of(type_)
    domain = _domain(type_)
    seen = _Seen()
    facts: list[Facts] = []
    for arm in arms:
        if seen.rest is not None:
            cx.report(dead_arm(arm.patterns[0].span, why="'_' above takes all the rest",
                               labels=(Label(seen.rest, "takes all the rest"),)))  # fmt: skip
            facts.append({})
            continue
        taken = [key for pattern in arm.patterns for key in _take(cx, pattern, type_, words, seen)]
        if seen.rest is not None:
            if domain is not None and not seen.broken and all(key in seen.by for key in domain):
                cx.report(dead_arm(seen.rest, why="the arms above take every value already"))
            facts.append(_rest_facts(cx, subject, seen))
        else:
            facts.append(_arm_facts(cx, subject, taken))
    _report_missing(cx, subject, domain, seen, type_)
    return facts


def _take(cx: Context, pattern: tree.Pattern, type_: Type, words: tuple[str, ...] | None, seen: _Seen) -> list[_Key]:
    """What one pattern matches; its mistakes are reported."""
    match pattern:
        case tree.WildcardPattern():
            seen.rest = pattern.span
            return []
        case tree.NamePattern(name=name):
            seen.broken = True
            cx.report(name_pattern(pattern.span, name.text, known=words or ()))
            return []
        case tree.LiteralPattern(value=value):
            key = (type(value), value)
            if key in seen.by:
                why = f"{_write(value)} has an arm already"
                cx.report(dead_arm(pattern.span, why=why, labels=(Label(seen.by[key], "taken here"),)))
                return []
            if not _possible(type_, value):
                seen.broken = True
                if isinstance(value, str) and words is not None:
                    cx.report(outside_union(pattern.span, value, words=words))
                    return [(str, meant(value, type_))]
                if type(value) not in seen.never:  # all of one type fail for the same reason
                    seen.never.add(type(value))
                    cx.report(wrong_pattern(pattern.span, _write(value), subject=show(type_)))
                return []
            seen.by[key] = pattern.span
            return [key]


def _possible(type_: Type, value: str | int | bool | None) -> bool:
    """Whether a value of the type can be this literal."""
    if type_ in (UNKNOWN, NEVER):
        return True
    if value is None:
        return holds_none(type_)
    inner = without_none(type_)
    if isinstance(value, bool):
        return inner == BOOL
    if isinstance(value, int):
        return inner == INT
    words = words_of(inner)
    return value in words if words is not None else is_text(inner)


def _domain(type_: Type) -> list[_Key] | None:
    """Every value of a type that has few; None for the others."""
    keys: list[_Key] = [(type(None), None)] if holds_none(type_) else []
    inner = without_none(type_)
    words = words_of(inner)
    if words is not None:
        return [*((str, word) for word in words), *keys]
    if inner == BOOL:
        return [(bool, True), (bool, False), *keys]
    return keys if inner == NEVER else None


def _report_missing(cx: Context, subject: tree.Expr, domain: list[_Key] | None, seen: _Seen, type_: Type) -> None:
    if seen.rest is not None or seen.broken or type_ in (UNKNOWN, NEVER):
        return
    if domain is None:
        cx.report(not_covered(subject.span, (), open_ended=True))
        return
    missing = [_write(value) for kind, value in domain if (kind, value) not in seen.by]
    if missing:
        found = not_covered(subject.span, missing)
        cx.report(with_origin(cx, subject, found) if "none" in missing else found)


def _arm_facts(cx: Context, subject: tree.Expr, taken: Sequence[_Key]) -> Facts:
    values = [value for _, value in taken]
    words = [value for value in values if isinstance(value, str)]

    def change(type_: Type) -> Type:
        inner = only_words(type_, words) if is_text(without_none(type_)) else without_none(type_)
        if None not in values:
            return inner
        return NONE if inner == NEVER or len(values) == 1 else optional(inner)

    return narrowed(cx, subject, change) if values else {}


def _rest_facts(cx: Context, subject: tree.Expr, seen: _Seen) -> Facts:
    words = {value for kind, value in seen.by if kind is str}
    no_none = (type(None), None) in seen.by

    def change(type_: Type) -> Type:
        kept = without_none(type_) if no_none else type_
        left = [m for m in members(without_none(kept)) if not (isinstance(m, LiteralType) and m.value in words)]
        return kept if len(left) == len(members(without_none(kept))) else keep(kept, lambda m: m in left)

    return narrowed(cx, subject, change)


def _write(value: str | int | bool | None) -> str:
    """A literal as an author writes it."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case _:
            return str(value)
