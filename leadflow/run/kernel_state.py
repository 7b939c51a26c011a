"""What the kernel remembers of a run: instances of scopes, open blocks, gates. Data, and how to read it.

A frame is one instance of a scope: the body of a flow, an iteration, a round. A block is what is open for one node:
it owns the frames below that node. Expressions are evaluated in frames, which are their `Env`.
"""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from heapq import heappop, heappush
from typing import TypeAlias

from leadflow.events.model import Event, Failure, RunCancelled, RunDone, RunFailed, RunStarted, Status
from leadflow.plan.expr import Guard
from leadflow.plan.plan import FlowPlan
from leadflow.plan.policy import Budgets, Strategy
from leadflow.plan.types import Value
from leadflow.record import record
from leadflow.run.context import RunValues
from leadflow.run.errors import InternalError, ValueProblem
from leadflow.run.kernel_layout import FlowLayout, NodeLayout, Program, ScopeLayout, UndoLayout

# --- commands -----------------------------------------------------------------------------------------------------


@record
class Call:
    """Call an agent; its end comes back as `NodeDone`, `NodeFailed` or `NodeCancelled` of that path."""

    path: str
    flow: FlowPlan
    layout: NodeLayout
    """Of the node whose work it is; the same object for every call of that node."""
    args: Mapping[str, Value]
    key: str | None
    within: str | None
    """The path of the innermost deadline around it; None: there is none."""
    priority: int
    """Its own, or that of what encloses it: for the queues behind the kernel's."""
    cache_key: str | None = None
    """The value of `@cache(key:)`; None: equal calls are told by their arguments."""
    budgets: Budgets = ()
    """Those of the blocks and flows around it, and of the run, innermost first."""
    once: str | None = None
    """The value of `@once(key:)`; None: any run may make it."""


@record
class CancelCall:
    """Stop a call that is under way; it still has to end."""

    path: str
    why: str
    force: bool
    """False: an attempt that writes and was sent already is awaited (rule A5)."""


@record
class StartTimer:
    """Report `DeadlinePassed` of that path after so long."""

    path: str
    duration: timedelta
    within: str | None
    """The path of the next deadline around it."""


@record
class StopTimer:
    """Forget that timer."""

    path: str


@record
class TryAgain:
    """Report `AttemptStarted` of that block or flow after so long."""

    path: str
    attempt: int
    delay: timedelta


@record
class LookUp:
    """Report `NodeDone` of that block when an equal one is remembered or ends well, else its first `AttemptStarted`."""

    path: str
    key: bytes
    """Equal for equal blocks of this program."""


@record
class Remember:
    """A block that was looked up has settled: tell those that wait for an equal one."""

    path: str
    key: bytes
    ttl: timedelta
    value: Value
    is_good: bool
    """False: it says nothing of equal ones, and the next of them has to run."""


Command: TypeAlias = Call | CancelCall | StartTimer | StopTimer | TryAgain | LookUp | Remember


# --- how things end -----------------------------------------------------------------------------------------------


@record
class Stopped:
    """It was stopped from outside."""

    why: str


@record
class Blocked:
    """Something in it needs what failed outside of it."""

    by: str


Problem: TypeAlias = Failure | Stopped | Blocked
"""Why a frame has no value."""


# --- frames and blocks --------------------------------------------------------------------------------------------


class Values(dict[int, Value]):
    """The values of a frame's settled nodes; what is not its own is asked of the enclosing scope."""

    __slots__ = ("outer",)

    def __init__(self, outer: "Values | None") -> None:
        self.outer = outer

    def __missing__(self, node: int) -> Value:
        if self.outer is None:
            raise InternalError(f"node {node} was read before it settled")
        return self.outer[node]


@dataclass(slots=True, eq=False)
class Line:
    """Those that wait at a gate, first the first."""

    late: list["Ready"] = field(default_factory=list)
    """A heap: those that came one by one."""
    crowd: list["Ready"] = field(default_factory=list)
    """Those that came all at once, the first at the end: cheaper than a heap, which has to compare many."""

    def __bool__(self) -> bool:
        return bool(self.late or self.crowd)

    def join(self, item: "Ready") -> None:
        """One more."""
        heappush(self.late, item)

    def join_all(self, items: list["Ready"]) -> None:
        """Many more, in their order."""
        if self.crowd:
            for item in items:
                heappush(self.late, item)
        else:
            self.crowd = items[::-1]

    def leave(self) -> "Ready":
        """The first."""
        if self.crowd and not (self.late and self.late[0] < self.crowd[-1]):
            return self.crowd.pop()
        return heappop(self.late)


@dataclass(slots=True, eq=False)
class Gate:
    """How many may be under way at once: in the run, in a flow, among the members of a block."""

    limit: int | None
    """None: any number. 0: it is shut, until what began early behind it has its place."""
    outer: "Gate | None"
    """The gate that one has to pass next."""
    used: int = 0
    waiting: Line = field(default_factory=Line)
    timed: list[tuple["Block", timedelta]] = field(default_factory=list)
    """Blocks behind a shut gate, and what they may take once it is opened."""


