"""The constraints behind a field or parameter: what they say, and whether they apply to its type and can hold."""

from collections.abc import Iterable, Iterator, Sequence

from leadflow.check.args import Slot, bind
from leadflow.check.consts import NotConstant, fold
from leadflow.check.context import Context
from leadflow.check.infer import expect
from leadflow.check.messages.limits import bad_constraint, bad_pattern
from leadflow.check.messages.names import duplicate, unknown_annotation
from leadflow.check.types import is_number, is_text, without_none, words_of
from leadflow.diagnostics import Edit, Fix, Span
from leadflow.plan.limits import keeps
from leadflow.plan.pattern import BadPattern, compile_pattern
from leadflow.plan.types import (
    FLOAT,
    INT,
    STRING,
    UNKNOWN,
    Constraint,
    Length,
    ListType,
    Pattern,
    Range,
    Type,
    show,
)
from leadflow.syntax import tree

_NAMES = ("range", "length", "pattern")


def constraints_of(cx: Context, annotations: Sequence[tree.Annotation], type_: Type) -> Iterable[Constraint]:
    """The constraints on a field or parameter of a type; what is wrong with them is reported."""
    seen: dict[str, tree.Annotation] = {}
    for annotation in annotations:
        name = ".".join(part.text for part in annotation.path)
        if name not in _NAMES:
            cx.report(unknown_annotation(annotation.path[0].span, name, known=_NAMES))
            continue
        if name in seen:
            cx.report(duplicate(annotation.span, f"@{name}", what="limit", first=seen[name].span))
            continue
        seen[name] = annotation
        inner = without_none(type_)
        if not _applies(cx, annotation, name, inner):
            continue
        found = _pattern(cx, annotation) if name == "pattern" else _bounds(cx, annotation, name, inner)
        if found is None:
            continue
        out = [word for word in words_of(inner) or () if not keeps(word, found)]
        if out:
            cx.report(bad_constraint(annotation.span, name, hint=f'keeps out "{out[0]}", which its type allows'))
        yield found


_LIMITS = {"range": "numbers", "length": "texts and lists", "pattern": "texts"}


def _applies(cx: Context, annotation: tree.Annotation, name: str, type_: Type) -> bool:
    """Whether values of the type have what is limited."""
    fitting = is_number(type_) if name == "range" else is_text(type_)
    if fitting or type_ == UNKNOWN or (name == "length" and isinstance(type_, ListType)):
        return True
    hint = f"limits {_LIMITS[name]}, and this is {show(type_)}"
    if name == "range" and (is_text(type_) or isinstance(type_, ListType)):
        hint += "; how long it may be is '@length(low, high)'"
    cx.report(bad_constraint(annotation.span, name, hint=hint))
    return False


def _bounds(cx: Context, annotation: tree.Annotation, name: str, type_: Type) -> Constraint | None:
    """`@range` and `@length`."""
    wanted = INT if name == "length" else FLOAT if type_ == UNKNOWN else type_
    slots = (Slot("low"), Slot("high"))
    before = cx.program.said_count
    bound = bind(cx, annotation.args or (), slots, owner=f"'@{name}'", span=annotation.span)
    ends: list[int | float | None] = []
    for slot in slots:
        expr = bound.one(slot.name)
        ends.append(None if expr is None or isinstance(expr, tree.NoneLit) else _end(cx, expr, wanted, name))
    low, high = ends
    if cx.program.said_count > before:
        return None
    if low is None and high is None:
        cx.report(bad_constraint(annotation.span, name, hint="says a smallest and a largest value: (low, high)"))
        return None
    if low is not None and high is not None and low > high:
        cx.report(bad_constraint(annotation.span, name, hint="has its smallest value above its largest"))
        return None
    if name == "range":
        return Range(low, high)
    if any(end is not None and end < 0 for end in ends):
        cx.report(
            bad_constraint(annotation.span, name, hint="counts characters or items, which are never fewer than 0")
        )
        return None
    return Length(None if low is None else int(low), None if high is None else int(high))


def _end(cx: Context, expr: tree.Expr, wanted: Type, name: str) -> int | float | None:
    where = f"an end of '@{name}'"
    expect(cx, expr, wanted, where)
    try:
        value = fold(cx, expr, where)
    except NotConstant:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _pattern(cx: Context, annotation: tree.Annotation) -> Constraint | None:
    slots = (Slot("text", required=True),)
    bound = bind(cx, annotation.args or (), slots, owner="'@pattern'", span=annotation.span)
    expr = bound.one("text")
    if expr is None:
        return None
    where = "the text of '@pattern'"
    before = cx.program.said_count
    expect(cx, expr, STRING, where)
    if cx.program.said_count > before:
        return None
    try:
        text = fold(cx, expr, where)
    except NotConstant:
        return None
    if not isinstance(text, str):
        return None
    found = compile_pattern(text)
    if isinstance(found, BadPattern):
        place = _place(cx, expr, text, found.at)
        is_anchor = (found.at, text[:1]) == (0, "^") or (found.at, text[-1:]) == (len(text) - 1, "$")
        fix = Fix("leave it out", (Edit(place, ""),), safe=True) if is_anchor and place != expr.span else None
        cx.report(bad_pattern(place, why=found.why, fix=fix))
        return None
    return Pattern(text)


# --- a place inside a string --------------------------------------------------------------------------------------


def _place(cx: Context, expr: tree.Expr, text: str, at: int) -> Span:
    """The character of a pattern in the string that it is written in; the whole string when that cannot be told."""
    span = expr.span
    if not isinstance(expr, tree.Text) or expr.block or expr.plain != text:
        return span
    source = cx.scope.module.source.text
    places = list(_characters(source, span.start + 1, span.end - 1))
    if len(places) != len(text) or at >= len(places):
        return span
    start, end = places[at]
    return Span(span.file, start, end)


def _characters(source: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where each character of a string literal stands: an escape is one character."""
    at = start
    while at < end:
        if source.startswith("\\u{", at):
            upto = source.index("}", at) + 1
        elif source[at] == "\\":
            upto = at + 2
        elif source.startswith("$${", at):
            yield at, at + 2
            upto, at = at + 3, at + 2
        else:
            upto = at + 1
        yield at, upto
        at = upto
