"""Checked -> graph: what a program means, by the rules of SPEC.md. One vertex per step, let and turn of control.

Control: `if` and `match` are a `Branch`; what stands in an arm, or below an arm that leaves (rule A2), has a guard;
where several ways go on, a `Merge` stands. Waiting: data, `after`, and the serial reading (rule A1, in `serial`). The
program has no errors, so every table of `Checked` has its entries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from leadflow.check.checked import ActionCall, Checked, FlowCallInfo, FlowInfo, FunctionCall, LocalRef, StepInfo
from leadflow.check.statements import escalation_of
from leadflow.graph.draft import Draft
from leadflow.graph.exprs import FORMS, Translator, pattern_values
from leadflow.graph.model import ORDER, FlowGraph, Graph, Vertex, is_let
from leadflow.graph.roles import played, with_chain
from leadflow.graph.serial import Region, Serial
from leadflow.graph.soft import Softening
from leadflow.graph.uses import Touch, Uses
from leadflow.plan.expr import Bound, Const, Expr, Guard, Template
from leadflow.plan.plan import (
    AgentCall,
    Branch,
    Catch,
    Do,
    Fail,
    FlowCall,
    For,
    Parallel,
    Place,
    Probe,
    Race,
    Repeat,
    Return,
    Undo,
    Yield,
)
from leadflow.plan.policy import Applied, OnFailure
from leadflow.plan.types import HARMFUL, NONE, Value
from leadflow.syntax import tree


def build(checked: Checked) -> Graph:
    """The graphs of all flows of a correct program."""
    uses = Uses(checked)
    return Graph(checked, {name: build_flow(checked, info, uses) for name, info in checked.flows.items()})


def build_flow(checked: Checked, info: FlowInfo, uses: Uses) -> FlowGraph:
    """The graph of one flow."""
    decl, source = info.decl, info.module.source
    line, column = source.position(decl.span.start)
    place = Place(decl.span.file, line, column)
    graph = FlowGraph(info.name, info.params, info.result, info.policies, info.effect, place, decl.doc)
    region = Region(None, 0, None)
    draft = Draft(checked, source.starts(), uses, graph, Translator(checked, checked.refs), region)
    if info.effect in HARMFUL or _fails(decl.body):
        draft.serial = Serial(draft.join)
    scope = draft.open_scope(None, tuple(param.name for param in info.params))
    for slot, param in enumerate(decl.params):
        draft.to.bindings[param.id] = (Bound(scope, slot), (), None)
    _block(draft, decl.body)
    _escalation(draft, decl, scope)
    draft.close_scope(scope)
    return draft.finish()


def _escalation(draft: Draft, decl: tree.FlowDecl, scope: int) -> None:
    """Who is told when the flow has failed: a node that nothing waits for, and that waits for nothing."""
    step, to = escalation_of(decl), draft.to
    call = None if step is None else draft.checked.calls.get(step.action.id)
    if step is None or not isinstance(call, ActionCall | FlowCallInfo):
        return
    info = draft.checked.steps[step.id]
    to.begin()
    to.bind(step.name.id)
    work = _work(draft, call, info.idempotent, None if info.key is None else to.expr(info.key))
    to.close()
    policies = info.policies
    if isinstance(work, AgentCall) and work.role is not None:
        policies = with_chain(draft.checked, work.role, policies)
    vertex = Vertex(step.name.text, scope, work, None, draft.place(step.span), call.effect, info.type, policies)
    draft.graph.escalation = draft.put(vertex, {})


def _fails(block: tree.Block) -> bool:
    """Whether a `fail` stands anywhere in a block."""
    return any(map(_fails_in, block.statements))


def _fails_in(statement: tree.Statement) -> bool:
    if isinstance(statement, tree.Step):
        return type(statement.action) in _BLOCKS and _fails(cast(tree.Do, statement.action).body)
    if isinstance(statement, tree.If):
        other = statement.otherwise
        return _fails(statement.then) or (
            _fails_in(other) if isinstance(other, tree.If) else bool(other and _fails(other))
        )
    if isinstance(statement, tree.Match):
        return any(_fails(arm.body) for arm in statement.arms)
    return isinstance(statement, tree.Fail)


# --- statements ---------------------------------------------------------------------------------------------------


def _block(draft: Draft, block: tree.Block) -> bool:
    """All statements of a block; whether all paths through it leave."""
    leaves = False
    for statement in block.statements:
        leaves |= _STATEMENTS[type(statement)](draft, statement)
    return leaves


def _let(draft: Draft, let: tree.Let) -> bool:
    draft.to.begin()
    draft.bind_let(let.id, let.name.text, draft.to.let(let))
    return False


def _return(draft: Draft, node: tree.Return) -> bool:
    _result(draft, "return", node, is_soft=draft.scope == 0 and _is_partial(draft.graph.policies))
    return True


def _yield(draft: Draft, node: tree.Yield) -> bool:
    owner = draft.graph.scopes[draft.scope].owner
    block = draft.graph.nodes[owner] if owner is not None else None
    _result(
        draft, "yield", node, is_soft=block is not None and isinstance(block.work, Do) and _is_partial(block.policies)
    )
    return True


def _result(draft: Draft, word: str, node: tree.Return | tree.Yield, *, is_soft: bool) -> None:
    """A value that is given back; softly, when what it reads of its own scope may have failed (rule C1)."""
    to = draft.to
    to.begin()
    softening = Softening(draft.graph, draft.scope, draft.let_needs) if is_soft else None
    to.soften = softening
    value = to.expr(node.value)
    to.soften = None
    waits = draft.wait()
    if softening is not None:
        waits[0].update((read, ORDER) for read in to.reads if is_let(read))
        for soft in softening.soft:
            waits[0].setdefault(soft, ORDER)
    work = Return(value) if isinstance(node, tree.Return) else Yield(value)
    draft.control(word, work, node.span, waits=waits, type_=draft.checked.types.get(node.value.id, NONE))


def _is_partial(policies: Sequence[Applied]) -> bool:
    return any(isinstance(a.policy, OnFailure) and a.policy.strategy == "partial" for a in policies)


def _fail(draft: Draft, node: tree.Fail) -> bool:
    draft.to.begin()
    reason = draft.to.expr(node.reason)
    draft.control("fail", Fail(reason), node.span, waits=draft.wait("write"))
    return True


def _if(draft: Draft, node: tree.If) -> bool:
    draft.to.begin()
    work = Branch(draft.to.expr(node.condition), ((True,), None), ("then", "else"))
    return _arms(draft, "if", work, node, [node.then, node.otherwise])


def _match(draft: Draft, node: tree.Match) -> bool:
    draft.to.begin()
    subject = draft.to.expr(node.subject)
    arms = tuple(pattern_values(arm.patterns) for arm in node.arms)
    labels = tuple(" | ".join(map(_pattern, arm.patterns)) for arm in node.arms)
    return _arms(draft, "match", Branch(subject, arms, labels), node, [arm.body for arm in node.arms])


def _pattern(pattern: tree.Pattern) -> str:
    if not isinstance(pattern, tree.LiteralPattern):
        return "_"
    match pattern.value:
        case str(text):
            return f'"{text}"'
        case None | bool():
            return {None: "none", True: "true", False: "false"}[pattern.value]
        case number:
            return str(number)


def _arms(
    draft: Draft, word: str, work: Branch, node: tree.If | tree.Match, bodies: Sequence[tree.Block | tree.If | None]
) -> bool:
    """A branch and its arms; what follows stands on the ways that do not leave (rule A2)."""
    branch, passed = draft.branch(word, work, node.span)
    region = draft.region
    whole: list[int] = []
    rest: list[Guard] = []
    for arm, body in enumerate(bodies):
        guard = Guard(branch, (arm,))
        draft.region = inner = Region(region, draft.scope, guard, passed)
        leaves = body is not None and (_if(draft, body) if isinstance(body, tree.If) else _block(draft, body))
        draft.close_lets(inner)
        if draft.serial is not None:
            draft.serial.close(inner, branch, leaves=leaves)
        draft.region = region
        if not leaves and inner.guard is guard:
            whole.append(arm)
        elif not leaves and inner.guard is not None:
            rest.append(inner.guard)
    if len(whole) == len(bodies):
        return False
    guards = [Guard(branch, tuple(whole)), *rest] if whole else rest
    if len(guards) == 1:
        region.guard = guards[0]
    elif guards:
        region.guard = Guard(draft.merge(guards, node.span))
    return not guards


# --- steps that call ----------------------------------------------------------------------------------------------


def _step(draft: Draft, step: tree.Step) -> bool:
    info, action = draft.checked.steps[step.id], step.action
    call = draft.checked.calls.get(action.id)
    if call is None or isinstance(call, FunctionCall):
        _BLOCKS[type(action)](draft, step, action, info)
    else:
        _call_step(draft, step, info, call)
    return False


def _call_step(draft: Draft, step: tree.Step, info: StepInfo, call: ActionCall | FlowCallInfo) -> None:
    draft.to.begin()
    key = draft.to.expr(info.key) if info.key is not None else None
    work = _work(draft, call, info.idempotent, key)
    if info.cache_key is not None and isinstance(work, AgentCall):
        work = replace(work, cache_key=draft.to.expr(info.cache_key))
    if info.once is not None and isinstance(work, AgentCall):
        work = replace(work, once=draft.to.expr(info.once))
    probe = None if info.probe is None else _probe(draft, info.probe)
    effect, guard, name, clauses = call.effect, draft.region.guard, step.name.text, step.clauses
    touch = None if draft.serial is None else _touch(draft, call, info.policies)
    waits = draft.wait(effect, touch, _after(draft, step) if clauses else ())
    node = draft.bind_step(step.id)
    place = draft.place(step.span)
    policies = info.policies
    if isinstance(work, AgentCall) and work.role is not None:
        policies = with_chain(draft.checked, work.role, policies)
    vertex = Vertex(name, draft.scope, work, guard, place, effect, info.type, policies, None, None, step.doc, probe)
    if clauses:
        waits = draft.wait_also(waits, _clauses(draft, step, vertex, node))
    draft.put(vertex, waits[0])
    if touch is not None:
        draft.stand(node, waits[1], touch=touch if effect in HARMFUL else None)


def _work(draft: Draft, call: ActionCall | FlowCallInfo, idempotent: bool, key: Expr | None) -> AgentCall | FlowCall:
    to = draft.to
    if isinstance(call, ActionCall):
        args: list[tuple[str, Expr]] = []
        if call.written_out:
            to.written_out.update(call.written_out)
        for arg in call.args:
            value = arg.value
            args.append((arg.param, FORMS[type(value)](to, value, arg.slot)))
        effect = call.effect
        made = AgentCall(call.agent, call.action, tuple(args), call.result, call.declared, effect, idempotent, key)
        return played(draft.checked, made)
    values: list[Expr] = []
    for given, is_given in zip(call.args, call.given, strict=True):
        values.append(to.expr(cast(tree.Expr, given)) if is_given else Const(cast(Value, given)))
    return FlowCall(call.flow, tuple(values))


def _touch(draft: Draft, call: ActionCall | FlowCallInfo, policies: tuple[Applied, ...]) -> Touch:
    return draft.uses.action(call, policies) if isinstance(call, ActionCall) else draft.uses.flow(call.flow)


def _after(draft: Draft, step: tree.Step) -> list[int]:
    """The nodes that `after` names."""
    found: list[int] = []
    for clause in step.clauses:
        if isinstance(clause, tree.After):
            for name in clause.names:
                ref = draft.checked.refs[name.id]
                if isinstance(ref, LocalRef):
                    found.extend(read for decl in ref.decls for read in draft.to.bindings[decl][1] if read >= 0)
    return found


def _clauses(draft: Draft, step: tree.Step, vertex: Vertex, node: int) -> list[int]:
    """`undo` and `catch`: what they read beside the step itself must have settled too."""
    to = draft.to
    constants = to.has_constants
    to.begin()
    for clause in step.clauses:
        match clause:
            case tree.Undo(call=None):
                vertex.undo = Undo(None)
            case tree.Undo(call=tree.Call() as call):
                info = draft.checked.calls[call.id]
                if isinstance(info, ActionCall | FlowCallInfo):
                    vertex.undo = _undo(draft, call, info, node)
            case tree.Catch(name=name, value=value):
                to.bind(clause.id, *([name.id] if name is not None else []))
                vertex.catch = Catch(to.expr(value))
                to.close()
            case _:
                pass
    to.has_constants |= constants
    return [read for read in dict.fromkeys(to.reads) if read != node]


def _probe(draft: Draft, call: tree.Call) -> Probe | None:
    """What looks whether a step was done: what it reads has settled when the step begins."""
    info, probe = draft.checked.calls[call.id], draft.checked.steps[call.id]
    if not isinstance(info, ActionCall | FlowCallInfo):
        return None
    return Probe(_work(draft, info, idempotent=True, key=None), probe.policies)


def _undo(draft: Draft, call: tree.Call, info: ActionCall | FlowCallInfo, node: int) -> Undo:
    """The undo of a step: of one in doubt too, when it does not read the step and may be called in vain (rule C7)."""
    to, undo = draft.to, draft.checked.steps[call.id]
    before = len(to.reads)
    key = None if undo.key is None else Template((to.expr(undo.key), "~undo"))  # not that of what it takes back
    work = _work(draft, info, undo.idempotent, key)
    return Undo(work, undo.policies, undo.idempotent and node not in to.reads[before:])


# --- steps that are blocks ----------------------------------------------------------------------------------------


def _open(draft: Draft, step: tree.Step, info: StepInfo, slots: tuple[str, ...]) -> tuple[int, int, int]:
    """Put a block's node and open its scope; the node, the scope, and what has been written when it begins."""
    waits = draft.wait(after=_after(draft, step))
    node = draft.bind_step(step.id)
    vertex = Vertex(
        step.name.text, draft.scope, Do(0), draft.region.guard, draft.place(step.span), info.effect, info.type,
        info.policies, doc=step.doc,
    )  # fmt: skip
    if step.clauses:
        waits = draft.wait_also(waits, _clauses(draft, step, vertex, node))
    needs, passed = waits
    draft.put(vertex, needs)
    draft.block_needs[node] = set(draft.nodes_of(needs))
    return node, draft.open_scope(node, slots), passed


