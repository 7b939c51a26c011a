"""Blocks that are steps: `for`, `repeat`, `parallel`, `race`, `do`. What stands in them, and what their value is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from leadflow.check.args import Slot, bind
from leadflow.check.consts import NotConstant, fold
from leadflow.check.context import Body, Context
from leadflow.check.declarations import resolve
from leadflow.check.env import Frame, Var, What
from leadflow.check.foregone import check_items
from leadflow.check.infer import condition, expect, infer, items_of
from leadflow.check.lookup import check_new
from leadflow.check.messages.flows import (
    bad_block_argument,
    bad_limit,
    members_only,
    misplaced_yield,
    no_yield,
    race_writes,
)
from leadflow.check.messages.lint import judged_too_early
from leadflow.check.messages.names import duplicate
from leadflow.check.messages.types import no_common_type, type_unclear
from leadflow.check.types import fits, join, without_none
from leadflow.diagnostics import Span
from leadflow.plan.types import (
    INT,
    NEVER,
    NONE,
    STRING,
    UNKNOWN,
    Effect,
    FieldType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
    join_effects,
    optional,
    show,
)
from leadflow.record import record
from leadflow.syntax import tree
from leadflow.syntax.walk import walk

Run = Callable[[Context, tree.Block], bool]
"""Checks the statements of a block in the current frame; True when its end can be reached."""
CheckStep = Callable[[Context, tree.Step, Type | None], Var]
"""Checks one step and binds its name in the current frame."""

BlockAction = tree.For | tree.Repeat | tree.Parallel | tree.Race | tree.Do

MOST_ROUNDS = 1_000_000


@record
class Block:
    """What a block turned out to be."""

    type: Type
    effect: Effect
    unkeyed: Span | None
    """A write in it that may not be repeated."""
    attempts: int
    """How often a call in it is tried, at the most."""


@record
class Checks:
    """How statements are checked, so that blocks need not know."""

    run: Run
    step: CheckStep


def check_block(cx: Context, action: BlockAction, want: Type | None, *, partial: bool, checks: Checks) -> Block:
    """Check a block step.

    Args:
        want: the type that the step declares, if it does.
        partial: `@on_failure("partial")` stands on it.
    """
    wanted = without_none(want) if want is not None else None
    match action:
        case tree.For():
            return _for(cx, action, wanted, partial, checks)
        case tree.Repeat():
            return _repeat(cx, action, wanted, checks)
        case tree.Parallel():
            return _parallel(cx, action, wanted, partial, checks)
        case tree.Race():
            return _race(cx, action, wanted, checks)
        case tree.Do():
            return _do(cx, action, wanted, partial, checks)


@contextmanager
def _inside(
    cx: Context, kind: str, *, partial: bool = False, want: Type | None = None, where: str = ""
) -> Iterator[Body]:
    """The body of a block: its frame, and what its yields must be. Its effects count for the body around it, too."""
    outer = cx.body
    frame = Frame(cx.frame, "block")
    body = Body(kind, frame, partial, want, where)
    cx.body = body
    try:
        with cx.inside(frame):
            yield body
    finally:
        cx.body = outer
        if outer is not None:
            outer.effect = join_effects(outer.effect, body.effect)
            outer.unkeyed = outer.unkeyed or body.unkeyed


def _bind(cx: Context, ident: tree.Ident, type_: Type, what: What, *, watched: bool = False) -> None:
    """Bind what a loop gives its rounds; `watched`: lint says when nobody reads it."""
    check_new(cx, ident, what)
    var = Var(ident.text, type_, (ident.id,), ident.span, what)
    cx.frame.bind(var)
    if watched:
        cx.bound.append(var)
    cx.program.types[ident.id] = type_


def _limit(cx: Context, expr: tree.Expr) -> None:
    """The number behind `at most`: a constant."""
    before = cx.program.said_count
    expect(cx, expr, INT, "the number behind 'at most'")
    if cx.program.said_count > before:
        return
    try:
        value = fold(cx, expr, "the number behind 'at most'")
    except NotConstant:
        return
    if not isinstance(value, int) or not 1 <= value <= MOST_ROUNDS:
        cx.report(bad_limit(expr.span, most=MOST_ROUNDS))


def _yielded(cx: Context, body: Body, block: tree.Block, *, is_open: bool) -> Type:
    """The type of what a body yields; `none` when it yields nothing."""
    if not body.yields:
        return NONE if is_open else NEVER
    if is_open:
        cx.report(no_yield(block.span._replace(start=block.span.end - 1), block=body.kind, some=True))
    result: Type = NEVER
    first = body.yields[0][0].value.span
    for statement, type_ in body.yields:
        both = join(result, type_)
        if both is None:
            what = f"what this '{body.kind}' yields"
            left, right = show(result), show(type_)
            cx.report(no_common_type(statement.value.span, what=what, left=left, right=right, first=first))
            return UNKNOWN
        result = both
    return result


# --- for, do ------------------------------------------------------------------------------------------------------


def _for(cx: Context, action: tree.For, want: Type | None, partial: bool, checks: Checks) -> Block:
    item = items_of(cx, action.items)
    check_items(cx, action.items)
    if action.limit is not None:
        _limit(cx, action.limit)
    inner = want.item if isinstance(want, ListType) else None
    if partial and inner is not None:
        inner = without_none(inner)
    with _inside(cx, "for", want=inner, where="what this 'for' yields") as body:
        _bind(cx, action.item, item, "item", watched=isinstance(action.items, tree.Name | tree.Member))
        if action.index is not None:
            _bind(cx, action.index, INT, "index", watched=True)
        is_open = checks.run(cx, action.body)
        found = _yielded(cx, body, action.body, is_open=is_open)
    return Block(ListType(optional(found) if partial else found), body.effect, body.unkeyed, body.attempts)


def _do(cx: Context, action: tree.Do, want: Type | None, partial: bool, checks: Checks) -> Block:
    with _inside(cx, "do", partial=partial, want=want, where="what this 'do' yields") as body:
        is_open = checks.run(cx, action.body)
        found = _yielded(cx, body, action.body, is_open=is_open)
    return Block(found, body.effect, body.unkeyed, body.attempts)


# --- repeat -------------------------------------------------------------------------------------------------------


def _repeat(cx: Context, action: tree.Repeat, want: Type | None, checks: Checks) -> Block:
    type_ = _value_type(cx, action, want)
    _limit(cx, action.limit)
    where = f"what this 'repeat' yields, the next '{action.name.text}',"
    with _inside(cx, "repeat", want=type_, where=where) as body:
        _bind(cx, action.name, type_, "value")
        if action.index is not None:
            _bind(cx, action.index, INT, "index", watched=True)
        is_open = checks.run(cx, action.body)
        if not body.yields and is_open:
            cx.report(no_yield(action.body.span._replace(start=action.body.span.end - 1), block="repeat", some=False))
        found = _yielded(cx, body, action.body, is_open=is_open) if body.yields else NEVER
        _forget_the_rest(cx, action, body)
        condition(cx, action.until)
        last = found
        if action.otherwise is not None:
            where = "the value behind 'else'"
            goal = want if want is not None else type_
            last = expect(
                cx, action.otherwise, optional(goal) if isinstance(action.otherwise, tree.NoneLit) else goal, where
            )
        _judge(cx, action, body.yields)
    both = join(found, last)
    if both is None:
        what, left, right = "what 'yield' and 'else' give", show(found), show(last)
        span = action.otherwise.span if action.otherwise is not None else action.until.span
        cx.report(no_common_type(span, what=what, left=left, right=right))
        both = UNKNOWN
    return Block(both, body.effect, body.unkeyed, body.attempts)


def _forget_the_rest(cx: Context, action: tree.Repeat, body: Body) -> None:
    """Where a round may end early, `until` knows nothing of what stands below: names may be missing, facts may not
    hold."""
    final = action.body.statements[-1] if action.body.statements else None
    early = [statement.span.start for statement, _ in body.yields if statement is not final]
    if not early:
        return
    body.frame.facts.clear()
    for var in body.frame.vars.values():
        if var.what in ("step", "let") and var.span.start > min(early):
            var.type = optional(var.type)


def _value_type(cx: Context, action: tree.Repeat, want: Type | None) -> Type:
    """The type of the value that goes from round to round."""
    if action.type is not None:
        type_ = resolve(cx, action.type)
        expect(cx, action.init, type_, f"'{action.name.text}'")
        return type_ if fits(cx.program.types.get(action.init.id, UNKNOWN), type_) else UNKNOWN
    type_ = infer(cx, action.init, want)
    if want is not None and fits(type_, want):
        return want
    if _says_too_little(type_):
        cx.report(type_unclear(action.name.span, action.name.text, given=show(type_)))
        return UNKNOWN
    var = cx.frame.find(action.init.text) if isinstance(action.init, tree.Name) else None
    if var is not None and var.type == STRING:  # that it is one of some texts here says nothing about later rounds
        return STRING
    return type_


def _says_too_little(type_: Type) -> bool:
    """Whether a part of the type is the type of no value, or of none only."""
    match type_:
        case ListType(item) | MapType(item):
            return _says_too_little(item)
        case OptionalType(inner):
            return _says_too_little(inner)
        case RecordType(fields):
            return any(_says_too_little(field.type) for field in fields)
        case _:
            return type_ in (NONE, NEVER)


def _judge(cx: Context, action: tree.Repeat, yields: Sequence[tuple[tree.Yield | tree.Return, Type]]) -> None:
    """Warn when the condition looks only at what the result was made from (rule B1)."""
    binders = {node.name.text: node for node in walk(action.body) if isinstance(node, tree.Step | tree.Let)}
    known = {*binders, action.name.text}
    reads = {name: _names(node) & known for name, node in binders.items()}
    judged = _names(action.until) & known
    if not judged:
        return
    seen = _closure(judged, reads)
    for statement, _ in yields:
        for name in sorted(_names(statement.value) & set(binders)):
            if name not in seen and _closure({name}, reads) & judged:
                cx.report(judged_too_early(action.until.span, value=f"'{name}'"))
                return


def _names(node: tree.Node) -> set[str]:
    return {part.text for part in walk(node) if isinstance(part, tree.Name)}


def _closure(names: set[str], reads: dict[str, set[str]]) -> set[str]:
    """The names, and all that they are made from."""
    found, waiting = set(names), list(names)
    while waiting:
        for name in reads.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


# --- parallel, race -----------------------------------------------------------------------------------------------


def _members(
    cx: Context, kind: str, block: tree.Block, want: Type | None, checks: Checks
) -> tuple[list[tuple[tree.Step, Var, Effect]], list[FieldType]]:
    """Check the members, each without sight of the others (rule B4); the members, and what else has a name among them.

    The latter was reported: who reads it hears no more.
    """
    found: list[tuple[tree.Step, Var, Effect]] = []
    first: dict[str, Span] = {}
    refused: list[FieldType] = []
    for statement in block.statements:
        if not isinstance(statement, tree.Step):
            if isinstance(statement, tree.Yield):
                hint = f"a '{kind}' has no 'yield': its value is made of its members"
                cx.report(misplaced_yield(statement.span, hint=hint))
            else:
                cx.report(members_only(statement.span, block=kind, what=_word(statement)))
            if isinstance(statement, tree.Let):
                refused.append(FieldType(statement.name.text, UNKNOWN))
            continue
        name = statement.name.text
        known = first.setdefault(name, statement.name.span)
        if known is not statement.name.span:
            cx.report(duplicate(statement.name.span, name, what="step", first=known))
        wanted = want
        if kind == "parallel":
            field = want.get(name) if isinstance(want, RecordType) else None
            wanted = without_none(field.type) if field is not None else None
        before = cx.body.effect if cx.body is not None else "pure"
        if cx.body is not None:
            cx.body.effect = "pure"
        with cx.inside(Frame(cx.frame)):
            var = checks.step(cx, statement, wanted)
            var.read = True
        effect: Effect = "pure"
        if cx.body is not None:
            effect = cx.body.effect
            cx.body.effect = join_effects(before, effect)
        if known is statement.name.span:
            found.append((statement, var, effect))
    if not found and not block.statements:
        cx.report(bad_block_argument(block.span, hint=f"this '{kind}' has no members"))
    return found, refused


def _word(statement: tree.Statement) -> str:
    words: dict[type, str] = {
        tree.Let: "a 'let'",
        tree.If: "an 'if'",
        tree.Match: "a 'match'",
        tree.Return: "a 'return'",
        tree.Fail: "a 'fail'",
    }
    return words.get(type(statement), "something else")


def _parallel(cx: Context, action: tree.Parallel, want: Type | None, partial: bool, checks: Checks) -> Block:
    with _inside(cx, "parallel") as body:
        members, refused = _members(cx, "parallel", action.body, want, checks)
    need = _need(cx, action, len(members))
    loose = partial or need
    fields = [FieldType(s.name.text, optional(var.type) if loose else var.type) for s, var, _ in members]
    return Block(RecordType((*fields, *refused)), body.effect, body.unkeyed, body.attempts)


def _need(cx: Context, action: tree.Parallel, members: int) -> bool:
    """Whether `need:` is given; its value is noted."""
    bound = bind(cx, action.args, [Slot("need", positional=False)], owner="'parallel'", span=action.span)
    expr = bound.one("need")
    if expr is None:
        return False
    before = cx.program.said_count
    expect(cx, expr, INT, "'need'")
    if cx.program.said_count > before:
        return True
    try:
        value = fold(cx, expr, "'need'")
    except NotConstant:
        return True
    if not isinstance(value, int) or not 1 <= value <= max(members, 1):
        cx.report(bad_block_argument(expr.span, hint=f"'need' is from 1 to {members}, the number of members"))
    else:
        cx.program.needs[action.id] = value
    return True


def _race(cx: Context, action: tree.Race, want: Type | None, checks: Checks) -> Block:
    for arg in action.args:
        if arg.name is not None and arg.name.text == "want":
            hint = "'want' is reserved: a race has one winner; 'parallel(need: n)' waits for several"
        else:
            hint = "a 'race' takes no arguments"
        cx.report(bad_block_argument(arg.span, hint=hint))
        infer(cx, arg.value)
    with _inside(cx, "race") as body:
        members, _ = _members(cx, "race", action.body, want, checks)
    result: Type = NEVER
    for step, var, effect in members:
        if effect not in ("pure", "read"):
            cx.report(race_writes(step.name.span, step.name.text, effect=effect))
        both = join(result, var.type) if join(result, var.type) in (result, var.type) or result == NEVER else None
        if both is None:
            what, left, right = "the members of a race", show(result), show(var.type)
            cx.report(no_common_type(step.name.span, what=what, left=left, right=right, first=members[0][0].name.span))
            result = UNKNOWN
            break
        result = both
    return Block(result, body.effect, body.unkeyed, body.attempts)
