"""What a log says: the state of a run as a fold of its events.

Progress views, results and dashboards read this and never the kernel. A fold is changed in place, at a constant price
per event; it knows the events only, so it works on any log, also of a run that goes on elsewhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    AttemptStarted,
    BranchTaken,
    BreakerMoved,
    BreakerState,
    BudgetReserved,
    BudgetSettled,
    CacheUsed,
    CallAdmitted,
    CallPassedOn,
    CallUsed,
    CallWaits,
    CancelRequested,
    DeadlinePassed,
    DoubtSettled,
    Entry,
    ErrorHandled,
    Event,
    Failure,
    NodeBlocked,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    NodeStarted,
    OnceFound,
    QuestionAnswered,
    QuestionAsked,
    RunCancelled,
    RunDone,
    RunFailed,
    RunMoved,
    RunPaused,
    RunResumed,
    RunStarted,
    ScopeFailed,
    Status,
    ToolCalled,
    ToolEnded,
    ToolStep,
    UndoBegan,
    UndoKept,
    Usage,
)
from leadflow.plan.looping import TOOLS, inside_tool
from leadflow.plan.types import Value


@dataclass(slots=True)
class Used:
    """What models used, by their own word, added up over requests."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of those read: out of a provider's cache."""
    stored_tokens: int = 0
    """Of those read: into it."""
    uncounted: int = 0
    """Requests whose tokens nobody knows: they are in none of the sums."""
    money: int = 0
    """In millionths of a dollar."""
    unpriced: int = 0
    """Requests whose cost nobody knows: it is not in `money`."""

    def add(self, event: CallUsed) -> None:
        """One more request."""
        self.requests += 1
        usage = event.usage
        if usage is None or usage.input_tokens is None or usage.output_tokens is None:
            self.uncounted += 1
        else:
            self.input_tokens += usage.input_tokens
            self.output_tokens += usage.output_tokens
            self.cached_tokens += usage.cached_tokens or 0
            self.stored_tokens += usage.stored_tokens or 0
        if event.money is None:
            self.unpriced += 1
        else:
            self.money += event.money


@dataclass(slots=True)
class ToolState:
    """What is known of a tool's calls."""

    calls: int = 0
    failed: int = 0
    seconds: float = 0.0
    """Of all that have ended."""
    size: int = 0
    """Bytes of all results."""
    failure: Failure | None = None
    """Of the last of those that failed."""


@dataclass(slots=True)
class NodeState:
    """What is known of a node. Nodes that nothing was said of are pending."""

    status: Status = Status.PENDING
    attempts: int = 0
    """Attempts begun: 1 from its start on; 0 for what never started."""
    value: Value = None
    failure: Failure | None = None
    """Why it failed; of a node that is done: the failure that was absorbed."""
    reason: str = ""
    """Why it was skipped or cancelled, the path of what blocks it, or the arm that a branch took."""
    agent: str | None = None
    """The agent of the last attempt, or the fallback that answered; None: the agent that was asked first."""
    usage: Usage | None = None
    """Of the request that answered; `used` has all of them."""
    used: Used | None = None
    """By all of its attempts; None: it asked no model."""
    failed_attempts: list[AttemptFailure] = field(default_factory=list)
    """Attempts that failed while the call went on."""
    passed: list[CallPassedOn] = field(default_factory=list)
    """Agents that were not asked, or not again, and why: the call went on with another one."""
    delay: float | None = None
    """While it waits: seconds from the last failed attempt to the next one."""
    waits_for: str | None = None
    """While it waits for its turn: what for."""
    reserved: int = 0
    """Of the attempt under way, in millionths of a dollar."""
    spent: int = 0
    """Of all attempts, in millionths of a dollar."""
    spent_tokens: int = 0
    is_cached: bool = False
    """Answered from memory, or by an equal call."""
    found: OnceFound | None = None
    """Not called: whose call for the same key of `@once` gave its value."""
    tools: dict[str, ToolState] = field(default_factory=dict)
    """What its model did with tools, by tool."""
    started_at: float | None = None
    """Wall-clock seconds, where the log has them."""
    ended_at: float | None = None


