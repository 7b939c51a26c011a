"""A stranger's package: a kind of agent that sends faxes. Its author has read leadflow's ports and nothing else."""

from leadflow.plan.kinds import ActionRow, Kind, ParamRow, SettingRow
from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import SECRET, STRING
from leadflow.run.errors import Rejected, Transient
from leadflow.run.ports import Agent, Reply, Request, Uses, World

SEND = ActionRow("send", (ParamRow("text", STRING, required=True, positional=True),), STRING, "write", declared=False)
ROW = Kind(
    "acme.fax",
    (SettingRow("number", STRING, required=True), SettingRow("pin", SECRET, slot="secret")),
    {"send": SEND},
    doc="Sends faxes.",
)


class Machine:
    """A fax machine, which is engaged when it is called for the first time."""

    def __init__(self, number: str, pin: str) -> None:
        self._number = number
        self._pin = pin
        self.closed = False

    async def call(self, request: Request) -> Reply:
        """Send one page."""
        if request.attempt == 1:
            raise Transient("the line is engaged", sent=False)
        if self._pin != "1234":
            raise Rejected("wrong PIN")
        return Reply(f"{self._number} has received: {request.args['text']}")

    async def aclose(self) -> None:
        """Hang up."""
        self.closed = True


class Fax:
    """What the entry point names."""

    row = ROW

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """A machine for one agent of a flow."""
        return Machine(str(spec.settings["number"]), next(iter(world.secrets.values()), ""))
