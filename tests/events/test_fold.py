"""The fold: what a reader knows after each event, without a kernel."""

from typing import get_args

import pytest

from leadflow.events.fold import _APPLY, NodeState, RunState, apply, fold
from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    AttemptStarted,
    BranchTaken,
    CallAdmitted,
    CallPassedOn,
    CallWaits,
    CancelRequested,
    DeadlinePassed,
    Entry,
    Event,
    Failure,
    FlowEvent,
    NodeBlocked,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    NodeStarted,
    RunCancelled,
    RunDone,
    RunFailed,
    RunStarted,
    Status,
    ToolStep,
    UndoBegan,
    UndoKept,
    Usage,
)
from tests.run.fakes import STARTED

START = RunStarted("r", "f", "hash", {"x": 1}, 7, STARTED)
FAILURE = Failure("agent.failed", "agent", "no", "f/a")
SLIP = AttemptFailure(1, "fast", "network.lost", "gone", 0.5)


def after(*events: Event) -> RunState:
    """The state that these lead to, a second apart."""
    return fold(Entry(seq, float(seq), event) for seq, event in enumerate((START, *events)))


def test_a_run_that_started_runs() -> None:
    """The first event says what runs, and with what."""
    state = after()
    assert ("r", "f", "hash", {"x": 1}, Status.RUNNING) == (
        state.run, state.flow, state.plan, state.inputs, state.status,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("event", "status", "value", "failure"),
    [
        (RunDone(5), Status.DONE, 5, None),
        (RunFailed(FAILURE), Status.FAILED, None, FAILURE),
        (RunCancelled("enough"), Status.CANCELLED, None, None),
    ],
)
def test_terminal_events_end_it(event: Event, status: Status, value: object, failure: Failure | None) -> None:
    """Each terminal event gives its status and what it ended with."""
    state = after(event)
    assert (status, value, failure) == (state.status, state.value, state.failure)


@pytest.mark.parametrize(
    ("event", "status", "reason"),
    [
        (NodeDone("f/a", 1), Status.DONE, ""),
        (NodeFailed("f/a", FAILURE), Status.FAILED, ""),
        (NodeSkipped("f/a", "if@1 = else"), Status.SKIPPED, "if@1 = else"),
        (NodeBlocked("f/a", "f/z"), Status.BLOCKED, "f/z"),
        (NodeCancelled("f/a", "enough"), Status.CANCELLED, "enough"),
        (NodeCancelled("f/a", "enough", True), Status.CANCELLED, "enough; nobody knows whether it was done"),
        (BranchTaken("f/a", 1, "else"), Status.DONE, "else"),
    ],
)
def test_nodes_settle_with_a_reason(event: Event, status: Status, reason: str) -> None:
    """Each way of settling has its status, its reason and its time, and is counted once."""
    state = after(NodeStarted("f/a"), event)
    node = state.nodes["f/a"]
    assert (status, reason, 1.0, 2.0) == (node.status, node.reason, node.started_at, node.ended_at)
    assert {status: 1} == {kind: count for kind, count in state.counts.items() if count}


def test_attempts_are_counted_and_told() -> None:
    """A failed attempt makes the node wait, the next one makes it run; its answer says who gave it."""
    state = after(NodeStarted("f/a"), AttemptFailed("f/a", SLIP, 2.0))
    assert NodeState(Status.WAITING, 1, failed_attempts=[SLIP], delay=2.0, started_at=1.0) == state.nodes["f/a"]
    apply(state, AttemptStarted("f/a", 2, "fast"))
    node = state.nodes["f/a"]
    assert (Status.RUNNING, 2, None) == (node.status, node.attempts, node.delay)
    apply(state, NodeDone("f/a", 5, None, "spare", Usage(1, 2)))
    assert (5, "spare", Usage(1, 2)) == (node.value, node.agent, node.usage)


