"""What a piece of text that is no terminal was meant to be: the lexer asks, and goes on with the answer.

Knows how other languages write things, and how strings and numbers go wrong. Every answer has one message.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from leadflow.diagnostics import Diagnostic, Edit, Fix, Span
from leadflow.syntax import messages, messages_habits, messages_source
from leadflow.syntax.source import JOINERS, is_refused, is_unseen, name_of
from leadflow.syntax.units import counts_tokens, with_unit

HOLE = r'[^{}"\n]*(?:"[^"\\\n$]*(?:(?:\\.|\$(?!\{))[^"\\\n$]*)*"[^{}"\n]*)*'
"""What stands in a hole `${…}` of a string, as the terminal STRING of the grammar has it."""

_PREFIX = r"[fFrRbBuU]{1,2}(?=[\"'])"

_ADDRESS = r"[A-Za-z]{2,12}://[^\s\"]*"

MARKS = _PREFIX + rf"|{_ADDRESS}" + r"|&&|\|\||===|!==|<>|:=|//|/\*|\*\*"
"""What would otherwise be read as something else: letters before a string, an address, and two marks."""


_FOREIGN = rf"(?:[^\W\x00-\x7f]|[\u0300-\u036f\u200b\u2060\ufeff]|{JOINERS})"

FOREIGN_WORD = rf"[A-Za-z_][A-Za-z0-9_]*(?={_FOREIGN})"
"""The begin of a word with a letter that is not ASCII, or with something in it that is not seen."""


class Mistake(NamedTuple):
    """A misspelt token."""

    kind: str | None
    """The terminal it stands for: BROKEN for a value, None to go on as if nothing stood there."""
    end: int
    """Where to go on."""
    diagnostic: Diagnostic | None
    guess: bool = False
    """True when `end` is a guess, so that what follows may be part of the mistake."""


class Text(NamedTuple):
    """A place in a text to be understood."""

    file: str
    text: str
    start: int
    limit: int
    """Where the text ends that may be looked at."""

    def span(self, start: int, end: int) -> Span:
        return Span(self.file, start, end)

    @property
    def line_end(self) -> int:
        """Where the line ends."""
        found = self.text.find("\n", self.start, self.limit)
        return self.limit if found < 0 else found


def understand(file: str, text: str, start: int, limit: int) -> Mistake:
    """Say what the text at `start` was meant to be."""
    at = Text(file, text, start, limit)
    if forced := _FORCED.match(text, start, limit):
        found = messages.foreign_operator(at.span(start, start + 2), "!.", right="?.", safe=False)  # it may be none now
        return Mistake("SAFE_MEMBER", forced.end(), found)
    for mark, (kind, right) in _OPERATORS.items():
        if text.startswith(mark, start):
            end = start + len(mark)
            return Mistake(kind, end, messages.foreign_operator(at.span(start, end), mark, right=right))
    for begin, read in _READERS:
        if text.startswith(begin, start):
            return read(at)
    if address := re.compile(_ADDRESS).match(text, start, limit):
        return _address(at, address[0].rstrip(",)]}"))
    prefix = re.compile(_PREFIX).match(text, start, limit)
    if prefix:
        return Mistake(None, prefix.end(), messages_source.string_prefix(at.span(*prefix.span()), prefix[0]))
    return _number(at) if text[start] in "0123456789" else _character(at)


_OPERATORS = {
    "&&": ("AND", "and"),
    "||": ("OR", "or"),
    "===": ("COMPARE", "=="),
    "!==": ("COMPARE", "!="),
    "<>": ("COMPARE", "!="),
    ":=": ("EQUAL", "="),
    "!": ("NOT", "not "),
}
_FORCED = re.compile(r"!\.[A-Za-z_][A-Za-z0-9_]*")

# --- comments and marks ---------------------------------------------------------------------------------------------


def _address(at: Text, written: str) -> Mistake:
    """An address without quotes is the value that it was meant to be. Right behind a quote, a text before it has lost
    one of its own, and of the line only what closes brackets can be believed."""
    end = at.start + len(written)
    if at.text[at.start - 1 : at.start] != '"':
        return Mistake("BROKEN", end, messages.bare_address(at.span(at.start, end), is_value=True))
    rest = at.text[at.start : at.line_end]
    closers = at.start + len(rest.rstrip().rstrip(")]} "))
    return Mistake(None, closers, messages.bare_address(at.span(at.start, end), is_value=False), True)


def _slashes(at: Text) -> Mistake:
    span = at.span(at.start, at.line_end)
    return Mistake(None, at.line_end, messages.foreign_comment(span, "//", right="#"))


def _stars(at: Text) -> Mistake:
    found = at.text.find("*/", at.start + 2, at.limit)
    end = at.limit if found < 0 else found + 2
    return Mistake(None, end, messages.foreign_comment(at.span(at.start, end), "/*", right=None))


def _power(at: Text) -> Mistake:
    span = at.span(at.start, at.start + 2)
    return Mistake("TIMES", span.end, messages.foreign_mark(span, "**", why="there are no powers", right=None))


def _semicolon(at: Text) -> Mistake:
    span = at.span(at.start, at.start + 1)
    why = "nothing stands between statements"
    return Mistake(None, span.end, messages.foreign_mark(span, ";", why=why, right=""))


# --- numbers --------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"\$?[0-9][0-9A-Za-z_.]*(?<!\.)")
_UNIT = re.compile(r"(\$?[0-9][0-9_]*(?:\.[0-9]+)?)([A-Za-z]+)")


def _number(at: Text) -> Mistake:
    found = _NUMBER.match(at.text, at.start, at.limit)
    if found is None:
        return _character(at)
    written, span = found[0], at.span(*found.span())
    unit = _UNIT.fullmatch(written)
    if re.fullmatch(r"\$?[0-9._]+[eE][0-9+-]*", written):
        diagnostic = messages_source.bad_number(span, f"'{written}' has an exponent; write all digits")
    elif re.fullmatch(r"0[xXbBoO][0-9A-Fa-f_]*", written):
        diagnostic = messages_source.bad_number(span, f"'{written}' is not decimal; numbers have digits 0 to 9")
    elif re.search(r"\.[0-9_]*\.", written):
        diagnostic = messages_source.bad_number(span, f"'{_short(written)}' is no number")
    elif unit:
        fix = with_unit(unit[1], unit[2], of_tokens=counts_tokens(at.text, at.start))
        diagnostic = messages_source.unknown_unit(span, unit[2], fix=fix)
    elif re.search("[A-Za-z]", written):
        diagnostic = messages_source.unknown_unit(span, _tail(written), fix=None)
    else:
        diagnostic = messages_source.bad_number(span, f"'{_short(written)}' is no number")
    return Mistake("BROKEN", span.end, diagnostic)


def _tail(written: str) -> str:
    """The part of a bad number that is no good: from the first unit that is unknown."""
    rest = re.sub(r"^\$?(?:[0-9][0-9_]*(?:\.[0-9]+)?(?:ms|s|m|h|d)(?![A-Za-z]))*", "", written)
    return re.sub(r"^[0-9_.]+", "", rest) or rest


def _dollar(at: Text) -> Mistake:
    if _NUMBER.match(at.text, at.start, at.limit):
        return _number(at)
    if at.text.startswith("${", at.start):
        span = at.span(at.start, at.start + 2)
        return Mistake(None, span.end, messages_source.bad_hole(span, "a hole '${…}' stands in a string only"), True)
    return _character(at)


def _short(written: str) -> str:
    return written if len(written) <= 40 else written[:20] + "…"


# --- strings --------------------------------------------------------------------------------------------------------

_QUOTED = re.compile(r"'((?:[^'\\\n]|\\.)*)'|`([^`\\\n]*)`|[\u201c\u201d]([^\u201c\u201d\n]*)[\u201c\u201d]")
_QUOTES = {"'": "''", "`": "``", "\u201c": "\u201c\u201d", "\u201d": "\u201c\u201d"}


def _foreign_quotes(at: Text) -> Mistake:
    found = _QUOTED.match(at.text, at.start, at.limit)
    quote = _QUOTES[at.text[at.start]]
    if found is None or (found.end() - found.start() == 2 and at.text[at.start : at.start + 3] in {"'''", "```"}):
        span = at.span(at.start, at.start + 1)
        return Mistake("BROKEN", at.line_end, messages_source.foreign_quotes(span, quote, inside=None), True)
    inside = next(part for part in found.groups() if part is not None)
    diagnostic = messages_source.foreign_quotes(at.span(*found.span()), quote, inside=inside)
    return Mistake("BROKEN" if "\\" in inside else "STRING", found.end(), diagnostic)


_PLAIN = re.compile(r'(?:[^"\\\n$]|\\.|\$\$\{|\$(?!\{))*')
_WHOLE_HOLE = re.compile(r"\$\{" + HOLE + r"\}")


def _string(at: Text) -> Mistake:
    """A `"` that begins no good string: it has a bad hole, or does not end."""
    position = at.start + 1
    while True:
        plain = _PLAIN.match(at.text, position, at.limit)
        position = plain.end() if plain else position
        if at.text.startswith("${", position):
            hole = _WHOLE_HOLE.match(at.text, position, at.limit)
            if hole is None:
                return _bad_hole(at, position)
            position = hole.end()
        else:
            break
    span = at.span(at.start, at.start + len(at.text[at.start : at.line_end].rstrip()))
    found = _LATER_END.match(at.text, at.line_end, at.limit)
    return Mistake(
        "BROKEN",
        found.end() if found else at.line_end,
        messages_source.open_string(span, closers=_closers(at, span)),
        True,
    )


_LATER_END = re.compile(r'(?:\n[^"\n=({@]{0,200}){1,5}"(?![A-Za-z0-9])')
"""A quote on one of the next lines that ends a string which has line ends in it: no code stands before it."""


HOLE_HAS_BRACES = "a hole has no braces in it; give the value a name with 'let' above"
HOLE_IS_OPEN = "this hole '${' has no '}' on its line"

_LONG = 500
"""How far the end of a bad hole is looked for."""


def _bad_hole(at: Text, hole: int) -> Mistake:
    """A hole with braces in it, or without an end: the string is taken to end at its next quote or with its line."""
    depth = quotes = 0
    for position in range(hole + 1, min(at.line_end, hole + _LONG)):
        depth += (at.text[position] == "{") - (at.text[position] == "}")
        quotes += at.text[position] == '"'
        if depth == 0 and quotes % 2 == 0:
            end = _string_end(at, position + 1)
            return Mistake("BROKEN", end, messages_source.bad_hole(at.span(hole, position + 1), HOLE_HAS_BRACES), True)
    end = _string_end(at, hole)
    return Mistake("BROKEN", end, messages_source.bad_hole(at.span(hole, hole + 2), HOLE_IS_OPEN), True)


def _closers(at: Text, span: Span) -> int:
    """How many characters at the end of an open string close brackets that were opened before it on its line."""
    before = at.text[at.text.rfind("\n", 0, at.start) + 1 : at.start]
    waiting = sum(before.count(mark) for mark in "([{") - sum(before.count(mark) for mark in ")]}")
    written = re.sub(r"\$\{[^}]*\}", lambda hole: "_" * len(hole[0]), at.text[span.start : span.end])
    waiting = min(waiting, sum(written.count(mark) for mark in ")]}") - sum(written.count(mark) for mark in "([{"))
    if waiting <= 0:
        return 0
    tail = re.search(rf"(?: *[)\]}}]){{1,{waiting}}}$", written)
    return len(tail[0]) if tail else 0


def _string_end(at: Text, position: int) -> int:
    found = re.compile(r'(?:[^"\\\n]|\\.)*"').match(at.text, position, at.limit)
    return found.end() if found else at.line_end


# --- blocks of text -------------------------------------------------------------------------------------------------

_TRIPLE = re.compile(r'(?:[^"\\\n]|\\.|"(?!""))*"""')


