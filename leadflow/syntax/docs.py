"""Doc comments: which `##` lines document what (rule D9). Knows lines and places, not what can be documented."""

from bisect import bisect_left
from typing import NamedTuple

from leadflow.diagnostics import Span
from leadflow.syntax.lexer import Tokens, begins_line


class Doc(NamedTuple):
    """Some `##` lines directly under each other."""

    text: str
    """Without `##` and the space behind it; lines are separated by `\\n`."""
    span: Span


def collect(tokens: Tokens) -> dict[int, Doc]:
    """Where a token stands -> the `##` lines directly above it; those above nothing under where they stand themselves.

    All `##` lines before the first token of a file are one doc comment, that of the file.
    """
    docs: dict[int, Doc] = {}
    group: list[tuple[int, int]] = []
    first = tokens.starts[0]
    comments = [place for place in tokens.comments if tokens.text.startswith("##", place[0])]
    comments = [place for place in comments if not tokens.text.startswith("###", place[0])]
    for place, following in zip(comments, [*comments, None][1:], strict=True):
        group.append(place)
        joins = following is not None and (
            (begins_line(tokens.text, place[0]) and _adjacent(tokens.text, place[1], following[0]))
            or (place[1] < first and following[1] < first)
        )
        if not joins:
            docs[_place(tokens, group)] = _doc(tokens, group)
            group = []
    return docs


def _place(tokens: Tokens, group: list[tuple[int, int]]) -> int:
    """Where the token stands that a group documents; where the group stands when it documents nothing."""
    start, end = group[0][0], group[-1][1]
    token = bisect_left(tokens.starts, end)
    at = tokens.starts[token]
    if token == 0:
        return at
    return (
        at
        if begins_line(tokens.text, start) and _adjacent(tokens.text, end, at) and tokens.kinds[token] != "$END"
        else start
    )


def _adjacent(text: str, end: int, start: int) -> bool:
    """True when what starts at `start` is the first thing on the line after `end`."""
    between = text[end:start] if start - end < 1_000 else "\n\n"
    return between.count("\n") == 1 and not between.strip()


def _doc(tokens: Tokens, group: list[tuple[int, int]]) -> Doc:
    lines = (tokens.text[start:end].rstrip()[2:] for start, end in group)
    text = "\n".join(line.removeprefix(" ") for line in lines)
    return Doc(text, Span(tokens.file, group[0][0], group[-1][1]))
