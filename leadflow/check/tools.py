"""Declared tools: a function of a file, or one call of an agent that is written out over the tool's parameters.

A tool has an implicit agent of its own: for a function one of the kind `python`, for a call one made from the agent
that is called, with the tool's annotations in place of the agent's. What a model may call is noted here too, for the
plan: a model calls by names and schemas, not by expressions.
"""

from collections.abc import Iterable, Mapping

from leadflow.check.calls import bind_action, effect_of, target_of
from leadflow.check.checked import ActionCall, Module, ToolInfo
from leadflow.check.context import Context
from leadflow.check.env import Frame, Var
from leadflow.check.lookup import check_new
from leadflow.check.messages.lint import unused_name
from leadflow.check.messages.names import unknown_action, unknown_name
from leadflow.check.messages.policies import (
    Repeated,
    abstract_agent,
    bad_tool,
    caches_write,
    repeats_write,
    two_effects,
)
from leadflow.check.policies import Written, in_force, read_annotations
from leadflow.check.program import Agent, AgentSymbol, BrokenSymbol, FlowSymbol, Program, Setting, ToolSymbol
from leadflow.check.spoken import spoken
from leadflow.check.timing import check_together
from leadflow.check.types import fits
from leadflow.diagnostics import Span
from leadflow.plan.kinds import ActionRow, find_kind
from leadflow.plan.plan import Place
from leadflow.plan.types import EFFECTS, JSON, Effect, FieldType, Type, optional, show
from leadflow.syntax import tree
from leadflow.syntax.walk import walk

_MARKS: Mapping[str, Effect] = {"pure": "pure", "read": "read", "write": "write", "dangerous": "dangerous"}
_SAFE = ("pure", "read")
_HINT = 'a tool is a function of a file: python("tools.py:search"), or a call of an agent: crm.get("/search")'


def tool_base(symbol: ToolSymbol) -> str | None:
    """The key of the agent that a tool calls; None for a function, and for what cannot be found."""
    target = symbol.decl.target
    if not isinstance(target, tree.Call) or not isinstance(target.callee, tree.Member):
        return None
    found = symbol.home.values.get(_first(target.callee.target))
    return found.key if isinstance(found, AgentSymbol) else None


def _first(expr: tree.Expr) -> str:
    return expr.text if isinstance(expr, tree.Name) else ""


# --- its agent ----------------------------------------------------------------------------------------------------


def declare_tool(program: Program, symbol: ToolSymbol) -> Agent:
    """The implicit agent of a tool."""
    decl, home = symbol.decl, symbol.home
    cx = Context(program, home, "setting")
    name = decl.name.text
    agent = Agent(symbol.key, name, None, "", home, decl.name.span, shares=symbol.key, tool=symbol)
    written = read_annotations(cx, decl.annotations, "tool", origin=f"tool {name}")
    agent.category = _category(cx, decl.annotations)
    said = _effect(cx, name, written)
    target = decl.target
    if isinstance(target, tree.Call) and isinstance(target.callee, tree.Member):
        _call(cx, agent, target, said)
    elif (function := _python(cx, target)) is not None:
        agent.kind, agent.kind_name = find_kind(program.catalogue, "python"), "python"
        agent.action = function[1]
        agent.effects = {function[1]: said or "write"}
        agent.settings["module"] = Setting(decl.name, target, home, function[0])
    own = [policy for policy in written.applied if policy.name in ("limit", "breaker")]
    if own:
        agent.shares = agent.key
    agent.inherited = in_force(agent.inherited, written, shared=False)
    agent.shared = in_force(agent.shared, written, shared=True)
    agent.key_expr = written.exprs.get(("idempotent", "key"), agent.key_expr)
    agent.cache_expr = written.exprs.get(("cache", "key"), agent.cache_expr)
    check_together(cx, written.applied, written.spans)
    return agent


def _effect(cx: Context, name: str, written: Written) -> Effect | None:
    """What the annotations call a tool; None: they do not say."""
    marks = [(mark, span) for mark, span in written.marks if mark in _MARKS]
    for _, span in marks[1:]:
        cx.report(two_effects(span, name, first=marks[0][1], other=marks[0][0]))
    return _MARKS[marks[0][0]] if marks else None


def _category(cx: Context, annotations: Iterable[tree.Annotation]) -> str | None:
    """What `@category("…")` says."""
    for annotation in annotations:
        if annotation.path[-1].text == "category":
            args = annotation.args or ()
            value = args[0].value if len(args) == 1 and args[0].name is None else None
            plain = value.plain if isinstance(value, tree.Text) else None
            if plain:
                return plain
            cx.report(bad_tool(annotation.span, hint='a category is one text: @category("search")'))
    return None