def _inside(draft: Draft, scope: int, passed: int, blocks: Sequence[Sequence[tree.Statement]]) -> None:
    """The statements of a body, in one region each: members of a `parallel` have no order among themselves (A1d)."""
    outer, outer_scope = draft.region, draft.scope
    draft.scope = scope
    for statements in blocks:
        draft.region = Region(outer, scope, None, passed)
        for statement in statements:
            _STATEMENTS[type(statement)](draft, statement)
        draft.close_lets(draft.region)
        draft.region.is_open = False
    draft.region, draft.scope = outer, outer_scope


def _close(draft: Draft, node: int, scope: int, passed: int, before: dict[str, None]) -> None:
    """The block is over: it now stands above, with all that its body has written."""
    written = draft.written
    draft.close_scope(scope)
    draft.written = before
    draft.stand(node, passed, touch=Touch((), tuple(written)) if written else None, surely=False)


def _group(draft: Draft, step: tree.Step, info: StepInfo, make: Callable[[int], Any], body: Any) -> None:
    """A block without expressions of its own."""
    draft.to.begin()
    before, draft.written = draft.written, {}
    node, scope, passed = _open(draft, step, info, ())
    draft.graph.nodes[node].work = make(scope)
    _inside(draft, scope, passed, body)
    _close(draft, node, scope, passed, before)


