"""What calls of one upstream share: the budget of further attempts."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from leadflow.plan.policy import Retry
from leadflow.policies.shared import RetryBudget, Shared
from leadflow.run.errors import ConnectFailed
from leadflow.run.ports import Answer
from leadflow.testing import run_virtual
from tests.policies.playing import Player, Scene, s

DOWN = ConnectFailed("nobody is there")
RETRY = Retry(4, backoff=s(0.001), jitter="none")


async def _one_by_one(scene: Scene, calls: int) -> int:
    """Make many calls one after the other, and count those that were answered."""
    return sum([isinstance((await scene.play()).outcome, Answer) for _ in range(calls)])


async def _many(scene: Scene, calls: int) -> int:
    """Make many calls at once, and count those that were answered."""
    played = await asyncio.gather(*(scene.play() for _ in range(calls)))
    return sum(isinstance(one.outcome, Answer) for one in played)


def test_sends_to_a_dead_upstream_stay_near_the_calls() -> None:
    """Case R14: with the upstream down, 1,000 calls of up to four attempts send at most 1.1 times and the burst."""
    agent = Player(DOWN)
    assert 0 == run_virtual(_many(Scene({"a": agent}, [RETRY]), 1_000))
    assert 1_000 < len(agent.requests) <= 1_100 + 50


def test_the_error_says_why_no_attempt_follows() -> None:
    """Who gets no further attempt is told that it was not for want of attempts of its own."""
    shared = Shared()
    while shared.upstream("a", "a").retries.take():
        pass
    played = Scene({"a": Player(DOWN)}, [RETRY], shared=shared).run()
    assert (
        "nobody is there; too many attempts have failed: no further one until calls succeed again"
        == played.failure.message
    )


def test_a_first_attempt_is_never_blocked_and_success_earns() -> None:
    """Case R15: an empty budget lets first attempts pass, and ten of their successes earn a further attempt."""
    shared = Shared()
    budget = shared.upstream("a", "a").retries
    while budget.take():
        pass
    agent = Player(*["well"] * 10, DOWN, "again")
    scene = Scene({"a": agent}, [RETRY], shared=shared)
    assert 11 == run_virtual(_many(scene, 11))
    assert 12 == len(agent.requests)


def test_runs_share_an_upstream_by_its_key() -> None:
    """Equal keys share, other keys do not (case B11)."""
    shared = Shared()
    assert shared.upstream("one", "a") is shared.upstream("one", "b")
    assert shared.upstream("one", "a") is not shared.upstream("two", "a")


def test_an_upstream_knows_its_key_and_its_name() -> None:
    """The first to ask names it."""
    shared = Shared()
    upstream = shared.upstream("one", "a")
    shared.upstream("one", "b")
    assert ("one", "a") == (upstream.key, upstream.name)


def taken(budget: RetryBudget) -> int:
    """How many further attempts it still gives."""
    count = 0
    while budget.take():
        count += 1
    return count


def test_the_budget_is_fifty_and_each_success_is_worth_a_tenth() -> None:
    """R14, R15: fifty at first; nine successes earn nothing yet, the tenth does; what was taken comes back as it was;
    and never more than fifty."""
    budget = RetryBudget()
    assert 50 == taken(budget)
    for _ in range(9):
        budget.earn(0)
    assert 0 == taken(budget)
    budget.earn(0)
    assert 1 == taken(budget)
    budget.earn(3)
    assert 3 == taken(budget)
    budget.earn(1_000)
    assert 50 == taken(budget)


def test_a_call_that_succeeds_gives_back_what_it_took() -> None:
    """R15: a call that was well at its third attempt leaves fifty again; one that failed leaves what it took."""
    for script, left in (((DOWN, DOWN, "well"), 50), ((DOWN,), 47)):
        shared = Shared()
        Scene({"a": Player(*script)}, [RETRY], shared=shared).run()
        assert left == taken(shared.upstream("a", "a").retries)
    shared = Shared()
    for _ in range(2):
        shared.upstream("a", "a").retries.take()
    Scene({"a": Player("well")}, [RETRY], shared=shared).run()
    assert 48 == taken(shared.upstream("a", "a").retries)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=400))
def test_no_order_of_events_gives_more(calls: list[tuple[int, bool]]) -> None:
    """Whatever happens in which order, calls that fail took at most the burst and a tenth of the successes."""
    budget, wasted = RetryBudget(), 0
    for wanted, succeeds in calls:
        taken = sum(budget.take() for _ in range(wanted))
        if succeeds:
            budget.earn(taken)
        else:
            wasted += taken
    assert wasted <= 50 + sum(succeeds for _, succeeds in calls) / 10


def test_attempts_that_helped_are_given_back() -> None:
    """An upstream that answers every second time never runs out of further attempts."""
    agent = Player(*[DOWN, "well"] * 500)
    assert 500 == run_virtual(_one_by_one(Scene({"a": agent}, [RETRY]), 500))
