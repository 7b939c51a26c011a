"""Random trees of whole files: every declaration and statement that the grammar allows; see `values`."""

from collections.abc import Callable
from random import Random

from leadflow.syntax import tree
from tests.making.expressions import Expressions

TOP = 3
"""How deep the expressions of a declaration are."""


def random_tree(chance: Random, size: int = 4) -> tree.File:
    """A file of at most so many declarations, without mistakes of form (what it means is another matter)."""
    return Trees(chance).file(size)


class Statements(Expressions):
    """Makes statements."""

    def block(self, depth: int) -> tree.Block:
        """Some statements in braces."""
        return tree.Block(self.several(lambda: self.statement(depth - 1), 0, 3 if depth > 0 else 1), **self.at())

    def statement(self, depth: int) -> tree.Statement:
        """A statement with at most so many blocks inside each other."""
        marks = self.annotations(1, 10)
        match self.chance.randrange(8 if depth > 0 else 5):
            case 0:
                made = self.type_expr(1) if self.often(30) else None
                return tree.Let(self.ident(), made, self.expr(TOP), marks, **self.at())
            case 1:
                return tree.Return(self.expr(TOP), marks, **self.at())
            case 2:
                return tree.Yield(self.expr(TOP), marks, **self.at())
            case 3:
                return tree.Fail(self.expr(TOP), marks, **self.at())
            case 4 | 5:
                return self._step(depth, marks)
            case 6:
                return tree.Match(self.expr(1), self.several(lambda: self._arm(depth), 1, 3), marks, **self.at())
            case _:
                return self._if(depth, marks)

    def fail(self) -> tree.Fail:
        """`fail "why"`."""
        return tree.Fail(self.expr(1), **self.at())

    def _answer(self) -> "tree.Expr | tree.Fail | tree.Late":
        """Of a mock."""
        answer = self.fail() if self.often(30) else self.expr(2)
        return tree.Late(answer, self.expr(1), **self.at()) if self.often(20) else answer

    def _if(self, depth: int, marks: tuple[tree.Annotation, ...]) -> tree.If:
        otherwise: tree.If | tree.Block | None = None
        if self.often(60):
            otherwise = self._if(depth - 1, ()) if depth > 0 and self.often(40) else self.block(depth)
        return tree.If(self.expr(TOP), self.block(depth), otherwise, marks, **self.at())

    def _arm(self, depth: int) -> tree.MatchArm:
        return tree.MatchArm(self.patterns(), self.block(depth), **self.at())

    def _step(self, depth: int, marks: tuple[tree.Annotation, ...]) -> tree.Step:
        made = self.type_expr(1) if self.often(30) else None
        action = self._block_action(depth) if depth > 0 and self.often(40) else self.call(TOP)
        clauses = self.several(self._clause, 1, 3) if self.often(30) else ()
        doc = self.doc() if self.often(10) else None
        return tree.Step(self.ident(), made, action, clauses, marks, doc, **self.at())

    def _clause(self) -> tree.Clause:
        match self.chance.randrange(4):
            case 0:
                return tree.Undo(self.call(2) if self.often(70) else None, **self.at())
            case 1:
                return tree.After(self.several(self.ident, 1, 3), **self.at())
            case _:
                return tree.Catch(self.ident() if self.often(70) else None, self.expr(2), **self.at())

    def _block_action(self, depth: int) -> tree.Action:
        index = self.ident() if self.often(30) else None
        body = self.block(depth)
        match self.chance.randrange(5):
            case 0:
                limit = self.expr(1) if self.often(50) else None
                return tree.For(self.ident(), index, self.expr(1), limit, body, **self.at())
            case 1:
                made = self.type_expr(1) if self.often(30) else None
                otherwise = self.expr(2) if self.often(50) else None
                init, limit, until = self.expr(2), self.expr(1), self.expr(2)
                return tree.Repeat(self.ident(), made, index, init, limit, body, until, otherwise, **self.at())
            case 2:
                return tree.Parallel(self.args(1), body, **self.at())
            case 3:
                return tree.Race(self.args(1), body, **self.at())
            case _:
                return tree.Do(body, **self.at())


