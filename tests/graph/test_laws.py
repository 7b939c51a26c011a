"""Laws of every plan, on random programs: what waits for what, where, and that the serial reading holds (rule A1)."""

from collections.abc import Iterator, Mapping
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.graph.build import build
from leadflow.graph.lower import lower
from leadflow.graph.passes import PASSES, optimise
from leadflow.pipeline import check_source
from leadflow.plan import codec
from leadflow.plan.plan import AgentCall, Branch, Fail, FlowPlan, Merge, Node, Parallel, Plan, Race, Return, Yield
from tests.graph.dumps import HEAD, dump, plan_of
from tests.graph.programs import random_program
from tests.making.layouts import shaken

PROGRAMS = st.builds(random_program, st.randoms(use_true_random=False), st.integers(3, 40))


def enclosing(flow: FlowPlan, scope: int | None) -> Iterator[int]:
    """A scope and those around it, from inside out."""
    while scope is not None:
        yield scope
        scope = flow.scopes[scope].parent


@given(PROGRAMS)
def test_needs_levels_and_ranks(source: str) -> None:
    """A need is of the own or an enclosing scope, on a lower level and of no lower rank; so needs have no cycle."""
    flow = plan_of(source).flows["main"]
    for node in flow.nodes:
        assert len(node.needs) == len({need.node for need in node.needs})
        owner = flow.scopes[node.scope].owner
        assert owner is None or flow.nodes[owner].level < node.level
        assert owner is None or flow.nodes[owner].rank >= node.rank
        for need in node.needs:
            other = flow.nodes[need.node]
            assert other.scope in list(enclosing(flow, node.scope))
            assert other.level < node.level
            assert other.rank >= node.rank + isinstance(other.work, AgentCall)
            assert all(inner.level < node.level for inner in flow.nodes if need.node in _owners(flow, inner))


def _owners(flow: FlowPlan, node: Node) -> list[int]:
    """The blocks that a node stands in."""
    owners = (flow.scopes[scope].owner for scope in enclosing(flow, node.scope))
    return [owner for owner in owners if owner is not None]


@settings(max_examples=50)
@given(PROGRAMS)
def test_guards_are_needs_of_the_own_scope(source: str) -> None:
    """What decides about a node stands in its scope and is among its needs; so does what a merge waits for."""
    flow = plan_of(source).flows["main"]
    for node in flow.nodes:
        guards = [guard for guard in (node.guard, *(node.work.guards if isinstance(node.work, Merge) else ())) if guard]
        for guard in guards:
            decider = flow.nodes[guard.node]
            assert isinstance(decider.work, Branch | Merge)
            assert decider.scope == node.scope
            assert guard.node in [need.node for need in node.needs]


@settings(max_examples=40)
@given(PROGRAMS, st.integers(0, 2**32))
def test_layout_does_not_matter(source: str, seed: int) -> None:
    """Comments, blanks and line ends change no hash; and a plan comes back from its JSON (case D17)."""
    plan = plan_of(source)
    assert plan.hash == plan_of(shaken(source, Random(seed), 30)).hash
    assert plan == codec.from_text(codec.to_text(plan))


@settings(max_examples=40)
@given(PROGRAMS)
def test_passes_drop_no_step(source: str) -> None:
    """With any pass left out the plan has the same nodes with the same guards, effects and works to do (rule A3)."""
    full = plan_of(source).flows["main"]
    for without in PASSES:
        less = _plan(source, tuple(name for name in PASSES if name != without)).flows["main"]
        assert [(n.name, n.scope, n.guard, n.effect, type(n.work)) for n in full.nodes] == [
            (n.name, n.scope, n.guard, n.effect, type(n.work)) for n in less.nodes
        ]
        assert [{need.node for need in n.needs} for n in full.nodes] == [
            {need.node for need in n.needs} for n in less.nodes
        ]


def _plan(source: str, passes: tuple[str, ...]) -> Plan:
    checked, _ = check_source("case.flow", HEAD + source)
    assert checked is not None
    return lower(optimise(build(checked), passes))


# --- the serial reading -------------------------------------------------------------------------------------------


def _decisions(flow: FlowPlan) -> Iterator[Mapping[int, int]]:
    """Ways in which the branches may be decided: all of them, or a few dozen."""
    branches = [node for node in flow.nodes if isinstance(node.work, Branch)]
    if len(branches) <= 5:
        arms = [range(len(node.work.arms)) for node in branches if isinstance(node.work, Branch)]
        for taken in product(*arms):
            yield dict(zip([node.id for node in branches], taken, strict=True))
        return
    chance = Random(len(flow.nodes))
    for _ in range(32):
        yield {n.id: chance.randrange(len(n.work.arms)) for n in branches if isinstance(n.work, Branch)}


