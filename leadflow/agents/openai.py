"""The kind `openai`: a model of OpenAI, or (`base_url`) of any server that speaks the same."""

from leadflow.agents.models.chat import ChatWire
from leadflow.agents.models.endpoint import build_model
from leadflow.agents.models.responses import ResponsesWire
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.run.ports import Agent, Uses, World


class OpenAIKind:
    """Builds agents for one model of one server."""

    row = BUILT_IN["openai"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """See `build_model`."""
        wire = ResponsesWire() if spec.settings.get("api") == "responses" else ChatWire()
        return build_model(spec, wire, world)
