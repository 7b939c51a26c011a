"""A test, compiled: what stands in for the world, which flows are run, and what is expected of them (rule E10).

Pure data, made by `graph/trials.py` and carried out by `leadflow.testing`. A test is no part of a plan: changing one
changes no run. Expressions read the test's names by position: `Bound(0, slot)` is the slot of a `let` or a `run`.
"""

from collections.abc import Mapping
from typing import TypeAlias

from leadflow.plan.expr import Expr
from leadflow.plan.plan import Place
from leadflow.plan.policy import ERROR_CLASSES
from leadflow.record import record


@record
class StepTarget:
    """A step of a flow, by the names on the way to it: those of the blocks around it may be left out."""

    flow: str
    """Qualified."""
    names: tuple[str, ...]


@record
class CallTarget:
    """All calls of an agent's action, or of a tool."""

    agent: str
    action: str | None
    """None: of a tool, which has one."""


Target: TypeAlias = StepTarget | CallTarget


@record
class Failing:
    """`fail "reason"` as an answer."""

    reason: Expr


@record
class Late:
    """`answer after 40s`."""

    answer: Expr | Failing
    delay: Expr


@record
class Mock:
    """`mock target => answer then answer`."""

    target: Target
    args: tuple[tuple[str, Expr], ...] | None
    """Those that a call must have, by parameter; others may be as they like. None: any call will do."""
    answers: tuple[Expr | Failing | Late, ...]
    written: str
    """Up to the arrow, on one line."""
    place: Place


@record
class Replay:
    """`replay "file"`: a recorded run answers what no mock does."""

    file: str
    """As written: from the folder of the test's file."""
    place: Place


@record
class Let:
    """`let name = value`."""

    slot: int
    name: str
    value: Expr
    place: Place


@record
class Start:
    """`run name = flow(args)`."""

    slot: int
    name: str
    flow: str
    args: tuple[Expr, ...]
    """In the order of the flow's parameters, defaults filled in."""
    written: str
    place: Place


@record
class Part:
    """A part of a condition, told with its value when the condition does not hold."""

    written: str
    value: Expr


@record
class Difference:
    """The two sides of an `==`, told apart when they are large and not equal."""

    left: Expr
    right: Expr


@record
class Expect:
    """`expect condition`."""

    condition: Expr
    written: str
    parts: tuple[Part, ...]
    equals: tuple[Difference, ...]
    place: Place


Statement: TypeAlias = Mock | Replay | Let | Start | Expect


@record
class Sampling:
    """`@sample(runs: 5, pass: 0.8)`: the test is made so often, and so large a part of it has to pass."""

    runs: int
    needed: int
    """How many of them have to pass."""


@record
class Trial:
    """A test."""

    name: str
    statements: tuple[Statement, ...]
    slots: int
    """How many values its names have."""
    sampling: Sampling | None
    place: Place
    names: Mapping[str, str]
    """What its file calls things of other files: a declaration by its qualified name, a whole file by its own."""


# --- failures by name ---------------------------------------------------------------------------------------------

ERRORS: tuple[str, ...] = (
    "agent.failed", "agent.transient", "agent.server", "resource.overloaded", "agent.bad_response",
    "agent.stream_truncated", "agent.rejected", "agent.declined", "agent.incomplete", "agent.filtered",
    "network.connect", "network.lost", "resource.rate", "resource.quota", "resource.breaker", "resource.key",
    "resource.queue", "resource.budget", "resource.too_large", "resource.loop_turns", "resource.loop_calls",
    "resource.loop_repeats", "resource.loop_tokens", "resource.loop_money", "resource.loop_time", "validation.answer",
    "validation.value",
    "timeout.attempt", "timeout.idle", "timeout.total", "timeout.answer", "permission.auth", "permission.denied",
    "permission.local", "permission.refused", "permission.tools", "tool.raised", "tool.cut_off", "tool.process",
    "tool.failed", "flow.failed", "flow.exhausted", "flow.race", "flow.need", "flow.members", "flow.too_many",
)  # fmt: skip
"""Every failure that a mock may answer with, by its stable name."""

_TYPICAL: dict[str, str] = {
    "agent": "agent.server",
    "tool": "tool.raised",
    "network": "network.connect",
    "permission": "permission.denied",
    "validation": "validation.answer",
    "timeout": "timeout.attempt",
    "resource": "resource.rate",
}
"""What is meant by a class alone."""

_LAST = [name.partition(".")[2] for name in ERRORS]
_SHORT = {word: name for word, name in zip(_LAST, ERRORS, strict=True) if _LAST.count(word) == 1}
_SHORT["failed"] = "flow.failed"
"""Their last words, where one names one failure; and what `fail` in a flow is."""

FAILURES: tuple[str, ...] = (*(name for name in ERROR_CLASSES if name in _TYPICAL), *ERRORS, *_SHORT)
"""Every word that `fail` of a mock understands."""


def failure_meant(reason: str) -> tuple[str, str] | None:
    """The failure that the reason of a mock names, and its message, which is empty when none is given.

    `timeout`, `timeout.attempt`, `rate`, and with a message behind a colon: `rate: come back tomorrow`. None: it
    names none.
    """
    word, _, message = reason.partition(":")
    name = word.strip()
    found = _TYPICAL.get(name) or (name if name in ERRORS else _SHORT.get(name))
    return None if found is None else (found, message.strip())
