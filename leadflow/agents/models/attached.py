"""Files that go with a question: those of the project, as what a model looks at or reads.

A file is read below the project's root, no link on the way is followed, and its name says what it is: nobody looks into
it to find that out. Texts travel as words, which every model takes and everybody can count.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from leadflow.agents.models.turns import Blob, Text
from leadflow.agents.tools.folder import FolderAgent, disk_failure
from leadflow.plan.types import FileRef
from leadflow.run.errors import CallError, NotAllowed

_MOST = 20_000_000
"""Bytes of one file."""
_TYPES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".pdf": "application/pdf",
}
_TEXTS = frozenset({".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".html", ".yaml", ".yml", ".toml", ".log", ".flow"})


async def attach(root: Path, files: Sequence[FileRef], what: str) -> tuple[Text | Blob, ...]:
    """What a model is sent for some files, in their order.

    Args:
        root: of the project.
        files: by paths below it.
        what: who asks, for messages.

    Raises:
        NotAllowed: a path leads out of the project, a file is too large, or its name does not say what it is.
        CallError: it cannot be read.
    """
    folder = FolderAgent(what, root, (), _MOST)
    return tuple([await _attached(folder, file.path, what) for file in files])


async def _attached(folder: FolderAgent, path: str, what: str) -> Text | Blob:
    place = PurePosixPath(path)
    kind = place.suffix.lower()
    if kind not in _TYPES and kind not in _TEXTS:
        known = ", ".join(sorted((*_TYPES, *_TEXTS)))
        raise NotAllowed(f"{what}: the name of '{path[:200]}' does not say what it is; models take {known}")
    try:
        data = await asyncio.to_thread(folder.content, path)
    except CallError as problem:
        raise NotAllowed(f"{what}: '{path[:200]}' {problem.message}") from None
    except OSError as problem:
        raise disk_failure(f"{what}: '{path[:200]}'", problem) from None
    if kind in _TYPES:
        return Blob(_TYPES[kind], data, name=place.name)
    return Text(f"{place.name}:\n{data.decode('utf-8-sig', 'replace')}")
