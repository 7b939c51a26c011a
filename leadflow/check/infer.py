"""The type of every expression. `infer` finds it, `expect` checks that it fits and says where it does not.

What is expected is passed down, so that a text in a literal can be one of a union's and a mistake is reported at the
smallest part that is wrong. A type `unknown` has been reported already and stops follow-ups.
"""

from collections.abc import Callable, Mapping, Set
from typing import Any

from leadflow.check.access import entry_of, field_of, member_of_global
from leadflow.check.builtins import function_call
from leadflow.check.checked import ConstRef, LocalRef
from leadflow.check.context import Context
from leadflow.check.env import Frame, Var
from leadflow.check.file_literals import FILE_FUNCTION, file_call
from leadflow.check.holes import warn_of_braces
from leadflow.check.limits import keep_to_limits
from leadflow.check.lookup import check_new, method_called, say_unknown, say_unknown_function, what_is
from leadflow.check.messages.flows import action_in_expression
from leadflow.check.messages.names import bound_twice, duplicate, not_a_value, unknown_field, unknown_function
from leadflow.check.messages.types import (
    json_leak,
    may_be_none,
    missing_field,
    no_common_type,
    not_a_condition,
    not_a_list,
    wrong_type,
)
from leadflow.check.messages.values import misplaced_secret
from leadflow.check.mismatch import say_mismatch
from leadflow.check.narrow import assume, path_of
from leadflow.check.operators import arithmetic, coalesce, equality, membership, negative, ordering
from leadflow.check.origin import say_once
from leadflow.check.patterns import cover
from leadflow.check.program import ConstSymbol, FlowSymbol, ToolSymbol
from leadflow.check.secrets import SECRET_FUNCTIONS, secret_call
from leadflow.check.spoken import spoken
from leadflow.check.types import (
    discriminant,
    fits,
    holds_none,
    is_text,
    join,
    join_all,
    members,
    without_none,
    words_of,
)
from leadflow.diagnostics import Edit, Fix, Span, nearest
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.plan import Secret
from leadflow.plan.types import (
    BOOL,
    DURATION,
    FLOAT,
    INT,
    JSON,
    MONEY,
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
    RecordType,
    Type,
    _Missing,
    optional,
    show,
)
from leadflow.syntax import tree


def infer(cx: Context, expr: tree.Expr, want: Type | None = None) -> Type:
    """The type of an expression; `want` is what would be welcome there."""
    found = _INFER[type(expr)](cx, expr, want)
    cx.program.types[expr.id] = found
    return found


def condition(cx: Context, expr: tree.Expr) -> None:
    """An expression that must be true or false."""
    _judge(cx, expr, infer(cx, expr, BOOL))


def _judge(cx: Context, expr: tree.Expr, given: Type) -> None:
    """Report what is neither true nor false."""
    if given in (BOOL, UNKNOWN, NEVER):
        return
    if given == JSON:
        cx.report(json_leak(expr.span, what="this condition", hint="declare the type of the step it comes from"))
        return
    inner = without_none(given)
    if holds_none(given) and inner == BOOL:
        hint = "say what holds then: '?? false'"
    elif holds_none(given):
        hint = "ask '!= none'"
    elif isinstance(inner, ListType | MapType):
        hint = "ask 'len(…) > 0'"
    elif is_text(inner):
        hint = "ask '!= \"\"'"
    else:
        hint = "ask '> 0'" if inner in (INT, FLOAT) else "compare it with something"
    say_once(cx, expr, not_a_condition(expr.span, given=show(given), hint=hint))


def expect(cx: Context, expr: tree.Expr, want: Type, where: str) -> Type:
    """Check that an expression fits a type; `where` is how messages call the place. Gives the type to go on with."""
    check = _EXPECT.get(type(expr))
    inner = without_none(want)
    if check is not None and want not in (JSON, UNKNOWN):
        done = check(cx, expr, inner, want, where)
        if done is not None:
            cx.program.types[expr.id] = done
            return done
    given = infer(cx, expr, want)
    if fits(given, want) or (given == JSON and cx.where == "trigger"):  # a door (rule E1): validated when it comes in
        return given
    say_mismatch(cx, expr, given=given, want=want, where=where)
    return want


def expect_field(cx: Context, expr: tree.Expr, field: FieldType, where: str) -> None:
    """Check that an expression fits a field or parameter, and what is known of its value its limits."""
    before = cx.program.said_count
    expect(cx, expr, field.type, where)
    if cx.program.said_count == before:
        keep_to_limits(cx, expr, field, where)


# --- names --------------------------------------------------------------------------------------------------------


