"""The makers of plans by hand keep the plan's own rules."""

import pytest

from leadflow.plan.plan import Do, FlowPlan, Plan
from tests.plans import SHAPES, Making, nested

PLANS = [*((name, make(40)) for name, make in SHAPES.items()), ("nested", nested())]


def enclosing(flow: FlowPlan, scope: int) -> set[int]:
    """A scope and all around it."""
    found = {scope}
    parent = flow.scopes[scope].parent
    while parent is not None:
        found.add(parent)
        parent = flow.scopes[parent].parent
    return found


@pytest.mark.parametrize("plan", [plan for _, plan in PLANS], ids=[name for name, _ in PLANS])
def test_needs_stand_above_and_around(plan: Plan) -> None:
    """A need is an earlier node of the own or an enclosing scope, on a lower level and with no lower rank."""
    flow = plan.flows["main"]
    for node in flow.nodes:
        for need in node.needs:
            other = flow.nodes[need.node]
            assert need.node < node.id
            assert other.scope in enclosing(flow, node.scope)
            assert other.level < node.level
            assert other.rank >= node.rank


def test_the_critical_path_is_counted_in_calls() -> None:
    """The rank of a node is the number of calls from it to the end, through blocks and what follows them."""
    flow = nested().flows["main"]
    assert {
        "start": 4,
        "each": 3,
        "first": 3,
        "loop": 2,
        "both": 2,
        "a": 2,
        "b": 2,
        "group": 1,
        "last": 1,
        "yield@7": 1,
        "yield@8": 1,
    } == {node.name: node.rank for node in flow.nodes if node.rank}


def test_a_scope_knows_its_owner_and_its_nodes() -> None:
    """The body of a block is a scope of its own, in the scope of the block."""
    flow = Making(params=("x",))
    group = flow.block("group", Do)
    inner = flow.call("inner", inside=group)
    done = flow.done()
    assert [(None, None, ("x",), (group,)), (0, group, (), (inner,))] == [
        (scope.parent, scope.owner, scope.slots, scope.nodes) for scope in done.scopes
    ]
