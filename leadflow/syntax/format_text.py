"""How strings and words are spelled: one spelling for each value, so that formatting twice changes nothing.

Knows the escapes of rule D6 and nothing of where a string stands. Holes come in already written.
"""

import re
from collections.abc import Sequence

from leadflow.syntax.layout import Doc, Raw, concat, indent
from leadflow.syntax.tree import Ident

Piece = tuple[bool, str]
"""Of a string: (True, the expression of a hole as it is written) or (False, literal text)."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ODD = (
    "\\\\\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"
)
"""What no text may hold as it is (`leadflow.syntax.source`), line ends, tabs, the backslash."""
_SPECIAL = re.compile(rf'["{_ODD}]|\$+\{{')
_SPECIAL_IN_BLOCK = re.compile(rf"[{_ODD}]|\$+\{{")
_THIRD_QUOTE = re.compile(r'"(?="")')
_NAMED = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def word_or_string(name: Ident) -> str:
    """A field's name: bare when it is a word, quoted when it is not."""
    return name.text if _WORD.fullmatch(name.text) else quoted(name.text)


def quoted(text: str) -> str:
    """A string without holes."""
    return f'"{_escaped(text)}"'


def in_hole(text: str) -> str:
    """A string without holes that stands in a hole of another one, where `${` cannot be written at all."""
    return quoted(text).replace("$${", "\\u{24}{")


def one_line(pieces: Sequence[Piece], *, block: bool) -> str:
    """A string on one line, between three quotation marks if it is a `block`, where single ones need no escape."""
    if not block:
        return f'"{_row(pieces)}"'
    *before, (hole, last) = pieces
    text = last if hole else last.rstrip('"')
    closing = '\\"' * (len(last) - len(text))
    return f'"""{_row([*before, (hole, text)], block=True)}{closing}"""'


def many_lines(pieces: Sequence[Piece]) -> Doc:
    """A string as a block of lines, one level further to the right than what it stands in."""
    rows: list[list[Piece]] = [[]]
    for hole, text in pieces:
        if hole:
            rows[-1].append((True, text))
            continue
        first, *more = text.split("\n")
        rows[-1].append((False, first))
        rows += [[(False, line)] for line in more]
    return concat('"""', indent(*[Raw(_row(row, block=True)) for row in rows], Raw(""), '"""'))


def _row(pieces: Sequence[Piece], *, block: bool = False) -> str:
    row: list[str] = []
    for number, (hole, text) in enumerate(pieces, 1):
        written = f"${{{text}}}" if hole else _escaped(text, block=block)
        if not hole and written.endswith("$") and number < len(pieces):
            written = written[:-1] + "\\u{24}"
        row.append(written)
    return "".join(row)


def _escaped(text: str, *, block: bool = False) -> str:
    special = _SPECIAL_IN_BLOCK if block else _SPECIAL
    escaped = special.sub(_escape, text) if special.search(text) else text
    return _THIRD_QUOTE.sub('\\"', escaped) if block else escaped


def _escape(found: re.Match[str]) -> str:
    text = found.group()
    if text[0] == "$":
        return "$" + text
    return _NAMED.get(text) or f"\\u{{{ord(text):x}}}"
