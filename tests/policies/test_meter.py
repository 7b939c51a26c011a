"""What attempts use is told as it becomes known: once for each request, and as unknown where nobody says it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.events.fold import Used
from leadflow.events.model import CallUsed, Usage
from leadflow.plan.rates import Rate, Rates, flat
from leadflow.policies.meter import Meter
from leadflow.run.errors import (
    AnswerInvalid,
    BadResponse,
    CallError,
    ConnectFailed,
    Declined,
    RateLimited,
    StreamTruncated,
)
from leadflow.run.ports import Reply

PRICE = flat(1_000_000, 2_000_000)
TIERED = Rates((Rate(0, 4, 8, 1, 5), Rate(100, 40, 80, 10, 50)), 1000)


def metered(rates: Rates | None = PRICE) -> tuple[Meter, list[CallUsed]]:
    """A meter, and what it tells."""
    told: list[CallUsed] = []
    return Meter(told.append, "f/s", 2, agent="fast", rates=rates), told


def used(usage: Usage | None, money: int | None) -> CallUsed:
    """What is told of one request."""
    return CallUsed("f/s", 2, "fast", usage, money)


def test_each_request_is_told_as_it_is_answered() -> None:
    """An attempt of several requests tells each of them, and nothing more at its end."""
    meter, told = metered()
    meter.note(Usage(10, 5))
    meter.note(Usage(20, 5))
    meter.end(Reply("x", Usage(30, 10)), None)
    assert [used(Usage(10, 5), 20), used(Usage(20, 5), 30)] == told
    assert (30, 10, 50, True) == (meter.read, meter.written, meter.money, meter.is_whole)


def test_a_reply_alone_says_it_too() -> None:
    """A kind of another package gives its usage with the reply."""
    meter, told = metered()
    meter.end(Reply("x", Usage(10, 5)), None)
    assert [used(Usage(10, 5), 20)] == told


@pytest.mark.parametrize("usage", [None, Usage(), Usage(5, None), Usage(-1, 5), Usage(10**12, 5)])
def test_10_what_cannot_be_believed_is_unknown(usage: Usage | None) -> None:
    """Case $10: a missing or impossible figure makes the cost unknown, never nothing."""
    meter, told = metered()
    meter.end(Reply("x", usage), None)
    assert [None] == [event.money for event in told]
    assert not meter.is_whole


def test_9_a_model_without_a_price_is_never_free() -> None:
    """Case $9: its tokens are told, its cost is not known."""
    meter, told = metered(None)
    meter.note(Usage(10, 5))
    assert [used(Usage(10, 5), None)] == told


def test_requests_are_counted_and_cost_what_they_say() -> None:
    """Two requests are two; of what is not said to come from a cache nothing does; without a price nothing adds up."""
    meter, _ = metered(Rates((Rate(0, 4_000_000, 8_000_000, 1_000_000, 5_000_000),), 0))
    meter.note(Usage(10, 5))
    meter.note(Usage(1, 0))
    assert (2, 10 * 4 + 5 * 8 + 4) == (meter.told, meter.money)
    unpriced, _ = metered(None)
    unpriced.note(Usage(10, 5))
    assert (1, 0, 15) == (unpriced.told, unpriced.money, unpriced.read + unpriced.written)


ENDS: list[tuple[CallError, bool, int]] = [
    (ConnectFailed("x", sent=False), False, 0),
    (RateLimited("x"), False, 0),
    (BadResponse("x"), False, 1),
    (StreamTruncated("x"), False, 1),
    (BadResponse("x"), True, 2),
    (AnswerInvalid("x"), True, 1),
    (Declined("x"), True, 1),
    (Declined("x"), False, 1),
]


@pytest.mark.parametrize(("problem", "was_answered", "requests"), ENDS)
def test_a_failed_attempt_costs_what_it_used(problem: CallError, was_answered: bool, requests: int) -> None:
    """Nothing that was not sent or was turned away; what was answered; and else nobody knows."""
    meter, told = metered()
    if was_answered:
        meter.note(Usage(10, 5))
    meter.end(None, problem)
    assert requests == len(told)
    assert ([20] if was_answered else []) == [event.money for event in told if event.money is not None]


def test_sums_keep_apart_what_is_not_known() -> None:
    """A sum of known costs, and how many are in none."""
    total = Used()
    for event in (used(Usage(10, 5, 4), 20), used(Usage(1, 1), None), used(None, None)):
        total.add(event)
    assert Used(3, 11, 6, 4, uncounted=1, money=20, unpriced=2) == total


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_a_request_costs_what_each_of_its_tokens_does(read: int, written: int, cached: int, stored: int) -> None:
    """Token by token, rounded up once; more out of a cache than was read is not believed."""
    row = TIERED.rows[read > 100]
    kinds = (["cached"] * min(cached, read) + ["stored"] * stored + ["input"] * read)[:read]
    tokens = sum(getattr(row, kind) for kind in kinds) + written * row.output
    assert -(-tokens // 1_000_000) + 1 == TIERED.cost(read, written, cached, stored)
