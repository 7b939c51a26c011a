"""The kind `mcp`: the tools of a server are the agent's actions, as its lock has them.

A flow names a server; what is started or reached is the operator's decision alone (`[mcp.NAME]` in leadflow.toml), and
what may be called is what its lock lists. The servers of a run are ready, and compared with their locks, before its
first call; agents that name the same server share it, and it ends with the run.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from leadflow.plan.forms import to_plain
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.plan.words import call_words
from leadflow.run.errors import NotAllowed
from leadflow.run.ports import Agent, Reply, Request, Uses, World

if TYPE_CHECKING:
    from leadflow.agents.mcp.link import Link


class McpKind:
    """Builds agents for servers that the operator allows."""

    row = BUILT_IN["mcp"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent for a server.

        Raises:
            NotAllowed: the operator does not allow it, it has no lock, or the SDK is not installed.
        """
        name = spec.kind.partition(".")[2]
        server = (world.servers or {}).get(name)
        if server is None:
            raise NotAllowed(f"agent '{spec.name}': leadflow.toml allows no server '{name}'")
        lock = spec.settings.get("lock")
        if not isinstance(lock, Mapping):
            raise NotAllowed(f"agent '{spec.name}': the server '{name}' has no lock; write it: leadflow mcp pin {name}")
        tools = {action: cast("Mapping[str, Any]", fact) for action, fact in lock.items()}
        pinned = {fact["name"]: fact["hash"] for fact in tools.values()}
        held = {} if world.held is None else world.held
        link = cast("Link", held.get(spec.kind) or link_module(f"agent '{spec.name}'").Link(server, world, pinned))
        held[spec.kind] = link
        return McpAgent(spec.name, tools, link)


def link_module(who: str) -> Any:
    """The module that speaks the protocol, for who needs it.

    Raises:
        NotAllowed: the SDK is not installed.
    """
    try:
        return import_module("leadflow.agents.mcp.link")
    except ImportError as problem:
        raise NotAllowed(
            f"{who}: servers of tools need the extra `mcp` ({problem.name} is missing); "
            "install it: pip install 'leadflow[mcp]'"
        ) from None


class McpAgent:
    """Calls the tools of one server."""

    def __init__(self, name: str, tools: Mapping[str, Mapping[str, Any]], link: "Link") -> None:
        self._name, self._tools, self._link = name, tools, link
        link.users += 1

    async def start(self) -> None:
        """Have the server ready; see the port."""
        await self._link.ready()

    async def call(self, request: Request) -> Reply:
        """Call the tool that the action names.

        Raises:
            NotAllowed: the lock lists none of that name.
        """
        what = call_words(self._name, request.action)
        fact = self._tools.get(request.action)
        if fact is None:
            raise NotAllowed(f"{what}: the lock of the server lists no such tool")
        names = fact.get("names", {})
        arguments = {
            names.get(name, name): to_plain(value) for name, value in request.args.items() if value is not None
        }
        answer = await self._link.call(what, fact["name"], arguments)
        told = import_module("leadflow.agents.mcp.told")
        return Reply(told.value_of(what, request, answer, is_wrapped=fact.get("wrapped", False)))

    async def aclose(self) -> None:
        """Let go of the server; the last one ends it."""
        self._link.users -= 1
        if not self._link.users:
            await self._link.aclose()
