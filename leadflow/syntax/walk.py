"""Walking a tree: every node under a node, in the order of the text, without recursion. Knows fields, not meanings."""

from collections.abc import Iterator
from dataclasses import fields
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


_PLAIN = {"id", "span", "doc", "edition", "written", "text", "op", "safe", "block"}
"""Fields that hold no nodes."""

_GETTERS: dict[type[Node], tuple["attrgetter[Any]", ...]] = {}


def _getters(kind: type[Node]) -> tuple["attrgetter[Any]", ...]:
    """How to read the fields of a class of nodes that can hold nodes."""
    found = _GETTERS.get(kind)
    if found is None:
        found = tuple(attrgetter(field.name) for field in fields(kind) if field.name not in _PLAIN)
        _GETTERS[kind] = found
    return found
