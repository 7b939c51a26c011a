"""A value that does not fit where it stands: which message says it best."""

import re

from leadflow.check.context import Context
from leadflow.check.env import Var
from leadflow.check.messages.types import json_leak, may_be_none, outside_union, wrong_type
from leadflow.check.messages.values import misplaced_secret, secret_needed
from leadflow.check.origin import say_once
from leadflow.check.spoken import spoken
from leadflow.check.types import fits, holds_none, is_text, join, members, without_none, words_of
from leadflow.diagnostics import Edit, Fix, Label, Span
from leadflow.plan.types import (
    DURATION,
    FILE,
    FLOAT,
    INT,
    JSON,
    MONEY,
    NONE,
    RATE,
    SECRET,
    STRING,
    ListType,
    OptionalType,
    RecordType,
    Type,
    UnionType,
    optional,
    show,
)
from leadflow.syntax import tree
from leadflow.syntax.units import per


def say_mismatch(cx: Context, expr: tree.Expr, *, given: Type, want: Type, where: str) -> None:
    """Report that `given` does not fit `want`."""
    inner = without_none(want)
    words = words_of(inner)
    if given == SECRET:
        cx.report(misplaced_secret(expr.span, where=where.removeprefix("the ")))
    elif inner == SECRET:
        cx.report(secret_needed(expr.span, where.split("'")[1] if "'" in where else where))
    elif given == JSON:
        _say_json(cx, expr, want, where)
    elif given != NONE and holds_none(given) and fits(without_none(given), want):
        _say_none(cx, expr, given, where)
    elif words is not None and isinstance(expr, tree.Text) and expr.plain is not None:
        cx.report(outside_union(expr.span, expr.plain, words=words))
    else:
        labels = _origin(cx, expr)
        literal = isinstance(expr, tree.Text) and expr.plain is not None and inner in (INT, FLOAT)
        note, fix = _unquoted(expr, inner) or (None if literal else _note(given, inner)), None
        if inner == FILE and isinstance(expr, tree.Text) and expr.plain is not None:
            written = f"file({cx.scope.module.source.at(expr.span)})"
            fix = Fix(f"write `{written}`", (Edit(expr.span, written),))
        elif (right := _with_unit(cx.scope.module.source.at(expr.span), inner)) is not None:
            fix = Fix(f"write '{right}'", (Edit(expr.span, right),))
        cx.report(
            wrong_type(expr.span, where=where, wanted=show(want), given=show(given), labels=labels, note=note, fix=fix)
        )


def root(cx: Context, expr: tree.Expr) -> Var | None:
    """The variable that an expression reads from."""
    while isinstance(expr, tree.Member | tree.Index):
        expr = expr.target
    return cx.frame.find(expr.text) if isinstance(expr, tree.Name) else None


def _origin(cx: Context, expr: tree.Expr) -> tuple[Label, ...]:
    var = root(cx, expr)
    if var is None or not isinstance(expr, tree.Name) or var.span.file != expr.span.file:
        return ()
    return (Label(var.span, f"'{var.name}' is {show(var.type)}"),)


def _say_json(cx: Context, expr: tree.Expr, want: Type, where: str) -> None:
    var = root(cx, expr)
    if var is not None and var.what == "step" and isinstance(expr, tree.Name):
        end = Span(var.span.file, var.span.end, var.span.end)
        fix = Fix(f"declare the type of step '{var.name}'", (Edit(end, f": {show(want)}"),))
        label = Label(var.span, "this step declares no type")
        hint = f"declare the step's type: 'step {var.name}: {show(want)} = …'"
        cx.report(json_leak(expr.span, what=f"'{var.name}'", hint=hint, labels=(label,), fix=fix))
        return
    hint = f"{where} is {show(want)}; write 'let x: {show(optional(want))} = …', which is none when it does not fit"
    cx.report(json_leak(expr.span, what=spoken(expr), hint=hint))


def _say_none(cx: Context, expr: tree.Expr, given: Type, where: str) -> None:
    what = spoken(expr)
    hint = f"{where} is never none; say what holds then, with '??' or 'if … != none'"
    say_once(cx, expr, may_be_none(expr.span, what=what, given=show(given), hint=hint))


