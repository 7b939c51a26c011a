"""How a text is cut into coloured pieces: states, and for each the rules that are tried at every place in their order.

All highlighters are written from these rules, and `leadflow.editor.classes` runs them. They are the terminals of the
grammar in a form that every engine for highlighting understands: a pattern, what has to follow, what may not follow.
None looks behind, none looks beyond the line, and where none fits, one character is passed over. Hence two small
differences to the lexer: rule D4 is seen on one line only, and of a broken string the rest of its line is taken.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from leadflow.editor.words import END_MARKS, Words
from leadflow.record import record


class Class(Enum):
    """What a character is to its reader. Every highlighter gives every character the same class."""

    COMMENT = "comment"
    KEYWORD = "keyword"
    STRING = "string"
    ESCAPE = "escape"
    HOLE = "interpolation"
    NUMBER = "number"
    NAME = "declared name"
    OTHER = "other"


class Kind(Enum):
    """What a piece is: finer than its class where themes have a colour for it."""

    COMMENT = "comment"
    KEYWORD = "keyword"
    CONSTANT = "constant"
    OPERATOR = "operator"
    STRING = "string"
    ESCAPE = "escape"
    HOLE = "hole"
    NUMBER = "number"
    NAME = "name"
    ANNOTATION = "annotation"
    KEY = "key"
    BAD = "bad"
    PLAIN = "plain"


CLASS_OF = {
    Kind.COMMENT: Class.COMMENT,
    Kind.KEYWORD: Class.KEYWORD,
    Kind.CONSTANT: Class.KEYWORD,
    Kind.OPERATOR: Class.KEYWORD,
    Kind.STRING: Class.STRING,
    Kind.ESCAPE: Class.ESCAPE,
    Kind.HOLE: Class.HOLE,
    Kind.NUMBER: Class.NUMBER,
    Kind.NAME: Class.NAME,
    Kind.ANNOTATION: Class.OTHER,
    Kind.KEY: Class.OTHER,
    Kind.BAD: Class.OTHER,
    Kind.PLAIN: Class.OTHER,
}


@record
class Rule:
    """One kind of piece, as it can stand in one state."""

    pattern: str
    """A regular expression without groups that count, looks ahead or looks behind; empty matches at once."""
    kind: Kind
    ahead: str = ""
    """What has to follow."""
    unless: tuple[str, ...] = ()
    """What may not follow."""
    enter: str = ""
    """The state that begins behind the piece and ends with one of its `leave` rules; empty stays."""
    leave: bool = False
    """True ends the state with the piece."""

    @property
    def regex(self) -> str:
        """The whole rule as one expression, for engines that can look ahead."""
        return self._with("(?:{})")

    @property
    def group(self) -> str:
        """The same with the piece as a group that counts."""
        return self._with("({})")

    def _with(self, form: str) -> str:
        piece = form.format(self.pattern) if self.pattern else ""
        ahead = f"(?={self.ahead})" if self.ahead else ""
        return piece + ahead + "".join(f"(?!{text})" for text in self.unless)


@record
class State:
    """What can stand in one kind of place. Rules that do not leave come first where two could take the same place."""

    kind: Kind
    """The kind of what no rule takes."""
    rules: tuple[Rule, ...]
    ends_with_line: bool = False
    """True when the state ends before the end of its line, whatever is open."""


Rules = Mapping[str, State]
START = "code"


@record
class Language:
    """All that a writer of highlighters is told."""

    words: Words
    rules: Rules
    grammar: str
    """The text of `flow.lark`."""
    version: str
    """The version of leadflow that writes them."""


_FOREIGN = r"[^\x00-\x7F]"
_WORD = rf"(?:[A-Za-z_]|{_FOREIGN})(?:[A-Za-z0-9_]|{_FOREIGN})*"
_GOES_ON = rf"[A-Za-z0-9_]|{_FOREIGN}"
_ENDS = rf"[ \t]*[{END_MARKS.replace(']', chr(92) + ']')}]"

_PLAIN = r'"(?:[^"\\\n$]|\\[^\n]|\$+(?:[^{"\\\n$]|\\[^\n]))*\$*"'
_IN_HOLE = rf'[^{{}}"\n]*(?:{_PLAIN}[^{{}}"\n]*)*'
"""What stands in a hole of a string: no braces, one line, plain strings."""
_IN_BLOCK_HOLE = rf'[^{{}}"\n]*(?:{_PLAIN}[^{{}}"\n]+)*(?:{_PLAIN})?'
"""The same between triple quotes, which end the text wherever they stand."""


def rules(words: Words) -> Rules:
    """The states with their rules; a text begins in the one called `START`."""
    return {
        START: State(Kind.PLAIN, tuple(_code(words))),
        "declaration": State(Kind.PLAIN, tuple(_declaration(words))),
        "string": State(Kind.STRING, tuple(_text('"', _IN_HOLE)), ends_with_line=True),
        "block": State(Kind.STRING, tuple(_text('"""', _IN_BLOCK_HOLE))),
        "hole": State(Kind.PLAIN, tuple(_hole(words))),
        "plain": State(Kind.STRING, (Rule(r"\\[^\n]", Kind.ESCAPE), Rule('"', Kind.STRING, leave=True))),
    }


