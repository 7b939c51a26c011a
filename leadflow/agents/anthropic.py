"""The kind `anthropic`: a model of Anthropic, or (`base_url`) of any server that speaks its Messages."""

from leadflow.agents.models.endpoint import build_model
from leadflow.agents.models.messages import MessagesWire
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.run.ports import Agent, Uses, World


class AnthropicKind:
    """Builds agents for one model of one server."""

    row = BUILT_IN["anthropic"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """See `build_model`."""
        return build_model(spec, MessagesWire(), world)
