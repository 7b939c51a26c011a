"""What the settings of an agent hold. Pure."""

from collections.abc import Iterator, Mapping

from leadflow.plan.plan import AgentSpec, Secret, SettingValue


def secrets_of(spec: AgentSpec) -> Iterator[Secret]:
    """Every secret that the settings of an agent name, at any depth."""
    waiting: list[SettingValue] = list(spec.settings.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, Secret):
            yield value
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, tuple):
            waiting += value
