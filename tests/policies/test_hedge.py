"""`@hedge`: when a second attempt begins, which answer counts, and what becomes of the other one."""

import asyncio
import gc
import logging
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from leadflow.events.model import AttemptFailed, AttemptStarted, BudgetReserved, BudgetSettled, CallWaits, Event
from leadflow.plan.policy import Breaker, Budget, Cache, Fallback, Hedge, Limit, PerTime, Policy, Retry, Timeout
from leadflow.plan.types import INT
from leadflow.policies.call import Course, Ports
from leadflow.policies.hedge import hedging
from leadflow.policies.shared import RetryBudget, Shared
from leadflow.policies.watch import Watch
from leadflow.run.adapters import SeededRng
from leadflow.run.errors import ConnectionLost, InternalError, ServerError
from leadflow.run.ports import Answer, CallOrder, Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Played, Player, Scene, after, forever, s

HEDGE = Hedge(s(2))
DOWN = ServerError("down", status=500)
HANGS: Act = lambda _: forever()  # noqa: E731


def hedged(*script: Act, policies: Sequence[Policy] = (HEDGE,), **more: Any) -> tuple[Scene, Player]:
    """A call under `@hedge`, and its agent."""
    player = Player(*script)
    return Scene({"main": player}, policies, **more), player


def of(played: Played, kind: type[Event]) -> list[Event]:
    """The events of a class."""
    return [event for event in played.events if isinstance(event, kind)]


def test_a_quick_answer_needs_no_second_attempt() -> None:
    """Before `after` is over nothing is sent twice and nothing is told."""
    scene, player = hedged(after(1.9, 5))
    played = scene.run()
    assert (5, 1.9, [], 1) == (played.value, played.seconds, played.events, len(player.requests))


def test_the_second_answer_counts_when_it_comes_first() -> None:
    """R5: each request is an attempt with a number of its own; the first one is stopped, and the log shows both."""
    scene, player = hedged(HANGS, after(1, 7))
    played = scene.run()
    assert (7, 3.0) == (played.value, played.seconds)
    assert [0.0, 2.0] == player.at
    assert [1, 2] == [request.attempt for request in player.requests]
    assert [AttemptStarted("main/a", 2, "main")] == played.events
    assert 0 == player.now


def test_the_first_answer_counts_when_it_comes_first() -> None:
    """The second one is stopped, whatever it was about to say."""
    scene, player = hedged(after(3, 5), after(9, 7))
    played = scene.run()
    assert (5, 3.0, 2, 0) == (played.value, played.seconds, len(player.requests), player.now)


def test_both_answers_at_once() -> None:
    """In one tick the first attempt's answer is taken."""
    scene, _ = hedged(after(3, 5), after(1, 7))
    assert 5 == scene.run().value


def test_only_an_answer_that_fits_counts() -> None:
    """B3: the first *validated* success wins; an answer of the wrong type is a failure, the other one is awaited."""
    scene, _ = hedged(after(5, 5), after(1, "seven"), result=INT)
    played = scene.run()
    assert (5, 5.0) == (played.value, played.seconds)
    failed = of(played, AttemptFailed)
    assert [("validation.answer", 2, None, True)] == [
        (event.failure.error, event.failure.attempt, event.delay, event.is_beside)
        for event in failed
        if isinstance(event, AttemptFailed)
    ]


def test_a_failure_before_its_time_is_not_hedged() -> None:
    """A first attempt that fails has failed; what follows is `@retry`'s to say."""
    scene, player = hedged(after(1, DOWN))
    played = scene.run()
    assert ("agent.server", 1.0, 1) == (played.failure.error, played.seconds, len(player.requests))


@pytest.mark.parametrize(("first", "second", "seconds"), [(3, 4, 6.0), (5, 1, 5.0), (3, 1, 3.0)])
def test_both_fail(first: float, second: float, seconds: float) -> None:
    """R19: the last error is that of the two, and both attempts are in it."""
    acts = after(first, ConnectionLost("one")), after(second, ConnectionLost("two"))
    scene, _ = hedged(*acts)
    played = scene.run()
    assert seconds == played.seconds
    assert {"one", "two"} == {attempt.message for attempt in played.failure.attempts}
    assert {1, 2} == {attempt.attempt for attempt in played.failure.attempts}
    assert played.failure.attempts[-1].message == played.failure.message


