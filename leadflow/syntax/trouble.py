"""A token that cannot follow, and what is around it: the questions that explanations and recovery ask.

Knows the stack of the parser and the tokens; says nothing.
"""

from dataclasses import dataclass
from typing import Literal

from leadflow.diagnostics import Edit, Fix, Span
from leadflow.syntax.lexer import Tokens
from leadflow.syntax.machine import Machine, hard_keywords, soft_keywords
from leadflow.syntax.tables import load

DECLARATIONS = {"USE", "TYPE", "AGENT", "TOOL", "POLICY", "CONST", "FLOW", "ON", "PROFILE", "TEST"}
STATEMENTS = {"STEP", "LET", "IF", "MATCH", "RETURN", "YIELD", "FAIL"}
OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSERS = {close: open_ for open_, close in OPENERS.items()}
VALUES = {
    "NAME",
    "STRING",
    "TEXT_LINE",
    "TEXT_BLOCK",
    "INT",
    "FLOAT",
    "DURATION",
    "MONEY",
    "SIZE",
    "TRUE",
    "FALSE",
    "NONE",
}
"""Terminals that begin a value and nothing else."""

Place = Literal[
    "file", "hole", "block", "test", "profile", "policy", "settings", "fields", "record", "match", "match value",
    "arguments", "parameters", "imports", "group", "list",
]  # fmt: skip

_PLACES: dict[str, Place] = {
    "argument": "arguments",
    "param": "parameters",
    "used_name": "imports",
    "mock": "test",
    "agent_override": "profile",
    "step": "block",
    "annotation": "policy",
    "setting": "settings",
    "field": "fields",
    "entry": "record",
    "arm": "match",
    "value_arm": "match value",
    "comprehension": "list",
    "list": "list",
}
"""What can follow an opening bracket -> what stands in the brackets; the first that fits."""


@dataclass(slots=True)
class Trouble:
    """A token that cannot follow what stands on the stack."""

    machine: Machine
    token: int
    tokens: Tokens
    kind: str
    symbols: list[str]
    """What stands on the stack."""
    opener: int
    """Where on the stack the innermost open bracket stands; -1 for none."""
    place: Place
    """What stands in the innermost open brackets."""

    @property
    def written(self) -> str:
        """The token as it is written, short."""
        text = self.tokens.written(self.token)
        return text if len(text) <= 40 and "\n" not in text else text[:30].split("\n")[0] + "…"

    @property
    def found(self) -> str:
        """The token for a message."""
        return "the end of the file" if self.kind == "$END" else f"'{self.written}'"

    @property
    def span(self) -> Span:
        """Where the token stands; the end of the text is the place after what stands last."""
        if self.kind == "$END":
            return Span(self.tokens.file, self.machine.end, self.machine.end)
        return self.tokens.span(self.token)

    @property
    def before(self) -> int:
        """The token before this one; -1 for none."""
        return self.token - 1

    @property
    def kind_before(self) -> str:
        """The kind of the token before; empty for none."""
        return self.tokens.kinds[self.token - 1] if self.token else ""

    @property
    def inside(self) -> list[str]:
        """What stands on the stack above the innermost open bracket."""
        return self.symbols[self.opener + 1 :]

    @property
    def item(self) -> list[str]:
        """What stands on the stack of the item that is broken: without the items before it."""
        inside = self.inside
        first = 1 if inside and (inside[0].startswith("__") or inside[0] == "edition") else 0
        return (
            inside[2:] if inside[:1] == ["edition"] and inside[1:2] and inside[1].startswith("__") else inside[first:]
        )

    def takes(self, *kinds: str) -> bool:
        """True when tokens of these kinds could stand here."""
        return self.machine.takes(*kinds)

    @property
    def wants_value(self) -> bool:
        """True when an expression must begin here."""
        return self.takes("FLOAT") and self.takes("NAME")

    @property
    def begins_value(self) -> bool:
        """True when the token begins a value."""
        return self.kind in VALUES or self.kind in soft_keywords()

    @property
    def names_value(self) -> bool:
        """True when the token is a keyword that names something in this file, which is a mistake that was said."""
        return names_value(self.machine, self.token)

    @property
    def is_word(self) -> bool:
        """True when the token is a word."""
        return self.is_word_at(self.token)

    def is_word_at(self, token: int) -> bool:
        """True when a token is a word."""
        return self.tokens.written(token)[:1].isidentifier()

    def kind_at(self, token: int) -> str:
        """The kind of a token, `$END` past the end."""
        return self.tokens.kinds[token] if 0 <= token < self.tokens.count else "$END"


def trouble(machine: Machine, token: int) -> Trouble:
    """What is around a token that cannot follow."""
    symbols = machine.symbols()
    opener = (open_brackets(symbols) or [-1])[-1]
    place: Place = "file" if machine.start == "start" else "hole"
    if opener >= 0:
        row = load().rows[machine.states[opener + 1]]
        place = next((name for symbol, name in _PLACES.items() if symbol in row), "group")
        if place == "list" and symbols[opener] != "LSQB":
            place = "group"
        if symbols[opener] == "LPAR" and place not in {"arguments", "parameters", "imports"}:
            place = "group"
    return Trouble(machine, token, machine.tokens, machine.tokens.kinds[token], symbols, opener, place)


def open_brackets(symbols: list[str]) -> list[int]:
    """Where on a stack brackets stand that are not closed, the innermost last."""
    waiting: list[int] = []
    for height, symbol in enumerate(symbols):
        if symbol in OPENERS:
            waiting.append(height)
        elif symbol in CLOSERS:
            waiting.pop()
    return waiting


def starts_declaration(tokens: Tokens, token: int) -> bool:
    """True when a declaration begins with a token: it has no indent, and is no name of a field."""
    start = tokens.starts[token]
    if tokens.kinds[token] not in DECLARATIONS and tokens.kinds[token] != "ABOVE":
        return False
    return start == 0 or tokens.text[start - 1] == "\n"


def starts_statement(tokens: Tokens, token: int) -> bool:
    """True when a statement begins with a token. `if` and `match` also begin values, so only at the begin of a line."""
    kind = tokens.kinds[token]
    if kind in {"IF", "MATCH", "ABOVE"}:
        return tokens.begins_line(token) and tokens.kinds[token - 1] not in {"EQUAL", "ELSE", "COMMA", "LPAR", "LSQB"}
    return kind in STATEMENTS


def is_hard(kind: str) -> bool:
    """True for a keyword that never names a value, also for those kept for later."""
    return kind in hard_keywords() or kind == "RESERVED"


def names_value(machine: Machine, token: int) -> bool:
    """True when a token is a keyword that names something in this file, which is a mistake that was said."""
    kept = machine.maker.kept
    return bool(kept) and is_hard(machine.tokens.kinds[token]) and machine.tokens.written(token) in kept


def edits(title: str, *changes: tuple[Span, str], safe: bool = False) -> Fix:
    """A fix of several edits."""
    return Fix(title, tuple(Edit(span, text) for span, text in changes), safe)


def at(span: Span) -> Span:
    """The place before a span."""
    return Span(span.file, span.start, span.start)


def behind(span: Span) -> Span:
    """The place after a span."""
    return Span(span.file, span.end, span.end)
