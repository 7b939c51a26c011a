"""What strings and numbers say: escapes, holes, the indent of blocks, units. Knows no grammar but that of literals."""

import re
from collections.abc import Callable
from typing import Literal

from leadflow.diagnostics import nearest
from leadflow.syntax import messages_source as messages
from leadflow.syntax import tree
from leadflow.syntax.maker import Maker
from leadflow.syntax.mistakes import HOLE, HOLE_HAS_BRACES, HOLE_IS_OPEN

# --- strings --------------------------------------------------------------------------------------------------------

Parts = tuple[str | tree.Expr, ...]


def text(make: Maker, token: int) -> tree.Text:
    """The string that a token is, with its holes parsed."""
    kind, start, end = make.tokens.kinds[token], make.tokens.starts[token], make.tokens.ends[token]
    span = make.span(start, end)
    if kind == "TEXT_BLOCK":
        return tree.Text(_block(make, start, end), True, id=make.id(), span=span)
    quotes = 3 if kind == "TEXT_LINE" else 1
    parts = _joined(_pieces(make, start + quotes, end - quotes))
    return tree.Text(parts, kind == "TEXT_LINE", id=make.id(), span=span)


def plain(make: Maker, token: int, *, what: str) -> str:
    """The text of a string that cannot have holes; `what` is what it is."""
    found = text(make, token)
    if found.plain is None:
        make.say(messages.hole_in_plain(found.span, what))
    return "".join(part for part in found.parts if isinstance(part, str))


def label(make: Maker, token: int) -> tree.Ident:
    """The name of a field: a word, or a string without holes."""
    if make.tokens.kinds[token] == "KEY":
        return make.ident(token)
    name = plain(make, token, what="the name of a field")
    return tree.Ident(name, id=make.id(), span=make.tokens.span(token))


_PIECE = re.compile(
    rf"(?P<escape>\\(?:u\{{[^}}\"\n]*\}}?|.))|(?P<dollar>\$\$\{{)|\$\{{(?P<hole>{HOLE})\}}|(?P<bad>\$\{{)"
)
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def _pieces(make: Maker, start: int, end: int) -> list[str | tree.Expr]:
    """What stands in `[start, end)`: text with its escapes resolved, and holes."""
    body = make.tokens.text[start:end]
    if "\\" not in body and "$" not in body:
        return [body]
    pieces: list[str | tree.Expr] = []
    done = start
    for piece in _PIECE.finditer(make.tokens.text, start, end):
        pieces.append(make.tokens.text[done : piece.start()])
        done = piece.end()
        if piece["dollar"]:
            pieces.append("${")
        elif piece["escape"]:
            pieces.append(_escape(make, piece))
        elif piece["bad"]:
            pieces.append(_bad_hole(make, *piece.span()))
        else:
            pieces.append(make.hole(make, *piece.span("hole")))
    pieces.append(make.tokens.text[done:end])
    return pieces


def _bad_hole(make: Maker, start: int, end: int) -> tree.Expr:
    """A `${` in a block of text that begins no hole."""
    line = make.tokens.text[end : make.tokens.text.find("\n", end)]
    braces = "{" in line.split("}", 1)[0]
    make.say(messages.bad_hole(make.span(start, end), HOLE_HAS_BRACES if braces else HOLE_IS_OPEN))
    return tree.BadExpr(id=make.id(), span=make.span(start, end))


def _joined(pieces: list[str | tree.Expr]) -> Parts:
    """The pieces with neighbouring texts made one and empty ones left out."""
    parts: list[str | tree.Expr] = []
    texts: list[str] = []
    for piece in [*pieces, None]:
        if isinstance(piece, str):
            texts.append(piece)
            continue
        if written := "".join(texts):
            parts.append(written)
        texts.clear()
        if piece is not None:
            parts.append(piece)
    return tuple(parts)


def _escape(make: Maker, piece: re.Match[str]) -> str:
    written = piece["escape"]
    known = _ESCAPES.get(written[1])
    if known is not None:
        return known
    digits = re.fullmatch(r"\\u\{([0-9A-Fa-f]{1,6})\}", written)
    number = int(digits[1], 16) if digits else -1
    if 0 <= number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF:
        return chr(number)
    make.say(messages.bad_escape(make.span(*piece.span("escape")), written))
    return written


