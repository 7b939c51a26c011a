"""Calls that act: an action of an agent, a tool, a flow. Who is called, with what, and with what effect."""

import re
from collections.abc import Sequence

from leadflow.check.args import Bound, Slot, bind
from leadflow.check.checked import ActionCall, BoundArg, ConstRef, FlowCallInfo
from leadflow.check.context import Context
from leadflow.check.file_literals import FILE_FUNCTION
from leadflow.check.holes import warn_of_braces
from leadflow.check.infer import expect, expect_field, infer
from leadflow.check.lookup import function_meant, say_unknown_function
from leadflow.check.messages.flows import no_action
from leadflow.check.messages.names import not_a_value, not_in_module, unknown_action, unknown_name
from leadflow.check.messages.policies import abstract_agent, bad_fallback, bad_override
from leadflow.check.messages.timing import never_comes
from leadflow.check.messages.types import json_leak, may_be_none, wrong_type
from leadflow.check.messages.values import bad_hole, built_elsewhere, misplaced_secret, open_address
from leadflow.check.origin import say_once
from leadflow.check.program import (
    Agent,
    AgentSymbol,
    BrokenSymbol,
    FlowSymbol,
    ModuleSymbol,
    Signature,
    Symbol,
    ToolSymbol,
)
from leadflow.check.spoken import spoken
from leadflow.check.types import fits, holds_none, is_text, without_none
from leadflow.diagnostics import Edit, Fix, Label, Report, Span
from leadflow.plan.expr import SlotKind
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.kinds import PREDECLARED, ActionRow, ParamRow, find_kind
from leadflow.plan.policy import Applied
from leadflow.plan.types import (
    BOOL,
    DURATION,
    EFFECTS,
    FLOAT,
    INT,
    JSON,
    MONEY,
    NEVER,
    NONE,
    RATE,
    SECRET,
    STRING,
    TIME,
    UNKNOWN,
    Effect,
    MapType,
    Type,
    _Missing,
    join_effects,
    show,
)
from leadflow.record import record
from leadflow.syntax import tree


@record
class Called:
    """What a call turned out to be."""

    result: Type
    effect: Effect
    inherited: Sequence[Applied] = ()
    """Policies that the call takes over from its agent."""
    flow: str | None = None
    agent: Agent | None = None
    action: str = ""
    unkeyed: Span | None = None
    """A write inside a called flow that may not be repeated."""
    attempts: int = 1
    """How often a call inside a called flow is tried, at the most."""


@record
class Target:
    """What a callee names."""

    symbol: Symbol | None
    action: tree.Ident | None
    """The action, for an agent."""
    agent: str = ""
    """Key of an agent."""


def target_of(cx: Context, callee: tree.Expr) -> Target | None:
    """What a callee names; None when it names nothing that acts. Reports nothing."""
    match callee:
        case tree.Name(text=text):
            symbol = cx.symbol(text) if cx.frame.find(text) is None else None
            return Target(symbol, None) if symbol is not None else None
        case tree.Member(target=tree.Name(text=text), name=name, safe=False):
            if cx.frame.find(text) is not None:
                return None
            symbol = cx.symbol(text)
            if symbol is None:
                return Target(None, name, text) if text in PREDECLARED else None
            if isinstance(symbol, AgentSymbol):
                return Target(symbol, name, symbol.key)
            if isinstance(symbol, ModuleSymbol):
                inner = _of_module(cx, symbol, name)
                return Target(inner, None if inner is not None else name)
            return Target(symbol, name)
        case tree.Member(
            target=tree.Member(target=tree.Name(text=text), name=agent, safe=False), name=name, safe=False
        ):
            module = cx.symbol(text) if cx.frame.find(text) is None else None
            if isinstance(module, ModuleSymbol):
                inner = _of_module(cx, module, agent)
                return Target(inner, name, inner.key if isinstance(inner, AgentSymbol) else "")
            return Target(module, name) if isinstance(module, BrokenSymbol) else None
        case _:
            return None


def _of_module(cx: Context, module: ModuleSymbol, name: tree.Ident) -> Symbol | None:
    symbol = module.scope.values.get(name.text)
    if symbol is None or getattr(symbol, "home", None) is not module.scope:
        return None
    decl = getattr(symbol, "decl", None)
    if decl is not None:
        cx.program.used.add(decl.id)
    return symbol


