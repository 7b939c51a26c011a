"""Patterns of texts, and whether a text matches: in time linear in the text, whatever the pattern and the text.

The syntax is a part of ECMA-262, which JSON Schema uses: characters, `.`, `[…]`, `\\d \\w \\s`, groups, `|`, and `* + ?
{n,m}` on any of them. What a regular language cannot say (backreferences, looking around) is not there, and the whole
text is matched, so anchors are not either. A pattern becomes an automaton with one position for each of its characters
(Glushkov's): all positions that a text may have reached are the bits of one number, so nothing is tried twice.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from operator import or_
from typing import NoReturn, TypeAlias, assert_never

from leadflow.record import record

MOST_CHARACTERS, MOST_POSITIONS, MOST_JUMPS, DEEPEST = 1_000, 500, 100, 20
"""Of a pattern: its length; its characters once every repeat is written out, and places from which more than the next
one of them may follow; groups in groups. They bound what a character of a text costs."""
_REMEMBERED = 4_096
"""Sets of positions whose next ones are kept in mind while a text is matched."""


@record
class BadPattern:
    """A text that is no pattern."""

    at: int
    """The character that is wrong."""
    why: str
    """What is wrong, without the pattern: for people."""


@record
class Matcher:
    """A pattern as an automaton. Bit n of a number stands for position n."""

    first: int
    """Where a match may begin."""
    last: int
    """Where it may end."""
    is_nullable: bool
    """The empty text matches."""
    onward: int
    """Positions after which the next one may come."""
    jumps: tuple[tuple[int, int], ...]
    """Positions, and where else one gets from each of them."""
    ascii: tuple[int, ...]
    """By character: the positions that take it."""
    classes: tuple[tuple[tuple[int, ...], int], ...]
    """The same for all characters: sets of them, and the positions that take one of the set."""

    def matches(self, text: str) -> bool:
        """Whether the pattern matches the text as a whole."""
        reached, candidates = 0, self.first
        wide, known = dict[int, int](), dict[int, int]()
        for char in map(ord, text):
            if char < 128:
                reached = candidates & self.ascii[char]
            else:
                taken = wide.get(char)
                if taken is None:
                    taken = wide[char] = self._taking(char)
                reached = candidates & taken
            if not reached:
                return False
            after = known.get(reached)
            if after is None:
                if len(known) == _REMEMBERED:
                    known.clear()
                after = known[reached] = self._after(reached)
            candidates = after
        return bool(reached & self.last) if text else self.is_nullable

    def _after(self, reached: int) -> int:
        candidates = (reached & self.onward) << 1
        for origin, goal in self.jumps:
            if reached & origin:
                candidates |= goal
        return candidates

    def _taking(self, char: int) -> int:
        return reduce(or_, (mask for bounds, mask in self.classes if _holds(bounds, char)), 0)


@lru_cache(maxsize=1_000)
def compile_pattern(pattern: str) -> Matcher | BadPattern:
    """The automaton of a pattern, or what is wrong with it."""
    try:
        return _automaton(_parse(pattern))
    except _Wrong as wrong:
        return BadPattern(wrong.at, wrong.why)


def is_choice(pattern: str) -> bool:
    """Whether a `|` stands outside of all groups and sets."""
    depth, in_set, at = 0, False, 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif in_set or char == "[":
            in_set = char != "]"
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            return True
        at += 1
    return False


def example(pattern: str, choose: Callable[[int], int]) -> str:
    """A text that matches a pattern.

    Args:
        choose: one of so many possibilities, from 0.
    """
    return _written(_parse(pattern), choose)


_SOME_MORE = 3
"""Most times that an example repeats what may be repeated without end, beyond what it has to."""


def _written(part: "_Part", choose: Callable[[int], int]) -> str:
    match part:
        case _Chars(bounds):
            plain = [chr(char) for char in range(33, 127) if _holds(bounds, char)]
            letters = [char for char in plain if char.isalnum()] or plain
            return letters[choose(len(letters))] if letters else chr(bounds[0])
        case _Row(parts):
            return "".join(_written(each, choose) for each in parts)
        case _Choice(parts):
            return _written(parts[choose(len(parts))], choose)
        case _Repeat(inner, low, high):
            most = low + _SOME_MORE if high is None else high
            return "".join(_written(inner, choose) for _ in range(low + choose(min(most - low, _SOME_MORE) + 1)))
        case _:
            assert_never(part)


# --- the parts of a pattern ---------------------------------------------------------------------------------------

_Bounds: TypeAlias = tuple[int, ...]
"""A set of characters: where it begins, where it ends, where it begins again, …; ends are not in it."""


@record
class _Chars:
    bounds: _Bounds


@record
class _Row:
    parts: tuple["_Part", ...]


@record
class _Choice:
    parts: tuple["_Part", ...]


@record
class _Repeat:
    inner: "_Part"
    low: int
    high: int | None


_Part: TypeAlias = _Chars | _Row | _Choice | _Repeat

_END = 0x110000


def _holds(bounds: _Bounds, char: int) -> bool:
    return bisect_right(bounds, char) % 2 == 1


def _set(*ranges: tuple[int, int]) -> _Bounds:
    """The characters of ranges, both ends included."""
    bounds: list[int] = []
    for low, high in sorted(ranges):
        if bounds and low <= bounds[-1]:
            bounds[-1] = max(bounds[-1], high + 1)
        else:
            bounds += [low, high + 1]
    return tuple(bounds)


def _all_but(bounds: _Bounds) -> _Bounds:
    return bounds[1:] if bounds[:1] == (0,) else (0, *bounds)


def _ranges(bounds: _Bounds) -> list[tuple[int, int]]:
    ends = bounds if len(bounds) % 2 == 0 else (*bounds, _END)
    return [(low, high - 1) for low, high in zip(ends[::2], ends[1::2], strict=True)]


_DIGITS = _set((48, 57))
_WORDS = _set((48, 57), (65, 90), (95, 95), (97, 122))
_BLANKS = _set(
    (9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
_ANY = _all_but(_set((10, 10), (13, 13), (0x2028, 0x2029)))
_CLASSES = {
    "d": _DIGITS, "D": _all_but(_DIGITS), "w": _WORDS, "W": _all_but(_WORDS), "s": _BLANKS, "S": _all_but(_BLANKS),
}  # fmt: skip
_CONTROLS = {"n": 10, "r": 13, "t": 9, "v": 11, "f": 12}
_MARKS = frozenset("^$\\.*+?()[]{}|/-")
"""What a backslash takes the meaning from."""


# --- reading ------------------------------------------------------------------------------------------------------


class _Wrong(Exception):
    def __init__(self, at: int, why: str) -> None:
        super().__init__(at, why)
        self.at, self.why = at, why


@dataclass(slots=True)
class _Reader:
    """A pattern, and how far it has been read."""

    text: str
    at: int = 0
    depth: int = 0

    def peek(self, length: int = 1) -> str:
        return self.text[self.at : self.at + length]

    def take(self, wanted: str) -> bool:
        if self.text.startswith(wanted, self.at):
            self.at += len(wanted)
            return True
        return False

    def fail(self, why: str, at: int | None = None) -> NoReturn:
        raise _Wrong(self.at if at is None else at, why)


def _parse(pattern: str) -> _Part:
    reader = _Reader(pattern)
    if not pattern:
        reader.fail("it is empty")
    if len(pattern) > MOST_CHARACTERS:
        reader.fail(f"it is longer than {MOST_CHARACTERS:,} characters", MOST_CHARACTERS)
    made = _choice(reader)
    if reader.peek():
        reader.fail("this ')' closes nothing; write '\\)' for the character")
    return made


def _choice(reader: _Reader) -> _Part:
    parts = [_row(reader)]
    while reader.take("|"):
        parts.append(_row(reader))
    return parts[0] if len(parts) == 1 else _Choice(tuple(parts))


def _row(reader: _Reader) -> _Part:
    parts: list[_Part] = []
    while reader.peek() not in ("", "|", ")"):
        parts.append(_repeated(reader, _atom(reader)))
    return parts[0] if len(parts) == 1 else _Row(tuple(parts))


_COUNTS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


def _repeated(reader: _Reader, inner: _Part) -> _Part:
    mark = reader.peek()
    if mark in _COUNTS:
        reader.at += 1
        low, high = _COUNTS[mark]
    elif mark == "{":
        low, high = _counted(reader)
    else:
        return inner
    if reader.peek() == "?":
        reader.fail("whether a text matches does not depend on greed; leave out this '?'")
    if reader.peek() in ("*", "+", "{"):
        reader.fail("a repeat is not repeated; put what is repeated into '(…)'")
    return _Repeat(inner, low, high)


def _counted(reader: _Reader) -> tuple[int, int | None]:
    start = reader.at
    reader.at += 1
    low = _number(reader)
    high: int | None = low
    if low is not None and reader.take(","):
        high = _number(reader)
    if low is None or not reader.take("}"):
        reader.fail("a repeat is written {2}, {2,} or {2,5}; write '\\{' for the character", start)
    if high is not None and high < low:
        reader.fail("this repeat has its smallest number above its largest", start)
    return low, high


def _number(reader: _Reader) -> int | None:
    start = reader.at
    while reader.peek() and reader.peek() in "0123456789":
        reader.at += 1
    if reader.at - start > 6:
        reader.fail("this number is too large", start)
    return int(reader.text[start : reader.at]) if reader.at > start else None


def _atom(reader: _Reader) -> _Part:
    char = reader.peek()
    match char:
        case "(":
            return _group(reader)
        case "[":
            return _Chars(_class(reader))
        case "\\":
            return _Chars(_escape(reader))
        case "^" | "$":
            reader.fail(f"a pattern matches the whole text always; leave out '{char}', or write '\\{char}' for it")
        case "*" | "+" | "?" | "{":
            reader.fail(f"'{char}' has nothing to repeat; write '\\{char}' for the character")
        case "]" | "}":
            reader.fail(f"this '{char}' closes nothing; write '\\{char}' for the character")
    reader.at += 1
    return _Chars(_ANY if char == "." else _set((ord(char), ord(char))))


def _group(reader: _Reader) -> _Part:
    start = reader.at
    reader.at += 1
    if reader.peek() == "?" and not reader.take("?:"):
        reader.fail("there is no looking around and there are no named groups; write '(…)' or '(?:…)'", start)
    if reader.depth == DEEPEST:
        reader.fail(f"groups stand in each other at most {DEEPEST} deep", start)
    reader.depth += 1
    made = _choice(reader)
    reader.depth -= 1
    if not reader.take(")"):
        reader.fail("this '(' is not closed; write '\\(' for the character", start)
    return made


def _class(reader: _Reader) -> _Bounds:
    start = reader.at
    reader.at += 1
    negated = reader.take("^")
    ranges: list[tuple[int, int]] = []
    while not reader.take("]"):
        if not reader.peek():
            reader.fail("this '[' is not closed; write '\\[' for the character", start)
        ranges += _member(reader)
    if not ranges:
        reader.fail("this set has no character in it", start)
    bounds = _set(*ranges)
    return _all_but(bounds) if negated else bounds


def _member(reader: _Reader) -> list[tuple[int, int]]:
    """One character, escape or range of a set."""
    start = reader.at
    low = _single(reader)
    if reader.peek() != "-" or reader.peek(2) in ("-]", "-"):
        return _ranges(low)
    reader.at += 1
    high = _single(reader)
    if len(low) != 2 or low[1] - low[0] != 1 or len(high) != 2 or high[1] - high[0] != 1:
        reader.fail("a range goes from one character to another; write '\\-' for the character '-'", start)
    if high[0] < low[0]:
        reader.fail("this range has its first character after its last", start)
    return [(low[0], high[0])]


def _single(reader: _Reader) -> _Bounds:
    char = reader.peek()
    if char == "\\":
        return _escape(reader)
    if char == "[":
        reader.fail("there are no sets in sets; write '\\[' for the character")
    reader.at += 1
    return _set((ord(char), ord(char)))


def _escape(reader: _Reader) -> _Bounds:
    start = reader.at
    reader.at += 2
    char = reader.text[start + 1 : start + 2]
    if char in _CLASSES:
        return _CLASSES[char]
    if char in _CONTROLS:
        return _set((_CONTROLS[char], _CONTROLS[char]))
    if char in ("u", "x"):
        digits = reader.text[reader.at : reader.at + (4 if char == "u" else 2)]
        if len(digits) == (4 if char == "u" else 2) and all(digit in "0123456789abcdefABCDEF" for digit in digits):
            reader.at += len(digits)
            return _set((int(digits, 16), int(digits, 16)))
        reader.fail("four digits stand behind '\\u', two behind '\\x'", start)
    if char and char in _MARKS:
        return _set((ord(char), ord(char)))
    if not char:
        reader.fail("nothing stands behind this '\\'; write '\\\\' for the character", start)
    if char.isdigit():
        reader.fail("a pattern does not refer back to its own groups", start)
    reader.fail(
        f"'\\{char}' means nothing here; there are \\d \\w \\s \\D \\W \\S \\n \\r \\t and marks as in '\\.'", start
    )


# --- the automaton ------------------------------------------------------------------------------------------------


@record
class _Piece:
    """A part of a pattern in the automaton."""

    is_nullable: bool
    first: int = 0
    last: int = 0


_EMPTY = _Piece(True)


@dataclass(slots=True)
class _Making:
    """An automaton in the making; one entry for each position."""

    bounds: list[_Bounds] = field(default_factory=list)
    follow: list[int] = field(default_factory=list)
    steps: int = 0

    def connect(self, origin: int, goal: int) -> None:
        """After each position of `origin`, each of `goal` may come."""
        while origin:
            lowest = origin & -origin
            self.follow[lowest.bit_length() - 1] |= goal
            origin ^= lowest


def _automaton(pattern: _Part) -> Matcher:
    making = _Making()
    whole = _build(making, pattern)
    onward, jumps = 0, dict[int, int]()
    for position, goal in enumerate(making.follow):
        bit = 1 << position
        if goal & bit << 1:
            onward |= bit
        if rest := goal & ~(bit << 1):
            jumps[rest] = jumps.get(rest, 0) | bit
    if len(jumps) > MOST_JUMPS:
        raise _Wrong(0, f"too much in it may be skipped or repeated: more than {MOST_JUMPS} times, written out")
    masks: dict[_Bounds, int] = {}
    for position, bounds in enumerate(making.bounds):
        masks[bounds] = masks.get(bounds, 0) | 1 << position
    ascii_ = tuple(reduce(or_, (m for b, m in masks.items() if _holds(b, char)), 0) for char in range(128))
    turned = tuple((origin, goal) for goal, origin in jumps.items())
    return Matcher(whole.first, whole.last, whole.is_nullable, onward, turned, ascii_, tuple(masks.items()))


def _build(making: _Making, part: _Part) -> _Piece:
    making.steps += 1
    if len(making.bounds) >= MOST_POSITIONS or making.steps > 20 * MOST_POSITIONS:
        raise _Wrong(0, f"written out it has more than {MOST_POSITIONS} characters; limit long texts by '@length'")
    match part:
        case _Chars(bounds):
            making.bounds.append(bounds)
            making.follow.append(0)
            bit = 1 << (len(making.bounds) - 1)
            return _Piece(False, bit, bit)
        case _Row(parts):
            return _in_row(making, parts)
        case _Choice(parts):
            pieces = [_build(making, inner) for inner in parts]
            first, last = (reduce(or_, bits) for bits in zip(*((p.first, p.last) for p in pieces), strict=True))
            return _Piece(any(piece.is_nullable for piece in pieces), first, last)
        case _Repeat():
            return _again(making, part)
        case _:
            assert_never(part)


def _in_row(making: _Making, parts: Sequence[_Part]) -> _Piece:
    whole = _EMPTY
    for part in parts:
        piece = _build(making, part)
        making.connect(whole.last, piece.first)
        whole = _Piece(
            whole.is_nullable and piece.is_nullable,
            whole.first | piece.first if whole.is_nullable else whole.first,
            whole.last | piece.last if piece.is_nullable else piece.last,
        )
    return whole


def _again(making: _Making, part: _Repeat) -> _Piece:
    """Copies in a row, each reached from the one before it only: what may be skipped is skipped at the end."""
    if part.high == 0:
        return _EMPTY
    piece = _build(making, part.inner)
    low = 0 if piece.is_nullable else part.low
    first, last = piece.first, piece.last
    for count in range(2, (part.high or max(low, 1)) + 1):
        copy = _build(making, part.inner)
        making.connect(piece.last, copy.first)
        last = last | copy.last if count > low else copy.last
        piece = copy
    if part.high is None:
        making.connect(piece.last, piece.first)
    return _Piece(low == 0, first, last)
