"""Waits until files change, by looking at them: works on every disk, in containers too, and needs no package.

Knows names, sizes and times of files; not what they hold.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

from leadflow.run.ports import Clock

Snapshot: TypeAlias = Mapping[str, tuple[int, int]]
"""By name: when a file was written, and its size. What is not there is not in it."""

PAUSE = timedelta(milliseconds=300)
"""Between two looks."""


def snapshot(files: Iterable[str]) -> Snapshot:
    """How files are now."""
    found: dict[str, tuple[int, int]] = {}
    for file in files:
        try:
            about = Path(file).stat()
        except OSError:
            continue
        found[file] = about.st_mtime_ns, about.st_size
    return found


async def change(look: Callable[[], Snapshot], before: Snapshot, clock: Clock) -> Snapshot:
    """How files are when they have changed, and two looks agree: an editor may take a while to write them."""
    while True:
        await clock.sleep(PAUSE)
        now = look()
        if now != before:
            break
    while True:
        await clock.sleep(PAUSE)
        later = look()
        if later == now:
            return now
        now = later
