"""Text -> tokens and comments. Knows how words, numbers, strings and marks are written; not how they may follow.

The terminals come from the grammar. Two things it cannot say are decided here: whether an `@` stands above something or
behind it (rule D1), and what a piece of text that is no terminal was meant to be (`leadflow.syntax.mistakes`).
"""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from leadflow.diagnostics import Diagnostic, Source, Span
from leadflow.syntax import mistakes
from leadflow.syntax.tables import load

MOST_TOKENS = 300_000
"""A file with more is refused: about 10,000 long steps."""


class Comment(NamedTuple):
    """A comment: from `#` to the end of its line."""

    span: Span
    text: str
    """With its `#`, without spaces at the end."""
    own_line: bool
    """True when nothing stands before it on its line."""


@dataclass(slots=True)
class Tokens:
    """The tokens of a text as columns: token n is `kinds[n]`, `text[starts[n]:ends[n]]`."""

    file: str
    text: str
    kinds: list[str] = field(default_factory=list)
    """Terminals of the grammar. A word that is a keyword only where one is expected has the keyword's name."""
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    mistakes: dict[int, Diagnostic] = field(default_factory=dict)
    """Token -> what is wrong with its spelling; it stands for what was most likely meant."""
    full: bool = False
    """True when there are more than `MOST_TOKENS`; the rest was not read."""

    def add(self, kind: str, start: int, end: int) -> int:
        """Append a token, and say its number."""
        self.kinds.append(kind)
        self.starts.append(start)
        self.ends.append(end)
        return len(self.kinds) - 1

    def written(self, token: int) -> str:
        """The text of a token."""
        return self.text[self.starts[token] : self.ends[token]]

    def span(self, token: int) -> Span:
        """The place of a token."""
        return Span(self.file, self.starts[token], self.ends[token])

    def begins_line(self, token: int) -> bool:
        """True when nothing but spaces stands before a token on its line."""
        return begins_line(self.text, self.starts[token])


def begins_line(text: str, offset: int) -> bool:
    """True when nothing but spaces stands between an offset and the line end before it."""
    return not text[text.rfind("\n", 0, offset) + 1 : offset].strip(" \t")


def comments(source: Source) -> tuple[Comment, ...]:
    """All comments of a source in order, `##` lines included."""
    found = tokenise(source.name, source.text).comments
    return tuple(
        Comment(Span(source.name, start, end), source.text[start:end].rstrip(), begins_line(source.text, start))
        for start, end in found
    )


@dataclass(frozen=True, slots=True)
class _Scanner:
    """The terminals of the grammar as one regular expression."""

    pattern: re.Pattern[str]
    groups: list[str]
    """Number of a group of the pattern -> terminal; `word`, `mark`, `at`, `comment` and `mistake` are looked at."""
    words: dict[str, str]
    """Word -> terminal."""
    marks: dict[str, str]
    name: re.Pattern[str]


@cache
def _scanner() -> _Scanner:
    tables = load()
    words = {text: kind for text, kind in tables.fixed.items() if text.isidentifier()}
    marks = {text: kind for text, kind in tables.fixed.items() if not text.isidentifier()}
    patterns = dict(tables.patterns)
    alternatives = [
        ("comment", r"#[^\n]*"),
        ("KEY", patterns.pop("KEY")),
        ("word", r"[A-Za-z_][A-Za-z0-9_]*"),
        ("mistake", mistakes.MARKS),
    ]
    name = re.compile(patterns.pop("NAME"))
    alternatives += patterns.items()
    alternatives += [
        ("mark", "|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True))),
        ("at", "@"),
        ("mistake", r"."),
    ]
    pattern = "|".join(f"({pattern})" for _, pattern in alternatives)
    groups = ["", *(kind for kind, _ in alternatives)]
    return _Scanner(re.compile(rf"[ \t\n]*(?:{pattern})"), groups, words, marks, name)


def tokenise(file: str, text: str, start: int = 0, end: int | None = None) -> Tokens:
    """The tokens of a text, or of the piece `[start, end)` of it, with a last one of kind `$END`."""
    tokens = Tokens(file, text)
    end = len(text) if end is None else end
    _scan(tokens, start, end)
    tokens.add("$END", end, end)
    return tokens


def _scan(tokens: Tokens, position: int, end: int) -> None:
    scanner = _scanner()
    groups, marks, words = scanner.groups, scanner.marks, dict(scanner.words)
    text, kinds, starts, ends = tokens.text, tokens.kinds, tokens.starts, tokens.ends
    match = scanner.pattern.match
    while found := match(text, position, end):
        group = found.lastindex or 0
        start, position = found.span(group)
        kind = groups[group]
        if kind == "word":
            word = found[group]
            known = words.get(word)
            if known is None:
                known = words[word] = "NAME" if scanner.name.fullmatch(word) else "RESERVED"
            kind = known
        elif kind == "mark":
            kind = marks[found[group]]
        elif kind == "comment":
            tokens.comments.append((start, position))
            continue
        elif kind == "at":
            kind = _at(tokens, start)
        elif kind == "mistake" or (kind in _NUMBERS and _NUMBER_RUNS_ON.match(text, position)):
            position = _mistake(tokens, start, end)
            continue
        kinds.append(kind)
        starts.append(start)
        ends.append(position)
        if len(kinds) > MOST_TOKENS:
            tokens.full = True
            return


_NUMBERS = frozenset({"INT", "FLOAT", "DURATION", "SIZE", "MONEY"})
_NUMBER_RUNS_ON = re.compile(r"\.[0-9]")
"""What makes a number that ended well a bad one: `1.5.2s`."""


def _at(tokens: Tokens, start: int) -> str:
    """ABOVE when the `@` is the first thing on its line or follows `{` or such an annotation, else BEHIND."""
    if begins_line(tokens.text, start):
        return "ABOVE"
    kinds = tokens.kinds
    last = len(kinds) - 1
    if last >= 0 and kinds[last] == "LBRACE":
        return "ABOVE"
    if last >= 0 and kinds[last] == "RPAR":
        depth = 0
        while last >= 0:
            depth += (kinds[last] == "RPAR") - (kinds[last] == "LPAR")
            last -= 1
            if depth == 0:
                break
    while last > 0 and kinds[last] == "MEMBER":
        last -= 1
    return kinds[last - 1] if last > 0 and kinds[last - 1] in {"ABOVE", "BEHIND"} else "BEHIND"


def _mistake(tokens: Tokens, start: int, end: int) -> int:
    """Read what is no terminal as what it was meant to be; says where to go on."""
    mistake = mistakes.understand(tokens.file, tokens.text, start, end)
    tokens.mistakes[len(tokens.kinds)] = mistake.diagnostic
    tokens.add(mistake.kind, start, mistake.end)
    return mistake.end
