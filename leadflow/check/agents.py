"""What each agent is in the end: template, own settings and annotations, profile (rules C4, E8, E9). Settings are
checked against the rows of the catalogue and folded."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadflow.check.bounds import check_agent_budget
from leadflow.check.consts import NotConstant, fold
from leadflow.check.context import Context
from leadflow.check.habits import kind_meant, setting_elsewhere, setting_meant
from leadflow.check.infer import expect, infer
from leadflow.check.lines import Lines, report_beside, report_too_small, sharing
from leadflow.check.messages.lint import listed_twice
from leadflow.check.messages.locks import no_server
from leadflow.check.messages.names import (
    duplicate,
    endless,
    unknown_action,
    unknown_kind,
    unknown_name,
    unknown_setting,
)
from leadflow.check.messages.policies import (
    abstract_agent,
    bad_fallback,
    bad_override,
    bad_reference,
    out_of_range,
    two_effects,
)
from leadflow.check.messages.values import in_quotes, no_address, secret_needed
from leadflow.check.names import find_policy
from leadflow.check.order import in_order
from leadflow.check.policies import SHARED, Written, find_agent, in_force, read_annotations, refuse_annotations
from leadflow.check.program import (
    Agent,
    AgentSymbol,
    BrokenSymbol,
    FlowSymbol,
    ModuleScope,
    ModuleSymbol,
    Program,
    Setting,
    ToolSymbol,
)
from leadflow.check.timing import check_together
from leadflow.check.tools import declare_tool, tool_base
from leadflow.check.types import is_text
from leadflow.diagnostics import Edit, Fix, Span, nearest
from leadflow.plan.kinds import PREDECLARED, SERVER, SettingRow, find_kind
from leadflow.plan.plan import Secret, SettingValue
from leadflow.plan.policy import PerTime
from leadflow.plan.reactions import stand_ins
from leadflow.plan.types import SECRET, STRING, UNKNOWN, Effect, MapType, Money, Type
from leadflow.syntax import tree
from leadflow.syntax.walk import walk


def read_profile(program: Program) -> None:
    """Note what the profile changes."""
    for scope in program.scopes.values():
        cx = Context(program, scope, "setting")
        for item in scope.module.tree.items:
            if isinstance(item, tree.ProfileDecl):
                refuse_annotations(cx, item.annotations, on="a profile")
                applies = item.name.text == program.profile
                _read_overrides(cx, item, applies)


def _read_overrides(cx: Context, profile: tree.ProfileDecl, applies: bool) -> None:
    first: dict[str, Span] = {}
    for override in profile.overrides:
        name = override.name
        known = first.setdefault(name.text, name.span)
        if known is not name.span:
            cx.report(duplicate(name.span, name.text, what="the change of", first=known))
            continue
        _count_uses(cx, override)
        symbol = cx.symbol(name.text)
        wanted = AgentSymbol if isinstance(override, tree.AgentOverride) else None
        if isinstance(symbol, BrokenSymbol):
            continue
        if symbol is None:
            what = "agent" if wanted else "constant"
            known_names = cx.program.known(cx.scope.values)
            cx.report(unknown_name(name.span, name.text, what=what, known=known_names))
        elif isinstance(override, tree.AgentOverride) and isinstance(symbol, AgentSymbol):
            if applies:
                cx.program.overrides.setdefault(symbol.key, []).append((cx.scope, override))
        elif isinstance(override, tree.ConstOverride) and hasattr(symbol, "key") and not wanted:
            if applies:
                cx.program.const_overrides[symbol.key] = (cx.scope, override)
        else:
            cx.report(bad_override(name.span, name.text, why=f"it is no {'agent' if wanted else 'constant'}"))


def _count_uses(cx: Context, override: tree.Override) -> None:
    """Count what a profile names as used, also while another profile, or none, is applied."""
    for node in walk(override):
        if isinstance(node, tree.Name):
            cx.symbol(node.text)
        elif isinstance(node, tree.Annotation):
            find_policy(cx.program, cx.scope, node.path)
    if isinstance(override, tree.AgentOverride) and override.kind is not None:
        cx.symbol(override.kind[0].text)


# --- agents in order ----------------------------------------------------------------------------------------------


def declare_agents(program: Program) -> None:
    """Fill `program.agents`, each after the agents it is made from; then those that every file has."""
    symbols: dict[str, AgentSymbol | ToolSymbol] = {}
    for scope in program.scopes.values():
        for symbol in scope.values.values():
            if isinstance(symbol, AgentSymbol | ToolSymbol) and symbol.home is scope:
                symbols[symbol.key] = symbol
    order, loops = in_order(symbols, lambda key: _needs(program, symbols[key]))
    for loop in loops:
        if len({home.module.name for key in loop if (home := symbols[key].home) is not None}) > 1:
            continue  # its files import each other, which has been said
        first = symbols[loop[0]]
        if first.decl is not None:
            program.report(endless(first.decl.name.span, [symbols[key].key for key in loop], what="agent"))
    looping = {key for loop in loops for key in loop}
    lines: Lines = {}
    for key in order:
        symbol = symbols[key]
        if isinstance(symbol, ToolSymbol):
            program.agents[key] = declare_tool(program, symbol)
        elif symbol.decl is not None and symbol.home is not None:
            agent = _agent(program, symbol, symbol.decl, symbol.home, broken=key in looping)
            agent.shares = sharing(agent, lines)
            program.agents[key] = agent
    for agent in list(program.agents.values()):
        _check_made(program, agent)
    report_beside(program)
    report_too_small(program)
    for name, kind in PREDECLARED.items():
        program.agents.setdefault(name, Agent(name, name, kind, name, None, None, shares=name))


def _check_made(program: Program, agent: Agent) -> None:
    """Check what can be seen only when all agents are known: tools and budgets."""
    if agent.home is None:
        return
    cx = Context(program, agent.home, "setting")
    setting = agent.settings.get("tools")
    if setting is not None:
        _check_actions(Context(program, setting.home, "setting"), setting.value)
    _check_chain(agent, program)
    if agent.budget_span is not None and not agent.missing:
        check_agent_budget(cx, agent, agent.budget_span)


def _check_chain(agent: Agent, program: Program) -> None:
    """Report what cannot play a role, and shared limits of it: those are of its models."""
    via = agent.settings.get("via")
    if agent.kind_name != "role" or via is None:
        return
    cx = Context(program, via.home, "setting")
    items = via.value.items if isinstance(via.value, tree.ListLit) else (via.value,)
    if not items:
        cx.report(bad_reference(via.value.span, hint="a role is played by models: via: [fast, strong]"))
    for item in items:
        symbol, _ = find_agent(cx, item)
        found = program.agents.get(symbol.key) if isinstance(symbol, AgentSymbol) else None
        if found is None or found.kind is None:
            continue
        action = found.kind.actions.get("ask")
        if action is None or not action.asks_model:
            hint = f"'{found.name}' is no model: a role is played by models: via: [fast, strong]"
            cx.report(bad_reference(item.span, hint=hint))
        elif found.lacks:
            cx.report(abstract_agent(item.span, found.name, missing=found.lacks, declared=found.span))


def _check_actions(cx: Context, tools: tree.Expr) -> None:
    """Report actions among tools that their agents do not have, or that are not complete."""
    for item in tools.items if isinstance(tools, tree.ListLit) else (tools,):
        symbol = find_agent(cx, item.target)[0] if isinstance(item, tree.Member) else None
        owner = cx.program.agents.get(symbol.key) if isinstance(symbol, AgentSymbol) else None
        if owner is None or owner.kind is None or not isinstance(item, tree.Member) or item.name.text == "tools":
            continue
        if owner.kind.action(item.name.text) is None:
            _say_action(cx, item.name, owner)
        elif owner.lacks:
            cx.report(abstract_agent(item.span, owner.name, missing=owner.lacks, declared=owner.span))


def _template(program: Program, scope: ModuleScope, path: Sequence[tree.Ident]) -> AgentSymbol | None:
    """The agent that a kind names, None when it names a kind of the catalogue, or nothing."""
    if find_kind(program.catalogue, ".".join(part.text for part in path)) is not None:
        return None
    symbol = scope.values.get(path[0].text)
    if isinstance(symbol, ModuleSymbol) and len(path) == 2:
        symbol = symbol.scope.values.get(path[1].text)
    elif len(path) != 1:
        return None
    return symbol if isinstance(symbol, AgentSymbol) else None


def _needs(program: Program, symbol: AgentSymbol | ToolSymbol) -> list[str]:
    """Agents that must be known first: the template, those whose tools are taken over, the one that a tool calls."""
    if isinstance(symbol, ToolSymbol):
        base = tool_base(symbol)
        return [] if base is None else [base]
    if not isinstance(symbol.decl, tree.AgentDecl) or symbol.home is None:
        return []
    changes = program.overrides.get(symbol.key, ())
    paths = [(symbol.home, symbol.decl.kind)]
    paths.extend((home, change.kind) for home, change in changes if change.kind is not None)
    found = [_template(program, home, path) for home, path in paths]
    needs = [template.key for template in found if template is not None]
    for home, settings in [(symbol.home, symbol.decl.settings), *((home, change.settings) for home, change in changes)]:
        for setting in settings:
            if setting.name.text == "via":
                needs.extend(_named_agents(home, setting.value))
            exprs = setting.value.items if isinstance(setting.value, tree.ListLit) else (setting.value,)
            for expr in exprs:
                if isinstance(expr, tree.Member) and expr.name.text == "tools" and isinstance(expr.target, tree.Name):
                    other = home.values.get(expr.target.text)
                    if isinstance(other, AgentSymbol):
                        needs.append(other.key)
    return needs


def _named_agents(home: ModuleScope, expr: tree.Expr) -> list[str]:
    """The agents of a list of them."""
    items = expr.items if isinstance(expr, tree.ListLit) else (expr,)
    found = [home.values.get(item.text) for item in items if isinstance(item, tree.Name)]
    return [symbol.key for symbol in found if isinstance(symbol, AgentSymbol)]


# --- one agent ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Layer:
    """One place where an agent is described: its declaration, or a profile."""

    home: ModuleScope
    kind: Sequence[tree.Ident] | None
    settings: Sequence[tree.Setting]
    annotations: Sequence[tree.Annotation]
    origin: str


def _agent(program: Program, symbol: AgentSymbol, decl: tree.AgentDecl, home: ModuleScope, *, broken: bool) -> Agent:
    name = decl.name.text
    agent = Agent(symbol.key, name, None, "", home, decl.name.span, shares=symbol.key, family=symbol.key)
    layers = [_Layer(home, decl.kind, decl.settings, decl.annotations, f"agent {name}")]
    for where, change in program.overrides.get(symbol.key, ()):
        origin = f"profile {program.profile}"
        layers.append(_Layer(where, change.kind, change.settings, change.annotations, origin))
    for layer in layers:
        if not broken:
            _apply(program, agent, layer)
    if agent.kind is not None:
        agent.missing = tuple(
            row.name for row in agent.kind.settings if row.required and row.name not in agent.settings
        )
        _list_effects(Context(program, home, "setting"), agent)
    if agent.kind_name == "role" and agent.via and agent.via[0] in program.agents:  # it is that model that is asked
        own = {policy.name for policy in agent.inherited} | agent.removed | {"fallback"}
        first = program.agents[agent.via[0]]
        agent.inherited += [policy for policy in first.inherited if policy.name not in own]
    return agent


def _apply(program: Program, agent: Agent, layer: _Layer) -> None:
    cx = Context(program, layer.home, "setting")
    if layer.kind is not None:
        _take_kind(cx, agent, layer.kind)
    written = read_annotations(cx, layer.annotations, "agent", origin=layer.origin)
    if any(policy.name in SHARED for policy in written.applied):
        agent.family = agent.key
    agent.inherited = in_force(agent.inherited, written, shared=False)
    agent.shared = in_force(agent.shared, written, shared=True)
    agent.removed = (agent.removed | written.removed.keys()) - {policy.name for policy in written.applied}
    agent.budget_span = written.spans.get("budget", agent.budget_span)
    check_together(cx, [*agent.inherited, *agent.shared], written.spans)
    _check_own_fallback(cx, agent, written)
    if "idempotent" in written.spans:
        agent.key_expr = written.exprs.get(("idempotent", "key"))
    if "cache" in written.spans:
        agent.cache_expr = written.exprs.get(("cache", "key"))
    first: dict[str, Span] = {}
    for setting in layer.settings:
        known = first.setdefault(setting.name.text, setting.name.span)
        if known is not setting.name.span:
            cx.report(duplicate(setting.name.span, setting.name.text, what="setting", first=known))
        else:
            _set(cx, agent, setting)


def _check_own_fallback(cx: Context, agent: Agent, written: Written) -> None:
    """Report an agent that is to stand in for itself; its calls say nothing of it then."""
    for found in agent.inherited:
        if agent.key not in stand_ins((found,)):
            continue
        name = found.name
        if name in written.spans:
            cx.report(bad_fallback(written.spans[name], agent.name, why="it is the agent itself"))
        elif agent.span is not None:
            why = f"it is the agent itself; '@{name}' comes from its template: write '@{name}(none)' on '{agent.name}'"
            cx.report(bad_fallback(agent.span, agent.name, why=why))


def _take_kind(cx: Context, agent: Agent, path: Sequence[tree.Ident]) -> None:
    """Start from a kind of the catalogue, or from another agent."""
    program = cx.program
    written = ".".join(part.text for part in path)
    template = _template(program, cx.scope, path)
    agent.settings, agent.tools, agent.via, agent.effects = {}, (), (), {}
    if template is None:
        span = path[0].span.to(path[-1].span)
        kind = find_kind(program.catalogue, written) if written != SERVER else None
        agent.kind, agent.kind_name = kind, written
        owner = cx.scope.values.get(path[0].text)
        if written == SERVER:
            cx.report(no_server(span))
        elif kind is None and not isinstance(owner, BrokenSymbol):
            rows = [find_kind(program.catalogue, each) for each in program.catalogue]  # None: it cannot be loaded
            kinds = sorted(program.catalogue, key={row.name for row in rows if row and not row.runs}.__contains__)
            agents = (n for n, s in cx.scope.values.items() if isinstance(s, AgentSymbol) and n != agent.name)
            known = [*kinds, *agents]
            cx.report(unknown_kind(span, written, known=program.known(known), meant=kind_meant(written)))
        return
    cx.symbol(path[0].text)
    if template.decl is not None:
        program.used.add(template.decl.id)
    base = program.agents.get(template.key)
    if base is None:
        return
    agent.kind, agent.kind_name, agent.family = base.kind, base.kind_name, base.family
    agent.inherited, agent.shared, agent.removed = list(base.inherited), list(base.shared), set(base.removed)
    agent.key_expr, agent.cache_expr = base.key_expr, base.cache_expr
    same_file = base.home is cx.scope
    for name, setting in base.settings.items():
        row = base.kind.setting(name) if base.kind is not None else None
        if same_file or (row is not None and row.what != "tools" and not _has_secret(setting.folded)):
            agent.settings[name] = setting
    if same_file:
        agent.tools = base.tools
    agent.via = base.via
    agent.misspelt |= base.misspelt


def _has_secret(value: SettingValue) -> bool:
    if isinstance(value, Mapping):
        return any(_has_secret(part) for part in value.values())
    return isinstance(value, Secret)


# --- settings -----------------------------------------------------------------------------------------------------


def _set(cx: Context, agent: Agent, setting: tree.Setting) -> None:
    """Check one setting and keep its value."""
    name = setting.name.text
    if agent.kind is None:
        if not isinstance(setting.value, tree.ListLit):
            infer(cx, setting.value)
        return
    row = agent.kind.setting(name)
    if row is None:
        known = cx.program.known(row.name for row in agent.kind.settings)
        owner = f"an agent of kind {agent.kind_name}"
        meant, note = setting_meant(name, known), setting_elsewhere(name)
        cx.report(unknown_setting(setting.name.span, name, owner=owner, known=known, note=note, meant=meant))
        if (likely := meant or nearest(name, known)) is not None:
            agent.misspelt.add(likely)
        _look(cx, setting.value)
        return
    kept = Setting(setting.name, setting.value, cx.scope)
    agent.settings[name] = kept
    where = f"the setting '{name}'"
    if row.what == "tools":
        agent.tools = tuple(_tools(cx, setting.value))
        kept.folded = tuple(key for _, key in agent.tools)
    elif row.what == "agents":
        agent.via = tuple(_agents(cx, setting.value))
        kept.folded = agent.via
    elif row.slot == "header":
        kept.folded = _headers(cx, setting.value, where)
    else:
        kept.folded = _plain(cx, setting.value, row, where)


def _look(cx: Context, expr: tree.Expr) -> None:
    """Look at the value of a setting that does not exist, unless it may be a list of tools."""
    if not isinstance(expr, tree.ListLit | tree.Name | tree.Member):
        infer(cx, expr)


def _plain(cx: Context, expr: tree.Expr, row: SettingRow, where: str) -> SettingValue:
    wanted: Type = row.type
    before = cx.program.said_count
    if (row.slot == "url" or wanted == SECRET) and _from_environment(cx, expr):
        return None
    if row.slot == "url" and infer(cx, expr) == SECRET:
        wanted = SECRET
    if wanted == SECRET and isinstance(expr, tree.Text):
        cx.report(secret_needed(expr.span, row.name, fix=_by_name(cx, expr)))
        return None
    if is_text(wanted) and _lacks_quotes(cx, expr):
        return None
    expect(cx, expr, wanted, where)
    if cx.program.said_count > before:
        return None
    value: SettingValue = _fold(cx, expr, where)
    if row.slot == "url" and isinstance(value, str) and not value.startswith(("http://", "https://")):
        right = f'"https://{value}"' if isinstance(expr, tree.Text) and _HOST.fullmatch(value) else None
        fix = Fix(f"write {right}", (Edit(expr.span, right),)) if right else None
        cx.report(no_address(expr.span, where=where, fix=fix))
    low, high = row.low, row.high
    numbers = _numbers(value)
    if (low is not None and min(numbers, default=low) < low) or (
        high is not None and max(numbers, default=high) > high
    ):
        shown = [None if end is None else f"{end:,}" for end in (low, high)]
        cx.report(out_of_range(expr.span, where=where, low=shown[0], high=shown[1]))
    return value


_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?(?:/[A-Za-z0-9._/-]*)?")
_VARIABLE = re.compile(r'"\$?\{{0,2} *(?:(?:env|secrets)\.)?([A-Z][A-Z0-9_]*) *\}{0,2}"')


def _by_name(cx: Context, expr: tree.Text) -> Fix | None:
    """The fix for a variable of the environment in a text: `"${OPENAI_API_KEY}"`."""
    found = _VARIABLE.fullmatch(cx.scope.module.source.at(expr.span))
    if found is None:
        return None
    right = f'secret("{found[1]}")'
    return Fix(f"write {right}", (Edit(expr.span, right),))


_ENVIRONMENT = re.compile(
    r"""(?:secrets|(?:process\.)?env|(?:os\.)?environ)(?:\.|\[")([A-Za-z_]\w*)(?:"\])?"""
    r"""|(?:os\.)?(?:env|getenv|environ\.get)\("([A-Za-z_]\w*)"\)"""
)


def _from_environment(cx: Context, expr: tree.Expr) -> bool:
    """Report a variable of the environment as others read it: `process.env.KEY`, `os.environ["KEY"]`, `env("KEY")`."""
    text = cx.scope.module.source.at(expr.span)
    found = _ENVIRONMENT.fullmatch(text)
    if found is None or re.split(r"\W", text, maxsplit=1)[0] in cx.scope.values:
        return False
    cx.report(unknown_name(expr.span, text, known=[f'secret("{found[1] or found[2]}")'], likely=True))
    return True


_BARE = re.compile(r"[A-Za-z][\w.:/-]*")


def _lacks_quotes(cx: Context, expr: tree.Expr) -> bool:
    """Report a text without quotes, as YAML has them: `gpt-5-mini` reads as numbers taken from a name."""
    first = expr
    while isinstance(first, tree.Binary | tree.Member):
        first = first.left if isinstance(first, tree.Binary) else first.target
    text = cx.scope.module.source.at(expr.span)
    if not isinstance(first, tree.Name) or not _BARE.fullmatch(text):
        return False
    known = cx.program.known(cx.scope.values)
    if first.text in cx.scope.values or (first is expr and nearest(text, known) is not None):
        return False
    cx.report(unknown_name(expr.span, text, quotes=in_quotes(expr.span, text)))
    return True


def _numbers(value: SettingValue) -> list[float]:
    """The numbers of a setting: itself, an amount of money, those in its fields."""
    match value:
        case Money(micros):
            return [micros]
        case Mapping():
            return [number for part in value.values() for number in _numbers(part)]
        case int() | float() if not isinstance(value, bool):
            return [value]
        case _:
            return []


def _fold(cx: Context, expr: tree.Expr, where: str) -> Any:
    try:
        value = fold(cx, expr, where)
    except NotConstant:
        return None
    return None if isinstance(value, PerTime) else value


def _headers(cx: Context, expr: tree.Expr, where: str) -> SettingValue:
    """A map of header values, each a text or a secret."""
    if not isinstance(expr, tree.RecordLit):
        expect(cx, expr, MapType(STRING), where)
        value: SettingValue = _fold(cx, expr, where)
        return value
    found: dict[str, SettingValue] = {}
    for entry in expr.entries:
        name = entry.key.text
        if name in found:
            cx.report(
                duplicate(entry.key.span, name, what="header", first=expr.entries[list(found).index(name)].key.span)
            )
            continue
        before = cx.program.said_count
        given = infer(cx, entry.value, STRING)
        if given not in (SECRET, UNKNOWN):
            expect(cx, entry.value, STRING, f"the header '{name}'")
        found[name] = None if cx.program.said_count > before else _fold(cx, entry.value, f"the header '{name}'")
    cx.program.types[expr.id] = MapType(STRING)
    return found


def _tools(cx: Context, expr: tree.Expr) -> list[tuple[str, str]]:
    """What a model may call: (`tool`, key), (`flow`, key), (`action`, `agent.action`)."""
    hint = "this is a list of tools, flows and actions of agents: [search, files.read], or another agent's: fast.tools"
    if isinstance(expr, tree.Member):
        return _tool_of(cx, expr, hint)
    if not isinstance(expr, tree.ListLit):
        cx.report(bad_reference(expr.span, hint=hint))
        return []
    found: dict[str, tuple[str, str]] = {}
    spans: dict[str, Span] = {}
    for item in expr.items:
        for kind, key in _tool_of(cx, item, hint):
            if key in found:
                cx.report(listed_twice(item.span, key, first=spans[key]))
            found.setdefault(key, (kind, key))
            spans.setdefault(key, item.span)
    return list(found.values())


def _tool_of(cx: Context, expr: tree.Expr, hint: str) -> list[tuple[str, str]]:
    symbol, name = find_agent(cx, expr)
    match symbol:
        case ToolSymbol(key=key):
            return [("tool", key)]
        case FlowSymbol(key=key):
            return [("flow", key)]
        case BrokenSymbol():
            return []
    if isinstance(expr, tree.Member):
        owner, _ = find_agent(cx, expr.target)
        if isinstance(owner, BrokenSymbol):
            return []
        if isinstance(owner, AgentSymbol):
            return _action_of(cx, expr, owner)
        name = expr.target.text if isinstance(expr.target, tree.Name) else name
    if symbol is None and name and isinstance(expr, tree.Name | tree.Member):
        span = expr.target.span if isinstance(expr, tree.Member) else expr.span
        cx.report(unknown_name(span, name, what="tool", known=cx.program.known(cx.scope.values)))
    else:
        cx.report(bad_reference(expr.span, hint=hint))
    return []


def _action_of(cx: Context, expr: tree.Member, owner: AgentSymbol) -> list[tuple[str, str]]:
    """`files.read_file`, or all tools of an agent: `lead.tools`."""
    agent, action = cx.program.agents.get(owner.key), expr.name.text
    if action == "tools":
        return list(agent.tools) if agent is not None else []
    return [("action", f"{owner.key}.{action}")]


def _say_action(cx: Context, name: tree.Ident | tree.Text, agent: Agent) -> None:
    written = name.text if isinstance(name, tree.Ident) else (name.plain or "")
    known = cx.program.known(agent.kind.actions if agent.kind is not None else ())
    cx.report(
        unknown_action(
            name.span, written, agent=agent.name, kind=agent.kind_name, known=known, quoted=isinstance(name, tree.Text)
        )
    )


def _agents(cx: Context, expr: tree.Expr) -> list[str]:
    """A list of agents."""
    found: list[str] = []
    items = expr.items if isinstance(expr, tree.ListLit) else (expr,)
    for item in items:
        symbol, name = find_agent(cx, item)
        if isinstance(symbol, AgentSymbol):
            found.append(symbol.key)
        elif symbol is None and name:
            known = [key for key, value in cx.scope.values.items() if isinstance(value, AgentSymbol)]
            cx.report(unknown_name(item.span, name, what="agent", known=cx.program.known(known)))
        elif not isinstance(symbol, BrokenSymbol):
            cx.report(bad_reference(item.span, hint="this is a list of agents: [fast, strong]"))
    return found


def _list_effects(cx: Context, agent: Agent) -> None:
    """Effects that settings list by action: `reads: ["search"]`."""
    kind = agent.kind
    if kind is None or kind.effect_lists is None:
        return
    said: dict[str, tuple[Span, str, Effect]] = {}
    for name, effect in kind.effect_lists.items():
        setting = agent.settings.get(name)
        if setting is None or not isinstance(setting.value, tree.ListLit) or not isinstance(setting.folded, tuple):
            continue
        for item, action in zip(setting.value.items, setting.folded, strict=False):
            if not isinstance(action, str):
                continue
            if action in said and said[action][2] == effect:
                cx.report(listed_twice(item.span, action, first=said[action][0]))
            elif action in said:
                cx.report(two_effects(item.span, action, first=said[action][0], other=said[action][2]))
            elif (
                kind.open_action is None and kind.actions and action not in kind.actions and isinstance(item, tree.Text)
            ):
                _say_action(cx, item, agent)
            said.setdefault(action, (item.span, name, effect))
            agent.effects.setdefault(action, effect)
