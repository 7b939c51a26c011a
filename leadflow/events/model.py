"""Every event of a run. State, progress, results and resume are folds of one list of these (see `fold.py`).

An event says what happened to which node, by its path; it carries no time: the `Entry` around it does. Facts come
from outside the kernel (a call's answer, a cancel, a deadline); all else follows from them and is logged so that a
reader needs no kernel.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

from leadflow.plan.policy import Does, ErrorClass
from leadflow.plan.types import Effect, Value
from leadflow.record import record


class Status(StrEnum):
    """Where a node or a run stands. The only status enum there is."""

    PENDING = "pending"
    """Not yet known whether it will run, or waiting for its needs."""
    RUNNING = "running"
    WAITING = "waiting"
    """Under way, but not calling anyone: back-off, a queue."""
    DONE = "done"
    SKIPPED = "skipped"
    """Its arm was not taken."""
    BLOCKED = "blocked"
    """What it needs failed."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_settled(self) -> bool:
        """True when nothing more can happen to it."""
        return self not in (Status.PENDING, Status.RUNNING, Status.WAITING)


@record
class Failure:
    """Why something failed: data, not an exception."""

    error: str
    """Stable name: its class, a dot, and the kind: `timeout.attempt`, `network.connect`, `agent.bad_response`. The
    table is in `run/errors.py`."""
    category: ErrorClass
    """One of the eight classes that `on:` and `catch e => e.class` speak of."""
    message: str
    """One line for people, without secrets."""
    path: str = ""
    """The node it happened to; empty for the run."""
    attempts: tuple["AttemptFailure", ...] = ()
    """The attempts that led to it, in order (case R19)."""
    causes: tuple["Failure", ...] = ()
    """The failures of members or of fallbacks that it sums up."""
    in_doubt: bool = False
    """True when nobody knows whether a call that changes something was done; nothing absorbs that (rule C3)."""
    limit: str | None = None
    """The path of what encloses the node and failed as a whole, by its budget or by `terminate` (empty for the run):
    only something on that or outside of it may absorb this (rule C3). None: it is the node's own failure."""


@record
class AttemptFailure:
    """One attempt that failed."""

    attempt: int
    """From 1."""
    agent: str
    error: str
    message: str
    seconds: float
    """How long it took."""
    status: int | None = None
    """The HTTP status, where there was one."""


@record
class Usage:
    """What a call used, as the upstream reported it; None is unknown."""

    input_tokens: int | None = None
    """All that was read, what came out of the provider's cache included."""
    output_tokens: int | None = None
    cached_tokens: int | None = None
    """Of what was read: out of the provider's cache."""
    stored_tokens: int | None = None
    """Of what was read: into it."""


# --- the run ------------------------------------------------------------------------------------------------------


@record
class RunStarted:
    """A run began."""

    run: str
    flow: str
    plan: str
    """Content hash of the plan."""
    inputs: Mapping[str, Value]
    seed: int
    """Of the run's chance (case R8)."""
    started: datetime
    """The constant `run.started` (rule E7)."""
    origin: str | None = None
    """The run that it was made from: up to where it is resumed stands what it keeps of that one, and nothing else
    begins. None also in logs from before it was told."""


@record
class RunResumed:
    """The run goes on behind the end of its log: its process had ended, or could not keep it."""

    owner: str
    """Who works on it now (audit)."""


@record
class RunMoved:
    """From here on the run goes on under another plan: what stands above was told to that as well (case D6)."""

    plan: str
    """Content hash of the plan."""
    by: str | None = None
    """Who moved it (audit)."""


@record
class RunPaused:
    """Nothing more begins until the run is resumed: it waits for people, or somebody stopped its process.

    Calls that are under way may still end behind this; of those that do not, the resumed run knows what follows.
    """

    why: str
    """`it waits for people`, `SIGTERM`."""
    paths: tuple[str, ...] = ()
    """Of the steps whose questions it waits for; none: somebody stopped its process."""


Decision: TypeAlias = Literal["retry", "failed", "done"]


@record
class DoubtSettled:
    """A call was under way when its process ended, and it is decided what follows (cases D2, D3).

    `retry`: it is called again. `failed`, `done`: somebody found out that it was not done, or was; it ends so.
    """

    path: str
    decision: Decision
    why: str
    """`it changes nothing`, `it may be repeated`, `it was between two attempts`, `told by the operator`."""


@record
class CancelRequested:
    """Somebody asked to stop."""

    why: str
    force: bool = False
    """At once: no write is awaited, and nothing more is undone (case S3)."""
    by: str | None = None
    """Who asked (audit); None: whoever ran it."""


@record
class DeadlinePassed:
    """The deadline of a block, a flow, or (empty path) the run passed."""

    path: str
    failure: Failure