def _block(at: Text) -> Mistake:
    """A `\"\"\"` that begins no good text: find where it must have ended."""
    first = at.line_end
    quotes = at.span(at.start, at.start + 3)
    line_start = at.text.rfind("\n", 0, at.start) + 1
    indent = _indent(at.text, line_start, first)
    labelled = bool(at.text[at.start + 3 : first].strip())
    position = first + 1
    while position < at.limit:
        end = at.text.find("\n", position, at.limit)
        end = at.limit if end < 0 else end
        content = at.text[position:end]
        if content.lstrip().startswith('"""'):
            close = position + len(content) - len(content.lstrip()) + 3
            return Mistake("BROKEN", close, _why_not(at, labelled, quotes, position, close))
        if content.strip() and _indent(at.text, position, end) <= indent:
            line = at.span(position + _indent(at.text, position, end), end)
            return Mistake("BROKEN", position, messages_source.open_block(quotes, line=line), True)
        if found := _TRIPLE.match(at.text, position, end):
            diagnostic = messages_source.beside_quotes(at.span(found.end() - 3, found.end()), closing=True)
            return Mistake("BROKEN", found.end(), diagnostic)
        position = end + 1
    return Mistake("BROKEN", at.limit, messages_source.open_block(quotes, line=None), True)


def _why_not(at: Text, labelled: bool, quotes: Span, line: int, close: int) -> Diagnostic:
    """What is wrong with a block whose end was found."""
    if labelled:
        return messages_source.beside_quotes(quotes, closing=False)
    escape = re.compile(r"\\$", re.MULTILINE).search(at.text, at.start, close)
    if escape:
        return messages_source.bad_escape(at.span(escape.start(), escape.end()), "\\")
    return messages_source.open_block(quotes, line=at.span(line, close))