def test_the_time_runs_from_the_attempt() -> None:
    """Waiting for a turn is no slowness of the upstream: `after` counts from when the first attempt begins."""
    player = Player(after(5, 1), after(1.5, 2))
    scene = Scene({"main": player}, (HEDGE,), limits={"main": Limit(concurrent=1)})

    async def two() -> list[Played]:
        return list(await asyncio.gather(scene.play(), scene.play()))

    assert [1, 2] == [each.value for each in run_virtual(two())]
    assert [0.0, 5.0] == player.at


def test_a_second_attempt_that_has_no_turn_is_not_missed() -> None:
    """The second one waits for its own turn; the call does not wait for that, and says nothing of it."""
    player = Player(after(5, 1))
    scene = Scene({"main": player}, (HEDGE,), limits={"main": Limit(concurrent=1)})
    played = scene.run()
    assert (1, 5.0, 1) == (played.value, played.seconds, len(player.requests))
    assert [] == of(played, CallWaits)


def test_a_failure_does_not_wait_for_a_second_one_that_has_not_begun() -> None:
    """Only an attempt that is under way is waited for."""
    player = Player(after(5, DOWN))
    scene = Scene({"main": player}, (HEDGE,), limits={"main": Limit(concurrent=1)})
    played = scene.run()
    assert ("agent.server", 5.0) == (played.failure.error, played.seconds)


def test_a_refused_second_attempt_is_none() -> None:
    """A breaker that opened meanwhile refuses the second attempt, and the first one decides."""
    player = Player(after(9, 1), DOWN)
    shared = Shared()
    breakers = {"main": Breaker(failures=1)}
    scene = Scene({"main": player}, (HEDGE,), breakers=breakers, shared=shared)
    other = Scene({"main": player}, (), breakers=breakers, shared=shared)

    async def both() -> Played:
        task = asyncio.create_task(scene.play())
        await CLOCK.sleep(s(1))
        assert "agent.server" == (await other.play()).failure.error
        return await task

    played = run_virtual(both())
    assert (1, 9.0, 2) == (played.value, played.seconds, len(player.requests))
    assert [] == of(played, AttemptStarted)


def test_r14_second_attempts_are_further_attempts() -> None:
    """R14: an upstream that hangs gets no more than its retry budget allows, hedges included; successes refill it."""
    player = Player(HANGS)
    scene = Scene({"main": player}, (Hedge(s(1)), Timeout(attempt=s(5))))
    budget = next(iter(scene.shared.upstreams.values())).retries

    async def calls() -> None:
        for _ in range(60):
            await scene.play()

    before = budget.left
    run_virtual(calls())
    assert 60 + before == len(player.requests)
    assert 0 == budget.left


def test_r14_what_was_not_sent_is_given_back() -> None:
    """R14: a second attempt that never begins costs the retry budget nothing; one that helped is worth its price."""
    limited = Scene({"main": Player(after(5, 1))}, (HEDGE,), limits={"main": Limit(concurrent=1)})
    helped, _ = hedged(HANGS, 7)
    for scene in (limited, helped):
        budget = next(iter(scene.shared.upstreams.values())).retries
        before = budget.left
        scene.run()
        assert before == budget.left


def test_a_retry_takes_two_that_failed_as_one() -> None:
    """Hedge stands inside retry (rule C5): two failures are one try, and the next try is hedged again."""
    scene, player = hedged(
        after(3, DOWN), after(3, DOWN), HANGS, after(1, 7), policies=(HEDGE, Retry(2, s(10), max=s(10), jitter="none"))
    )
    played = scene.run()
    assert (7, 5 + 10 + 3.0) == (played.value, played.seconds)
    assert [1, 2, 3, 4] == [request.attempt for request in player.requests]
    assert [(1, None, True), (2, 10.0, False)] == [
        (event.failure.attempt, event.delay, event.is_beside)
        for event in played.events
        if isinstance(event, AttemptFailed)
    ]


