"""What types and constants are: type expressions become types, constants become values, in the order they need."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from leadflow.check.constraints import constraints_of
from leadflow.check.consts import NotConstant, fold
from leadflow.check.context import Context
from leadflow.check.infer import expect, expect_field, infer
from leadflow.check.messages.limits import bad_with_type
from leadflow.check.messages.lint import unused_name
from leadflow.check.messages.names import duplicate, endless, shadowing, unknown_type
from leadflow.check.messages.types import bad_type_args, bad_union, none_in_union, type_too_large
from leadflow.check.messages.values import constant_needed
from leadflow.check.names import BUILT_IN_TYPES, find_type
from leadflow.check.order import in_order
from leadflow.check.policies import refuse_annotations
from leadflow.check.program import ConstSymbol, ModuleScope, ModuleSymbol, Program, TypeSymbol
from leadflow.check.types import discriminant, members, union, without_none
from leadflow.diagnostics import Edit, Fix, Report, Span, nearest
from leadflow.plan.plan import Secret
from leadflow.plan.policy import PerTime
from leadflow.plan.types import (
    JSON,
    MISSING,
    NONE,
    UNKNOWN,
    FieldType,
    ListType,
    LiteralType,
    MapType,
    OptionalType,
    Prim,
    PrimName,
    RecordType,
    Type,
    UnionType,
    Value,
    _Missing,
    optional,
    show,
)
from leadflow.syntax import tree
from leadflow.syntax.walk import walk

P = TypeVar("P", tree.Field, tree.Param)

MOST_PARTS, DEEPEST = 10_000, 32
"""Ceilings for a type written out in full, so that comparing types is quick and never too deep."""

_PRIMS: dict[str, PrimName] = {
    "string": "string", "int": "int", "float": "float", "bool": "bool", "duration": "duration", "money": "money",
    "time": "time", "file": "file", "json": "json",
}  # fmt: skip


def declare_types_and_consts(program: Program) -> None:
    """Fill `program.declared` and `program.consts`, each after what it needs."""
    symbols: dict[str, TypeSymbol | ConstSymbol] = {}
    for scope in program.scopes.values():
        for type_ in scope.types.values():
            if type_ is not None and type_.home is scope:
                symbols[f"type {type_.key}"] = type_
        for value in scope.values.values():
            if isinstance(value, ConstSymbol) and value.home is scope:
                symbols[f"const {value.key}"] = value
    order, loops = in_order(symbols, lambda key: _needs(symbols[key]))
    for loop in loops:
        if len({symbols[key].home.module.name for key in loop}) > 1:
            continue  # its files import each other, which has been said
        symbol = symbols[loop[0]]
        what = "type" if isinstance(symbol, TypeSymbol) else "constant"
        names = [symbols[key].decl.name.text for key in loop]
        program.report(endless(symbol.decl.name.span, names, what=what))
        for key in loop:
            _break(program, symbols[key])
    for key in order:
        symbol = symbols[key]
        if isinstance(symbol, TypeSymbol):
            _declare_type(program, symbol)
        else:
            _declare_const(program, symbol)


def _break(program: Program, symbol: TypeSymbol | ConstSymbol) -> None:
    if isinstance(symbol, TypeSymbol):
        program.declared[symbol.key] = UNKNOWN


def _needs(symbol: TypeSymbol | ConstSymbol) -> list[str]:
    """The types and constants that a declaration names, as keys."""
    needs: list[str] = []
    for node in walk(symbol.decl):
        match node:
            case tree.NamedType(path=path) | tree.GenericType(path=path):
                found = _peek_type(symbol.home, path)
                if found is not None:
                    needs.append(f"type {found.key}")
            case tree.Name(text=text):
                value = symbol.home.values.get(text)
                if isinstance(value, ConstSymbol):
                    needs.append(f"const {value.key}")
            case tree.Member(target=tree.Name(text=text), name=name):
                module = symbol.home.values.get(text)
                value = module.scope.values.get(name.text) if isinstance(module, ModuleSymbol) else None
                if isinstance(value, ConstSymbol):
                    needs.append(f"const {value.key}")
    return needs


def _peek_type(scope: ModuleScope, path: Sequence[tree.Ident]) -> TypeSymbol | None:
    if len(path) == 1:
        return scope.types.get(path[0].text)
    module = scope.values.get(path[0].text)
    return module.scope.types.get(path[1].text) if isinstance(module, ModuleSymbol) and len(path) == 2 else None


def _declare_type(program: Program, symbol: TypeSymbol) -> None:
    if program.declared.get(symbol.key) == UNKNOWN:
        return
    cx = Context(program, symbol.home, "constant")
    decl = symbol.decl
    refuse_annotations(cx, decl.annotations, on="a type")
    if decl.type_params:
        _check_params(cx, decl)
        _written_out(replace(cx, type_args=dict.fromkeys((one.text for one in decl.type_params), UNKNOWN)), decl)
        return
    brought = symbol.home.module.types
    found = _written_out(cx, decl) if brought is None else brought[decl.name.text]
    if _is_too_large(program, found):
        program.report(type_too_large(decl.name.span, decl.name.text, most=MOST_PARTS, deepest=DEEPEST))
        found = UNKNOWN
    program.declared[symbol.key] = found


def _written_out(cx: Context, decl: tree.RecordDecl | tree.AliasDecl, name: str = "") -> Type:
    """The type that a declaration describes."""
    name = name or decl.name.text
    if isinstance(decl, tree.RecordDecl):
        return RecordType(fields_of(cx, decl.fields), name)
    found = resolve(cx, decl.type)
    return replace(found, name=name) if isinstance(found, RecordType) and found.name is None else found


def _check_params(cx: Context, decl: tree.RecordDecl | tree.AliasDecl) -> None:
    """The names of type parameters are new, and each is used."""
    first: dict[str, tree.Ident] = {}
    for one in decl.type_params:
        known = cx.scope.types.get(one.text)
        if one.text in BUILT_IN_TYPES or known is not None:
            outer = "a built-in type" if known is None else "a type of this file"
            place = None if known is None or known.home is not cx.scope else known.decl.name.span
            cx.report(shadowing(one.span, one.text, what="type parameter", outer=outer, first=place))
        elif (twin := first.setdefault(one.text, one)) is not one:
            cx.report(duplicate(one.span, one.text, what="type parameter", first=twin.span))
        elif not any(_names(node) == one.text for node in walk(decl)):
            cx.report(unused_name(one.span, one.text, what="type parameter"))


def _names(node: tree.Node) -> str:
    """The name of a type, as it is written; nothing for what names none."""
    return ".".join(part.text for part in node.path) if isinstance(node, tree.NamedType | tree.GenericType) else ""


def _is_too_large(program: Program, type_: Type) -> bool:
    parts, depth = _measure(type_, program.sizes)
    return parts > MOST_PARTS or depth > DEEPEST


def _measure(type_: Type, sizes: dict[int, tuple[Type, int, int]]) -> tuple[int, int]:
    """Parts and depth of a type written out in full; parts of shared types are looked up by identity."""
    known = sizes.get(id(type_))
    if known is not None:
        return known[1:]
    match type_:
        case OptionalType(inner):
            inside: Iterable[Type] = (inner,)
        case ListType(item) | MapType(item):
            inside = (item,)
        case RecordType(fields):
            inside = [field.type for field in fields]
        case UnionType(found):
            inside = found
        case _:
            return 1, 1
    measured = [_measure(part, sizes) for part in inside]
    size = 1 + sum(parts for parts, _ in measured), 1 + max((depth for _, depth in measured), default=0)
    if isinstance(type_, RecordType):
        sizes[id(type_)] = (type_, *size)
    return size


def _declare_const(program: Program, symbol: ConstSymbol) -> None:
    decl, key = symbol.decl, symbol.key
    cx = Context(program, symbol.home, "constant")
    refuse_annotations(cx, decl.annotations, on="a constant")
    where = f"the constant '{decl.name.text}'"
    before = program.said_count
    if decl.type is not None:
        type_ = resolve(cx, decl.type)
        expect(cx, decl.value, type_, where)
    else:
        type_ = infer(cx, decl.value)
    expr = decl.value
    changed = program.const_overrides.get(key)
    if changed is not None:
        cx, expr = Context(program, changed[0], "constant"), changed[1].value
        expect(cx, expr, type_, where)
    if program.said_count > before:
        return
    try:
        value = fold(cx, expr, where)
    except NotConstant:
        return
    if isinstance(value, PerTime):
        program.report(constant_needed(decl.value.span, where=where, reason="a rate is a setting, not a value"))
        return
    program.consts[key] = (type_, value)


# --- type expressions ---------------------------------------------------------------------------------------------


def resolve(cx: Context, expr: tree.TypeExpr) -> Type:
    """The type that an expression names; what is wrong with it is reported."""
    match expr:
        case tree.NamedType():
            return _named(cx, expr)
        case tree.LiteralType(value=value):
            return LiteralType(value)
        case tree.OptionalType(inner=inner):
            found = resolve(cx, inner)
            if _names(inner) in cx.type_args:
                return optional(found)  # `T?` is T itself where none is one of its values
            if found == JSON:
                cx.report(none_in_union(expr.span, hint="json holds none already; write 'json'", fix=_cut(expr, inner)))
            elif isinstance(found, OptionalType):
                cx.report(none_in_union(expr.span, hint="one '?' is enough: the type is optional already"))
            return optional(found)
        case tree.GenericType():
            return _generic(cx, expr)
        case tree.RecordType(fields=fields):
            return RecordType(fields_of(cx, fields))
        case tree.UnionType():
            return _union(cx, expr)


def _cut(whole: tree.TypeExpr, part: tree.TypeExpr) -> Fix:
    span = whole.span._replace(start=part.span.end)
    return Fix("leave out the '?'", (Edit(span, ""),), safe=True)


def _named(cx: Context, expr: tree.NamedType) -> Type:
    name = expr.path[-1].text
    if len(expr.path) == 1:
        if name in cx.type_args:
            return cx.type_args[name]
        if name in _PRIMS:
            return Prim(_PRIMS[name])
        if name == "none":
            return NONE
        if name in ("list", "map"):
            cx.report(bad_type_args(expr.span, name=name, hint=f"says what it holds: {name}[T]"))
            return UNKNOWN
    found = find_type(cx.program, cx.scope, expr.path)
    if isinstance(found, TypeSymbol):
        if found.decl.type_params:
            cx.report(bad_type_args(expr.span, name=name, hint=f"says what it is made of: {_head(found.decl)}"))
        return cx.program.declared.get(found.key, UNKNOWN)
    if found is False:
        written = _names(expr)
        known = cx.program.known(BUILT_IN_TYPES, cx.scope.types)
        cx.report(unknown_type(expr.span, written, known=known, ours=_OTHER_WORDS.get(written)))
    return UNKNOWN


_OTHER_WORDS = {
    word: ours
    for ours, words in {
        "string": "str String text char", "int": "integer Int long", "int or float": "number",
        "float": "double real decimal Float",
        "bool": "boolean Boolean Bool", "json": "any object Any unknown", "list[T]": "array List",
        "map[T]": "Map record dict", "time": "datetime date timestamp", "duration": "timedelta interval",
        "none": "null None void nil",
    }.items()
    for word in words.split()
}  # fmt: skip
_GENERIC_WORDS = {
    **dict.fromkeys(("List", "array", "Array", "set", "Set", "Sequence", "tuple"), "list"),
    **dict.fromkeys(("Map", "dict", "Dict", "record", "Record"), "map"),
    **dict.fromkeys(("Optional", "optional", "Maybe"), "T?"),
}
"""`List[T]` and the like: what stands before the brackets."""


def _generic(cx: Context, expr: tree.GenericType) -> Type:
    name = _names(expr)
    args = tuple(resolve(cx, arg) for arg in expr.args)
    if name in ("list", "map"):
        if name == "map" and len(args) == 2:
            hint = "has keys that are texts always; write map[V]"
            cx.report(bad_type_args(expr.span, name=name, hint=hint))
            return MapType(args[1])
        if len(args) != 1:
            cx.report(bad_type_args(expr.span, name=name, hint=f"takes one type: {name}[T]"))
            return UNKNOWN
        return ListType(args[0]) if name == "list" else MapType(args[0])
    found = find_type(cx.program, cx.scope, expr.path) if name not in (*_PRIMS, *cx.type_args) else None
    if isinstance(found, TypeSymbol):
        return _made(cx, expr, found, args)
    if found is False:
        known = cx.program.known(("list", "map"), cx.scope.types)
        span = expr.path[0].span.to(expr.path[-1].span)
        ours = _GENERIC_WORDS.get(name)
        whole: Span | None = None
        last = cx.scope.module.source.at(expr.args[-1].span)
        if ours is not None and (ours, len(args)) in (("map", 2), ("T?", 1)) and "\n" not in last:
            ours, whole = (f"map[{last}]" if ours == "map" else f"{last}?"), expr.span
        cx.report(unknown_type(span, name, known=known, ours=ours, whole=whole))
    elif name in _PRIMS or name in cx.type_args:
        cx.report(bad_type_args(expr.span, name=name, hint="takes no types in brackets"))
    return UNKNOWN


def _made(cx: Context, expr: tree.GenericType, symbol: TypeSymbol, args: tuple[Type, ...]) -> Type:
    """A type with parameters, for the types that are given for them."""
    program, decl = cx.program, symbol.decl
    name = decl.name.text
    if len(args) != len(decl.type_params):
        hint = "takes no types in brackets"
        if decl.type_params:
            count = len(decl.type_params)
            hint = f"takes {'one type' if count == 1 else f'{count} types'}: {_head(decl)}"
        cx.report(bad_type_args(expr.span, name=name, hint=hint))
        return UNKNOWN
    key = (symbol.key, args)
    if UNKNOWN in args or program.declared.get(symbol.key) == UNKNOWN:
        return UNKNOWN
    if key not in program.made:
        program.made[key] = _make(cx, expr, symbol, args)
    return program.made[key]


def _head(decl: tree.RecordDecl | tree.AliasDecl) -> str:
    return f"{decl.name.text}[{', '.join(one.text for one in decl.type_params)}]"


def _make(cx: Context, expr: tree.GenericType, symbol: TypeSymbol, args: tuple[Type, ...]) -> Type:
    """Write a type out; what is wrong with these types only is said where they are given."""
    program, decl = cx.program, symbol.decl
    name = f"{decl.name.text}[{', '.join(show(arg) for arg in args)}]"
    outer, said = program.report, program.said_count
    program.report = Report()
    names = (one.text for one in decl.type_params)
    inner = Context(program, symbol.home, "constant", type_args=dict(zip(names, args, strict=True)))
    found = _written_out(inner, decl, name)
    problems, program.report, program.said_count = program.report, outer, said
    new = problems.new_error(outer)
    if new is not None:
        cx.report(bad_with_type(expr.span, name, why=new.message, place=new.span))
        return UNKNOWN
    if _is_too_large(program, found):
        cx.report(type_too_large(expr.span, name, most=MOST_PARTS, deepest=DEEPEST))
        return UNKNOWN
    return found


def _or_none(cx: Context, expr: tree.UnionType, none: tree.TypeExpr) -> tuple[str, Span | None]:
    """How a union with none in it is written, and the place where that can be written for it."""
    others = [cx.scope.module.source.at(member.span) for member in expr.members if member is not none]
    written = f"{others[0]}?" if len(others) == 1 else f"({' | '.join(others)})?"
    return written, expr.span if "\n" not in cx.scope.module.source.at(expr.span) else None


def _is_null(cx: Context, member: tree.TypeExpr) -> bool:
    """Whether a member is `null`, or another word for none that names no type of this file."""
    return isinstance(member, tree.NamedType) and (
        _OTHER_WORDS.get(_names(member)) == "none" and _names(member) not in (*cx.type_args, *cx.scope.types)
    )


def _union(cx: Context, expr: tree.UnionType) -> Type:
    null = next((member for member in expr.members if _is_null(cx, member)), None)
    if null is not None:
        written, whole = _or_none(cx, expr, null)
        cx.report(unknown_type(null.span, _names(null), known=(), ours=written, whole=whole))
        return UNKNOWN
    found = [(member, UNKNOWN if _bare_word(cx, member) else resolve(cx, member)) for member in expr.members]
    if any(type_ == UNKNOWN for _, type_ in found):
        return UNKNOWN
    none = next((member for member, type_ in found if type_ == NONE or isinstance(type_, OptionalType)), None)
    if none is not None:
        others = [member for member, type_ in found if type_ != NONE]
        hint = "what may be none is written with '?'" + (": 'T?' for one type" if len(others) == 1 else ": '(A | B)?'")
        written, whole = _or_none(cx, expr, none)
        fix = Fix(f"write `{written}`", (Edit(whole, written),)) if whole and _names(none) == "none" else None
        cx.report(none_in_union(none.span, hint=hint, fix=fix))
    types = [without_none(type_) for _, type_ in found if type_ != NONE]
    seen: set[str] = set()
    for member, type_ in found:
        if isinstance(type_, LiteralType):
            if type_.value in seen:
                cx.report(bad_union(member.span, why=f'"{type_.value}" stands in it twice'))
            seen.add(type_.value)
    result = union(types)
    why = _indistinct(result)
    if why is not None:
        cx.report(bad_union(expr.span, why=why))
        return UNKNOWN
    return optional(result) if none is not None else result


def _bare_word(cx: Context, member: tree.TypeExpr) -> bool:
    """Report a word without quotes, `bug | billing`."""
    if not isinstance(member, tree.NamedType) or len(member.path) > 1:
        return False
    word = member.path[0].text
    if word in (*_PRIMS, *_OTHER_WORDS, *_GENERIC_WORDS, *BUILT_IN_TYPES, *cx.type_args, *cx.scope.types):
        return False
    if not word.islower() or nearest(word, cx.program.known(BUILT_IN_TYPES, cx.scope.types)) is not None:
        return False
    cx.report(unknown_type(member.span, word, known=(), is_word=True))
    return True


def _indistinct(type_: Type) -> str | None:
    """Why a union's members cannot be told apart, None when they can."""
    parts = members(type_)
    if len(parts) == 1 or all(isinstance(part, LiteralType) for part in parts):
        return None
    if not all(isinstance(part, RecordType) for part in parts):
        return "its members are texts in quotes, or records; for anything else use json"
    if discriminant(type_) is None:
        return "its records need a common field with a different text in each"
    return None


