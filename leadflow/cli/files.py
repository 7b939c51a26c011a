"""The files that a user names on the command line: read whole or refused with a reason; written whole or not at all."""

import os
import re
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from leadflow.cli.refused import Refused

MOST_BYTES = 8_000_000
"""Largest file read at all; what a flow or an input may be is decided later, by smaller limits."""


def flow_files(names: Sequence[str]) -> list[str]:
    """The flows that files and folders on the command line stand for.

    Raises:
        Refused: a name leads nowhere or to what is no flow, a folder holds no flow, or there is one in it that cannot
            be looked into.
    """
    files: list[str] = []
    for name in names:
        path = Path(name)
        if is_there(path) and path.is_dir():
            inside = _inside(path)
            if not inside:
                raise Refused(f"there are no .flow files in {name}")
            files += inside
        else:
            look_like_flow(path)
            files.append(name)
    return list(dict.fromkeys(files))


def look_like_flow(path: Path) -> None:
    """Look whether a file is meant to be a flow, by its name or else by how it begins.

    Raises:
        Refused: it is something else, of which a check would tell one mistake for each line.
    """
    if path.suffix == ".flow" or not path.is_file() or _FIRST.search(read_bytes(str(path))):
        return
    others = sorted(path.parent.glob("*.flow"))
    beside = [path.with_suffix(".flow"), path.with_name("main.flow"), *(others if len(others) == 1 else ())]
    near = next((f"; did you mean {one}?" for one in beside if one.is_file()), "")
    raise Refused(f"{path} is no flow: the name of one ends in .flow, and it begins with `leadflow 1`{near}")


_FIRST = re.compile(rb"^\s*leadflow\s+[0-9]", re.MULTILINE)
"""What begins a flow, behind comments."""


def _inside(folder: Path) -> list[str]:
    """The flows in a folder and in those below it, hidden ones aside."""
    found: list[str] = []
    for here, below, names in os.walk(folder, onerror=_unreadable):
        below[:] = [name for name in below if not name.startswith(".")]
        found += (str(Path(here, name)) for name in names if name.endswith(".flow") and not name.startswith("."))
    return sorted(found)


def _unreadable(problem: OSError) -> None:
    """A folder that cannot be looked into is no empty one: a flow in it would pass unchecked."""
    raise Refused(f"{Path(problem.filename)}: {problem.strerror or problem}") from None


def main_flow(folder: Path) -> Path:
    """The flow that a folder stands for: its `main.flow`, else the only one that lies in it.

    Raises:
        Refused: there is none, or it is not clear which one is meant.
    """
    found = sorted(path for path in folder.glob("*.flow") if not _is_hidden(path.relative_to(folder)))
    main = folder / "main.flow"
    if main in found or len(found) == 1:
        return main if main in found else found[0]
    where = "this folder" if folder == Path() else str(folder)
    names = ", ".join(path.name for path in found)
    has = f"has {names}" if len(found) <= _FEW else "has many flows, and no main.flow"
    raise Refused(f"name the file: {where} {has}" if found else f"name the file: there are no .flow files in {where}")


_FEW = 5
"""So many flows of a folder are listed."""


def is_there(path: Path) -> bool:
    """True for what exists, also as a link to nowhere.

    Raises:
        Refused: it is not there, or nobody may know.
    """
    try:
        path.lstat()
    except OSError as problem:
        what = "there is no file" if isinstance(problem, FileNotFoundError) else f"{problem.strerror}:"
        raise Refused(f"{what} {path}") from None
    return True


def read_bytes(file: str) -> bytes:
    """A file's bytes; `-` is standard input.

    Raises:
        Refused: it is missing, no regular file (a FIFO would hang), too large, or not readable.
    """
    if file == "-":
        return sys.stdin.buffer.read(MOST_BYTES)
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as opened:
            about = os.fstat(opened.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise Refused(f"{file} is not a regular file")
            if about.st_size > MOST_BYTES:
                raise Refused(f"{file} is larger than {MOST_BYTES:,} bytes")
            return opened.read()
    except OSError as problem:
        raise Refused(f"{file}: {problem.strerror or problem}") from None


def write_flow(path: Path, text: str) -> None:
    """Replace a file's text, whole or not at all; its mode, its links and the line ends of `text` stay.

    Raises:
        Refused: nobody may write it, or its folder.
    """
    place = path.resolve()
    try:
        mode = stat.S_IMODE(place.stat().st_mode)
        if not mode & 0o222:
            raise Refused(f"{path} is read-only; it stays as it is")
        beside = place.with_name(f".{place.name}.{os.getpid()}")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as opened:
                opened.write(text)
            beside.chmod(mode)
            beside.replace(place)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise Refused(f"{path}: {problem.strerror or problem}") from None


def write_new(path: Path, text: str) -> None:
    """Write a file, in place of one that may be there.

    Raises:
        Refused: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise Refused(f"{path}: {problem.strerror or problem}") from None


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
