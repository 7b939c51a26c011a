"""`@timeout`: which limit ends what, and what is named. The cases T of SPEC.md."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.plan.annotations import ROWS
from leadflow.plan.policy import Fallback, Policy, Retry, Timeout
from leadflow.policies.call import Course
from leadflow.policies.watch import Timer, Watch
from leadflow.run.errors import ConnectionLost
from leadflow.run.ports import Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Player, Scene, after, forever, s


def timed(
    *script: Act,
    attempt: float | None = None,
    total: float | None = None,
    retry: Retry | None = None,
    idempotent: bool = True,
) -> Scene:
    """A call under `@timeout`, perhaps with `@retry`."""
    timeout = Timeout(None if total is None else s(total), None if attempt is None else s(attempt))
    policies = (timeout,) if retry is None else (retry, timeout)
    return Scene({"main": Player(*script)}, policies, idempotent=idempotent)


def test_t1_an_attempt_ends_after_its_time() -> None:
    """T1: the attempt timeout covers all that the agent does."""
    played = timed(after(60), attempt=30).run()
    assert (30.0, "timeout.attempt", "timeout") == (played.seconds, played.failure.error, played.failure.category)
    assert "an attempt with main took longer than 30 s" == played.failure.message


def test_t1_waiting_for_a_slot_is_no_part_of_an_attempt() -> None:
    """T1: a call that queues for 50 s may still take its 30 s."""
    player = Player(after(25))
    scene = Scene({"main": player}, (Timeout(None, s(30)),), slots={"main": 1})

    async def three() -> list[float]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(scene.play()) for _ in range(3)]
        return [task.result().seconds for task in tasks if task.result().value == "late"]

    assert [25.0, 50.0, 75.0] == run_virtual(three())


def test_t2_the_total_time_covers_queueing_waits_and_attempts() -> None:
    """T2: attempts of 3 s with 2 s between them are over after 9 s in all."""
    played = timed(after(3, ConnectionLost("x")), total=9, retry=Retry(9, s(2), 1.0, jitter="none")).run()
    assert (8.0, 2) == (played.seconds, len(played.failure.attempts))
    queue = Scene({"main": Player(after(60))}, (Timeout(s(9)),), slots={"main": 1}, idempotent=False)

    async def two() -> tuple[float, str, bool, int]:
        async with asyncio.TaskGroup() as group:
            group.create_task(queue.limits_held("main", s(20)))
            call = group.create_task(queue.play())
        played = call.result()
        return played.seconds, played.failure.message, played.failure.in_doubt, len(played.failure.attempts)

    assert (9.0, "main was not asked within the total time: 1 call at once", False, 0) == run_virtual(two())


def test_t3_a_later_attempt_gets_what_is_left() -> None:
    """T3: with total 5 s and attempt 3 s the second attempt gets 2 s less the wait, and the error names `total`."""
    played = timed(after(60), total=5, attempt=3, retry=Retry(9, s(1), jitter="none")).run()
    assert (5.0, "timeout.total", "main took longer than 5 s in all") == (
        played.seconds,
        played.failure.error,
        played.failure.message,
    )
    assert [3.0, 1.0] == [attempt.seconds for attempt in played.failure.attempts]
    assert ["timeout.attempt", "timeout.total"] == [attempt.error for attempt in played.failure.attempts]


def test_t4_of_two_limits_in_the_same_tick_the_outer_is_named() -> None:
    """T4: exactly one error, and it is the total's; what encloses the call is named before either."""
    played = timed(after(60), total=5, attempt=5).run()
    assert ("timeout.total", 1) == (played.failure.error, len(played.failure.attempts))
    enclosed = timed(after(7), total=5, attempt=9)
    assert "late" == enclosed.run(deadline=5.0).value  # the kernel ends it, not the call's own total


@pytest.mark.parametrize("error", [TimeoutError("the driver's own"), ConnectionLost("slow")])
def test_t5_an_agents_own_timeout_is_its_own(error: Exception) -> None:
    """T5: a `TimeoutError` from inside is the agent's failure, not our limit."""
    failure = timed(after(1, error), attempt=30).run().failure
    assert failure.error == ("tool.raised" if isinstance(error, TimeoutError) else "network.lost")


def test_t6_who_swallows_the_cancel_has_still_timed_out() -> None:
    """T6: an agent that answers, or fails, after its time has timed out all the same."""

    async def answers(request: Request) -> object:
        try:
            await forever()
        except asyncio.CancelledError:
            return "too late"

    async def fails(request: Request) -> object:
        try:
            await forever()
        except asyncio.CancelledError:
            raise ConnectionLost("closed") from None

    for act in (answers, fails):
        played = timed(act, attempt=2).run()
        assert (2.0, "timeout.attempt") == (played.seconds, played.failure.error)


