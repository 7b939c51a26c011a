"""The table of outcomes, row by row, as SPEC.md and people read it: what follows each way an attempt can end."""

import asyncio
import inspect
from collections import Counter

import pytest

from leadflow.plan.policy import ERROR_CLASSES
from leadflow.policies.outcomes import (
    ANSWERED,
    OUTCOMES,
    STOPPED,
    Again,
    Outcome,
    Sees,
    is_in_doubt,
    may_repeat,
    outcome,
    outcome_of,
)
from leadflow.run import errors
from leadflow.run.errors import CallError, Transient

TABLE = """
| error          | status | sent | again      | breaker | rate     | cost    |
|----------------|--------|------|------------|---------|----------|---------|
| ConnectFailed  | -      | no   | always     | failure | kept     | free    |
| ConnectionLost | -      | no   | always     | failure | kept     | free    |
| ConnectionLost | -      | yes  | repeatable | failure | kept     | unknown |
| AttemptTimeout | -      | yes  | repeatable | failure | kept     | unknown |
| IdleTimeout    | -      | yes  | repeatable | failure | kept     | unknown |
| BadResponse    | -      | yes  | repeatable | failure | kept     | unknown |
| BadResponse    | -      | no   | always     | failure | kept     | free    |
| StreamTruncated | -     | yes  | repeatable | failure | kept     | unknown |
| ServerError    | 408    | yes  | always     | failure | kept     | free    |
| ServerError    | 409    | yes  | always     | failure | kept     | free    |
| ServerError    | 425    | yes  | always     | failure | kept     | free    |
| ServerError    | 500    | yes  | repeatable | failure | kept     | free    |
| ServerError    | 502    | yes  | repeatable | failure | kept     | free    |
| Overloaded     | 503    | yes  | always     | failure | pause    | free    |
| Overloaded     | 529    | yes  | always     | failure | pause    | free    |
| RateLimited    | 429    | yes  | always     | ignored | pause    | free    |
| QuotaExhausted | 429    | yes  | never      | success | kept     | free    |
| AuthFailed     | 401    | yes  | never      | success | kept     | free    |
| Forbidden      | 403    | yes  | never      | success | kept     | free    |
| Rejected       | 404    | yes  | never      | success | kept     | free    |
| Rejected       | 400    | yes  | never      | success | kept     | free    |
| Rejected       | 413    | yes  | never      | success | kept     | free    |
| Rejected       | 422    | yes  | never      | success | kept     | free    |
| AnswerInvalid  | -      | yes  | repeatable | success | kept     | settle  |
| Declined       | -      | yes  | asked      | success | kept     | settle  |
| Incomplete     | -      | yes  | asked      | success | kept     | settle  |
| Filtered       | -      | yes  | asked      | success | kept     | settle  |
| Transient      | -      | yes  | repeatable | failure | kept     | unknown |
| Permanent      | -      | yes  | never      | success | kept     | unknown |
| CallError      | -      | yes  | asked      | failure | kept     | unknown |
| FunctionFailed | -      | yes  | asked      | failure | kept     | unknown |
| FunctionCutOff | -      | yes  | asked      | failure | kept     | unknown |
| ProcessFailed  | -      | yes  | asked      | failure | kept     | unknown |
| ToolFailed     | -      | yes  | asked      | success | kept     | unknown |
| NotApproved    | -      | yes  | never      | success | kept     | free    |
| NoAnswer       | -      | yes  | asked      | failure | kept     | free    |
| ToolFailed     | -      | yes  | asked      | success | kept     | unknown |
| ToolsChanged   | -      | no   | never      | unseen  | returned | free    |
| NotAllowed     | -      | no   | never      | unseen  | returned | free    |
| ToolsChanged   | -      | no   | never      | unseen  | returned | free    |
| BreakerOpen    | -      | no   | never      | unseen  | returned | free    |
| BudgetExceeded | -      | no   | never      | unseen  | returned | free    |
| QueueFull      | -      | no   | never      | unseen  | returned | free    |
| KeyTaken       | -      | no   | never      | unseen  | returned | free    |
| LoopStopped    | -      | no   | never      | unseen  | returned | free    |
| TooLarge       | -      | no   | never      | unseen  | returned | free    |
| ValueProblem   | -      | no   | never      | unseen  | returned | free    |
| TotalTimeout   | -      | yes  | never      | unseen  | kept     | unknown |
| TotalTimeout   | -      | no   | never      | unseen  | returned | free    |
"""


