"""Where a model is asked, and what is known of that place: an agent's settings as an address, headers and a profile."""

from collections.abc import Mapping

from leadflow.agents.models.agent import ModelAgent
from leadflow.agents.models.turns import Profile, Wire
from leadflow.agents.wire import AGENT_NAME, resolve, resolve_headers
from leadflow.plan.plan import AgentSpec
from leadflow.record import record
from leadflow.run.errors import NotAllowed
from leadflow.run.ports import World


@record
class Home:
    """The provider's own endpoint."""

    url: str
    limit: str
    """What it calls the most tokens of an answer."""
    key_header: str
    key_prefix: str = ""
    limit_elsewhere: str = "max_tokens"
    """What compatible endpoints call it."""


HOMES: Mapping[str, Home] = {
    "openai": Home("https://api.openai.com/v1", "max_completion_tokens", "Authorization", "Bearer "),
    "anthropic": Home("https://api.anthropic.com/v1", "max_tokens", "x-api-key"),
}
"""By kind."""


def reached(spec: AgentSpec, home: Home, secrets: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The address of an agent's endpoint, without a slash at its end, and the headers of every request.

    Raises:
        NotAllowed: the address is none, or a secret is missing.
    """
    own = spec.settings.get("base_url")
    url = (home.url if own is None else resolve(own, secrets)).rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise NotAllowed(f"agent '{spec.name}': its base_url does not begin with http:// or https://")
    headers = {"User-Agent": AGENT_NAME, "Content-Type": "application/json", "Accept": "application/json"}
    if "key" in spec.settings:
        headers[home.key_header] = home.key_prefix + resolve(spec.settings["key"], secrets)
    return url, headers | resolve_headers(spec.settings.get("headers", {}), secrets)


def build_model(spec: AgentSpec, wire: Wire, world: World) -> ModelAgent:
    """An agent for a model.

    Raises:
        NotAllowed: the address is none, a secret is missing, or the endpoint does not take what is asked for.
    """
    home = HOMES[spec.kind]
    url, headers = reached(spec, home, world.secrets)
    model = str(spec.settings["model"])
    own, operators = _own_takes(spec), (world.takes or {}).get(model, {})
    profile = _profile(spec, home, {**operators, **own}, is_home="base_url" not in spec.settings)
    if spec.settings.get("tools") and not profile.has_tools:
        where = "its `takes`" if "tools" in own else f'[takes."{model}"] of leadflow.toml'
        raise NotAllowed(f"agent '{spec.name}' has tools, and {where} says that its endpoint takes none")
    return ModelAgent(spec, wire, profile, url=url, headers=headers, world=world)


def _own_takes(spec: AgentSpec) -> Mapping[str, object]:
    """What the agent itself says of its endpoint."""
    written = spec.settings.get("takes")
    return {word: said for word, said in written.items() if said is not None} if isinstance(written, Mapping) else {}


def _profile(spec: AgentSpec, home: Home, takes: Mapping[str, object], *, is_home: bool) -> Profile:
    """What the endpoint takes: what the agent says, else the operator, else what the provider's own does."""
    limit = takes.get("limit")
    return Profile(
        str(spec.settings["model"]),
        limit_field=limit if isinstance(limit, str) else home.limit if is_home else home.limit_elsewhere,
        has_schemas=takes.get("schemas") is not False,
        has_tools=takes.get("tools") is not False,
        has_streams=takes.get("streams") is not False,
        has_reasoning=takes.get("reasoning") is True,
        cache_name=spec.name if spec.settings.get("prompt_cache") else None,
    )
