"""The tables that lark made from the grammar, loaded from data. Knows their form, not the language they describe."""

import json
from functools import cache
from typing import Any, Literal, NamedTuple

from leadflow.record import record
from leadflow.resources import grammar_tables


class Rule(NamedTuple):
    """One rule of the grammar, as the parser reduces it."""

    origin: str
    """The nonterminal it makes."""
    builder: str
    """The name under which `leadflow.syntax.build` makes its node."""
    symbols: tuple[str, ...]
    """What it takes from the stack."""
    kind: Literal["pass", "list", "node"]
    """`pass`: the value is that of its one child; `list`: its children belong to the parent; `node`: it is built."""
    picks: tuple[int | None, ...]
    """The children: symbol `n`, all items of the list in symbol `-n - 1`, or None for an optional part left out."""


@record
class Tables:
    """An LALR(1) parser as data."""

    rows: list[dict[str, int]]
    """For each state: symbol -> the next state, or `-n - 1` to reduce by rule n."""
    rules: list[Rule]
    starts: dict[str, int]
    ends: dict[str, int]
    patterns: list[tuple[str, str]]
    """Terminals that are regular expressions, the first to be tried first."""
    fixed: dict[str, str]
    """Text of each other terminal -> its name."""


@cache
def load() -> Tables:
    """The tables of the installed grammar; read once."""
    data: dict[str, Any] = json.loads(grammar_tables())
    rules = [
        Rule(origin, builder, tuple(symbols), kind, tuple(picks))
        for origin, builder, symbols, kind, picks in data["rules"]
    ]
    patterns = [(name, pattern) for name, pattern in data["patterns"]]
    return Tables(data["rows"], rules, data["starts"], data["ends"], patterns, data["fixed"])
