"""What holds for every plan and every order in which calls may end, on random plans of all constructs."""

import re
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.events.fold import RunState, apply
from leadflow.events.model import (
    BranchTaken,
    Event,
    NodeBlocked,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    NodeStarted,
    RunCancelled,
    RunDone,
    RunFailed,
    Status,
    UndoBegan,
    UndoKept,
)
from leadflow.plan.plan import FlowCall, Node, Plan
from leadflow.plan.undoing import SUFFIX
from leadflow.run.kernel import Kernel, Program
from leadflow.run.kernel_state import Frame
from leadflow.run.recover import replay
from tests.run.random_plans import Pick, World, plans, value_of, world

SETTLES = (NodeDone, NodeFailed, NodeSkipped, NodeBlocked, NodeCancelled, BranchTaken)
ENDS = (RunDone, RunFailed, RunCancelled)


def picker(data: st.DataObject) -> Pick:
    """Whatever hypothesis likes."""
    return lambda count: data.draw(st.integers(0, count - 1)) if count > 1 else 0


def first(count: int) -> int:
    """Always the oldest."""
    return 0


def last(count: int) -> int:
    """Always the newest."""
    return count - 1


def finished(plan: Plan, data: st.DataObject) -> World:
    """A run of a plan with failures, perhaps with bounds and a cancel, in any order."""
    bound = data.draw(st.sampled_from([None, None, 1, 3]))
    made = world(Program(plan), picker(data), failing=data.draw(st.sampled_from([0, 10, 40])), calls=bound)
    made.to_the_end(data.draw(st.sampled_from([None, None, 0, 2, 5])))
    return made


def settled_paths(log: Sequence[Event]) -> list[str]:
    """The paths of the nodes that settled, in order."""
    return [event.path for event in log if isinstance(event, SETTLES)]


@settings(max_examples=150)
@given(plans(), st.data())
def test_every_node_settles_once_and_the_run_ends_once(plan: Plan, data: st.DataObject) -> None:
    """What started settles, nothing settles twice, the terminal event is the last, and nothing is left open."""
    made = finished(plan, data)
    settled = settled_paths(made.log)
    begun = [event.path for event in made.log if isinstance(event, NodeStarted)]
    assert len(settled) == len(set(settled))
    assert len(begun) == len(set(begun))
    assert set(begun) <= set(settled)
    assert [made.log[-1]] == [event for event in made.log if isinstance(event, ENDS)]
    assert ({}, {}) == (made.calls, made.timers)
    state = made.kernel.state
    assert (0, 0, {}, {}) == (state.gate.used, len(state.work), state.calls, state.timers)


@settings(max_examples=100)
@given(plans(), st.data())
def test_no_node_starts_before_its_needs(plan: Plan, data: st.DataObject) -> None:
    """When a node starts, every node that it needs has settled."""
    made, settled = finished(plan, data), set[str]()
    for event in made.log:
        if isinstance(event, SETTLES):
            settled.add(event.path)
        elif isinstance(event, NodeStarted) and SUFFIX not in event.path:
            assert set(needed_paths(plan, event.path)) <= settled


def needed_paths(plan: Plan, path: str) -> list[str]:
    """The paths of what the node of a path needs, found from the path and the plan alone."""
    parts = path.split("/")
    flow, scope = plan.flows[parts[0].partition("~")[0]], 0
    prefixes = {0: parts[0]}
    node: Node | None = None
    for position, part in enumerate(parts[1:], 1):
        name = re.sub(r"(\[\d+\]|~\d+)+$", "", part)
        node = next(n for n in flow.nodes if n.scope == scope and n.name == name)
        inside = "/".join(parts[: position + 1])
        if isinstance(node.work, FlowCall):
            flow, scope = plan.flows[node.work.flow], 0
            prefixes = {0: inside}
        elif hasattr(node.work, "scope"):
            scope = node.work.scope
            prefixes = {**prefixes, scope: inside}
    assert node is not None
    if isinstance(node.work, FlowCall):  # the loop has stepped into the called flow
        return needed_paths_of_call(plan, parts, node)
    return [f"{prefixes[flow.nodes[need.node].scope]}/{flow.nodes[need.node].name}" for need in node.needs]


def needed_paths_of_call(plan: Plan, parts: list[str], node: Node) -> list[str]:
    """As `needed_paths`, for a node that calls a flow."""
    flow, scope, prefixes = plan.flows[parts[0].partition("~")[0]], 0, {0: parts[0]}
    for position, part in enumerate(parts[1:-1], 1):
        name = re.sub(r"(\[\d+\]|~\d+)+$", "", part)
        inner = next(n for n in flow.nodes if n.scope == scope and n.name == name)
        scope = inner.work.scope if hasattr(inner.work, "scope") else 0
        prefixes = {**prefixes, scope: "/".join(parts[: position + 1])}
    return [f"{prefixes[flow.nodes[need.node].scope]}/{flow.nodes[need.node].name}" for need in node.needs]


