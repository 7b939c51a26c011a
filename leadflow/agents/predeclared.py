"""The agents `clock` and `random`, which every file has: time and chance as steps, so that the log keeps what they
said and a resumed run hears the same (rule E7)."""

from datetime import timedelta
from typing import cast

from leadflow.plan.kinds import PREDECLARED
from leadflow.plan.plan import AgentSpec
from leadflow.run.errors import NotAllowed
from leadflow.run.ports import Agent, Clock, Reply, Request, Rng, Uses, World


class ClockKind:
    """Builds `clock`."""

    row = PREDECLARED["clock"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """The world's clock as an agent."""
        return ClockAgent(world.clock)


class ClockAgent:
    """`clock.now()`, `clock.sleep(d)`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def call(self, request: Request) -> Reply:
        """The time, or a wait."""
        if request.action == "now":
            return Reply(self._clock.now())
        await self._clock.sleep(cast(timedelta, request.args["for"]))
        return Reply(None)

    async def aclose(self) -> None:
        """Nothing is held."""


class RandomKind:
    """Builds `random`."""

    row = PREDECLARED["random"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """The world's chance as an agent."""
        return RandomAgent(world.rng)


class RandomAgent:
    """`random.uuid()`, `random.int(low, high)`."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng

    async def call(self, request: Request) -> Reply:
        """A UUID, or a whole number in [low, high].

        Raises:
            NotAllowed: low is above high.
        """
        if request.action == "uuid":
            return Reply(self._rng.uuid())
        low, high = cast(int, request.args["low"]), cast(int, request.args["high"])
        if low > high:
            raise NotAllowed(f"random.int: {low} is above {high}")
        return Reply(low + int(self._rng.random() * (high - low + 1)))

    async def aclose(self) -> None:
        """Nothing is held."""
