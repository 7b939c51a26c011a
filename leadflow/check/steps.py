"""One step: its action, its clauses, its annotations, its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from leadflow.check.blocks import Block, BlockAction, Checks, check_block
from leadflow.check.calls import Called, check_call, check_fallback
from leadflow.check.checked import ActionCall, LocalRef, StepInfo
from leadflow.check.context import Context
from leadflow.check.declarations import resolve
from leadflow.check.doubt import check_doubt
from leadflow.check.env import Frame, Var, mark
from leadflow.check.granted import granted
from leadflow.check.grouped import check_group, check_remembered, varies
from leadflow.check.infer import expect, infer
from leadflow.check.keys import check_quoted
from leadflow.check.lookup import action_called, check_new
from leadflow.check.messages.flows import bad_after, bad_undo, clause_twice, no_action
from leadflow.check.messages.lint import nothing_to_remove, retries_multiply, undo_only_reads
from leadflow.check.messages.names import needs_itself, unknown_name
from leadflow.check.messages.policies import Repeated, caches_chance, caches_write, repeats_write
from leadflow.check.messages.timing import never_comes
from leadflow.check.messages.types import wrong_type
from leadflow.check.policies import Written, read_annotations
from leadflow.check.program import Agent
from leadflow.check.spoken import write_inside
from leadflow.check.statements import steps_in
from leadflow.check.timing import check_inside, check_together, check_wait
from leadflow.check.types import ERROR_CLASS, fits
from leadflow.check.undos import note_undo
from leadflow.diagnostics import Edit, Fix, Label, Span
from leadflow.plan.policy import Applied, OnError, OnFailure
from leadflow.plan.reactions import repeats, retry_in_force, stand_ins
from leadflow.plan.types import (
    INT,
    NEVER,
    STRING,
    UNKNOWN,
    Effect,
    FieldType,
    RecordType,
    Type,
    join_effects,
    optional,
    show,
)
from leadflow.syntax import tree

C = TypeVar("C", tree.Undo, tree.After, tree.Catch)

FAILURE = RecordType(
    (
        FieldType("class", ERROR_CLASS),
        FieldType("message", STRING),
        FieldType("step", STRING),
        FieldType("attempts", INT),
    ),
    "failure",
)
"""What `catch e` binds."""

SAFE: frozenset[Effect] = frozenset({"pure", "read"})


@dataclass(slots=True)
class _Done:
    """What the action of a step turned out to be."""

    written: Written
    result: Type
    effect: Effect = "pure"
    unkeyed: Span | None = None
    """A write inside that may not be repeated."""
    attempts: int = 1
    """How often a call inside is tried, at the most."""
    called: Called | None = None


def check_step(cx: Context, step: tree.Step, want: Type | None, checks: Checks) -> Var:
    """Check a step and bind its name in the current frame; `want` is the type that would be welcome."""
    outer, cx.statement = cx.statement, step
    declared = resolve(cx, step.type) if step.type is not None else None
    if isinstance(step.action, BlockAction):
        done = _block(cx, step, step.action, declared, want, checks)
    else:
        done = _call(cx, step, step.action, declared)
    check_new(cx, step.name, "step")
    policies = _policies(cx, step, done)
    is_optional = any(policy.name == "optional" or _skips(policy) for policy in policies)
    type_ = _catch(cx, step, optional(done.result) if is_optional else done.result)
    var = Var(step.name.text, type_, (step.id,), step.name.span, "step", node=step)
    _note(cx, step, done, policies, type_)
    cx.frame.bind(var)
    cx.bound.append(var)
    _undo(cx, step, done)
    _after(cx, step)
    cx.statement = outer
    return var


# --- actions ------------------------------------------------------------------------------------------------------


def _block(
    cx: Context, step: tree.Step, action: BlockAction, declared: Type | None, want: Type | None, checks: Checks
) -> _Done:
    loop = isinstance(action, tree.For)
    written = read_annotations(
        cx, step.annotations, "loop" if loop else "block", origin="step", targets=("block",) if loop else ()
    )
    strategy = written.get("on_failure")
    partial = strategy is not None and strategy.policy == OnFailure("partial")
    wanted = declared if declared is not None else want
    check_inside(cx, written.applied, written.spans)
    with cx.bounded(written.applied, f"step '{step.name.text}'"):
        block: Block = check_block(cx, action, wanted, partial=partial, checks=checks)
    result = block.type
    if declared is not None:
        if not fits(result, declared) and step.type is not None:
            where, given = f"step '{step.name.text}'", f"{show(result)}, what its block gives"
            cx.report(wrong_type(step.type.span, where=where, wanted=show(declared), given=given))
        result = declared
    return _Done(written, result, block.effect, block.unkeyed, block.attempts)


def _call(cx: Context, step: tree.Step, action: tree.Expr, declared: Type | None) -> _Done:
    if isinstance(action, tree.BadExpr):  # it may have been a block: what its annotations may say nobody knows
        return _Done(Written(), declared or UNKNOWN)
    written = read_annotations(cx, step.annotations, "call", origin="step")
    check_inside(cx, written.applied, written.spans)
    check_quoted(cx, written)
    if isinstance(action, tree.Call):
        called = check_call(cx, action, declared)
        if called is not None:
            _check_waits(cx, action, written)
            check_doubt(cx, step, written, called)
            return _Done(written, called.result, called.effect, called.unkeyed, called.attempts, called)
    else:
        infer(cx, action)
        start = step.span._replace(end=step.name.span.start)
        fix = Fix("write 'let'", (Edit(start, "let "),)) if not step.annotations and not step.clauses else None
        cx.report(no_action(action.span, what="a value", fix=fix))
    return _Done(written, declared or UNKNOWN)


# --- policies -----------------------------------------------------------------------------------------------------


def _policies(cx: Context, step: tree.Step, done: _Done) -> list[Applied]:
    """What is in force: the step's own, then what the call takes from its agent (rule C4)."""
    written = done.written
    own = {policy.name for policy in written.applied} | set(written.removed)
    agent = done.called.agent if done.called is not None else None
    inherited = done.called.inherited if done.called is not None else ()
    names = {policy.name for policy in inherited}
    for name, span in written.removed.items():
        if name not in names and (done.called is not None or isinstance(step.action, BlockAction)):
            cx.report(nothing_to_remove(span, name))
    if isinstance(step.action, BlockAction):
        check_group(cx, written, on="a block")
        check_remembered(cx, written, step.action.body)
    elif done.called is not None and agent is None:
        check_group(cx, written, on="the call of a flow")
        if done.called.flow is not None and done.called.flow in cx.program.flows:
            check_remembered(cx, written, cx.program.flows[done.called.flow].decl.body)
    policies = [*written.applied, *(policy for policy in inherited if policy.name not in own)]
    check_together(cx, [*policies, *(agent.shared if agent is not None else ())], written.spans)
    return policies