def test_each_fallback_is_hedged_anew() -> None:
    """F4: a fallback has its own two attempts."""
    main, other = Player(after(3, DOWN)), Player(HANGS, after(1, 7))
    played = Scene({"main": main, "other": other}, (Fallback(("other",)), HEDGE)).run()
    assert ("other", 7) == (getattr(played.outcome, "agent", None), played.value)
    assert (2, 2) == (len(main.requests), len(other.requests))


def test_a_fallback_that_makes_the_first_attempt_is_in_the_log() -> None:
    """F4: the breaker of the agent is open, so the first attempt of the call is one with another agent."""
    agents = {"main": Player(DOWN), "spare": Player(7)}
    scene = Scene(agents, (HEDGE, Fallback(("spare",))), breakers={"main": Breaker(failures=1, recovery=s(600))})

    async def run() -> list[Played]:
        return [await scene.play(), await scene.play()]

    first, second = run_virtual(run())
    assert ([(2, "spare")], [(1, "spare")]) == (first.attempts, second.attempts)


def test_a_hedged_call_is_cached_once() -> None:
    """The answer that counted is what is remembered."""
    scene, player = hedged(HANGS, after(1, 7), policies=(Cache(s(60)), HEDGE))

    async def two() -> list[object]:
        return [(await scene.play()).value, (await scene.play()).value]

    assert [7, 7] == run_virtual(two())
    assert 2 == len(player.requests)


# --- time ---------------------------------------------------------------------------------------------------------


def test_each_attempt_has_its_own_time() -> None:
    """T1: `attempt:` counts for each of the two from its own beginning."""
    scene, player = hedged(HANGS, HANGS, policies=(HEDGE, Timeout(attempt=s(5))))
    played = scene.run()
    assert ("timeout.attempt", 7.0) == (played.failure.error, played.seconds)
    assert [5.0, 5.0] == [attempt.seconds for attempt in played.failure.attempts]
    assert 0 == player.now


def test_t2_the_total_time_ends_both() -> None:
    """T2, T4: the total time bounds both attempts, and is what the error names."""
    scene, player = hedged(HANGS, policies=(HEDGE, Timeout(s(6), s(5))))
    played = scene.run()
    assert ("timeout.total", 6.0, 2, 0) == (played.failure.error, played.seconds, len(player.requests), player.now)


def test_no_second_attempt_without_time() -> None:
    """A total time that is over before `after` leaves no room for another."""
    scene, player = hedged(HANGS, policies=(HEDGE, Timeout(s(1))))
    assert ("timeout.total", 1) == (scene.run().failure.error, len(player.requests))


# --- what does not stop -------------------------------------------------------------------------------------------


def deaf(seconds: float, act: Act = "late") -> Act:
    """Takes its time whatever it is told."""

    async def wait(request: Request) -> object:
        end = CLOCK.monotonic() + seconds
        while (left := end - CLOCK.monotonic()) > 1e-6:
            with suppress(asyncio.CancelledError):
                await CLOCK.sleep(s(left))
        return act

    return wait


def test_t8_the_loser_is_awaited() -> None:
    """T8: the answer is given when the other attempt has cleaned up, so nothing of the call goes on after it."""
    scene, player = hedged(deaf(6), after(1, 7))
    played = scene.run()
    assert (7, 6.0, 0) == (played.value, played.seconds, player.now)


def test_t8_a_loser_that_does_not_stop_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    """T8: no longer than the grace; it is said in the log, and what it does later changes nothing."""
    scene, player = hedged(deaf(60), after(1, 7))

    async def run() -> Played:
        played = await scene.play()
        await CLOCK.sleep(s(60))
        return played

    with caplog.at_level(logging.WARNING, "leadflow"):
        played = run_virtual(run())
    assert (7, 8.0, 0) == (played.value, played.seconds, player.now)
    assert ["an attempt of main/a does not stop and is left behind"] == [one.getMessage() for one in caplog.records]