def check_call(cx: Context, call: tree.Call, declared: Type | None) -> Called | None:
    """Check a call that acts. None when it does not act or cannot be found, which has been reported."""
    target = target_of(cx, call.callee)
    symbol = target.symbol if target is not None else None
    if isinstance(symbol, BrokenSymbol):
        _give_up(cx, call)
        return None
    if target is not None and isinstance(symbol, FlowSymbol) and target.action is None:
        return _flow(cx, call, symbol, declared)
    if target is not None and isinstance(symbol, ToolSymbol) and target.action is None:
        return _tool(cx, call, symbol, declared)
    if target is not None and target.agent and target.action is not None:
        return _action(cx, call, target.agent, target.action, declared)
    _say_no_callee(cx, call, target)
    _give_up(cx, call)
    return None


def _give_up(cx: Context, call: tree.Call) -> None:
    """Look at the arguments of a call that was reported, for the mistakes in them."""
    for arg in call.args:
        infer(cx, arg.value)


def _say_no_callee(cx: Context, call: tree.Call, target: Target | None) -> None:
    callee = call.callee
    match callee:
        case tree.BadExpr():
            return
        case tree.Name(text=text):
            agent = (
                cx.program.agents.get(target.symbol.key) if target and isinstance(target.symbol, AgentSymbol) else None
            )
            if agent is not None:
                first = next(iter(agent.kind.actions), "…") if agent.kind is not None else "…"
                hint = f"call one of its actions: '{text}.{first}(…)'"
                cx.report(not_a_value(callee.span, text, what="an agent", hint=hint))
            elif (text in FUNCTIONS or text == FILE_FUNCTION) and cx.frame.find(text) is None:
                cx.report(no_action(call.span, what=f"the function '{text}'"))
            else:
                callable_names = [n for n, s in cx.scope.values.items() if isinstance(s, FlowSymbol | ToolSymbol)]
                owners = _who_can(cx, text)
                if cx.frame.find(text) is not None or target is not None:
                    say_unknown_function(cx, call, text)
                elif owners:
                    cx.report(unknown_name(callee.span, text, what="flow or tool", known=owners, likely=True))
                else:
                    is_action = isinstance(cx.statement, tree.Step) and cx.statement.action is call
                    known_names = cx.program.known(callable_names, FUNCTIONS if is_action else ())
                    cx.report(unknown_name(callee.span, text, what="flow or tool", known=known_names))
        case tree.Member(target=tree.Name(text=text) as owner, name=name):
            if target is not None and target.symbol is None and target.action is not None:
                module = cx.scope.values.get(text)
                declared = module.scope.values if isinstance(module, ModuleSymbol) else {}
                cx.report(not_in_module(name.span, name.text, module=text, known=cx.program.known(declared)))
            elif cx.frame.find(text) is not None:
                infer(cx, owner)
                cx.report(no_action(call.span, what=f"'{text}', a value, which has no actions"))
            else:
                agents = [n for n, s in cx.scope.values.items() if isinstance(s, AgentSymbol | ModuleSymbol)]
                known_names = cx.program.known(agents, PREDECLARED)
                is_kind = find_kind(cx.program.catalogue, text) is not None
                hint = f"it is a kind: declare 'agent name: {text} {{ … }}', and call that" if is_kind else ""
                cx.report(unknown_name(owner.span, text, what="agent", known=known_names, hint=hint))
        case tree.Member(target=tree.Call() as inner, name=name) if target_of(cx, inner.callee) is not None:
            asked, ours = spoken(inner.callee), function_meant(name.text)
            way = f"read the step by its name below it{f': {ours}(…)' if ours else ''}"
            cx.report(no_action(name.span, what=f"a call of what {asked} gives", way=way))
        case _:
            cx.report(no_action(call.span, what="a call of a value"))


def _who_can(cx: Context, action: str) -> tuple[str, ...]:
    """The action with its agent, where one agent of the file alone has an action of that name; nothing else."""
    found = []
    for name, symbol in cx.scope.values.items():
        agent = cx.program.agents.get(symbol.key) if isinstance(symbol, AgentSymbol) else None
        if agent is not None and agent.kind is not None and action in agent.kind.actions:
            found.append(name)
    if len(found) != 1:
        return ()
    cx.symbol(found[0])
    return (f"{found[0]}.{action}",)


# --- flows and tools ----------------------------------------------------------------------------------------------


