"""What follows each way a call can end: the table of outcomes, as data. Decides nothing else.

Matched on the classes of errors, never on texts (case R17). What is no `CallError` never gets here: a cancel and the
end of the process pass through every policy untouched (case R18).
"""

from collections.abc import Mapping
from enum import Enum

from leadflow.plan.policy import ErrorClass
from leadflow.run.errors import (
    AnswerInvalid,
    AttemptTimeout,
    AuthFailed,
    BadResponse,
    CallError,
    ConnectFailed,
    ConnectionLost,
    Declined,
    Forbidden,
    FunctionCutOff,
    FunctionFailed,
    IdleTimeout,
    Incomplete,
    NotAllowed,
    Overloaded,
    Permanent,
    ProcessFailed,
    QuotaExhausted,
    RateLimited,
    Rejected,
    ServerError,
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


OUTCOMES: Mapping[type[CallError], Again] = {
    ConnectFailed: Again.ALWAYS,  # nothing was sent (case R4)
    RateLimited: Again.ALWAYS,  # turned away; waits as long as it was told (case R10)
    Overloaded: Again.ALWAYS,  # turned away
    ConnectionLost: Again.REPEATABLE,
    AttemptTimeout: Again.REPEATABLE,
    IdleTimeout: Again.REPEATABLE,
    ServerError: Again.REPEATABLE,
    BadResponse: Again.REPEATABLE,
    AnswerInvalid: Again.REPEATABLE,  # with a hint, and a cap of its own (case R20)
    Transient: Again.REPEATABLE,  # a Python function asks for it
    CallError: Again.ASKED,
    Permanent: Again.NEVER,  # a Python function forbids it
    FunctionFailed: Again.ASKED,  # an exception that says nothing (case R17)
    FunctionCutOff: Again.ASKED,
    ProcessFailed: Again.ASKED,
    Declined: Again.ASKED,
    Incomplete: Again.ASKED,
    Rejected: Again.NEVER,
    AuthFailed: Again.NEVER,
    Forbidden: Again.NEVER,
    QuotaExhausted: Again.NEVER,
    NotAllowed: Again.NEVER,
    ValueProblem: Again.NEVER,
    TotalTimeout: Again.NEVER,
}
"""By class; what is not here follows its nearest base."""

UNTOUCHED = frozenset({408, 409, 425})
"""Statuses of a `ServerError` that say that the request was not acted upon: too late, locked, too early."""

DOUBTFUL = (ConnectionLost, AttemptTimeout, TotalTimeout, BadResponse, FunctionCutOff)
"""After these nobody knows whether the upstream acted, if the request was sent."""


def outcome(error: CallError) -> Again:
    """The row of the table for an error."""
    if isinstance(error, ServerError) and error.status in UNTOUCHED:
        return Again.ALWAYS
    found = next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)
    return Again.ALWAYS if found is Again.REPEATABLE and not error.sent else found


def may_repeat(error: CallError, *, repeatable: bool, on: tuple[ErrorClass, ...] | None) -> bool:
    """Whether another attempt may follow an error.

    Args:
        repeatable: the call is idempotent or has a key.
        on: the classes that the author names; None: whatever the error itself calls transient.
    """
    found = outcome(error)
    if found is Again.NEVER or (on is not None and error.category not in on):
        return False
    if found is Again.ALWAYS:
        return True
    return (repeatable or not error.sent) and (found is Again.REPEATABLE or on is not None)


def is_in_doubt(error: CallError, *, repeatable: bool) -> bool:
    """Whether nobody knows if a call that changes something was done (rule C3)."""
    return not repeatable and error.sent and isinstance(error, DOUBTFUL)
