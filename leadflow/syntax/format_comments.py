"""Where comments go when a text is laid out anew, and how members of braces and parentheses are written with them.

The tree knows no comments, so the formatter walks it in the order of the text with the comments beside it: before a
member is written it takes those that stand before it, after it the one on its last line. What stands where no comment
can stay (between a name and its `=`, say) goes above the member it was in. So none is lost, and none needs a rule.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from leadflow.diagnostics import Span
from leadflow.syntax.layout import (
    BLANK,
    HARD,
    LINE,
    SOFT,
    Choice,
    Doc,
    Line,
    Suffix,
    concat,
    group,
    has_lines,
    indent,
    joined,
)
from leadflow.syntax.lexer import Comment


class Lead(NamedTuple):
    """A comment on a line of its own."""

    start: int
    text: str
    blank: bool
    """Whether an empty line stood before it."""


class Opening(NamedTuple):
    """What stands before a member that is about to be written."""

    leads: tuple[Lead, ...]
    blank: bool
    """Whether an empty line stood before the member itself."""


class Slot(NamedTuple):
    """A written member with its comments."""

    opening: Opening
    doc: Doc
    trail: str | None
    """The comment on the member's last line."""

    @property
    def is_commented(self) -> bool:
        """True when a comment stands before or behind the member: it cannot share its lines with others."""
        return bool(self.opening.leads) or self.trail is not None

    def close_up(self) -> "Slot":
        """The same without empty lines."""
        leads = tuple(lead._replace(blank=False) for lead in self.opening.leads)
        return self._replace(opening=Opening(leads, blank=False))

    def after_blank(self) -> "Slot":
        """The same with an empty line before it."""
        leads, _ = self.opening
        if leads:
            leads = (leads[0]._replace(blank=True), *leads[1:])
            return self._replace(opening=self.opening._replace(leads=leads))
        return self._replace(opening=self.opening._replace(blank=True))


_NEVER = 1 << 60


class Comments:
    """The comments of one text, handed out once each, in order."""

    def __init__(self, text: str | None, comments: Sequence[Comment]) -> None:
        """`text` is None for a tree that comes from nowhere: its comments are the `##` lines its nodes have."""
        self.text = text or ""
        self.has_text = text is not None
        self._comments = [note if note.own_line else note._replace(text=plain(note.text)) for note in comments]
        self._taken = 0
        self._next = comments[0].span.start if comments else _NEVER
        self._last = 0

    def open(self, start: int, *, doc: str | None = None, is_file: bool = False) -> Opening:
        """Take what stands before `start`; `doc` are the `##` lines of the node there.

        A `##` that is not directly above `start` becomes a `#`, but for those above a file.
        """
        if doc is not None and not self.has_text:
            return Opening(tuple(Lead(0, f"## {line}".rstrip(), blank=False) for line in doc.split("\n")), blank=False)
        leads = self._until(start) if self._next < start else ()
        blank = self._is_blank(start)
        return Opening(leads if is_file or not leads else self._settled(leads, start), blank)

    def _settled(self, leads: tuple[Lead, ...], start: int) -> tuple[Lead, ...]:
        row: list[Lead] = []
        for lead in reversed(leads):
            above = _ABOVE.match(self.text, lead.start + len(lead.text))
            documents = is_doc(lead.text) and above is not None and above.end() == start
            start = lead.start if documents else start
            row.append(lead if documents else lead._replace(text=plain(lead.text)))
        return tuple(reversed(row))

    def close(self, opening: Opening, span: Span, doc: Doc, limit: int) -> Slot:
        """The member that was written as `doc`; no comment from `limit` on belongs to it."""
        if self._next < span.end:
            opening = _above(opening, self._until(span.end))
        self._last = span.end
        return Slot(opening, doc, self.trail(span.end, limit))

    def trail(self, end: int, limit: int) -> str | None:
        """Take the comment that stands on the line of `end`, before `limit`."""
        if end <= self._next < limit and self.is_same_line(end, self._next):
            return self._take()
        return None

    def brace(self, start: int) -> int:
        """A place at or before the first `{` behind `start`."""
        return self.text.find("{", start)

    def is_same_line(self, start: int, end: int) -> bool:
        """True when no line ends between two places."""
        return "\n" not in self.text[start:end]

    def _until(self, position: int) -> tuple[Lead, ...]:
        leads: list[Lead] = []
        while self._next < position:
            blank = self._is_blank(self._next)
            start = self._next
            leads.append(Lead(start, self._take(), blank))
        return tuple(leads)

    def _take(self) -> str:
        comment = self._comments[self._taken]
        self._taken += 1
        more = self._taken < len(self._comments)
        self._next = self._comments[self._taken].span.start if more else _NEVER
        self._last = comment.span.end
        return comment.text.rstrip()

    def _is_blank(self, start: int) -> bool:
        return self.text.count("\n", self._last, start) > 1


