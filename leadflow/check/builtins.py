"""The types of calls of built-in functions: the table of `plan/functions` applied to arguments."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from leadflow.check.args import Slot, bind
from leadflow.check.checked import FunctionCall
from leadflow.check.context import Context
from leadflow.check.messages.names import unknown_field
from leadflow.check.messages.types import json_leak, may_be_none, no_common_type, wrong_type
from leadflow.check.messages.values import field_name_needed, in_quotes
from leadflow.check.operators import sought
from leadflow.check.origin import say_once
from leadflow.check.types import family, fits, holds_none, is_number, is_text, join, join_all, without_none
from leadflow.plan.forms import read_time
from leadflow.plan.functions import (
    FUNCTIONS,
    Fields,
    FunctionParam,
    FunctionRow,
    ListOf,
    MapOf,
    MaybeOf,
    Pattern,
    ResultRule,
    Var,
)
from leadflow.plan.types import (
    BOOL,
    DURATION,
    FLOAT,
    INT,
    JSON,
    MONEY,
    NEVER,
    NONE,
    STRING,
    TIME,
    UNKNOWN,
    FieldType,
    ListType,
    MapType,
    Money,
    RecordType,
    Type,
    Value,
    optional,
    show,
)
from leadflow.syntax import tree

Infer = Callable[[Context, tree.Expr, Type | None], Type]

_FAMILIES = {
    "any": "any value",
    "number": "a number",
    "quantity": "a number, a duration or money",
    "ordered": "values that have a size (numbers, texts, durations, money, times)",
    "sized": "a text, a list or a map",
    "record": "a record",
    "key": "a text, a whole number, true or false",
}
_MANY = {
    "number": "numbers",
    "quantity": "numbers, durations or money",
    "record": "records",
    "sized": "texts, lists or maps",
}


_ZEROS: Mapping[Type, Value] = {MONEY: Money(0), DURATION: timedelta(0)}
"""Nothing of a kind, where it is not the number 0."""


@dataclass(slots=True)
class _Call:
    """One call while its types are worked out."""

    cx: Context
    row: FunctionRow
    bound: dict[str, Type] = field(default_factory=dict)
    """Types of the row's variables."""
    broken: bool = False
    complete: bool = True
    """No argument is missing."""


def function_call(cx: Context, call: tree.Call, name: str, infer: Infer) -> Type:
    """The type of `name(args)`; the call is noted for the graph."""
    row = FUNCTIONS[name]
    slots = [Slot(p.name, p.required, True, p.many) for p in row.params]
    bound = bind(cx, call.args, slots, owner=f"'{name}'", span=call.span)
    for arg in bound.loose:
        infer(cx, arg.value, None)
    work = _Call(cx, row, broken=not bound.complete, complete=bound.complete)
    types: list[list[Type]] = []
    exprs: list[tree.Expr] = []
    for param in row.params:
        given = [arg.value for arg in bound.by_name.get(param.name, ())]
        exprs.extend(given)
        types.append([_argument(work, param, expr, infer) for expr in given])
    for param, given_types in zip(row.params, types, strict=True):
        if param.field_of is not None and given_types:
            _field(work, param, bound.by_name[param.name][0].value, types[_index(row, param.field_of)])
        if param.sought_in is not None and given_types and not work.broken:
            (items,) = types[_index(row, param.sought_in)]
            sought(cx, bound.by_name[param.name][0].value, given_types[0], _item(items), at=call.span)
    if work.broken:
        cx.program.calls[call.id] = FunctionCall(name, tuple(exprs))
        return UNKNOWN
    left_out = [param for param, given in zip(row.params, types, strict=True) if param.is_zero and not given]
    zeros = tuple([zero for param in left_out if (zero := _ZEROS.get(_close(param.type, work.bound))) is not None])
    cx.program.calls[call.id] = FunctionCall(name, tuple(exprs), zeros)
    if isinstance(row.result, str):
        return _RULES[row.result](work, types, exprs)
    if name == "parse_time" and _is_a_time(exprs[0]):
        return TIME
    return _close(row.result, work.bound)


def _is_a_time(expr: tree.Expr) -> bool:
    """Whether a text that is written right there names a time: that is how a time is written."""
    plain = expr.plain if isinstance(expr, tree.Text) else None
    return plain is not None and read_time(plain) is not None


def _index(row: FunctionRow, name: str) -> int:
    return next(at for at, param in enumerate(row.params) if param.name == name)


def _item(items: Type) -> Type:
    return items.item if isinstance(items, ListType) else NEVER