Candidate: TypeAlias = tuple["Frame", NodeLayout]
"""A node that may start."""
Ready: TypeAlias = tuple[int, tuple[int, ...], "Frame", NodeLayout]
"""A node among others that may start: rank and priority, its place in the order of paths, and what it is."""


@dataclass(slots=True, eq=False)
class Frame:
    """One instance of a scope."""

    state: "State"
    flow: FlowLayout
    layout: ScopeLayout
    block: "Block | None"
    """What it belongs to; None for the frame of the run."""
    parent: "Frame | None"
    """The frame of the enclosing scope; None for the body of a flow."""
    index: int
    """Which of its block's instances: the iteration, the round."""
    prefix: str
    """What the paths of its nodes start with."""
    key: tuple[int, ...]
    """Its place in the order of paths."""
    slots: tuple[Value, ...]
    gate: Gate
    """The first gate that a call has to pass."""
    within: str | None
    """The path of the innermost deadline around its nodes."""
    priority: int
    strategy: Strategy
    nodes: Values
    locals: list[Value]
    waits: list[int]
    """How many needs of each node have not settled."""
    status: list[Status]
    left: int
    """Nodes that have not settled."""
    fuel: int = 0
    members: Gate | None = None
    """The gate of its members: of a `parallel` or `race` with `@concurrency`."""
    arms: dict[int, int] | None = None
    """The arm that each branch took, by node."""
    lets: dict[int, Value | ValueProblem] | None = None
    watchers: dict[int, list[tuple["Frame", int]]] | None = None
    """Nodes of inner frames that wait for a node of this one."""
    open: dict[int, "Block"] | None = None
    """What is open for its nodes, by position."""
    reasons: dict[int, str] | None = None
    """Why a node was skipped, and what a node was blocked by: by node."""
    failures: list[Failure] | None = None
    """Of its nodes, unabsorbed, in the order they happened."""
    failure: Failure | None = None
    """What it will fail with when all has settled."""
    blocked: str | None = None
    """The failure outside that keeps one of its nodes from running."""
    stopping: str | None = None
    """Why nothing starts here any more."""
    is_forced: bool = False
    """Writes under way are not awaited either."""
    has_left: bool = False
    """A `fail` was reached."""
    result: Value = None
    """Of its `return` or `yield`, or the value of the winner of a race."""
    has_result: bool = False
    budgets: Budgets = ()
    """Those around its nodes, innermost first."""

    @property
    def run(self) -> RunValues:
        """The constants of the run."""
        return self.state.values

    def bound(self, scope: int, slot: int) -> Value:
        """A slot of the nearest enclosing instance of a scope."""
        frame: Frame | None = self
        while frame is not None:
            if frame.layout.scope.id == scope:
                return frame.slots[slot]
            frame = frame.parent
        raise InternalError(f"scope {scope} is not around this expression")

    def let(self, let: int) -> Value:
        """The value of a let, evaluated once where it belongs."""
        home = self.around(self.flow.flow.lets[let].scope)
        if home.lets is None:
            home.lets = {}
        elif let in home.lets:
            known = home.lets[let]
            if isinstance(known, ValueProblem):
                raise ValueProblem(known.message)
            return known
        locals_, fuel = home.locals, home.fuel
        home.locals = []
        try:
            value = home.lets[let] = self.flow.lets[let](home)
        except ValueProblem as problem:
            home.lets[let] = ValueProblem(problem.message)
            raise
        finally:
            home.locals, home.fuel = locals_, fuel
        return value

    def holds(self, guard: Guard) -> bool:
        """Whether the guard's node is done and took one of its arms."""
        home = self.around(self.flow.home[guard.node])
        if home.status[self.flow.local[guard.node]] is not Status.DONE:
            return False
        return guard.arms is None or (home.arms is not None and home.arms.get(guard.node) in guard.arms)

    def around(self, scope: int) -> "Frame":
        """The nearest enclosing instance of a scope."""
        frame: Frame | None = self
        while frame is not None and frame.layout.scope.id != scope:
            frame = frame.parent
        if frame is None:
            raise InternalError(f"scope {scope} is not around this frame")
        return frame


