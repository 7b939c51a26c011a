"""What stands in one scope, put together: all that may happen in one run of it, and of the arms of a branch only one.

A node under a guard belongs to the branch that decides about it, so the nodes of a scope are a forest. What follows a
merge belongs to the merge: it may happen whatever was decided before.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from leadflow.plan.plan import Branch, FlowPlan, Node

T = TypeVar("T")


def put_together(
    flow: FlowPlan,
    scope: int,
    value: Callable[[Node], T],
    *,
    together: Callable[[Iterable[T]], T],
    either: Callable[[Iterable[T]], T],
) -> T:
    """The values of a scope's nodes in one: `together` what may all happen, `either` of what excludes each other. What
    tells that the flow failed stands for itself."""
    nodes = [flow.nodes[node] for node in flow.scopes[scope].nodes if node != flow.escalation]
    below: dict[int, list[Node]] = {}
    top: list[Node] = []
    own = {node.id for node in nodes}
    for node in nodes:
        if node.guard is not None and node.guard.node in own:
            below.setdefault(node.guard.node, []).append(node)
        else:
            top.append(node)
    made: dict[int, T] = {}
    for node in _lowest_first(top, below):
        inner = below.get(node.id, ())
        parts = [value(node)]
        if not inner:
            made[node.id] = parts[0]
            continue
        if isinstance(node.work, Branch):
            arms = range(len(node.work.arms))
            parts.append(either([together([made[n.id] for n in inner if _is_in(n, arm)]) for arm in arms]))
        else:
            parts += [made[n.id] for n in inner]
        made[node.id] = together(parts)
    return together([made[node.id] for node in top])


def _lowest_first(top: list[Node], below: dict[int, list[Node]]) -> list[Node]:
    """Every node behind all that its outcome decides about."""
    found = list(top)
    for node in found:  # grows while it is read
        found.extend(below.get(node.id, ()))
    return found[::-1]


def _is_in(node: Node, arm: int) -> bool:
    return node.guard is None or node.guard.arms is None or arm in node.guard.arms