def _argument(work: _Call, param: FunctionParam, expr: tree.Expr, infer: Infer) -> Type:
    if param.field_of is not None and isinstance(expr, tree.Name) and work.cx.frame.read(expr.text) is None:
        return UNKNOWN  # a name without quotes: that is said of the argument
    given = infer(work.cx, expr, _close(param.type, work.bound))
    if given == UNKNOWN:
        work.broken = True
    elif (
        param.field_of is None
        and param.sought_in is None
        and not _unify(param.type, given, {} if param.many else work.bound)
    ):
        work.broken = True
        if work.complete:  # else it may have taken the place of the one that is missing
            _mismatch(work, param, expr, given)
    return given


def _mismatch(work: _Call, param: FunctionParam, expr: tree.Expr, given: Type) -> None:
    where = f"the argument '{param.name}' of '{work.row.name}'"
    if given == JSON:
        hint = "declare the type of the step it comes from, or write 'let x: T? = …'"
        work.cx.report(json_leak(expr.span, what=where, hint=hint))
    elif holds_none(given) and given != NONE and _unify(param.type, without_none(given), dict(work.bound)):
        hint = "say what holds then, with '??' or 'if … != none'"
        say_once(work.cx, expr, may_be_none(expr.span, what=where, given=show(given), hint=hint))
    elif isinstance(given, ListType) and holds_none(given.item):
        note = "'compact' leaves out the nones"
        work.cx.report(wrong_type(expr.span, where=where, wanted=write(param.type), given=show(given), note=note))
    else:
        wanted = write(param.type)
        if isinstance(param.type, Var) and param.type.name in work.bound and _is_among(given, param.type.among):
            wanted = show(work.bound[param.type.name])  # a value of that sort, but not as the arguments before it
        found = wrong_type(expr.span, where=where, wanted=wanted, given=show(given))
        say_once(work.cx, expr, found)


def _unify(pattern: Pattern, given: Type, bound: dict[str, Type]) -> bool:
    """Whether a type is of a pattern; variables are bound, or widened, on the way."""
    if given in (UNKNOWN, NEVER):
        return True
    match pattern:
        case Var(name, among):
            if not _is_among(given, among):
                return False
            both = join(bound.get(name, NEVER), given)
            if both is None or not _is_among(both, among):
                return False
            bound[name] = both
            return True
        case ListOf(item):
            return isinstance(given, ListType) and _unify(item, given.item, bound)
        case MapOf(item):
            return isinstance(given, MapType) and _unify(item, given.item, bound)
        case MaybeOf(inner):
            return given == NONE or _unify(inner, without_none(given), bound)
        case Fields(fields):
            if not isinstance(given, RecordType):
                return False
            found = [(part, given.get(name)) for name, part in fields]
            return all(there is not None and _unify(part, there.type, bound) for part, there in found)
        case _:
            return fits(given, pattern)


def _is_among(given: Type, among: str) -> bool:
    if given in (NEVER, UNKNOWN):
        return True
    match among:
        case "number":
            return is_number(given)
        case "quantity":
            return is_number(given) or given in _ZEROS
        case "ordered":
            return family(given) not in (None, "bool")
        case "sized":
            return is_text(given) or isinstance(given, ListType | MapType)
        case "record":
            return isinstance(given, RecordType)
        case "key":
            return is_text(given) or given in (INT, BOOL)
        case _:
            return True


def _close(pattern: Pattern, bound: Mapping[str, Type]) -> Type:
    """The type that a pattern stands for, now that its variables are bound."""
    match pattern:
        case Var(name, among):
            return bound.get(name, INT if among in ("number", "quantity") else NEVER)
        case ListOf(item):
            return ListType(_close(item, bound))
        case MapOf(item):
            return MapType(_close(item, bound))
        case MaybeOf(inner):
            closed = _close(inner, bound)
            return NONE if closed == NEVER else optional(closed)
        case Fields(fields):
            return RecordType(tuple(FieldType(name, _close(part, bound)) for name, part in fields))
        case _:
            return pattern


def write(pattern: Pattern) -> str:
    """A pattern for people."""
    match pattern:
        case Var(among=among):
            return _FAMILIES[among]
        case ListOf(Var(among="any")):
            return "a list"
        case ListOf(Var(among=among)):
            return f"a list of {_MANY.get(among, _FAMILIES[among])}"
        case ListOf(item):
            return f"list[{write(item)}]"
        case MapOf(Var()):
            return "a map"
        case MapOf(item):
            return f"map[{write(item)}]"
        case MaybeOf(inner):
            return write(inner)
        case Fields(fields):
            return "{ " + ", ".join(f"{name}: {write(part)}" for name, part in fields) + " }"
        case _:
            return show(pattern)