@dataclass(slots=True, eq=False)
class Block:
    """What is open for one node: a block of any kind, or a called flow."""

    path: str
    """The path of its node."""
    home: Frame
    """The frame of its node."""
    layout: NodeLayout
    timeout: timedelta | None = None
    live: dict[int, Frame] = field(default_factory=dict)
    """Its unfinished frames."""
    items: tuple[Value, ...] = ()
    """Of a `for`."""
    results: list[Value] = field(default_factory=list)
    """Of a `for`: what each iteration gave, aligned."""
    begun: int = 0
    """Of a `for`: iterations begun. Of a `repeat`: rounds begun."""
    limit: int = 0
    """Of a `for`: iterations at once. Of a `repeat`: most rounds."""
    early: set[int] = field(default_factory=set)
    """Of a `for`: iterations that began for what is kept of them."""
    shut: int = 0
    """Of these, how many wait for their place."""
    gate: Gate | None = None
    """What its calls have to pass first, when it began early itself."""
    attempt: int = 1
    """Of a retried block: which attempt this is."""
    failures: list[Failure] = field(default_factory=list)
    """Of the iterations of a `for`."""
    failure: Failure | None = None
    """What it will fail with when all below has settled."""
    blocked: str | None = None
    """Of a `for`: the failure outside that keeps an iteration from ending."""
    stopped: str | None = None
    """Why it was stopped from outside."""
    is_late: bool = False
    """Its deadline passed, or its budget is used up: it is not tried again."""
    key: bytes | None = None
    """What equal ones have in common; None: it is not cached, or was found."""
    is_looking: bool = False
    """It waits to hear whether an equal one is remembered."""
    is_degraded: bool = False
    """Something in it failed, or another agent than was asked first answered."""


# --- undos --------------------------------------------------------------------------------------------------------


@record
class Kept:
    """What takes a step back, should the run fail or be cancelled; or what tells that a flow failed."""

    path: str
    """Of the step, or of what tells."""
    prefix: str
    undo: UndoLayout
    slots: tuple[Value, ...]
    """Its arguments, as they were when the step was done."""
    failure: Failure | None
    """Why the step cannot be taken back."""
    key: str | None = None
    """By which the other side knew the step; None: by none."""


@dataclass(slots=True, eq=False)
class Saga:
    """A run that takes its steps back."""

    left: list[Kept]
    """Those to come, the next one last."""
    failure: Failure | None
    """Why the run fails; None: it is cancelled."""
    why: str
    """Why it is cancelled."""
    count: int
    kept: Kept | None = None
    """The one under way."""
    frame: Frame | None = None
    failed: list[tuple[str, Failure]] = field(default_factory=list)
    """Steps that are not taken back, by path."""


# --- the run ------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class State:
    """One run."""

    program: Program
    values: RunValues
    started: RunStarted
    gate: Gate
    """Of the whole run."""
    work: deque[tuple[Frame, int]] = field(default_factory=deque)
    """Nodes whose needs have settled, by position; position -1: the frame itself has settled."""
    ready: list[Candidate] = field(default_factory=list)
    """Nodes that may start and have not passed a gate."""
    freed: list[Gate] = field(default_factory=list)
    """Gates with new room and somebody waiting."""
    calls: dict[str, tuple[Frame, NodeLayout]] = field(default_factory=dict)
    """Calls under way."""
    timers: dict[str, Block | None] = field(default_factory=dict)
    """Deadlines that have neither passed nor been forgotten; None: of the run."""
    pauses: dict[str, Block | None] = field(default_factory=dict)
    """What waits for its next attempt, or for what equal ones gave; None: the flow of the run."""
    attempt: int = 1
    """Of the flow of the run."""
    locals: list[Value] = field(default_factory=list)
    """Shared by all expressions: only one is evaluated at a time."""
    events: list[Event] = field(default_factory=list)
    """What happened in this step."""
    commands: list[Command] = field(default_factory=list)
    root: Frame | None = None
    has_trouble: bool = False
    """Something failed and was not absorbed."""
    is_held: bool = False
    """The run is paused, or not told yet what it keeps: no call begins."""
    early: Collection[str] | None = None
    """While a run is told what it keeps of another one: the paths of what begins for that, without its place."""
    loops: list[Block] = field(default_factory=list)
    """Each `for` that has a place for an iteration of which nothing is kept."""
    cancelled: str | None = None
    """Why somebody asked to stop."""
    is_forced: bool = False
    """At once: nothing more is undone."""
    kept: dict[str, Kept] = field(default_factory=dict)
    """Undos of the steps that are done, by path, in the order in which they were done."""
    done_again: dict[str, list[str]] = field(default_factory=dict)
    """Of these, the steps of further attempts of a block or a flow, by their path in the first one."""
    others: set[str] = field(default_factory=set)
    """Calls whose value is that of another run's: it is not for this one to take them back."""
    written: set[str] = field(default_factory=set)
    """Calls of models that have used a tool that writes."""
    saga: Saga | None = None
    """Since steps are taken back."""
    untold: list[Kept] = field(default_factory=list)
    """What tells of the flows that failed, in the order in which they did."""
    ending: RunDone | RunFailed | RunCancelled | None = None
    """How the run ends, once all that is left is to tell of failed flows."""
    telling: Frame | None = None
    """The call under way that tells of one."""
    has_ended: bool = False
