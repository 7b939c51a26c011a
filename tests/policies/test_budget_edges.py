"""What budgets tell, exactly: the words of a refusal, the events of a wait, and what is left when a call is left."""

import asyncio
import gc
from contextlib import suppress

import pytest

from leadflow.events.model import BudgetReserved, BudgetSettled, CallAdmitted, CallWaits, Event, Usage
from leadflow.plan.policy import Budget, Budgets, Cache, Limit, PerTime, Timeout
from leadflow.plan.types import JSON, Money
from leadflow.policies.budget import Charge, Purse
from leadflow.policies.ledger import Amount, Claim
from leadflow.policies.shared import Shared
from leadflow.run.errors import Transient
from leadflow.run.ports import Reply
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Played, Player, Scene, after, s
from tests.policies.test_budget import ARGS, account, flow, play, reserved, scene, spent

MOST = 382
"""What an attempt of the scene may take: tokens and millionths of a dollar."""


def refused(made: Scene, budgets: Budgets, calls: int = 1) -> str:
    """What the last of some calls, one after the other, is told."""

    async def main() -> list[Played]:
        return [await made.play(args=ARGS, budgets=budgets) for _ in range(calls)]

    return run_virtual(main())[-1].failure.message


def test_most_is_what_an_attempt_sets_aside() -> None:
    """The figure that the tests below are about."""
    (played,) = play(scene(Player(spent(1, 1))), budgets=flow(1000))
    assert [MOST] == reserved(played)


def test_the_words_of_a_budget_of_money() -> None:
    """The whole, what is left of it after what was spent, and what the call may take."""
    told = refused(scene(Player(spent(60, 40))), flow(450), calls=2)
    assert "the budget of flow main ($0.00045) has $0.00035 left, and this call may take $0.000382" == told


def test_what_fits_exactly_is_made() -> None:
    """A call that may take just what is left is made; a millionth less, and it is not."""
    (played,) = play(scene(Player(spent(1, 1))), budgets=flow(MOST))
    assert "ok" == played.value
    told = refused(scene(Player(spent(1, 1))), flow(MOST - 1))
    assert "the budget of flow main ($0.000381) has $0.000381 left, and this call may take $0.000382" == told


def test_an_overdrawn_budget_has_nothing_left() -> None:
    """Case $4: what was taken too much is not told as less than nothing."""
    told = refused(scene(Player(spent(900, 900))), flow(1000), calls=2)
    assert "the budget of flow main ($0.001) has $0.00 left, and this call may take $0.000382" == told


def test_the_words_of_a_budget_of_tokens() -> None:
    """Tokens are counted, and an answer of any length may take more than can be said."""
    tokens: Budgets = (("main", Budget(tokens=300)),)
    assert "the budget of flow main (300 tokens) has 300 tokens left, and this call may take 382 tokens" == (
        refused(scene(Player(spent(1, 1))), tokens)
    )
    told = refused(scene(Player(spent(1, 1)), max_tokens=None), (("main", Budget(tokens=100)),))
    assert told.startswith("the budget of flow main (100 tokens) has 100 tokens left, and this call may take ")
    assert told.endswith(" tokens and more")


@pytest.mark.parametrize(
    ("most", "words"), [(1, "allows 1 call, and all are made"), (2, "allows 2 calls, and all are")]
)
def test_the_words_of_a_budget_of_calls(most: int, words: str) -> None:
    """How many there are, and that they are made."""
    told = refused(scene(Player(spent(1, 1))), (("main/block", Budget(calls=most)),), calls=most + 1)
    assert told.startswith(f"the budget of step main/block {words}")


def test_the_scope_that_cannot_pay_is_the_limit() -> None:
    """Of two budgets the one that is used up fails; also where what is asked has no price."""
    both: Budgets = (("main/block", Budget(Money(10_000))), ("main", Budget(Money(10))))
    (played,) = play(scene(Player(spent(1, 1))), budgets=both)
    assert ("main", "resource.budget") == (played.failure.limit, played.failure.error)
    unpriced = Scene({"a": Player("x")}, result=JSON, settings={"model": "m"}, action="ask", purse=Purse())
    (played,) = play(unpriced, budgets=both)
    assert ("main/block", "resource.budget") == (played.failure.limit, played.failure.error)


def test_who_queues_is_refused_before_it_queues() -> None:
    """Where calls wait for a turn, a call that cannot be paid any more does not."""
    made = Scene(
        {"a": Player(after(5, spent(1, 1)))},
        result=JSON,
        settings={"model": "m", "max_tokens": 100},
        action="ask",
        purse=Purse({"a": Charge(1_000_000, 1_000_000)}),
        limits={"a": Limit((PerTime(1, s(60)),))},
    )

    async def main() -> tuple[Played, Played, float]:
        first = await made.play(args=ARGS, budgets=flow(MOST + 1))
        begun = CLOCK.monotonic()
        second = await made.play(args=ARGS, budgets=flow(MOST + 1))
        return first, second, CLOCK.monotonic() - begun

    first, second, waited = run_virtual(main())
    assert ("ok", 0.0) == (first.value, waited)
    assert ("main", "resource.budget") == (second.failure.limit, second.failure.error)
    assert "the budget of flow main ($0.000383) has $0.000381 left, and this call may take $0.000382" == (
        second.failure.message
    )
    assert [] == [event for event in second.events if isinstance(event, CallWaits)]


