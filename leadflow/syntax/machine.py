"""The loop that drives the tables: tokens in, nodes on the stack. Knows tables, neither words nor mistakes."""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from leadflow.syntax.build import BUILDERS
from leadflow.syntax.lexer import Tokens
from leadflow.syntax.maker import Build, Kids, Maker
from leadflow.syntax.tables import load


@dataclass(slots=True)
class Machine:
    """A parser in the middle of its work: stacks of equal height, but for the first state below all."""

    tokens: Tokens
    maker: Maker
    start: str
    """What is parsed: `start` or `expr`."""
    states: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    """What each symbol on the stack is: the number of a token, or what its builder made."""
    begins: list[int] = field(default_factory=list)
    """Where the text of each value begins."""
    end: int = 0
    """Where the text of the last value ends."""

    def __post_init__(self) -> None:
        self.states.append(load().starts[self.start])

    def feed(self, token: int, *, only: bool = False) -> int:
        """Take tokens until one cannot follow, which is returned; -1 when the last one was taken.

        With `only`, take this one and return the next.
        """
        rows, rules, soft, finish = load().rows, _reductions(), soft_keywords(), load().ends[self.start]
        states, values, begins, maker = self.states, self.values, self.begins, self.maker
        kinds, starts, ends, wrong = self.tokens.kinds, self.tokens.starts, self.tokens.ends, self.tokens.mistakes
        end = self.end
        while True:
            kind = kinds[token]
            row = rows[states[-1]]
            while True:
                target = row.get(kind)
                if target is None:
                    target = row.get("NAME") if kind in soft else None
                    if target is None:
                        self.end = end
                        return token
                if target >= 0:
                    break
                origin, build, size, skip, passes, picks, lists = rules[~target]
                if passes and size == 1:
                    states.pop()
                else:
                    if size:
                        found = values[-size:]
                        begin = begins[-size]
                        inner = begins[skip - size]
                        del states[-size:], values[-size:], begins[-size:]
                    else:
                        found = []
                        inner = begin = starts[token]
                    if passes:
                        values.append(found[picks[0]])
                    else:
                        kids = _kids(found, picks) if lists else [found[pick] for pick in picks]
                        values.append(build(maker, kids, inner, end) if build else kids)
                    begins.append(begin)
                states.append(rows[states[-1]][origin])
                row = rows[states[-1]]
                if kind == "$END" and states[-1] == finish:
                    return -1
            states.append(target)
            values.append(token)
            begins.append(starts[token])
            if wrong and token in wrong:
                for diagnostic in wrong.pop(token):
                    maker.say(diagnostic)
            end = ends[token]
            token += 1
            if only:
                self.end = end
                return token

    # --- what recovery asks and does --------------------------------------------------------------------------------

    def takes(self, *kinds: str, height: int | None = None, exact: bool = False) -> bool:
        """True when tokens of these kinds could follow, on the stack cut to a height.

        With `exact`, keywords that could follow as names do not count.
        """
        tables, soft = load(), soft_keywords()
        rows, rules = tables.rows, tables.rules
        states = self.states[: None if height is None else height + 1]
        for kind in kinds:
            while True:
                row = rows[states[-1]]
                target = row.get(kind)
                if target is None and kind in soft and not exact:
                    target = row.get("NAME")
                if target is None:
                    return False
                if target >= 0:
                    states.append(target)
                    break
                rule = rules[~target]
                if rule.symbols:
                    del states[-len(rule.symbols) :]
                states.append(rows[states[-1]][rule.origin])
                if kind == "$END" and states[-1] == tables.ends[self.start]:
                    return True
        return True

    def cut(self, height: int) -> None:
        """Drop what stands above a height of the stack."""
        del self.states[height + 1 :], self.values[height:], self.begins[height:]

    def symbols(self) -> list[str]:
        """What stands on the stack: names of terminals and rules."""
        names = state_symbols()
        return [names[state] for state in self.states[1:]]

    def expected(self) -> list[str]:
        """The terminals that can follow."""
        return [kind for kind in load().rows[self.states[-1]] if kind[0] in _TERMINAL and self.takes(kind)]


_TERMINAL = "$ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _kids(found: list[Any], picks: tuple[int | None, ...]) -> Kids:
    """The children of a rule that has lists in it or leaves something out. A first list is taken as it is."""
    first = picks[0] if picks else None
    kids: Kids = []
    if first is not None and first < 0:
        kids, picks = found[~first], picks[1:]
    for pick in picks:
        if pick is None:
            kids.append(None)
        elif pick >= 0:
            kids.append(found[pick])
        else:
            kids.extend(found[~pick])
    return kids


class _Reduction(NamedTuple):
    """A rule, ready for the loop."""

    origin: str
    build: "Build | None"
    size: int
    skip: int
    """1 when the place of the node begins after its first symbol, which is the annotations above it."""
    passes: bool
    picks: Any
    lists: bool


@cache
def _reductions() -> list[_Reduction]:
    return [
        _Reduction(
            rule.origin,
            BUILDERS[rule.builder] if rule.kind == "node" else None,
            len(rule.symbols),
            int(rule.symbols[:1] == ("annotations",)),
            rule.kind == "pass",
            rule.picks,
            any(pick is None or pick < 0 for pick in rule.picks),
        )
        for rule in load().rules
    ]


@cache
def soft_keywords() -> frozenset[str]:
    """Terminals of the keywords that are names where no keyword is expected."""
    tables = load()
    name = re.compile(dict(tables.patterns)["NAME"])
    return frozenset(kind for text, kind in tables.fixed.items() if name.fullmatch(text))


@cache
def hard_keywords() -> frozenset[str]:
    """Terminals of the keywords that are never names of values."""
    return frozenset(kind for text, kind in load().fixed.items() if text.isidentifier()) - soft_keywords()


@cache
def state_symbols() -> list[str]:
    """State -> the symbol that leads to it."""
    tables = load()
    names = [""] * len(tables.rows)
    for row in tables.rows:
        for symbol, target in row.items():
            if target >= 0:
                names[target] = symbol
    return names