@record
class UndoKept:
    """A step is done, or in doubt: what takes it back, should the run fail or be cancelled (rule C7)."""

    path: str
    """Of the step; its undo is the node `PATH~undo`."""
    args: Mapping[str, Value]
    """Of the call, by parameter name or, for a flow, by position."""
    in_doubt: bool = False
    """Nobody knows whether the step was done."""
    failure: Failure | None = None
    """Why it cannot be taken back; None: it can."""


@record
class UndoBegan:
    """All else of the run has settled, and it failed or is cancelled: steps are taken back (cases S1, S5)."""

    paths: tuple[str, ...]
    """Of the steps, in the order in which they are taken back, one after the other."""
    failure: Failure | None
    """Why the run fails; None: it is cancelled."""


@record
class RunDone:
    """The run ended with a value."""

    value: Value


@record
class RunFailed:
    """The run ended with a failure."""

    failure: Failure


@record
class RunCancelled:
    """The run was cancelled; nothing of it executes after this (case X1)."""

    why: str


# --- nodes --------------------------------------------------------------------------------------------------------


@record
class NodeStarted:
    """A call or a block began; for a call this is its first attempt."""

    path: str


@record
class AttemptStarted:
    """A further attempt of a call, or the first one with another agent."""

    path: str
    attempt: int
    """From 1, over all agents of the call."""
    agent: str


@record
class AttemptFailed:
    """An attempt failed and the call goes on: another attempt follows, or a fallback."""

    path: str
    failure: AttemptFailure
    delay: float | None
    """Seconds until the next attempt; None when a fallback follows at once."""
    is_beside: bool = False
    """Another attempt of the call is under way beside it (`@hedge`)."""
    then: str | None = None
    """The agent that is asked next, where it is another one. None also in logs from before it was told."""


@record
class CallPassedOn:
    """A call goes on with another agent for a failure that is none of an attempt: a limit or a breaker turned it away,
    its time was over in a line, an equal call failed. Nothing was sent that is not told otherwise, and nobody counts
    this as an attempt."""

    path: str
    agent: str
    """The one that is asked no more, or was not at all."""
    failure: Failure
    then: str
    """The agent that is asked next."""


@record
class CallWaits:
    """A call waits for its turn: nothing of it is under way, and nothing is held."""

    path: str
    agent: str
    why: str
    """For people: `tokens per minute`, `10 calls at once`, `the budget of flow triage`, `the upstream asks for it`."""
    seconds: float | None
    """How long at least; None when that depends on others."""


@record
class CallAdmitted:
    """A call that waited has its turn."""

    path: str
    agent: str
    waited: float
    """Seconds."""


BreakerState: TypeAlias = Literal["closed", "open", "half_open", "forced_open", "forced_closed"]


@record
class BreakerMoved:
    """The breaker of an upstream changed its state (case B14). The path is that of the call that made it."""

    path: str
    agent: str
    """The agent that the breaker stands on."""
    state: BreakerState
    why: str
    seconds: float | None
    """How long it stays open; None for other states."""


@record
class BudgetReserved:
    """An attempt may cost so much at most, and that fits into all budgets around it (case $1)."""

    path: str
    attempt: int
    money: int
    """In millionths of a dollar."""
    tokens: int


@record
class BudgetSettled:
    """What an attempt cost (cases $3, $4)."""

    path: str
    attempt: int
    money: int
    """In millionths of a dollar."""
    tokens: int
    is_estimated: bool
    """Nobody said what it cost: the reservation stands for it."""
    over: int = 0
    """Millionths of a dollar by which a budget is overdrawn (case $4)."""
    calls: int = 1
    """0 when nothing was sent."""


@record
class CallUsed:
    """A model answered a request of an attempt, or may have: what that used by its own word, and what it costs."""

    path: str
    attempt: int
    agent: str
    usage: Usage | None
    """None: it does not say so."""
    money: int | None
    """In millionths of a dollar; None: not known, which is not nothing."""


@record
class CacheUsed:
    """A call is answered from memory, or by an equal call that is under way (cases C1, C3, $6)."""

    path: str
    agent: str
    is_shared: bool
    """True: by the equal call."""


@record
class OnceFound:
    """The call is not made: another one has made it for the same key (`@once`), and its value is this one's."""

    path: str
    run: str
    """The run of the other one."""
    step: str
    """Its path."""


@record
class ErrorHandled:
    """`@on_error` decided what follows a failure."""

    path: str
    category: ErrorClass
    does: Does
    agent: str | None


