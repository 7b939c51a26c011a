"""One agent of a run as somebody plays it: every attempt is answered by who plays, all else is the agent's own."""

from collections.abc import Awaitable, Callable

from leadflow.run.ports import Agent, Reply, Request, Starting


class Played:
    """An agent that is played."""

    def __init__(self, answer: Callable[[Request], Awaitable[Reply]], itself: Agent | None) -> None:
        self._answer, self._itself = answer, itself

    async def start(self) -> None:
        """Have the agent itself ready, where there is one."""
        if isinstance(self._itself, Starting):
            await self._itself.start()

    async def call(self, request: Request) -> Reply:
        """One attempt."""
        return await self._answer(request)

    async def aclose(self) -> None:
        """Give back what the agent itself holds."""
        if self._itself is not None:
            await self._itself.aclose()
