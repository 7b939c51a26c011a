"""The real store without its thread: what it does happens in the loop, in its turn, so that one seed is one log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from leadflow.run.ports import Clock
from leadflow.stores.sqlite import SqliteStore
from leadflow.stores.writer import Then, Work, Writer, outcome

T = TypeVar("T")
TMPFS = Path("/dev") / "shm"
"""Where files cost nothing, if it is there."""


class Inline(Writer):
    """Does what it is given in the next turn of the loop."""

    def start(self) -> None:
        """There is no thread."""

    def begin(self, work: Work[T], then: Then[T]) -> None:
        """Do that soon."""
        asyncio.get_running_loop().call_soon(lambda: then(*outcome(work)))


class InlineStore(SqliteStore):
    """The store of one loop."""

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path, clock, owner="elsewhere 1 1", writer=Inline())


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
