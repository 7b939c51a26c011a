"""Small files that commands keep between runs, below the project's `.leadflow/cache` or else the user's own cache.

They can be deleted at any time, and losing one costs nothing but time: whatever goes wrong is silence. No link is
followed on the way, a file appears whole or not at all, nobody else's file is believed, and all together stay small.
Knows folders and bytes, not what is kept in them.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 256 * 1024
"""Largest file that is kept."""
MOST_FILES = 4_000
MOST_IN_ALL = 16 * 1024 * 1024
"""Bytes of all files of one folder; when there are more, the oldest half goes."""
IN_PROJECT = (".leadflow", "cache")
IN_HOME = (".cache", "leadflow")

_MARKS = {
    ".gitignore": b"# Made by leadflow; can be deleted at any time.\n*\n",
    "CACHEDIR.TAG": b"Signature: 8a477f597d28d172789f06886806bc55\n",
}
"""Tell version control and backups to leave the folder alone."""


class Kept:
    """The folder for one purpose of one project."""

    def __init__(self, root: Path, purpose: str) -> None:
        self._project = (root, IN_PROJECT, purpose)
        self._home = (Path("~").expanduser(), IN_HOME, purpose)
        self._written: list[tuple[Path, tuple[str, ...], str]] = []

    def read(self, name: str) -> bytes | None:
        """A file that was kept, or None. The user's own cache is opened only where the project's cannot serve."""
        try:
            with _folder(*self._project, make=False) as folder:
                return _read(folder, name)
        except FileNotFoundError:
            if os.access(self._project[0], os.W_OK):
                return None  # nothing was kept so far
        except OSError:
            pass  # something is in the way
        with contextlib.suppress(OSError), _folder(*self._home, make=False) as folder:
            return _read(folder, name)
        return None

    def write(self, name: str, data: bytes) -> None:
        """Keep a file, in the first place that can be written."""
        if len(data) > MOST_BYTES:
            return
        for place in (self._project, self._home):
            with contextlib.suppress(OSError), _folder(*place, make=True) as folder:
                _write(folder, name, data)
                self._written.append(place)
                return

    def tidy(self) -> None:
        """Let the oldest files go when there are too many, where some were added."""
        for place in dict.fromkeys(self._written):
            with contextlib.suppress(OSError), _folder(*place, make=False) as folder:
                _tidy(folder)


@contextlib.contextmanager
def _folder(base: Path, above: tuple[str, ...], purpose: str, *, make: bool) -> Iterator[int]:
    """A handle of the folder, each part opened below the one before, links refused.

    Raises:
        OSError: it is not there, or cannot be made.
    """
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in (*above, purpose):
            inner = _enter(folder, part, make=make)
            os.close(folder)
            folder = inner
            if make and part == above[-1]:
                _mark(folder)
        yield folder
    finally:
        os.close(folder)


def _enter(folder: int, part: str, *, make: bool) -> int:
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, 0o700, dir_fd=folder)
    return os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)


def _mark(folder: int) -> None:
    for name, text in _MARKS.items():
        with contextlib.suppress(FileExistsError):
            handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=folder)
            with os.fdopen(handle, "wb") as opened:
                opened.write(text)


def _read(folder: int, name: str) -> bytes | None:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(handle, "rb") as opened:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or about.st_size > MOST_BYTES:
            return None
        return opened.read(MOST_BYTES)


def _write(folder: int, name: str, data: bytes) -> None:
    beside = f"{name}.{os.getpid()}"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    with os.fdopen(handle, "wb") as opened:
        opened.write(data)
    os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)


def _tidy(folder: int) -> None:
    found: list[tuple[float, int, str]] = []
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # another process tidies, too
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            found.append((about.st_mtime, about.st_size, name))
    if len(found) <= MOST_FILES and sum(size for _, size, _ in found) <= MOST_IN_ALL:
        return
    for _, _, name in sorted(found)[: (len(found) + 1) // 2]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
