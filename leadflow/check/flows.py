"""Flows: their statements one after the other, what arms leave behind, and whether every path ends well (A2, B6)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from leadflow.check.approval import check_approvals
from leadflow.check.blocks import Checks
from leadflow.check.bounds import check_bounds
from leadflow.check.checked import FlowInfo
from leadflow.check.context import Body, Context
from leadflow.check.declarations import params_of, resolve
from leadflow.check.env import Frame, Path, Var
from leadflow.check.foregone import check_foregone
from leadflow.check.grouped import check_group, check_remembered
from leadflow.check.infer import condition, expect, infer
from leadflow.check.lint import lint_flow
from leadflow.check.lookup import action_called, check_new
from leadflow.check.messages.flows import leaves_too_early, misplaced_return, misplaced_yield, no_return, unreachable
from leadflow.check.messages.lint import retries_multiply
from leadflow.check.messages.policies import caches_write, repeats_write
from leadflow.check.messages.types import arms_disagree, json_leak
from leadflow.check.messages.values import misplaced_secret
from leadflow.check.mismatch import say_mismatch
from leadflow.check.narrow import assume, unknown_from
from leadflow.check.patterns import cover
from leadflow.check.policies import read_annotations, refuse_annotations
from leadflow.check.program import FlowSymbol, Program, Signature, ToolSymbol
from leadflow.check.spoken import spoken, write_inside
from leadflow.check.steps import SAFE, check_step
from leadflow.check.telling import telling
from leadflow.check.timing import check_together
from leadflow.check.types import fits, is_text, join, same, without_none
from leadflow.diagnostics import Edit, Fix, Span
from leadflow.plan.policy import OnFailure, Retry
from leadflow.plan.types import JSON, NEVER, NONE, SECRET, STRING, UNKNOWN, OptionalType, Type, optional, show
from leadflow.syntax import tree
from leadflow.syntax.walk import walk


def declare_signatures(program: Program) -> None:
    """Fill `program.signatures`: what callers of flows and tools see."""
    for scope in program.scopes.values():
        cx = Context(program, scope, "constant")
        for symbol in scope.values.values():
            if not isinstance(symbol, FlowSymbol | ToolSymbol) or symbol.home is not scope:
                continue
            decl = symbol.decl
            params = params_of(cx, decl.params)
            result = resolve(cx, decl.result) if decl.result is not None else NONE
            program.signatures[symbol.key] = Signature(params, result, decl.result is not None)


def check_flow(program: Program, symbol: FlowSymbol) -> None:
    """Check one flow's body and note what is known of the flow."""
    decl, said, wrong = symbol.decl, program.said_count, program.error_count
    signature = program.signatures[symbol.key]
    cx = Context(program, symbol.home, "flow", frame=Frame(kind="flow"), flow=decl)
    written = read_annotations(cx, decl.annotations, "flow", origin="flow")
    strategy = written.get("on_failure")
    partial = strategy is not None and strategy.policy == OnFailure("partial")
    name = decl.name.text
    cx.body = Body("flow", cx.frame, partial, signature.result, f"the result of '{name}'")
    types = {param.name: param.type for param in signature.params}
    for param in decl.params:
        if param.name.text in types and param.name.text not in cx.frame.vars:
            check_new(cx, param.name, "parameter")
            var = Var(param.name.text, types[param.name.text], (param.id,), param.name.span, "parameter", node=param)
            cx.frame.bind(var)
            cx.bound.append(var)
    check_together(cx, written.applied, written.spans)
    with telling(cx, written, CHECKS), cx.bounded(written.applied, f"flow '{name}'"):
        is_open = check_statements(cx, decl.body)
    if is_open and signature.has_result and not cx.body.doubted:
        end = decl.body.span._replace(start=max(decl.body.span.start, decl.body.span.end - 1))
        cx.report(no_return(decl.name.span, owner=f"flow '{name}'", result=show(signature.result), where=end))
    effect = program.flow_effects.get(symbol.key, "pure")
    if written.get("retry") is not None and cx.body.unkeyed is not None:
        write = write_inside(cx, cx.body.unkeyed)
        cx.report(repeats_write(written.spans["retry"], "retry", write, source=None, inherited=False))
    retry = written.get("retry")
    attempts = retry.policy.attempts if retry is not None and isinstance(retry.policy, Retry) else 1
    if attempts > 1 and cx.body.attempts > 1:
        cx.report(retries_multiply(written.spans["retry"], outer=attempts, inner=cx.body.attempts))
    program.attempts[symbol.key] = attempts * cx.body.attempts
    check_group(cx, written, on="a flow")
    check_remembered(cx, written, decl.body)
    if written.get("cache") is not None and effect not in SAFE:
        cx.report(caches_write(written.spans["cache"], what="the writes inside"))
    program.unkeyed[symbol.key] = cx.body.unkeyed
    module = symbol.home.module
    program.flows[symbol.key] = FlowInfo(
        symbol.key, module, decl, signature.params, signature.result, tuple(written.applied), effect
    )
    lint_flow(cx, is_clean=program.said_count == said, is_right=program.error_count == wrong)
    check_bounds(cx, written.applied)
    if not cx.lost:
        check_approvals(cx, loose=strategy is not None and strategy.policy != OnFailure("stop"))