def _name(cx: Context, expr: tree.Name, want: Type | None) -> Type:
    var = cx.frame.read(expr.text)
    if var is None:
        return _global(cx, expr, want)
    if var.clash is not None:
        cx.report(bound_twice(expr.span, var.name, first=var.clash[0], second=var.clash[1]))
        return UNKNOWN
    cx.program.refs[expr.id] = LocalRef(var.decls)
    return cx.value_of(var)


def _global(cx: Context, expr: tree.Name, want: Type | None) -> Type:
    symbol = cx.symbol(expr.text)
    if isinstance(symbol, ConstSymbol):
        found = cx.program.consts.get(symbol.key)
        if found is None:
            return UNKNOWN
        if not isinstance(found[1], Secret):
            cx.program.refs[expr.id] = ConstRef(found[1])
            if (
                found[0] == STRING
                and isinstance(found[1], str)
                and want is not None
                and found[1] in (words_of(want) or ())
            ):
                return LiteralType(found[1])  # the text of a constant is known, like that of a literal
        return found[0]
    known = what_is(cx, expr.text, symbol)
    if known is None:
        say_unknown(cx, expr)
    elif known.what:
        cx.report(not_a_value(expr.span, expr.text, what=known.what, hint=known.hint))
    return UNKNOWN


def _member(cx: Context, expr: tree.Member, want: Type | None) -> Type:
    if isinstance(expr.target, tree.Name) and cx.frame.find(expr.target.text) is None:
        found = member_of_global(cx, expr, expr.target)
        if found is not None:
            return found
    owner = infer(cx, expr.target)
    path = path_of(cx, expr)
    known = cx.frame.fact(path) if path is not None else None
    found = field_of(cx, expr, owner)
    return found if known is None or found == UNKNOWN else known


def _index(cx: Context, expr: tree.Index, want: Type | None) -> Type:
    owner = infer(cx, expr.target)
    return entry_of(cx, expr, owner, infer(cx, expr.index))


# --- literals -----------------------------------------------------------------------------------------------------


def _text(cx: Context, expr: tree.Text, want: Type | None) -> Type:
    warn_of_braces(cx, expr)
    for part in expr.parts:
        if not isinstance(part, str):
            hole(cx, part)
    plain = expr.plain
    if plain is not None and want is not None:
        words = words_of(want)
        if words is not None and plain in words:
            return LiteralType(plain)
    return STRING


def hole(cx: Context, expr: tree.Expr) -> Type:
    """What stands in `${…}`: anything but none and secrets."""
    given = infer(cx, expr)
    if given == SECRET:
        where = "a text; 'prefix(\"…\", secret(…))' puts one behind a text" if cx.where == "setting" else "a text"
        cx.report(misplaced_secret(expr.span, where=where))
    elif given == RATE:
        given_here = "a rate, which stands in '@limit' only"
        cx.report(wrong_type(expr.span, where="what a text holds", wanted="a value", given=given_here))
    elif holds_none(given) and given not in (UNKNOWN, JSON):
        hint = "write what stands here then: '?? \"…\"'"
        what = spoken(expr)
        say_once(cx, expr, may_be_none(expr.span, what=what, given=show(given), hint=hint))
    return given


def _list(cx: Context, expr: tree.ListLit, want: Type | None) -> Type:
    inner = without_none(want) if want is not None else None
    hint = inner.item if isinstance(inner, ListType) else inner if inner == JSON else None
    result: Type = NEVER
    for item in expr.items:
        given = infer(cx, item, hint)
        _no_secret(cx, item, given, "a list")
        both = join(result, given)
        if both is None and inner == JSON and fits(given, JSON):  # a list of JSON may hold anything
            both = JSON
        if both is None:
            cx.report(no_common_type(item.span, what="the items of a list", left=show(result), right=show(given),
                                     first=expr.items[0].span))  # fmt: skip
            return UNKNOWN
        result = both
    return ListType(result)


def _record(cx: Context, expr: tree.RecordLit, want: Type | None) -> Type:
    inner = without_none(want) if want is not None else None
    fields: dict[str, FieldType] = {}
    for entry in _entries(cx, expr):
        name = entry.key.text
        hint: Type | None = None
        if isinstance(inner, RecordType):
            field = inner.get(name)
            hint = field.type if field is not None else None
        elif isinstance(inner, MapType):
            hint = inner.item
        elif inner == JSON:
            hint = JSON
        given = infer(cx, entry.value, hint)
        _no_secret(cx, entry.value, given, "a record")
        fields[name] = FieldType(name, given)
    return RecordType(tuple(fields.values()))