@record
class QuestionAsked:
    """A person is asked. While all that a run waits for are answers it is paused, and its process may end."""

    path: str
    number: int
    """Of the questions of this step, from 1: a step that is tried again asks again."""
    agent: str
    question: str
    show: Value
    """What the person is shown with the question; None: nothing."""
    assignee: str | None
    expires: float | None
    """Wall-clock seconds since the epoch: later answers count no more; None: never."""
    is_approval: bool
    """True: the answer is yes or no, and a no is the failure `permission.refused` (rule C9)."""


@record
class QuestionAnswered:
    """A person has answered; what the step makes of it follows."""

    path: str
    number: int
    value: Value
    """True or False for an approval, else of the type of the step."""
    by: str
    """Who answered (audit)."""
    at: float
    """When, in seconds since the epoch: perhaps long before the run heard of it."""
    note: str = ""


@record
class ToolCalled:
    """A model's turn asks for a tool, which is called now."""

    path: str
    """Of the step."""
    call: int
    """Which call of a tool in this step, from 0."""
    turn: int
    """From 1."""
    tool: str
    """As the setting `tools` names it; what the model wrote, where that names none."""
    effect: Effect
    args: Mapping[str, Value]


@record
class ToolEnded:
    """What a tool's call came to; the model is told."""

    path: str
    call: int
    """As `ToolCalled` has it."""
    tool: str
    seconds: float
    failure: Failure | None
    """`tool.unknown`, `tool.arguments`, `tool.calls`: nothing was called."""
    size: int
    """Bytes of the result, also of what is not told of it (case O2)."""
    again: tuple[AttemptFailure, ...] = ()
    """Attempts that failed before one did not (case R5); of a call that failed, `failure` has all of them."""


@record
class ScopeFailed:
    """A block, a flow or (empty path) the run fails as a whole: its budget is used up, or a failure ends the run."""

    path: str
    failure: Failure


@record
class NodeDone:
    """A node has its value."""

    path: str
    value: Value
    absorbed: Failure | None = None
    """The failure that `@optional` or `catch` turned into this value."""
    agent: str | None = None
    """The fallback that answered; None: the agent that was asked first (case F3: a degraded value)."""
    usage: Usage | None = None


@record
class NodeFailed:
    """A node failed for good."""

    path: str
    failure: Failure


@record
class NodeSkipped:
    """The arm a node stands in was not taken."""

    path: str
    why: str
    """The condition and what it was: `verdict.urgent and … = false`."""


@record
class NodeBlocked:
    """What a node needs failed, so it cannot run."""

    path: str
    by: str
    """Path of the node that failed."""


@record
class NodeCancelled:
    """A node was stopped, or will not start any more."""

    path: str
    why: str
    in_doubt: bool = False
    """It writes, and was cut off, or an attempt before was: nobody knows whether it was done."""


@record
class BranchTaken:
    """A condition was decided."""

    path: str
    arm: int
    label: str


FlowEvent: TypeAlias = (
    RunStarted
    | CancelRequested
    | DeadlinePassed
    | UndoKept
    | UndoBegan
    | RunDone
    | RunFailed
    | RunCancelled
    | NodeStarted
    | AttemptStarted
    | AttemptFailed
    | CallPassedOn
    | CallWaits
    | CallAdmitted
    | CacheUsed
    | OnceFound
    | ErrorHandled
    | ToolCalled
    | ToolEnded
    | ScopeFailed
    | NodeDone
    | NodeFailed
    | NodeSkipped
    | NodeBlocked
    | NodeCancelled
    | BranchTaken
)
"""What the log of a run tells of a flow in it that a model uses as a tool."""


@record
class ToolStep:
    """Something happened in a flow that a model uses as a tool. What that costs has events of the run's own."""

    path: str
    """Of the tool's call: `main/answer~tools[0]`."""
    inner: FlowEvent
    """With the flow's own paths: that of a step is `look/page`, and in this run `main/answer~tools[0]/look/page`."""


CallEvent: TypeAlias = (
    AttemptStarted
    | AttemptFailed
    | CallPassedOn
    | CallWaits
    | CallAdmitted
    | BreakerMoved
    | BudgetReserved
    | BudgetSettled
    | CallUsed
    | CacheUsed
    | OnceFound
    | ErrorHandled
    | QuestionAsked
    | QuestionAnswered
    | ToolCalled
    | ToolEnded
    | ToolStep
)
"""What the policies around a call report while it is under way; the kernel passes these on to the log."""


Event: TypeAlias = FlowEvent | CallEvent | RunResumed | RunMoved | RunPaused | DoubtSettled


class Entry(NamedTuple):
    """An event in its log."""

    seq: int
    """Position in the run's log, from 0, without gaps."""
    at: float
    """Wall-clock time in seconds since the epoch; for people only."""
    event: Event