# --- fields and parameters ----------------------------------------------------------------------------------------


def fields_of(cx: Context, fields: Sequence[tree.Field]) -> tuple[FieldType, ...]:
    """The fields of a record type."""
    return tuple(_field(cx, field, field.doc, "field") for field in _unique(cx, fields, "field"))


def params_of(cx: Context, params: Sequence[tree.Param]) -> tuple[FieldType, ...]:
    """The parameters of a flow or tool; the type of each is noted."""
    found = []
    for param in _unique(cx, params, "parameter"):
        field = _field(cx, param, None, "parameter")
        cx.program.types[param.id] = field.type
        found.append(field)
    return tuple(found)


def _unique(cx: Context, parts: Sequence[P], what: str) -> list[P]:
    first: dict[str, P] = {}
    for part in parts:
        known = first.setdefault(part.name.text, part)
        if known is not part:
            cx.report(duplicate(part.name.span, part.name.text, what=what, first=known.name.span))
    return list(first.values())


def _field(cx: Context, field: tree.Field | tree.Param, doc: str | None, what: str) -> FieldType:
    type_ = resolve(cx, field.type)
    said = cx.program.said_count
    constraints = tuple(constraints_of(cx, field.annotations, type_))
    default: Value | _Missing = MISSING
    if field.default is not None and cx.program.said_count > said:
        default = None  # its type may be the mistake
    elif field.default is not None:
        where = f"the default of {what} '{field.name.text}'"
        constant = Context(cx.program, cx.scope, "constant")
        expect_field(constant, field.default, FieldType(field.name.text, type_, MISSING, constraints), where)
        try:
            value = fold(constant, field.default, where)
            default = MISSING if isinstance(value, Secret | PerTime) else value
        except NotConstant:
            default = None
    return FieldType(field.name.text, type_, default, constraints, doc)
