"""Walking a tree: every node under a node, in the order of the text, without recursion. Knows fields, not meanings."""

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any

from leadflow.syntax.tree import Node


def walk(node: Node) -> Iterator[Node]:
    """The node and everything under it, parents before children, in order."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def children(node: Node) -> list[Node]:
    """The nodes directly under a node, in the order of its fields."""
    found: list[Node] = []
    for get in _getters(type(node)):
        value = get(node)
        if isinstance(value, tuple):
            found.extend([item for item in value if isinstance(item, Node)])
        elif isinstance(value, Node):
            found.append(value)
    return found


@cache
def _getters(kind: type[Node]) -> tuple[attrgetter[Any], ...]:
    """How to read the fields of a class of nodes that can hold nodes."""
    plain = {"id", "span", "doc", "edition", "written", "text", "op"}
    return tuple(attrgetter(field.name) for field in fields(kind) if field.name not in plain)
