"""The kind `folder`: the files below one folder of the project, and nothing else.

A path is opened part by part below the folder before it, and no link is followed anywhere on the way, so that neither
`..` nor a link put there meanwhile leads out. A file is written beside its place and moved there when it is whole.
"""

import asyncio
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path, PurePosixPath
from typing import cast

from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.plan.words import call_words
from leadflow.run.errors import CallError, FunctionFailed, NotAllowed
from leadflow.run.ports import Agent, Reply, Request, Uses, World

_MOST = 1_000_000
"""Largest file in bytes when the agent does not say: a model has to read it."""
_MOST_NAMES = 1_000
"""Most names that a listing gives."""
_LONGEST = 1_000
"""Characters of a path."""
_numbers = count()
"""Tell the files apart that this process is writing."""


class FolderKind:
    """Builds agents for a folder below the project's root."""

    row = BUILT_IN["folder"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent for one folder, which need not be there yet.

        Raises:
            NotAllowed: its path leads out of the project.
        """
        beside = PurePosixPath(spec.place.file).parent if spec.place else PurePosixPath()
        written = str(spec.settings["root"])
        try:
            parts = (*beside.parts, *_parts(written))
        except NotAllowed as problem:
            raise NotAllowed(f"agent '{spec.name}': its root '{written}' {problem.message}") from None
        return FolderAgent(spec.name, world.root, parts, cast(int, spec.settings.get("max_size", _MOST)))


class FolderAgent:
    """Reads and writes files below its folder."""

    def __init__(self, name: str, project: Path, parts: tuple[str, ...], most: int) -> None:
        self._name, self._project, self._root, self._most = name, project, parts, most

    async def call(self, request: Request) -> Reply:
        """Read, write or list, in a thread: a slow disk must not hold up the run.

        Raises:
            NotAllowed: the path leads out of the folder, or the file is too large. FunctionFailed: the disk says no.
        """
        path = str(request.args.get("path") or "")
        work = {"read_file": self._read, "list_files": self._list}.get(request.action)
        try:
            if work is not None:
                return Reply(await asyncio.to_thread(work, path))
            text, is_more = str(request.args["text"]), request.args.get("append") is True
            return Reply(await asyncio.to_thread(self._write, path, text, is_more))
        except CallError as problem:
            raise type(problem)(f"{call_words(self._name, request.action)}: '{path[:200]}' {problem.message}") from None
        except OSError as problem:
            raise disk_failure(f"{call_words(self._name, request.action)}: '{path[:200]}'", problem) from None

    async def aclose(self) -> None:
        """Nothing is held between calls."""

    def content(self, path: str) -> bytes:
        """The bytes of a file below the folder.

        Raises:
            NotAllowed: the path leads out of the folder, or the file is too large. OSError: the disk says no.
        """
        parts = _parts(path)
        with self._opened(parts[:-1]) as folder:
            return _content(folder, parts[-1], self._most)

    def _read(self, path: str) -> str:
        try:
            return self.content(path).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise FunctionFailed("is no text in UTF-8") from None

    def _list(self, path: str) -> list[str]:
        """The names in a folder, in order; those of folders end with a slash, and links are left out."""
        with self._opened(_parts(path) if path not in ("", ".") else ()) as folder, os.scandir(folder) as found:
            names = [
                entry.name + "/" * entry.is_dir(follow_symlinks=False) for entry in found if not entry.is_symlink()
            ]
        return sorted(names)[:_MOST_NAMES]

    def _write(self, path: str, text: str, is_more: bool) -> dict[str, object]:
        parts = _parts(path)
        data = text.encode("utf-8", "replace")
        with self._opened(parts[:-1], make=True) as folder:
            if is_more:
                data = _there(folder, parts[-1], self._most) + data
            if len(data) > self._most:
                raise NotAllowed(f"would be longer than {self._most:,} bytes; nothing was written")
            _replace(folder, parts[-1], data)
        return {"path": "/".join(parts), "bytes": len(data)}

    @contextmanager
    def _opened(self, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
        """A handle of a folder below the root.

        Args:
            make: folders that are missing are made.
        """
        folder = os.open(self._project, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in (*self._root, *parts):
                if make:
                    _make(folder, part)
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)


def _parts(path: str) -> tuple[str, ...]:
    """The parts of a path that stays where it is.

    Raises:
        NotAllowed: it does not, or is none.
    """
    if not path or len(path) > _LONGEST:
        raise NotAllowed("is no path of a file" if not path else "is too long for a path")
    if any(char in path for char in "\0\\") or path[0] == "/" or path[1:2] == ":":
        raise NotAllowed("is no path below the folder: write it with '/', from the folder on")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if not parts or ".." in parts:
        raise NotAllowed("leads out of the folder")
    return parts


def _make(folder: int, part: str) -> None:
    try:
        os.mkdir(part, dir_fd=folder)
    except FileExistsError:
        return


def _content(folder: int, name: str, most: int) -> bytes:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(handle, "rb") as opened:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise NotAllowed("is no file")
        data = opened.read(most + 1)
    if len(data) > most:
        raise NotAllowed(f"is longer than {most:,} bytes")
    return data


def _there(folder: int, name: str, most: int) -> bytes:
    try:
        return _content(folder, name, most)
    except FileNotFoundError:
        return b""


def _replace(folder: int, name: str, data: bytes) -> None:
    """Put a whole file in the place of the one there, which a reader sees until then."""
    try:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise NotAllowed("is there already and is no file")
    except FileNotFoundError:
        pass
    beside = f".{name[:50]}.{os.getpid()}-{next(_numbers)}.part"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(handle)
        os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(beside, dir_fd=folder)
        raise


def disk_failure(what: str, problem: OSError) -> CallError:
    match problem.errno:
        case errno.ENOENT:
            return FunctionFailed(f"{what} is not there")
        case errno.ELOOP | errno.EMLINK:
            return NotAllowed(f"{what} is a link, and links are not followed")
        case errno.ENOTDIR:
            return NotAllowed(f"{what} passes through what is no folder, or through a link")
        case errno.EISDIR:
            return NotAllowed(f"{what} is a folder")
        case _:
            return FunctionFailed(f"{what}: {problem.strerror or type(problem).__name__}")
