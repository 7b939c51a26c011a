"""Keeps Python's collector from walking, again and again, what a long run keeps anyway: its plan and its log.

Both are acyclic and live as long as the run. A full collection visits all of them, and there are the more of these the
faster the log grows: without this half of the time of a run of 100,000 nodes goes there. Small runs are left alone, and
so is a process whose owner uses `gc.freeze` for a purpose of his own.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

FEW = 4_000
"""Entries of a log, or nodes of a plan, that are not worth the trouble."""


class Heap:
    """What one run has put out of the collector's reach."""

    def __init__(self) -> None:
        self._next = FEW
        self._is_frozen = False

    def grown_to(self, size: int) -> None:
        """Say how much there is; whenever it has grown by a half it is set aside with all else that lives now."""
        if size < self._next:
            return
        self._next = size + size // 2
        if self._is_frozen or not gc.get_freeze_count():
            gc.freeze()
            self._is_frozen = True

    def give_back(self) -> None:
        """The run is over: everything may be collected again."""
        if self._is_frozen:
            gc.unfreeze()
            self._is_frozen = False


@contextmanager
def uncollected() -> Iterator[None]:
    """While much is built at once and nothing is dropped, the collector would only get in the way."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
