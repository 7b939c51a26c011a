"""Checked -> trials: the tests of the main file with their names resolved (rule E10). Knows no runs.

What is told of an expectation that does not hold is chosen here: the parts of its condition that have a value of their
own, as the author wrote them.
"""

from collections.abc import Iterator
from typing import cast

from leadflow.check.checked import BoundArg, Checked, LocalRef
from leadflow.diagnostics import Span
from leadflow.graph.exprs import FORMS, Translator
from leadflow.plan import trial
from leadflow.plan.expr import Bound, Const, Expr
from leadflow.plan.plan import Place
from leadflow.plan.types import Value
from leadflow.syntax import tree


def trials_of(checked: Checked) -> tuple[trial.Trial, ...]:
    """The tests of the main file of a program in which the checker has found no error, in the order of the text."""
    items = checked.main.tree.items
    return tuple(_Lowering(checked).whole(item) for item in items if isinstance(item, tree.TestDecl))


class _Lowering:
    """One test."""

    def __init__(self, checked: Checked) -> None:
        self._checked = checked
        self._to = Translator(checked, checked.refs)
        self._slots = 0

    def whole(self, decl: tree.TestDecl) -> trial.Trial:
        """All of it."""
        statements = tuple(self._statement(statement) for statement in decl.body)
        sampling = self._checked.samples.get(decl.id)
        place, names = self._place(decl.span), self._checked.names
        return trial.Trial(decl.name.plain or "", statements, self._slots, sampling, place, names)

    def _statement(self, statement: tree.TestStmt) -> trial.Statement:
        match statement:
            case tree.Mock():
                return self._mock(statement)
            case tree.Let():
                value = self._to.let(statement)
                return trial.Let(self._open(statement.id), statement.name.text, value, self._place(statement.span))
            case tree.Replay(file=file):
                return trial.Replay(file.plain or "", self._place(statement.span))
            case tree.TestRun():
                return self._start(statement)
            case tree.Expect(condition=condition):
                parts = {self._written(part.span): part for part in self._parts(condition)}
                told = tuple(trial.Part(written, self._to.expr(part)) for written, part in parts.items())
                written = self._written(condition.span)
                return trial.Expect(
                    self._to.expr(condition), written, told, self._equals(condition), self._place(statement.span)
                )

    def _mock(self, mock: tree.Mock) -> trial.Mock:
        info = self._checked.mocks[mock.id]
        self._to.written_out.update(info.written_out)
        args = None if info.args is None else tuple((arg.param, self._arg(arg)) for arg in info.args)
        answers = tuple(map(self._answer, mock.answers))
        first = mock.answers[0]
        first = first.answer if isinstance(first, tree.Late) else first
        begun = (first.reason if isinstance(first, tree.Fail) else first).span.start
        head = self._written(mock.span._replace(end=begun)).rpartition("=>")[0].strip()
        return trial.Mock(info.target, args, answers, head, self._place(mock.span))

    def _answer(self, answer: tree.Expr | tree.Fail | tree.Late) -> Expr | trial.Failing | trial.Late:
        if isinstance(answer, tree.Late):
            return trial.Late(self._outcome(answer.answer), self._to.expr(answer.delay))
        return self._outcome(answer)

    def _outcome(self, answer: tree.Expr | tree.Fail) -> Expr | trial.Failing:
        return trial.Failing(self._to.expr(answer.reason)) if isinstance(answer, tree.Fail) else self._to.expr(answer)

    def _arg(self, arg: BoundArg) -> Expr:
        return FORMS[type(arg.value)](self._to, arg.value, arg.slot)

    def _start(self, run: tree.TestRun) -> trial.Start:
        info = self._checked.starts[run.id]
        args = tuple(
            self._to.expr(cast(tree.Expr, given)) if is_given else Const(cast(Value, given))
            for given, is_given in zip(info.args, info.given, strict=True)
        )
        slot, written = self._open(run.id), self._written(run.span)
        return trial.Start(slot, run.name.text, info.flow, args, written, self._place(run.span))

    def _open(self, decl: int) -> int:
        """A slot for a name that is read from here on."""
        slot, self._slots = self._slots, self._slots + 1
        self._to.bindings[decl] = (Bound(0, slot), (), None)
        return slot

    # --- what is told of a condition that does not hold -----------------------------------------------------------

    def _parts(self, expr: tree.Expr) -> Iterator[tree.Expr]:
        """The parts that have a value of their own, outermost first; not those inside a comprehension, which have
        many, nor what is written as it is.
        """
        match expr:
            case tree.Binary(op="and" | "or", left=left, right=right):
                yield from self._parts(left)
                yield from self._parts(right)
            case tree.Unary(op="not", operand=operand):
                yield from self._parts(operand)
            case tree.Binary(op="==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in", left=left, right=right):
                yield from self._sides(left)
                yield from self._sides(right)
            case _:
                yield from self._sides(expr)

    def _sides(self, expr: tree.Expr) -> Iterator[tree.Expr]:
        """A value, and the values that it is made of."""
        if not self._is_read(expr):
            return
        yield expr
        match expr:
            case tree.Binary(left=left, right=right):
                yield from self._sides(left)
                yield from self._sides(right)
            case tree.Unary(operand=operand):
                yield from self._sides(operand)
            case tree.Call(args=args):
                for arg in args:
                    yield from self._sides(arg.value)
            case tree.Conditional(condition=condition):
                yield from self._parts(condition)
            case tree.MatchValue(subject=subject):
                yield from self._sides(subject)
            case tree.Comprehension(items=items):
                yield from self._sides(items)
            case tree.Index(target=target, index=index):
                yield from self._sides(target)
                yield from self._sides(index)
            case _:
                pass

    def _is_read(self, expr: tree.Expr) -> bool:
        """Whether the value is anything but what is written right there."""
        match expr:
            case tree.Name():
                return isinstance(self._checked.refs.get(expr.id), LocalRef)
            case tree.Text(parts=parts):
                return any(not isinstance(part, str) for part in parts)
            case tree.ListLit(items=items):
                return any(map(self._is_read, items))
            case tree.RecordLit(entries=entries):
                return any(self._is_read(entry.value) for entry in entries)
            case tree.Unary(operand=operand):
                return self._is_read(operand)
            case tree.Member() | tree.Index() | tree.Call() | tree.Comprehension() | tree.Binary():
                return True
            case tree.Conditional() | tree.MatchValue():
                return True
            case _:
                return False

    def _equals(self, expr: tree.Expr) -> tuple[trial.Difference, ...]:
        match expr:
            case tree.Binary(op="and", left=left, right=right):
                return (*self._equals(left), *self._equals(right))
            case tree.Binary(op="==", left=left, right=right):
                return (trial.Difference(self._to.expr(left), self._to.expr(right)),)
            case _:
                return ()

    # --- places ---------------------------------------------------------------------------------------------------

    def _place(self, span: Span) -> Place:
        at = self._checked.main.source.position(span.start)
        return Place(span.file, at.line, at.column)

    def _written(self, span: Span) -> str:
        """The text of a span on one line."""
        return " ".join(self._checked.main.source.at(span).split())