def rows() -> list[tuple[str, ...]]:
    """The rows of the table, cell by cell."""
    lines = TABLE.strip().splitlines()[2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def made(name: str, status: str, sent: str) -> CallError:
    """The error of a row."""
    kind: type[CallError] = vars(errors)[name]
    if "sent" not in inspect.signature(kind).parameters:
        return kind("x")
    return kind("x", sent=sent == "yes", status=None if status == "-" else int(status))


@pytest.mark.parametrize(("name", "status", "sent", "again", "sees", "rate", "cost"), rows())
def test_the_table(name: str, status: str, sent: str, again: str, sees: str, rate: str, cost: str) -> None:
    """Each row says what the table says."""
    error = made(name, status, sent)
    assert error.sent == (sent == "yes")
    found = outcome(error)
    assert (again, sees, rate, cost) == (found.again.value, found.sees.value, found.rate.value, found.cost.value)


def test_every_error_has_a_row() -> None:
    """The table has each class of errors, here and there, and no text decides anything."""
    classes = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, CallError)}
    assert classes == set(OUTCOMES)
    assert {kind.__name__ for kind in classes} == {row[0] for row in rows()}
    assert {kind.category for kind in classes} <= set(ERROR_CLASSES)
    assert all(kind.transient == (OUTCOMES[kind].again in (Again.ALWAYS, Again.REPEATABLE)) for kind in classes)


def test_the_code_has_the_same_table() -> None:
    """A class that always ends alike says so in its own row, whatever is added for what was not sent."""
    kinds = Counter(row[0] for row in set(rows()))
    for name, status, sent, *cells in rows():
        found = OUTCOMES[type(made(name, status, sent))]
        if kinds[name] == 1:
            assert cells == [found.again.value, found.sees.value, found.rate.value, found.cost.value], name


def test_our_own_refusals_cost_nothing_and_say_nothing() -> None:
    """What the breaker does not see and was not sent is free, is no start, and is never tried again (case B8)."""
    own = [found for row in rows() if (found := outcome(made(*row[:3]))).sees is Sees.UNSEEN and row[2] == "no"]
    assert {("never", "returned", "free")} == {(each.again.value, each.rate.value, each.cost.value) for each in own}


def test_what_is_no_error_of_a_call() -> None:
    """A reply is a success that costs what it says; a cancel says nothing, and may have cost all (cases $3, B5)."""
    assert [ANSWERED, STOPPED, STOPPED] == [outcome_of(each) for each in (None, asyncio.CancelledError(), SystemExit())]
    assert ("success", "settle") == (ANSWERED.sees.value, ANSWERED.cost.value)
    assert ("unseen", "unknown") == (STOPPED.sees.value, STOPPED.cost.value)


DOUBT = {
    ("ConnectionLost", "yes"),
    ("AttemptTimeout", "yes"),
    ("IdleTimeout", "yes"),
    ("BadResponse", "yes"),
    ("StreamTruncated", "yes"),
    ("FunctionCutOff", "yes"),
    ("TotalTimeout", "yes"),
}


@pytest.mark.parametrize(("name", "status", "sent", "again"), [row[:4] for row in rows()])
def test_what_is_repeated_and_what_is_in_doubt(name: str, status: str, sent: str, again: str) -> None:
    """A write is repeated only when it certainly was not done; what nobody knows is in doubt (cases R2, R4)."""
    error = made(name, status, sent)
    plain = [may_repeat(error, repeatable=repeatable, on=None) for repeatable in (True, False)]
    assert [again in ("always", "repeatable"), again == "always"] == plain
    asked = [may_repeat(error, repeatable=repeatable, on=(error.category,)) for repeatable in (True, False)]
    assert [again != "never", again == "always" or (again == "asked" and sent == "no")] == asked
    assert not any(may_repeat(error, repeatable=repeatable, on=()) for repeatable in (True, False))
    assert [False, (name, sent) in DOUBT] == [is_in_doubt(error, repeatable=repeatable) for repeatable in (True, False)]


def test_a_strangers_error_follows_its_base() -> None:
    """An error class of a plug-in is treated as the class it derives from."""

    class PaperJam(Transient):
        """Of a fax."""

    assert OUTCOMES[Transient] == outcome(PaperJam("x"))
    assert isinstance(outcome(PaperJam("x")), Outcome)