@dataclass(slots=True)
class RunState:
    """What is known of a run."""

    run: str = ""
    flow: str = ""
    plan: str = ""
    inputs: Mapping[str, Value] = field(default_factory=dict)
    status: Status = Status.PENDING
    """`waiting` between two attempts of its flow, and while it is paused."""
    attempts: int = 1
    """Of its flow as a whole."""
    value: Value = None
    failure: Failure | None = None
    resumed: int = 0
    """How often it was taken up again."""
    paused: str | None = None
    """Why nothing more begins, until it is taken up again."""
    questions: dict[str, QuestionAsked] = field(default_factory=dict)
    """Those that nobody has answered, by the path of their step."""
    cancel: str | None = None
    """Why somebody asked to stop."""
    late: dict[str, Failure] = field(default_factory=dict)
    """Deadlines that passed and budgets that are used up, by path."""
    kept: dict[str, UndoKept] = field(default_factory=dict)
    """Steps that have an undo with fixed arguments, by path, in the order in which they were done."""
    undoing: UndoBegan | None = None
    """What is taken back, and why, once that has begun; how far it is, the nodes `PATH~undo` say."""
    breakers: dict[str, BreakerState] = field(default_factory=dict)
    """By agent: those that ever moved."""
    spent: int = 0
    """In millionths of a dollar, where budgets count it."""
    spent_tokens: int = 0
    used: Used = field(default_factory=Used)
    """By all models that were asked."""
    nodes: dict[str, NodeState] = field(default_factory=dict)
    """By path, in the order in which they were first heard of."""
    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    """How many of the nodes heard of stand where."""
    inner: dict[str, "RunState"] = field(default_factory=dict)
    """Flows that models use as tools, by the path of the tool's call (`main/answer~tools[0]`); their nodes have the
    flow's own paths. What they cost is in the sums of this run, and of their nodes, and nowhere else."""
    started_at: float | None = None
    """Wall-clock seconds, where the log has them."""
    ended_at: float | None = None

    def node(self, path: str) -> NodeState | None:
        """The node of a path of this run, also in a flow that is a tool; None: nothing was said of it."""
        found = self.nodes.get(path)
        if found is None and self.inner and (where := inside_tool(path)) is not None and where[0] in self.inner:
            found = self.inner[where[0]].nodes.get(where[1])
        return found

    def all_nodes(self) -> Iterator[tuple[str, NodeState]]:
        """By path of this run, those in flows that are tools last."""
        yield from self.nodes.items()
        for call, inner in self.inner.items():
            yield from ((f"{call}/{path}", node) for path, node in inner.nodes.items())


def fold(entries: Iterable[Entry]) -> RunState:
    """The state that a log leads to."""
    state = RunState()
    for entry in entries:
        apply(state, entry.event, entry.at)
    return state


def apply(state: RunState, event: Event, at: float | None = None) -> RunState:
    """The same state, with one more event in it."""
    _APPLY[type(event)](state, event, at)
    return state


# --- the run ------------------------------------------------------------------------------------------------------


def _run_started(state: RunState, event: RunStarted, at: float | None) -> None:
    state.run, state.flow, state.plan, state.inputs = event.run, event.flow, event.plan, event.inputs
    state.status, state.started_at = Status.RUNNING, at


def _run_resumed(state: RunState, event: RunResumed, at: float | None) -> None:
    state.resumed += 1
    state.paused, state.status = None, Status.RUNNING


def _run_moved(state: RunState, event: RunMoved, at: float | None) -> None:
    state.plan = event.plan


def _run_paused(state: RunState, event: RunPaused, at: float | None) -> None:
    state.paused, state.status = event.why, Status.WAITING


def _doubt_settled(state: RunState, event: DoubtSettled, at: float | None) -> None:
    _leave_tools(state, event.path, "its process ended", at)
    if event.decision == "retry":
        _move(state, event.path, _waiting_or_running(state, event.path), at)


def _waiting_or_running(state: RunState, path: str) -> Status:
    """Where a call stands whose attempt begins, or goes on: its question may be open still."""
    return Status.WAITING if path in state.questions else Status.RUNNING


def _cancel_requested(state: RunState, event: CancelRequested, at: float | None) -> None:
    state.cancel = event.why


def _ended_early(state: RunState, event: DeadlinePassed | ScopeFailed, at: float | None) -> None:
    state.late[event.path] = event.failure


def _undo_kept(state: RunState, event: UndoKept, at: float | None) -> None:
    state.kept[event.path] = event


def _undo_began(state: RunState, event: UndoBegan, at: float | None) -> None:
    state.undoing = event


def _run_done(state: RunState, event: RunDone, at: float | None) -> None:
    state.status, state.value, state.ended_at = Status.DONE, event.value, at


