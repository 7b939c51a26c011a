"""Policies: what each annotation asks for, as frozen data. How one is written is in `annotations.py`; what it does is
in `leadflow/policies/`, one file each, or in the kernel.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from leadflow.plan.types import Money
from leadflow.record import record

ErrorClass = Literal["agent", "tool", "network", "permission", "validation", "timeout", "resource", "system"]
"""The eight classes of failures (SPEC.md, errors)."""
ERROR_CLASSES: tuple[ErrorClass, ...] = (
    "agent", "tool", "network", "permission", "validation", "timeout", "resource", "system",
)  # fmt: skip

Jitter = Literal["full", "equal", "decorrelated", "none"]
Strategy = Literal["stop", "continue", "partial"]


class PerTime(NamedTuple):
    """The value of a rate literal: `amount` per `period`."""

    amount: int
    period: timedelta


# --- the policies -------------------------------------------------------------------------------------------------


@record
class Retry:
    """Try a call again when its failure says that this may help."""

    attempts: int
    """Attempts in total, the first included (case R1)."""
    backoff: timedelta = timedelta(seconds=1)
    """First delay, before jitter."""
    base: float = 2.0
    """What the delay is multiplied by after each attempt."""
    max: timedelta = timedelta(seconds=60)
    """Longest delay, after jitter (case R7)."""
    jitter: Jitter = "full"
    on: tuple[ErrorClass, ...] | None = None
    """Classes of failures that are tried again; None: whatever the failure itself calls transient."""
    max_retry_after: timedelta | None = None
    """Longest wait a server may ask for (case R11); None: as long as the deadline allows."""


@record
class Timeout:
    """Deadlines of one candidate of a call, or of a whole block or flow."""

    total: timedelta | None = None
    """Queueing, back-off and all attempts (case T2)."""
    attempt: timedelta | None = None
    """One attempt, connect to last byte (case T1)."""
    idle: timedelta | None = None
    """Between two bytes of a response (case T9)."""


@record
class Fallback:
    """Agents that are asked in order when the one before failed (rule C6)."""

    agents: tuple[str, ...]


@record
class Optional:
    """A failure becomes the value none (rule C3 says which may not)."""


@record
class OnFailure:
    """What a failing direct member does to the flow or block (rule C1)."""

    strategy: Strategy


@record
class Concurrency:
    """How many iterations, members or calls may be under way at once."""

    limit: int


@record
class Priority:
    """Among nodes that may start and have equal remaining critical paths, higher goes first."""

    level: int


@record
class Idempotent:
    """The call is safe to repeat; with a key (kept in the call), the key is sent on every attempt."""


@record
class Once:
    """At most once across the runs of a journal, by a key (kept in the call)."""


@record
class Breaker:
    """Stop calling an upstream that keeps failing, and try it again with a few probes (cases B1 to B15)."""

    failures: int | None = None
    """So many failures within the window open it; None: only the ratio counts."""
    ratio: float | None = None
    """So large a share of failures opens it; None: one half, where `failures` is not given either."""
    window: timedelta = timedelta(seconds=60)
    """How long an outcome counts (case B2)."""
    min_calls: int = 10
    """With fewer outcomes in the window a ratio says nothing (case B1)."""
    slow: timedelta | None = None
    """A call that takes longer counts as failed (case B10); None: none does."""
    probes: int = 1
    """Calls that are let through when the open time is over (case B3)."""
    recovery: timedelta = timedelta(seconds=30)
    """How long it stays open the first time, before jitter."""
    max_recovery: timedelta = timedelta(minutes=10)
    """How long it stays open at most, after growing and jitter (case B7). A probe that takes longer is not awaited."""

    @property
    def share(self) -> float | None:
        """The ratio that opens it; None: none does."""
        return 0.5 if self.ratio is None and self.failures is None else self.ratio


@record
class Limit:
    """How often and how much an upstream may be called (cases L1 to L11)."""

    rate: tuple[PerTime, ...] = ()
    """Calls that may start in any window of that length."""
    tokens: PerTime | None = None
    """Tokens, read and written, in any window of that length."""
    concurrent: int | None = None
    """Calls under way at once."""
    burst: int | None = None
    """Calls that may start together; None: as many as the rates allow."""
    zone: str | None = None
    """The time zone whose days a limit per day counts; None: UTC (case L10)."""


@record
class Budget:
    """The most that may be spent on what it stands on, fallbacks and retries included (cases $1 to $10)."""

    money: Money | None = None
    tokens: int | None = None
    """Read and written."""
    calls: int | None = None
    """Attempts that are sent."""


Budgets: TypeAlias = tuple[tuple[str, Budget], ...]
"""Those around something, innermost first, each with the path of what it stands on."""


@record
class Cache:
    """Answer equal calls from memory (cases C1 to C7)."""

    ttl: timedelta = timedelta(minutes=5)
    """How long an answer is kept."""
    negative_ttl: timedelta | None = None
    """How long a failure is kept; None: failures are not (case C1)."""


@record
class Hedge:
    """A second attempt beside the first when that is slow; the first validated answer wins."""

    after: timedelta = timedelta(seconds=1)


@record
class OnDoubt:
    """What follows when the process ended in the middle of a call that changes something (case D2)."""

    does: Literal["retry", "fail", "ask", "probe"]
    """`retry`: it is called again, whether it was done or not. `fail`: it fails. `ask`: somebody has to say. `probe`:
    another call looks whether it was done (kept in the node)."""


Does: TypeAlias = Literal["retry", "fallback", "escalate", "skip", "reset", "terminate"]


@record
class Reaction:
    """What follows a failure of one class."""

    does: Does
    """`retry`: further attempts, `attempts` in total. `fallback`, `escalate`: `agent` is asked. `skip`: the value none.
    `reset`: the agent is made anew, then another attempt. `terminate`: the whole run fails."""
    attempts: int | None = None
    agent: str | None = None


@record
class OnError:
    """What follows each class of failure, inside of retry (rule C5)."""

    reactions: tuple[tuple[ErrorClass, Reaction], ...]
    """By class, in written order; what is not named follows `@retry` and `@fallback`."""


Policy = (
    Retry | Timeout | Fallback | Optional | OnFailure | Concurrency | Priority | Idempotent | Once | Breaker | Limit
    | Budget | Cache | Hedge | OnError | OnDoubt
)  # fmt: skip


P = TypeVar("P", bound=Policy)


@record
class Applied:
    """A policy in force on a node, and where it comes from."""

    name: str
    """The annotation's name."""
    policy: Policy
    origin: str
    """`step`, `agent fast`, `policy net on agent fast`, `flow`, `profile production`, `default`."""
    place: str
    """`file:line:column` of the annotation; empty for a default."""


def policy_of(applied: Iterable[Applied], kind: type[P]) -> P | None:
    """The policy of that kind that is in force, if any."""
    return next((each.policy for each in applied if isinstance(each.policy, kind)), None)


PER_UNITS: Mapping[str, timedelta] = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
PATIENCE = 2
"""How often the longest time of an open breaker an undo waits for it, for each of its attempts."""
DEFAULT_CONCURRENCY = 10
"""Iterations of a `for` under way at once when nothing says otherwise (rule B2)."""
GRACE = timedelta(seconds=5)
"""How long what was told to stop may clean up before it is left behind (case T8)."""
