"""Every event of a run. State, progress, results and resume are folds of one list of these (see `fold.py`).

An event says what happened to which node, by its path; it carries no time: the `Entry` around it does. Facts come
from outside the kernel (a call's answer, a cancel, a deadline); all else follows from them and is logged so that a
reader needs no kernel.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from leadflow.plan.policy import ErrorClass
from leadflow.plan.types import Value
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
    output_tokens: int | None = None


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


@record
class CancelRequested:
    """Somebody asked to stop."""

    why: str


@record
class DeadlinePassed:
    """The deadline of a block, a flow, or (empty path) the run passed."""

    path: str
    failure: Failure


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


@record
class BranchTaken:
    """A condition was decided."""

    path: str
    arm: int
    label: str


Event: TypeAlias = (
    RunStarted
    | CancelRequested
    | DeadlinePassed
    | RunDone
    | RunFailed
    | RunCancelled
    | NodeStarted
    | AttemptStarted
    | AttemptFailed
    | NodeDone
    | NodeFailed
    | NodeSkipped
    | NodeBlocked
    | NodeCancelled
    | BranchTaken
)


class Entry(NamedTuple):
    """An event in its log."""

    seq: int
    """Position in the run's log, from 0, without gaps."""
    at: float
    """Wall-clock time in seconds since the epoch; for people only."""
    event: Event