def _above(opening: Opening, strays: Iterable[Lead]) -> Opening:
    """The opening of a member with the comments from inside it above those that are there: a `##` stays next to it."""
    leads, blank = opening
    first, *rest = (lead._replace(text=plain(lead.text), blank=False) for lead in strays)
    if not leads:
        return Opening((first._replace(blank=blank), *rest), blank=False)
    return Opening((first._replace(blank=leads[0].blank), *rest, leads[0]._replace(blank=False), *leads[1:]), blank)


_ABOVE = re.compile(r"[^\S\n]*\n[ \t]*")


def is_doc(text: str) -> bool:
    """True for a comment that begins with exactly two `#`."""
    return text.startswith("##") and not text.startswith("###")


def plain(text: str) -> str:
    """A comment that documents nothing where it goes: `##` would take what follows for its own."""
    return text[1:] if is_doc(text) else text


def without_head(
    slots: Sequence[Slot], tail: Opening, *, comments: Comments, anchor: int
) -> tuple[str | None, list[Slot], Opening]:
    """Split off the comment that stands behind the opening brace: it stays there.

    `anchor` is a place at or before the brace. Comments from before it stand among the members now, so they are
    plain.
    """
    rows = list(slots)
    if not tail.leads and not (rows and rows[0].opening.leads):
        return None, rows, tail
    tail = tail._replace(leads=tuple(lead._replace(text=plain(lead.text)) for lead in tail.leads))
    opening = rows[0].opening if rows else tail
    leads = [lead._replace(text=plain(lead.text)) if lead.start < anchor else lead for lead in opening.leads]
    head = None
    if leads and comments.has_text and comments.is_same_line(anchor, leads[0].start):
        head = leads.pop(0).text
    opening = opening._replace(leads=tuple(leads))
    if rows:
        rows[0] = rows[0]._replace(opening=opening)
        return head, rows, tail
    return head, rows, opening


def lines(slots: Iterable[Slot], tail: Opening | None = None) -> Doc:
    """Members on lines of their own, with the empty lines between them (not before the first)."""
    row: list[Doc] = []
    for slot in slots:
        for lead in slot.opening.leads:
            row += [_line_end(lead.blank), lead.text]
        row += [_line_end(slot.opening.blank), slot.doc]
        if slot.trail is not None:
            row.append(Suffix(slot.trail))
    for lead in tail.leads if tail else ():
        row += [_line_end(lead.blank), lead.text]
    return joined(row[1:])


def _line_end(blank: bool) -> Doc:
    return BLANK if blank else HARD


def braces(slots: Sequence[Slot], tail: Opening, *, head: str | None = None, gap: Line | None = None) -> Doc:
    """`{`, each member on its own line, `}`; with a `gap` to put between them, on one line if they fit there."""
    is_commented = head is not None or tail.leads or any(slot.is_commented for slot in slots)
    if gap and slots and not is_commented and not any(has_lines(slot.doc) for slot in slots):
        return group("{", indent(LINE, joined([slot.doc for slot in slots], gap)), LINE, "}")
    if not slots and not tail.leads:
        return concat("{", Suffix(head), HARD, "}") if head is not None else "{}"
    start: Doc = concat("{", Suffix(head)) if head is not None else "{"
    return concat(start, indent(HARD, lines(slots, tail)), HARD, "}")


_LAST_COMMA = Choice(",", "")
_NEXT = concat(",", LINE)


def listing(ends: str, slots: Sequence[Slot], tail: Opening, *, head: str | None = None) -> Doc:
    """Members between two brackets, on one line or each on its own, then with a comma behind the last."""
    if not slots and not tail.leads and head is None:
        return ends
    edge = HARD if tail.leads else LINE if ends == "{}" else SOFT
    if head is None and not tail.leads and not any(slot.is_commented for slot in slots):
        members = joined([slot.doc for slot in slots], _NEXT)
        return group(ends[0], indent(edge, members, _LAST_COMMA), edge, ends[1])
    start: Doc = concat(ends[0], Suffix(head)) if head is not None else ends[0]
    row: list[Doc] = []
    for number, slot in enumerate(slots, 1):
        for lead in slot.opening.leads:
            row += [lead.text, HARD]
        last = number == len(slots)
        row.append(slot.doc)
        row.append(_LAST_COMMA if last else ",")
        if slot.trail is not None:
            row.append(Suffix(slot.trail))
        if not last:
            row.append(LINE)
    for lead in tail.leads:
        row += [HARD, lead.text] if row else [lead.text]
    if not row:
        return concat(start, HARD, ends[1])
    return group(start, indent(edge, joined(row)), edge, ends[1])
