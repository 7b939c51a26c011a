"""Keeps standard output for the result: what functions print meanwhile, and the programs they start, goes elsewhere."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from threading import Lock
from typing import TextIO


class Lines(io.TextIOBase):
    """A stream that hands on whole lines. Functions print from several threads at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._begun = ""
        self._lock = Lock()

    def writable(self) -> bool:
        """It takes text."""
        return True

    def write(self, text: str) -> int:
        """Take a piece of text; its last line waits for its end."""
        with self._lock:
            *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            self._tell(line)
        return len(text)

    def close(self) -> None:
        """Hand on what has no line end."""
        begun, self._begun = self._begun, ""
        if begun:
            self._tell(begun)
        super().close()


@contextlib.contextmanager
def printing_to(stream: TextIO) -> Iterator[None]:
    """While it lasts, `print` writes to that stream, and programs that inherit standard output to standard error."""
    with contextlib.redirect_stdout(stream), _handle_of_stderr(sys.__stdout__):
        yield


@contextlib.contextmanager
def _handle_of_stderr(stdout: TextIO | None) -> Iterator[None]:
    """Lend the handle 1 to standard error, where there are such handles."""
    if stdout is None or not _is_handle(1) or not _is_handle(2):
        yield
        return
    stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _is_handle(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def hush() -> None:
    """Nobody reads our output any more: let what is still in the buffers go nowhere, without a complaint at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
        with contextlib.suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