def _runs(flow: FlowPlan, taken: Mapping[int, int]) -> list[bool]:
    """By node: whether it is reached under these decisions."""
    runs: dict[int, bool] = {}

    def holds(node: int, arms: tuple[int, ...] | None) -> bool:
        return reached(node) and (arms is None or taken[node] in arms)

    def reached(node: int) -> bool:
        if node not in runs:
            found = flow.nodes[node]
            here = found.guard is None or holds(found.guard.node, found.guard.arms)
            if isinstance(found.work, Merge):
                here = any(holds(guard.node, guard.arms) for guard in found.work.guards)
            owner = flow.scopes[found.scope].owner
            runs[node] = here and (owner is None or reached(owner))
        return runs[node]

    return [reached(node.id) for node in flow.nodes]


def _settled_before(flow: FlowPlan, node: int, runs: list[bool]) -> set[int]:
    """What has surely settled when a node starts: a skipped node may have settled before its needs."""
    found: set[int] = set()
    waiting = [need.node for need in flow.nodes[node].needs]
    for owner in _owners(flow, flow.nodes[node]):
        waiting.extend(need.node for need in flow.nodes[owner].needs)
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            guard = flow.nodes[other].guard
            if runs[other]:
                waiting.extend(need.node for need in flow.nodes[other].needs)
            elif guard is not None:
                waiting.append(guard.node)
    return found


def _above(flow: FlowPlan, node: Node, runs: list[bool]) -> Iterator[int]:
    """The steps that stand above a node, in its block and in each enclosing one, and that run."""
    owners = [node.id, *_owners(flow, node)]
    for here, scope in zip(owners, enclosing(flow, node.scope), strict=True):
        owner = flow.scopes[scope].owner
        if owner is not None and isinstance(flow.nodes[owner].work, Parallel | Race):
            continue
        for other in flow.scopes[scope].nodes:
            is_step = not isinstance(flow.nodes[other].work, Branch | Merge | Return | Yield | Fail)
            if other < here and runs[other] and is_step:
                yield other


@settings(max_examples=80)
@given(PROGRAMS)
def test_the_serial_reading(source: str) -> None:
    """When a write starts, all that stands above it has settled; when a read does, the writes through its agent have
    (rule A1), whichever arms are taken."""
    flow = plan_of(source).flows["main"]
    calls = [node for node in flow.nodes if isinstance(node.work, AgentCall)]
    for taken in _decisions(flow):
        runs = _runs(flow, taken)
        for node in calls:
            if not runs[node.id] or node.effect == "pure":
                continue
            settled = _settled_before(flow, node.id, runs)
            for other in _above(flow, node, runs):
                if node.effect == "write" or _writes(flow, other, node):
                    assert other in settled, f"{node.name} does not wait for {flow.nodes[other].name}\n{source}"


def _writes(flow: FlowPlan, other: int, reader: Node) -> bool:
    """Whether a node, or something in it, writes through the reader's agent."""
    assert isinstance(reader.work, AgentCall)
    inside = [node for node in flow.nodes if other == node.id or other in _owners(flow, node)]
    return any(
        isinstance(node.work, AgentCall) and node.effect == "write" and node.work.agent == reader.work.agent
        for node in inside
    )


@pytest.mark.parametrize("shape", ["chain", "arms", "blocks", "members"])
def test_order_stays_linear(shape: str) -> None:
    """n writes in a row, in arms, in blocks or in parallels cost in the order of n edges, not of n²."""

    def edges(n: int) -> int:
        lines = {
            "chain": "step a{} = m.put()",
            "arms": "if c {{ step a{} = m.put() }}",
            "blocks": "step b{0} = do {{ step a{0} = m.put() }}",
            "members": "step b{0} = parallel {{ step a{0} = m.put() step c{0} = n.put() }} step r{0} = m.get()",
        }[shape]
        body = "\n".join(lines.format(number) for number in range(n))
        flow = plan_of(f"flow main(c: bool) {{\n{body}\n}}").flows["main"]
        return sum(len(node.needs) for node in flow.nodes)

    assert edges(160) <= 2.3 * edges(80)


def test_the_dump_of_a_plan_is_stable() -> None:
    """The same text gives the same plan, node for node."""
    source = random_program(Random(5), 30)
    assert dump(plan_of(source)) == dump(plan_of(source))
    assert plan_of(source) == plan_of(source)