def check_block(file: str, text: str, start: int, end: int) -> Mistake | None:
    """What is wrong with the indent of a block of text that ends well; None when nothing is."""
    at = Text(file, text, start, end)
    indent = text[text.rfind("\n", 0, end) + 1 : end - 3]
    close = at.span(end - 3, end)
    position = at.line_end + 1
    while (line_end := text.find("\n", position, end)) >= 0:
        if not text.startswith(indent, position) and text[position:line_end].strip():
            own = _indent(text, position, line_end)
            line = at.span(position + own, line_end)
            if own <= _indent(text, text.rfind("\n", 0, start) + 1, start):
                return Mistake(
                    "BROKEN", position, messages_source.open_block(at.span(start, start + 3), line=line), True
                )
            return Mistake("TEXT_BLOCK", end, messages_source.less_indented(line, close=close))
        position = line_end + 1
    return None


def _indent(text: str, start: int, end: int) -> int:
    line = text[start:end]
    return len(line) - len(line.lstrip(" \t"))


# --- characters -----------------------------------------------------------------------------------------------------

_WORD = re.compile(rf"[^\W\d](?:\w|{_FOREIGN})*")


def _character(at: Text) -> Mistake:
    """A character that begins nothing: a letter of another alphabet, an odd space, or no one knows what."""
    char, span = at.text[at.start], at.span(at.start, at.start + 1)
    if is_refused(char):
        return Mistake(None, span.end, None)
    if is_unseen(char):
        return Mistake(None, span.end, messages_source.invisible(span, name_of(char), space=char.isspace()))
    word = _WORD.match(at.text, at.start, at.limit)
    if word:
        return _foreign_word(at, word.end())
    if char == ".":
        return _dots(at)
    if char in "€£¥":
        money = re.compile(r".[ ]?[0-9._]*").match(at.text, at.start, at.limit)
        span = at.span(at.start, money.end() if money else span.end)
        return Mistake("BROKEN", span.end, messages_source.bad_number(span, f"'{char}' is not used; money is '$0.50'"))
    return Mistake("UNKNOWN", span.end, messages_source.unknown_character(span, char), True)


