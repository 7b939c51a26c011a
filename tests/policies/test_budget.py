"""`@budget`: what attempts set aside, what they are settled at, and what follows when nothing is left."""

import asyncio

import pytest

from leadflow.events.model import BudgetReserved, BudgetSettled, CallAdmitted, CallWaits, Usage
from leadflow.plan.policy import Budget, Budgets, Fallback, Retry, Timeout
from leadflow.plan.types import JSON, Money
from leadflow.policies.budget import Charge, Purse
from leadflow.policies.ledger import Account, Amount, Claim, Ledger
from leadflow.policies.shared import Shared
from leadflow.run.errors import AttemptTimeout, CallError, ConnectFailed, RateLimited, ServerError, Transient
from leadflow.run.ports import Reply
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Played, Player, Scene, after, s

PRICE = Charge(1_000_000, 1_000_000)
"""One millionth of a dollar for a token."""
ARGS = {"prompt": "four"}


def spent(read: int, written: int) -> Reply:
    """An answer that says what it took."""
    return Reply("ok", Usage(read, written))


def scene(
    player: Player,
    *policies: object,
    max_tokens: int | None = 100,
    idempotent: bool = True,
    shared: Shared | None = None,
    **agents: Player,
) -> Scene:
    """Calls of a model that costs a millionth of a dollar for a token."""
    settings = {"model": "m"} if max_tokens is None else {"model": "m", "max_tokens": max_tokens}
    names = {"a": player, **agents}
    purse = Purse(dict.fromkeys(names, PRICE))
    return Scene(
        names, policies, result=JSON, idempotent=idempotent, settings=settings, shared=shared or Shared(),  # type: ignore[arg-type]
        action="ask", purse=purse,
    )  # fmt: skip


def play(made: Scene, *, budgets: Budgets = (), count: int = 1) -> list[Played]:
    """So many calls at once, each a step of its own."""

    async def main() -> list[Played]:
        calls = [made.play(args=ARGS, budgets=budgets, path=f"main/a{n}") for n in range(count)]
        return list(await asyncio.gather(*calls))

    return run_virtual(main())


def account(made: Scene, path: str) -> Account:
    """An account of a scene."""
    assert made.purse is not None
    return made.purse.ledger.accounts[path]


def reserved(played: Played) -> list[int]:
    """What was set aside, in millionths of a dollar."""
    return [event.money for event in played.events if isinstance(event, BudgetReserved)]


def settled(played: Played) -> list[tuple[int, bool]]:
    """What was settled, and whether that is estimated."""
    return [(event.money, event.is_estimated) for event in played.events if isinstance(event, BudgetSettled)]


def flow(money: int, **more: int) -> Budgets:
    """The budget of the flow, in millionths of a dollar."""
    return (("main", Budget(Money(money), **more)),)


def test_an_attempt_sets_aside_the_most_and_pays_what_it_took() -> None:
    """Case $1: the request as it is counted, and the longest answer; then what was reported, and no more is held."""
    made = scene(Player(spent(10, 5)))
    (played,) = play(made, budgets=flow(1000))
    (most,) = reserved(played)
    assert 100 < most < 400
    assert [(15, False)] == settled(played)
    assert (Amount(15, 15, 1), Amount()) == (account(made, "main").spent, account(made, "main").reserved)


def test_what_does_not_fit_is_refused_before_anything_is_sent() -> None:
    """Case $2: the failure names the budget, how much of it is left, and the limit of the flow that fails with it."""
    made = scene(Player(spent(1, 1)))
    (played,) = play(made, budgets=flow(50))
    assert [] == made.agents["a"].requests
    failure = played.failure
    assert ("resource.budget", "resource", "main") == (failure.error, failure.category, failure.limit)
    assert failure.message.startswith(
        "the budget of flow main ($0.00005) has $0.00005 left, and this call may take $0."
    )


def test_the_budget_of_a_call_fails_the_call_alone() -> None:
    """Rule C3: it is the call's own failure, which `@optional` on it may absorb."""
    made = scene(Player(spent(1, 1)), Budget(Money(50)))
    (played,) = play(made)
    assert (None, "main/a0") == (played.failure.limit, played.failure.path)


