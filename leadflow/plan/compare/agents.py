"""What differs in the agents of two plans: their kinds, settings and shared limits. Secrets are told by their names."""

from collections.abc import Iterator, Mapping

from leadflow.plan.compare.changes import Change
from leadflow.plan.compare.meaning import Names, told, unique_pairs
from leadflow.plan.compare.nodes import policy_changes
from leadflow.plan.plan import AgentSpec, Plan, Secret, SettingValue
from leadflow.plan.types import Value
from leadflow.plan.words import value_words


def renamed_agents(old: Plan, new: Plan) -> dict[str, str]:
    """Agents that are there under another name: the only one of each side that is so."""
    return unique_pairs(
        {name: _about(agent) for name, agent in old.agents.items() if name not in new.agents},
        {name: _about(agent) for name, agent in new.agents.items() if name not in old.agents},
    )


def _about(agent: AgentSpec) -> str:
    settings = sorted((name, told(value)) for name, value in agent.settings.items())
    return f"{agent.kind} {settings} {told(agent.policies)} {'' if agent.shares == agent.name else agent.shares}"


def agent_changes(old: Plan, new: Plan, names: Names) -> Iterator[Change]:
    """All agents of the old plan, then those that are new."""
    known = {names.agent(name) for name in old.agents}
    for name, was in old.agents.items():
        now = new.agents.get(names.agent(name))
        if now is None:
            yield Change("agent", name, "removed", "", was.kind, None)
            continue
        if now.name != was.name and name not in new.agents:
            yield Change("agent", now.name, "renamed", "", was.name, now.name)
        yield from _changes(was, now, names)
    for name, now in new.agents.items():
        if name not in known:
            yield Change("agent", name, "added", "", None, now.kind)


def _changes(was: AgentSpec, now: AgentSpec, names: Names) -> Iterator[Change]:
    for aspect, before, after in (
        ("kind", was.kind, now.kind),
        ("shares the limits of", names.agent(was.shares), now.shares),
    ):
        if before != after:
            yield Change("agent", now.name, "changed", aspect, before, after)
    for name in sorted({*was.settings, *now.settings}):
        one, other = was.settings.get(name), now.settings.get(name)
        if told(one) != told(other) or (name in was.settings) != (name in now.settings):
            is_text = isinstance(one, str) and isinstance(other, str)
            words = _said(was.settings, name), _said(now.settings, name)
            yield Change("agent", now.name, "changed", name, *words, is_text=is_text)
    yield from policy_changes("agent", now.name, was.policies, now.policies, names)


def _said(settings: Mapping[str, SettingValue], name: str) -> str | None:
    if name not in settings:
        return None
    value = settings[name]
    return value if isinstance(value, str) else setting_words(value)


def setting_words(value: SettingValue) -> str:
    """A setting as it is written; a secret by its name."""
    match value:
        case Secret(name, form, text):
            secret = f'secret("{name}")'
            if form in ("basic", "prefix"):
                return f"{form}({value_words(text)}, {secret})"
            return secret if form == "raw" else f"{form}({secret})"
        case Mapping():
            return f"{{ {', '.join(f'{name}: {setting_words(item)}' for name, item in value.items())} }}"
        case tuple() if type(value) is tuple:
            return f"[{', '.join(map(setting_words, value))}]"
        case _:
            return value_words(_plain(value))


def _plain(value: SettingValue) -> Value:
    """A setting that holds no secret."""
    return value  # type: ignore[return-value]
