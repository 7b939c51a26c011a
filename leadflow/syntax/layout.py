"""How a text is laid out on lines of a given width. Knows pieces of text and where they may break; nothing of `.flow`.

A `Doc` says what to write and where a line may end. A `group` is written on one line if all of it fits, else each of
its own `Line`s ends a line (the groups inside decide anew). Nothing here recurses, so depth costs no stack, and a group
looks at no more than one line of what follows, so time is linear in the size of the document.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

WIDTH = 100
"""Columns a line may take; a longer word still stands whole."""

STEP = 2
"""Columns one level of indentation takes."""


class Line(NamedTuple):
    """A place where the line may end; `flat` stands there when it does not."""

    flat: str


class Hard(NamedTuple):
    """The line ends here, and every group around is broken. `blank` leaves an empty line as well."""

    blank: bool = False


class Raw(NamedTuple):
    """A line of a block of text, on a line of its own whatever becomes of the groups around, however long."""

    text: str


class Suffix(NamedTuple):
    """Text that waits for the end of its line: a comment. What follows must break the line, so groups do."""

    text: str


class Choice(NamedTuple):
    """One of two, by what became of the group around."""

    broken: "Doc"
    flat: "Doc"


class Concat(NamedTuple):
    """One after the other."""

    parts: tuple["Doc", ...]
    hard: bool
    """True when no line can hold it."""
    flat: str | None
    """What it is on one line; None when it is hard or holds a block of text."""


class Indent(NamedTuple):
    """One level further to the right, from the next line on."""

    body: "Doc"
    hard: bool
    flat: str | None


class Group(NamedTuple):
    """On one line if it fits."""

    body: "Doc"
    hard: bool
    flat: str | None


Doc: TypeAlias = str | Line | Hard | Raw | Suffix | Choice | Concat | Indent | Group

LINE = Line(" ")
SOFT = Line("")
HARD = Hard()
BLANK = Hard(blank=True)
NOTHING: Doc = ""


def is_hard(doc: Doc) -> bool:
    """True when the document cannot stand on one line, whatever the width."""
    if isinstance(doc, Concat | Group | Indent):
        return doc.hard
    return isinstance(doc, Hard | Suffix)


def on_one_line(doc: Doc) -> str | None:
    """The document on one line; None when it takes several, whatever the width."""
    if isinstance(doc, str):
        return doc
    if isinstance(doc, Concat | Group | Indent | Line):
        return doc.flat
    return on_one_line(doc.flat) if isinstance(doc, Choice) else None


def has_lines(doc: Doc) -> bool:
    """True when the document takes several lines, whatever the width: it is hard or holds a block of text."""
    return on_one_line(doc) is None


def concat(*parts: Doc) -> Doc:
    """The parts one after the other."""
    return joined(parts)


def joined(parts: Iterable[Doc], separator: Doc = NOTHING) -> Doc:
    """The parts one after the other with `separator` between them."""
    row: list[Doc] = []
    words: list[str] | None = []
    hard = False
    for part in _separated(parts, separator) if separator else parts:
        if isinstance(part, str):
            word: str | None = part
            if row and isinstance(row[-1], str):
                row[-1] += part
            else:
                row.append(part)
        else:
            row.append(part)
            word = on_one_line(part)
            hard = hard or (word is None and is_hard(part))
        if word is None:
            words = None
        elif words is not None:
            words.append(word)
    if len(row) == 1:
        return row[0]
    return Concat(tuple(row), hard, None if words is None else "".join(words))


def indent(*parts: Doc) -> Doc:
    """The parts, one level further to the right."""
    body = joined(parts)
    return body if isinstance(body, str) else Indent(body, is_hard(body), on_one_line(body))


def group(*parts: Doc) -> Doc:
    """The parts on one line if they fit there; else each of their own lines ends."""
    body = joined(parts)
    return body if isinstance(body, str) else Group(body, is_hard(body), on_one_line(body))


def _separated(parts: Iterable[Doc], separator: Doc) -> Iterator[Doc]:
    for number, part in enumerate(parts):
        if number:
            yield separator
        yield part


class _Entry(NamedTuple):
    """A document still to be written: how far it is indented and whether it is on one line."""

    indent: int
    flat: bool
    doc: Doc


class _Page:
    """The text so far. Indentation is written with the first word of a line, so no line ends in blanks."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.column = 0
        self._margin = 0
        self._suffixes: list[str] = []

    def write(self, text: str) -> None:
        if not text:
            return
        if self._margin:
            self.parts.append(" " * self._margin)
            self._margin = 0
        self.parts.append(text)
        self.column += len(text)

    def end_line(self, margin: int, *, blank: bool = False) -> None:
        self.end()
        self.parts.append("\n\n" if blank else "\n")
        self._margin = self.column = margin

    def wait(self, suffix: str) -> None:
        self._suffixes.append(suffix)

    def end(self) -> None:
        for text in self._suffixes:
            self.write("  " + text if self.column > self._margin else text)
        self._suffixes.clear()


def render(doc: Doc, *, width: int = WIDTH) -> str:
    """The text of a document; it ends as the document does, without a line end of its own."""
    page = _Page()
    todo = [_Entry(0, False, doc)]
    while todo:
        margin, flat, doc = todo.pop()
        if isinstance(doc, str):
            page.write(doc)
        elif isinstance(doc, Concat):
            todo.extend([_Entry(margin, flat, part) for part in reversed(doc.parts)])
        elif isinstance(doc, Group):
            if doc.hard or flat or not _fits(doc, margin, width - page.column, todo, width=width):
                todo.append(_Entry(margin, flat and not doc.hard, doc.body))
            elif doc.flat is not None:
                page.write(doc.flat)
            else:
                todo.append(_Entry(margin, True, doc.body))
        elif isinstance(doc, Indent):
            todo.append(_Entry(margin + STEP, flat, doc.body))
        elif isinstance(doc, Choice):
            todo.append(_Entry(margin, flat, doc.flat if flat else doc.broken))
        elif isinstance(doc, Suffix):
            page.wait(doc.text)
        elif isinstance(doc, Line) and flat:
            page.write(doc.flat)
        else:
            page.end_line(margin, blank=isinstance(doc, Hard) and doc.blank)
            if isinstance(doc, Raw):
                page.write(doc.text)
    page.end()
    return "".join(page.parts)


def _fits(doc: Group, margin: int, room: int, rest: list[_Entry], *, width: int) -> bool:
    """True when a group on one line, and what follows it up to the next place to break, takes at most `room`."""
    todo: list[_Entry] = []
    if doc.flat is None:
        todo.append(_Entry(margin, True, doc.body))
    else:
        room -= len(doc.flat)
    following = len(rest)
    while room >= 0:
        if not todo:
            if not following:
                return True
            following -= 1
            todo.append(rest[following])
        margin, flat, part = todo.pop()
        if isinstance(part, str):
            room -= len(part)
        elif isinstance(part, Concat):
            todo.extend([_Entry(margin, flat, inner) for inner in reversed(part.parts)])
        elif isinstance(part, Group):
            todo.append(_Entry(margin, flat and not part.hard, part.body))
        elif isinstance(part, Indent):
            todo.append(_Entry(margin + STEP, flat, part.body))
        elif isinstance(part, Choice):
            todo.append(_Entry(margin, flat, part.flat if flat else part.broken))
        elif isinstance(part, Raw) and flat:
            room = width - margin
        elif isinstance(part, Line) and flat:
            room -= len(part.flat)
        elif not isinstance(part, Suffix):
            return True
    return False