class Trees(Statements):
    """Makes files."""

    def file(self, size: int) -> tree.File:
        """A file of at most so many declarations."""
        doc = self.doc() if self.often(20) else None
        return tree.File(1, doc, self.several(self.item, 0, size), **self.at())

    def item(self) -> tree.Item:
        """A declaration."""
        doc = self.doc() if self.often(20) else None
        make: list[Callable[[tuple[tree.Annotation, ...], str | None], tree.Item]] = [
            *(self._use, self._record, self._alias, self._agent, self._tool, self._policy, self._const),
            *(self._trigger, self._profile, self._test, self._flow, self._flow, self._flow),
        ]
        return self.chance.choice(make)(self.annotations(2, 25), doc)

    def _use(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.Use:
        file = self.plain() if self.often(40) else None
        names = self.several(self._used, 1, 4) if self.often(60) else None
        alias = self.ident() if self.often(30) else None
        return tree.Use(() if file else self.dotted(), file, names, alias, (), **self.at())

    def _used(self) -> tree.UsedName:
        return tree.UsedName(self.ident(), self.ident() if self.often(30) else None, **self.at())

    def _record(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.RecordDecl:
        return tree.RecordDecl(
            self.ident(), self.several(lambda: self.field(2)), marks, doc, self._type_params(), **self.at()
        )

    def _type_params(self) -> tuple[tree.Ident, ...]:
        return self.several(self.ident, 1, 2) if self.often(20) else ()

    def _alias(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.AliasDecl:
        return tree.AliasDecl(self.ident(), self.type_expr(3), marks, doc, self._type_params(), **self.at())

    def _agent(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.AgentDecl:
        return tree.AgentDecl(self.ident(), self.dotted(), self.several(self._setting), marks, doc, **self.at())

    def _setting(self) -> tree.Setting:
        return tree.Setting(self.key(), self.expr(2), self.doc() if self.often(10) else None, **self.at())

    def _param(self) -> tree.Param:
        default = self.expr(1) if self.often(20) else None
        return tree.Param(self.ident(), self.type_expr(2), default, self.annotations(1, 10), **self.at())

    def _tool(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.ToolDecl:
        params, result = self.several(self._param), self.type_expr(2) if self.often(70) else None
        return tree.ToolDecl(self.ident(), params, result, self.call(2), marks, doc, **self.at())

    def _policy(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.PolicyDecl:
        body = self.several(lambda: self.annotation(2), 1, 3)
        return tree.PolicyDecl(self.ident(), body, marks, doc, **self.at())

    def _const(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.ConstDecl:
        made = self.type_expr(1) if self.often(40) else None
        return tree.ConstDecl(self.ident(), made, self.expr(3), marks, doc, **self.at())

    def _flow(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.FlowDecl:
        params, result = self.several(self._param), self.type_expr(2) if self.often(70) else None
        return tree.FlowDecl(self.ident(), params, result, self.block(3), marks, doc, **self.at())

    def _trigger(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.TriggerDecl:
        return tree.TriggerDecl(self.ident(), self.args(2), self.call(2), marks, doc, **self.at())

    def _profile(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.ProfileDecl:
        return tree.ProfileDecl(self.ident(), self.several(self._override), marks, doc, **self.at())

    def _override(self) -> tree.Override:
        if self.often(30):
            return tree.ConstOverride(self.ident(), self.expr(2), **self.at())
        kind = self.dotted() if self.often(30) else None
        settings = self.several(self._setting)
        return tree.AgentOverride(self.ident(), kind, settings, self.annotations(1, 30), **self.at())

    def _test(self, marks: tuple[tree.Annotation, ...], doc: str | None) -> tree.TestDecl:
        return tree.TestDecl(self.plain(), self.several(self._test_statement), marks, doc, **self.at())

    def _test_statement(self) -> tree.TestStmt:
        match self.chance.randrange(5):
            case 0:
                args = self.args(1) if self.often(30) else None
                answers = self.several(self._answer, 1, 3)
                return tree.Mock(self.dotted(), args, answers, **self.at())
            case 1:
                return tree.Expect(self.expr(TOP), **self.at())
            case 2:
                return tree.Let(self.ident(), None, self.expr(2), **self.at())
            case 3:
                return tree.TestRun(self.ident(), self.call(2), **self.at())
            case _:
                return tree.Replay(self.plain(), **self.at())
