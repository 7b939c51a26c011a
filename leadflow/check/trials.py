"""What starts flows from outside, and what tries them: triggers (rule E6) and tests (rule E10)."""

import re
from collections.abc import Sequence

from leadflow.check.args import Slot, bind
from leadflow.check.calls import check_call, target_of
from leadflow.check.checked import ActionCall, FlowCallInfo
from leadflow.check.consts import NotConstant, fold
from leadflow.check.context import Context
from leadflow.check.env import Frame, Var
from leadflow.check.flows import check_let
from leadflow.check.foregone import check_foregone
from leadflow.check.infer import condition, expect, infer
from leadflow.check.lookup import check_new
from leadflow.check.messages.foregone import expects_nothing
from leadflow.check.messages.names import unknown_name, unknown_trigger
from leadflow.check.messages.policies import bad_mock, bad_run, bad_trigger
from leadflow.check.messages.triggers import path_taken, unknown_zone
from leadflow.check.policies import refuse_annotations
from leadflow.check.program import AgentSymbol, BrokenSymbol, FlowSymbol, ModuleScope, Program, ToolSymbol
from leadflow.check.statements import steps_in
from leadflow.diagnostics import Span
from leadflow.plan.schedule import BadSchedule, read_schedule
from leadflow.plan.types import (
    INT,
    JSON,
    MONEY,
    NONE,
    SECRET,
    STRING,
    TIME,
    UNKNOWN,
    FieldType,
    MapType,
    RecordType,
    Type,
    optional,
)
from leadflow.plan.zones import ZONES
from leadflow.syntax import tree

_FAILURE = RecordType(
    (FieldType("class", STRING), FieldType("message", STRING), FieldType("step", optional(STRING))), "failure"
)


def check_trials(program: Program) -> None:
    """Check the triggers and tests of all files."""
    paths: dict[str, Span] = {}
    for scope in program.scopes.values():
        for item in scope.module.tree.items:
            if isinstance(item, tree.TriggerDecl):
                _trigger(program, scope, item, paths)
            elif isinstance(item, tree.TestDecl):
                _test(program, scope, item)
            elif isinstance(item, tree.Use):
                refuse_annotations(Context(program, scope, "constant"), item.annotations, on="'use'")


# --- triggers -----------------------------------------------------------------------------------------------------

_BINDS: dict[str, tuple[tuple[str, Type], ...]] = {
    "cron": (("slot", TIME),),
    "webhook": (("body", JSON), ("headers", MapType(STRING)), ("query", MapType(STRING)), ("id", STRING)),
}
"""What each trigger offers to the arguments of the flow."""

_SLOTS = {
    "cron": (Slot("schedule", required=True), Slot("zone", positional=False)),
    "webhook": (Slot("path", required=True), Slot("verify", positional=False)),
}


def _trigger(program: Program, scope: ModuleScope, decl: tree.TriggerDecl, paths: dict[str, Span]) -> None:
    """Check a trigger; `paths` are those that webhooks have taken so far."""
    cx = Context(program, scope, "trigger", frame=Frame())
    refuse_annotations(cx, decl.annotations, on="a trigger")
    kind = decl.name.text
    if kind not in _SLOTS:
        cx.report(unknown_trigger(decl.name.span, kind, known=tuple(_SLOTS)))
        return
    bound = bind(cx, decl.args, _SLOTS[kind], owner=f"'{kind}'", span=decl.name.span)
    for name in ("schedule", "zone", "path"):
        expr = bound.one(name)
        value = _text(cx, expr, name) if expr is not None else None
        if expr is None or value is None:
            continue
        if name == "schedule":
            _schedule(cx, expr, value)
        elif name == "zone" and value not in ZONES:
            cx.report(unknown_zone(expr.span, value, known=cx.program.known(sorted(ZONES))))
        elif name == "path":
            _path(cx, expr, value, paths)
    if kind == "webhook":
        _verify(cx, decl, bound.one("verify"))
    for name, type_ in _BINDS[kind]:
        cx.frame.bind(Var(name, type_, (decl.id,), decl.name.span, "trigger value"))
    call = decl.call
    if isinstance(call, tree.BadExpr):
        return
    target = target_of(cx, call.callee) if isinstance(call, tree.Call) else None
    if target is not None and isinstance(target.symbol, BrokenSymbol):
        return
    if not isinstance(call, tree.Call) or target is None or not isinstance(target.symbol, FlowSymbol):
        _say_no_flow(cx, call, "a trigger runs a flow: 'run flow(…)'")
        return
    check_call(cx, call, None)