def _python(cx: Context, expr: tree.Expr) -> tuple[str, str] | None:
    """File and function of `python("file:function")`."""
    match expr:
        case tree.BadExpr():
            return None
        case tree.Call(callee=tree.Name(text="python"), args=[tree.Arg(name=None, value=tree.Text() as text)]):
            module, colon, function = (text.plain or "").rpartition(":")
            if colon and module and function.isidentifier():
                return module, function
            cx.report(bad_tool(text.span, hint=_HINT))
        case tree.Call(callee=tree.Name(text=name)) if isinstance(cx.scope.values.get(name), FlowSymbol):
            cx.symbol(name)
            cx.report(bad_tool(expr.span, hint=f"a flow is a tool already: name it in 'tools: [{name}]'"))
        case _:
            cx.report(bad_tool(expr.span, hint=_HINT))
    return None


def _call(cx: Context, agent: Agent, call: tree.Call, said: Effect | None) -> None:
    """Make the agent of a tool from the one that it calls."""
    program = cx.program
    target = target_of(cx, call.callee)
    if target is not None and isinstance(target.symbol, BrokenSymbol):
        return
    if target is None or not isinstance(target.symbol, AgentSymbol) or target.action is None:
        owner = _first(call.callee.target) if isinstance(call.callee, tree.Member) else ""
        if owner and owner not in cx.scope.values:
            known = [name for name, symbol in cx.scope.values.items() if isinstance(symbol, AgentSymbol)]
            cx.report(unknown_name(call.callee.span, owner, what="agent", known=program.known(known)))
        else:
            cx.report(bad_tool(call.span, hint=_HINT))
        return
    base = program.agents.get(target.symbol.key)
    if base is None or base.kind is None:
        return
    action = target.action.text
    row = base.kind.action(action)
    if row is None:
        known = program.known(base.kind.actions)
        cx.report(unknown_action(target.action.span, action, agent=base.name, kind=base.kind_name, known=known))
        return
    if base.lacks and program.once("abstract", base.key):
        cx.report(abstract_agent(call.callee.span, base.name, missing=base.lacks, declared=base.span))
    known_effect = base.effects.get(action, row.effect)
    vouches = base.kind.open_action is not None or base.kind.effect_lists is not None
    if said is not None and not vouches and EFFECTS.index(said) < EFFECTS.index(known_effect):
        hint = f"'{base.name}.{action}' is {known_effect}, so tool '{agent.name}' is no less: leave out '@{said}'"
        cx.report(bad_tool(agent.span or call.span, hint=hint))
        said = None
    agent.kind, agent.kind_name, agent.action, agent.shares = base.kind, base.kind_name, action, base.shares
    agent.settings, agent.tools, agent.via = dict(base.settings), base.tools, base.via
    agent.inherited, agent.shared = list(base.inherited), list(base.shared)
    agent.key_expr, agent.cache_expr = base.key_expr, base.cache_expr
    agent.effects = {**base.effects, action: said or known_effect}
    agent.base = base.key


# --- its call -----------------------------------------------------------------------------------------------------


def check_tools(program: Program) -> None:
    """Check what each tool calls, over its own parameters."""
    for agent in program.agents.values():
        if agent.tool is not None and agent.kind is not None:
            _check(program, agent, agent.tool)


def _check(program: Program, agent: Agent, symbol: ToolSymbol) -> None:
    decl = symbol.decl
    signature = program.signatures[symbol.key]
    cx = Context(program, symbol.home, "flow", frame=Frame(kind="flow"))
    types = {param.name: param.type for param in signature.params}
    variables: list[Var] = []
    for param in decl.params:
        if param.name.text in types and param.name.text not in cx.frame.vars:
            check_new(cx, param.name, "parameter")
            var = Var(param.name.text, types[param.name.text], (param.id,), param.name.span, "parameter", node=param)
            cx.frame.bind(var)
            variables.append(var)
    row = agent.kind.action(agent.action) if agent.kind is not None else None
    if row is None or not isinstance(decl.target, tree.Call) or not isinstance(decl.target.callee, tree.Member):
        return
    said = program.said_count
    for node in walk(decl.target):
        if isinstance(node, tree.Name) and node.text == "run" and cx.frame.find("run") is None:
            cx.report(bad_tool(node.span, hint="a tool reads its parameters: give it what it needs of 'run' as one"))
            return
    agent.tool_args = bind_action(cx, decl.target, row, f"{_first(decl.target.callee.target)}.{agent.action}")
    if signature.has_result and not row.declared and not fits(row.result, signature.result):
        hint = f"'{agent.action}' gives {show(row.result)}, which does not fit {show(signature.result)}"
        at = decl.result.span if decl.result is not None else decl.name.span
        cx.report(bad_tool(at, hint=hint))
    if program.said_count == said:
        for var in variables:
            if not var.read and not var.name.startswith("_"):
                cx.report(unused_name(var.span, var.name, what="parameter"))


