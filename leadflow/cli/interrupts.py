"""What Ctrl-C does to a run: the first asks it to stop, the second ends the process at once (cases X8, X9).

SIGTERM counts as Ctrl-C. Knows processes and event loops; not what a run is, nor what it makes of being asked.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from leadflow.cli.views import human

Made = TypeVar("Made")


class Interrupted(Exception):
    """The work was asked to stop, and has cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.code = 128 + number
        """The exit code that says so."""


@contextmanager
def before_it_begins(*, is_told: bool) -> Iterator[None]:
    """What is looked at before the work: Ctrl-C ends the process, and nobody has to guess whether anything was done."""
    try:
        yield
    except KeyboardInterrupt:
        if is_told:
            human.problem("interrupted; nothing was begun")
        sys.exit(128 + signal.SIGINT)


def run_interruptibly(
    work: Coroutine[Any, Any, Made], *, leave: Callable[[], None], stop: Callable[[int], None] | None = None
) -> tuple[Made, int | None]:
    """The result of the work, in an event loop of its own, and the exit code of a signal that came meanwhile.

    Args:
        leave: is called in the signal handler before the second signal ends the process.
        stop: asks the work to end in its own way, with the number of the signal; None: it is cancelled.

    Raises:
        Interrupted: a signal came, and the work was cancelled and has cleaned up.
    """
    caught: list[int] = []

    async def watched() -> Made:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def on_signal(number: int, frame: FrameType | None) -> None:
            caught.append(number)
            if len(caught) > 1:
                leave()
                os._exit(128 + number)
            if loop.is_closed():
                return
            if stop is not None:
                loop.call_soon_threadsafe(stop, number)
            elif task is not None:
                loop.call_soon_threadsafe(task.cancel)

        before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return await work
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    try:
        return asyncio.run(watched()), 128 + caught[0] if caught else None
    except asyncio.CancelledError:
        if not caught:
            raise
        raise Interrupted(caught[0]) from None
