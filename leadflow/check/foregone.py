"""Conditions whose answer is known before any run: one of the arms is never taken. Says nothing about constants with
names, which a profile may change."""

from leadflow.check.context import Context
from leadflow.check.messages.foregone import known_beforehand
from leadflow.plan.types import BOOL
from leadflow.syntax import tree


def check_foregone(cx: Context, expr: tree.Expr) -> None:
    """Warn about a condition that has one answer only."""
    answer = _answer(cx, expr)
    if answer is None:
        return
    word = "true" if answer else "false"
    if isinstance(expr, tree.Name):
        why = f"'{expr.text}' is always true: 'approve' returns only on a yes, and a no is a failure"
    else:
        why = f"this is always {word}"
    cx.report(known_beforehand(expr.span, why))


def check_items(cx: Context, items: tree.Expr) -> None:
    """Warn about a loop over a list without items."""
    if items == tree.ListLit((), id=items.id, span=items.span):
        cx.report(known_beforehand(items.span, "this list is empty, so the loop has no round"))


def _answer(cx: Context, expr: tree.Expr) -> bool | None:
    """The only answer that there can be; None when there are two."""
    match expr:
        case tree.Bool(value=value):
            return value
        case tree.Name():
            return True if _is_yes(cx, expr) else None
        case tree.Unary(op="not", operand=operand):
            answer = _answer(cx, operand)
            return None if answer is None else not answer
        case tree.Binary(op="and" | "or" as op, left=left, right=right):
            stops = op == "or"
            answers = (_answer(cx, left), _answer(cx, right))
            if stops in answers:
                return stops
            return None if None in answers else not stops
        case tree.Binary(op="==" | "!=" | "<" | "<=" | ">" | ">=" as op, left=left, right=right):
            return _compared(op, left, right)
        case _:
            return None


def _is_yes(cx: Context, name: tree.Name) -> bool:
    """Whether a name is that of an approval, and nothing absorbs its no."""
    var = cx.frame.find(name.text)
    step = var.node if var is not None else None
    if not isinstance(step, tree.Step) or any(isinstance(clause, tree.Catch) for clause in step.clauses):
        return False
    info = cx.program.steps.get(step.id)
    return cx.program.is_approval(step.action) and info is not None and info.type == BOOL


def _compared(op: str, left: tree.Expr, right: tree.Expr) -> bool | None:
    """The answer to a comparison of what is written, or of a value with itself."""
    if left == right and isinstance(left, tree.Name | tree.Member):
        return op in ("==", "<=", ">=")
    if not (isinstance(left, tree.Int) and isinstance(right, tree.Int)):
        return None
    one, other = left.value, right.value
    answers = {"==": one == other, "!=": one != other, "<": one < other, "<=": one <= other, ">": one > other}
    return answers.get(op, one >= other)