def _flow(cx: Context, call: tree.Call, symbol: FlowSymbol, declared: Type | None) -> Called:
    program, key = cx.program, symbol.key
    signature = program.signatures[key]
    name = symbol.decl.name.text
    label = Label(symbol.decl.name.span, f"'{name}' is declared here")
    bound = _bind(cx, call, signature, f"flow '{name}'", label)
    exprs: list[tree.Expr] = []
    values = []
    for param in signature.params:
        expr = bound.one(param.name)
        if expr is not None:
            expect_field(cx, expr, param, f"the argument '{param.name}' of '{name}'")
            exprs.append(expr)
        values.append(expr if expr is not None else (None if isinstance(param.default, _Missing) else param.default))
    given = tuple(bound.one(param.name) is not None for param in signature.params)
    effect = program.flow_effects.get(key, "write")
    result = signature.result
    if declared is not None:
        result = declared if fits(result, declared) else _say_result(cx, call, name, result, declared)
    program.calls[call.id] = FlowCallInfo(key, tuple(values), given, effect, result)
    return Called(result, effect, flow=key, unkeyed=program.unkeyed.get(key), attempts=program.attempts.get(key, 1))


def _say_result(cx: Context, call: tree.Call, name: str, given: Type, declared: Type) -> Type:
    where = "the declared type of this step"
    told = "nothing" if given == NONE else show(given)
    note = f"a flow gives a result when it declares one: '-> {show(declared)}'" if given == NONE else None
    told = f"{told}, what '{name}' gives"
    cx.report(wrong_type(call.callee.span, where=where, wanted=show(declared), given=told, note=note))
    return declared


def _bind(cx: Context, call: tree.Call, signature: Signature, owner: str, label: Label) -> Bound:
    slots = [Slot(param.name, param.required) for param in signature.params]
    bound = bind(cx, call.args, slots, owner=owner, span=call.span, label=label)
    for arg in bound.loose:
        infer(cx, arg.value)
    return bound


def _tool(cx: Context, call: tree.Call, symbol: ToolSymbol, declared: Type | None) -> Called | None:
    program, decl = cx.program, symbol.decl
    agent = program.agents[symbol.key]
    signature = program.signatures[symbol.key]
    name = decl.name.text
    bound = _bind(cx, call, signature, f"tool '{name}'", Label(decl.name.span, f"'{name}' is declared here"))
    args: list[BoundArg] = []
    params = {param.name.text: param for param in decl.params}
    values: list[tuple[int, tree.Expr | None]] = []
    for param in signature.params:
        expr = bound.one(param.name)
        if expr is not None:
            expect_field(cx, expr, param, f"the argument '{param.name}' of '{name}'")
        else:
            expr = params[param.name].default
        values.append((params[param.name].id, expr))
        if expr is not None:
            args.append(BoundArg(param.name, expr, "text"))
    row = agent.kind.action(agent.action) if agent.kind is not None else None
    result = signature.result if signature.has_result else JSON if row is None else row.result
    if declared is not None and result != JSON and not fits(result, declared):
        _say_result(cx, call, name, result, declared)
    result = declared if declared is not None else result
    effect = "write" if row is None else effect_of(agent, agent.action, row)
    is_declared = (declared is not None or signature.has_result) and (row is None or row.declared)
    written_out = agent.tool_args is not None
    program.calls[call.id] = ActionCall(
        symbol.key, agent.action, agent.tool_args or () if written_out else tuple(args), effect, result, is_declared,
        tuple(values) if written_out else (),
    )  # fmt: skip
    return Called(result, effect, agent.inherited, agent=agent, action=agent.action)


# --- actions ------------------------------------------------------------------------------------------------------


def _action(cx: Context, call: tree.Call, key: str, action: tree.Ident, declared: Type | None) -> Called | None:
    program = cx.program
    agent = program.agents.get(key)
    if agent is None or agent.kind is None:
        _give_up(cx, call)
        return None
    row = agent.kind.action(action.text)
    if row is None:
        known = program.known(agent.kind.actions)
        cx.report(unknown_action(action.span, action.text, agent=agent.name, kind=agent.kind_name, known=known))
        cx.lost = cx.lost or any(other.approves for other in agent.kind.actions.values())
        _give_up(cx, call)
        return None
    if agent.lacks and program.once("abstract", key):
        cx.report(abstract_agent(call.callee.span, agent.name, missing=agent.lacks, declared=agent.span))
    args = bind_action(cx, call, row, f"{agent.name}.{action.text}")
    effect = effect_of(agent, action.text, row)
    result = row.result if declared is None else declared
    if declared is not None and not row.declared and not fits(row.result, declared):
        _say_result(cx, call, f"{agent.name}.{action.text}", row.result, declared)
    program.calls[call.id] = ActionCall(key, action.text, args, effect, result, declared is not None)
    _compare_with_base(cx, call, effect, agent)
    return Called(result, effect, agent.inherited, agent=agent, action=action.text)


