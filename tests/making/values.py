"""Random words, numbers, strings and types: every one that the grammar allows, and odd ones first.

All chance comes from one `random.Random`, which hypothesis can be behind.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Literal, TypedDict, TypeVar

from leadflow.diagnostics import Span
from leadflow.syntax import tree

T = TypeVar("T")

NOWHERE = Span("<generated>", 0, 0)

NAMES = [
    *("a", "b", "x1", "_x", "ticket", "fast", "crm", "a_rather_long_name_for_a_value", "Topic", "none_of", "iff"),
    *(
        "use",
        "as",
        "type",
        "agent",
        "tool",
        "policy",
        "const",
        "flow",
        "on",
        "run",
        "profile",
        "test",
        "mock",
        "expect",
    ),
    *("at", "most", "per", "until", "undo", "after", "second", "minute", "hour", "day", "list", "string", "json"),
]
"""Names of values. Many are words of the language that are keywords only where one is expected."""

WORDS = [*NAMES, *("if", "then", "else", "in", "for", "not", "and", "or", "none", "true", "step", "match", "when")]
"""Names before `:` and after `.`, where nothing is a keyword."""

KEYS = ["x-id", "", " ", "a b", 'say "hi"', "${", "new\nline", "\u00e9", "7"]
"""Field names that have to be quoted."""

SCRAPS = [
    *(
        "plain words",
        " ",
        "\n",
        "\t",
        "\\",
        '"',
        '""',
        '"""',
        "$",
        "$$",
        "${",
        "$${",
        "{",
        "}",
        "{}",
        "\\n",
        "#",
        "##",
        "//",
    ),
    *(
        "'",
        "@",
        "\u00e9",
        "\u65e5\u672c",
        "\U0001f600",
        "\u200d",
        "\u202e",
        "\u00a0",
        "\u2028",
        "\r",
        "\x00",
        "\x1b",
        "\ufeff",
    ),
    *("\n\n", "  indented", "trailing  ", " \n ", "a line\nanother line"),
    "a longer piece of text that takes its part of a line, so that lines become full and have to break",
]
"""Pieces of strings."""

COMPARISONS: list[tree.BinaryOp] = ["==", "!=", "<=", ">=", "<", ">", "in", "not in"]
OPERATORS: list[tree.BinaryOp] = [*COMPARISONS, "or", "and", "+", "-", "*", "/", "%", "??", "or", "and", "??"]


class Place(TypedDict):
    """What every node has beside its own fields."""

    id: int
    span: Span


class Words:
    """Makes what has no parts: names, strings without holes, numbers."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self._ids = count()

    def at(self) -> Place:
        """The place of a new node: it stands nowhere."""
        return {"id": next(self._ids), "span": NOWHERE}

    def often(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self.chance.randrange(100) < percent

    def several(self, make: Callable[[], T], least: int = 0, most: int = 3) -> tuple[T, ...]:
        """Some of what `make` makes."""
        return tuple(make() for _ in range(self.chance.randint(least, most)))

    def ident(self, words: list[str] = NAMES) -> tree.Ident:
        """A name."""
        return tree.Ident(self.chance.choice(words), **self.at())

    def key(self) -> tree.Ident:
        """A field's name."""
        return self.ident(KEYS if self.often(10) else WORDS)

    def dotted(self) -> tuple[tree.Ident, ...]:
        """`a`, `a.b`."""
        return (self.ident(), *self.several(lambda: self.ident(WORDS), 0, 1))

    def string(self) -> str:
        """The value of a string without holes."""
        return "".join(self.several(lambda: self.chance.choice(SCRAPS), 0, 3))

    def plain(self) -> tree.Text:
        """A string without holes on one line."""
        string = self.string()
        return tree.Text((string,) if string else (), **self.at())

    def whole(self) -> tree.Int:
        """A whole number."""
        value = self.chance.choice([0, 1, 7, 60, 1_000, 100_000, 2**53 - 1])
        return tree.Int(value, self.chance.choice([str(value), f"{value:_}"]), **self.at())

    def duration(self) -> tree.Duration:
        """A time span."""
        found: list[tuple[str, int]] = [("30s", 30_000), ("1h30m", 5_400_000), ("1.5s", 1_500), ("5ms", 5), ("0s", 0)]
        written, value = self.chance.choice(found)
        return tree.Duration(value, written, **self.at())

    def number(self) -> tree.Expr:
        """A number of any kind."""
        match self.chance.randrange(7):
            case 0:
                written = self.chance.choice(["0.5", "0.25", "12.50", "1_000.125"])
                return tree.Float(float(written), written, **self.at())
            case 1:
                return self.duration()
            case 2:
                dollars, micros = self.chance.choice([("$0.50", 500_000), ("$3", 3_000_000), ("$0.000001", 1)])
                return tree.Money(micros, dollars, **self.at())
            case 3:
                size, count = self.chance.choice([("10MB", 10_000_000), ("1KB", 1_000), ("2GB", 2_000_000_000)])
                return tree.Size(count, size, **self.at())
            case 4:
                units: list[Literal["second", "minute", "hour", "day"]] = ["second", "minute", "hour", "day"]
                per = self.duration() if self.often(30) else self.chance.choice(units)
                return tree.Rate(self.whole(), per, **self.at())
            case _:
                return self.whole()