def _run_failed(state: RunState, event: RunFailed, at: float | None) -> None:
    state.status, state.failure, state.ended_at = Status.FAILED, event.failure, at


def _run_cancelled(state: RunState, event: RunCancelled, at: float | None) -> None:
    state.status, state.ended_at = Status.CANCELLED, at


# --- nodes --------------------------------------------------------------------------------------------------------


def _move(state: RunState, path: str, status: Status, at: float | None) -> NodeState:
    """The node, which now stands there."""
    node = state.nodes.get(path)
    if node is None:
        node = state.nodes[path] = NodeState()
    else:
        state.counts[node.status] -= 1
    node.status = status
    state.counts[status] += 1
    if status is not Status.RUNNING and status is not Status.WAITING:
        node.ended_at = at
        if state.questions:
            state.questions.pop(path, None)
        if state.inner:
            _leave_tools(state, path, "the step ended", at)
    elif node.started_at is None:
        node.started_at = at
    return node


def _node_started(state: RunState, event: NodeStarted, at: float | None) -> None:
    _move(state, event.path, Status.RUNNING, at).attempts = 1


def _attempt_started(state: RunState, event: AttemptStarted, at: float | None) -> None:
    if event.path == state.flow:
        state.status, state.attempts = Status.RUNNING, event.attempt
        return
    is_open = event.path in state.questions
    node = _move(state, event.path, _waiting_or_running(state, event.path), at)
    node.attempts, node.agent, node.delay = event.attempt, event.agent, None
    node.waits_for = node.waits_for if is_open else None


def _attempt_failed(state: RunState, event: AttemptFailed, at: float | None) -> None:
    status = Status.RUNNING if event.delay is None else Status.WAITING
    if event.path == state.flow:
        state.status = status
        return
    node = _move(state, event.path, status, at)
    state.questions.pop(event.path, None)
    node.delay, node.waits_for = event.delay, None
    node.failed_attempts.append(event.failure)


def _call_passed_on(state: RunState, event: CallPassedOn, at: float | None) -> None:
    node = _move(state, event.path, Status.RUNNING, at)
    node.waits_for = node.delay = None
    node.passed.append(event)


def _call_waits(state: RunState, event: CallWaits, at: float | None) -> None:
    node = _move(state, event.path, Status.WAITING, at)
    node.waits_for, node.delay = event.why, event.seconds


def _call_admitted(state: RunState, event: CallAdmitted, at: float | None) -> None:
    node = _move(state, event.path, Status.RUNNING, at)
    node.waits_for = node.delay = None


def _breaker_moved(state: RunState, event: BreakerMoved, at: float | None) -> None:
    state.breakers[event.agent] = event.state


def _budget_reserved(state: RunState, event: BudgetReserved, at: float | None) -> None:
    if (node := state.node(event.path)) is not None:
        node.reserved = event.money


def _budget_settled(state: RunState, event: BudgetSettled, at: float | None) -> None:
    state.spent += event.money
    state.spent_tokens += event.tokens
    if (node := state.node(event.path)) is not None:
        node.reserved = 0
        node.spent += event.money
        node.spent_tokens += event.tokens


def _call_used(state: RunState, event: CallUsed, at: float | None) -> None:
    state.used.add(event)
    if (node := state.node(event.path)) is not None:
        if node.used is None:
            node.used = Used()
        node.used.add(event)


def _cache_used(state: RunState, event: CacheUsed, at: float | None) -> None:
    node = _move(state, event.path, Status.RUNNING, at)
    node.waits_for, node.delay, node.is_cached = None, None, True


def _once_found(state: RunState, event: OnceFound, at: float | None) -> None:
    node = _move(state, event.path, Status.RUNNING, at)
    node.waits_for, node.delay, node.found = None, None, event


def _error_handled(state: RunState, event: ErrorHandled, at: float | None) -> None:
    """What follows says the rest."""


def _question_asked(state: RunState, event: QuestionAsked, at: float | None) -> None:
    node = _move(state, event.path, Status.WAITING, at)
    node.waits_for, node.delay = f"an answer of {event.assignee or event.agent}", None
    state.questions[event.path] = event


def _question_answered(state: RunState, event: QuestionAnswered, at: float | None) -> None:
    node = _move(state, event.path, Status.RUNNING, at)
    node.waits_for = None
    state.questions.pop(event.path, None)