def _block(make: Maker, start: int, end: int) -> Parts:
    """The text between the line of the opening quotes and that of the closing ones, whose indent is removed."""
    source = make.tokens.text
    indent = source[source.rfind("\n", 0, end) + 1 : end - 3]
    pieces: list[str | tree.Expr] = []
    line = source.index("\n", start) + 1
    while (close := source.find("\n", line, end)) >= 0:
        content = line + len(indent) if source.startswith(indent, line, close) else _first_word(source, line, close)
        if pieces:
            pieces.append("\n")
        pieces += _pieces(make, content, close)
        line = close + 1
    return _joined(pieces)


def _first_word(source: str, line: int, close: int) -> int:
    """Where a line that has less indent than it should has its first character; its end when it is blank."""
    return close - len(source[line:close].lstrip(" \t"))


# --- numbers --------------------------------------------------------------------------------------------------------

_MOST = 2**63 - 1
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
_PART = re.compile(r"([0-9_]+)(?:\.([0-9]+))?([A-Za-z]*)")
_LONGEST = 100 * 365 * 86_400_000


def integer(make: Maker, token: int) -> int:
    """The value of an INT."""
    return int(_checked(make, token, lambda written: int(written.replace("_", ""))))


def decimal(make: Maker, token: int) -> float:
    """The value of a FLOAT."""
    return float(_checked(make, token, lambda written: float(written.replace("_", ""))))


def milliseconds(make: Maker, token: int) -> int:
    """The value of a DURATION."""
    value = int(_checked(make, token, lambda written: _sum(written, _MILLISECONDS)))
    units = [part[3] for part in _PART.finditer(make.tokens.written(token))]
    if sorted(units, key=list(_MILLISECONDS).index, reverse=True) != units or len(set(units)) < len(units):
        make.say(messages.bad_number(make.tokens.span(token), "the parts of a duration go from days to milliseconds"))
    elif value > _LONGEST:
        make.say(messages.bad_number(make.tokens.span(token), "a duration has at most 100 years"))
        value = 0
    return value


def size(make: Maker, token: int) -> int:
    """The value of a SIZE, in bytes."""
    return int(_checked(make, token, lambda written: _sum(written, _BYTES)))


def micros(make: Maker, token: int) -> int:
    """The value of a MONEY, in millionths of a dollar."""
    return int(_checked(make, token, lambda written: _sum(written.removeprefix("$"), {"": 10**6})))


def _sum(written: str, units: dict[str, int]) -> int:
    """The parts of a number with units, added.

    Raises:
        ValueError: the smallest unit would have decimals.
    """
    total = 0
    for whole, part, unit in _PART.findall(written):
        scaled = int(whole.replace("_", "") + part) * units[unit]
        value, rest = divmod(scaled, 10 ** len(part))
        if rest:
            finest = {"": "money has at most 6 decimals", "B": "a size is a whole number of bytes"}
            raise ValueError(finest.get(unit[-1:], "a duration is a whole number of milliseconds"))
        total += value
    return total


def _checked(make: Maker, token: int, read: Callable[[str], int | float]) -> int | float:
    """The value of a number; 0 when something is wrong with it, which is said."""
    written, span = make.tokens.written(token), make.tokens.span(token)
    digits = written.lstrip("$")
    if len(written) > 30:
        make.say(messages.bad_number(span, f"the number has {len(written):,} characters; at most 30 are read"))
        return 0
    if re.search(r"__|_(?![0-9])", digits):
        make.say(messages.bad_number(span, f"'_' stands between digits: '{written}'"))
        return 0
    if re.match(r"0[0-9_]*[0-9](?![0-9_]*[A-Za-z])", digits):
        fix = ("$" if written.startswith("$") else "") + (re.sub("^[0_]+(?=[0-9])", "", digits))
        make.say(messages.bad_number(span, f"'{written}' has a zero before it; numbers are decimal", fix=fix))
    try:
        value = read(written)
    except ValueError as error:
        make.say(messages.bad_number(span, f"{error}: '{written}'"))
        return 0
    if value > _MOST:
        make.say(messages.bad_number(span, f"the number is larger than {_MOST:,}"))
        return 0
    return value


Unit = Literal["second", "minute", "hour", "day"]


def unit(make: Maker, token: int) -> Unit:
    """The unit word of a rate."""
    match make.tokens.written(token):
        case "second" | "minute" | "hour" | "day" as word:
            return word
        case written:
            units: tuple[Unit, ...] = ("second", "minute", "hour", "day")
            meant = next((word for word in units if word.startswith(written[:3])), None) or nearest(written, units)
            make.say(messages.unknown_unit(make.tokens.span(token), written, fix=meant))
            return "minute"
