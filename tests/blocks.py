"""Reads the fenced blocks of Markdown, so that what documents show can be run. Knows fences, not what is in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+)(?P<info>[^`]*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: ` ```flow wrong ` has the language `flow` and the words `("wrong",)`."""

    line: int
    """Line of the document on which the block's text begins, from 1."""
    language: str
    words: tuple[str, ...]
    text: str


def blocks(document: str, language: str | None = None) -> Iterator[Block]:
    """The fenced blocks of a document in order, of one language or of all.

    Raises:
        ValueError: a block is never closed.
    """
    lines = document.splitlines()
    at = 0
    while at < len(lines):
        opened = FENCE.match(lines[at])
        at += 1
        if opened is None:
            continue
        end = next((n for n in range(at, len(lines)) if lines[n].strip() == opened["fence"]), None)
        if end is None:
            raise ValueError(f"the block that opens on line {at} is never closed")
        first, *words = opened["info"].split() or [""]
        if language in (None, first):
            yield Block(at + 1, first, tuple(words), dedent("\n".join(lines[at:end])) + "\n")
        at = end + 1
