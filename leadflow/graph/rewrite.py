"""Changing expressions: the same expression with other parts. An expression without a change stays the same object."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias, assert_never

from leadflow.graph.model import FlowGraph, Vertex, let_of
from leadflow.plan.expr import (
    Apply,
    Binary,
    Bound,
    Choose,
    Comprehension,
    Const,
    Expr,
    Fit,
    Index,
    LetValue,
    ListOf,
    Local,
    Member,
    NodeValue,
    Phi,
    RecordOf,
    RunValue,
    Template,
    Unary,
)
from leadflow.plan.plan import (
    AgentCall,
    Branch,
    Catch,
    Do,
    Fail,
    FlowCall,
    For,
    Merge,
    Parallel,
    Probe,
    Race,
    Repeat,
    Return,
    Undo,
    Work,
    Yield,
)

Change: TypeAlias = Callable[[Expr], Expr]


def map_parts(expr: Expr, change: Change) -> Expr:
    """The expression with each of its direct parts changed."""
    match expr:
        case Const() | Bound() | NodeValue() | LetValue() | Local() | RunValue():
            return expr
        case Phi(cases):
            made = tuple((guard, change(value)) for guard, value in cases)
            return expr if _same(_seconds(made), _seconds(cases)) else Phi(made)
        case Template(parts):
            pieces = tuple(part if isinstance(part, str) else change(part) for part in parts)
            return expr if _same(pieces, parts) else replace(expr, parts=pieces)
        case Member(target):
            one = change(target)
            return expr if one is target else replace(expr, target=one)
        case Index(target, index):
            one, other = change(target), change(index)
            return expr if one is target and other is index else Index(one, other)
        case ListOf(items):
            listed = tuple(map(change, items))
            return expr if _same(listed, items) else ListOf(listed)
        case RecordOf(entries):
            fields = tuple((name, change(value)) for name, value in entries)
            return expr if _same(_seconds(fields), _seconds(entries)) else RecordOf(fields)
        case Comprehension(value, slot, items, condition):
            kept = None if condition is None else change(condition)
            one, other = change(value), change(items)
            unchanged = one is value and other is items and kept is condition
            return expr if unchanged else Comprehension(one, slot, other, kept)
        case Binary(op, left, right):
            one, other = change(left), change(right)
            return expr if one is left and other is right else Binary(op, one, other)
        case Unary(op, operand):
            one = change(operand)
            return expr if one is operand else Unary(op, one)
        case Choose(subject, cases):
            one, chosen = change(subject), tuple((values, change(value)) for values, value in cases)
            return expr if one is subject and _same(_seconds(chosen), _seconds(cases)) else Choose(one, chosen)
        case Apply(function, args):
            given = tuple(map(change, args))
            return expr if _same(given, args) else Apply(function, given)
        case Fit(value, type_):
            one = change(value)
            return expr if one is value else Fit(one, type_)
        case _:
            assert_never(expr)


def _seconds(pairs: tuple[tuple[object, Expr], ...]) -> list[Expr]:
    return [second for _, second in pairs]


def _same(left: "tuple[object, ...] | list[Expr]", right: "tuple[object, ...] | list[Expr]") -> bool:
    return all(a is b for a, b in zip(left, right, strict=True))


def map_work(work: Work, change: Change) -> Work:
    """The work with each of its expressions changed."""
    match work:
        case AgentCall(args=args):
            given = tuple((name, change(value)) for name, value in args)
            keys = (work.key, work.cache_key, work.once)
            key, cache_key, once = new = tuple(None if one is None else change(one) for one in keys)
            if _same(_seconds(given), _seconds(args)) and all(a is b for a, b in zip(new, keys, strict=True)):
                return work
            return replace(work, args=given, key=key, cache_key=cache_key, once=once)
        case FlowCall(flow, values):
            return FlowCall(flow, tuple(map(change, values)))
        case For(items, limit, scope):
            return For(change(items), None if limit is None else change(limit), scope)
        case Repeat(init, limit, scope, until, otherwise):
            last = None if otherwise is None else change(otherwise)
            return Repeat(change(init), change(limit), scope, change(until), last)
        case Branch(subject):
            one = change(subject)
            return work if one is subject else replace(work, subject=one)
        case Return(value):
            return Return(change(value))
        case Yield(value):
            return Yield(change(value))
        case Fail(reason):
            return Fail(change(reason))
        case Parallel() | Race() | Do() | Merge():
            return work
        case _:
            assert_never(work)


def rewrite_vertex(graph: FlowGraph, vertex: int, change: Change) -> None:
    """Change all expressions of a vertex in place: a let's value, or all that stands in a node."""
    if vertex < 0:
        let = graph.lets[let_of(vertex)]
        let.value = change(let.value)
    else:
        node = graph.nodes[vertex]
        node.work, node.catch, node.undo, node.probe = map_vertex(node, change)


def map_vertex(node: Vertex, change: Change) -> tuple[Work, Catch | None, Undo | None, Probe | None]:
    """The work, `catch`, `undo` and probe of a node with each of their expressions changed."""
    catch, undo, probe = node.catch, node.undo, node.probe
    if catch is not None:
        catch = Catch(change(catch.value))
    if undo is not None and undo.work is not None:
        undone = map_work(undo.work, change)
        if isinstance(undone, AgentCall | FlowCall):
            undo = replace(undo, work=undone)
    if probe is not None:
        probed = map_work(probe.work, change)
        if isinstance(probed, AgentCall | FlowCall):
            probe = replace(probe, work=probed)
    return map_work(node.work, change), catch, undo, probe


def rename_lets(new: Callable[[int], Expr]) -> Change:
    """A change that puts something else in place of each let; `new` may give the same let."""

    def change(expr: Expr) -> Expr:
        if type(expr) is LetValue:
            made = new(expr.let)
            return expr if made == expr else made
        return map_parts(expr, change)

    return change
