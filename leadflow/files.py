"""A project's files as the checker may read them: from below the root only, regular files only, never for long.

A neighbour of `resources`: knows paths and the disk, not what the texts mean. A link may lead anywhere inside the root;
it is followed first, and then every part of the real path is opened without following links, so that a link put there
meanwhile leads nowhere.
"""

import errno
import os
import stat
from pathlib import Path

from leadflow.check.reading import Read, ReadProblem

SETTINGS = "leadflow.toml"
"""The file that marks a project's root."""
MOST_BYTES = 1024 * 1024
"""Largest flow; `syntax.source` refuses the same, and is shown one byte more to say so."""


def find_root(flow: Path) -> Path:
    """The root of a flow's project: the nearest folder above it that holds a `leadflow.toml`, else its own folder."""
    folder = flow.parent.resolve()
    return next((up for up in (folder, *folder.parents) if (up / SETTINGS).is_file()), folder)


def find_main(flow: Path) -> tuple[Path, str]:
    """The root of a flow's project, and the flow's path from there, as the checker calls it.

    A flow that is a link belongs to the folder in which the link stands.
    """
    root = find_root(flow)
    return root, (flow.parent.resolve().relative_to(root) / flow.name).as_posix()


def reader(root: Path) -> Read:
    """Reads files of the project at `root`."""
    real_root = Path(os.path.realpath(root))
    return lambda path: _read(real_root, path)


def _read(root: Path, path: str) -> bytes | ReadProblem:
    wanted = root / path
    real = Path(os.path.realpath(wanted))
    if not real.is_relative_to(root):
        return ReadProblem("outside", "its place is outside of the project")
    try:
        handle = _open(root, real.relative_to(root).parts)
    except OSError as problem:
        return _problem(root, path, problem)
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        os.close(handle)
        return ReadProblem("not_a_file", _what(about.st_mode))
    with os.fdopen(handle, "rb") as opened:
        if (spelt := _spelt(wanted)) != wanted.name:
            return ReadProblem("case", spelt)
        return opened.read(MOST_BYTES + 1)


def _open(root: Path, parts: tuple[str, ...]) -> int:
    """A handle of the file, every part opened below the one before; never waits for a FIFO."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1] if parts else ".", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)


def _problem(root: Path, path: str, problem: OSError) -> ReadProblem:
    match problem.errno:
        case errno.ENOENT:
            spelt = _spelt(root / path)
            if spelt != (root / path).name:
                return ReadProblem("case", spelt)
            return ReadProblem("missing")
        case errno.ELOOP:
            return ReadProblem("outside", "its links lead in a circle")
        case errno.ENXIO:
            return ReadProblem("not_a_file", "a socket, or a device that is not there")
        case errno.ENOTDIR:
            return ReadProblem("missing", "a part of its path is no folder")
        case _:
            return ReadProblem("unreadable", problem.strerror or "")


def _spelt(path: Path) -> str:
    """The name as the folder has it: the same, or one that differs only in capitals."""
    try:
        names = os.listdir(path.parent)
    except OSError:
        return path.name
    if path.name in names:
        return path.name
    return next((name for name in sorted(names) if name.casefold() == path.name.casefold()), path.name)


def _what(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"))
    return next((word for test, word in kinds if test(mode)), "a device")