def _do(draft: Draft, step: tree.Step, action: tree.Do, info: StepInfo) -> None:
    _group(draft, step, info, Do, [action.body.statements])


def _race(draft: Draft, step: tree.Step, action: tree.Race, info: StepInfo) -> None:
    _group(draft, step, info, Race, [(member,) for member in action.body.statements])


def _parallel(draft: Draft, step: tree.Step, action: tree.Parallel, info: StepInfo) -> None:
    need = draft.checked.needs.get(action.id)
    members = [(member,) for member in action.body.statements]
    _group(draft, step, info, lambda scope: Parallel(scope, need), members)


def _for(draft: Draft, step: tree.Step, action: tree.For, info: StepInfo) -> None:
    to = draft.to
    to.begin()
    items = to.expr(action.items)
    limit = to.constant(action.limit) if action.limit is not None else None
    before, draft.written = draft.written, {}
    slots = (action.item.text, action.index.text if action.index is not None else "")
    node, scope, passed = _open(draft, step, info, slots)
    draft.graph.nodes[node].work = For(items, limit, scope)
    to.bindings[action.item.id] = (Bound(scope, 0), (), None)
    if action.index is not None:
        to.bindings[action.index.id] = (Bound(scope, 1), (), None)
    _inside(draft, scope, passed, [action.body.statements])
    _close(draft, node, scope, passed, before)


