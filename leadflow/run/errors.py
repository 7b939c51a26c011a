"""What can go wrong in a call, as exceptions between an adapter and the policies; `Failure` is their record.

    CallError                       anything a call ends with instead of a value
    ├── Transient                   may well succeed when repeated
    │   ├── ConnectFailed           network.connect       nothing was sent (case R4)
    │   ├── ConnectionLost          network.lost          may have been done (case R2)
    │   ├── ServerError             agent.server          5xx, 408, 425, 409 of a lock
    │   ├── Overloaded              resource.overloaded   529, 503
    │   ├── RateLimited             resource.rate         429; `retry_after` is a minimum (case R10)
    │   ├── BadResponse             agent.bad_response    an answer that cannot be read
    │   │   └── StreamTruncated     agent.stream_truncated  … because it ended before its end
    │   ├── AnswerInvalid           validation.answer     an answer that is not of the declared type
    │   └── AttemptTimeout          timeout.attempt       one attempt took too long; IdleTimeout timeout.idle
    └── Permanent                   will fail again
        ├── Rejected                agent.rejected        400, 404, 405, 413, 422 …
        ├── AuthFailed, Forbidden   permission.auth, permission.denied
        ├── QuotaExhausted          resource.quota        a 429 that waiting does not mend
        ├── BreakerOpen             resource.breaker      the agent's breaker lets nothing through: nothing was sent
        ├── KeyTaken                resource.key          another call has the key of `@once`
        ├── QueueFull               resource.queue        too many calls wait for the agent already
        ├── BudgetExceeded          resource.budget       it would not fit into a budget: nothing was sent
        ├── LoopStopped             resource.loop_…         a model has used its tools as much as it may (case O1)
        ├── TooLarge                resource.too_large    it would never fit into the agent's limit
        ├── Declined, Incomplete    agent.declined, agent.incomplete
        ├── Filtered                agent.filtered        cut off by the provider's content filter
        ├── FunctionFailed          tool.raised           a Python function raised
        │   └── FunctionCutOff      tool.cut_off          … because its own connection or wait broke
        ├── ProcessFailed           tool.process          a program ended with an error
        ├── ToolFailed              tool.failed           a tool of a server says that it could not do it
        ├── ToolsChanged            permission.tools      a server's tools are not those that were looked at
        ├── NotAllowed              permission.local      our own rules refuse it
        ├── NotApproved             permission.refused    a person said no, or nobody said yes in time (rule C9)
        ├── NoAnswer                timeout.answer        nobody answered in time
        ├── TotalTimeout            timeout.total         the call's whole time is over
        └── ValueProblem            validation.value      an expression or an input has no value

`sent` says whether the upstream may have acted; what is not idempotent is repeated only when it is False.
The text says whose turn it is: the author's, the operator's, or the upstream's.
"""

from collections.abc import Iterable
from datetime import timedelta

from leadflow.events.model import AttemptFailure, Failure
from leadflow.plan.policy import ErrorClass
from leadflow.record import record


class InternalError(Exception):
    """A broken invariant: a bug in leadflow, shown as such."""


@record
class WrongUse:
    """A call for which an agent cannot be built."""

    action: str
    args: tuple[str, ...] | None
    """By name or position; None: whatever they are."""
    message: str