def effect_of(agent: Agent, action: str, row: ActionRow) -> Effect:
    """The effect of an action: as listed or as the row says, joined with the tools of a model (rule C8)."""
    effect = agent.effects.get(action, row.effect)
    return join_effects(effect, agent.model_effect) if row.asks_model else effect


def _compare_with_base(cx: Context, call: tree.Call, effect: Effect, agent: Agent) -> None:
    """With a profile, an action does no more harm than without (rule E9)."""
    base = cx.program.base_calls.get(call.id)
    if isinstance(base, ActionCall) and EFFECTS.index(effect) > EFFECTS.index(base.effect):
        why = f"without it this call is {base.effect}, with it {effect}"
        cx.report(bad_override(call.callee.span, agent.name, why=why))


def bind_action(cx: Context, call: tree.Call, row: ActionRow, owner: str) -> tuple[BoundArg, ...]:
    """Match the arguments of an action with its row and check them."""
    slots = [Slot(param.name, param.required, param.positional) for param in row.params]
    bound = bind(cx, call.args, slots, owner=f"'{owner}'", span=call.span, open_ended=row.any_args)
    for arg in bound.loose:
        infer(cx, arg.value)
    args: list[BoundArg] = []
    for param in row.params:
        expr = bound.one(param.name)
        if expr is not None:
            _check_slot(cx, expr, param, f"the argument '{param.name}' of '{owner}'")
            args.append(BoundArg(param.name, expr, param.slot))
    place = 0
    for arg in bound.extra:
        name = arg.name.text if arg.name is not None else str(place)
        place += arg.name is None
        given = infer(cx, arg.value)
        if given in (SECRET, RATE):
            cx.report(misplaced_secret(arg.value.span, where=f"an argument of '{owner}'"))
        args.append(BoundArg(name, arg.value, "text"))
    return tuple(args)


# --- slots (rule E5) ----------------------------------------------------------------------------------------------

_SCALARS = frozenset({STRING, INT, FLOAT, BOOL, DURATION, MONEY, TIME, UNKNOWN, NEVER})


def _check_slot(cx: Context, expr: tree.Expr, param: ParamRow, where: str) -> None:
    match param.slot:
        case "path":
            _path(cx, expr, where)
        case "header":
            _headers(cx, expr, param, where)
        case _:
            expect(cx, expr, param.type, where)


_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(.*)", re.DOTALL)
"""The address of a server, and what stands behind it."""


def _path(cx: Context, expr: tree.Expr, where: str) -> None:
    if not isinstance(expr, tree.Text):
        _ready_made(cx, expr, "path", where)
        return
    warn_of_braces(cx, expr)
    first = expr.parts[0] if expr.parts else ""
    if not isinstance(first, str):
        cx.report(open_address(first.span, hint="a path begins with '/': what stands in a hole is one part of it"))
    else:
        found = _ADDRESS.match(first)
        if found is not None and (found[2] or len(expr.parts) == 1):
            hint = "what is called is the agent's url, and a path of it, '/…': an agent of its own calls another server"
            cx.report(open_address(expr.span, hint=hint))
        elif found is not None:
            hint = "no value may decide where a request goes: the address stands in the agent's url"
            cx.report(open_address(expr.parts[1].span if not isinstance(expr.parts[1], str) else expr.span, hint=hint))
    cx.program.types[expr.id] = STRING
    for part in expr.parts:
        if not isinstance(part, str):
            _scalar(cx, part, "path")