def test_t8_one_that_is_left_behind_is_not_forgotten() -> None:
    """T8: it goes on where nothing else knows of it but what it waits for, and may still clean up."""
    waits, ends = list[weakref.ref[asyncio.Future[None]]](), list[str]()

    async def stubborn(request: Request) -> object:
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waits.append(weakref.ref(end))
        while not end.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(end)
        ends.append("clean")
        return "late"

    scene, _ = hedged(stubborn, after(1, 7), grace=s(1))

    async def run() -> object:
        played = await scene.play()
        gc.collect()
        end = waits[0]()
        assert end is not None
        end.set_result(None)
        await CLOCK.sleep(s(1))
        return played.value

    assert (7, ["clean"]) == (run_virtual(run()), ends)


def test_t8_one_that_is_out_of_time_and_does_not_stop_leaves_the_other_alone() -> None:
    """T8: the first one is left behind after its own time and a grace; the second one still answers."""
    scene, player = hedged(deaf(100), after(7.5, 7), policies=(HEDGE, Timeout(attempt=s(8))), grace=s(1))

    async def run() -> Played:
        played = await scene.play()
        await CLOCK.sleep(s(100))
        return played

    played = run_virtual(run())
    assert (7, []) == (played.value, played.given_up)
    assert 0 == player.now


@pytest.mark.parametrize(
    ("script", "more"),
    [((deaf(60), after(1, 7)), ()), ((deaf(100), after(7.5, 7)), (Timeout(attempt=s(8)),))],
    ids=["loser", "out of time"],
)
def test_t8_what_one_that_is_left_behind_set_aside_is_spent(script: Sequence[Act], more: Sequence[Policy]) -> None:
    """$3: each reservation is settled when the call ends, also that of an attempt that does not stop."""
    scene, _ = hedged(*script, policies=(HEDGE, *more, Budget(calls=5)), grace=s(1))
    played = scene.run()
    reserved = [event.attempt for event in of(played, BudgetReserved) if isinstance(event, BudgetReserved)]
    settled = [(one.attempt, one.is_estimated) for one in of(played, BudgetSettled) if isinstance(one, BudgetSettled)]
    assert (7, [1, 2]) == (played.value, reserved)
    assert {(1, True), (2, False)} == set(settled)


def test_t8_two_that_do_not_stop() -> None:
    """T8: when the last of the two is left behind the call ends, as it would with one attempt."""
    scene, player = hedged(deaf(100), policies=(HEDGE, Timeout(attempt=s(5))), grace=s(1))

    played = scene.run()
    assert ["timeout.attempt"] == [failure.error for failure in played.given_up]
    assert 2 == len(player.requests)
    assert 0 == player.now


# --- cancelling ---------------------------------------------------------------------------------------------------


def test_x2_cancel_at_any_moment_leaks_nothing() -> None:
    """X2, L8, B5: cancelled at whatever time, both attempts stop, and every place and permit is given back."""
    for tenths in range(0, 100, 5):
        player = Player(after(6, DOWN), after(5, 7))
        scene = Scene(
            {"main": player},
            (HEDGE, Timeout(s(30), s(20))),
            limits={"main": Limit(concurrent=2)},
            breakers={"main": Breaker(failures=5)},
        )

        async def run(scene: Scene = scene, seconds: float = tenths / 10) -> None:
            task = asyncio.create_task(scene.play())
            await CLOCK.sleep(s(seconds))
            task.cancel()
            await asyncio.wait([task])
            assert {asyncio.current_task()} == asyncio.all_tasks()
            again = await asyncio.gather(scene.play(), scene.play())
            assert all(isinstance(each.outcome, Answer) or each.failure.attempts for each in again)

        run_virtual(run())
        assert 0 == player.now


def test_x3_a_second_cancel_changes_nothing() -> None:
    """X5: who asks twice to stop waits for the clean-up all the same."""
    scene, player = hedged(deaf(10))

    async def run() -> float:
        task = asyncio.create_task(scene.play())
        for _ in range(3):
            await CLOCK.sleep(s(3))
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return CLOCK.monotonic()

    assert 12.0 == run_virtual(run())
    assert 0 == player.now


