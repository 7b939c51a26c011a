"""Tokens -> tree: lark's LALR(1) tables, driven by one loop that puts nodes on its stack.

Knows how tables are driven. What a node is made of stands in `build`, what to do about a mistake in `recover`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any, NamedTuple

from leadflow.diagnostics import Report, Source
from leadflow.syntax import messages, tree
from leadflow.syntax.build import BUILDERS
from leadflow.syntax.lexer import Tokens, tokenise
from leadflow.syntax.maker import Build, Kids, Maker
from leadflow.syntax.tables import Tables, load


def parse(source: Source, report: Report, *, ids: Iterator[int] | None = None) -> tree.File:
    """The tree of a source. What is wrong with it goes to `report`; what could be understood is in the tree.

    `ids` numbers the nodes; pass one iterator for all files of a load.
    """
    tokens = tokenise(source.name, source.text)
    maker = Maker(tokens, report, ids or count(), _hole)
    file = Machine(tokens, maker, "start").run()
    if isinstance(file, tree.File):
        return file
    return tree.File(1, None, (), id=maker.id(), span=source.whole)


@dataclass(slots=True)
class Machine:
    """A parser in the middle of its work: three stacks of the same height, but for the state at the bottom."""

    tokens: Tokens
    maker: Maker
    start: str
    states: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    """Where the text of each value begins."""

    def run(self) -> object:
        """The value of the start symbol."""
        tables = load()
        self.states.append(tables.starts[self.start])
        token = 0
        while True:
            token = self._feed(tables, token)
            if token < 0:
                return self.values[-1]
            self.maker.say(messages.unexpected(self.tokens.span(token), self.tokens.written(token)))
            return None

    def _feed(self, tables: Tables, token: int) -> int:
        """Take tokens until one cannot follow, which is returned; -1 at the end."""
        rows, rules, soft = tables.rows, _rules(), _soft()
        states, values, begins, maker = self.states, self.values, self.begins, self.maker
        kinds, starts, ends = self.tokens.kinds, self.tokens.starts, self.tokens.ends
        finish = tables.ends[self.start]
        end = ends[token - 1] if token else 0
        while True:
            kind = kinds[token]
            row = rows[states[-1]]
            while True:
                target = row.get(kind)
                if target is None:
                    target = row.get("NAME") if kind in soft else None
                    if target is None:
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
            if kind == "$END":
                return token
            states.append(target)
            values.append(token)
            begins.append(starts[token])
            end = ends[token]
            token += 1


def _hole(maker: Maker, start: int, end: int) -> tree.Expr:
    """The expression in a hole of a string."""
    tokens = tokenise(maker.tokens.file, maker.tokens.text, start, end)
    inside = Maker(tokens, maker.report, maker.ids, _hole)
    value: Any = Machine(tokens, inside, "expr").run()
    expr: tree.Expr = value
    return expr if expr is not None else tree.BadExpr(id=maker.id(), span=maker.span(start, end))


def _kids(found: list[Any], picks: tuple[int | None, ...]) -> Kids:
    """The children of a rule that has lists in it or leaves something out."""
    first = picks[0] if picks else None
    if first is not None and first < 0:
        kids: Kids = found[~first]
        picks = picks[1:]
    else:
        kids = []
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
def _rules() -> list[_Reduction]:
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
def _soft() -> frozenset[str]:
    """Keywords that are names where no keyword is expected."""
    tables = load()
    name = re.compile(dict(tables.patterns)["NAME"])
    return frozenset(kind for text, kind in tables.fixed.items() if name.fullmatch(text))
