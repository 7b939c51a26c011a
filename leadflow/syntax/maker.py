"""What builders share: the tokens, the numbers of nodes, the report, the doc comments that wait for their node."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from leadflow.diagnostics import Diagnostic, Report, Span
from leadflow.syntax import messages, messages_source, tree
from leadflow.syntax.docs import Doc
from leadflow.syntax.lexer import Tokens, keyword

Kids: TypeAlias = list[Any]
"""The children of a rule, in order: what they are the grammar says. An int is the number of a token."""

Build: TypeAlias = "Callable[[Maker, Kids, int, int], object]"
"""Makes the value of a rule out of its children and the place `[start, end)` of its text."""

BUILDERS: dict[str, Build] = {}
"""Name of a rule of the grammar (its alias, if it has one) -> its builder."""


def builds(*names: str) -> Callable[[Build], Build]:
    """Register the builder of rules of the grammar."""

    def register(build: Build) -> Build:
        BUILDERS.update(dict.fromkeys(names, build))
        return build

    return register


FOREIGN_VALUES = {"True": "true", "False": "false", "None": "none", "null": "none", "nil": "none", "undefined": "none"}
"""What other languages call `true`, `false` and `none`; a file may use these words as names of its own."""

_FOREIGN_OPERATORS = {
    "&&": "and",
    "||": "or",
    "===": "==",
    "=": "==",
    ":=": "==",
    "!==": "!=",
    "<>": "!=",
    "**": "*",
    "is": "==",
}
"""Operators of other languages, each reported where it stands, and what the tree has instead."""

MOST_NESTED = 100
"""How deep expressions stand in each other, and statements: every later phase may recurse."""


@dataclass(slots=True)
class Maker:
    """Makes names and places out of tokens."""

    tokens: Tokens
    report: Report
    ids: Iterator[int]
    hole: "Callable[[Maker, int, int], tree.Expr]"
    """Parses the expression in a hole of a string: `[start, end)` of the text."""
    docs: dict[int, Doc] = field(default_factory=dict)
    """Where a token stands -> the `##` lines directly above it, until a node takes them."""

    foreign: dict[str, list[Span]] = field(default_factory=dict)
    """Where words of `FOREIGN_VALUES` are read as values."""
    bound: set[str] = field(default_factory=set)
    """The words of `FOREIGN_VALUES` that name something in this file."""
    kept: set[str] = field(default_factory=set)
    """The keywords that name something in this file, which is said where they do."""
    said: set[str] = field(default_factory=set)
    """What is said once for a file."""
    heights: dict[int, int] = field(default_factory=dict)
    """Node -> how many levels of nodes stand in it, for those that hold others."""

    def id(self) -> int:
        """The number of a new node."""
        return next(self.ids)

    def span(self, start: int, end: int) -> Span:
        """A place in this file."""
        return Span(self.tokens.file, start, end)

    def ident(self, token: int) -> tree.Ident:
        """The name that a word, `word:` or `.word` is."""
        text, end = self.tokens.written(token), self.tokens.ends[token]
        name = text.lstrip("!?. \t\n")
        if name in FOREIGN_VALUES:
            self.bound.add(name)
        return tree.Ident(name, id=next(self.ids), span=Span(self.tokens.file, end - len(name), end))

    def name(self, start: int, end: int) -> tree.Name:
        """The reference to a name that stands in `[start, end)`."""
        text = self.tokens.text[start:end]
        if text in FOREIGN_VALUES:
            self.foreign.setdefault(text, []).append(self.span(start, end))
        return tree.Name(text, id=self.id(), span=self.span(start, end))

    def value_name(self, token: int) -> tree.Ident:
        """The name of a value, which no keyword can be (rule D4)."""
        name = self.ident(token)
        kind = keyword(name.text) if name.text.isascii() else None
        if kind is not None and name.text:
            self.say(self.reserved(name.span, name.text, later=kind == "RESERVED"))
        return name

    def reserved(self, span: Span, word: str, *, later: bool) -> Diagnostic:
        """What is said of a keyword that names something, once: where it is read it is that name from here on."""
        self.kept.add(word)
        free = f"{word}_"
        while free in self.tokens.text:
            free += "_"
        return messages.reserved(span, word, free=free, later=later)

    def say(self, diagnostic: Diagnostic) -> None:
        """Report what is wrong with something that could still be built."""
        self.report(diagnostic)

    def doc(self, start: int, annotations: Sequence[tree.Annotation] = ()) -> str | None:
        """The `##` lines above what starts here, annotations included."""
        if not self.docs:
            return None
        doc = self.docs.pop(annotations[0].span.start if annotations else start, None)
        return doc.text if doc else None

    def without_comma(self, end: int) -> int:
        """The end of something that may have a comma after it, without that comma."""
        tokens = self.tokens
        if tokens.text[end - 1] != ",":
            return end
        return tokens.ends[bisect_left(tokens.starts, end - 1, hi=tokens.count) - 1]

    def nest(self, node: tree.Expr, parts: Iterable[tree.Node]) -> tree.Expr:
        """An expression that holds others; a BadExpr when it holds more levels of them than a file may."""
        heights = self.heights
        height = max([heights.get(part.id, 0) for part in parts], default=0) + 1
        if height > MOST_NESTED:
            self._say_too_deep(node, "too many operators, members and calls inside each other")
            return tree.BadExpr(id=node.id, span=node.span)
        heights[node.id] = height
        return node

    def deepen(self, node: tree.Node, parts: Iterable[tree.Node | None]) -> bool:
        """Note how deep a statement is; False when it is deeper than a statement may be."""
        heights = self.heights
        height = max([heights.get(part.id, 0) for part in parts if part is not None], default=0) + 1
        if height > MOST_NESTED:
            self._say_too_deep(node, "too many statements inside each other")
            return False
        heights[node.id] = height
        return True

    def _say_too_deep(self, node: tree.Node, what: str) -> None:
        if what not in self.said:
            self.said.add(what)
            self.say(messages_source.too_large(node.span, what, limit=str(MOST_NESTED)))

    def operator(self, token: int) -> tree.BinaryOp:
        """The operator that a token is, or that one of another language was meant to be."""
        written: Any = self.tokens.written(token)
        operator: tree.BinaryOp = _FOREIGN_OPERATORS.get(written, written)
        return operator
