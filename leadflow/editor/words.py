"""The words of the grammar as a highlighter has to know them. Knows the tables of the grammar, no editor.

A *reserved* word is a keyword wherever it stands, a *soft* one only where the grammar expects it: `test` opens a test
and may name a step. A highlighter does not parse; it takes a soft word for a keyword unless a mark stands behind it
that no keyword stands before (`END_MARKS`), as in `run.id`, `f(test)` and `most = 3`.
"""

import re
from functools import cache

from leadflow.record import record
from leadflow.syntax.tables import Tables, load

END_MARKS = ".,)]}=?|+*/%<>!"
"""What begins the marks that follow a value and never a soft keyword; a test holds it against the grammar."""

_CONSTANTS = frozenset({"TRUE", "FALSE", "NONE"})
_OPERATORS = frozenset({"AND", "OR", "NOT", "IN"})
_NO_NAME = frozenset({"ON"})
"""Begins a declaration, and the name behind it is not one that it gives: `on cron(…)`."""

_NUMBERS = ("DURATION", "SIZE", "MONEY", "FLOAT", "INT")


@record
class Words:
    """The words and numbers of the language. Each tuple of words is sorted."""

    constants: tuple[str, ...]
    """Words that are values."""
    operators: tuple[str, ...]
    """Words between or before values."""
    reserved: tuple[str, ...]
    """All words that are never names, the two kinds above and those kept for later included."""
    soft: tuple[str, ...]
    """Words that are keywords only where one is expected."""
    declaring: tuple[str, ...]
    """Those of both kinds that stand before the name which a declaration, a step or a `let` gives."""
    numbers: tuple[str, ...]
    """Patterns of numbers with their units, the first to be tried first; what may not follow is not in them."""

    @property
    def keywords(self) -> tuple[str, ...]:
        """Every word that is a keyword somewhere."""
        return tuple(sorted({*self.reserved, *self.soft}))


@cache
def words() -> Words:
    """The words of the installed grammar."""
    return read_words(load())


def read_words(tables: Tables) -> Words:
    """The words of a grammar's tables."""
    fixed = {text: kind for text, kind in tables.fixed.items() if re.fullmatch("[a-z]+", text)}
    patterns = dict(tables.patterns)
    reserved = set(patterns["NAME"].partition("(?!(?:")[2].partition(")")[0].split("|"))
    declaring = _declaring(tables)
    return Words(
        constants=tuple(sorted(text for text, kind in fixed.items() if kind in _CONSTANTS)),
        operators=tuple(sorted(text for text, kind in fixed.items() if kind in _OPERATORS)),
        reserved=tuple(sorted(reserved)),
        soft=tuple(sorted(fixed.keys() - reserved)),
        declaring=tuple(sorted(text for text, kind in fixed.items() if kind in declaring)),
        numbers=tuple(patterns[kind].removesuffix(r"\b") for kind in _NUMBERS),
    )


def _declaring(tables: Tables) -> set[str]:
    """The terminals that stand between the annotations of a declaration or statement and a name."""
    found = set()
    for rule in tables.rules:
        match rule.symbols:
            case ("annotations", keyword, "NAME" | "KEY" | "bound", *_) if keyword not in _NO_NAME:
                found.add(keyword)
    return found