class CallError(Exception):
    """Anything a call ends with instead of a value. Its text is one line without secrets."""

    error: str = "agent.failed"
    category: ErrorClass = "agent"
    transient: bool = False
    """True when repeating may help."""

    def __init__(
        self,
        message: str,
        *,
        sent: bool = True,
        status: int | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sent = sent
        """False when the upstream certainly did not act."""
        self.status = status
        self.retry_after = retry_after
        """The least wait that the upstream asked for."""
        self.wrong: tuple[WrongUse, ...] = ()
        """Where an agent cannot be built: the calls that are why, if it is for calls."""


class Transient(CallError):
    """May well succeed when repeated. A Python function raises it to ask for a retry."""

    error = "agent.transient"
    transient = True


class Permanent(CallError):
    """Will fail again. A Python function raises it to say so."""


class ConnectFailed(Transient):
    """No connection: name, route, refusal, TLS. Nothing was sent."""

    error = "network.connect"
    category = "network"


class ConnectionLost(Transient):
    """The connection broke after the request was sent."""

    error = "network.lost"
    category = "network"


class ServerError(Transient):
    """The upstream failed: 5xx, 408, 425, 409."""

    error = "agent.server"


class Overloaded(Transient):
    """The upstream has too much to do: 503, 529."""

    error = "resource.overloaded"
    category = "resource"


class RateLimited(Transient):
    """A quota of ours is used up for now: 429."""

    error = "resource.rate"
    category = "resource"


class BadResponse(Transient):
    """An answer that cannot be read: not JSON, cut off, too large, of the wrong form."""

    error = "agent.bad_response"


class StreamTruncated(BadResponse):
    """A stream ended before the event that ends it: what came of the answer is not the answer."""

    error = "agent.stream_truncated"


class AnswerInvalid(Transient):
    """An answer that can be read and is not of the declared type."""

    error = "validation.answer"
    category = "validation"


class AttemptTimeout(Transient):
    """One attempt took longer than `attempt:` allows."""

    error = "timeout.attempt"
    category = "timeout"


class IdleTimeout(AttemptTimeout):
    """Nothing came for longer than `idle:` allows."""

    error = "timeout.idle"


class Rejected(Permanent):
    """The upstream does not accept this request."""

    error = "agent.rejected"


class AuthFailed(Permanent):
    """The upstream does not accept the credential: 401."""

    error = "permission.auth"
    category = "permission"


class Forbidden(Permanent):
    """The credential may not do this: 403."""

    error = "permission.denied"
    category = "permission"


class NotAllowed(Permanent):
    """Our own rules refuse it before anything is sent."""

    error = "permission.local"
    category = "permission"

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class NotApproved(Permanent):
    """A person said no, or nobody said yes in time (rule C9)."""

    error = "permission.refused"
    category = "permission"


class NoAnswer(Permanent):
    """Nobody answered a question in time."""

    error = "timeout.answer"
    category = "timeout"


class QuotaExhausted(Permanent):
    """The account has nothing left: a 429 that waiting does not mend."""

    error = "resource.quota"
    category = "resource"


class BreakerOpen(Permanent):
    """The breaker of the agent lets no call through now (case B3). Another agent may answer, not another attempt."""

    error = "resource.breaker"
    category = "resource"

    def __init__(self, message: str, next_probe: timedelta | None = None) -> None:
        super().__init__(message, sent=False)
        self.next_probe = next_probe
        """When the upstream is tried again, at the latest; None: an operator decides."""


class QueueFull(Permanent):
    """Too many calls wait for the limit of the agent already (case L11)."""

    error = "resource.queue"
    category = "resource"

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class KeyTaken(Permanent):
    """Another call has the key of `@once`, and nobody knows that it was done or that it was not."""

    error = "resource.key"
    category = "resource"

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class LoopStopped(Permanent):
    """A model has used its tools as much as it may in one step (case O1)."""

    error = "resource.loop_turns"
    category = "resource"
    bounds = ("turns", "calls", "repeats", "tokens", "money", "time")

    def __init__(self, message: str, *, bound: str = "turns") -> None:
        """Bound: the one of `bounds` that was reached."""
        super().__init__(message, sent=False)
        self.error = f"resource.loop_{bound}"


class TooLarge(Permanent):
    """It would never fit into the limit of the agent (case L6)."""

    error = "resource.too_large"
    category = "resource"

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class BudgetExceeded(Permanent):
    """It does not fit into a budget any more (case $2). Whatever the budget stands on fails; nothing inside helps."""

    error = "resource.budget"
    category = "resource"

    def __init__(self, message: str, limit: str | None = None) -> None:
        super().__init__(message, sent=False)
        self.limit = limit
        """The path of the block or flow whose budget it is; None: it is the call's own."""


class Declined(Permanent):
    """The model declined to answer."""

    error = "agent.declined"


class Incomplete(Permanent):
    """The answer stopped before its end: it had no more tokens."""

    error = "agent.incomplete"


class Filtered(Permanent):
    """The provider's content filter stopped the answer."""

    error = "agent.filtered"


class FunctionFailed(Permanent):
    """A Python function raised something of its own (case R17: not retried)."""

    error = "tool.raised"
    category = "tool"


class FunctionCutOff(FunctionFailed):
    """A Python function raised `ConnectionError` or `TimeoutError`: what it asked for may have been done (case R2)."""

    error = "tool.cut_off"


class ProcessFailed(Permanent):
    """A program ended with an error."""

    error = "tool.process"
    category = "tool"


class ToolFailed(Permanent):
    """A tool of a server says itself that it could not do what it was asked for."""

    error = "tool.failed"
    category = "tool"


class ToolsChanged(Permanent):
    """A server's tools are not those that an operator looked at: nothing is called (cases 106, 107)."""

    error = "permission.tools"
    category = "permission"

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


class TotalTimeout(Permanent):
    """The whole time of a call, a block or a flow is over."""

    error = "timeout.total"
    category = "timeout"


class ValueProblem(Permanent):
    """An expression has no value: division by zero, out of range, too large, out of fuel."""

    error = "validation.value"
    category = "validation"

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=False)


FLOW_ERRORS: dict[str, ErrorClass] = {
    "agent.failed": "agent",
    "flow.failed": "agent",
    "flow.members": "agent",
    "flow.exhausted": "validation",
    "flow.race": "agent",
    "flow.need": "agent",
    "flow.too_many": "resource",
    "flow.compensation": "agent",
    "flow.not_undone": "agent",
    "run.cancelled": "system",
    "system.in_doubt": "system",
    "system.not_done": "system",
    "system.journal": "system",
    "system.taken_over": "system",
    "system.interrupted": "system",
    "system.internal": "system",
}
"""Failures that arise in the kernel: `fail`, several members, an exhausted `repeat`, a lost `race`, too few of
`need`, a `for` over more than `at most`; steps that are not undone, and each of these; and the run's own."""


_ENDS = (
    ConnectionLost,
    AttemptTimeout,
    IdleTimeout,
    TotalTimeout,
    BadResponse,
    StreamTruncated,
    FunctionCutOff,
    AnswerInvalid,
)
_MAY_BE_DONE = frozenset({*(error.error for error in _ENDS), "system.interrupted"})
"""Ends of attempts after which the other side may have acted, or has; the end of the process is one of them."""


def may_be_done(failure: Failure) -> bool:
    """Whether a step that failed may have been done all the same. That is more than `in_doubt` says: what may be sent
    again is not in doubt but may stand, and an answer of the wrong type says that it does."""
    return failure.in_doubt or has_left_open(failure.attempts)


def has_left_open(attempts: Iterable[AttemptFailure]) -> bool:
    """Whether the other side may have acted in one of these attempts, which failed."""
    return any(attempt.error in _MAY_BE_DONE for attempt in attempts)
