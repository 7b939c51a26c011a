"""Where something stands in a source text. Knows offsets, lines and columns; nothing of the language.

Offsets count characters (Python string indices) from 0; lines and columns are for people and count from 1.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple


class Span(NamedTuple):
    """A piece of one source: `[start, end)` in characters. A tuple, because a tree holds tens of thousands."""

    file: str
    """The source's name, as `Source.name` has it."""
    start: int
    end: int

    def to(self, other: "Span") -> "Span":
        """The span from the start of this one to the end of `other` (same file)."""
        return Span(self.file, self.start, max(self.end, other.end))


class Position(NamedTuple):
    """A place for people: both numbers count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """One `.flow` text with its name; `text` has normalised line ends (`\\n`) and no byte order mark."""

    name: str
    """What messages call it: a path relative to the project's root with forward slashes, or e.g. `<input>`."""
    text: str
    _starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    def starts(self) -> list[int]:
        """Where each line begins, found once."""
        if not self._starts:
            # By whole lines: to look at every character costs twelve times as much.
            ends = accumulate([len(line) + 1 for line in self.text.split("\n")])
            self._starts.extend([0, *ends][:-1])
        return self._starts

    def position(self, offset: int) -> Position:
        """Line and column of a character offset; offsets past the end give the end."""
        starts = self.starts()
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(starts, offset)
        return Position(line, offset - starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line (from 1), without its line end; empty past the end."""
        starts = self.starts()
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end]

    def at(self, span: Span) -> str:
        """The text of a span of this source."""
        return self.text[span.start : span.end]

    @property
    def whole(self) -> Span:
        """The span of the whole text."""
        return Span(self.name, 0, len(self.text))
