"""The real store without its thread: what it does happens in the loop, in its turn, so that one seed is one log."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ParamSpec, TypeVar

from leadflow.run.ports import Clock
from leadflow.stores.sqlite import SqliteStore

P = ParamSpec("P")
T = TypeVar("T")
TMPFS = Path("/dev") / "shm"
"""Where files cost nothing, if it is there."""


class Inline(ThreadPoolExecutor):
    """Does what it is given in the next turn of the loop."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Do that soon."""
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except (OSError, KeyError) as problem:
                future.set_exception(problem)
            else:
                future.set_result(result)

        asyncio.get_running_loop().call_soon(work)
        return future


class InlineStore(SqliteStore):
    """The store of one loop."""

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path, clock, owner="elsewhere 1 1")
        self._thread = Inline(1)


def fast_folder() -> "TemporaryDirectory[str]":
    """A folder for files of which nothing is to be kept."""
    return TemporaryDirectory(dir=TMPFS if TMPFS.is_dir() else None)


@asynccontextmanager
async def inline_store(clock: Clock) -> AsyncIterator[InlineStore]:
    """A store in a folder of its own."""
    with fast_folder() as folder:
        store = InlineStore(Path(folder) / "journal.db", clock)
        await store.open()
        try:
            yield store
        finally:
            await store.aclose()