def _skips(applied: Applied) -> bool:
    """Whether a failure of some class becomes none: `@on_error(timeout: skip)`."""
    policy = applied.policy
    return isinstance(policy, OnError) and any(reaction.does == "skip" for _, reaction in policy.reactions)


def _check_waits(cx: Context, call: tree.Call, written: Written) -> None:
    """Look at waits that are written down: `clock.sleep(1h)`, `desk.approve(…, expires: 1d)`."""
    info = cx.program.calls.get(call.id)
    if not isinstance(info, ActionCall):
        return
    with cx.bounded(written.applied, "this call"):
        for arg in info.args:
            wait = timedelta(milliseconds=arg.value.milliseconds) if isinstance(arg.value, tree.Duration) else None
            if wait is not None and (info.agent, info.action) == ("clock", "sleep"):
                check_wait(cx, call.span, wait, "this wait takes")
            elif wait is not None and arg.param == "expires" and cx.deadline is not None and wait > cx.deadline[0]:
                check_wait(cx, arg.value.span, wait, "an answer may take")


def _may_be_read(action: tree.Action, called: Called | None) -> tuple[str, str] | None:
    """The action and the agent of a call that is a write only because nobody said that it reads; not for a tool."""
    kind = called.agent.kind if called is not None and called.agent is not None else None
    if called is None or called.agent is None or kind is None or "reads" not in (kind.effect_lists or ()):
        return None
    is_action = isinstance(action, tree.Call) and isinstance(action.callee, tree.Member)
    return (called.action, called.agent.name) if is_action else None


def _varying(cx: Context, called: Called | None) -> str | None:
    """A call that is made because it gives something else each time; None: it is not."""
    name = varies(cx, called.agent.key) if called is not None and called.agent is not None else None
    return None if called is None or name is None else f"{name}.{called.action}"


def _check_policies(cx: Context, step: tree.Step, done: _Done, policies: Sequence[Applied], repeatable: bool) -> None:
    """Rules that need to know what the call does: C4 (retry, cache), C6 (fallback), and no write twice."""
    for policy in policies:
        own = done.written.spans.get(policy.name)
        at = own if own is not None else step.action.span
        if _sends_again(policy) and not repeatable:
            write = _repeated(cx, step, done)
            source = done.called.agent.span if done.called is not None and done.called.agent is not None else None
            reads = _may_be_read(step.action, done.called)
            if write is not None:
                cx.report(repeats_write(at, policy.name, write, source=source, inherited=own is None, reads=reads))
        elif policy.name == "cache" and done.effect not in SAFE:
            inherited = own is None
            cx.report(caches_write(at, what=f"the write of step '{step.name.text}'", inherited=inherited))
        elif policy.name == "cache" and (call := _varying(cx, done.called)) is not None:
            cx.report(caches_chance(at, call))
        others = stand_ins((policy,))
        if others and done.called is not None and isinstance(step.action, tree.Call):
            check_fallback(cx, step.action, done.called, others, at, inherited=own is None)


