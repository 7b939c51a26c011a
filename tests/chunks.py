"""Reads chunked cases: small sources, each with the diagnostics it must give written where they must stand.

    step a uses ecko       ### FLOW201 "unknown agent 'ecko'" ### FLOW305 "no result"
    ---
    step                   ### FLOW101 "unexpected"

A line `---` ends a chunk. `### CODE "part"` at the end of a line asks for a diagnostic that starts on that line,
has that code and contains that part in its message; a chunk without any asks for silence. The comment stays in the
source. Knows diagnostics, not how they come about: the caller compiles the chunk, `compare` compares.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from leadflow.diagnostics.diagnostic import Diagnostic
from leadflow.diagnostics.span import Source

MARK = re.compile(r'###\s+([A-Z]+[0-9]+)\s+"((?:[^"\\]|\\.)*)"\s*')
TAIL = re.compile(rf"(?:{MARK.pattern})+$")


@dataclass(frozen=True, slots=True)
class Expected:
    """One diagnostic that a chunk must give."""

    line: int
    """Line within the chunk, from 1."""
    code: str
    part: str
    """What its message contains."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One source of a case file with what it must give."""

    file: Path
    line: int
    """Line of the file on which the chunk's text begins, from 1."""
    text: str
    expected: tuple[Expected, ...]

    @property
    def name(self) -> str:
        """File and line, as editors and terminals understand it."""
        return f"{self.file.name}:{self.line}"


def marks(line: str, number: int, where: str) -> list[Expected]:
    """The diagnostics that one line asks for.

    Raises:
        ValueError: something on the line looks like a mark and is none; it would never be checked.
    """
    if "###" not in line:
        return []
    tail = TAIL.search(line)
    if tail is None or "###" in line[: tail.start()]:
        raise ValueError(f'{where}: after ### must stand CODE "part of the message", to the end of the line')
    found = MARK.findall(tail.group())
    return [Expected(number, code, re.sub(r"\\(.)", r"\1", part)) for code, part in found]


def chunks_of(text: str, file: Path) -> list[Chunk]:
    """The chunks of one case file's text, in order; blank ones are left out."""
    chunks: list[Chunk] = []
    lines = [*text.splitlines(), "---"]
    first = 0
    for at, line in enumerate(lines):
        if line.rstrip() != "---":
            continue
        body = lines[first:at]
        if any(part.strip() for part in body):
            wanted = [
                mark
                for number, part in enumerate(body, 1)
                for mark in marks(part, number, f"{file.name}:{first + number}")
            ]
            chunks.append(Chunk(file, first + 1, "\n".join(body) + "\n", tuple(wanted)))
        first = at + 1
    return chunks


def read_chunks(file: Path) -> list[Chunk]:
    """The chunks of one case file."""
    return chunks_of(file.read_text("utf-8"), file)


def cases(*files: Path) -> list[object]:
    """The chunks of all files as arguments of `pytest.mark.parametrize`, named by file and line."""
    return [pytest.param(chunk, id=chunk.name) for file in files for chunk in read_chunks(file)]


def compare(chunk: Chunk, actual: Iterable[Diagnostic]) -> list[str]:
    """What differs between what a chunk asks for and what was reported; one line each, with file and line.

    Spans of `actual` count from the start of the chunk's text.
    """
    source = Source(chunk.name, chunk.text)
    left = [(source.position(found.span.start).line, found) for found in actual]
    differences: list[str] = []
    # The longest part picks first: it is the one that fewest messages can satisfy.
    for wish in sorted(chunk.expected, key=lambda wish: -len(wish.part)):
        for at, (line, found) in enumerate(left):
            if line == wish.line and found.code == wish.code and wish.part in found.message:
                del left[at]
                break
        else:
            place = f"{chunk.file.name}:{chunk.line + wish.line - 1}"
            differences.append(f'{place}: missing {wish.code} "{wish.part}"')
    for line, found in left:
        place = f"{chunk.file.name}:{chunk.line + line - 1}"
        differences.append(f'{place}: unexpected {found.code} "{found.message}"')
    return sorted(differences)