# --- statements ---------------------------------------------------------------------------------------------------


def check_statements(cx: Context, block: tree.Block) -> bool:
    """Check the statements of a block in the current frame; True when its end can be reached."""
    left: tuple[str, Span] | None = None
    said = False
    for statement in _in_place(cx, block):
        if left is not None and not said:
            said = True
            cx.report(unreachable(statement.span, after=left[0], leaves=left[1]))
        leaves = _statement(cx, statement)
        left = left or leaves
        said = said or (isinstance(statement, tree.Yield) and not _takes_yield(cx))  # its place was refused: enough
    return left is None


_Leaving: TypeAlias = tree.Return | tree.Yield | tree.Fail


def _in_place(cx: Context, block: tree.Block) -> Iterator[tree.Statement]:
    """The statements of a block. One that leaves it above what it reads is reported, and comes last: so it is plain
    what was meant, and nothing else is wrong."""
    late: tree.Statement | None = None
    has_left = False
    for number, statement in enumerate(block.statements):
        if has_left and isinstance(statement, _Leaving) and late is not None:
            continue  # what it reads may stand below, too, and it is never reached
        if has_left or not isinstance(statement, _Leaving):
            yield statement
            continue
        has_left, below = True, block.statements[number + 1 :]
        if found := _read_from(cx, statement, below):
            fix = _move_below(cx, statement, below)
            cx.report(leaves_too_early(statement.span, type(statement).__name__.lower(), found, fix=fix))
            late = replace(statement, annotations=())
        else:
            yield statement
    if late is not None:
        yield late


def _read_from(cx: Context, statement: _Leaving, below: Sequence[tree.Statement]) -> list[tuple[str, Span]]:
    """The names that a statement reads and that are bound below it."""
    value = statement.reason if isinstance(statement, tree.Fail) else statement.value
    names = {node.text for node in walk(value) if isinstance(node, tree.Name) and cx.frame.find(node.text) is None}
    binders = (other.name for other in below if isinstance(other, tree.Step | tree.Let))
    return [(name.text, name.span) for name in binders if name.text in names]


def _move_below(cx: Context, statement: _Leaving, below: Sequence[tree.Statement]) -> Fix | None:
    """The fix that moves a statement to the end of its block, where that loses no comment and no annotation."""
    text, last = cx.scope.module.source, below[-1].span
    place = statement.span._replace(end=below[0].span.start)
    if statement.annotations or "#" in text.at(place) or "\n" not in text.at(place):
        return None
    margin = "\n" + " " * (text.position(statement.span.start).column - 1)
    edits = (Edit(place, ""), Edit(last._replace(start=last.end), margin + text.at(statement.span)))
    return Fix("move it to the end of the block", edits)


def _statement(cx: Context, statement: tree.Statement) -> tuple[str, Span] | None:
    """Check a statement; how it leaves the block, None when what follows can be reached."""
    outer, cx.statement = cx.statement, statement
    try:
        match statement:
            case tree.Step():
                check_step(cx, statement, None, CHECKS)
            case tree.Let():
                check_let(cx, statement)
            case tree.If():
                return _if(cx, statement)
            case tree.Match():
                return _match(cx, statement)
            case tree.Return():
                _return(cx, statement)
                return "'return'", statement.span
            case tree.Yield():
                _yield(cx, statement)
                return "'yield'", statement.span
            case tree.Fail():
                refuse_annotations(cx, statement.annotations, on="'fail'")
                expect(cx, statement.reason, STRING, "the reason behind 'fail'")
                return "'fail'", statement.span
        return None
    finally:
        cx.statement = outer


