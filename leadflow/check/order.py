"""Dependencies in order: what must be known first, and which things need each other. Pure; knows no language.

Iterative, because a file may hold a chain of thousands of declarations.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def in_order(nodes: Iterable[K], needs: Callable[[K], Iterable[K]]) -> tuple[list[K], list[tuple[K, ...]]]:
    """The nodes, each after what it needs, and the loops among them.

    A loop is given once, as `(a, b, a)`, starting at the node first reached; its nodes are still in the order. What
    `needs` names beside the nodes is left out.
    """
    known = dict.fromkeys(nodes)
    order: list[K] = []
    loops: list[tuple[K, ...]] = []
    done: set[K] = set()
    for start in known:
        if start in done:
            continue
        path: dict[K, None] = {start: None}
        stack = [(start, iter(needs(start)))]
        while stack:
            node, rest = stack[-1]
            following: K | None = next((n for n in rest if n in known and n not in done), None)
            if following is None:
                stack.pop()
                del path[node]
                done.add(node)
                order.append(node)
            elif following in path:
                trail: list[K] = list(path)
                loop = (*trail[trail.index(following) :], following)
                if loop not in loops[-1:]:
                    loops.append(loop)
            else:
                path[following] = None
                stack.append((following, iter(needs(following))))
    return order, loops


def turned(loop: Sequence[K], first: K) -> tuple[K, ...]:
    """A loop as `in_order` gives it, told from one of its nodes on: `(a, b, a)` from `b` is `(b, a, b)`."""
    at = loop.index(first)
    return (*loop[at:-1], *loop[:at], first)
