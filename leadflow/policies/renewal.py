"""`reset` of `@on_error`: an agent that can be made anew while calls are under way with the old instance.

There is one current instance. To make it anew is to build another one and let new attempts have that; the old one
is closed when the last call that it serves has ended. Of many calls that failed with one instance only the first
makes a new one: the others find that it is done. Closing keeps nobody waiting but the end of the run.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeAlias

from leadflow.policies.call import Ask, Course
from leadflow.run.errors import CallError
from leadflow.run.ports import Agent, Reply, Request, Starting

_log = logging.getLogger("leadflow")
Build: TypeAlias = Callable[[], Agent]
"""Makes another instance of an agent, which holds nothing that an earlier one holds."""


class Renewable:
    """An agent in front of its instances."""

    def __init__(self, first: Agent, build: Build) -> None:
        self._build = build
        self._current = _Instance(first)
        self._closing: set[asyncio.Task[None]] = set()
        self._retired: set[_Instance] = set()
        """Old instances with calls under way."""
        self.instance = 0
        """Number of the current one."""

    async def start(self) -> None:
        """Have the first instance ready, where it has to be; see the port."""
        if isinstance(self._current.agent, Starting):
            await self._current.agent.start()

    async def call(self, request: Request) -> Reply:
        """One attempt, with the instance that is current when it begins."""
        used = self._current
        used.calls += 1
        try:
            return await used.agent.call(request)
        finally:
            used.calls -= 1
            if not used.calls and used in self._retired:
                self._close(used)

    def renew(self, failed: int) -> None:
        """Let the next attempts have another instance than the one of that number.

        Raises:
            CallError: it cannot be built; the old one stays.
        """
        if failed != self.instance:
            return
        fresh, old = _Instance(self._build()), self._current
        self._current, self.instance = fresh, self.instance + 1
        self._retired.add(old)
        if not old.calls:
            self._close(old)

    def _close(self, old: "_Instance") -> None:
        self._retired.remove(old)
        task = asyncio.get_running_loop().create_task(_closed(old.agent))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Close all instances."""
        for old in list(self._retired):
            self._close(old)
        try:
            await self._current.agent.aclose()
        finally:
            if self._closing:
                await asyncio.wait(self._closing)


class _Instance:
    """One instance, and how many calls it serves."""

    __slots__ = ("agent", "calls")

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.calls = 0


async def _closed(agent: Agent) -> None:
    """What goes wrong with the closing of what nobody uses any more is no failure of a call."""
    try:
        await agent.aclose()
    except Exception:
        _log.exception("an agent that was made anew cannot be closed")


def noting(inner: Ask, agent: Renewable) -> Ask:
    """An attempt that knows which instance it asks."""

    async def attempt(course: Course) -> Reply:
        course.instance = agent.instance
        return await inner(course)

    return attempt


def made_anew(agent: Renewable, course: Course) -> bool:
    """Whether the next attempt asks another instance than the one that failed; `course.why` says why it does not."""
    try:
        agent.renew(course.instance)
    except CallError as problem:
        course.why = f"it cannot be made anew: {problem.message}"
        return False
    return True