def _say_no_flow(cx: Context, call: tree.Expr, hint: str) -> None:
    """What should be a call of a flow is none."""
    callee = call.callee if isinstance(call, tree.Call) else None
    if isinstance(callee, tree.Name) and cx.symbol(callee.text) is None:
        known = [name for name, symbol in cx.scope.values.items() if isinstance(symbol, FlowSymbol)]
        cx.report(unknown_name(callee.span, callee.text, what="flow", known=cx.program.known(known)))
    else:
        cx.report(bad_run(call.span, hint=hint))


def _text(cx: Context, expr: tree.Expr, name: str) -> str | None:
    """A constant text of a trigger; None when it is none, which has been reported."""
    before = cx.program.said_count
    where = f"the argument '{name}'"
    expect(cx, expr, STRING, where)
    if cx.program.said_count > before:
        return None
    try:
        value = fold(cx, expr, where)
    except NotConstant:
        return None
    return value if isinstance(value, str) else None


def _schedule(cx: Context, expr: tree.Expr, text: str) -> None:
    """A schedule can be read, and comes at some time."""
    found = read_schedule(text)
    if isinstance(found, BadSchedule):
        cx.report(bad_trigger(_part(cx, expr, found.part), hint=found.why))
    elif not found.comes:
        cx.report(bad_trigger(expr.span, hint=f"'{text}' never comes: no month that it names has such a day"))


def _part(cx: Context, expr: tree.Expr, part: str) -> Span:
    """Where a part of a text stands, when the text is written right here and has it once."""
    written = cx.scope.module.source.at(expr.span)
    if not part or written.count(part) != 1:
        return expr.span
    start = expr.span.start + written.index(part)
    return expr.span._replace(start=start, end=start + len(part))


_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+/?|/")


def _path(cx: Context, expr: tree.Expr, path: str, paths: dict[str, Span]) -> None:
    """The path of a webhook is plain, and its own."""
    if not path.startswith("/"):
        cx.report(bad_trigger(expr.span, hint="the path of a webhook begins with '/'"))
    elif not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        hint = "the path of a webhook is made of letters, digits, '-', '_', '.' and '~' between slashes"
        cx.report(bad_trigger(expr.span, hint=hint))
    elif path.rstrip("/") in paths:
        cx.report(path_taken(expr.span, path, first=paths[path.rstrip("/")]))
    else:
        paths[path.rstrip("/")] = expr.span


def _verify(cx: Context, decl: tree.TriggerDecl, expr: tree.Expr | None) -> None:
    if expr is None:
        hint = "a webhook says who may call it: 'verify: hmac(secret(…))', or 'verify: none' if anyone may"
        cx.report(bad_trigger(decl.name.span, hint=hint))
    elif not isinstance(expr, tree.NoneLit):
        given = infer(cx, expr)
        if given not in (SECRET, UNKNOWN):
            cx.report(bad_trigger(expr.span, hint="'verify' is made of a secret: hmac(secret(…))"))
        else:
            try:
                fold(cx, expr, "the argument 'verify'")
            except NotConstant:
                return


# --- tests --------------------------------------------------------------------------------------------------------


def _test(program: Program, scope: ModuleScope, decl: tree.TestDecl) -> None:
    cx = Context(program, scope, "test", frame=Frame())
    refuse_annotations(cx, decl.annotations, on="a test")
    if not any(isinstance(statement, tree.Expect) for statement in decl.body):
        cx.report(expects_nothing(decl.name.span, decl.name.plain or ""))
    for statement in decl.body:
        match statement:
            case tree.Mock():
                _mock(cx, statement)
            case tree.Expect():
                condition(cx, statement.condition)
                check_foregone(cx, statement.condition)
            case tree.Let():
                check_let(cx, statement)
            case tree.TestRun():
                _run(cx, statement)


def _run(cx: Context, statement: tree.TestRun) -> None:
    call = statement.call
    result: Type = UNKNOWN
    if isinstance(call, tree.Call):
        target = target_of(cx, call.callee)
        symbol = target.symbol if target is not None else None
        if isinstance(symbol, FlowSymbol):
            check_call(cx, call, None)
            result = _outcome(cx, symbol)
        elif not isinstance(symbol, BrokenSymbol):
            _say_no_flow(cx, call, "a test runs a flow: 'run r = flow(…)'")
    elif not isinstance(call, tree.BadExpr):
        _say_no_flow(cx, call, "a test runs a flow: 'run r = flow(…)'")
    check_new(cx, statement.name, "run")
    cx.program.types[statement.id] = result
    cx.frame.bind(Var(statement.name.text, result, (statement.id,), statement.name.span, "run"))


