"""What a person was shown, and whether that is all that a step reads (rule C9). Pure: expressions in, expressions out.

A value was shown when it stands in `show:`, when it is part of what stands there, or when it is computed from nothing
but such values and constants: then the person could see all that decides what it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, cast

from leadflow.check.checked import ConstRef, Ref, RunRef
from leadflow.syntax import tree
from leadflow.syntax.walk import children

Made: TypeAlias = Mapping[str, tuple[tree.Expr, ...] | None]
"""What each local value is made from: a `let` from its expressions (one per arm that binds it), an item of a loop from
its list. None: from outside, as results of steps and parameters are."""

_DEEPEST = 64
"""How many values that are made from each other are followed; beyond, a value counts as not shown."""


def shown_by(expr: tree.Expr, made: Made) -> tuple[tree.Expr, ...]:
    """All expressions whose values can be read off this one."""
    found: list[tree.Expr] = []
    waiting: list[tuple[tree.Expr, int]] = [(expr, 0)]
    while waiting:
        part, depth = waiting.pop()
        found.append(part)
        match part:
            case tree.RecordLit(entries=entries):
                inner: Sequence[tree.Expr] = [entry.value for entry in entries]
            case tree.ListLit(items=items):
                inner = items
            case tree.Text(parts=parts):
                inner = [hole for hole in parts if not isinstance(hole, str)]
            case tree.Name(text=text) if depth < _DEEPEST and len(made.get(text) or ()) == 1:
                inner = made[text] or ()
            case _:
                continue
        waiting.extend((other, depth + 1) for other in inner)
    return tuple(found)


class Shown:
    """What one approval shows, for questions about what a step reads."""

    def __init__(self, shown: Sequence[tree.Expr], made: Made, refs: Mapping[int, Ref]) -> None:
        self._shown = shown
        self._made = made
        self._refs = refs
        self._known: dict[str, bool] = {}

    def missing(self, expr: tree.Expr) -> list[tree.Expr]:
        """The values that an expression reads and that were not shown, in the order of the text."""
        if self._is_shown(expr, 0, frozenset()):
            return []
        match expr:
            case tree.Name():
                return [expr]
            case tree.Member() | tree.Index() if _root(expr) is not None:
                return [expr]
            case _:
                return [found for part in _parts(expr) for found in self.missing(part)] or [expr]

    def _is_shown(self, expr: tree.Expr, depth: int, own: frozenset[str]) -> bool:
        """Whether the value was shown; `own` are names that comprehensions around it bind to shown items."""
        if depth > _DEEPEST:
            return False
        if expr in self._shown:
            return True
        match expr:
            case tree.Name(text=text):
                return text in own or self._name(expr, depth)
            case tree.Comprehension(value=value, name=name, items=items, condition=condition):
                inside = own | {name.text}
                rest = [value] if condition is None else [value, condition]
                return self._is_shown(items, depth + 1, own) and all(
                    self._is_shown(part, depth + 1, inside) for part in rest
                )
            case _:
                return all(self._is_shown(part, depth + 1, own) for part in _parts(expr))

    def _name(self, name: tree.Name, depth: int) -> bool:
        if isinstance(self._refs.get(name.id), ConstRef | RunRef):
            return True
        if name.text not in self._known:
            self._known[name.text] = False  # until it is found out, for names that are made from each other
            made = self._made.get(name.text)
            self._known[name.text] = made is not None and all(
                self._is_shown(part, depth + 1, frozenset()) for part in made
            )
        return self._known[name.text]


def _parts(expr: tree.Expr) -> list[tree.Expr]:
    """The expressions that a value is computed from."""
    match expr:
        case tree.Call(args=args):
            return [arg.value for arg in args]
        case tree.Text(parts=parts):
            return [part for part in parts if not isinstance(part, str)]
        case tree.RecordLit(entries=entries):
            return [entry.value for entry in entries]
        case tree.MatchValue(subject=subject, arms=arms):
            return [subject, *(arm.value for arm in arms)]
        case tree.Member(target=target):
            return [target]
        case _:
            return [cast(tree.Expr, part) for part in children(expr) if not isinstance(part, tree.Ident)]


def _root(expr: tree.Expr) -> tree.Name | None:
    """The name that a path begins with; None when it is no path."""
    while isinstance(expr, tree.Member | tree.Index):
        expr = expr.target
    return expr if isinstance(expr, tree.Name) else None


def names_in(expr: tree.Expr) -> set[str]:
    """The names that an expression reads."""
    found: set[str] = set()
    waiting: list[tree.Node] = [expr]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tree.Name):
            found.add(node.text)
        waiting.extend(children(node))
    return found


def as_called(expr: tree.Expr, args: Mapping[str, tree.Expr]) -> tree.Expr | None:
    """An expression over the parameters of a flow as its caller sees it; None when the caller cannot see it."""
    match expr:
        case tree.Name(text=text):
            return args.get(text)
        case tree.Member(target=target):
            seen = as_called(target, args)
            return None if seen is None else replace(expr, target=seen)
        case _:
            return None