def _member(cx: Context, step: tree.Step, want: Type | None) -> Var:
    return check_step(cx, step, want, CHECKS)


CHECKS: Checks = Checks(check_statements, _member)
"""How blocks check what stands in them."""


def check_let(cx: Context, let: tree.Let) -> None:
    """A value with a name; `let x: T? = j` is a door for json (rule E1)."""
    if action_called(cx, let.value) is None:  # its annotations are right as soon as it is a step
        refuse_annotations(cx, let.annotations, on="a 'let'")
    where = f"'{let.name.text}'"
    if let.type is None:
        type_ = infer(cx, let.value)
        if type_ == SECRET:
            cx.report(misplaced_secret(let.value.span, where="a 'let'"))
            type_ = UNKNOWN
    else:
        type_ = resolve(cx, let.type)
        if isinstance(let.value, tree.Name | tree.Member | tree.Index | tree.Call):
            given = infer(cx, let.value, type_)
            if given == JSON and isinstance(type_, OptionalType):
                cx.program.fits[let.id] = type_.inner
            elif given == JSON and type_ != JSON:
                hint = f"write 'let {let.name.text}: {show(optional(type_))} = …', which is none when it does not fit"
                cx.report(json_leak(let.value.span, what=spoken(let.value), hint=hint))
            elif not fits(given, type_):
                say_mismatch(cx, let.value, given=given, want=type_, where=where)
        else:
            expect(cx, let.value, type_, where)
        if not fits(cx.program.types.get(let.value.id, UNKNOWN), type_) and let.id not in cx.program.fits:
            type_ = UNKNOWN  # one of the two is a mistake, and that was said
        elif action_called(cx, let.value) is not None:
            type_ = UNKNOWN  # a step is not what a 'let' with its type is
    cx.lost = cx.lost or (action_called(cx, let.value) or "").endswith(".approve")
    check_new(cx, let.name, "value")
    cx.program.types[let.id] = type_
    var = Var(let.name.text, type_, (let.id,), let.name.span, "let", node=let)
    cx.frame.bind(var)
    cx.bound.append(var)


def _return(cx: Context, statement: tree.Return) -> None:
    refuse_annotations(cx, statement.annotations, on="'return'")
    body = cx.body
    if body is None or cx.flow is None:
        return
    if body.kind != "flow":
        infer(cx, statement.value)
        hint = f"a '{body.kind}' gives its value with 'yield'; 'return' ends a whole flow and cannot stand in one"
        cx.report(misplaced_return(statement.span, hint=hint))
        return
    if cx.flow.result is None:
        type_ = infer(cx, statement.value)
        told = f"-> {show(type_)}" if type_ not in (UNKNOWN, NEVER, NONE) else "-> T"
        name = cx.flow.name.text
        cx.report(
            misplaced_return(statement.span, hint=f"flow '{name}' declares no result; write '{told}' behind its name")
        )
        return
    cx.soft = body.partial
    type_ = expect(cx, statement.value, body.wanted or UNKNOWN, body.wanted_by)
    cx.soft = False
    body.yields.append((statement, type_))


def _yield(cx: Context, statement: tree.Yield) -> None:
    refuse_annotations(cx, statement.annotations, on="'yield'")
    body = cx.body
    if body is None or not _takes_yield(cx):
        infer(cx, statement.value)
        kind = body.kind if body is not None else "flow"
        hint = (
            "a flow gives its result with 'return'" if kind == "flow" else f"a '{kind}' takes the values of its members"
        )
        cx.report(misplaced_yield(statement.span, hint=f"'yield' stands in 'for', 'repeat' and 'do'; {hint}"))
        return
    cx.soft = body.partial
    if body.wanted is not None:
        type_ = expect(cx, statement.value, body.wanted, body.wanted_by)
    else:
        type_ = infer(cx, statement.value)
    cx.soft = False
    if type_ == SECRET:
        cx.report(misplaced_secret(statement.value.span, where="a value"))
        type_ = UNKNOWN
    body.yields.append((statement, type_))


def _takes_yield(cx: Context) -> bool:
    """Whether `yield` has a meaning in the body that is being checked."""
    return cx.body is not None and cx.body.kind in ("for", "repeat", "do")


