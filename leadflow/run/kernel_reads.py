"""What a block or a called flow reads of what is outside of it: together with the program, all that it depends on.

Pure: knows plans only, never a run.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

from leadflow.plan.expr import Bound, Expr, Guard, LetValue, NodeValue, Phi, RunValue
from leadflow.plan.plan import (
    AgentCall,
    Branch,
    Catch,
    Do,
    Fail,
    FlowCall,
    FlowPlan,
    For,
    Merge,
    Node,
    Parallel,
    Plan,
    Race,
    Repeat,
    Return,
    Yield,
)
from leadflow.record import record
from leadflow.run.evaluate import all_parts


@record
class Outside:
    """What is read from outside, each once, in the order of the text."""

    nodes: tuple[int, ...]
    slots: tuple[tuple[int, int], ...]
    lets: tuple[int, ...]
    guards: tuple[Guard, ...]
    """Ways that were taken, or not."""
    is_of_run: bool
    """Constants of the run are read, also by flows that are called."""


def outside_of(plan: Plan, flow: FlowPlan, block: Node) -> Outside:
    """What a block, or the call of a flow, reads of what stands outside of it."""
    inside = {number for number in range(len(flow.scopes)) if _is_below(flow, number, block.id)}
    members = [block, *(node for node in flow.nodes if node.scope in inside)]
    written = [expr for node in members for expr in _exprs(node)]
    written += [let.value for let in flow.lets if let.scope in inside]
    found: dict[NodeValue | Bound | LetValue | Guard | RunValue, None] = {}
    for part in (part for expr in written for part in all_parts(expr)):
        match part:
            case NodeValue(node) if flow.nodes[node].scope not in inside:
                found[part] = None
            case Bound(scope) if scope not in inside:
                found[part] = None
            case LetValue(let) if flow.lets[let].scope not in inside:
                found[part] = None
            case RunValue():
                found[part] = None
            case Phi(cases):
                guards = [guard for guard, _ in cases if guard is not None]
                found.update(dict.fromkeys(one for one in guards if flow.nodes[one.node].scope not in inside))
            case _:
                pass
    return Outside(
        tuple(one.node for one in found if isinstance(one, NodeValue)),
        tuple((one.scope, one.slot) for one in found if isinstance(one, Bound)),
        tuple(one.let for one in found if isinstance(one, LetValue)),
        tuple(one for one in found if isinstance(one, Guard)),
        any(isinstance(one, RunValue) for one in found) or _calls_what_reads_run(plan, members),
    )


def _is_below(flow: FlowPlan, scope: int | None, block: int) -> bool:
    """Whether a scope is that of a block, or stands inside of it."""
    while scope is not None:
        if flow.scopes[scope].owner == block:
            return True
        scope = flow.scopes[scope].parent
    return False


def _calls_what_reads_run(plan: Plan, members: Iterable[Node]) -> bool:
    """Whether a flow that may be called, also as a tool of whoever is asked, reads constants of the run."""
    works = [node.work for node in members] + [tool.work for tool in plan.tools]
    names = list(dict.fromkeys(work.flow for work in works if isinstance(work, FlowCall)))
    for name in names:  # grows while it is read
        called = plan.flows[name]
        if any(isinstance(part, RunValue) for expr in _all_of(called) for part in all_parts(expr)):
            return True
        names += [
            node.work.flow for node in called.nodes if isinstance(node.work, FlowCall) and node.work.flow not in names
        ]
    return False


def _all_of(flow: FlowPlan) -> Iterator[Expr]:
    """All that is written in a flow."""
    yield from (expr for node in flow.nodes for expr in _exprs(node))
    yield from (let.value for let in flow.lets)


def _exprs(node: Node) -> Iterator[Expr]:
    """All that is written in a node, its `undo` aside: what only reads is not taken back."""
    work = node.work
    match work:
        case AgentCall(args=args):
            yield from (expr for _, expr in args)
            yield from (expr for expr in (work.key, work.cache_key, work.once) if expr is not None)
        case FlowCall(args=values):
            yield from values
        case For(items=items, limit=limit):
            yield from (expr for expr in (items, limit) if expr is not None)
        case Repeat(init=init, limit=limit, until=until, otherwise=otherwise):
            yield from (expr for expr in (init, limit, until, otherwise) if expr is not None)
        case Branch(subject=value) | Return(value=value) | Yield(value=value) | Fail(reason=value):
            yield value
        case Parallel() | Race() | Do() | Merge():
            pass
        case _:
            assert_never(work)
    if isinstance(node.catch, Catch):
        yield node.catch.value