def _field(work: _Call, param: FunctionParam, expr: tree.Expr, owners: Sequence[Type]) -> None:
    """Check that a field name is a literal, is there, and is of the right kind."""
    cx, owner = work.cx, f"'{work.row.name}'"
    name = expr.plain if isinstance(expr, tree.Text) else None
    if name is None:
        work.broken = True
        fix = in_quotes(expr.span, expr.text) if isinstance(expr, tree.Name) else None
        cx.report(field_name_needed(expr.span, param.name, owner=owner, fix=fix))
        return
    record = owners[0].item if owners and isinstance(owners[0], ListType) else UNKNOWN
    if not isinstance(record, RecordType):
        return
    found = record.get(name)
    if found is None:
        work.broken = True
        known = cx.program.known(f.name for f in record.fields)
        cx.report(unknown_field(expr.span, name, owner=record.name or "the record", known=known, quoted=True))
    elif not _unify(param.type, found.type, work.bound):
        work.broken = True
        where = f"the field '{name}' for {owner}"
        cx.report(wrong_type(expr.span, where=where, wanted=write(param.type), given=show(found.type)))


# --- results that no pattern says ---------------------------------------------------------------------------------


def _parsed(number: Type) -> Callable[[_Call, list[list[Type]], list[tree.Expr]], Type]:
    def rule(work: _Call, types: list[list[Type]], exprs: list[tree.Expr]) -> Type:
        given = types[0][0]
        if is_text(given):
            return optional(number)
        if is_number(given):
            return number
        _mismatch(work, FunctionParam("value", STRING), exprs[0], given)
        return number

    return rule


def _rounded(work: _Call, types: list[list[Type]], exprs: list[tree.Expr]) -> Type:
    return FLOAT if types[1] else INT


def _mean(work: _Call, types: list[list[Type]], exprs: list[tree.Expr]) -> Type:
    item = _item(types[0][0])
    return optional(item if item in _ZEROS else FLOAT)


def _extreme(work: _Call, types: list[list[Type]], exprs: list[tree.Expr]) -> Type:
    given, owner = types[0], f"'{work.row.name}'"
    if len(given) == 1:
        items = given[0]
        if not isinstance(items, ListType) or not _is_among(items.item, "ordered"):
            if isinstance(items, ListType) and holds_none(items.item):
                _mismatch(work, FunctionParam("items", ListOf(Var("O", "ordered"))), exprs[0], items)
            else:
                wanted = "a list of values that have a size, or two such values"
                where = f"what {owner} takes"
                work.cx.report(wrong_type(exprs[0].span, where=where, wanted=wanted, given=show(items)))
            return UNKNOWN
        return NONE if items.item == NEVER else optional(items.item)
    for expr, type_ in zip(exprs, given, strict=True):
        if not _is_among(type_, "ordered"):
            _mismatch(work, FunctionParam("items", Var("O", "ordered")), expr, type_)
            return UNKNOWN
    both = join_all(given)
    if both is None or len({family(type_) for type_ in given}) > 1:
        cx = work.cx
        cx.report(
            no_common_type(exprs[1].span, what=f"the values of {owner}", left=show(given[0]), right=show(given[1]))
        )
        return UNKNOWN
    return both


def _merged(work: _Call, types: list[list[Type]], exprs: list[tree.Expr]) -> Type:
    one, other = types[0][0], types[1][0]
    first, second = _beside_map(one, exprs[0], other), _beside_map(other, exprs[1], one)
    if isinstance(first, MapType) and isinstance(second, MapType):
        item = join(first.item, second.item)
        if item is not None:
            return MapType(item)
    if isinstance(first, RecordType) and isinstance(second, RecordType):
        return _merge_records(first, second)
    wanted = "two maps or two records"
    given = f"{show(first)} and {show(second)}"
    work.cx.report(wrong_type(exprs[1].span, where="what 'merge' takes", wanted=wanted, given=given))
    return UNKNOWN


def _beside_map(type_: Type, expr: tree.Expr, other: Type) -> Type:
    """The type of what is merged: a record that is written out beside a map is a map, too."""
    if not (isinstance(type_, RecordType) and isinstance(expr, tree.RecordLit) and isinstance(other, MapType)):
        return type_
    item = join_all([field.type for field in type_.fields])
    return type_ if item is None else MapType(item)


def _merge_records(first: RecordType, second: RecordType) -> Type:
    fields = {f.name: FieldType(f.name, f.type) for f in (*first.fields, *second.fields)}
    return RecordType(tuple(fields.values()))


def _same_size(work: _Call, types: list[list[Type]], exprs: list[tree.Expr]) -> Type:
    given = types[0][0]
    if is_text(given):
        return STRING
    if isinstance(given, ListType):
        return given
    _mismatch(work, FunctionParam("of", Var("S", "sized")), exprs[0], given)
    return UNKNOWN


_RULES: Mapping[ResultRule, Callable[[_Call, list[list[Type]], list[tree.Expr]], Type]] = {
    "parsed_int": _parsed(INT),
    "parsed_float": _parsed(FLOAT),
    "rounded": _rounded,
    "mean": _mean,
    "extreme": _extreme,
    "merged": _merged,
    "same_size": _same_size,
}