def test_no_fallback_makes_up_for_a_budget() -> None:
    """Case F1: an agent that costs nothing is not asked after the budget of the call is used up."""
    other = Player("cheap")
    made = scene(Player(spent(1, 1)), Budget(calls=1), Fallback(("b",)), b=other)
    made.agents["a"].script = (ConnectFailed("no", sent=False), Transient("no"))
    (played,) = play(made)
    assert "cheap" == played.value  # a connection that failed is no call
    made = scene(Player(Transient("no")), Budget(calls=1), Fallback(("b",)), b=(other := Player("cheap")))
    (played,) = play(made)
    assert ([], "resource.budget") == (other.requests, played.failure.error)


@pytest.mark.parametrize(
    ("problem", "cost", "calls"),
    [
        (ConnectFailed("no", sent=False), 0, 0),
        (RateLimited("slowly"), 0, 1),
        (ServerError("no", status=500), 0, 1),
        (AttemptTimeout("late"), None, 1),
    ],
)
def test_how_failures_are_settled(problem: CallError, cost: int | None, calls: int) -> None:
    """Case $3: nothing where that is certain, else what was set aside, marked as estimated; what was sent is a call."""
    made = scene(Player(problem))
    (played,) = play(made, budgets=flow(1000))
    (most,) = reserved(played)
    assert [(most if cost is None else cost, cost is None)] == settled(played)
    assert calls == account(made, "main").spent.calls


def test_a_timeout_after_the_request_keeps_what_was_set_aside() -> None:
    """Case $3: nobody knows what an attempt took that was cut off."""
    made = scene(Player(after(9, spent(1, 1))), Timeout(attempt=s(1)))
    (played,) = play(made, budgets=flow(1000))
    assert [(reserved(played)[0], True)] == settled(played)


def test_a_deaf_attempt_is_settled_when_it_is_left_behind() -> None:
    """Cases T8, $3: its call ends without it, and its cost is in the log by then."""

    async def deaf(request: object) -> object:
        while True:
            try:
                await CLOCK.sleep(s(99))
            except asyncio.CancelledError:
                continue
            return "late"

    made = scene(Player(deaf), Timeout(attempt=s(1)))
    (played,) = play(made, budgets=flow(1000))
    assert [(reserved(played)[0], True)] == settled(played)
    assert Amount() == account(made, "main").reserved


def test_more_than_was_set_aside_is_recorded_and_ends_the_scope_before_its_next_call() -> None:
    """Case $4: the overshoot is told with the call that made it, which itself is answered."""
    made = scene(Player(spent(5000, 0)))
    (first,) = play(made, budgets=flow(1000))
    over = [event.over for event in first.events if isinstance(event, BudgetSettled)]
    assert ("ok", [4000], 5000) == (first.value, over, account(made, "main").spent.money)
    (second,) = play(made, budgets=flow(1000))
    assert ("resource.budget", 1) == (second.failure.error, len(made.agents["a"].requests))


def test_a_million_tenths_of_a_cent_add_up() -> None:
    """Case $5: money is whole millionths of a dollar."""
    ledger = Ledger()
    one = ledger.account("main", Budget(Money(10**11)))
    for _ in range(10**5):
        claim = Claim((one,), Amount(100_000, 0, 1))
        ledger.ask(claim)
        ledger.settle(claim, Amount(100_000, 0, 1))
    assert Amount(10**10, 0, 10**5) == one.spent


def test_each_attempt_costs() -> None:
    """Case $6: a retry sets aside and settles anew."""
    made = scene(Player(Transient("no"), spent(10, 5)), Retry(2))
    (played,) = play(made, budgets=flow(1000))
    assert [True, False] == [is_estimated for _, is_estimated in settled(played)]
    assert 2 == account(made, "main").spent.calls


def test_all_accounts_around_a_call_are_charged_or_none() -> None:
    """Case $7: what the inner budget holds and the outer does not is set aside in neither."""
    made = scene(Player(spent(1, 1)))
    budgets = (("main/x", Budget(Money(10**6))), ("main", Budget(Money(50))))
    (played,) = play(made, budgets=budgets)
    assert "main" == played.failure.limit
    assert Amount() == account(made, "main/x").reserved == account(made, "main").reserved
    budgets = (("main/y", Budget(Money(10**6))), ("g", Budget(Money(10**6))))
    play(made, budgets=budgets)
    assert Amount(2, 2, 1) == account(made, "main/y").spent == account(made, "g").spent


def test_an_unknown_price_is_never_free() -> None:
    """Case $9: a model without a price is refused under a budget in money, and asked under one in calls."""
    made = scene(Player(spent(1, 1)))
    made.purse = Purse()
    made.__post_init__()
    (played,) = play(made, budgets=flow(1000))
    assert "the price of model 'm' is not known, so the budget of flow main cannot be kept" == played.failure.message
    (played,) = play(made, budgets=(("g", Budget(calls=1)),))
    assert "ok" == played.value


