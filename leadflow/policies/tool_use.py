"""One use of a tool under way, in a task of its own: whoever waits for it waits no longer than it may take to stop.

A call that does not stop is left behind: at its own time limit, or a grace after it was told to (case T8). A flow ends
by itself: what is under way in it is left behind so, and then it takes back what it did, however long that takes.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from leadflow.events.model import CallEvent, Failure
from leadflow.plan.types import Value
from leadflow.policies.apart import Apart
from leadflow.policies.toolset import Tool
from leadflow.run.ports import CallOrder, Ran
from leadflow.run.set_aside import SetAside

_log = logging.getLogger("leadflow")


class Use:
    """A tool that runs."""

    def __init__(self, tool: Tool, args: Mapping[str, Value], order: CallOrder, grace: timedelta) -> None:
        """Begin.

        Args:
            order: as `Tool.run` takes it.
            grace: how long it may clean up when it is told to stop.
        """
        self._tool, self._order = tool, order
        self._patience = None if tool.is_flow else grace.total_seconds()
        self._set_aside = SetAside()
        self._is_left = False
        self._when_left: Callable[[], None] | None = None
        inside = replace(order, post=self._post, give_up=self._give_up, when_left=self._tell_when_left)
        self._work = Apart(tool.run(args, inside))

    async def end(self) -> Ran:
        """What comes of it.

        Raises:
            CancelledError: it was told to stop, and has, or is left behind.
        """
        try:
            await asyncio.wait([self._work.end])
        except asyncio.CancelledError:
            await self._stop()
            raise
        return self._work.end.result()

    async def _stop(self) -> None:
        task = self._work.task
        is_waiting = True
        while is_waiting:
            task.cancel()
            try:
                await asyncio.wait([task], timeout=self._patience)
                is_waiting = False
            except asyncio.CancelledError:
                pass  # somebody insists: so does the next cancel
        if not task.done():
            self._leave()

    def _post(self, event: CallEvent) -> None:
        if not self._is_left and self._set_aside.hears(event):
            self._order.post(event)

    def _give_up(self, path: str, failure: Failure) -> None:
        """Its own time limit is over, and it does not stop."""
        self._work.succeed(self._tool.ran(failure))
        self._leave()

    def _tell_when_left(self, path: str, told: Callable[[], None] | None) -> None:
        self._when_left = told

    def _leave(self) -> None:
        """What it does from now on changes nothing; what it has set aside is spent (case $3)."""
        _log.warning("call %s of run %s does not stop and is left behind", self._order.path, self._order.run)
        for one in self._set_aside.spent():
            self._post(one)
        self._is_left = True
        if self._when_left is not None:
            self._when_left()
        self._work.let_go()