def _entries(cx: Context, expr: tree.RecordLit) -> list[tree.Entry]:
    """The entries, each key once."""
    first: dict[str, tree.Entry] = {}
    for entry in expr.entries:
        known = first.setdefault(entry.key.text, entry)
        if known is not entry:
            cx.report(duplicate(entry.key.span, entry.key.text, what="field", first=known.key.span))
    return list(first.values())


def _no_secret(cx: Context, expr: tree.Expr, given: Type, where: str) -> None:
    if given == SECRET:
        cx.report(misplaced_secret(expr.span, where=where))


def _comprehension(cx: Context, expr: tree.Comprehension, want: Type | None) -> Type:
    inner = without_none(want) if want is not None else None
    hint = inner.item if isinstance(inner, ListType) else None
    return _comprehend(cx, expr, lambda: infer(cx, expr.value, hint))


def _comprehend(cx: Context, expr: tree.Comprehension, value: Callable[[], Type]) -> Type:
    item = items_of(cx, expr.items)
    frame = Frame(cx.frame)
    cx.program.types[expr.name.id] = item
    with cx.inside(frame):
        check_new(cx, expr.name, "variable")
        frame.bind(Var(expr.name.text, item, (expr.id,), expr.name.span, "variable"))
        if expr.condition is not None:
            condition(cx, expr.condition)
            frame.facts.update(assume(cx, expr.condition, True))
        given = value()
        _no_secret(cx, expr.value, given, "a list")
        return ListType(given)


def items_of(cx: Context, expr: tree.Expr) -> Type:
    """The type of the items of a list to go over; what is no list is reported."""
    given = infer(cx, expr)
    if isinstance(given, ListType):
        return given.item
    if given == JSON:
        cx.report(json_leak(expr.span, what=spoken(expr), hint="declare the type of the step it comes from: 'list[…]'"))
    elif isinstance(without_none(given), ListType):
        found = may_be_none(expr.span, what=spoken(expr), given=show(given), hint="write '?? []'")
        say_once(cx, expr, found)
        inner = without_none(given)
        return inner.item if isinstance(inner, ListType) else UNKNOWN
    elif given not in (UNKNOWN, NEVER):
        hints = {True: "go over values(…), keys(…) or entries(…)"}
        hint = hints.get(isinstance(given, MapType), "go over range(…)" if given == INT else "")
        cx.report(not_a_list(expr.span, given=show(given), hint=hint))
    return UNKNOWN


# --- operators and choices ----------------------------------------------------------------------------------------


def _default(cx: Context, expr: tree.Binary, given: Type) -> Type:
    """Report `or` between what may be none and what holds then, which `??` says."""
    between = Span(expr.span.file, expr.left.span.end, expr.right.span.start)
    is_word = cx.scope.module.source.at(between).strip() == "or"
    fix = Fix("write '??'", (Edit(between, " ?? "),)) if is_word else None
    hint = "what holds where it is none is written '??'"
    say_once(cx, expr.left, not_a_condition(expr.left.span, given=show(given), hint=hint, fix=fix))
    infer(cx, expr.right, without_none(given))
    return UNKNOWN


def _binary(cx: Context, expr: tree.Binary, want: Type | None) -> Type:
    match expr.op:
        case "and" | "or":
            given = infer(cx, expr.left, BOOL)
            if expr.op == "or" and holds_none(given) and without_none(given) not in (BOOL, NEVER):
                return _default(cx, expr, given)
            _judge(cx, expr.left, given)
            with cx.inside(cx.knowing(assume(cx, expr.left, expr.op == "and"))):
                condition(cx, expr.right)
            return BOOL
        case "??":
            left = infer(cx, expr.left, None if want is None else optional(want))
            known = without_none(left)
            right = infer(cx, expr.right, known if known not in (NEVER, UNKNOWN, JSON) else want)
            return coalesce(cx, expr, left, right)
    left = infer(cx, expr.left)
    right = infer(cx, expr.right, _hint_of(expr, left))
    if SECRET in (left, right):
        cx.report(
            misplaced_secret((expr.left if left == SECRET else expr.right).span, where="a calculation or comparison")
        )
        return UNKNOWN
    match expr.op:
        case "==" | "!=":
            return equality(cx, expr, left, right)
        case "<" | "<=" | ">" | ">=":
            return ordering(cx, expr, left, right)
        case "in" | "not in":
            return membership(cx, expr, left, right)
        case "+" | "-" | "*" | "/" | "%":
            return arithmetic(cx, expr, left, right)
    return UNKNOWN  # a text that the parser has mended