def test_t6_the_task_is_not_left_cancelled() -> None:
    """T6: after a timeout the call can go on: the next attempt runs to its end."""
    scene = timed(after(60), after(1, "second"), attempt=2, retry=Retry(2, s(1), jitter="none"))
    played = scene.run()
    assert ("second", 4.0) == (played.value, played.seconds)


def test_t8_the_error_comes_after_the_clean_up() -> None:
    """T8: an agent may take its time to clean up."""

    async def tidy(request: Request) -> object:
        try:
            return await forever()
        finally:
            await CLOCK.sleep(s(3))

    played = timed(tidy, attempt=2).run()
    assert (5.0, "timeout.attempt", []) == (played.seconds, played.failure.error, played.given_up)


def test_t8_an_agent_that_does_not_stop_is_left_behind() -> None:
    """T8: after a grace of 5 s the call ends without it, once, and says so."""

    async def deaf(request: Request) -> object:
        for _ in range(4):
            try:
                await CLOCK.sleep(s(100))
            except asyncio.CancelledError:
                continue
        return "at last"

    played = timed(deaf, attempt=2, idempotent=False).run()
    (failure,) = played.given_up
    said = "an attempt with main took longer than 2 s; it does not stop and is left behind"
    assert f"{said}; nobody knows whether it was done" == failure.message
    assert ("timeout.attempt", True) == (failure.error, failure.in_doubt)
    assert 7.0 == failure.attempts[0].seconds


def test_t9_the_idle_limit_is_handed_to_the_agent() -> None:
    """T9: the time between two bytes is known only to who reads them."""
    player = Player(1)
    Scene({"main": player}, (Timeout(None, None, s(7)),)).run()
    assert [s(7)] == [request.idle for request in player.requests]


def test_t10_every_limit_has_a_range() -> None:
    """T10: nothing from zero down and nothing beyond a year passes the check."""
    for name in ("total", "attempt", "idle"):
        (param,) = (param for param in ROWS["timeout"].params if param.name == name)
        assert (timedelta(milliseconds=1), timedelta(days=366)) == (param.low, param.high)


def test_t11_a_limit_beyond_the_enclosing_one_is_left_to_that() -> None:
    """T11: the deadline of a flow ends the call by the kernel's cancel, so no fallback answers it."""
    main, spare = Player(after(60)), Player("spare")
    scene = Scene({"main": main, "spare": spare}, (Timeout(s(30)), Fallback(("spare",))))

    async def cancelled_at_ten() -> None:
        async with asyncio.timeout(10):
            await scene.play(deadline=10.0)

    with pytest.raises(TimeoutError):
        run_virtual(cancelled_at_ten())
    assert [] == spare.requests


def test_a_write_that_timed_out_is_in_doubt() -> None:
    """What was sent and not answered in time may have been done (rule C3)."""
    assert timed(after(9), attempt=1, idempotent=False).run().failure.in_doubt
    assert not timed(after(9), attempt=1).run().failure.in_doubt


# --- the timer against asyncio's own ------------------------------------------------------------------------------

STEPS = st.lists(st.tuples(st.sampled_from(["sleep", "swallow", "tidy"]), st.integers(0, 6)), max_size=4)


async def busy(steps: list[tuple[str, int]], trace: list[str]) -> None:
    """Work that takes a cancel in different ways."""
    for what, seconds in steps:
        try:
            await CLOCK.sleep(s(seconds))
        except asyncio.CancelledError:
            trace.append(f"{what} cancelled")
            if what == "tidy":
                await CLOCK.sleep(s(1))
            if what != "swallow":
                raise
        trace.append(what)


async def ours(steps: list[tuple[str, int]], limit: int, trace: list[str]) -> bool:
    """Under our timer."""
    timer = Timer(CLOCK.monotonic() + limit, Watch(CLOCK, s(1000)), lambda: trace.append("left"))
    try:
        await busy(steps, trace)
    except asyncio.CancelledError:
        if not timer.stop():
            raise
        return True
    return timer.stop()


async def theirs(steps: list[tuple[str, int]], limit: int, trace: list[str]) -> bool:
    """Under `asyncio.timeout`."""
    timer = asyncio.timeout(limit)
    try:
        async with timer:
            await busy(steps, trace)
    except TimeoutError:
        if not timer.expired():
            raise
    return timer.expired()


@given(STEPS, st.integers(1, 8), st.integers(0, 12))
def test_the_timer_agrees_with_asyncio(steps: list[tuple[str, int]], limit: int, cancel: int) -> None:
    """Whatever the work does with a cancel, and whenever somebody else cancels, both end alike at the same time.

    But for one thing: a cancel from outside that the work swallowed is not lost when the time is over too.
    """
    if cancel == limit:
        cancel += 20  # in one tick the order is anybody's

    def end_of(
        under: Callable[[list[tuple[str, int]], int, list[str]], Coroutine[Any, Any, bool]],
    ) -> tuple[tuple[object, int], list[str], float]:
        trace: list[str] = []

        async def main() -> tuple[tuple[object, int], float]:
            task = asyncio.get_running_loop().create_task(under(steps, limit, trace))
            asyncio.get_running_loop().call_later(cancel, task.cancel)
            await asyncio.wait([task])
            ended = "cancelled" if task.cancelled() else task.result()
            return (ended, task.cancelling()), CLOCK.monotonic()

        outcome, when = run_virtual(main())
        return outcome, trace, when

    (ended, cancels), trace, when = end_of(theirs)
    expected = "cancelled" if ended is True and cancels else ended
    assert ((expected, cancels), trace, when) == end_of(ours)


