"""All that a flow may have to take back, and what tells that it failed, walked once for whatever is summed up: money
and calls, or time.

Each step that is done may be taken back, and so may what its earlier attempts did; no budget and no deadline of a flow
or a block is for that.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Generic, NamedTuple, TypeVar

from leadflow.bound.arms import put_together
from leadflow.bound.context import DEEPEST, Context
from leadflow.bound.figures import Figure
from leadflow.plan.plan import AgentCall, Do, FlowCall, FlowPlan, For, Node, Parallel, Race, Repeat
from leadflow.plan.policy import Retry, policy_of
from leadflow.plan.undoing import undo_node

T = TypeVar("T")


class Sums(NamedTuple, Generic[T]):
    """What is summed up, and how."""

    nothing: T
    together: Callable[[Iterable[T]], T]
    either: Callable[[Iterable[T]], T]
    """Of the arms of a branch."""
    times: Callable[[T, Figure | int], T]
    one: Callable[[Context, Node], T]
    """Of the node of one undo."""
    flow: Callable[[Context], T]
    """Of all undos of a called flow."""
    tools: Callable[[Context, Node], T]
    """Of a call whose model uses flows as tools: what the last of them takes back when its step is stopped."""
    too_deep: Callable[[FlowPlan], T]
    """Of flows that call each other without end."""


def undos(context: Context, sums: Sums[T]) -> T:
    """Of all undos of one run of a flow, and of what tells that it failed: that is outside of its budgets and
    deadlines, too, and is called once."""
    undone = sums.times(_scope(context, 0, sums), attempts_of(policy_of(context.flow.policies, Retry)))
    told = context.flow.escalation
    return undone if told is None else sums.together([undone, sums.one(context, context.flow.nodes[told])])


def attempts_of(retry: Retry | None) -> int:
    """How often something is tried."""
    return 1 if retry is None else max(1, retry.attempts)


def _scope(context: Context, scope: int, sums: Sums[T]) -> T:
    return put_together(
        context.flow, scope, lambda node: _node(context, node, sums), together=sums.together, either=sums.either
    )


def _node(context: Context, node: Node, sums: Sums[T]) -> T:
    """Of a node, its attempts and what stands in it included."""
    match node.work:
        case FlowCall() as call:
            inside = sums.too_deep(context.flow) if context.depth >= DEEPEST else sums.flow(context.child(call))
        case For(scope=scope) as work:
            inside = sums.times(_scope(context, scope, sums), context.iterations(node, work))
        case Repeat(scope=scope) as work:
            inside = sums.times(_scope(context, scope, sums), context.rounds(node, work))
        case Parallel(scope=scope) | Race(scope=scope) | Do(scope=scope):
            inside = _scope(context, scope, sums)
        case AgentCall():
            inside = sums.tools(context, node)
        case _:
            inside = sums.nothing
    if not isinstance(node.work, AgentCall):
        inside = sums.times(inside, attempts_of(policy_of(node.policies, Retry)))
    own = _undo_here(node)
    return inside if own is None else sums.together((sums.one(context, own), inside))


def _undo_here(node: Node) -> Node | None:
    """The node of an undo, with its arguments as they stand where its step is."""
    undo = undo_node(node)
    return None if undo is None or node.undo is None or node.undo.work is None else replace(undo, work=node.undo.work)
