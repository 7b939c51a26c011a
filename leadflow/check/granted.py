"""What a model may call by its tools, also by way of other models (rule C8). Asked once effects are known."""

from collections.abc import Iterator

from leadflow.check.program import Agent, Program
from leadflow.diagnostics import Span
from leadflow.plan.types import Effect
from leadflow.record import record


@record
class Grant:
    """Something that a model may call."""

    name: str
    """As its author writes it."""
    what: str
    """What messages call it, where its annotations stand: `tool 'refund'`, `agent 'notes'`."""
    effect: Effect
    """Its own: what a model may call that it asks is granted, too."""
    is_keyed: bool
    """`@idempotent` stands on it; of a flow, on all that writes in it."""
    place: Span | None
    """Where it is declared."""
    is_flow: bool = False


def granted(program: Program, agent: Agent) -> Iterator[Grant]:
    """All that the model of an agent may call."""
    waiting, seen = [agent], {agent.key}
    while waiting:
        model = waiting.pop()
        nexts = [] if model.kind_name == "role" else list(model.via)  # a role brings its own tools
        for kind, key in model.tools:
            owner, _, action = key.rpartition(".") if kind == "action" else (key, "", "")
            called = program.agents.get(owner)
            if kind == "flow":
                yield _flow(program, key)
                continue
            if called is None or called.kind is None:
                continue
            action = called.action if kind == "tool" else action
            row = called.kind.action(action)
            if row is None:
                continue
            effect = called.effects.get(action, row.effect)
            is_keyed = any(policy.name == "idempotent" for policy in called.inherited)
            if kind == "tool":
                yield Grant(called.name, f"tool '{called.name}'", effect, is_keyed, called.span)
            else:
                yield Grant(f"{called.name}.{action}", f"agent '{called.name}'", effect, is_keyed, called.span)
            if row.asks_model:
                nexts.append(owner)
        for key in nexts:
            found = program.agents.get(key)
            if found is not None and key not in seen:
                seen.add(key)
                waiting.append(found)


def _flow(program: Program, key: str) -> Grant:
    info = program.flows.get(key)
    is_keyed = program.unkeyed.get(key) is None
    place = None if info is None else info.decl.name.span
    return Grant(
        key, f"what writes in flow '{key}'", program.flow_effects.get(key, "pure"), is_keyed, place, is_flow=True
    )