def _repeat(draft: Draft, step: tree.Step, action: tree.Repeat, info: StepInfo) -> None:
    to = draft.to
    to.begin()
    init, limit = to.expr(action.init), to.constant(action.limit)
    before, draft.written = draft.written, {}
    slots = (action.name.text, action.index.text if action.index is not None else "")
    node, scope, passed = _open(draft, step, info, slots)
    to.bindings[action.name.id] = (Bound(scope, 0), (), None)
    if action.index is not None:
        to.bindings[action.index.id] = (Bound(scope, 1), (), None)
    _inside(draft, scope, passed, [action.body.statements])
    to.begin()
    until = to.expr(action.until)
    otherwise = to.expr(action.otherwise) if action.otherwise is not None else None
    if to.has_constants:
        draft.graph.foldable.append(node)
    draft.graph.nodes[node].work = Repeat(init, limit, scope, until, otherwise)
    passed = max(passed, draft.judge(node, scope))
    _close(draft, node, scope, passed, before)


_STATEMENTS: Mapping[type, Callable[[Draft, Any], bool]] = {
    tree.Step: _step,
    tree.Let: _let,
    tree.If: _if,
    tree.Match: _match,
    tree.Return: _return,
    tree.Yield: _yield,
    tree.Fail: _fail,
}
_BLOCKS: Mapping[type, Callable[[Draft, tree.Step, Any, StepInfo], None]] = {
    tree.For: _for,
    tree.Repeat: _repeat,
    tree.Parallel: _parallel,
    tree.Race: _race,
    tree.Do: _do,
}
