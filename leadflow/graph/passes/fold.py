"""Fold constants: what operators give for constants, and the arms that constants choose. Only what cannot fail.

The meaning of operators is that of `plan.operators`, which the evaluator uses too. What a folded expression has read
is still waited for, so that a failure there blocks what it blocked before.
"""

from collections import deque
from collections.abc import Mapping

from leadflow.graph.model import FlowGraph, Graph, is_let, let_of, node_of
from leadflow.graph.rewrite import map_parts, rename_lets, rewrite_vertex
from leadflow.plan.expr import (
    Binary,
    Choose,
    Const,
    Expr,
    Index,
    LetValue,
    ListOf,
    Member,
    RecordOf,
    Template,
    Unary,
)
from leadflow.plan.forms import to_text
from leadflow.plan.operators import BINARY, UNARY, Gauge, NoValue, equal
from leadflow.plan.types import Value

MOST_PARTS = 1_000
"""Parts of a list or a record that is worked out beforehand; 20 characters count as a part."""
MOST_CHARS = 20_000
"""Characters of a text that is put together beforehand."""


def fold_constants(graph: Graph) -> None:
    """Fold where the build has seen an operator over a constant, and where that leads."""
    for flow in graph.flows.values():
        waiting = deque(flow.foldable)
        while waiting:
            vertex = waiting.popleft()
            rewrite_vertex(flow, vertex, fold)
            if vertex < 0 and isinstance(flow.lets[let_of(vertex)].value, Const):
                waiting.extend(_spread(flow, vertex))


def _spread(flow: FlowGraph, vertex: int) -> list[int]:
    """Put a constant in place of the let that has it; the vertices that changed."""
    number = let_of(vertex)
    value = flow.lets[number].value

    def new(let: int) -> Expr:
        return value if let == number else LetValue(let)

    changed: list[int] = []
    change = rename_lets(new)
    for reader in flow.readers(vertex):
        target = reader if is_let(reader) else node_of(reader)
        rewrite_vertex(flow, target, change)
        changed.append(target)
        why = flow.why(vertex, reader)
        waits = [source for source, _ in flow.needs(vertex) if not flow.digraph.has_edge(source, reader)]
        flow.connect([(source, reader, why) for source in waits])
        flow.digraph.remove_edge(vertex, reader)
    return changed


def fold(expr: Expr) -> Expr:
    """The expression with its constant parts worked out."""
    expr = map_parts(expr, fold)
    match expr:
        case Binary(op, Const(left), right):
            return _binary(expr, op, left, right)
        case Unary(op, Const(value)):
            try:
                return Const(UNARY[op](value))
            except NoValue:
                return expr
        case Choose(Const(subject), cases):
            gauge = Gauge()
            for values, chosen in cases:
                if values is None or any(equal(value, subject, gauge) for value in values):
                    return chosen
            return expr
        case Member(Const(value), name) if isinstance(value, Mapping) and name in value:
            return Const(value[name])
        case Index(Const(value), Const(index)):
            return _index(expr, value, index)
        case ListOf(items) if all(isinstance(item, Const) for item in items):
            return _if_small(tuple(item.value for item in items if isinstance(item, Const)), expr)
        case RecordOf(entries) if all(isinstance(value, Const) for _, value in entries):
            return _if_small({name: value.value for name, value in entries if isinstance(value, Const)}, expr)
        case Template(parts, "text"):
            return _template(expr, parts)
        case _:
            return expr


def _if_small(value: Value, expr: Expr) -> Expr:
    """The value as a constant, unless it would bloat the plan: a list of eight lists of eight lists of … is written in
    a few lines, and would be copied to wherever it is read."""
    parts = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        inner = item.values() if isinstance(item, Mapping) else item if type(item) is tuple else ()
        parts += len(inner) + (len(item) // 20 if isinstance(item, str) else 0)
        if parts > MOST_PARTS:
            return expr
        waiting.extend(inner)
    return Const(value)


def _binary(expr: Binary, op: str, left: Value, right: Expr) -> Expr:
    if op in ("or", "and", "??"):
        if op == "??":
            return right if left is None else Const(left)
        if not isinstance(left, bool):
            return expr
        return right if left == (op == "and") else Const(left)
    if not isinstance(right, Const):
        return expr
    try:
        return Const(BINARY[op](left, right.value, Gauge()))
    except NoValue:
        return expr


def _index(expr: Index, value: Value, index: Value) -> Expr:
    if type(value) is tuple and type(index) is int and 0 <= index < len(value):
        return Const(value[index])
    if isinstance(value, Mapping) and isinstance(index, str) and index in value:
        return Const(value[index])
    return expr


def _template(expr: Template, parts: tuple[str | Expr, ...]) -> Expr:
    """Constants become text, and pieces of text that touch become one."""
    merged: list[str | Expr] = []
    length = 0
    for part in parts:
        piece = to_text(part.value) if isinstance(part, Const) else part
        length += len(piece) if isinstance(piece, str) else 0
        if length > MOST_CHARS:
            return expr
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif piece != "":
            merged.append(piece)
    if not merged:
        return Const("")
    if len(merged) == 1 and isinstance(merged[0], str):
        return Const(merged[0])
    return expr if len(merged) == len(parts) else Template(tuple(merged), "text")
