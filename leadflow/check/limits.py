"""Values that are known before the run, held to the limits of the field or parameter they are given to.

What comes in from outside is held to them by the doors in a run.
"""

from collections.abc import Iterator

from leadflow.check.checked import ConstRef
from leadflow.check.context import Context
from leadflow.check.messages.limits import outside_limits
from leadflow.plan.limits import keeps, written
from leadflow.plan.types import MISSING, Constraint, FieldType, Length, Value, _Missing
from leadflow.syntax import tree


def keep_to_limits(cx: Context, expr: tree.Expr, field: FieldType, where: str) -> None:
    """Report what is known to be outside of a field's limits. The expression has been checked against its type."""
    if not field.constraints:
        return
    for part in _outcomes(expr):
        value = _known(cx, part)
        broken = (
            None if isinstance(value, _Missing) else next((c for c in field.constraints if not keeps(value, c)), None)
        )
        if broken is not None:
            cx.report(outside_limits(part.span, where=where, given=_told(value, broken), limit=written(broken)))
            return


def _outcomes(expr: tree.Expr) -> Iterator[tree.Expr]:
    """The expressions whose value this one may have."""
    match expr:
        case tree.Conditional(then=then, otherwise=otherwise):
            yield from _outcomes(then)
            yield from _outcomes(otherwise)
        case tree.MatchValue(arms=arms):
            for arm in arms:
                yield from _outcomes(arm.value)
        case tree.Binary(op="??", left=left, right=right):
            yield from _outcomes(left)
            yield from _outcomes(right)
        case _:
            yield expr


def _known(cx: Context, expr: tree.Expr) -> Value | _Missing:
    """A value as far as its limits go, if it is written or a constant: the items of a list are only counted."""
    match expr:
        case tree.Int(value=number) | tree.Float(value=number):
            return number
        case tree.Size(bytes=count):
            return count
        case tree.Unary(op="-", operand=tree.Int(value=number) | tree.Float(value=number)):
            return -number
        case tree.Text() if expr.plain is not None:
            return expr.plain
        case tree.ListLit(items=items):
            return (None,) * len(items)
        case tree.Name():
            ref = cx.program.refs.get(expr.id)
            return ref.value if isinstance(ref, ConstRef) else MISSING
        case tree.Member(target=tree.Name() as target, name=name):
            ref = cx.program.refs.get(target.id)
            owner = ref.value if isinstance(ref, ConstRef) else None
            return owner.get(name.text, MISSING) if isinstance(owner, dict) else MISSING
        case _:
            return MISSING


def _told(value: Value | _Missing, broken: Constraint) -> str:
    """The value as a message says it."""
    count = len(value) if isinstance(value, str | tuple) else 0
    if isinstance(broken, Length) and isinstance(value, str):
        return f"this has {count} character{'s' if count != 1 else ''}, which"
    if isinstance(broken, Length):
        return f"this has {count} item{'s' if count != 1 else ''}, which"
    return f'"{value}"' if isinstance(value, str) else str(value)