def test_what_is_told_of_a_wait() -> None:
    """Who waits, for which budget, and how long it was; then what is set aside and settled, of which attempt."""
    made = scene(Player(after(0.1234567, spent(2, 3))))

    async def main() -> list[Played]:
        await CLOCK.sleep(s(100))
        calls = [made.play(args=ARGS, budgets=flow(400), path=f"main/a{n}") for n in range(2)]
        return list(await asyncio.gather(*calls))

    _, second = run_virtual(main())
    waits = [event for event in second.events if isinstance(event, CallWaits | CallAdmitted)]
    assert [CallWaits("main/a1", "a", "the budget of flow main", None), CallAdmitted("main/a1", "a", 0.123457)] == waits
    money = [event for event in second.events if isinstance(event, BudgetReserved | BudgetSettled)]
    assert [BudgetReserved("main/a1", 1, MOST, MOST), BudgetSettled("main/a1", 1, 5, 5, False, 0, 1)] == money


@pytest.mark.parametrize("total", [0.25, 3.0])
def test_a_wait_ends_with_the_total_time(total: float) -> None:
    """Case T2: counted from when the call began, late in the loop's time; it was not sent, and is told so."""
    made = scene(Player(after(9, spent(1, 1))), Timeout(total=s(total)))

    async def main() -> tuple[Played, float]:
        await CLOCK.sleep(s(50))
        holder = asyncio.create_task(holds())
        await CLOCK.sleep(s(0))
        begun = CLOCK.monotonic()
        played = await made.play(args=ARGS, budgets=flow(400), path="main/b")
        took = CLOCK.monotonic() - begun
        holder.cancel()
        return played, took

    async def holds() -> None:
        free = Scene(
            {"a": Player(after(9, spent(1, 1)))}, result=JSON, settings={"model": "m", "max_tokens": 100},
            action="ask", purse=made.purse,
        )  # fmt: skip
        await free.play(args=ARGS, budgets=flow(400), path="main/a")

    played, took = run_virtual(main())
    assert (total, "timeout.total") == (round(took, 6), played.failure.error)
    assert [] == made.agents["a"].requests


def test_t2_a_wait_that_is_over_has_sent_nothing() -> None:
    """Case T2: so a write that waited for a budget until its time was over is in no doubt."""
    made = scene(Player(after(9, spent(1, 1))), Timeout(total=s(5)), idempotent=False)
    _, late = play(made, budgets=flow(400), count=2)
    assert ("timeout.total", False) == (late.failure.error, late.failure.in_doubt)


@pytest.mark.parametrize("moment", ["waits", "served"])
def test_x2_who_is_cancelled_leaves_its_turn_to_the_next(moment: str) -> None:
    """Case X2: while it waits, or in the moment in which its turn came: the next one is served, and nothing is kept."""
    made = scene(Player(after(1, spent(1, 1))))

    tasks: list[asyncio.Task[Played]] = []

    def heard(event: Event) -> None:
        if isinstance(event, BudgetSettled) and moment == "served":
            tasks[1].cancel()

    async def main() -> tuple[object, float]:
        for number in range(3):
            path = f"main/a{number}"
            tasks.append(asyncio.create_task(made.play(args=ARGS, budgets=flow(400), heard=heard, path=path)))
        await CLOCK.sleep(s(0.5))
        if moment == "waits":
            tasks[1].cancel()
        await asyncio.wait(tasks)
        assert tasks[1].cancelled()
        return (await tasks[2]).value, CLOCK.monotonic()

    assert ("ok", 2.0) == run_virtual(main())
    assert Amount() == account(made, "main").reserved
    tasks.clear()
    gc.collect()
    kept = [each for each in gc.get_objects() if isinstance(each, Claim)]
    assert [] == [claim for claim in kept if account(made, "main") in claim.accounts]


def test_t8_followers_of_an_attempt_that_is_left_behind_are_told() -> None:
    """Case T8 under `@cache`: a budget around the attempt keeps nobody waiting for it."""

    async def deaf(request: object) -> object:
        end = CLOCK.monotonic() + 100
        while CLOCK.monotonic() < end - 1e-6:
            with suppress(asyncio.CancelledError):
                await CLOCK.sleep(s(end - CLOCK.monotonic()))
        return spent(1, 1)

    player, shared = Player(deaf, after(1, spent(1, 1))), Shared()
    limited = scene(player, Cache(s(3600)), Timeout(s(3)), shared=shared)
    free = scene(player, Cache(s(3600)), shared=shared)

    async def main() -> tuple[object, float]:
        first = asyncio.create_task(limited.play(args=ARGS, budgets=flow(1000)))
        await CLOCK.sleep(s(1))
        second = await free.play(args=ARGS, budgets=flow(1000))
        ended = second.value, CLOCK.monotonic()
        await first
        return ended

    assert ("ok", 9.0) == run_virtual(main())  # 3 s, a grace of 5 s, 1 s