_RANGE = re.compile(r"(\.\.[.<=]?)[ ]*[\w.]+")

_LIMIT = re.compile(r"@(?:length|range)\([^()]*$")
"""Behind which a range stands for the two ends of a constraint."""

_IMPORT = re.compile(r"\s*use\s+[A-Za-z0-9_./]*")


def _dots(at: Text) -> Mistake:
    """A path without quotes, a copy `...x`, or no one knows what."""
    line = at.text[at.text.rfind("\n", 0, at.start) + 1 : at.start]
    end = at.start + len(re.match(r"[A-Za-z0-9_./*-]*", at.text[at.start : at.line_end])[0])  # type: ignore[index]
    if _IMPORT.fullmatch(line):
        why = "a path with '/' stands in quotes and ends in '.flow'"
        if at.text[at.start : end].startswith(".*"):
            why = "each name stands in the list; without a list the file comes as a whole"
        return Mistake("UNKNOWN", end, messages_habits.foreign_import(at.span(at.start, end), why=why), True)
    if (between := _RANGE.match(at.text, at.start, at.limit)) and re.search(r"[\w)\]][ ]*$", line):
        span, way = at.span(*between.span(1)), "whole numbers are 'range(from, past)', a part of a list 'slice(…)'"
        fix = None
        if between[1] == ".." and _LIMIT.search(line):
            way, fix = "'@length' and '@range' take two ends: (low, high)", Fix("write ', '", (Edit(span, ", "),))
        found = messages_habits.foreign_expression(span, between[1], way=way, fix=fix)
        return Mistake("UNKNOWN", between.end(), found, True)
    if at.text.startswith("...", at.start):
        span, way = (
            at.span(at.start, at.start + 3),
            "a record with changes is 'merge(record, { … })', lists in one are 'flatten([…])'",
        )
        return Mistake("UNKNOWN", span.end, messages_habits.foreign_expression(span, "...", way=way), True)
    span = at.span(at.start, at.start + 1)
    return Mistake("UNKNOWN", span.end, messages_source.unknown_character(span, "."), True)


def _foreign_word(at: Text, end: int) -> Mistake:
    """A word with a letter that is not ASCII, or with a character in it that cannot be seen."""
    written = at.text[at.start : end]
    letter = next((char for char in written if not char.isascii()), written[0])
    diagnostic: Diagnostic | None = None
    if is_unseen(letter):
        place = at.start + written.index(letter)
        diagnostic = messages_source.invisible(at.span(place, place + 1), name_of(letter), space=False)
    elif not is_refused(letter):
        diagnostic = messages_source.foreign_letter(at.span(at.start, end), written, letter=name_of(letter))
    is_key = re.compile(r"[ \t\n]*:(?!=)").match(at.text, end, at.limit)
    return Mistake("KEY" if is_key else "NAME", end, diagnostic)


_READERS: tuple[tuple[str, Callable[[Text], Mistake]], ...] = (
    ('"""', _block),
    ('"', _string),
    ("//", _slashes),
    ("/*", _stars),
    ("**", _power),
    (";", _semicolon),
    ("$", _dollar),
    *((quote, _foreign_quotes) for quote in _QUOTES),
)
