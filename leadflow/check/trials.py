"""What starts flows from outside, and what tries them: triggers (rule E6) and tests (rule E10).

What the mocks of a test stand in for is found out in `mocks`.
"""

import re
from fractions import Fraction

from leadflow.check.args import Slot, bind
from leadflow.check.calls import check_call, target_of
from leadflow.check.checked import FlowCallInfo
from leadflow.check.consts import NotConstant, fold
from leadflow.check.context import Context
from leadflow.check.env import Frame, Var
from leadflow.check.flows import check_let
from leadflow.check.foregone import check_foregone
from leadflow.check.infer import condition, expect, infer
from leadflow.check.lookup import check_new
from leadflow.check.messages.foregone import expects_nothing
from leadflow.check.messages.names import unknown_name, unknown_trigger
from leadflow.check.messages.policies import bad_run, bad_trigger, out_of_range, policy_twice
from leadflow.check.messages.triggers import path_taken, unknown_zone
from leadflow.check.messages.values import constant_needed
from leadflow.check.mocks import answerable, check_mock
from leadflow.check.policies import refuse_annotations
from leadflow.check.program import BrokenSymbol, FlowSymbol, ModuleScope, Program
from leadflow.check.statements import steps_of
from leadflow.check.types import ERROR_CLASS
from leadflow.diagnostics import Span
from leadflow.plan.plan import SettingValue
from leadflow.plan.schedule import BadSchedule, read_schedule
from leadflow.plan.trial import Sampling
from leadflow.plan.types import (
    DURATION,
    FLOAT,
    INT,
    JSON,
    MONEY,
    NONE,
    SECRET,
    STRING,
    TIME,
    UNKNOWN,
    FieldType,
    ListType,
    MapType,
    RecordType,
    Type,
    optional,
)
from leadflow.plan.zones import ZONES
from leadflow.syntax import tree

_FAILURE = RecordType(
    (
        FieldType("class", ERROR_CLASS),
        FieldType("error", STRING),
        FieldType("message", STRING),
        FieldType("step", optional(STRING)),
    ),
    "failure",
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
        value = _constant(cx, expr, STRING, f"the argument '{name}'") if expr is not None else None
        if expr is None or not isinstance(value, str):
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


def _constant(cx: Context, expr: tree.Expr, type_: Type, where: str) -> SettingValue | None:
    """A constant of that type; None when it is none, which has been reported."""
    before = cx.program.said_count
    expect(cx, expr, type_, where)
    if cx.program.said_count > before:
        return None
    try:
        return fold(cx, expr, where)
    except NotConstant:
        return None


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
    refuse_annotations(cx, [one for one in decl.annotations if not _is_sample(one)], on="a test")
    _sample(cx, decl)
    if not any(isinstance(statement, tree.Expect) for statement in decl.body):
        cx.report(expects_nothing(decl.name.span, decl.name.plain or ""))
    calls = answerable(cx, decl)
    for statement in decl.body:
        match statement:
            case tree.Mock():
                check_mock(cx, statement, calls)
            case tree.Expect():
                condition(cx, statement.condition)
                check_foregone(cx, statement.condition)
            case tree.Let():
                check_let(cx, statement)
            case tree.TestRun():
                _run(cx, statement)
            case tree.Replay(file=file):
                expect(cx, file, STRING, "the file of 'replay'")
                if file.plain is None:
                    why = "a recording is chosen before anything runs"
                    cx.report(constant_needed(file.span, where="the file of 'replay'", reason=why))


def _is_sample(annotation: tree.Annotation) -> bool:
    return [part.text for part in annotation.path] == ["sample"]


_MOST_SAMPLES = 1000


def _sample(cx: Context, decl: tree.TestDecl) -> None:
    """`@sample(runs: 5, pass: 0.8)`: how often a test is made, and how large a part of that has to pass."""
    found = [one for one in decl.annotations if _is_sample(one)]
    if not found:
        return
    for more in found[1:]:
        cx.report(policy_twice(more.span, "sample", first=found[0].span))
    slots = (Slot("runs", required=True), Slot("pass", positional=False))
    bound = bind(cx, found[0].args or (), slots, owner="@sample", span=found[0].span)
    runs, part = bound.one("runs"), bound.one("pass")
    number = _number(cx, runs, INT, "runs") if runs is not None else None
    needed = _number(cx, part, FLOAT, "pass") if part is not None else 1.0
    if runs is not None and number is not None and not 1 <= number <= _MOST_SAMPLES:
        cx.report(out_of_range(runs.span, where="the argument 'runs' of @sample", low="1", high=str(_MOST_SAMPLES)))
    elif part is not None and needed is not None and not 0.01 <= needed <= 1:
        cx.report(out_of_range(part.span, where="the argument 'pass' of @sample, a part of 1,", low="0.01", high="1"))
    elif number is not None and needed is not None:
        least = Fraction(str(needed)) * int(number)
        cx.program.samples[decl.id] = Sampling(int(number), -(-least.numerator // least.denominator))


def _number(cx: Context, expr: tree.Expr, type_: Type, name: str) -> int | float | None:
    """A constant number; None when it is none, which has been reported."""
    value = _constant(cx, expr, type_, f"the argument '{name}' of @sample")
    return value if isinstance(value, int | float) else None


def _run(cx: Context, statement: tree.TestRun) -> None:
    call = statement.call
    result: Type = UNKNOWN
    if isinstance(call, tree.Call):
        target = target_of(cx, call.callee)
        symbol = target.symbol if target is not None else None
        if isinstance(symbol, FlowSymbol):
            check_call(cx, call, None)
            result = _outcome(cx, symbol)
            info = cx.program.calls.pop(call.id, None)
            if isinstance(info, FlowCallInfo):
                cx.program.starts[statement.id] = info
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
    steps = dict.fromkeys(step.name.text for step in steps_of(symbol.decl))
    calls = RecordType(tuple(FieldType(name, INT) for name in steps), "calls")
    value = optional(signature.result) if signature.has_result else NONE
    return RecordType(
        (
            FieldType("value", value),
            FieldType("failure", optional(_FAILURE)),
            FieldType("calls", calls),
            FieldType("cost", MONEY),
            FieldType("took", DURATION),
            FieldType("undone", ListType(STRING)),
        ),
        "run",
    )
