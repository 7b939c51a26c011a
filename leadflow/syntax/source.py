"""Bytes -> source: what can be said about a file before it is parsed. Knows sizes, encodings and characters.

Nothing here looks at words: an invisible character is refused wherever it stands, also in strings and comments.
"""

import re
import unicodedata

from leadflow.diagnostics import Report, Source, Span
from leadflow.syntax import messages_source as messages

MOST_BYTES = 1_048_576
"""A larger file is refused before it is decoded."""

_MOST_INVISIBLE = 20
"""Invisible characters that are reported; a file with more has another problem."""

_REFUSED = re.compile(
    "[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Control characters, line ends that are none, marks that turn the direction of the text, characters of no width."""

JOINERS = "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200c\u200d\u3164\ufe00-\ufe0f\uffa0]"
"""Characters that are not seen and that emoji and some scripts need: fine in strings and comments, not in code."""

_UNSEEN = re.compile(f"{JOINERS}|[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")

_MARKS = {b"\xff\xfe": "it is UTF-16", b"\xfe\xff": "it is UTF-16"}


def read_source(name: str, data: bytes, report: Report) -> Source | None:
    """The text of a file with line ends `\\n` and without a byte order mark; None when it is refused.

    `name` is what messages call the file.
    """
    start = Span(name, 0, 0)
    if len(data) > MOST_BYTES:
        report(messages.too_large(start, "the file is too long", limit=f"{MOST_BYTES:,} bytes (1 MiB)"))
        return None
    if data[:2] in _MARKS:
        report(messages.encoding(start, f"{_MARKS[data[:2]]}; save it as UTF-8"))
        return None
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
        at, line, byte = len(before), before.count("\n") + 1, data[error.start]
        report(
            messages.encoding(
                Span(name, at, at + 1), f"byte 0x{byte:02X} in line {line} is none of it; save it as UTF-8"
            )
        )
        return None
    source = Source(name, text.replace("\r\n", "\n").replace("\r", "\n"))
    if (nul := source.text.find("\0")) >= 0:
        what = "it is UTF-16 or binary" if source.text.count("\0") > 3 else "it has a NUL character"
        report(messages.encoding(Span(name, nul, nul + 1), what))
        return None
    return source


_EDITION = re.compile(r"^leadflow[ \t]+[0-9]+[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^`\n]*\n?", re.MULTILINE)
_FOREIGN = re.compile(r"^[ \t]*[^#\s].*\n*", re.MULTILINE)
"""A line that is neither empty nor a comment, and the empty ones behind it."""
_DECLARES = re.compile(r"[ \t]*(?:@|(?:use|type|agent|tool|policy|const|flow|on|profile|test)\b)")


def without_surroundings(source: Source, report: Report) -> Source:
    """The source with spaces for what stands around it where it was copied from a page: the fences of a block of code,
    and words before the edition line and behind the last fence."""
    text = source.text
    edition, fence = _EDITION.search(text), _FENCE.match(text)
    lines = list(_FOREIGN.finditer(text, 0, edition.start() if edition else fence.end() if fence else 0))
    if not lines or any(_DECLARES.match(line[0]) for line in lines):
        return source
    parts = [Span(source.name, 0, lines[-1].end())]
    closing = list(_FENCE.finditer(text, lines[-1].end())) if any(_FENCE.match(line[0]) for line in lines) else []
    if len(closing) % 2:  # those between stand in texts, two by two
        parts.append(Span(source.name, closing[-1].start(), len(text)))
    removed = (found[0] for part in parts for found in _FOREIGN.finditer(text, part.start, part.end))
    only_fences = all(_FENCE.fullmatch(line.rstrip("\n")) for line in removed)
    first = Span(source.name, lines[0].start(), lines[0].start() + len(lines[0][0].rstrip()))
    report(messages.surroundings(first, parts, safe=only_fences))
    for part in parts:
        text = text[: part.start] + re.sub(r"[^\n]", " ", source.at(part)) + text[part.end :]
    return Source(source.name, text)


def check_characters(source: Source, report: Report) -> None:
    """Report the characters of a text that may stand nowhere in it."""
    for number, found in enumerate(_REFUSED.finditer(source.text)):
        if number == _MOST_INVISIBLE:
            return
        report(messages.invisible(Span(source.name, *found.span()), name_of(found[0]), space=False))


def is_refused(char: str) -> bool:
    """True for a character that `check_characters` reports; the lexer takes it for a space."""
    return _REFUSED.match(char) is not None


def is_unseen(char: str) -> bool:
    """True for a joiner, or a space that is not U+0020: harmless in a string, a mistake in code."""
    return _UNSEEN.match(char) is not None


def name_of(char: str) -> str:
    """What to call a character that cannot be shown: `U+200B (ZERO WIDTH SPACE)`."""
    name = unicodedata.name(char, "control character")
    return f"U+{ord(char):04X} ({name})"