def _repeated(cx: Context, step: tree.Step, done: _Done) -> Repeated | None:
    """The write of a step that may not be repeated. None: it is that of a model whose tools may all be; another attempt
    calls none of them again."""
    if done.unkeyed is not None:
        return write_inside(cx, done.unkeyed)
    agent = done.called.agent if done.called is not None else None
    tools = [one for one in granted(cx.program, agent) if one.effect not in SAFE] if agent is not None else []
    if not tools or agent is None or _own_effect(agent, done) not in SAFE:
        return Repeated(f"the write of step '{step.name.text}'")
    tool = next((one for one in tools if not one.is_keyed), None)
    if tool is None:
        return None
    is_here = tool.place is not None and tool.place.file == step.span.file
    labels = (Label(tool.place, f"step '{step.name.text}' may call this"),) if tool.place and is_here else ()
    return Repeated(f"the write of '{tool.name}', a tool of step '{step.name.text}',", f"on {tool.what}",
                    "@idempotent", labels)  # fmt: skip


def _own_effect(agent: Agent, done: _Done) -> Effect:
    """The effect of a call without what the tools of its model do."""
    action = done.called.action if done.called is not None else ""
    row = agent.kind.action(action) if agent.kind is not None else None
    return "write" if row is None or not row.asks_model else agent.effects.get(action, row.effect)


def _sends_again(applied: Applied) -> bool:
    """Whether a policy may send a call twice."""
    return applied.name in ("retry", "hedge") or (isinstance(applied.policy, OnError) and repeats(applied.policy))


def _note(cx: Context, step: tree.Step, done: _Done, policies: Sequence[Applied], type_: Type) -> None:
    """Write down what is known of the step, and what it means for the body that it stands in."""
    names = {policy.name for policy in policies}
    is_keyed = "idempotent" in names
    if done.called is not None and done.called.agent is not None:
        unkeyed = None if done.effect in SAFE or is_keyed else step.name.span
    else:
        unkeyed = None if is_keyed else done.unkeyed
    _check_policies(cx, step, done, policies, unkeyed is None)
    key, once = done.written.exprs.get(("idempotent", "key")), done.written.exprs.get(("once", "key"))
    agent = done.called.agent if done.called is not None else None
    if key is None and "idempotent" in names and agent is not None and "idempotent" not in done.written.spans:
        key = agent.key_expr
    remembered = done.written.exprs.get(("cache", "key"))
    if agent is not None and "cache" in names and "cache" not in done.written.spans:
        remembered = agent.cache_expr
    idempotent = done.effect in SAFE or is_keyed
    probe = done.written.exprs.get(("on_doubt", "probe"))
    looks = probe if isinstance(probe, tree.Call) else None
    cx.program.steps[step.id] = StepInfo(type_, done.effect, tuple(policies), idempotent, key, remembered, once, looks)
    retry = retry_in_force(policies)
    attempts = retry.attempts if retry is not None else 1
    if attempts > 1 and done.attempts > 1:
        at = done.written.spans.get("retry", done.written.spans.get("on_error", step.name.span))
        cx.report(retries_multiply(at, outer=attempts, inner=done.attempts))
    if cx.body is not None:
        cx.body.attempts = max(cx.body.attempts, attempts * done.attempts)
        cx.body.effect = join_effects(cx.body.effect, done.effect)
        cx.body.unkeyed = cx.body.unkeyed or unkeyed


# --- clauses ------------------------------------------------------------------------------------------------------


def _clauses(cx: Context, step: tree.Step, kind: type[C], word: str) -> C | None:
    """The clause of a kind; a second one is reported."""
    found = [clause for clause in step.clauses if isinstance(clause, kind)]
    for extra in found[1:]:
        cx.report(clause_twice(extra.span, word, first=found[0].span))
    return found[0] if found else None


