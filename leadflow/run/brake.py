"""A brake: lets whoever started runs pause them, from a signal handler or a server that shuts down.

A paused run begins nothing more and goes on when it is resumed. One that is not kept could not: it is cancelled.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Pausable(Protocol):
    """A run under way."""

    def pause(self, why: str) -> None:
        """Begin nothing more."""
        ...

    def cancel(self, why: str) -> None:
        """Stop, and take back what was done."""
        ...


class Brake:
    """Of any number of runs, of one event loop."""

    def __init__(self) -> None:
        self.why: str | None = None
        """Why it was pulled; None: it was not."""
        self._runs: list[tuple[Pausable, bool]] = []

    def pull(self, why: str) -> None:
        """Pause all runs, those that begin later included. Pulling twice changes nothing."""
        if self.why is None:
            self.why = why
            for run, is_kept in self._runs:
                _stop(run, why, is_kept=is_kept)

    @contextmanager
    def on(self, run: Pausable, *, is_kept: bool) -> Iterator[None]:
        """The brake acts on a run for as long as it is under way."""
        held = (run, is_kept)
        self._runs.append(held)
        if self.why is not None:
            _stop(run, self.why, is_kept=is_kept)
        try:
            yield
        finally:
            self._runs.remove(held)


def _stop(run: Pausable, why: str, *, is_kept: bool) -> None:
    if is_kept:
        run.pause(why)
    else:
        run.cancel(why)