def test_a_cancel_from_outside_wins_over_the_timer() -> None:
    """When both come in one tick, the cancel from outside leaves and the timeout does not."""

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def work() -> None:
            timer = Timer(5.0, Watch(CLOCK, s(5)), lambda: None)
            try:
                await forever()
            finally:
                timer.stop()

        task = loop.create_task(work())
        await CLOCK.sleep(s(1))
        loop.call_at(5.0, task.cancel)
        await asyncio.wait([task])
        assert task.cancelled()

    run_virtual(main())


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_one_watch_serves_all(calls: list[tuple[int, int, int]]) -> None:
    """Whatever begins when and takes how long: each ends at its own time, by itself or by its timer."""

    async def main() -> None:
        watch = Watch(CLOCK, s(5))

        async def one(begin: int, limit: int, takes: int) -> None:
            await CLOCK.sleep(s(begin))
            timer = Timer(CLOCK.monotonic() + limit, watch, lambda: None)
            try:
                await CLOCK.sleep(s(takes + 0.5))
            except asyncio.CancelledError:
                assert takes >= limit
            assert timer.stop() == (takes >= limit)
            assert CLOCK.monotonic() == pytest.approx(begin + min(takes + 0.5, limit))

        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(one(*call))

    run_virtual(main())


@pytest.mark.parametrize("policy", [Retry(3, s(1)), Fallback(("spare",))])
def test_t8_x1_a_call_that_was_left_behind_asks_nobody_any_more(policy: Policy) -> None:
    """T8, X1: when its attempt ends at last its node has failed, and perhaps the run has ended: no further attempt is
    made, and no fallback is asked."""

    async def deaf(_: Request) -> object:
        try:
            return await forever()
        finally:
            await CLOCK.sleep(s(8))

    main, spare = Player(deaf, 7), Player(8)
    scene = Scene({"main": main, "spare": spare}, (policy, Timeout(s(100), s(2))))

    async def later() -> bool:
        task = asyncio.get_running_loop().create_task(scene.play())
        await CLOCK.sleep(s(1000))
        return task.cancelled()

    assert run_virtual(later())
    assert (1, 0) == (len(main.requests), len(spare.requests))


def test_ended_timers_do_not_pile_up() -> None:
    """Twenty thousand calls with a limit of a year leave a small heap behind."""

    async def main() -> int:
        watch = Watch(CLOCK, s(5))
        for _ in range(20_000):
            Timer(CLOCK.monotonic() + 3e7, watch, lambda: None).stop()
        return sum(isinstance(found, Timer) for found in gc.get_objects())

    assert run_virtual(main()) < 500


def test_a_call_that_has_ended_is_not_kept_until_its_time_is_over() -> None:
    """Calls with a limit of a day that end in a second leave nothing of themselves in the watch: else each would keep
    the whole log of its run for that day."""
    scene = timed(after(1, 7), attempt=86_400)

    def courses() -> int:
        gc.collect()
        return sum(isinstance(found, Course) for found in gc.get_objects())

    async def main() -> int:
        before = courses()
        async with asyncio.TaskGroup() as group:
            for _ in range(10):
                group.create_task(scene.play())
        return courses() - before

    assert 0 == run_virtual(main())


def test_a_watch_keeps_its_order_when_it_tidies_up() -> None:
    """After a thousand timers that ended, those under way still end at their times, the earliest first."""

    async def main() -> list[float]:
        watch, ended = Watch(CLOCK, s(5)), []

        async def one(limit: float) -> None:
            timer = Timer(limit, watch, lambda: None)
            try:
                await forever()
            except asyncio.CancelledError:
                assert timer.stop()
                ended.append(CLOCK.monotonic())

        async with asyncio.TaskGroup() as group:
            for number in range(60):
                group.create_task(one(100.0 + 37 * number % 60))
                await CLOCK.sleep(s(0))
                for other in range(20):
                    Timer(50.0 + 13 * other % 20, watch, lambda: None).stop()
        return ended

    assert [100.0 + number for number in range(60)] == run_virtual(main())


def test_a_watch_serves_one_loop_after_the_other() -> None:
    """What was set in a loop that is gone does not hold up the next one."""
    scene = timed(after(60), attempt=30)
    assert [30.0, 30.0] == [scene.run().seconds for _ in range(2)]
    answered = timed(after(1, 7), after(60), attempt=30)
    assert [1.0, 30.0] == [answered.run().seconds for _ in range(2)]