def _tool_called(state: RunState, event: ToolCalled, at: float | None) -> None:
    if (node := state.nodes.get(event.path)) is not None:
        node.tools.setdefault(event.tool, ToolState()).calls += 1


def _tool_ended(state: RunState, event: ToolEnded, at: float | None) -> None:
    if (node := state.nodes.get(event.path)) is not None:
        tool = node.tools.setdefault(event.tool, ToolState())
        if event.failure is not None:
            tool.failed += 1
            tool.failure = event.failure
        tool.seconds += event.seconds
        tool.size += event.size


def _tool_step(state: RunState, event: ToolStep, at: float | None) -> None:
    if isinstance(event.inner, RunStarted):  # the step may have been there before, in a process that ended
        for call in [call for call in state.inner if call.startswith(f"{event.path}/")]:
            del state.inner[call]
        state.inner[event.path] = RunState()
    inner = state.inner.setdefault(event.path, RunState())
    apply(inner, event.inner, at)
    match event.inner:  # its own step's model may have used flows, too, which stand beside it in `inner`
        case NodeDone(path=path) | NodeFailed(path=path) | NodeCancelled(path=path):
            _leave_tools(state, f"{event.path}/{path}", "the step ended", at)
        case _:
            pass


def _leave_tools(state: RunState, path: str, why: str, at: float | None) -> None:
    """Nothing more is told of the flows that a step's model used as tools: those that have not ended are not heard of
    again."""
    for call, inner in state.inner.items():
        if inner.status.is_settled or not call.startswith(f"{path}{TOOLS}["):
            continue
        inner.status, inner.ended_at = Status.CANCELLED, at
        for each in [each for each, node in inner.nodes.items() if not node.status.is_settled]:
            _move(inner, each, Status.CANCELLED, at).reason = why


def _node_done(state: RunState, event: NodeDone, at: float | None) -> None:
    node = _move(state, event.path, Status.DONE, at)
    node.value, node.failure, node.agent, node.usage = event.value, event.absorbed, event.agent, event.usage


def _node_failed(state: RunState, event: NodeFailed, at: float | None) -> None:
    _move(state, event.path, Status.FAILED, at).failure = event.failure


def _node_skipped(state: RunState, event: NodeSkipped, at: float | None) -> None:
    _move(state, event.path, Status.SKIPPED, at).reason = event.why


def _node_blocked(state: RunState, event: NodeBlocked, at: float | None) -> None:
    _move(state, event.path, Status.BLOCKED, at).reason = event.by


def _node_cancelled(state: RunState, event: NodeCancelled, at: float | None) -> None:
    doubt = "; nobody knows whether it was done" if event.in_doubt else ""
    _move(state, event.path, Status.CANCELLED, at).reason = event.why + doubt


def _branch_taken(state: RunState, event: BranchTaken, at: float | None) -> None:
    _move(state, event.path, Status.DONE, at).reason = event.label


_Apply: TypeAlias = Callable[[RunState, Any, float | None], None]

_APPLY: dict[type[Event], _Apply] = {
    RunStarted: _run_started,
    RunResumed: _run_resumed,
    RunMoved: _run_moved,
    RunPaused: _run_paused,
    DoubtSettled: _doubt_settled,
    CancelRequested: _cancel_requested,
    DeadlinePassed: _ended_early,
    ScopeFailed: _ended_early,
    UndoKept: _undo_kept,
    UndoBegan: _undo_began,
    RunDone: _run_done,
    RunFailed: _run_failed,
    RunCancelled: _run_cancelled,
    NodeStarted: _node_started,
    AttemptStarted: _attempt_started,
    AttemptFailed: _attempt_failed,
    CallPassedOn: _call_passed_on,
    CallWaits: _call_waits,
    CallAdmitted: _call_admitted,
    BreakerMoved: _breaker_moved,
    BudgetReserved: _budget_reserved,
    BudgetSettled: _budget_settled,
    CallUsed: _call_used,
    CacheUsed: _cache_used,
    OnceFound: _once_found,
    ErrorHandled: _error_handled,
    QuestionAsked: _question_asked,
    QuestionAnswered: _question_answered,
    ToolCalled: _tool_called,
    ToolEnded: _tool_ended,
    ToolStep: _tool_step,
    NodeDone: _node_done,
    NodeFailed: _node_failed,
    NodeSkipped: _node_skipped,
    NodeBlocked: _node_blocked,
    NodeCancelled: _node_cancelled,
    BranchTaken: _branch_taken,
}
