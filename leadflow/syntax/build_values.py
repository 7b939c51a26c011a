"""What each rule of the grammar makes: types, patterns and expressions. See `build` for how builders are called."""

from leadflow.syntax import literals, tree
from leadflow.syntax.maker import Kids, Maker, builds

# --- types ----------------------------------------------------------------------------------------------------------


@builds("named_type")
def _named_type(make: Maker, kids: Kids, start: int, end: int) -> tree.NamedType:
    return tree.NamedType(kids[0], id=make.id(), span=make.span(start, end))


@builds("none_type")
def _none_type(make: Maker, kids: Kids, start: int, end: int) -> tree.NamedType:
    return tree.NamedType((make.ident(kids[0]),), id=make.id(), span=make.span(start, end))


@builds("generic")
def _generic(make: Maker, kids: Kids, start: int, end: int) -> tree.GenericType:
    path, *args = kids
    return tree.GenericType(path, tuple(args), id=make.id(), span=make.span(start, end))


@builds("optional")
def _optional(make: Maker, kids: Kids, start: int, end: int) -> tree.OptionalType:
    return tree.OptionalType(kids[0], id=make.id(), span=make.span(start, end))


@builds("union")
def _union(make: Maker, kids: Kids, start: int, end: int) -> tree.UnionType:
    return tree.UnionType(tuple(kids), id=make.id(), span=make.span(start, end))


@builds("literal_type")
def _literal_type(make: Maker, kids: Kids, start: int, end: int) -> tree.LiteralType:
    return tree.LiteralType(literals.plain(make, kids[0], what="a type"), id=make.id(), span=make.span(start, end))


@builds("record_type")
def _record_type(make: Maker, kids: Kids, start: int, end: int) -> tree.RecordType:
    return tree.RecordType(tuple(kids), id=make.id(), span=make.span(start, end))


# --- patterns -------------------------------------------------------------------------------------------------------


@builds("literal_pattern")
def _literal_pattern(make: Maker, kids: Kids, start: int, end: int) -> tree.LiteralPattern:
    token = kids[-1]
    value: str | int | bool | None
    match make.tokens.kinds[token]:
        case "STRING":
            value = literals.plain(make, token, what="a pattern")
        case "INT":
            value = literals.integer(make, token) * (1 if len(kids) == 1 else -1)
        case "NONE":
            value = None
        case kind:
            value = kind == "TRUE"
    return tree.LiteralPattern(value, id=make.id(), span=make.span(start, end))


@builds("wildcard")
def _wildcard(make: Maker, kids: Kids, start: int, end: int) -> tree.WildcardPattern:
    return tree.WildcardPattern(id=make.id(), span=make.span(start, end))


@builds("name_pattern")
def _name_pattern(make: Maker, kids: Kids, start: int, end: int) -> tree.NamePattern:
    return tree.NamePattern(make.ident(kids[0]), id=make.id(), span=make.span(start, end))


# --- expressions ----------------------------------------------------------------------------------------------------