# --- arms ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Arm:
    """One way through an `if` or `match`."""

    frame: Frame
    leaves: tuple[str, Span] | None


def _if(cx: Context, statement: tree.If) -> tuple[str, Span] | None:
    refuse_annotations(cx, statement.annotations, on="'if'")
    condition(cx, statement.condition)
    if not all(isinstance(part, tree.Fail) for part in statement.then.statements):  # a guard too many does no harm
        check_foregone(cx, statement.condition)
    arms = [_arm(cx, statement.then, assume(cx, statement.condition, True))]
    facts = assume(cx, statement.condition, False)
    match statement.otherwise:
        case None:
            arms.append(_Arm(Frame(cx.frame, "arm", facts=facts), None))
        case tree.Block() as block:
            arms.append(_arm(cx, block, facts))
        case tree.If() as other:
            frame = Frame(cx.frame, "arm", other.span, facts=facts)
            with cx.inside(frame):
                leaves = _if(cx, other)
            arms.append(_Arm(frame, leaves))
    return _merge(cx, arms)


def _match(cx: Context, statement: tree.Match) -> tuple[str, Span] | None:
    refuse_annotations(cx, statement.annotations, on="'match'")
    subject = infer(cx, statement.subject)
    before = cx.program.error_count
    facts = cover(cx, statement.subject, subject, statement.arms)
    is_wrong = cx.program.error_count > before
    if is_wrong and cx.body is not None:
        cx.body.doubted = True
    arms = [_arm(cx, arm.body, known) for arm, known in zip(statement.arms, facts, strict=True)]
    leaves = _merge(cx, arms)
    if is_wrong and leaves is not None:  # an arm is missing, or not read: what it holds may go on
        cx.frame.facts.update(unknown_from(cx, statement.subject))
        return None
    return leaves


def _arm(cx: Context, block: tree.Block, facts: dict[Path, Type]) -> _Arm:
    frame = Frame(cx.frame, "arm", block.span, facts=dict(facts))
    with cx.inside(frame):
        is_open = check_statements(cx, block)
    return _Arm(frame, None if is_open else ("this", block.span))


def _merge(cx: Context, arms: Sequence[_Arm]) -> tuple[str, Span] | None:
    """What holds after the arms: the names that those bind which go on, and the facts they share."""
    going = [arm for arm in arms if arm.leaves is None]
    if not going:
        return ("every arm of the statement", arms[0].leaves[1]) if arms and arms[0].leaves is not None else None
    shared = dict(going[0].frame.facts)
    for arm in going[1:]:
        shared = {path: type_ for path, type_ in shared.items() if arm.frame.facts.get(path) == type_}
    cx.frame.facts.update(shared)
    names = dict.fromkeys(name for arm in going for name in arm.frame.vars)
    for name in names:
        found = [arm.frame.vars[name] for arm in going if name in arm.frame.vars]
        _bind_merged(cx, name, found, everywhere=len(found) == len(going))
    return None


def _bind_merged(cx: Context, name: str, found: Sequence[Var], *, everywhere: bool) -> None:
    first = found[0]
    result = first.type
    for var in found[1:]:
        result = _common(cx, name, result, var, first)
    type_ = result if everywhere else optional(result)
    decls = tuple(decl for var in found for decl in var.decls)
    merged = Var(name, type_, decls, first.span, first.what, parts=tuple(found))
    before = cx.frame.find(name)
    if before is not None and before.home is cx.frame:
        merged.clash = (before.span, first.span)
        merged.parts = (*before.parts, *merged.parts)
    cx.frame.bind(merged)


def _common(cx: Context, name: str, left: Type, var: Var, first: Var) -> Type:
    """The type of a name that two arms bind: the same in both, but for none (rule B6)."""
    right = var.type
    if UNKNOWN in (left, right):
        return UNKNOWN
    inner, other = without_none(left), without_none(right)
    if NEVER in (inner, other) or same(inner, other):
        kept = other if inner == NEVER else inner
        return kept if inner == left and other == right else optional(kept) if kept != NEVER else NONE
    if is_text(inner) and is_text(other):  # one of several texts in one arm, more of them or any text in the other
        both = join(left, right)
        return STRING if both is None else both
    cx.report(arms_disagree(var.span, name, left=show(left), right=show(right), first=first.span))
    return UNKNOWN
