"""Reading parts of values: fields, entries, constants of other files. The owner's type has been inferred."""

from leadflow.check.checked import ActionCall, ConstRef, RunRef
from leadflow.check.context import Context
from leadflow.check.lookup import what_is
from leadflow.check.messages.lint import never_none
from leadflow.check.messages.names import not_a_value, not_in_module, unknown_field
from leadflow.check.messages.types import (
    bad_index,
    json_leak,
    may_be_none,
    no_fields,
    no_short_circuit,
    partly_there,
)
from leadflow.check.narrow import path_of
from leadflow.check.origin import say_once
from leadflow.check.program import ConstSymbol, ModuleSymbol
from leadflow.check.spoken import spoken
from leadflow.check.types import discriminant, holds_none, is_text, join, without_none
from leadflow.diagnostics import Edit, Fix, Label, Span
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.plan import Secret
from leadflow.plan.types import (
    INT,
    JSON,
    NEVER,
    NONE,
    STRING,
    TIME,
    UNKNOWN,
    FieldType,
    ListType,
    MapType,
    RecordType,
    Type,
    UnionType,
    optional,
    show,
)
from leadflow.syntax import tree

RUN = RecordType((FieldType("id", STRING), FieldType("started", TIME), FieldType("flow", STRING)), "run")
"""Constants of the run (rule E7)."""


def member_of_global(cx: Context, expr: tree.Member, target: tree.Name) -> Type | None:
    """`run.id`, and a constant of an imported file; None for all else."""
    symbol = cx.symbol(target.text)
    if symbol is None and target.text == "run" and cx.where == "flow":
        cx.program.refs[target.id] = RunRef()
        cx.program.types[target.id] = RUN
        return field_of(cx, expr, RUN)
    if not isinstance(symbol, ModuleSymbol):
        return None
    name = expr.name.text
    inner = symbol.scope.values.get(name)
    if isinstance(inner, ConstSymbol) and inner.home is symbol.scope:
        cx.program.used.add(inner.decl.id)
        const = cx.program.consts.get(inner.key)
        if const is None:
            return UNKNOWN
        if not isinstance(const[1], Secret):
            cx.program.refs[target.id] = ConstRef({name: const[1]})
        return const[0]
    known = what_is(cx, name, inner) if inner is not None else None
    if known is not None and known.what:
        cx.report(not_a_value(expr.span, f"{target.text}.{name}", what=known.what, hint=known.hint))
    elif known is None:
        names = [other for other, found in symbol.scope.values.items() if isinstance(found, ConstSymbol)]
        module = symbol.scope.module.source.name
        cx.report(not_in_module(expr.name.span, name, module=module, known=cx.program.known(names)))
    return UNKNOWN


def field_of(cx: Context, expr: tree.Member, owner: Type) -> Type:
    """The type of `owner.name`."""
    if owner in (UNKNOWN, NEVER):
        return UNKNOWN
    if owner == JSON:
        _say_json(cx, expr)
        return UNKNOWN
    empty = holds_none(owner)
    if empty and not expr.safe:
        _say_none(cx, expr, owner)
        return UNKNOWN
    if owner == NONE:
        return NONE
    before = cx.program.error_count
    found = _field_type(cx, expr, without_none(owner))
    if expr.safe and not empty and cx.program.error_count == before:
        dot = Fix("write '.'", (Edit(_dot(expr), "."),), safe=True)
        cx.report(never_none(expr.target.span, given=show(owner), fix=dot))
    return optional(found) if empty and expr.safe and found != UNKNOWN else found


def _field_type(cx: Context, expr: tree.Member, owner: Type) -> Type:
    name = expr.name.text
    if isinstance(owner, RecordType):
        field = owner.get(name)
        if field is not None:
            return field.type
        known = cx.program.known(f.name for f in owner.fields)
        cx.report(unknown_field(expr.name.span, name, owner=owner.name or _owner(expr.target), known=known))
        return UNKNOWN
    if isinstance(owner, UnionType) and all(isinstance(member, RecordType) for member in owner.members):
        return _field_of_union(cx, expr, owner)
    if isinstance(owner, MapType):
        fix = Fix(f'write ["{name}"]', (Edit(_dot(expr).to(expr.name.span), f'["{name}"]'),))
        hint = f'an entry is read with ["{name}"], and may be none'
        cx.report(no_fields(expr.name.span, name, given=show(owner), hint=hint, fix=fix))
        return UNKNOWN
    if owner != NEVER:
        hint = _of_approval(cx, expr) or _instead(name) or _declare(cx, expr, owner)
        say_once(cx, expr.target, no_fields(expr.name.span, name, given=show(owner), hint=hint))
    return UNKNOWN


def _of_approval(cx: Context, expr: tree.Member) -> str:
    """What to do about a field of a person's yes."""
    var = cx.frame.find(expr.target.text) if isinstance(expr.target, tree.Name) else None
    call = cx.program.calls.get(var.node.action.id) if var is not None and isinstance(var.node, tree.Step) else None
    if isinstance(call, ActionCall) and call.action == "approve":
        return "'approve' gives true, or fails with 'refused'; 'ask' gives an answer of a type that you declare"
    return ""