def test_a_deaf_attempt_is_settled_at_once_when_it_is_left() -> None:
    """Case T8: what it may take is spent when its call is over, not when it ends at last; and only once."""

    async def deaf(request: object) -> object:
        end = CLOCK.monotonic() + 100
        while CLOCK.monotonic() < end - 1e-6:
            try:
                await CLOCK.sleep(s(end - CLOCK.monotonic()))
            except asyncio.CancelledError:
                continue
        return spent(1, 1)

    made = scene(Player(deaf), Timeout(attempt=s(10)))

    async def main() -> tuple[Amount, Amount, Amount]:
        task = asyncio.create_task(made.play(args=ARGS, budgets=flow(1000)))
        await CLOCK.sleep(s(14))
        before = account(made, "main").spent
        await CLOCK.sleep(s(2))
        left = account(made, "main").spent
        await task
        return before, left, account(made, "main").spent

    before, left, after_all = run_virtual(main())
    assert (Amount(), Amount(MOST, MOST, 1)) == (before, left)
    assert left == after_all


def test_a_function_that_failed_took_a_call() -> None:
    """What asks no model took one call, whatever became of it, and that is no estimate."""
    made = Scene({"a": Player(Transient("no"))}, purse=Purse())
    (played,) = play(made, budgets=(("main", Budget(calls=5)),))
    (settled,) = [event for event in played.events if isinstance(event, BudgetSettled)]
    assert (0, 0, False, 1) == (settled.money, settled.tokens, settled.is_estimated, settled.calls)
    assert Amount(0, 0, 1) == account(made, "main").spent


def test_of_two_budgets_the_one_that_is_overdrawn_is_told() -> None:
    """Case $4: by how much, though another one still has something."""
    budgets: Budgets = (("main/block", Budget(Money(400))), ("main", Budget(Money(10_000))))
    (played,) = play(scene(Player(spent(500, 500))), budgets=budgets)
    (settled,) = [event for event in played.events if isinstance(event, BudgetSettled)]
    assert (1000, 600) == (settled.money, settled.over)


@pytest.mark.parametrize(
    ("usage", "money"),
    [(Usage(0, 0), 0), (Usage(7, 2), 9), (Usage(7, None), None), (Usage(None, 7), None), (Usage(None, None), None)],
)
def test_where_a_report_leaves_something_out_all_is_taken(usage: Usage, money: int | None) -> None:
    """Case $3: a number that nobody reported may be any, so what was set aside stands."""
    made = scene(Player(Reply("ok", usage)))
    (played,) = play(made, budgets=flow(1000))
    (settled,) = [event for event in played.events if isinstance(event, BudgetSettled)]
    assert (MOST if money is None else money) == settled.money


def test_the_price_of_a_request_is_rounded_up() -> None:
    """Whatever a call takes costs at least a thousandth of what a thousand requests do."""
    assert 3 == Charge(0, 0, 2_001).of(5, 5)
    assert 1 + 1 == Charge(1, 0, 1_000).of(1, 0)
    assert 2 == Charge(1_000_000, 1_000_000).of(1, 1)
    assert 1 == Charge(1, 1).of(1, 1)


def test_an_open_claim_needs_something_to_be_left() -> None:
    """Case $4: an answer of any length may not begin where its request takes all; and it is one call, not two."""
    (played,) = play(scene(Player(spent(1, 1)), max_tokens=None), budgets=flow(MOST - 100))
    assert "resource.budget" == played.failure.error
    assert played.failure.message.endswith("has $0.000282 left, and this call may take $0.000282 and more")
    (played,) = play(scene(Player(spent(1, 1)), max_tokens=None), budgets=flow(MOST - 99))
    assert "ok" == played.value
    (played,) = play(scene(Player(spent(1, 1)), max_tokens=None), budgets=flow(1_000, calls=1))
    assert "ok" == played.value


def test_a_budget_of_tokens_sets_money_aside_too() -> None:
    """What is told of an attempt is all that it may take; no budget of money is overdrawn where there is none."""
    (played,) = play(scene(Player(spent(300, 300))), budgets=(("main", Budget(tokens=500)),))
    money = [event for event in played.events if isinstance(event, BudgetReserved | BudgetSettled)]
    assert [BudgetReserved("main/a0", 1, MOST, MOST), BudgetSettled("main/a0", 1, 600, 600, False, 0, 1)] == money
