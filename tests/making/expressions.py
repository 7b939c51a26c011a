"""Random expressions of every kind; see `values`."""

from leadflow.syntax import tree
from tests.making.values import OPERATORS, WORDS, Values


class Expressions(Values):
    """Makes expressions."""

    def expr(self, depth: int, *, in_hole: bool = False) -> tree.Expr:
        """An expression at most so deep; `in_hole`: one that can stand in a hole of a string."""
        if depth <= 0:
            return self._leaf(in_hole)
        match self.chance.randrange(13 if in_hole else 17):
            case 0 | 1 | 2:
                left, right = self.expr(depth - 1, in_hole=in_hole), self.expr(depth - 1, in_hole=in_hole)
                return tree.Binary(self.chance.choice(OPERATORS), left, right, **self.at())
            case 3:
                return tree.Unary("not" if self.often(50) else "-", self.expr(depth - 1, in_hole=in_hole), **self.at())
            case 4 | 5:
                target = self.expr(depth - 1, in_hole=in_hole)
                return tree.Member(target, self.ident(WORDS), self.often(30), **self.at())
            case 6:
                target, index = self.expr(depth - 1, in_hole=in_hole), self.expr(depth - 1, in_hole=in_hole)
                return tree.Index(target, index, **self.at())
            case 7 | 8:
                return self.call(depth, in_hole=in_hole)
            case 9:
                return self._conditional(depth, in_hole)
            case 10:
                return tree.ListLit(self.several(lambda: self.expr(depth - 1, in_hole=in_hole)), **self.at())
            case 11:
                return self._comprehension(depth, in_hole)
            case 12:
                return self._leaf(in_hole)
            case 13:
                return self._match_value(depth)
            case 14:
                return self.text(depth)
            case _:
                return tree.RecordLit(self.several(lambda: self._entry(depth)), **self.at())

    def call(self, depth: int, *, in_hole: bool = False) -> tree.Call:
        """A call of anything."""
        callee: tree.Expr = tree.Name(self.ident().text, **self.at())
        if self.often(60):
            callee = tree.Member(callee, self.ident(WORDS), safe=False, **self.at())
        if self.often(10):
            callee = self.expr(depth - 1, in_hole=in_hole)
        return tree.Call(callee, self.args(depth, in_hole=in_hole), **self.at())

    def patterns(self) -> tuple[tree.Pattern, ...]:
        """`"a" | "b"`."""
        return self.several(self._pattern, 1, 3)

    def _leaf(self, in_hole: bool) -> tree.Expr:
        match self.chance.randrange(6):
            case 0:
                return tree.Bool(self.often(50), **self.at())
            case 1:
                return tree.NoneLit(**self.at())
            case 2:
                return self.number()
            case 3:
                return self.plain() if in_hole else self.text(0)
            case _:
                return tree.Name(self.ident().text, **self.at())

    def _conditional(self, depth: int, in_hole: bool) -> tree.Conditional:
        condition, then, otherwise = (self.expr(depth - 1, in_hole=in_hole) for _ in range(3))
        return tree.Conditional(condition, then, otherwise, **self.at())

    def _comprehension(self, depth: int, in_hole: bool) -> tree.Comprehension:
        value, items = self.expr(depth - 1, in_hole=in_hole), self.expr(depth - 1, in_hole=in_hole)
        condition = self.expr(depth - 1, in_hole=in_hole) if self.often(50) else None
        return tree.Comprehension(value, self.ident(), items, condition, **self.at())

    def _match_value(self, depth: int) -> tree.MatchValue:
        arms = self.several(lambda: tree.ValueArm(self.patterns(), self.expr(depth - 1), **self.at()), 1, 3)
        return tree.MatchValue(self.expr(depth - 1), arms, **self.at())

    def _entry(self, depth: int) -> tree.Entry:
        return tree.Entry(self.key(), self.expr(depth - 1), **self.at())

    def _pattern(self) -> tree.Pattern:
        if self.often(20):
            return tree.WildcardPattern(**self.at())
        values: list[str | int | bool | None] = [True, False, None, 0, 7, -3, self.string()]
        return tree.LiteralPattern(self.chance.choice(values), **self.at())