def _field_of_union(cx: Context, expr: tree.Member, owner: UnionType) -> Type:
    name = expr.name.text
    records = [member for member in owner.members if isinstance(member, RecordType)]
    fields = [record.get(name) for record in records]
    there = [field for field in fields if field is not None]
    if not there:
        known = cx.program.known(dict.fromkeys(f.name for record in records for f in record.fields))
        cx.report(unknown_field(expr.name.span, name, owner=show(owner), known=known))
        return UNKNOWN
    if len(there) < len(fields):
        say_once(cx, expr.target, partly_there(expr.name.span, name, owner=show(owner), tell=discriminant(owner)))
        return UNKNOWN
    result: Type | None = there[0].type
    for field in there[1:]:
        result = None if result is None else join(result, field.type)
    if result is None:
        cx.report(partly_there(expr.name.span, name, owner=show(owner), tell=discriminant(owner)))
        return UNKNOWN
    return result


def _dot(expr: tree.Member) -> Span:
    """The place of the `.` or `?.`."""
    return Span(expr.span.file, expr.target.span.end, expr.name.span.start)


def _owner(expr: tree.Expr) -> str:
    """How messages call a record without a name."""
    words = spoken(expr)
    return "this record" if words == "this" else words


def _instead(name: str) -> str:
    """The function that does what other languages do with an attribute."""
    function = {"length": "len", "size": "len", "count": "len"}.get(name, name)
    return f"write {function}(…)" if function in FUNCTIONS else ""


def _declare(cx: Context, expr: tree.Member, owner: Type) -> str:
    """What to do about a step that gives a text because it declares no type."""
    var = cx.frame.find(expr.target.text) if isinstance(expr.target, tree.Name) else None
    if owner != STRING or var is None or not isinstance(var.node, tree.Step) or var.node.type is not None:
        return ""
    return f"declare the type of the answer: 'step {var.name}: {{ {expr.name.text}: … }} = …'"


def _say_none(cx: Context, expr: tree.Member, owner: Type) -> None:
    fix = Fix(f"write '?.{expr.name.text}'", (Edit(_dot(expr), "?."),))
    if isinstance(expr.target, tree.Member) and expr.target.safe:
        cx.report(no_short_circuit(expr.name.span, name=expr.name.text, fix=fix))
        return
    hint = f"read on with '?.{expr.name.text}', or ask 'if … != none' first"
    found = may_be_none(expr.target.span, what=spoken(expr.target), given=show(owner), hint=hint, fix=fix)
    say_once(cx, expr.target, found)


def _say_json(cx: Context, expr: tree.Member) -> None:
    name = expr.name.text
    hint = _declared(cx, expr.target, f"{{ {name}: … }}")
    if cx.where == "trigger":
        hint = f"give it whole, to a parameter of the type {{ {name}: … }}, as which it is validated"
    var = cx.frame.find(expr.target.text) if isinstance(expr.target, tree.Name) else None
    labels: tuple[Label, ...] = ()
    fix = None
    if var is not None and isinstance(var.node, tree.Step) and var.node.type is None:
        end = var.span._replace(start=var.span.end)
        labels = (Label(var.span, "this step declares no type"),)
        fix = Fix(f"declare the type of step '{var.name}'", (Edit(end, f": {{ {name}: string }}"),))
    cx.report(json_leak(expr.target.span, what=spoken(expr.target), hint=hint, labels=labels, fix=fix))


def _declared(cx: Context, target: tree.Expr, shape: str) -> str:
    """How to say what a json value is."""
    var = cx.frame.find(target.text) if isinstance(target, tree.Name) else None
    if var is not None and var.what == "parameter":
        return f"declare the type of the parameter: '{var.name}: {shape}'"
    return f"declare the type where it comes in: 'step …: {shape} = …', or 'let x: {shape}? = …'"


def entry_of(cx: Context, expr: tree.Index, owner: Type, index: Type) -> Type:
    """The type of `owner[index]`."""
    if UNKNOWN in (owner, index) or owner == NEVER:
        return UNKNOWN
    if owner == JSON:
        key = expr.index.plain if isinstance(expr.index, tree.Text) else None
        hint = _declared(cx, expr.target, "T" if key is None or not key.isidentifier() else f"{{ {key}: … }}")
        cx.report(json_leak(expr.target.span, what=spoken(expr.target), hint=hint))
        return UNKNOWN
    if holds_none(owner):
        hint = "ask 'if … != none' first, or give another value with '??'"
        found = may_be_none(expr.target.span, what=spoken(expr.target), given=show(owner), hint=hint)
        say_once(cx, expr.target, found)
        owner = without_none(owner)
    path = path_of(cx, expr)
    known = cx.frame.fact(path) if path is not None else None
    if known is not None:
        return known
    is_below = isinstance(expr.index, tree.Unary) and isinstance(expr.index.operand, tree.Int) and index == INT
    if isinstance(owner, ListType) and is_below:
        hint = "items are counted from 0, and the last one is 'last(items)'"
    elif (isinstance(owner, ListType) and index == INT) or (isinstance(owner, MapType) and is_text(index)):
        return optional(owner.item)
    elif isinstance(owner, ListType):
        hint = "the index of a list is a whole number"
    elif isinstance(owner, MapType):
        hint = "the key of a map is a text"
    elif isinstance(owner, RecordType):
        hint = "the fields of a record are read with '.name'"
    else:
        hint = "'slice' takes a part of a text" if is_text(owner) else "only lists and maps have an index"
    cx.report(bad_index(expr.span, given=show(owner), index="a number below 0" if is_below else show(index), hint=hint))
    return UNKNOWN