def check_repeats(program: Program) -> None:
    """Report tools that are to be sent again, or answered from memory, and write; once effects are known."""
    for agent in program.agents.values():
        if agent.tool is None or agent.kind is None or tool_effect(agent) in _SAFE or agent.span is None:
            continue
        names = {policy.name for policy in agent.inherited}
        granted = any(("tool", agent.key) in other.tools for other in program.agents.values())
        if granted and "retry" in names and "idempotent" not in names:
            write = Repeated(f"the write of tool '{agent.name}'", mark="@idempotent")
            program.report(repeats_write(agent.span, "retry", write, source=None, inherited=False))
        if granted and "cache" in names:
            program.report(caches_write(agent.span, what=f"the write of tool '{agent.name}'"))


def tool_row(agent: Agent) -> ActionRow | None:
    """The action of a tool's agent."""
    return agent.kind.action(agent.action) if agent.kind is not None else None


def tool_effect(agent: Agent) -> Effect:
    """The effect of a tool, joined with the tools of a model that it asks (rule C8)."""
    row = tool_row(agent)
    return effect_of(agent, agent.action, row) if row is not None else "write"


def tool_result(program: Program, agent: Agent) -> tuple[Type, bool]:
    """What a tool gives, and whether its author declared that."""
    signature = program.signatures[agent.key]
    row = tool_row(agent)
    if signature.has_result:
        return signature.result, row is None or row.declared
    return (JSON if row is None else row.result), False


# --- what models may call -----------------------------------------------------------------------------------------


def list_tools(program: Program) -> Mapping[str, ToolInfo]:
    """All declared tools, and whatever else models may call, by the keys that settings hold."""
    keys: dict[str, str] = {agent.key: "tool" for agent in program.agents.values() if agent.tool is not None}
    for agent in program.agents.values():
        for kind, key in agent.tools:
            keys.setdefault(key, kind)
    found = {key: _info(program, key, kind) for key, kind in keys.items()}
    return {key: info for key, info in found.items() if info is not None}


def _info(program: Program, key: str, kind: str) -> ToolInfo | None:
    if kind == "flow":
        flow = program.flows.get(key)
        if flow is None:
            return None
        return ToolInfo(
            key, f"flow {key}", flow.decl.doc, None, flow.params, flow.result, flow.effect, flow=key,
            place=_place(flow.module, flow.decl.name.span),
        )  # fmt: skip
    if kind == "tool":
        agent = program.agents[key]
        return _declared(program, agent, agent.tool) if agent.tool is not None else None
    owner, _, action = key.rpartition(".")
    called = program.agents.get(owner)
    row = called.kind.action(action) if called is not None and called.kind is not None else None
    if called is None or row is None or called.missing:
        return None
    params = tuple(
        FieldType(param.name, param.type if param.required else optional(param.type), doc=param.doc or None)
        for param in row.params
        if param.slot != "header"
    )
    effect = effect_of(called, action, row)
    names = {policy.name for policy in called.inherited}
    call = ActionCall(owner, action, (), effect, row.result, False)
    place = _place(called.home.module, called.span) if called.home is not None and called.span is not None else None
    return ToolInfo(
        key, key, row.doc or None, None, params, row.result, effect, call=call, policies=tuple(called.inherited),
        idempotent=effect in _SAFE or "idempotent" in names, is_open=row.any_args, place=place,
    )  # fmt: skip


def _declared(program: Program, agent: Agent, symbol: ToolSymbol) -> ToolInfo | None:
    decl, signature = symbol.decl, program.signatures[symbol.key]
    if agent.kind is None or not agent.action or agent.missing:
        return None
    result, is_declared = tool_result(program, agent)
    effect = tool_effect(agent)
    names = {policy.name for policy in agent.inherited}
    call = ActionCall(agent.key, agent.action, agent.tool_args or (), effect, result, is_declared)
    return ToolInfo(
        agent.key, tool_words(decl.target), decl.doc, agent.category, signature.params, result, effect, call=call,
        param_ids=tuple(param.id for param in decl.params) if agent.tool_args is not None else None,
        policies=tuple(agent.inherited), idempotent=effect in _SAFE or "idempotent" in names,
        key_expr=agent.key_expr if "idempotent" in names else None,
        place=_place(symbol.home.module, decl.name.span), base=agent.base,
    )  # fmt: skip


def tool_words(target: tree.Expr) -> str:
    """What a tool calls, in a few words."""
    match target:
        case tree.Call(callee=tree.Name(), args=[tree.Arg(value=tree.Text() as text)]):
            return f"python {text.plain}"
        case tree.Call(callee=callee):
            return spoken(callee).strip("'")
        case _:
            return ""


def _place(module: Module, span: Span) -> Place:
    at = module.source.position(span.start)
    return Place(span.file, at.line, at.column)
