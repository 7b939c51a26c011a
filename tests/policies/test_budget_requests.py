"""What a budget pays for an attempt with a model: each request that was answered, at the price of its tokens."""

from collections.abc import Callable

import pytest

from leadflow.events.model import BudgetReserved, BudgetSettled, Usage
from leadflow.plan.policy import Budget, Budgets
from leadflow.plan.rates import Rate, Rates
from leadflow.plan.types import JSON, Money
from leadflow.policies.budget import Charge, Purse
from leadflow.policies.ledger import Amount
from leadflow.run.errors import AnswerInvalid, AttemptTimeout, ConnectFailed, RateLimited
from leadflow.run.ports import Reply, Request
from tests.policies.playing import Player, Scene
from tests.policies.test_budget import account, flow, play

RATES = Rates((Rate(0, 4_000_000, 8_000_000, 1_000_000, 5_000_000),), 0)
"""Millionths of a dollar for a token: 4 read, 8 written, 1 out of the cache, 5 into it."""


CHARGE = Charge(5_000_000, 8_000_000, 0, RATES)


def model(player: Player, *, action: str = "ask", charge: Charge | None = CHARGE) -> Scene:
    """Calls of a model that tells its requests."""
    return Scene(
        {"a": player},
        result=JSON,
        settings={"model": "m", "max_tokens": 100},
        action=action,
        purse=Purse({} if charge is None else {"a": charge}),
        rates={"a": RATES},
    )


def telling(*usages: Usage | None, then: object) -> Callable[[Request], object]:
    """Makes requests that use so much, and does the act then."""

    async def requests(request: Request) -> object:
        for usage in usages:
            request.used(usage)
        if isinstance(then, BaseException):
            raise then
        return then

    return requests


def paid(made: Scene, budgets: Budgets) -> BudgetSettled:
    """What an attempt was settled at."""
    (played,) = play(made, budgets=budgets)
    (settled,) = [event for event in played.events if isinstance(event, BudgetSettled)]
    return settled


def most(made: Scene, budgets: Budgets) -> int:
    """What an attempt sets aside, in millionths of a dollar."""
    (played,) = play(made, budgets=budgets)
    (reserved,) = [event for event in played.events if isinstance(event, BudgetReserved)]
    return reserved.money


def test_3_all_requests_of_an_attempt_are_paid() -> None:
    """Case $3: where a model was asked twice, both count, in money and tokens; that is one call."""
    made = model(Player(telling(Usage(10, 5), Usage(20, 5), then=Reply("ok", Usage(20, 5)))))
    settled = paid(made, flow(10_000))
    assert (120 + 80, 40, False, 1) == (settled.money, settled.tokens, settled.is_estimated, settled.calls)
    assert Amount(200, 40, 1) == account(made, "main").spent


def test_3_a_request_that_does_not_say_what_it_used_may_have_used_all() -> None:
    """Case $3: one of two is silent, so all that was set aside is spent."""
    made = model(Player(telling(Usage(10, 5), None, then=Reply("ok", Usage(20, 5)))))
    settled = paid(made, flow(10_000))
    assert settled.is_estimated
    assert most(made, flow(10_000)) == settled.money


@pytest.mark.parametrize(
    ("told", "problem", "money", "calls"),
    [
        ((Usage(10, 5),), AnswerInvalid("no"), 80, 1),
        ((Usage(10, 5), Usage(1, 0)), AnswerInvalid("no"), 84, 1),
        ((Usage(10, 5),), RateLimited("slowly"), 80, 1),
        ((), RateLimited("slowly"), 0, 1),
        ((Usage(10, 5),), ConnectFailed("no", sent=False), 80, 1),
        ((), ConnectFailed("no", sent=False), 0, 0),
        ((), AnswerInvalid("no"), None, 1),
        ((None,), RateLimited("slowly"), None, 1),
        ((Usage(10, 5),), AttemptTimeout("late"), None, 1),
    ],
)
def test_3_a_failed_attempt_pays_for_what_was_answered(
    told: tuple[Usage | None, ...], problem: Exception, money: int | None, calls: int
) -> None:
    """Case $3: requests before the failure are paid; where nobody knows, all that was set aside."""
    made = model(Player(telling(*told, then=problem)))
    settled = paid(made, flow(10_000))
    whole = most(made, flow(10_000))
    assert (whole if money is None else money, money is None) == (settled.money, settled.is_estimated)
    assert calls == settled.calls


@pytest.mark.parametrize(
    ("usage", "money"),
    [
        (Usage(100, 10), 400 + 80),
        (Usage(100, 10, cached_tokens=40), 240 + 40 + 80),
        (Usage(100, 10, stored_tokens=20), 320 + 100 + 80),
        (Usage(100, 10, cached_tokens=40, stored_tokens=20), 160 + 40 + 100 + 80),
    ],
)
def test_what_comes_out_of_a_cache_and_goes_into_it_has_its_price(usage: Usage, money: int) -> None:
    """A bound needs the dearest price of a token; what was spent needs its own."""
    assert money == paid(model(Player(Reply("ok", usage))), flow(10_000)).money


def test_a_vector_has_no_tokens_that_are_written() -> None:
    """So a model of vectors that only says what it read has said all; one of texts has not."""
    embeds = Reply([0.5], Usage(7, None))
    settled = paid(model(Player(embeds), action="embed"), flow(10_000))
    assert (28, False) == (settled.money, settled.is_estimated)
    assert paid(model(Player(embeds)), flow(10_000)).is_estimated


@pytest.mark.parametrize(
    ("usage", "tokens"), [(Usage(3, None), 3), (Usage(None, 4), 4), (Usage(3, 4), 7), (Usage(None, None), 0), (None, 0)]
)
def test_what_a_function_does_not_say_is_nothing(usage: Usage | None, tokens: int) -> None:
    """It takes a call, and the tokens that it says, each kind by itself."""
    made = Scene({"a": Player(Reply("ok", usage))}, purse=Purse())
    settled = paid(made, (("main", Budget(tokens=100)),))
    assert (0, tokens, False, 1) == (settled.money, settled.tokens, settled.is_estimated, settled.calls)


def test_a_model_without_a_price_sets_no_money_aside() -> None:
    """Case $9: under a budget of tokens it may be asked; what it costs is not told as anything."""
    made = model(Player(Reply("ok", Usage(3, 4))), charge=None)
    budgets: Budgets = (("main", Budget(tokens=1_000)),)
    assert (0, 0, 7) == (most(made, budgets), (settled := paid(made, budgets)).money, settled.tokens)


def test_money_in_more_than_one_budget_is_the_same_money() -> None:
    """Case $7: each attempt is in every account around it, once."""
    made = model(Player(Reply("ok", Usage(10, 5))))
    play(made, budgets=(("main/block", Budget(Money(9_000))), ("main", Budget(Money(9_000)))))
    assert Amount(80, 15, 1) == account(made, "main").spent == account(made, "main/block").spent