def _code(words: Words) -> Iterator[Rule]:
    yield Rule(r"#[^\n]*", Kind.COMMENT)
    yield Rule('"""', Kind.STRING, enter="block")
    yield Rule('"', Kind.STRING, enter="string")
    yield from _names_and_numbers(words)
    for group in (words.reserved, words.soft):
        declaring = [word for word in group if word in words.declaring]
        yield Rule(_one_of(declaring), Kind.KEYWORD, unless=_after(group, words), enter="declaration")
    yield from _keywords(words)
    yield Rule(_WORD, Kind.PLAIN)


def _hole(words: Words) -> Iterator[Rule]:
    yield Rule(r"\}", Kind.HOLE, leave=True)
    yield Rule(f"#{_IN_HOLE}", Kind.COMMENT)
    yield Rule('"', Kind.STRING, enter="plain")
    yield from _names_and_numbers(words)
    yield from _keywords(words)
    yield Rule(_WORD, Kind.PLAIN)


def _declaration(words: Words) -> Iterator[Rule]:
    """Between a keyword and the name that it gives, which may be any word that is not reserved."""
    yield Rule(r"#[^\n]*", Kind.COMMENT)
    yield Rule(_WORD, Kind.NAME, ahead=r"[ \t]*:", unless=(r"[ \t]*:=",), leave=True)
    again = [word for word in words.declaring if word in words.reserved]
    yield Rule(_one_of(again), Kind.KEYWORD, unless=(_GOES_ON, r"[ \t]*:"))
    for kind, group in _groups(words):
        yield Rule(_one_of([word for word in group if word not in again]), kind, unless=(_GOES_ON,), leave=True)
    yield Rule(_WORD, Kind.NAME, leave=True)
    yield Rule("", Kind.PLAIN, ahead=r"[^ \t\n#]", leave=True)


def _text(quotes: str, hole: str) -> Iterator[Rule]:
    yield Rule(r"\$\$\{", Kind.ESCAPE)
    yield Rule(r"\\u\{[0-9A-Fa-f]*\}", Kind.ESCAPE)
    yield Rule(r"\\[^\n]", Kind.ESCAPE)
    yield Rule(r"\$\{", Kind.HOLE, ahead=rf"{hole}\}}", enter="hole")
    yield Rule(quotes, Kind.STRING, leave=True)
    yield Rule(r'[^"\\$\n]+', Kind.STRING)


def _names_and_numbers(words: Words) -> Iterator[Rule]:
    """Numbers, what only begins like one, and words that are names whatever they say."""
    for number in words.numbers:
        yield Rule(number, Kind.NUMBER, unless=(_GOES_ON, r"\.[0-9]"))
    yield Rule(rf"\$?[0-9](?:[0-9A-Za-z_]|{_FOREIGN}|\.+(?:[0-9A-Za-z_]|{_FOREIGN}))*", Kind.BAD)
    yield Rule(rf"\??\.[ \t]*{_WORD}", Kind.PLAIN)
    yield Rule(rf"@[ \t]*{_WORD}", Kind.ANNOTATION)
    yield Rule(_WORD, Kind.KEY, ahead=r"[ \t]*:", unless=(r"[ \t]*:=",))


def _keywords(words: Words) -> Iterator[Rule]:
    for kind, group in _groups(words):
        yield Rule(_one_of(group), kind, unless=(_GOES_ON,))
    yield Rule(_one_of(words.soft), Kind.KEYWORD, unless=_after(words.soft, words))


def _groups(words: Words) -> Iterator[tuple[Kind, Sequence[str]]]:
    """The reserved words by kind."""
    yield Kind.CONSTANT, words.constants
    yield Kind.OPERATOR, words.operators
    yield Kind.KEYWORD, [word for word in words.reserved if word not in words.constants + words.operators]


def _after(group: Sequence[str], words: Words) -> tuple[str, ...]:
    """What may not follow a keyword of a group."""
    return (_GOES_ON, _ENDS) if group is words.soft else (_GOES_ON,)


def _one_of(words: Sequence[str]) -> str:
    """The pattern of some words: longer ones first, for engines that do not come back to try another."""
    return f"(?:{'|'.join(sorted(words, key=lambda word: (-len(word), word)))})"