def test_x1_who_is_told_to_stop_while_one_is_left_behind_ends_as_told() -> None:
    """X1, T8: the call has failed, an attempt of it does not stop, and the run is cancelled: there is one end of that,
    the cancel, when nothing of the call goes on any more."""
    scene, player = hedged(deaf(20), policies=(HEDGE, Timeout(attempt=s(5))), grace=s(1))

    async def run() -> tuple[bool, float]:
        failed = list[Played]()
        task = asyncio.create_task(scene.play())
        task.add_done_callback(lambda done: None if done.cancelled() else failed.append(done.result()))
        await CLOCK.sleep(s(10))
        task.cancel()
        await asyncio.wait([task])
        assert [] == failed
        return task.cancelled(), CLOCK.monotonic()

    assert (True, 22.0) == run_virtual(run())
    assert (2, 0) == (len(player.requests), player.now)


def test_a_bug_in_an_attempt_is_no_failure_of_the_call() -> None:
    """What is no failure passes, and the other attempt is stopped."""

    running: list[int] = []

    async def inner(course: Course) -> Answer:
        course.begin("main", is_fallback=False)
        running.append(course.attempt)
        try:
            await CLOCK.sleep(s(3))
            raise InternalError("a bug")
        finally:
            running.remove(course.attempt)

    async def run() -> None:
        ports = Ports(CLOCK, SeededRng(1), Shared())
        order = CallOrder("main/a", {}, None, "run-1", None, lambda _: None)
        with pytest.raises(InternalError):
            await hedging(inner, HEDGE, RetryBudget())(Course(order, ports, Watch(CLOCK, s(5))))
        assert ([], 3.0) == (running, CLOCK.monotonic())

    run_virtual(run())


def test_the_second_attempt_is_in_the_log() -> None:
    """It begins with the number behind the first one, of the same agent; what failed beside it is told as beside."""
    scene, _ = hedged(after(9, 5), after(1, 7))
    played = scene.run()
    assert (7, [(2, "main")], 3.0) == (played.value, played.attempts, played.seconds)
    failing, _ = hedged(after(3, DOWN), after(5, 7))
    played = failing.run()
    (failed,) = [event for event in played.events if isinstance(event, AttemptFailed)]
    assert (7, 1, True, None) == (played.value, failed.failure.attempt, failed.is_beside, failed.delay)


def test_without_a_second_attempt_nothing_was_earned() -> None:
    """Case R14: a quick answer gives back no further attempt that was never taken."""
    shared = Shared()
    budget = shared.upstream("main", "main").retries
    for _ in range(20):
        budget.take()
    scene, _ = hedged(after(1, 5), shared=shared)
    before = budget.left
    scene.run()
    assert before == budget.left
    slow, _ = hedged(after(9, 5), after(1, 7), shared=shared)
    slow.run()
    assert before == budget.left  # one was taken, and one is earned


def test_the_time_runs_from_when_the_first_attempt_begins() -> None:
    """Waiting for a turn is no slowness: the second attempt begins two seconds after the first one, not the call."""
    scene, player = hedged(after(9, 5), after(1, 7), limits={"main": Limit((PerTime(10, s(1)),), concurrent=2)})

    async def run() -> Played:
        first, second = (asyncio.create_task(scene.limits_held("main", s(4))) for _ in range(2))
        await CLOCK.sleep(s(0))
        played = await scene.play()
        await asyncio.wait([first, second])
        return played

    played = run_virtual(run())
    assert (7, [4.0, 6.0]) == (played.value, player.at)


def test_both_failures_are_those_of_the_last() -> None:
    """Where neither answers, the failure is the one that ended last, and nobody is in doubt about what was refused."""
    scene, _ = hedged(after(3, DOWN), after(5, ConnectionLost("it broke")))
    failure = scene.run().failure
    assert ("network.lost", [1, 2]) == (failure.error, [one.attempt for one in failure.attempts])