@settings(max_examples=100)
@given(plans(), st.data())
def test_the_live_state_is_the_fold_of_the_events(plan: Plan, data: st.DataObject) -> None:
    """At every moment, what the kernel remembers of its nodes is what a reader of the log knows."""
    made = world(Program(plan), picker(data), failing=data.draw(st.sampled_from([0, 20])))
    state, told = RunState(), 0
    while not made.kernel.has_ended:
        for event in made.log[told:]:
            apply(state, event)
        told = len(made.log)
        saga = made.kernel.state.saga
        live = {**statuses(made.kernel.state.root), **statuses(saga.frame if saga else None)}
        known = {path: Status.RUNNING if at(state, path) is Status.WAITING else at(state, path) for path in live}
        assert known == live
        under_way = {path for path, node in state.nodes.items() if not node.status.is_settled}
        assert under_way == {path for path, status in live.items() if status is Status.RUNNING}
        made.give(made.next_fact())


def at(state: RunState, path: str) -> Status:
    """Where a node stands, by the log."""
    return state.nodes[path].status


def statuses(frame: Frame | None) -> dict[str, Status]:
    """The nodes of the open frames that are not pending."""
    found: dict[str, Status] = {}
    if frame is not None:
        for layout in frame.layout.members:
            if frame.status[layout.local] is not Status.PENDING:
                found[frame.prefix + layout.name] = frame.status[layout.local]
        for block in (frame.open or {}).values():
            for inner in block.live.values():
                found.update(statuses(inner))
    return found


@settings(max_examples=100)
@given(plans(), st.data())
def test_continuing_after_any_prefix_ends_the_same(plan: Plan, data: st.DataObject) -> None:
    """Stop after any event, take up the log in a new kernel, let the same things happen: the log is the same."""
    made = finished(plan, data)
    stop = data.draw(st.integers(1, len(made.log)))
    kernel = Kernel(Program(plan), calls=made.kernel.state.gate.limit)
    step = replay(kernel, made.log[:stop])
    log = [*made.log[:stop], *step.events]
    for fact in made.facts[facts_in(made, stop) :]:
        log.extend(kernel.on((fact,)).events)
    assert made.log == log


def facts_in(made: World, stop: int) -> int:
    """How many of the facts a prefix of the log tells."""
    length = 0
    for count, step in enumerate(made.steps):
        length += len(step.events)
        if length >= stop:
            return count if stop > length - len(step.events) else count - 1
    return len(made.facts)


@settings(max_examples=150)
@given(plans(), st.data())
def test_undos_run_backwards_one_by_one_and_only_when_the_run_ends_badly(plan: Plan, data: st.DataObject) -> None:
    """Cases S1, S4, S5: what is kept is undone once each, last first, after all else; whatever fails is told at the
    end."""
    log = finished(plan, data).log
    kept = [event for event in log if isinstance(event, UndoKept)]
    began = next((at for at, event in enumerate(log) if isinstance(event, UndoBegan)), len(log))
    before, after = log[:began], log[began:]
    paths = next((event.paths for event in after if isinstance(event, UndoBegan)), ())
    assert paths == tuple(event.path for event in reversed(kept) if event.path in paths)
    done = {event.path for event in before if isinstance(event, NodeDone) and event.absorbed is None}
    assert {event.path for event in kept if not event.in_doubt} <= done
    assert not any(SUFFIX in path for path in settled_paths(before))
    ends = [event for event in after if isinstance(event, SETTLES) and event.path.endswith(SUFFIX)]
    assert [path + SUFFIX for path in paths] == [event.path for event in ends]
    told = [event.path for event in after if isinstance(event, (NodeStarted, *SETTLES))]
    assert [path + SUFFIX for path in paths] == list(dict.fromkeys(own_undo(path) for path in told))
    bad = [event.path for event in ends if not isinstance(event, NodeDone)]
    last = log[-1]
    assert not (paths and isinstance(last, RunDone))
    assert bool(bad) == (isinstance(last, RunFailed) and last.failure.error == "flow.compensation")
    if isinstance(last, RunFailed) and bad:
        assert all(path.removesuffix(SUFFIX) in last.failure.message for path in bad)
        assert len(bad) == len(last.failure.causes) - 1


def own_undo(path: str) -> str:
    """The undo that a node belongs to, by its path."""
    return path.partition(SUFFIX)[0] + SUFFIX


@settings(max_examples=100)
@given(plans(calm=True), st.data())
def test_the_order_of_answers_does_not_matter(plan: Plan, data: st.DataObject) -> None:
    """Where nothing fails and nothing races, every order and every bound of calls gives the same value and ends."""
    oldest, newest, any_ = (world(Program(plan), pick) for pick in (first, last, picker(data)))
    bounded = world(Program(plan), first, calls=1)
    for made in (oldest, newest, any_, bounded):
        made.to_the_end()
    values = [value_of(made.log) for made in (oldest, newest, any_, bounded)]
    assert [values[0]] * 4 == values
    assert len({tuple(sorted(settled_paths(made.log))) for made in (oldest, newest, any_, bounded)}) == 1


@settings(max_examples=60)
@given(plans(), st.data())
def test_equal_histories_give_equal_commands(plan: Plan, data: st.DataObject) -> None:
    """The same facts give the same events and commands, told one by one or all at once."""
    made, program = finished(plan, data), None
    program = made.kernel.state.program
    again, at_once = (Kernel(program, calls=made.kernel.state.gate.limit) for _ in range(2))
    steps = [again.start(made.kernel.state.started), *(again.on((fact,)) for fact in made.facts)]
    assert made.steps == steps
    start, rest = at_once.start(made.kernel.state.started), at_once.on(made.facts)
    assert made.log == [*start.events, *rest.events]
    assert [c for step in steps for c in step.commands] == [*start.commands, *rest.commands]
