"""The kind `openai`: a model of OpenAI, or (`base_url`) of any server that speaks the same.

The declared type of an `ask` step is sent as the JSON Schema of the answer. A schema's root must be an object, so that
any other type travels as the field `value` of one.
"""

from leadflow.agents.models.agent import ModelAgent
from leadflow.agents.models.chat import ChatWire
from leadflow.agents.models.turns import Profile
from leadflow.agents.wire import AGENT_NAME, resolve, resolve_headers
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.run.errors import NotAllowed
from leadflow.run.ports import Agent, Uses, World

_HOME = "https://api.openai.com/v1"


class OpenAIKind:
    """Builds agents for one model of one server."""

    row = BUILT_IN["openai"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent for the model.

        Raises:
            NotAllowed: the address is none, a secret is missing, or tools are granted, which this version cannot use.
        """
        if spec.settings.get("tools"):
            raise NotAllowed(f"agent '{spec.name}': tools of a model are not run by this version")
        own = spec.settings.get("base_url")
        url = (_HOME if own is None else resolve(own, world.secrets)).rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise NotAllowed(f"agent '{spec.name}': its base_url does not begin with http:// or https://")
        headers = {"User-Agent": AGENT_NAME, "Content-Type": "application/json", "Accept": "application/json"}
        if "key" in spec.settings:
            headers["Authorization"] = f"Bearer {resolve(spec.settings['key'], world.secrets)}"
        headers |= resolve_headers(spec.settings.get("headers", {}), world.secrets)
        profile = Profile(
            resolve(spec.settings["model"], world.secrets),
            limit_field="max_completion_tokens" if own is None else "max_tokens",
        )
        return ModelAgent(
            spec, ChatWire(), profile, url=url, headers=headers, world=world, toolbox=world.toolbox_of(spec)
        )
