"""How policies are written: the row of each annotation, and the one order in which they nest.

A `PolicyRow` tells the checker what an annotation accepts and where it may stand (rule C4); `build` makes the frozen
policy from checked arguments.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal, cast

from leadflow.plan.policy import (
    ERROR_CLASSES,
    Breaker,
    Budget,
    Cache,
    Concurrency,
    Fallback,
    Hedge,
    Idempotent,
    Limit,
    Once,
    OnDoubt,
    OnError,
    OnFailure,
    Optional,
    Policy,
    Priority,
    Retry,
    Timeout,
)
from leadflow.plan.types import (
    DURATION,
    FLOAT,
    INT,
    MONEY,
    RATE,
    STRING,
    ListType,
    LiteralType,
    Money,
    Type,
    UnionType,
)  # fmt: skip
from leadflow.record import record

Target = Literal["agent", "call", "block", "loop", "flow", "tool"]
"""What an annotation may stand on: an agent, a call step, a block step (`do parallel race repeat`), a `for`, a flow,
a tool. `loop` is a `for`; what fits a block fits a loop too."""


@record
class PolicyParam:
    """One argument of an annotation."""

    name: str
    type: Type
    positional: bool = False
    required: bool = False
    low: int | float | timedelta | Money | None = None
    """Smallest value allowed; for durations and money 0 is never allowed unless `low` says so."""
    high: int | float | timedelta | Money | None = None
    many: bool = False
    """True when the value may be repeated positionally (`@fallback(a, b)`), or is a list."""
    what: Literal["value", "agent", "expr", "call"] = "value"
    """`agent`: names an agent; `expr`: any expression over names in scope (a run-time argument, rule C4); `call`: a
    call as a step makes one."""
    doc: str = ""


@record
class PolicyRow:
    """How one annotation is written."""

    name: str
    params: tuple[PolicyParam, ...]
    targets: frozenset[Target]
    build: Callable[[Mapping[str, Any]], Policy]
    """Makes the policy from checked arguments by parameter name (absent ones left out)."""
    doc: str


_YEAR = timedelta(days=366)
_MS = timedelta(milliseconds=1)
_ERRORS = UnionType(tuple(LiteralType(name) for name in ERROR_CLASSES))


def _words(*words: str) -> Type:
    return UnionType(tuple(LiteralType(word) for word in words))


def _seconds(name: str, *, positional: bool = False, doc: str = "") -> PolicyParam:
    return PolicyParam(name, DURATION, positional=positional, low=_MS, high=_YEAR, doc=doc)


def _row(
    name: str,
    targets: str,
    doc: str,
    *params: PolicyParam,
    build: Callable[[Mapping[str, Any]], Policy],
) -> PolicyRow:
    places = cast(frozenset[Target], frozenset(targets.split()))
    return PolicyRow(name, params, places, build, doc)


_P = PolicyParam

ROWS: Mapping[str, PolicyRow] = {
    row.name: row
    for row in (
        _row(
            "retry", "agent call block flow tool", "Try again after a failure that may pass.",
            _P("attempts", INT, positional=True, required=True, low=1, high=1000, doc="attempts in total"),
            _seconds("backoff", doc="first delay"),
            _P("base", FLOAT, low=1.0, high=100.0, doc="growth of the delay"),
            _seconds("max", doc="longest delay"),
            _P("jitter", _words("full", "equal", "decorrelated", "none")),
            _P("on", ListType(_ERRORS), many=True, doc="classes of failures"),
            _seconds("max_retry_after", doc="longest wait a server may ask for"),
            build=lambda a: Retry(**a),
        ),
        _row(
            "timeout", "agent call block loop flow tool", "Deadlines.",
            _seconds("total", positional=True, doc="everything, queueing included"),
            _seconds("attempt", doc="one attempt"),
            _seconds("idle", doc="between two bytes"),
            build=lambda a: Timeout(**a),
        ),
        _row(
            "fallback", "agent call", "Agents to ask when this one fails.",
            _P("agents", STRING, positional=True, required=True, many=True, what="agent"),
            build=lambda a: Fallback(**a),
        ),
        _row("optional", "call block loop", "A failure gives none.", build=lambda a: Optional()),
        _row(
            "on_failure", "block loop flow", "What a failing member does.",
            _P("strategy", _words("stop", "continue", "partial"), positional=True),
            _P("escalate", STRING, what="call", doc="a call that tells somebody that the flow failed"),
            build=lambda a: OnFailure(a.get("strategy", "stop")),
        ),
        _row(
            "concurrency", "agent block loop flow", "How many at once.",
            _P("limit", INT, positional=True, required=True, low=1, high=100_000),
            build=lambda a: Concurrency(**a),
        ),
        _row(
            "priority", "call block loop flow", "Who goes first.",
            _P("level", INT, positional=True, required=True, low=-1000, high=1000),
            build=lambda a: Priority(**a),
        ),
        _row(
            "idempotent", "agent call tool", "Safe to repeat.",
            _P("key", STRING, what="expr", doc="sent on every attempt"),
            build=lambda a: Idempotent(),
        ),
        _row("once", "call", "At most once across runs.", _P("key", STRING, required=True, what="expr"),
             build=lambda a: Once()),
        _row(
            "breaker", "agent tool", "Stop calling what keeps failing.",
            _P("failures", INT, low=1, high=100_000), _P("ratio", FLOAT, low=0.01, high=1.0),
            _seconds("window"), _P("min_calls", INT, low=1, high=100_000), _seconds("slow"),
            _P("probes", INT, low=1, high=1000), _seconds("recovery"), _seconds("max_recovery"),
            build=lambda a: Breaker(**a),
        ),
        _row(
            "limit", "agent tool", "How often and how much at once.",
            _P("rate", RATE, positional=True, many=True), _P("tokens", RATE),
            _P("concurrent", INT, low=1, high=100_000), _P("burst", INT, low=1, high=1_000_000),
            _P("zone", STRING),
            build=lambda a: Limit(**a),
        ),
        _row(
            "budget", "agent call block loop flow", "The most that may be spent.",
            _P("money", MONEY, positional=True, low=Money(1)), _P("tokens", INT, low=1), _P("calls", INT, low=1),
            build=lambda a: Budget(**a),
        ),
        _row(
            "cache", "agent call block flow tool", "Answer equal calls from memory.",
            _seconds("ttl", positional=True), _seconds("negative_ttl"), _P("key", STRING, what="expr"),
            build=lambda a: Cache(**{name: value for name, value in a.items() if name != "key"}),
        ),
        _row("hedge", "agent call", "A second attempt when the first is slow.", _seconds("after"),
             build=lambda a: Hedge(**a)),
        _row(
            "on_error", "agent call", "What follows each class of failure.",
            *(_P(name, STRING, what="expr") for name in ERROR_CLASSES),
            build=lambda a: OnError(cast(Any, tuple(a.items()))),
        ),
        _row(
            "on_doubt", "agent call tool", "What follows when nobody knows whether it was done.",
            _P("does", _words("retry", "fail", "ask"), positional=True),
            _P("probe", STRING, what="call", doc="a call that looks whether it was done"),
            build=lambda a: OnDoubt("probe" if "probe" in a else a["does"]),
        ),
    )
}  # fmt: skip
"""Every annotation that governs running, by name."""

ORDER: tuple[str, ...] = (
    "priority",
    "optional",
    "on_failure",
    "once",
    "fallback",
    "timeout",
    "cache",
    "retry",
    "on_error",
    "hedge",
    "limit",
    "concurrency",
    "breaker",
    "budget",
    "idempotent",
    "on_doubt",
)
"""The one order of wrapping, outermost first (rule C5). `optional` is outermost of what can absorb, then `fallback`,
whose candidates each have a `timeout` anew; a cache hit enters nothing below it; every attempt of `retry` takes its
place in the queue (`limit`, `concurrency`), is seen by the `breaker` and reserves its `budget`."""

MARKS: Mapping[str, frozenset[str]] = {
    "read": frozenset({"tool"}),
    "pure": frozenset({"tool"}),
    "write": frozenset({"tool"}),
    "dangerous": frozenset({"tool"}),
    "category": frozenset({"tool"}),
    "range": frozenset({"field"}),
    "length": frozenset({"field"}),
    "pattern": frozenset({"field"}),
}
"""Annotations that are no policies: effect (rule C8) and category of a tool, constraints of fields and parameters."""