@pytest.mark.parametrize("usage", [Usage(-5, 5), Usage(10**12, 0), Usage(None, 3), Usage(float("nan"), 1)])  # type: ignore[arg-type]
def test_absurd_usage_is_not_believed(usage: Usage) -> None:
    """Case $10: what cannot be true counts as what was set aside, marked as estimated."""
    made = scene(Player(Reply("ok", usage)))
    (played,) = play(made, budgets=flow(1000))
    assert [(reserved(played)[0], True)] == settled(played)


def test_who_finds_all_set_aside_waits_in_order() -> None:
    """Cases $1, L4: of five calls where two fit at once, the others wait, and go first come, first served."""
    made = scene(Player(after(1, spent(1, 1))))
    played = play(made, budgets=flow(800), count=5)
    assert ["ok"] * 5 == [one.value for one in played]
    waits = [event.why for one in played for event in one.events if isinstance(event, CallWaits)]
    assert {"the budget of flow main"} == set(waits)
    assert sorted(one.seconds for one in played) == [one.seconds for one in played]
    waited = [event.waited for one in played for event in one.events if isinstance(event, CallAdmitted)]
    assert len(waits) == len(waited) > 0


def test_who_waits_leaves_when_its_time_is_over() -> None:
    """Cases T2, X2: a total time that ends in the wait names the budget, and nothing stays set aside."""
    made = scene(Player(after(9, spent(1, 1))), Timeout(total=s(5)))
    played = play(made, budgets=flow(400), count=2)
    assert "a was not asked within the total time: the budget of flow main" == played[1].failure.message
    assert 1 == account(made, "main").spent.calls


def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    """Case X2: who is cancelled in the line, or just when its turn comes, holds nothing."""
    made = scene(Player(after(1, spent(1, 1))))

    async def main() -> list[object]:
        calls = [asyncio.ensure_future(made.play(args=ARGS, budgets=flow(400), path=f"main/a{n}")) for n in range(3)]
        await CLOCK.sleep(s(0.5))
        calls[1].cancel()
        return list(await asyncio.gather(*calls, return_exceptions=True))

    first, second, third = run_virtual(main())
    assert isinstance(first, Played) and isinstance(third, Played) and isinstance(second, asyncio.CancelledError)
    assert (2.0, Amount()) == (third.seconds, account(made, "main").reserved)


def test_an_answer_of_any_length_goes_alone() -> None:
    """Case $4: without `max_tokens` a call sets aside all that is left, so that one call at most takes too much."""
    made = scene(Player(after(1, spent(100, 100))), max_tokens=None)
    played = play(made, budgets=flow(1000), count=3)
    assert ["ok"] * 3 == [one.value for one in played]
    assert ([1000], [800], [600]) == tuple(reserved(one) for one in played)
    assert 1 == made.agents["a"].most


def test_tokens_and_calls_are_counted_where_no_price_is_needed() -> None:
    """A function takes one call, no money, and the tokens that it says."""
    made = Scene({"a": Player(spent(3, 4))}, purse=Purse())
    budgets: Budgets = (("main", Budget(Money(1), 10, 2)),)
    played = [*play(made, budgets=budgets), *play(made, budgets=budgets), *play(made, budgets=budgets)]
    assert Amount(0, 14, 2) == account(made, "main").spent
    assert "resource.budget" == played[2].failure.error


def test_all_calls_are_made() -> None:
    """The message of a budget in calls says how many it allows."""
    made = Scene({"a": Player("ok")}, [Budget(calls=1), Retry(2)], purse=Purse())
    made.agents["a"].script = (Transient("no"), "ok")
    (played,) = play(made)
    assert "the budget of step main/a0 allows 1 call, and all are made" == played.failure.message


def test_what_was_spent_before_the_process_ended_is_spent() -> None:
    """Case $8: the accounts of a run that is taken up begin with what its calls took, each in all around it."""
    ledger = Ledger()
    ledger.remember("f/all[0]/a", Amount(300, 10, 1))
    ledger.remember("f/all[1]/a", Amount(400, 10, 1))
    ledger.remember("f/alloy", Amount(50, 1, 1))
    whole, block, one = (ledger.account(path, Budget(calls=9)).spent for path in ("f", "f/all", "f/all[1]/a"))
    assert (Amount(750, 21, 3), Amount(700, 20, 2), Amount(400, 10, 1)) == (whole, block, one)
