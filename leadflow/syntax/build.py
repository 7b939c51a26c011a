"""What each rule of the grammar makes: the file, declarations, statements, policies and tests.

Builders are called by their rule's name and rely on what the grammar says of their children. The place of a declaration
or a statement begins at its first word: annotations and `##` lines above it have places of their own. Types and
expressions stand in `build_values`.
"""

from leadflow.syntax import build_values, literals, tree
from leadflow.syntax.maker import BUILDERS, Kids, Maker, builds

__all__ = ["BUILDERS", "build_values"]

# --- the file and its declarations ----------------------------------------------------------------------------------


@builds("start")
def _file(make: Maker, kids: Kids, start: int, end: int) -> tree.File:
    edition, *items = kids
    span = make.span(0, len(make.tokens.text))
    return tree.File(edition, make.doc(start), tuple(items), id=make.id(), span=span)


@builds("edition")
def _edition(make: Maker, kids: Kids, start: int, end: int) -> int:
    written = make.tokens.written(kids[0])[:9].replace("_", "")  # `1_` is a mistake that has been said
    return int(written or "1")


@builds("use")
def _use(make: Maker, kids: Kids, start: int, end: int) -> tree.Use:
    annotations, source, names, alias = kids
    path, file = ((), source) if isinstance(source, tree.Text) else (source, None)
    as_name = None if alias is None else make.ident(alias)
    return tree.Use(path, file, names, as_name, annotations, id=make.id(), span=make.span(start, end))


@builds("used_name")
def _used_name(make: Maker, kids: Kids, start: int, end: int) -> tree.UsedName:
    name, alias = kids
    as_name = None if alias is None else make.ident(alias)
    return tree.UsedName(make.ident(name), as_name, id=make.id(), span=make.span(start, end))


@builds("used_names", "settings", "parameters", "annotations", "arguments", "patterns")
def _several(make: Maker, kids: Kids, start: int, end: int) -> tuple[object, ...]:
    return tuple(kid for kid in kids if kid is not None)


@builds("record")
def _record(make: Maker, kids: Kids, start: int, end: int) -> tree.RecordDecl:
    annotations, name, params, *fields = kids
    doc = make.doc(start, annotations)
    span = make.span(start, end)
    return tree.RecordDecl(make.ident(name), tuple(fields), annotations, doc, params or (), id=make.id(), span=span)


@builds("alias")
def _alias(make: Maker, kids: Kids, start: int, end: int) -> tree.AliasDecl:
    annotations, name, params, type_ = kids
    doc = make.doc(start, annotations)
    span = make.span(start, end)
    return tree.AliasDecl(make.ident(name), type_, annotations, doc, params or (), id=make.id(), span=span)


@builds("type_params")
def _type_params(make: Maker, kids: Kids, start: int, end: int) -> tuple[tree.Ident, ...]:
    return tuple(make.ident(kid) for kid in kids)


@builds("field")
def _field(make: Maker, kids: Kids, start: int, end: int) -> tree.Field:
    label, type_, default, *constraints = kids
    doc, end = make.doc(start), make.without_comma(end)
    name = literals.label(make, label)
    return tree.Field(name, type_, default, tuple(constraints), doc, id=make.id(), span=make.span(start, end))


@builds("param")
def _param(make: Maker, kids: Kids, start: int, end: int) -> tree.Param:
    key, type_, default, *constraints = kids
    span = make.span(start, end)
    return tree.Param(make.value_name(key), type_, default, tuple(constraints), id=make.id(), span=span)


@builds("agent")
def _agent(make: Maker, kids: Kids, start: int, end: int) -> tree.AgentDecl:
    annotations, name, kind, settings = kids
    doc = make.doc(start, annotations)
    span = make.span(start, end)
    return tree.AgentDecl(make.value_name(name), kind, settings or (), annotations, doc, id=make.id(), span=span)


@builds("setting")
def _setting(make: Maker, kids: Kids, start: int, end: int) -> tree.Setting:
    label, value = kids
    doc, end = make.doc(start), make.without_comma(end)
    return tree.Setting(literals.label(make, label), value, doc, id=make.id(), span=make.span(start, end))


@builds("tool")
def _tool(make: Maker, kids: Kids, start: int, end: int) -> tree.ToolDecl:
    annotations, name, params, result, target = kids
    doc = make.doc(start, annotations)
    span = make.span(start, end)
    return tree.ToolDecl(make.ident(name), params, result, target, annotations, doc, id=make.id(), span=span)


@builds("policy")
def _policy(make: Maker, kids: Kids, start: int, end: int) -> tree.PolicyDecl:
    annotations, name, *body = kids
    doc = make.doc(start, annotations)
    span = make.span(start, end)
    return tree.PolicyDecl(make.ident(name), tuple(body), annotations, doc, id=make.id(), span=span)


