"""Roles: a call of a role is a call of the models that play it, in order, with the role's words and tools.

What is played is written out here, so that nobody behind the plan knows chains: the first model is asked, the others
are its fallbacks, and `AgentCall.role` says whose tools are used.
"""

from collections.abc import Iterator
from dataclasses import replace

from leadflow.check.checked import Checked
from leadflow.plan.expr import Const
from leadflow.plan.plan import AgentCall
from leadflow.plan.policy import Applied, Fallback

ROLE = "role"


def played(checked: Checked, call: AgentCall) -> AgentCall:
    """A call as it is made: of a role, of the first model that plays it."""
    spec = checked.agents.get(call.agent)
    if spec is None or spec.kind != ROLE:
        return call
    system = spec.settings.get("system")
    args = call.args
    if isinstance(system, str) and all(name != "system" for name, _ in args):
        args = (*args, ("system", Const(system)))
    first = next(_models(checked, call.agent), call.agent)
    return replace(call, agent=first, role=call.agent, args=args)


def with_chain(checked: Checked, agent: str, policies: tuple[Applied, ...]) -> tuple[Applied, ...]:
    """The policies of a call: of a role, with the models that stand in for the first one."""
    spec = checked.agents.get(agent)
    if spec is None or spec.kind != ROLE:
        return policies
    _, *others = dict.fromkeys(_models(checked, agent))
    written = next((applied for applied in policies if isinstance(applied.policy, Fallback)), None)
    if written is not None and isinstance(written.policy, Fallback):
        others += [name for name in written.policy.agents if name not in others]
    if not others:
        return policies
    place = "" if spec.place is None else ":".join(map(str, spec.place))
    chain = Applied("fallback", Fallback(tuple(others)), f"role {agent}", place)
    return (*(applied for applied in policies if applied is not written), chain)


def _models(checked: Checked, agent: str, depth: int = 0) -> Iterator[str]:
    """The models that play an agent; a role in the chain of a role gives its own."""
    spec = checked.agents.get(agent)
    via = spec.settings.get("via") if spec is not None and spec.kind == ROLE else None
    if not isinstance(via, tuple) or depth > len(checked.agents):
        yield agent
        return
    for name in via:
        if isinstance(name, str):
            yield from _models(checked, name, depth + 1)
