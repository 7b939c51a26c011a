"""What follows each way an attempt can end: the table of outcomes, as data. Decides nothing else.

One row per class of errors, four columns: whether another attempt may follow, what the breaker of the upstream sees,
what becomes of the start that the rates counted, and what the attempt cost. Matched on the classes of errors, never on
texts (case R17). What is no `CallError` never gets here but through `outcome_of`: a cancel and the end of the process
pass through every policy untouched (case R18), and say only that nothing was learnt.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum

from leadflow.plan.policy import ErrorClass
from leadflow.record import record
from leadflow.run.errors import (
    AnswerInvalid,
    AttemptTimeout,
    AuthFailed,
    BadResponse,
    BreakerOpen,
    BudgetExceeded,
    CallError,
    ConnectFailed,
    ConnectionLost,
    Declined,
    Filtered,
    Forbidden,
    FunctionCutOff,
    FunctionFailed,
    IdleTimeout,
    Incomplete,
    KeyTaken,
    LoopStopped,
    NoAnswer,
    NotAllowed,
    NotApproved,
    Overloaded,
    Permanent,
    ProcessFailed,
    QueueFull,
    QuotaExhausted,
    RateLimited,
    Rejected,
    ServerError,
    StreamTruncated,
    TooLarge,
    ToolFailed,
    ToolsChanged,
    TotalTimeout,
    Transient,
    ValueProblem,
)


class Again(Enum):
    """Whether another attempt may follow."""

    ALWAYS = "always"
    """The upstream did not act."""
    REPEATABLE = "repeatable"
    """It may have acted: only what is idempotent or has a key is repeated (cases R2, R3)."""
    ASKED = "asked"
    """Only when `on:` names its class, and as above: nothing says that repeating helps."""
    NEVER = "never"


class Sees(Enum):
    """What the breaker of the upstream sees. Its permit is given back in any case."""

    FAILURE = "failure"
    SUCCESS = "success"
    """The upstream is alive: it answered, whatever it said."""
    IGNORED = "ignored"
    """It answered that we ask too often, which says nothing about its health (case B9)."""
    UNSEEN = "unseen"
    """Nothing was learnt of it: a refusal of our own, a cancel, the end of what encloses the call (cases B5, B8)."""


class Rate(Enum):
    """What becomes of the start that the rates of the upstream counted. The place among those at once is given back."""

    KEPT = "kept"
    """It counts: something may have been sent."""
    RETURNED = "returned"
    """Nothing was sent, by our own decision."""
    PAUSE = "pause"
    """It counts, and nobody starts before the time that the upstream named."""


class Cost(Enum):
    """What an attempt cost."""

    FREE = "free"
    """Nothing, even where no usage was reported."""
    SETTLE = "settle"
    """What was reported; the reservation where nothing was."""
    UNKNOWN = "unknown"
    """Nobody says: the reservation stands for it, marked as estimated (case $3), unless usage was reported."""


@record
class Outcome:
    """One row of the table."""

    again: Again
    sees: Sees
    rate: Rate
    cost: Cost


_A, _S, _R, _C = Again, Sees, Rate, Cost

OUTCOMES: Mapping[type[CallError], Outcome] = {
    ConnectFailed: Outcome(_A.ALWAYS, _S.FAILURE, _R.KEPT, _C.FREE),  # nothing was sent (case R4)
    RateLimited: Outcome(_A.ALWAYS, _S.IGNORED, _R.PAUSE, _C.FREE),  # waits as long as it was told (case R10)
    Overloaded: Outcome(_A.ALWAYS, _S.FAILURE, _R.PAUSE, _C.FREE),  # turned away
    ConnectionLost: Outcome(_A.REPEATABLE, _S.FAILURE, _R.KEPT, _C.UNKNOWN),
    AttemptTimeout: Outcome(_A.REPEATABLE, _S.FAILURE, _R.KEPT, _C.UNKNOWN),
    IdleTimeout: Outcome(_A.REPEATABLE, _S.FAILURE, _R.KEPT, _C.UNKNOWN),
    ServerError: Outcome(_A.REPEATABLE, _S.FAILURE, _R.KEPT, _C.FREE),
    BadResponse: Outcome(_A.REPEATABLE, _S.FAILURE, _R.KEPT, _C.UNKNOWN),
    StreamTruncated: Outcome(_A.REPEATABLE, _S.FAILURE, _R.KEPT, _C.UNKNOWN),
    AnswerInvalid: Outcome(_A.REPEATABLE, _S.SUCCESS, _R.KEPT, _C.SETTLE),  # with a hint, and a cap (case R20)
    Transient: Outcome(_A.REPEATABLE, _S.FAILURE, _R.KEPT, _C.UNKNOWN),  # a Python function asks for it
    CallError: Outcome(_A.ASKED, _S.FAILURE, _R.KEPT, _C.UNKNOWN),
    Permanent: Outcome(_A.NEVER, _S.SUCCESS, _R.KEPT, _C.UNKNOWN),  # a Python function forbids it
    FunctionFailed: Outcome(_A.ASKED, _S.FAILURE, _R.KEPT, _C.UNKNOWN),  # says nothing (case R17)
    FunctionCutOff: Outcome(_A.ASKED, _S.FAILURE, _R.KEPT, _C.UNKNOWN),
    ProcessFailed: Outcome(_A.ASKED, _S.FAILURE, _R.KEPT, _C.UNKNOWN),
    ToolFailed: Outcome(_A.ASKED, _S.SUCCESS, _R.KEPT, _C.UNKNOWN),  # the server is alive
    Declined: Outcome(_A.ASKED, _S.SUCCESS, _R.KEPT, _C.SETTLE),
    Incomplete: Outcome(_A.ASKED, _S.SUCCESS, _R.KEPT, _C.SETTLE),
    Filtered: Outcome(_A.ASKED, _S.SUCCESS, _R.KEPT, _C.SETTLE),
    Rejected: Outcome(_A.NEVER, _S.SUCCESS, _R.KEPT, _C.FREE),
    AuthFailed: Outcome(_A.NEVER, _S.SUCCESS, _R.KEPT, _C.FREE),
    Forbidden: Outcome(_A.NEVER, _S.SUCCESS, _R.KEPT, _C.FREE),
    QuotaExhausted: Outcome(_A.NEVER, _S.SUCCESS, _R.KEPT, _C.FREE),
    NotApproved: Outcome(_A.NEVER, _S.SUCCESS, _R.KEPT, _C.FREE),  # a person's word is not asked for again
    NoAnswer: Outcome(_A.ASKED, _S.FAILURE, _R.KEPT, _C.FREE),
    NotAllowed: Outcome(_A.NEVER, _S.UNSEEN, _R.RETURNED, _C.FREE),
    ToolsChanged: Outcome(_A.NEVER, _S.UNSEEN, _R.RETURNED, _C.FREE),
    BudgetExceeded: Outcome(_A.NEVER, _S.UNSEEN, _R.RETURNED, _C.FREE),
    BreakerOpen: Outcome(_A.NEVER, _S.UNSEEN, _R.RETURNED, _C.FREE),
    KeyTaken: Outcome(_A.NEVER, _S.UNSEEN, _R.RETURNED, _C.FREE),
    QueueFull: Outcome(_A.NEVER, _S.UNSEEN, _R.RETURNED, _C.FREE),
    LoopStopped: Outcome(_A.NEVER, _S.UNSEEN, _R.RETURNED, _C.FREE),  # each turn has been counted by itself
    TooLarge: Outcome(_A.NEVER, _S.UNSEEN, _R.RETURNED, _C.FREE),
    ValueProblem: Outcome(_A.NEVER, _S.UNSEEN, _R.RETURNED, _C.FREE),
    TotalTimeout: Outcome(_A.NEVER, _S.UNSEEN, _R.KEPT, _C.UNKNOWN),
}
"""By class; what is not here follows its nearest base."""

ANSWERED = Outcome(_A.NEVER, _S.SUCCESS, _R.KEPT, _C.SETTLE)
"""An attempt that gave a reply, whether it fits its type or not."""
STOPPED = Outcome(_A.NEVER, _S.UNSEEN, _R.KEPT, _C.UNKNOWN)
"""An attempt that was cancelled while it was under way: it may have been sent."""

UNTOUCHED = frozenset({408, 409, 425})
"""Statuses of a `ServerError` that say that the request was not acted upon: too late, locked, too early."""

DOUBTFUL = (ConnectionLost, AttemptTimeout, TotalTimeout, BadResponse, FunctionCutOff)
"""After these nobody knows whether the upstream acted, if the request was sent."""


def outcome(error: CallError) -> Outcome:
    """The row of the table for an error, with what its status and `sent` add to it."""
    found = next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)
    if isinstance(error, ServerError) and error.status in UNTOUCHED:
        return replace(found, again=Again.ALWAYS)
    if error.sent:
        return found
    again = Again.ALWAYS if found.again is Again.REPEATABLE else found.again
    is_ours = found.sees is Sees.UNSEEN  # not even tried: the start itself is given back
    return replace(found, again=again, rate=Rate.RETURNED if is_ours else found.rate, cost=Cost.FREE)


def outcome_of(problem: BaseException | None) -> Outcome:
    """The row for how an attempt ended, whatever that is. None: with a reply."""
    if problem is None:
        return ANSWERED
    return outcome(problem) if isinstance(problem, CallError) else STOPPED


def may_repeat(error: CallError, *, repeatable: bool, on: tuple[ErrorClass, ...] | None) -> bool:
    """Whether another attempt may follow an error.

    Args:
        repeatable: the call is idempotent or has a key.
        on: the classes that the author names; None: whatever the error itself calls transient.
    """
    found = outcome(error).again
    if found is Again.NEVER or (on is not None and error.category not in on):
        return False
    if found is Again.ALWAYS:
        return True
    return (repeatable or not error.sent) and (found is Again.REPEATABLE or on is not None)


def is_in_doubt(error: CallError, *, repeatable: bool) -> bool:
    """Whether nobody knows if a call that changes something was done (rule C3)."""
    return not repeatable and error.sent and isinstance(error, DOUBTFUL)
