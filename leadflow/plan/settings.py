"""What the settings of an agent hold. Pure."""

from collections.abc import Hashable, Iterable, Iterator, Mapping

from leadflow.plan.plan import AgentSpec, Secret, SettingValue


def secrets_of(spec: AgentSpec) -> Iterator[Secret]:
    """Every secret that the settings of an agent name, at any depth."""
    return _secrets_in(spec.settings.values())


def upstream_of(kind: str, settings: Mapping[str, SettingValue]) -> Hashable:
    """Equal for agents that ask one upstream: its provider, its model and the secrets that go there (case B11)."""
    told = tuple(str(settings.get(name, "")) for name in ("url", "base_url", "model"))
    return kind, told, frozenset((secret.form, secret.text, secret.name) for secret in _secrets_in(settings.values()))


def _secrets_in(values: Iterable[SettingValue]) -> Iterator[Secret]:
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, Secret):
            yield value
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, tuple):
            waiting += value