def _scalar(cx: Context, expr: tree.Expr, slot: SlotKind) -> None:
    """What stands in a hole of a path or header: written in one way only."""
    given = infer(cx, expr)
    if given in _SCALARS or is_text(given):
        return
    if given == SECRET:
        cx.report(misplaced_secret(expr.span, where=f"a {slot}"))
    elif given == JSON:
        cx.report(json_leak(expr.span, what=spoken(expr), hint="declare the type of the step it comes from"))
    elif holds_none(given) and (without_none(given) in _SCALARS or is_text(without_none(given))):
        hint = "say what stands here then, with '??'"
        say_once(cx, expr, may_be_none(expr.span, what=spoken(expr), given=show(given), hint=hint))
    else:
        cx.report(bad_hole(expr.span, given=show(given), hint="name one field of it, or put it into the body or query"))


def _ready_made(cx: Context, expr: tree.Expr, slot: SlotKind, where: str) -> None:
    """A text that is not written here: only a constant may be one."""
    before = cx.program.said_count
    expect(cx, expr, STRING, where)
    if cx.program.said_count > before or isinstance(expr, tree.BadExpr):
        return
    owner = expr.target if isinstance(expr, tree.Member) else expr
    if isinstance(owner, tree.Name) and isinstance(cx.program.refs.get(owner.id), ConstRef):
        return
    if cx.program.types.get(expr.id) == UNKNOWN:
        return
    written = cx.scope.module.source.at(expr.span)
    is_short = isinstance(expr, tree.Name | tree.Member) and "\n" not in written
    example = f'"{"/" if slot == "path" else ""}${{{written if is_short else "…"}}}"'
    fix = Fix("put it into a text", (Edit(expr.span, example),)) if is_short else None
    cx.report(built_elsewhere(expr.span, slot=slot, example=f"'{example}'", fix=fix))


def _headers(cx: Context, expr: tree.Expr, param: ParamRow, where: str) -> None:
    if not isinstance(expr, tree.RecordLit):
        expect(cx, expr, param.type, where)
        example = 'each with its name: { "X-Id": "${…}" }'
        cx.report(built_elsewhere(expr.span, slot="header", example=example, fix=None))
        return
    expect(cx, expr, MapType(STRING), where)
    for entry in expr.entries:
        if isinstance(entry.value, tree.Text):
            for part in entry.value.parts:
                if not isinstance(part, str):
                    _scalar(cx, part, "header")
        elif cx.program.types.get(entry.value.id) != SECRET:  # that has been said
            _ready_made(cx, entry.value, "header", where)


# --- fallbacks (rule C6) ------------------------------------------------------------------------------------------


def check_fallback(
    cx: Context, call: tree.Call, called: Called, agents: Sequence[str], at: Span, *, inherited: bool
) -> None:
    """Every fallback offers the same action, takes the same arguments, and does no more harm."""
    if called.agent is None:
        cx.report(bad_fallback(at, "a fallback", why="a flow has no fallbacks; put it on the calls inside"))
        return
    for key in agents:
        agent = cx.program.agents.get(key)
        if agent is None or agent.kind is None or (inherited and called.agent is agent):
            continue  # that an agent is its own fallback is said where that is written
        if key in called.agent.via and cx.program.once("via", f"{call.id} {key}"):
            spoken_for = f"'{agent.name}' speaks for '{called.agent.name}' already"
            cx.report(never_comes(at, f"{spoken_for}, so it has failed when the fallbacks are asked", labels=()))
        why = _unfit(cx, call, called, agent)
        if why is not None:
            cx.report(bad_fallback(at, agent.name, why=why))


def _unfit(cx: Context, call: tree.Call, called: Called, agent: Agent) -> str | None:
    """Why an agent cannot take over a call; None when it can."""
    if called.agent is agent:
        return "it is the agent that is called itself"
    if called.agent is not None and called.agent.tool is not None:
        return "a tool has one function; fallbacks are for agents"
    row = agent.kind.action(called.action) if agent.kind is not None else None
    if row is None:
        return f"an agent of kind {agent.kind_name} has no action '{called.action}'"
    if agent.lacks:
        return f"it lacks {', '.join(agent.lacks)}, so it cannot be called"
    effect = effect_of(agent, called.action, row)
    if EFFECTS.index(effect) > EFFECTS.index(called.effect):
        return f"it does more harm: its '{called.action}' is {effect}, not {called.effect}"
    program = cx.program
    kept, program.report = program.report, Report()
    try:
        bind_action(cx, call, row, f"{agent.name}.{called.action}")
        first = program.report.new_error(kept)
    finally:
        program.report = kept
    return None if first is None else f"the same arguments do not fit: {first.message}"