def _hint_of(expr: tree.Binary, left: Type) -> Type | None:
    """What is welcome on the right of an operator."""
    if expr.op in ("in", "not in"):
        return ListType(without_none(left))
    return without_none(left) if expr.op in ("==", "!=") else None


def _unary(cx: Context, expr: tree.Unary, want: Type | None) -> Type:
    if expr.op == "not":
        condition(cx, expr.operand)
        return BOOL
    return negative(cx, expr, infer(cx, expr.operand, want))


def _conditional(cx: Context, expr: tree.Conditional, want: Type | None) -> Type:
    return _choose(cx, expr, lambda branch: infer(cx, branch, want))


def _choose(cx: Context, expr: tree.Conditional, value: Callable[[tree.Expr], Type]) -> Type:
    condition(cx, expr.condition)
    with cx.inside(cx.knowing(assume(cx, expr.condition, True))):
        left = value(expr.then)
    with cx.inside(cx.knowing(assume(cx, expr.condition, False))):
        right = value(expr.otherwise)
    return _joined(cx, [(expr.then, left), (expr.otherwise, right)], "both values of this 'if'")


def _match(cx: Context, expr: tree.MatchValue, want: Type | None) -> Type:
    return _choose_arm(cx, expr, lambda arm: infer(cx, arm, want))


def _choose_arm(cx: Context, expr: tree.MatchValue, value: Callable[[tree.Expr], Type]) -> Type:
    subject = infer(cx, expr.subject)
    found: list[tuple[tree.Expr, Type]] = []
    for arm, facts in zip(expr.arms, cover(cx, expr.subject, subject, expr.arms), strict=True):
        with cx.inside(cx.knowing(facts)):
            found.append((arm.value, value(arm.value)))
    return _joined(cx, found, "the values of this 'match'")


def _joined(cx: Context, found: list[tuple[tree.Expr, Type]], what: str) -> Type:
    """The common type of values that may stand in one place."""
    common = join_all([type_ for _, type_ in found])
    if common is not None:
        return common
    result: Type = NEVER
    for expr, type_ in found:
        both = join(result, type_)
        if both is None:
            cx.report(
                no_common_type(expr.span, what=what, left=show(result), right=show(type_), first=found[0][0].span)
            )
            return UNKNOWN
        result = both
    return result


# --- calls --------------------------------------------------------------------------------------------------------


def _call(cx: Context, expr: tree.Call, want: Type | None) -> Type:
    callee = expr.callee
    if isinstance(callee, tree.Name):
        name = callee.text
        symbol = cx.scope.values.get(name) if cx.frame.find(name) is None else None
        if isinstance(symbol, FlowSymbol | ToolSymbol):
            cx.symbol(name)
            cx.report(action_in_expression(expr.span, name))
            return _skip(cx, expr)
        if name in SECRET_FUNCTIONS:
            return secret_call(cx, expr, name, infer)
        if name == FILE_FUNCTION:
            return file_call(cx, expr, infer)
        if name in FUNCTIONS:
            return function_call(cx, expr, name, infer)
        say_unknown_function(cx, expr, name)
        return _skip(cx, expr)
    if isinstance(callee, tree.Member):
        if not method_called(cx, expr, callee):
            infer(cx, callee.target)
    elif infer(cx, callee) != UNKNOWN:
        cx.report(unknown_function(callee.span, "(…)", known=(), note="only functions are called, by their names"))
    return _skip(cx, expr)


def _skip(cx: Context, expr: tree.Call) -> Type:
    """Look at the arguments of a call that means nothing, for the mistakes in them."""
    for arg in expr.args:
        infer(cx, arg.value)
    return UNKNOWN


def _plain(type_: Type) -> Callable[[Context, Any, Type | None], Type]:
    return lambda cx, expr, want: type_


def _rate(cx: Context, expr: tree.Rate, want: Type | None) -> Type:
    where = "the number of a rate"
    if isinstance(expr.count, tree.Size):  # a whole number elsewhere, but what is counted here is not bytes
        cx.report(wrong_type(expr.count.span, where=where, wanted="int", given="a size"))
    else:
        expect(cx, expr.count, INT, where)
    return RATE