def _unquoted(expr: tree.Expr, want: Type) -> str | None:
    """What to say of a number or an amount in quotes."""
    plain = expr.plain if isinstance(expr, tree.Text) else None
    if plain is None or want not in (INT, FLOAT, MONEY):
        return None
    amount = _AMOUNT.fullmatch(plain.strip()) if want == MONEY else _NUMBER.fullmatch(plain)
    if amount is None:
        return None
    return f"it stands without quotes: {'$' if want == MONEY else ''}{amount[1]}"


_NUMBER = re.compile(r"([0-9]+\.?[0-9]*)")
_AMOUNT = re.compile(r"(?:USD|US\$|\$)? ?([0-9]+(?:\.[0-9]+)?) ?(?:USD|dollars?|\$)?", re.IGNORECASE)


def _with_unit(written: str, want: Type) -> str | None:
    """How a number without a unit, or a text that has one, is written; None where nobody can know."""
    plain = written.strip('"')
    if want == MONEY and (amount := _AMOUNT.fullmatch(plain)) is not None:
        return f"${amount[1]}"
    if want == RATE and (rate := _RATE.fullmatch(plain)) is not None:
        return f"{rate[1]} per {per(rate[2])}"
    if want != DURATION or _DURATION.fullmatch(plain) is None:
        return None
    if not plain.isdecimal():
        return plain
    number = int(plain)
    if number >= _MANY and number % 3600:
        return None  # milliseconds, as some count
    return f"{number}s" if number < _MANY else f"{number // 3600}h"


_MANY = 1_000
"""Seconds that nobody writes as a number, unless they are whole hours."""
_RATE = re.compile(r"([0-9]+) ?(?:/|per) ?(second|sec|s|minute|min|m|hour|h|day|d)")
_DURATION = re.compile(r"[1-9][0-9]*|(?:[0-9]+(?:ms|[smhd]))+")


def _note(given: Type, want: Type) -> str | None:
    """What helps, where something helps."""
    if given == NONE:
        return f"write '{show(want)}?' for what may be none"
    if want == MONEY and (given in (INT, FLOAT) or is_text(given)):
        return "money is written with its sign and without quotes: $0.05"
    if want == RATE:
        return "a rate is written with its unit and without quotes: 60 per minute"
    if want == DURATION:
        return "a duration is written with its unit and without quotes: 30s, 5m, 1h30m"
    if want == FILE and given == STRING:
        return 'a file is written with its path from this folder: file("notes/a.txt")'
    if want == STRING and not isinstance(given, OptionalType) and given not in (RATE, SECRET):
        return "'string(…)' or a text '${…}' writes it as text"
    if (given, want) == (FLOAT, INT):
        return "'round', 'floor' or 'ceil' makes a whole number of it"
    if is_text(given) and want in (INT, FLOAT):
        return f"'{show(want)}(…)' reads a number from a text, and may be none"
    if given == STRING and words_of(want) is not None:
        return "a text from elsewhere may be any text; declare its type as the same union where it comes in"
    match given, want:
        case ListType(item), ListType(wanted) if holds_none(item) and fits(without_none(item), wanted):
            return "'compact' leaves out the nones"
        case RecordType(), RecordType():
            return _difference(given, want)
        case ((RecordType() | UnionType()), UnionType()):
            tells = [member for member in members(want) if isinstance(member, RecordType)]
            return f"it fits none of {', '.join(show(t) for t in tells)}" if tells else None
        case _ if not isinstance(given, ListType) and isinstance(want, ListType) and join(given, want.item) is not None:
            return "write it in '[…]' for a list of one"
    return None


def _difference(given: RecordType, want: RecordType) -> str | None:
    """The first field that does not fit."""
    for field in want.fields:
        found = given.get(field.name)
        if found is None:
            if not isinstance(field.type, OptionalType):
                return f"it lacks the field '{field.name}'"
        elif not fits(found.type, field.type):
            return f"its field '{field.name}' is {show(found.type)}, not {show(field.type)}"
    return None
