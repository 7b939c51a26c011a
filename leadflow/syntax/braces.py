"""Brackets: which closes which, and where braces and indents first disagree (rule D11).

Lines mean nothing to the grammar, but an author indents what stands in braces; so a brace that is missing or too many
is looked for where the two tell different stories, not where the parser is surprised.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from leadflow.syntax.lexer import Tokens
from leadflow.syntax.trouble import CLOSERS, OPENERS, STATEMENTS, starts_declaration


class Fault(NamedTuple):
    """A brace that has no partner where its indent says."""

    kind: Literal["open", "extra"]
    token: int
    """The `{` that is not closed, or the `}` too many."""
    other: int
    """What shows it: the token before which the `{` should end, the `{` that the `}` would close; -1 for none."""


@dataclass(slots=True)
class Braces:
    """The brackets of a file, looked at when they are first needed."""

    tokens: Tokens
    _partners: dict[int, int] | None = None
    _openers: dict[int, int] | None = None
    _fault: Fault | None = None
    _looked: bool = field(default=False)

    @property
    def fault(self) -> Fault | None:
        """Where braces and indents first disagree."""
        if not self._looked:
            self._looked = True
            self._fault = _first_fault(self.tokens)
        return self._fault

    def opener(self, closer: int) -> int:
        """The bracket that a closing one closes; -1 for none."""
        if self._openers is None:
            self._openers = {last: first for first, last in self._pairs().items()}
        return self._openers.get(closer, -1)

    def closes(self, opener: int) -> bool:
        """True when an opening bracket has one that closes it."""
        return opener in self._pairs()

    def _pairs(self) -> dict[int, int]:
        if self._partners is None:
            self._partners = _partners(self.tokens)
        return self._partners

    def past(self, opener: int) -> int | None:
        """The token after what an opening bracket encloses; None when that cannot be trusted."""
        closer = self._pairs().get(opener)
        if closer is None:
            return None
        tokens = self.tokens
        if tokens.kinds[opener] == "LBRACE":
            agrees = not tokens.begins_line(closer) or indent(tokens, opener) == column(tokens, closer)
            return closer + 1 if agrees else None
        within = range(opener + 1, closer)
        broken = any(tokens.kinds[n] in STATEMENTS - {"IF", "MATCH"} or starts_declaration(tokens, n) for n in within)
        return None if broken else closer + 1


def _partners(tokens: Tokens) -> dict[int, int]:
    """Opening bracket -> the one that closes it. A closing one passes over open ones of other kinds."""
    partners: dict[int, int] = {}
    waiting: list[int] = []
    for token, kind in enumerate(tokens.kinds[: tokens.count]):
        if kind in OPENERS:
            waiting.append(token)
        elif kind in CLOSERS:
            for height in range(len(waiting) - 1, -1, -1):
                if tokens.kinds[waiting[height]] == CLOSERS[kind]:
                    partners[waiting[height]] = token
                    del waiting[height:]
                    break
    return partners


def _first_fault(tokens: Tokens) -> Fault | None:
    waiting: list[int] = []
    for token, kind in enumerate(tokens.kinds[: tokens.count]):
        if kind == "LBRACE":
            waiting.append(token)
        elif kind == "RBRACE":
            if not waiting:
                return Fault("extra", token, -1)
            opener = waiting[-1]
            if tokens.begins_line(token) and not _same_line(tokens, opener, token):
                deeper = column(tokens, token) - indent(tokens, opener)
                if deeper:
                    return Fault("open", opener, token) if deeper < 0 else Fault("extra", token, opener)
            waiting.pop()
        elif waiting and (kind == "$END" or starts_declaration(tokens, token)):
            return Fault("open", waiting[-1], token if kind != "$END" else -1)
    return None


def column(tokens: Tokens, token: int) -> int:
    """Characters before a token on its line."""
    return tokens.starts[token] - (tokens.text.rfind("\n", 0, tokens.starts[token]) + 1)


def indent(tokens: Tokens, token: int) -> int:
    """Spaces at the begin of the line that a token stands on."""
    start = end = tokens.text.rfind("\n", 0, tokens.starts[token]) + 1
    while tokens.text[end : end + 1] in (" ", "\t"):
        end += 1
    return end - start


def _same_line(tokens: Tokens, first: int, second: int) -> bool:
    return tokens.text.find("\n", tokens.starts[first], tokens.starts[second]) < 0