def _outcome(cx: Context, symbol: FlowSymbol) -> Type:
    """What can be asked of a run: it never fails itself."""
    signature = cx.program.signatures[symbol.key]
    steps = dict.fromkeys(step.name.text for step in steps_in(symbol.decl.body))
    calls = RecordType(tuple(FieldType(name, INT) for name in steps), "calls")
    value = optional(signature.result) if signature.has_result else NONE
    return RecordType(
        (
            FieldType("value", value),
            FieldType("failure", optional(_FAILURE)),
            FieldType("calls", calls),
            FieldType("cost", MONEY),
        ),
        "run",
    )


def _mock(cx: Context, mock: tree.Mock) -> None:
    """A stand-in: its target exists, and each of its answers fits all that it can answer."""
    types = _answers(cx, mock)
    for arg in mock.args or ():
        infer(cx, arg.value)
    for answer in mock.answers:
        if isinstance(answer, tree.Fail):
            expect(cx, answer.reason, STRING, "the reason behind 'fail'")
        elif not types:
            infer(cx, answer)
        else:
            for type_ in types:
                expect(cx, answer, type_, f"the answer of '{_written(mock)}'")


def _written(mock: tree.Mock) -> str:
    return ".".join(part.text for part in mock.target)


def _answers(cx: Context, mock: tree.Mock) -> list[Type]:
    """The types that answers of a mock must have; empty when its target was reported or has no known type."""
    parts = list(mock.target)
    home = cx.scope
    symbol = cx.symbol(parts[0].text)
    module = getattr(symbol, "scope", None)
    if isinstance(module, ModuleScope) and len(parts) > 1:
        home, parts = module, parts[1:]
        symbol = home.values.get(parts[0].text)
    rest = parts[1:]
    match symbol:
        case FlowSymbol():
            return _of_step(cx, mock, symbol, rest)
        case ToolSymbol() if not rest:
            return _unique(_of_calls(cx, symbol.key, None))
        case AgentSymbol() if len(rest) == 1:
            return _of_action(cx, symbol, rest[0])
        case BrokenSymbol():
            return []
        case None:
            known = cx.program.known(home.values)
            cx.report(unknown_name(parts[0].span, parts[0].text, what="flow, agent or tool", known=known))
        case _:
            why = f"'{_written(mock)}' is nothing to stand in for: name a step 'flow.step', an 'agent.action' or a tool"
            cx.report(bad_mock(mock.target[0].span.to(mock.target[-1].span), parts[0].text, why=why))
    return []


def _of_step(cx: Context, mock: tree.Mock, symbol: FlowSymbol, rest: Sequence[tree.Ident]) -> list[Type]:
    steps = list(steps_in(symbol.decl.body))
    if not rest:
        why = f"'{_written(mock)}' is a flow; name one of its steps: '{_written(mock)}.step'"
        cx.report(bad_mock(mock.target[-1].span, _written(mock), why=why))
        return []
    names = dict.fromkeys(step.name.text for step in steps)
    for part in rest:
        if part.text not in names:
            why = f"flow '{symbol.decl.name.text}' has no step '{part.text}'"
            cx.report(bad_mock(part.span, part.text, why=why, known=cx.program.known(names)))
            return []
    found: list[Type] = []
    for step in steps:
        if step.name.text == rest[-1].text:
            call = cx.program.calls.get(step.action.id)
            info = cx.program.steps.get(step.id)
            if isinstance(call, ActionCall | FlowCallInfo):
                found.append(call.result)
            elif info is not None:
                found.append(info.type)
    return _unique(found)


def _of_action(cx: Context, symbol: AgentSymbol, action: tree.Ident) -> list[Type]:
    agent = cx.program.agents.get(symbol.key)
    if agent is None or agent.kind is None:
        return []
    if agent.kind.action(action.text) is None:
        why = f"agent '{agent.name}' has no action '{action.text}'"
        cx.report(bad_mock(action.span, action.text, why=why, known=cx.program.known(agent.kind.actions)))
        return []
    return _unique(_of_calls(cx, symbol.key, action.text))


def _of_calls(cx: Context, agent: str, action: str | None) -> list[Type]:
    """The results of all calls of an agent's action."""
    return [
        call.result
        for call in cx.program.calls.values()
        if isinstance(call, ActionCall) and call.agent == agent and action in (None, call.action)
    ]


def _unique(types: Sequence[Type]) -> list[Type]:
    found: list[Type] = []
    for type_ in types:
        if type_ not in found and type_ not in (JSON, UNKNOWN):
            found.append(type_)
    return found
