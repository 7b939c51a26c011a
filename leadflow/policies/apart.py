"""Work in a task of its own, and how it ended, which may be before the task does: what does not stop is left behind
(case T8)."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_behind: set["asyncio.Task[Any]"] = set()
"""Work that does not stop: the loop alone would forget it."""


class Apart(Generic[T]):
    """Work under way."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        loop = asyncio.get_running_loop()
        self.end: asyncio.Future[T] = loop.create_future()
        self.task = loop.create_task(work)
        self.task.add_done_callback(self._ended)

    def succeed(self, value: T) -> None:
        """It ends with a value, whatever the task does."""
        if not self.end.done():
            self.end.set_result(value)

    def fail(self, problem: BaseException) -> None:
        """It ends with a problem, whatever the task does."""
        if not self.end.done():
            self.end.set_exception(problem)
            self.end.exception()  # it counts as seen, also where nobody asks for it any more

    def let_go(self) -> None:
        """Nobody waits for the task any more."""
        _behind.add(self.task)
        self.task.add_done_callback(_behind.discard)

    def _ended(self, task: "asyncio.Task[T]") -> None:
        problem = None if task.cancelled() else task.exception()
        if task.cancelled():
            self.end.cancel()
        elif problem is not None:
            self.fail(problem)
        else:
            self.succeed(task.result())
