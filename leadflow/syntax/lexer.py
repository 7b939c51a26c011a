"""Text -> tokens and comments. Knows how words, numbers, strings and marks are written; not how they may follow.

The terminals come from the grammar. Two things it cannot say are decided here: whether an `@` stands above something or
behind it (rule D1), and what a piece of text that is no terminal was meant to be (`leadflow.syntax.mistakes`).
"""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

from leadflow.diagnostics import Diagnostic, Source, Span
from leadflow.record import record
from leadflow.syntax import mistakes
from leadflow.syntax.mistakes import Mistake
from leadflow.syntax.tables import load

MOST_TOKENS = 300_000
"""A file with more is refused: about 10,000 long steps."""

MOST_DEPTH = 64
"""Brackets in brackets."""

_MOST_MISTAKES = 200
"""After so many misspelt tokens the rest is not read: it is some other language, or none."""


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
    mistakes: dict[int, list[Diagnostic]] = field(default_factory=dict)
    """Token -> what is wrong with its spelling, and with what stands before it and means nothing."""
    guesses: set[int] = field(default_factory=set)
    """Tokens whose end is a guess: what follows may be part of the mistake."""
    openers: list[int] = field(default_factory=list)
    """Brackets that are open, while tokens are read."""
    read: int = 0
    stopped: Literal["", "many", "deep", "mistakes"] = ""
    """Why the rest of the text was not read."""

    def add(self, kind: str, start: int, end: int) -> int:
        """Append a token, and say its number."""
        self.kinds.append(kind)
        self.starts.append(start)
        self.ends.append(end)
        return len(self.kinds) - 1

    @property
    def count(self) -> int:
        """How many tokens the text has, `$END` included; those behind were put in by the parser."""
        return self.read or len(self.kinds)

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
    while offset and text[offset - 1] in " \t":
        offset -= 1
    return not offset or text[offset - 1] == "\n"


def comments(source: Source) -> tuple[Comment, ...]:
    """All comments of a source in order, `##` lines included."""
    found = tokenise(source.name, source.text).comments
    return tuple(
        Comment(Span(source.name, start, end), source.text[start:end].rstrip(), begins_line(source.text, start))
        for start, end in found
    )


@record
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
def _scanner(ascii_only: bool) -> _Scanner:
    tables = load()
    words = {text: kind for text, kind in tables.fixed.items() if text.isidentifier()}
    marks = {text: kind for text, kind in tables.fixed.items() if not text.isidentifier()}
    patterns = {kind: _possessive(pattern) if '"' in pattern else pattern for kind, pattern in tables.patterns}
    alternatives = [
        ("comment", r"#[^\n]*"),
        ("mistake", mistakes.MARKS if ascii_only else rf"{mistakes.MARKS}|{mistakes.FOREIGN_WORD}"),
        ("KEY", patterns.pop("KEY")),
        ("word", r"[A-Za-z_][A-Za-z0-9_]*"),
    ]
    name = re.compile(patterns.pop("NAME"))
    alternatives += patterns.items()
    alternatives += [
        ("mark", "|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True))),
        ("at", "@"),
        ("mistake", r"[^ \t\n]"),
    ]
    pattern = "|".join(f"({pattern})" for _, pattern in alternatives)
    groups = ["", *(kind for kind, _ in alternatives)]
    return _Scanner(re.compile(rf"[ \t\n]*(?:{pattern})"), groups, words, marks, name)


def _possessive(pattern: str) -> str:
    """A pattern of strings without ways back: each piece of a string can be read in one way only, and remembering
    others would cost hundreds of bytes for each escape."""
    return re.sub(r"(?<!\\)([\])])\*", r"\1*+", pattern)


def keyword(word: str) -> str | None:
    """The terminal of a word that can name no value, RESERVED for one kept for later; None for other words."""
    scanner = _scanner(True)
    return None if scanner.name.fullmatch(word) else scanner.words.get(word, "RESERVED")


def tokenise(file: str, text: str, start: int = 0, end: int | None = None) -> Tokens:
    """The tokens of a text, or of the piece `[start, end)` of it, with a last one of kind `$END`."""
    tokens = Tokens(file, text)
    end = len(text) if end is None else end
    _scan(tokens, start, end)
    if tokens.stopped:
        tokens.guesses.add(len(tokens.kinds))
    tokens.add("$END", end, end)
    tokens.read = len(tokens.kinds)
    return tokens


def _scan(tokens: Tokens, position: int, end: int) -> None:
    scanner = _scanner(tokens.text.isascii())
    groups, marks, words = scanner.groups, scanner.marks, dict(scanner.words)
    text, kinds, starts, ends = tokens.text, tokens.kinds, tokens.starts, tokens.ends
    match, openers, opener = scanner.pattern.match, tokens.openers, 0
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
            if kind in _OPENERS:
                openers.append(len(kinds))
                if len(openers) > MOST_DEPTH:
                    tokens.stopped = "deep"
                    tokens.add(kind, start, position)
                    break
            elif kind in _CLOSERS and openers:
                opener = openers.pop()
        elif kind == "comment":
            tokens.comments.append((start, position))
            if len(tokens.comments) <= MOST_TOKENS:
                continue
            tokens.stopped = "many"
            break
        elif kind == "at":
            kind = _at(tokens, start, opener)
        elif kind == "mistake" or (kind in _NUMBERS and _NUMBER_RUNS_ON.match(text, position)):
            position = _mistake(tokens, mistakes.understand(tokens.file, text, start, end), start)
            if tokens.stopped:
                break
            continue
        elif kind == "TEXT_BLOCK" and (bad := mistakes.check_block(tokens.file, text, start, position)):
            position = _mistake(tokens, bad, start)
            continue
        kinds.append(kind)
        starts.append(start)
        ends.append(position)
        if len(kinds) > MOST_TOKENS:
            tokens.stopped = "many"
            break


_NUMBERS = frozenset({"INT", "FLOAT", "DURATION", "SIZE", "MONEY"})
_NUMBER_RUNS_ON = re.compile(r"\.[0-9]")
"""What makes a number that ended well a bad one: `1.5.2s`."""


_OPENERS = frozenset({"LPAR", "LSQB", "LBRACE"})
_CLOSERS = frozenset({"RPAR", "RSQB", "RBRACE"})


def _at(tokens: Tokens, start: int, opener: int) -> str:
    """ABOVE when the `@` is the first thing on its line or follows `{` or such an annotation, else BEHIND.

    `opener` is the token that the last closing bracket closed.
    """
    if begins_line(tokens.text, start):
        return "ABOVE"
    kinds = tokens.kinds
    last = len(kinds) - 1
    if last >= 0 and kinds[last] == "LBRACE":
        return "ABOVE"
    if last >= 0 and kinds[last] == "RPAR":
        last = opener - 1
    while last > 0 and kinds[last] == "MEMBER":
        last -= 1
    return kinds[last - 1] if last > 0 and kinds[last - 1] in {"ABOVE", "BEHIND"} else "BEHIND"


def _mistake(tokens: Tokens, mistake: Mistake, start: int) -> int:
    """Read what is no terminal as what it was meant to be; says where to go on."""
    token = len(tokens.kinds)
    if mistake.diagnostic is not None:
        tokens.mistakes.setdefault(token, []).append(mistake.diagnostic)
        if sum(map(len, tokens.mistakes.values())) > _MOST_MISTAKES:
            tokens.stopped = "mistakes"
    if mistake.guess:
        tokens.guesses.add(token)
    if mistake.kind is not None:
        tokens.add(mistake.kind, start, mistake.end)
    return mistake.end
