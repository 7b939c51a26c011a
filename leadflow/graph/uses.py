"""Which agents a call touches: what rule A1 means by "through the same agent". Knows calls, not order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from leadflow.check.checked import ActionCall, Checked, FlowCallInfo
from leadflow.plan.plan import AgentSpec
from leadflow.plan.policy import Applied
from leadflow.plan.reactions import stand_ins
from leadflow.plan.types import HARMFUL
from leadflow.syntax.walk import walk


class Touch(NamedTuple):
    """Agents by name, each once, in the order of the text."""

    agents: tuple[str, ...] = ()
    """Asked for anything that may be seen from outside."""
    written: tuple[str, ...] = ()
    """Asked for a write."""


@dataclass(slots=True, eq=False)
class Uses:
    """What the calls of one program touch, worked out when asked for."""

    checked: Checked
    _agents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _flows: dict[str, Touch] = field(default_factory=dict)

    def action(self, call: ActionCall, policies: tuple[Applied, ...] = ()) -> Touch:
        """What a call of an agent touches: the agent, those of its tools, and those that may stand in for it."""
        if call.effect == "pure":
            return Touch()
        agents = _join(self.agent(call.agent), *(self.agent(name) for name in stand_ins(policies)))
        return Touch(agents, agents if call.effect in HARMFUL else ())

    def agent(self, name: str) -> tuple[str, ...]:
        """An agent, that of which a tool's own is made, the models of a role, and what tools touch."""
        found = self._agents.get(name)
        if found is None:
            self._agents[name] = (name,)
            spec = self.checked.agents.get(name)
            tools = _tools(spec) if spec is not None else ()
            info = self.checked.tools.get(name)
            base = () if info is None or info.base is None else self.agent(info.base)
            via = spec.settings.get("via") if spec is not None else None
            chain = tuple(other for other in via if isinstance(other, str)) if isinstance(via, tuple) else ()
            found = self._agents[name] = _join((name,), base, chain, *(self._tool(tool) for tool in tools))
        return found

    def _tool(self, tool: str) -> tuple[str, ...]:
        if tool in self.checked.flows:
            return self.flow(tool).agents
        owner = tool if tool in self.checked.agents else tool.rpartition(".")[0]
        return self.agent(owner) if owner in self.checked.agents else ()

    def flow(self, name: str) -> Touch:
        """What a flow touches, through the flows it calls too."""
        found = self._flows.get(name)
        if found is None:
            self._flows[name] = Touch()
            found = self._flows[name] = self._walk(name)
        return found

    def _walk(self, name: str) -> Touch:
        touches: list[Touch] = []
        for node in walk(self.checked.flows[name].decl.body):
            call = self.checked.calls.get(node.id)
            if isinstance(call, ActionCall):
                touches.append(self.action(call))
            elif isinstance(call, FlowCallInfo):
                touches.append(self.flow(call.flow))
            step = self.checked.steps.get(node.id)
            touches.extend(Touch(self.agent(other)) for other in (stand_ins(step.policies) if step else ()))
        return Touch(_join((), *(t.agents for t in touches)), _join((), *(t.written for t in touches)))


def _tools(spec: AgentSpec) -> tuple[str, ...]:
    tools = spec.settings.get("tools")
    return tuple(tool for tool in tools if isinstance(tool, str)) if isinstance(tools, tuple) else ()


def _join(*groups: tuple[str, ...]) -> tuple[str, ...]:
    merged: Mapping[str, None] = dict.fromkeys(name for group in groups for name in group)
    return tuple(merged)
