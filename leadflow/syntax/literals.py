"""What strings and numbers say: escapes, holes, indentation, units."""

import re
from typing import Literal

from leadflow.syntax import messages, tree
from leadflow.syntax.maker import Maker

_PIECE = re.compile(
    r"(?P<escape>\\(?:u\{[^}\"\n]*\}?|.))|(?P<dollar>\$\$\{)|"
    r"\$\{(?P<hole>[^{}\"\n]*(?:\"[^\"\\\n$]*(?:(?:\\.|\$(?!\{))[^\"\\\n$]*)*\"[^{}\"\n]*)*)\}"
)
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def text(make: Maker, token: int) -> tree.Text:
    """The string that a token is, with its holes parsed."""
    kind, start, end = make.tokens.kinds[token], make.tokens.starts[token], make.tokens.ends[token]
    span = make.tokens.span(token)
    if kind == "STRING":
        parts = _parts(make, start + 1, end - 1)
        return tree.Text(parts, id=make.id(), span=span)
    if kind == "TEXT_LINE":
        return tree.Text(_parts(make, start + 3, end - 3), True, id=make.id(), span=span)
    return tree.Text(_block(make, start, end), True, id=make.id(), span=span)


def plain(make: Maker, token: int) -> str:
    """The text of a string that can have no holes."""
    return text(make, token).plain or ""


def label(make: Maker, token: int) -> tree.Ident:
    """The name of a field: a word, or a string without holes."""
    if make.tokens.kinds[token] == "KEY":
        return make.ident(token)
    return tree.Ident(plain(make, token), id=make.id(), span=make.tokens.span(token))


def _parts(make: Maker, start: int, end: int) -> tuple[str | tree.Expr, ...]:
    source = make.tokens.text
    body = source[start:end]
    if "\\" not in body and "$" not in body:
        return (body,) if body else ()
    parts: list[str | tree.Expr] = []
    _collect(make, start, end, parts)
    return _joined(parts)


def _collect(make: Maker, start: int, end: int, parts: list[str | tree.Expr]) -> None:
    source = make.tokens.text
    done = start
    for piece in _PIECE.finditer(source, start, end):
        parts.append(source[done : piece.start()])
        done = piece.end()
        if piece["dollar"]:
            parts.append("${")
        elif piece["escape"]:
            parts.append(_escape(make, piece))
        else:
            parts.append(make.hole(make, *piece.span("hole")))
    parts.append(source[done:end])


def _joined(parts: list[str | tree.Expr]) -> tuple[str | tree.Expr, ...]:
    joined: list[str | tree.Expr] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def _escape(make: Maker, piece: re.Match[str]) -> str:
    written = piece["escape"]
    known = _ESCAPES.get(written[1])
    if known is not None:
        return known
    digits = written[3:-1] if written.startswith("\\u{") and written.endswith("}") else ""
    if re.fullmatch("[0-9A-Fa-f]{1,6}", digits):
        number = int(digits, 16)
        if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF:
            return chr(number)
    make.say(messages.unexpected(make.span(*piece.span("escape")), written))
    return written


def _block(make: Maker, start: int, end: int) -> tuple[str | tree.Expr, ...]:
    """The text between the line of the opening `\"\"\"` and that of the closing one, whose indent is removed."""
    source = make.tokens.text
    indent = source[source.rfind("\n", 0, end) + 1 : end - 3]
    parts: list[str | tree.Expr] = []
    line = source.index("\n", start) + 1
    while (close := source.index("\n", line, end) if "\n" in source[line:end] else -1) >= 0:
        content = line + len(indent) if source.startswith(indent, line, close) else close
        if parts:
            parts.append("\n")
        _collect(make, content, close, parts)
        line = close + 1
    return _joined(parts)


def integer(make: Maker, token: int) -> int:
    """The value of an INT."""
    return int(make.tokens.written(token).replace("_", ""))


def decimal(make: Maker, token: int) -> float:
    """The value of a FLOAT."""
    return float(make.tokens.written(token).replace("_", ""))


_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
_UNITS = re.compile(r"([0-9_]+)(?:\.([0-9]+))?(ms|s|m|h|d|KB|MB|GB|)")


def milliseconds(make: Maker, token: int) -> int:
    """The value of a DURATION."""
    return sum(_scaled(whole, part, _MILLISECONDS[u]) for whole, part, u in _UNITS.findall(make.tokens.written(token)))


def size(make: Maker, token: int) -> int:
    """The value of a SIZE, in bytes."""
    return sum(_scaled(whole, part, _BYTES[u]) for whole, part, u in _UNITS.findall(make.tokens.written(token)))


def micros(make: Maker, token: int) -> int:
    """The value of a MONEY, in millionths of a dollar."""
    return sum(_scaled(whole, part, 10**6) for whole, part, _ in _UNITS.findall(make.tokens.written(token)[1:]))


def _scaled(whole: str, part: str, unit: int) -> int:
    scaled = int(whole.replace("_", "")) * unit
    return scaled + int(part) * unit // 10 ** len(part) if part else scaled


def unit(make: Maker, token: int) -> Literal["second", "minute", "hour", "day"]:
    """The unit word of a rate."""
    match make.tokens.written(token):
        case "second" | "minute" | "hour" | "day" as word:
            return word
        case _:
            return "minute"
