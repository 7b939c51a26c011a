"""What Ctrl-C does to a run: the first lets it stop and clean up, the second ends the process at once.

SIGTERM counts as Ctrl-C. Knows processes and event loops; not what a run is.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, TypeVar

Made = TypeVar("Made")


class Interrupted(Exception):
    """The work was asked to stop, and has cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.code = 128 + number
        """The exit code that says so."""


def run_interruptibly(work: Coroutine[Any, Any, Made], *, leave: Callable[[], None]) -> Made:
    """The result of the work, in an event loop of its own.

    Args:
        leave: is called in the signal handler before the second signal ends the process.

    Raises:
        Interrupted: a signal came, and the work has ended.
    """
    caught: list[int] = []

    async def watched() -> Made:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def on_signal(number: int, frame: FrameType | None) -> None:
            caught.append(number)
            if len(caught) > 1:
                leave()
                os._exit(128 + number)
            if task is not None and not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)

        before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return await work
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        if not caught:
            raise
        raise Interrupted(caught[0]) from None
