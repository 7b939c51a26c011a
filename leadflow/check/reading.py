"""How the checker asks for files: by a callable that is given, so that it opens nothing itself."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from leadflow.record import record

Trouble = Literal["missing", "outside", "not_a_file", "unreadable", "too_large", "case"]
"""Why a file was not read: it is not there; it lies outside of the project's root, also by a link; it is a folder, a
device, an archive; it may not be read; it is over the limit; its name is spelt with other capitals."""


@record
class ReadProblem:
    """A file that could not be read."""

    trouble: Trouble
    detail: str = ""
    """For people: what is there instead; for `case`, the file's real name."""


Read: TypeAlias = Callable[[str], bytes | ReadProblem]
"""Reads a file by its path from the project's root, with forward slashes and without `.` and `..`."""
