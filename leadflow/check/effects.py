"""Who calls whom, and what harm it can do: effects of flows, tools of models included, before any body is checked.

Names of agents, flows and tools are never hidden by others (rule D5), so calls can be followed without knowing types.
"""

from collections.abc import Iterable

from leadflow.check.calls import Target, effect_of, target_of
from leadflow.check.context import Context
from leadflow.check.messages.flows import call_loop
from leadflow.check.names import find_policy
from leadflow.check.order import in_order
from leadflow.check.policies import find_agent
from leadflow.check.program import Agent, AgentSymbol, FlowSymbol, PolicySymbol, Program, ToolSymbol
from leadflow.check.statements import escalation_of, probe_of, steps_in, undo_of
from leadflow.diagnostics import Span
from leadflow.plan.annotations import ROWS
from leadflow.plan.policy import Fallback, OnError
from leadflow.plan.types import Effect, join_effects
from leadflow.syntax import tree


def find_effects(program: Program) -> list[str]:
    """Fill `flow_effects` and the agents' `model_effect`; the flows, each after those it calls."""
    flows = {
        symbol.key: symbol
        for scope in program.scopes.values()
        for symbol in scope.values.values()
        if isinstance(symbol, FlowSymbol) and symbol.home is scope
    }
    calls = {key: _calls(program, symbol) for key, symbol in flows.items()}
    edges: dict[str, list[str]] = {
        f"flow {key}": [*_from_flow(found), *_stand_ins(program, flows[key])] for key, found in calls.items()
    }
    edges.update({f"agent {key}": _from_agent(agent) for key, agent in program.agents.items()})
    order, loops = in_order(edges, lambda key: edges[key])
    for loop in loops:
        _say(program, flows, loop)
    for node in order:
        kind, _, key = node.partition(" ")
        if kind == "agent":
            agent = program.agents[key]
            agent.model_effect = join_effects(*_tool_effects(program, agent))
        else:
            program.flow_effects[key] = join_effects(
                *(_effect(program, target) for target, is_beside in calls[key] if not is_beside)
            )
    return [node.partition(" ")[2] for node in order if node.startswith("flow ")]


def _calls(program: Program, symbol: FlowSymbol) -> list[tuple[Target, bool]]:
    """What a flow calls, and whether beside what it does: to undo something, or to look whether it was done."""
    cx = Context(program, symbol.home, "flow")
    found: list[tuple[Target, bool]] = []
    for step in steps_in(symbol.decl.body):
        undo = undo_of(step)
        for call, is_beside in (
            (step.action, False),
            (undo.call if undo is not None else None, True),
            (probe_of(step), True),
        ):
            target = target_of(cx, call.callee) if isinstance(call, tree.Call) else None
            if target is not None:
                found.append((target, is_beside))
    told = escalation_of(symbol.decl)
    target = target_of(cx, told.action.callee) if told is not None and isinstance(told.action, tree.Call) else None
    return found if target is None else [*found, (target, False)]


def _from_flow(calls: Iterable[tuple[Target, bool]]) -> list[str]:
    edges: list[str] = []
    for target, _ in calls:
        if isinstance(target.symbol, FlowSymbol):
            edges.append(f"flow {target.symbol.key}")
        elif isinstance(target.symbol, ToolSymbol):
            edges.append(f"agent {target.symbol.key}")
        elif target.agent:
            edges.append(f"agent {target.agent}")
    return edges


def _stand_ins(program: Program, symbol: FlowSymbol) -> Iterable[str]:
    """Agents that take over calls of a flow: the fallbacks on its steps, and those to whom errors go."""
    cx = Context(program, symbol.home, "flow")
    for step in steps_in(symbol.decl.body):
        for annotation in step.annotations:
            bundle = None
            if annotation.path[-1].text not in ROWS:
                bundle = find_policy(program, symbol.home, annotation.path)
            home = Context(program, bundle.home, "setting") if isinstance(bundle, PolicySymbol) else cx
            for found in bundle.decl.body if isinstance(bundle, PolicySymbol) else (annotation,):
                for agent in _named(home, found):
                    yield f"agent {agent}"


def _named(cx: Context, annotation: tree.Annotation) -> Iterable[str]:
    """The agents that a policy names: `@fallback(a, b)`, `@on_error(timeout: escalate(a))`."""
    name, values = annotation.path[-1].text, [arg.value for arg in annotation.args or ()]
    if name == "on_error":
        values = [arg.value for value in values if isinstance(value, tree.Call) for arg in value.args]
    elif name != "fallback":
        return
    for value in values:
        symbol, _ = find_agent(cx, value)
        if isinstance(symbol, AgentSymbol):
            yield symbol.key


def _from_agent(agent: Agent) -> list[str]:
    edges = [f"agent {key}" for key in agent.via]
    for kind, key in agent.tools:
        edges.append(f"flow {key}" if kind == "flow" else f"agent {key if kind == 'tool' else key.rpartition('.')[0]}")
    for applied in agent.inherited:
        if isinstance(applied.policy, Fallback):
            edges.extend(f"agent {key}" for key in applied.policy.agents if key != agent.key)
        elif isinstance(applied.policy, OnError):
            named = [reaction.agent for _, reaction in applied.policy.reactions if reaction.agent is not None]
            edges.extend(f"agent {key}" for key in named if key != agent.key)
    return edges


def _tool_effects(program: Program, agent: Agent) -> Iterable[Effect]:
    """Effects of what a model may call, and of what the models that speak for it may."""
    for key in agent.via:
        if key in program.agents and agent.kind_name != "role":  # a role brings its own tools
            yield program.agents[key].model_effect
    for kind, key in agent.tools:
        if kind == "flow":
            yield program.flow_effects.get(key, "pure")  # missing only in a loop, which is reported
            continue
        owner, _, action = key.rpartition(".") if kind == "action" else (key, "", "")
        called = program.agents.get(owner)
        if called is None or called.kind is None:
            continue
        action = called.action if kind == "tool" else action
        row = called.kind.action(action)
        if row is not None:
            yield effect_of(called, action, row)


def _effect(program: Program, target: Target) -> Effect:
    if isinstance(target.symbol, FlowSymbol):
        return program.flow_effects.get(target.symbol.key, "pure")
    key = target.symbol.key if isinstance(target.symbol, ToolSymbol | AgentSymbol) else target.agent
    agent = program.agents.get(key)
    if agent is None or agent.kind is None:
        return "pure"
    action = agent.action if agent.tool is not None else target.action.text if target.action is not None else ""
    row = agent.kind.action(action) if action else None
    return effect_of(agent, action, row) if row is not None else "pure"


def _say(program: Program, flows: dict[str, FlowSymbol], loop: tuple[str, ...]) -> None:
    """Report a loop at the first flow of it, or at its first agent."""
    names = [node.partition(" ")[2] for node in loop]
    start = next((at for at, node in enumerate(loop) if node.startswith("flow ")), 0)
    turned = [*names[start:-1], *names[:start], names[start]]
    span: Span | None
    if loop[start].startswith("flow "):
        span = flows[names[start]].decl.name.span
    else:
        span = program.agents[names[start]].span
        if not any(program.agents[name].tools or program.agents[name].via for name in names):
            return  # two agents may be each other's fallback: neither is tried twice
    if span is not None:
        program.report(call_loop(span, turned))
