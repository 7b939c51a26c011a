"""Regular expressions as the rules and the grammar write them, in pieces for engines that write them otherwise."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

_PIECE = re.compile(
    r"(?P<open>\(\?[:=!]|\()|(?P<close>\))|(?P<either>\|)|(?P<repeat>[*+?])|(?P<set>\[\^?(?:\\.|[^\]\\])*\])"
    r"|(?P<boundary>\\b)|(?P<char>\\.|.)",
    re.DOTALL,
)
_ITEM = re.compile(r"(\\x..|\\.|[^\\])(?:-(\\x..|\\.|[^\\]))?", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t"}


class Piece(NamedTuple):
    """A piece of an expression."""

    type: Literal["open", "close", "either", "repeat", "set", "boundary", "char", "any"]
    text: str
    """An opening bracket with its marks, a mark of repetition, or the one character that is meant."""
    items: tuple[tuple[str, str], ...] = ()
    """The first and last characters of what a set has."""
    negated: bool = False


def pieces(pattern: str) -> Iterator[Piece]:
    """The pieces of an expression in order."""
    for found in _PIECE.finditer(pattern):
        text = found[0]
        match found.lastgroup:
            case "set":
                negated = text.startswith("[^")
                items = [(_char(a), _char(b or a)) for a, b in _ITEM.findall(text[1 + negated : -1])]
                yield Piece("set", text, tuple(items), negated)
            case "char":
                yield Piece("any", text) if text == "." else Piece("char", _char(text))
            case "open" | "close" | "either" | "repeat" | "boundary" as kind:
                yield Piece(kind, text)


def _char(text: str) -> str:
    """The character that a piece of an expression means."""
    if text.startswith("\\x"):
        return chr(int(text[2:], 16))
    return _ESCAPED.get(text[1], text[1]) if text.startswith("\\") else text