class Values(Words, ABC):
    """Makes types and expressions. `in_hole` ones can stand in a hole of a string: no braces, no holes."""

    @abstractmethod
    def expr(self, depth: int, *, in_hole: bool = False) -> tree.Expr:
        """An expression at most so deep; `in_hole`: one that can stand in a hole of a string."""

    def text(self, depth: int) -> tree.Text:
        """A string with holes."""
        parts: list[str | tree.Expr] = []
        for _ in range(self.chance.randint(0, 4)):
            if self.often(40):
                parts.append(self.expr(depth - 1, in_hole=True))
            elif scrap := self.chance.choice(SCRAPS):
                if parts and isinstance(parts[-1], str):
                    parts[-1] += scrap
                else:
                    parts.append(scrap)
        return tree.Text(tuple(parts), self.often(30), **self.at())

    # --- types --------------------------------------------------------------------------------------------------------

    def type_expr(self, depth: int) -> tree.TypeExpr:
        """A type."""
        kind = self.chance.randrange(6) if depth > 0 else self.chance.randrange(2)
        match kind:
            case 0:
                path = (self.ident(["none"]),) if self.often(5) else self.dotted()
                return tree.NamedType(path, **self.at())
            case 1:
                return tree.LiteralType(self.string(), **self.at())
            case 2:
                args = self.several(lambda: self.type_expr(depth - 1), 1, 2)
                return tree.GenericType(self.dotted(), args, **self.at())
            case 3:
                return tree.OptionalType(self.type_expr(depth - 1), **self.at())
            case 4:
                return tree.UnionType(self.several(lambda: self._member(depth - 1), 2, 4), **self.at())
            case _:
                return tree.RecordType(self.several(lambda: self.field(depth - 1)), **self.at())

    def _member(self, depth: int) -> tree.TypeExpr:
        made = self.type_expr(depth)
        return made if not isinstance(made, tree.UnionType) else tree.OptionalType(made, **self.at())

    def field(self, depth: int) -> tree.Field:
        """A field of a record."""
        default = self.expr(depth - 1) if self.often(20) else None
        doc = self.doc() if self.often(10) else None
        made = self.type_expr(depth)
        return tree.Field(self.key(), made, default, self.annotations(depth, 15), doc, **self.at())

    def doc(self) -> str:
        """The text of `##` lines."""
        lines = self.several(
            lambda: self.chance.choice(["A line.", "", "    indented", "## marks", "\u00e9 ${x}"]), 0, 2
        )
        return "\n".join([*lines, "The end."])

    def annotations(self, depth: int, percent: int) -> tuple[tree.Annotation, ...]:
        """Annotations: none, one or two."""
        return self.several(lambda: self.annotation(depth), 1, 2) if self.often(percent) else ()

    def annotation(self, depth: int) -> tree.Annotation:
        """`@retry(3)`."""
        args = self.args(depth) if self.often(70) else None
        return tree.Annotation(self.dotted(), args, **self.at())

    def args(self, depth: int, *, in_hole: bool = False) -> tuple[tree.Arg, ...]:
        """Arguments, positional and named."""
        return self.several(lambda: self._arg(depth, in_hole), 0, 3)

    def _arg(self, depth: int, in_hole: bool) -> tree.Arg:
        name = self.ident(WORDS) if self.often(40) else None
        return tree.Arg(name, self.expr(depth - 1, in_hole=in_hole), **self.at())
