"""Keeps Python's collector from walking, again and again, what a run keeps anyway: its plan, its log, its calls.

Plan and log are acyclic and live as long as the run. A full collection visits all of them, and there are the more of
these the faster the log grows: without this half of the time of a run of 100,000 nodes goes there. Small runs freeze
nothing. What belongs to calls under way goes when they end, without the collector; but Python looks for cycles whenever
there are 700 objects more, which forty calls make, and that is a sixth of the time of a run of many calls at once. So
it looks less often while a run is under way. A process whose owner tuned the collector himself is left alone.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

FEW = 4_000
"""Entries of a log, or nodes of a plan, that are not worth the trouble."""

_USUAL = (700, 2_000)
"""How many objects more make Python look for cycles, when nobody has tuned it: until 3.12, and since."""
RARELY = 50_000
"""The same while a run is under way: more than a thousand calls at once have, and some ten megabytes."""


class Heap:
    """What one run has put out of the collector's reach."""

    def __init__(self) -> None:
        self._next = FEW
        self._is_frozen = False
        self._usual: tuple[int, int, int] | None = None
        """The thresholds to come back to; None: they were left alone."""

    def begin(self) -> None:
        """A run begins: cycles are looked for less often. Of several at once the first decides for how long."""
        usual = gc.get_threshold()
        if usual[0] in _USUAL:
            self._usual = usual
            gc.set_threshold(RARELY, *usual[1:])

    def grown_to(self, size: int) -> None:
        """Say how much there is; whenever it has grown by a half it is set aside with all else that lives now."""
        if size < self._next:
            return
        self._next = size + size // 2
        if self._is_frozen or not gc.get_freeze_count():
            gc.freeze()
            self._is_frozen = True

    def give_back(self) -> None:
        """The run is over: everything may be collected again, as often as before."""
        if self._is_frozen:
            gc.unfreeze()
            self._is_frozen = False
        if self._usual is not None:
            gc.set_threshold(*self._usual)
            self._usual = None


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