@builds("const")
def _const(make: Maker, kids: Kids, start: int, end: int) -> tree.ConstDecl:
    annotations, (name, type_), value = kids
    doc = make.doc(start, annotations)
    span = make.span(start, end)
    return tree.ConstDecl(name, type_, value, annotations, doc, id=make.id(), span=span)


@builds("bound")
def _bound(make: Maker, kids: Kids, start: int, end: int) -> tuple[tree.Ident, tree.TypeExpr | None]:
    name, type_ = (*kids, None)[:2]
    return make.value_name(name), type_


@builds("flow")
def _flow(make: Maker, kids: Kids, start: int, end: int) -> tree.FlowDecl:
    annotations, name, params, result, body = kids
    doc = make.doc(start, annotations)
    span = make.span(start, end)
    return tree.FlowDecl(make.ident(name), params, result, body, annotations, doc, id=make.id(), span=span)


@builds("trigger")
def _trigger(make: Maker, kids: Kids, start: int, end: int) -> tree.TriggerDecl:
    annotations, name, args, call = kids
    doc = make.doc(start, annotations)
    span = make.span(start, end)
    return tree.TriggerDecl(make.ident(name), args, call, annotations, doc, id=make.id(), span=span)


@builds("profile")
def _profile(make: Maker, kids: Kids, start: int, end: int) -> tree.ProfileDecl:
    annotations, name, *overrides = kids
    doc = make.doc(start, annotations)
    span = make.span(start, end)
    return tree.ProfileDecl(make.ident(name), tuple(overrides), annotations, doc, id=make.id(), span=span)


@builds("agent_override")
def _agent_override(make: Maker, kids: Kids, start: int, end: int) -> tree.AgentOverride:
    annotations, name, *kind, settings = kids
    span = make.span(start, end)
    changed = kind[0] if kind else None
    return tree.AgentOverride(make.ident(name), changed, settings, annotations, id=make.id(), span=span)


@builds("const_override")
def _const_override(make: Maker, kids: Kids, start: int, end: int) -> tree.ConstOverride:
    name, value = kids
    return tree.ConstOverride(make.ident(name), value, id=make.id(), span=make.span(start, end))


# --- statements -----------------------------------------------------------------------------------------------------


@builds("block")
def _block(make: Maker, kids: Kids, start: int, end: int) -> tree.Block:
    block = tree.Block(tuple(kids), id=make.id(), span=make.span(start, end))
    make.deepen(block, kids)
    return block


@builds("step")
def _step(make: Maker, kids: Kids, start: int, end: int) -> tree.Step:
    annotations, (name, type_), action, *clauses = kids
    doc = make.doc(start, annotations)
    span = make.span(start, end)
    step = tree.Step(name, type_, action, tuple(clauses), annotations, doc, id=make.id(), span=span)
    if isinstance(action, tree.For | tree.Repeat | tree.Parallel | tree.Race | tree.Do):
        make.deepen(step, (action.body,))
    return step


@builds("let")
def _let(make: Maker, kids: Kids, start: int, end: int) -> tree.Let:
    annotations, (name, type_), value = kids
    return tree.Let(name, type_, value, annotations, id=make.id(), span=make.span(start, end))


@builds("if")
def _if(make: Maker, kids: Kids, start: int, end: int) -> tree.If:
    annotations, condition, then, otherwise = kids
    return _bounded_if(make, tree.If(condition, then, otherwise, annotations, id=make.id(), span=make.span(start, end)))


@builds("else_if")
def _else_if(make: Maker, kids: Kids, start: int, end: int) -> tree.If:
    condition, then, otherwise = kids
    return _bounded_if(make, tree.If(condition, then, otherwise, (), id=make.id(), span=make.span(start, end)))


def _bounded_if(make: Maker, node: tree.If) -> tree.If:
    """An `if` whose chain of `else if` is no longer than a file may have it: the rest is left out."""
    if make.deepen(node, (node.then, node.otherwise)):
        return node
    return tree.If(node.condition, node.then, None, node.annotations, id=node.id, span=node.span)


@builds("match")
def _match(make: Maker, kids: Kids, start: int, end: int) -> tree.Match:
    annotations, subject, *arms = kids
    match = tree.Match(subject, tuple(arms), annotations, id=make.id(), span=make.span(start, end))
    make.deepen(match, [arm.body for arm in arms])
    return match


@builds("arm")
def _arm(make: Maker, kids: Kids, start: int, end: int) -> tree.MatchArm:
    patterns, body = kids
    return tree.MatchArm(patterns, body, id=make.id(), span=make.span(start, end))


@builds("return")
def _return(make: Maker, kids: Kids, start: int, end: int) -> tree.Return:
    annotations, value = kids
    return tree.Return(value, annotations, id=make.id(), span=make.span(start, end))