def test_a_call_waits_for_its_turn() -> None:
    """It waits, for what and for how long at least is known; with its turn, or another agent, it runs again."""
    state = after(NodeStarted("f/a"), CallWaits("f/a", "fast", "tokens per minute", 12.0))
    node = state.nodes["f/a"]
    assert (Status.WAITING, "tokens per minute", 12.0) == (node.status, node.waits_for, node.delay)
    apply(state, CallAdmitted("f/a", "fast", 12.0))
    assert (Status.RUNNING, None, None) == (node.status, node.waits_for, node.delay)
    left = after(
        NodeStarted("f/a"), CallWaits("f/a", "fast", "1 call at once", None), AttemptStarted("f/a", 1, "spare")
    )
    assert (Status.RUNNING, None) == (left.nodes["f/a"].status, left.nodes["f/a"].waits_for)


def test_a_fallback_follows_at_once() -> None:
    """An attempt that failed without a delay leaves the node running."""
    assert Status.RUNNING is after(NodeStarted("f/a"), AttemptFailed("f/a", SLIP, None)).nodes["f/a"].status


def test_an_agent_that_is_passed_over_is_no_attempt() -> None:
    """A call whose agent turned it away goes on, and both are known: that it was, and why."""
    passed = CallPassedOn("f/a", "fast", FAILURE, "spare")
    node = after(NodeStarted("f/a"), CallWaits("f/a", "fast", "1 call at once", None), passed).nodes["f/a"]
    assert NodeState(Status.RUNNING, 1, passed=[passed], started_at=1.0) == node


def test_what_is_taken_back_is_known() -> None:
    """What is kept, what is taken back and why, and how far that is: an undo is a node beside its step."""
    kept, began = UndoKept("f/a", {"id": "7"}), UndoBegan(("f/a",), FAILURE)
    state = after(NodeStarted("f/a"), NodeDone("f/a", 1), kept, began, NodeStarted("f/a~undo"))
    assert ({"f/a": kept}, began, Status.RUNNING) == (state.kept, state.undoing, state.status)
    assert (Status.DONE, Status.RUNNING) == (state.nodes["f/a"].status, state.nodes["f/a~undo"].status)


def test_absorbed_failures_stay_known() -> None:
    """A node that is done in spite of a failure has both, value and failure."""
    node = after(NodeStarted("f/a"), NodeDone("f/a", None, FAILURE)).nodes["f/a"]
    assert (Status.DONE, FAILURE) == (node.status, node.failure)


def test_wishes_and_deadlines_are_known() -> None:
    """A cancel and a deadline that passed are facts of the run before they have effect."""
    state = after(CancelRequested("enough"), DeadlinePassed("f/a", FAILURE))
    assert ("enough", {"f/a": FAILURE}, Status.RUNNING) == (state.cancel, state.late, state.status)


def test_a_run_that_tries_its_flow_again_waits() -> None:
    """Attempts of the run's own flow are the run's, not a node's."""
    state = after(AttemptFailed("f", SLIP, 2.0))
    assert (Status.WAITING, {}) == (state.status, state.nodes)
    apply(state, AttemptStarted("f", 2, ""))
    assert (Status.RUNNING, 2, {}) == (state.status, state.attempts, state.nodes)


def test_every_event_has_its_place() -> None:
    """The fold knows exactly the events of the model."""
    assert set(get_args(Event)) == set(_APPLY)


@pytest.mark.parametrize(
    "end", [NodeFailed("both/d", FAILURE), NodeDone("both/d", 1), NodeCancelled("both/d", "stop", False)]
)
def test_what_a_tool_of_a_tool_left_open_is_over_with_the_step_that_used_it(end: FlowEvent) -> None:
    """A model in a flow that is a tool may use a flow, too; that one is not heard of again when its step has ended."""
    call, other = "f/a~tools[0]", "f/b~tools[0]"
    deep = f"{call}/both/d~tools[0]"
    first: tuple[FlowEvent, ...] = (START, NodeStarted("both/d"))
    begun = [(place, event) for place in (call, deep, other) for event in first]
    state = after(NodeStarted("f/a"), NodeStarted("f/b"), *(ToolStep(place, event) for place, event in begun))
    assert [Status.RUNNING] * 3 == [inner.status for inner in state.inner.values()]
    apply(state, ToolStep(call, end), 9.0)
    assert [Status.RUNNING, Status.CANCELLED, Status.RUNNING] == [inner.status for inner in state.inner.values()]
    assert (Status.CANCELLED, 9.0) == ((step := state.inner[deep].nodes["both/d"]).status, step.ended_at)