_INFER: Mapping[type, Callable[[Context, Any, Type | None], Type]] = {
    tree.Name: _name,
    tree.Text: _text,
    tree.Int: _plain(INT),
    tree.Float: _plain(FLOAT),
    tree.Duration: _plain(DURATION),
    tree.Money: _plain(MONEY),
    tree.Size: _plain(INT),
    tree.Rate: _rate,
    tree.Bool: _plain(BOOL),
    tree.NoneLit: _plain(NONE),
    tree.ListLit: _list,
    tree.Comprehension: _comprehension,
    tree.RecordLit: _record,
    tree.Binary: _binary,
    tree.Unary: _unary,
    tree.Member: _member,
    tree.Index: _index,
    tree.Call: _call,
    tree.Conditional: _conditional,
    tree.MatchValue: _match,
    tree.BadExpr: _plain(UNKNOWN),
}
"""One function per kind of expression (a test compares with `tree.Expr`)."""


# --- what is expected ---------------------------------------------------------------------------------------------


def _expect_text(cx: Context, expr: tree.Text, inner: Type, want: Type, where: str) -> Type | None:
    words = words_of(inner)
    plain = expr.plain
    if words is None or plain is None or plain in words:
        return None
    say_mismatch(cx, expr, given=STRING, want=want, where=where)
    return want


def _expect_list(cx: Context, expr: tree.ListLit, inner: Type, want: Type, where: str) -> Type | None:
    if not isinstance(inner, ListType):
        return None
    for item in expr.items:
        expect(cx, item, inner.item, f"an item of {where.removeprefix('the ')}" if len(where) < 40 else "an item")
    return inner


def _expect_comprehension(cx: Context, expr: tree.Comprehension, inner: Type, want: Type, where: str) -> Type | None:
    if not isinstance(inner, ListType):
        return None
    _comprehend(cx, expr, lambda: expect(cx, expr.value, inner.item, "an item of this list"))
    return inner


def _expect_conditional(cx: Context, expr: tree.Conditional, inner: Type, want: Type, where: str) -> Type | None:
    given = _choose(cx, expr, lambda branch: expect(cx, branch, want, where))
    return want if holds_none(given) else inner


def _expect_match(cx: Context, expr: tree.MatchValue, inner: Type, want: Type, where: str) -> Type | None:
    given = _choose_arm(cx, expr, lambda arm: expect(cx, arm, want, where))
    return want if holds_none(given) else inner


def _expect_record(cx: Context, expr: tree.RecordLit, inner: Type, want: Type, where: str) -> Type | None:
    if isinstance(inner, MapType):
        for entry in _entries(cx, expr):
            expect(cx, entry.value, inner.item, f"'{entry.key.text}'")
        return inner
    record = _chosen(cx, expr, inner)
    if record is None:
        return None
    owner = record.name or where
    given = {entry.key.text: entry for entry in _entries(cx, expr)}
    meant: list[str | None] = []
    for name, entry in given.items():
        field = record.get(name)
        if field is None:
            infer(cx, entry.value)
            absent = [f.name for f in record.fields if f.name not in given]
            meant.append(nearest(name, absent))
            cx.report(unknown_field(entry.key.span, name, owner=owner, known=cx.program.known(absent)))
        else:
            expect_field(cx, entry.value, field, f"the field '{name}'")
    _fill(cx, expr, record, {*given, *meant}, owner)
    return inner


def _fill(cx: Context, expr: tree.RecordLit, record: RecordType, given: Set[str | None], owner: str) -> None:
    """Note the fields that a literal leaves out and may leave out; report those it may not.

    Args:
        given: the fields that are there, also under a misspelt name, which was reported.
    """
    absent = [field for field in record.fields if field.name not in given]
    missing = [field.name for field in absent if field.required]
    if missing:
        cx.report(missing_field(expr.span, missing, owner=owner))
    elif absent:
        cx.program.fills[expr.id] = {
            field.name: None if isinstance(field.default, _Missing) else field.default for field in absent
        }


def _chosen(cx: Context, expr: tree.RecordLit, inner: Type) -> RecordType | None:
    """The record type that a literal is meant to have: of a union, the one whose telling field it holds."""
    if isinstance(inner, RecordType):
        return inner
    tell = discriminant(inner)
    entry = next((e for e in expr.entries if e.key.text == tell), None)
    word = entry.value.plain if entry is not None and isinstance(entry.value, tree.Text) else None
    if tell is None or word is None:
        return None
    for member in members(inner):
        field = member.get(tell) if isinstance(member, RecordType) else None
        if field is not None and word in (words_of(field.type) or ()):
            return member if isinstance(member, RecordType) else None
    return None


_EXPECT: Mapping[type, Callable[[Context, Any, Type, Type, str], Type | None]] = {
    tree.Text: _expect_text,
    tree.ListLit: _expect_list,
    tree.Comprehension: _expect_comprehension,
    tree.RecordLit: _expect_record,
    tree.Conditional: _expect_conditional,
    tree.MatchValue: _expect_match,
}