@builds("yield")
def _yield(make: Maker, kids: Kids, start: int, end: int) -> tree.Yield:
    annotations, value = kids
    return tree.Yield(value, annotations, id=make.id(), span=make.span(start, end))


@builds("fail")
def _fail(make: Maker, kids: Kids, start: int, end: int) -> tree.Fail:
    annotations, reason = kids
    return tree.Fail(reason, annotations, id=make.id(), span=make.span(start, end))


@builds("for")
def _for(make: Maker, kids: Kids, start: int, end: int) -> tree.For:
    item, index, items, limit, body = kids
    return tree.For(make.ident(item), index, items, limit, body, id=make.id(), span=make.span(start, end))


@builds("repeat")
def _repeat(make: Maker, kids: Kids, start: int, end: int) -> tree.Repeat:
    (name, type_), index, init, limit, body, until, otherwise = kids
    span = make.span(start, end)
    return tree.Repeat(name, type_, index, init, limit, body, until, otherwise, id=make.id(), span=span)


@builds("second")
def _second(make: Maker, kids: Kids, start: int, end: int) -> tree.Ident:
    return make.ident(kids[0])


@builds("limit")
def _limit(make: Maker, kids: Kids, start: int, end: int) -> tree.Expr:
    limit: tree.Expr = kids[0]
    return limit


@builds("parallel")
def _parallel(make: Maker, kids: Kids, start: int, end: int) -> tree.Parallel:
    args, body = kids
    return tree.Parallel(args or (), body, id=make.id(), span=make.span(start, end))


@builds("race")
def _race(make: Maker, kids: Kids, start: int, end: int) -> tree.Race:
    args, body = kids
    return tree.Race(args or (), body, id=make.id(), span=make.span(start, end))


@builds("do")
def _do(make: Maker, kids: Kids, start: int, end: int) -> tree.Do:
    return tree.Do(kids[0], id=make.id(), span=make.span(start, end))


@builds("undo")
def _undo(make: Maker, kids: Kids, start: int, end: int) -> tree.Undo:
    call = None if isinstance(kids[0], tree.NoneLit) else kids[0]
    return tree.Undo(call, id=make.id(), span=make.span(start, end))


@builds("after")
def _after(make: Maker, kids: Kids, start: int, end: int) -> tree.After:
    return tree.After(tuple(make.ident(kid) for kid in kids), id=make.id(), span=make.span(start, end))


@builds("catch")
def _catch(make: Maker, kids: Kids, start: int, end: int) -> tree.Catch:
    name, value = kids
    caught = make.ident(name) if isinstance(name, int) else None
    return tree.Catch(caught, value, id=make.id(), span=make.span(start, end))


# --- policies and tests ---------------------------------------------------------------------------------------------


@builds("annotation", "constraint")
def _annotation(make: Maker, kids: Kids, start: int, end: int) -> tree.Annotation:
    _, path, args = kids
    return tree.Annotation(path, args, id=make.id(), span=make.span(start, end))


@builds("dotted")
def _dotted(make: Maker, kids: Kids, start: int, end: int) -> tuple[tree.Ident, ...]:
    return tuple([make.ident(kid) for kid in kids])


@builds("argument")
def _argument(make: Maker, kids: Kids, start: int, end: int) -> tree.Arg:
    key, value = kids
    name = None if key is None else make.ident(key)
    return tree.Arg(name, value, id=make.id(), span=make.span(start, end))


@builds("test")
def _test(make: Maker, kids: Kids, start: int, end: int) -> tree.TestDecl:
    annotations, name, *body = kids
    doc = make.doc(start, annotations)
    return tree.TestDecl(name, tuple(body), annotations, doc, id=make.id(), span=make.span(start, end))


@builds("mock")
def _mock(make: Maker, kids: Kids, start: int, end: int) -> tree.Mock:
    target, args, *answers = kids
    return tree.Mock(target, args, tuple(answers), id=make.id(), span=make.span(start, end))


@builds("late")
def _late(make: Maker, kids: Kids, start: int, end: int) -> tree.Late:
    answer, delay = kids
    return tree.Late(answer, delay, id=make.id(), span=make.span(start, end))


@builds("replay")
def _replay(make: Maker, kids: Kids, start: int, end: int) -> tree.Replay:
    return tree.Replay(kids[0], id=make.id(), span=make.span(start, end))


@builds("failure")
def _failure(make: Maker, kids: Kids, start: int, end: int) -> tree.Fail:
    return tree.Fail(kids[0], (), id=make.id(), span=make.span(start, end))


@builds("run")
def _run(make: Maker, kids: Kids, start: int, end: int) -> tree.TestRun:
    name, call = kids
    return tree.TestRun(make.ident(name), call, id=make.id(), span=make.span(start, end))


@builds("expect")
def _expect(make: Maker, kids: Kids, start: int, end: int) -> tree.Expect:
    return tree.Expect(kids[0], id=make.id(), span=make.span(start, end))
