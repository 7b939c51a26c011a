"""Whether a part of a value may be none, as far as the checker knows. In doubt it may.

A part is named by its way from the whole: names of fields, and `ITEM` for what a list holds. Knows expressions and the
types that were found for them; asks for nothing anew.
"""

from collections.abc import Mapping

from leadflow.plan.types import JSON, NONE, UNKNOWN, ListType, OptionalType, RecordType, Type
from leadflow.syntax import tree

ITEM = "[]"
"""What every item of a list is, on the way to a part."""


def may_be_none(types: Mapping[int, Type], expr: tree.Expr, path: tuple[str, ...]) -> bool:
    """Whether the part of an expression's value at the end of the path may be none.

    Args:
        types: what is known, by the id of an expression.
    """
    if path and isinstance(expr, tree.RecordLit):
        values = [entry.value for entry in expr.entries if entry.key.text == path[0]]
        return not values or any(may_be_none(types, value, path[1:]) for value in values)
    if path and isinstance(expr, tree.ListLit):
        return path[0] != ITEM or any(may_be_none(types, item, path[1:]) for item in expr.items)
    if path and isinstance(expr, tree.Comprehension):
        return path[0] != ITEM or may_be_none(types, expr.value, path[1:])
    if isinstance(expr, tree.Conditional):
        return may_be_none(types, expr.then, path) or may_be_none(types, expr.otherwise, path)
    if isinstance(expr, tree.MatchValue):
        return any(may_be_none(types, arm.value, path) for arm in expr.arms)
    return _type_may(types.get(expr.id, UNKNOWN), path)


def _type_may(type_: Type, path: tuple[str, ...]) -> bool:
    """The same for a value of which only the type is known."""
    if type_ in (JSON, UNKNOWN, NONE):
        return True
    if not path:
        return isinstance(type_, OptionalType)
    inner = type_.inner if isinstance(type_, OptionalType) else type_
    if isinstance(inner, ListType) and path[0] == ITEM:
        return _type_may(inner.item, path[1:])
    field = inner.get(path[0]) if isinstance(inner, RecordType) else None
    return field is None or _type_may(field.type, path[1:])