def _catch(cx: Context, step: tree.Step, type_: Type) -> Type:
    """The type of the step as readers see it, after `catch`."""
    clause = _clauses(cx, step, tree.Catch, "catch")
    if clause is None:
        return type_
    frame = Frame(cx.frame)
    with cx.inside(frame):
        if clause.name is not None:
            check_new(cx, clause.name, "failure")
            frame.bind(Var(clause.name.text, FAILURE, (clause.id,), clause.name.span, "failure"))
            cx.program.types[clause.name.id] = FAILURE
        where = f"what 'catch' gives step '{step.name.text}'"
        if type_ == NEVER:  # what is caught always fails
            return infer(cx, clause.value)
        before = cx.program.said_count
        _check_needed(cx, step, clause)
        given = expect(cx, clause.value, optional(type_), where)
        if cx.program.said_count > before:
            return type_
    return type_ if fits(given, type_) else optional(type_)


def _check_needed(cx: Context, step: tree.Step, clause: tree.Catch) -> None:
    """Warn about `@optional` beside a `catch` whose value is always there: no failure is left for it."""
    mark = next((each for each in step.annotations if each.path[-1].text == "optional"), None)
    value = clause.value
    is_there = isinstance(value, tree.Int | tree.Float | tree.Bool | tree.NoneLit | tree.Duration | tree.Money) or (
        isinstance(value, tree.Text) and value.plain is not None
    )
    if mark is not None and is_there:
        fix = Fix("leave out '@optional'", (Edit(mark.span, ""),))
        why = "'catch' gives a value for every failure, so '@optional' has nothing left to do"
        cx.report(never_comes(mark.span, why, labels=(Label(clause.span, "this takes every failure"),), fix=fix))


def _undo(cx: Context, step: tree.Step, done: _Done) -> None:
    clause = _clauses(cx, step, tree.Undo, "undo")
    if clause is None:
        return
    if isinstance(step.action, BlockAction):
        cx.report(bad_undo(clause.span, hint="'undo' stands on calls; put it on the call inside this block"))
        return
    call = clause.call
    if call is None:
        return
    if not isinstance(call, tree.Call):
        if not isinstance(call, tree.BadExpr):
            infer(cx, call)
            cx.report(bad_undo(call.span, hint="'undo' is a call of an agent, a tool or a flow, or 'none'"))
        return
    frame = Frame(cx.frame)
    own = cx.frame.vars.get(step.name.text)
    if own is not None:  # what the step gave, whatever readers see when it failed
        frame.facts[(own,)] = done.result
    kept = own.read if own is not None else False
    with cx.inside(frame):
        undone = check_call(cx, call, None)
    if own is not None:
        own.read = kept
    if undone is not None:
        note_undo(cx, call, undone)
        if undone.effect in SAFE:
            cx.report(undo_only_reads(call.span, step.name.text))
    if done.called is not None and done.effect in SAFE:
        cx.report(bad_undo(clause.span, hint=f"step '{step.name.text}' only reads, so there is nothing to undo"))


def _after(cx: Context, step: tree.Step) -> None:
    clause = _clauses(cx, step, tree.After, "after")
    if clause is None:
        return
    for ident in clause.names:
        name = ident.text
        if name == step.name.text:
            cx.report(needs_itself(ident.span, (name, name), bound=step.name.span))
            continue
        var = cx.frame.find(name)
        if var is None:
            _say_unseen(cx, ident)
        elif var.what != "step":
            mark(var)
            if isinstance(var.node, tree.Let) and action_called(cx, var.node.value) is not None:
                continue  # it should be a step, which was said
            article = "an" if var.what[0] in "aeiou" else "a"
            label = Label(var.span, f"'{name}' is bound here")
            cx.report(bad_after(ident.span, name, why=f"{article} {var.what}", labels=(label,)))
        else:
            mark(var)
            cx.program.refs[ident.id] = LocalRef(var.decls)


def _say_unseen(cx: Context, ident: tree.Ident) -> None:
    """A name in `after` that is no visible step."""
    later = [node for node in _steps_of(cx) if node.name.text == ident.text]
    if later and later[0].span.start > ident.span.start:
        label = Label(later[0].name.span, f"'{ident.text}' stands here")
        cx.report(bad_after(ident.span, ident.text, why="below; move its line up", labels=(label,)))
    elif later:
        label = Label(later[0].name.span, f"'{ident.text}' stands here")
        cx.report(bad_after(ident.span, ident.text, why="seen only inside its block", labels=(label,)))
    elif ident.text in cx.scope.values:
        cx.report(bad_after(ident.span, ident.text, why="no step"))
    else:
        names = [name for frame in cx.frame.chain() for name, var in frame.vars.items() if var.what == "step"]
        cx.report(unknown_name(ident.span, ident.text, what="step", known=cx.program.known(names)))


def _steps_of(cx: Context) -> list[tree.Step]:
    """All steps of the flow."""
    if cx.flow is None:
        return []
    return list(steps_in(cx.flow.body))