@builds("conditional")
def _conditional(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    condition, then, otherwise = kids
    return make.nest(tree.Conditional(condition, then, otherwise, id=make.id(), span=make.span(start, end)), kids)


@builds("match_value")
def _match_value(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    subject, *arms = kids
    return make.nest(
        tree.MatchValue(subject, tuple(arms), id=make.id(), span=make.span(start, end)),
        [subject, *(arm.value for arm in arms)],
    )


@builds("value_arm")
def _value_arm(make: Maker, kids: Kids, start: int, end: int) -> tree.ValueArm:
    patterns, value = kids
    return tree.ValueArm(patterns, value, id=make.id(), span=make.span(start, end))


@builds("binary")
def _binary(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    left, operator, right = kids
    return make.nest(
        tree.Binary(make.operator(operator), left, right, id=make.id(), span=make.span(start, end)), (left, right)
    )


@builds("not_in")
def _not_in(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    left, _, _, right = kids
    return make.nest(tree.Binary("not in", left, right, id=make.id(), span=make.span(start, end)), (left, right))


@builds("unary")
def _unary(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    operator, operand = kids
    negates = make.tokens.kinds[operator] == "SIGN"
    return make.nest(
        tree.Unary("-" if negates else "not", operand, id=make.id(), span=make.span(start, end)), (operand,)
    )


@builds("member")
def _member(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    target, name = kids
    safe = make.tokens.kinds[name] == "SAFE_MEMBER"
    return make.nest(tree.Member(target, make.ident(name), safe, id=make.id(), span=make.span(start, end)), (target,))


@builds("index")
def _index(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    target, index = kids
    return make.nest(tree.Index(target, index, id=make.id(), span=make.span(start, end)), kids)


@builds("call")
def _call(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    callee, args = kids
    return make.nest(
        tree.Call(callee, args, id=make.id(), span=make.span(start, end)), [callee, *[arg.value for arg in args]]
    )


@builds("name")
def _name(make: Maker, kids: Kids, start: int, end: int) -> tree.Name:
    return make.name(start, end)


@builds("text")
def _text(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    text = literals.text(make, kids[0])
    holes = [part for part in text.parts if not isinstance(part, str)]
    return make.nest(text, holes) if holes else text


@builds("int")
def _int(make: Maker, kids: Kids, start: int, end: int) -> tree.Int:
    value = literals.integer(make, kids[0])
    return tree.Int(value, make.tokens.text[start:end], id=make.id(), span=make.span(start, end))


@builds("float")
def _float(make: Maker, kids: Kids, start: int, end: int) -> tree.Float:
    value = literals.decimal(make, kids[0])
    return tree.Float(value, make.tokens.text[start:end], id=make.id(), span=make.span(start, end))


@builds("duration")
def _duration(make: Maker, kids: Kids, start: int, end: int) -> tree.Duration:
    return _duration_of(make, kids[0])


def _duration_of(make: Maker, token: int) -> tree.Duration:
    value = literals.milliseconds(make, token)
    return tree.Duration(value, make.tokens.written(token), id=make.id(), span=make.tokens.span(token))


@builds("money")
def _money(make: Maker, kids: Kids, start: int, end: int) -> tree.Money:
    value = literals.micros(make, kids[0])
    return tree.Money(value, make.tokens.text[start:end], id=make.id(), span=make.span(start, end))


@builds("size")
def _size(make: Maker, kids: Kids, start: int, end: int) -> tree.Size:
    value = literals.size(make, kids[0])
    return tree.Size(value, make.tokens.text[start:end], id=make.id(), span=make.span(start, end))


@builds("rate")
def _rate(make: Maker, kids: Kids, start: int, end: int) -> tree.Rate:
    count, per = kids
    unit = _duration_of(make, per) if make.tokens.kinds[per] == "DURATION" else literals.unit(make, per)
    return tree.Rate(count, unit, id=make.id(), span=make.span(start, end))


@builds("truth")
def _truth(make: Maker, kids: Kids, start: int, end: int) -> tree.Bool:
    return tree.Bool(make.tokens.kinds[kids[0]] == "TRUE", id=make.id(), span=make.span(start, end))


@builds("none")
def _none(make: Maker, kids: Kids, start: int, end: int) -> tree.NoneLit:
    return tree.NoneLit(id=make.id(), span=make.span(start, end))


@builds("list")
def _list(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    items = tuple(kid for kid in kids if kid is not None)
    return make.nest(tree.ListLit(items, id=make.id(), span=make.span(start, end)), items)


@builds("comprehension")
def _comprehension(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    value, name, items, condition = kids
    item = make.ident(name)
    return make.nest(
        tree.Comprehension(value, item, items, condition, id=make.id(), span=make.span(start, end)),
        [value, items, *([condition] if condition else [])],
    )


@builds("record_literal")
def _record_literal(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    entries = tuple(kid for kid in kids if kid is not None)
    return make.nest(
        tree.RecordLit(entries, id=make.id(), span=make.span(start, end)), [entry.value for entry in entries]
    )


@builds("entry")
def _entry(make: Maker, kids: Kids, start: int, end: int) -> tree.Entry:
    label, value = kids
    return tree.Entry(literals.label(make, label), value, id=make.id(), span=make.span(start, end))


@builds("broken")
def _broken(make: Maker, kids: Kids, start: int, end: int) -> tree.BadExpr:
    return tree.BadExpr(id=make.id(), span=make.span(start, end))
