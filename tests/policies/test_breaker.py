"""`@breaker`: when it opens, who gets through, what it sees of each outcome, and that nobody's permit is lost."""

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest

from leadflow.events.model import BreakerMoved
from leadflow.plan.policy import Breaker, Fallback, Policy, Retry, Timeout
from leadflow.plan.types import INT
from leadflow.policies import circuit as machine
from leadflow.policies.circuit import Circuit, Permit, Refused, Window
from leadflow.policies.outcomes import OUTCOMES, Sees
from leadflow.policies.shared import Shared
from leadflow.run.errors import (
    CallError,
    ConnectFailed,
    NotAllowed,
    RateLimited,
    Rejected,
    ServerError,
)
from leadflow.run.ports import Answer, Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Played, Player, Scene, after, forever, s

DOWN = ConnectFailed("nobody is there")
THREE = Breaker(failures=3, window=s(10), recovery=s(30), max_recovery=s(100))
NONE: tuple[Policy, ...] = ()


def never() -> float:
    """No jitter."""
    return 0.0


def opened(policy: Breaker) -> Circuit:
    """A breaker that failures at time 0 have opened."""
    circuit = Circuit(policy, "a")
    while where(circuit) == "closed":
        end(circuit, 0, Sees.FAILURE)
    return circuit


def end(circuit: Circuit, now: float, sees: Sees) -> None:
    """A call that takes no time."""
    circuit.leave(let_in(circuit, now), sees, now, never)


def let_in(circuit: Circuit, now: float) -> Permit:
    """The permit of a call that is let through."""
    permit = circuit.enter(now, never)
    assert isinstance(permit, Permit), permit
    return permit


def refused(circuit: Circuit, now: float) -> Refused:
    """Why a call is not let through."""
    found = circuit.enter(now, never)
    assert isinstance(found, Refused)
    return found


def where(circuit: Circuit) -> str:
    """Its state, as anything that it may become."""
    return circuit.state


def states(circuit: Circuit) -> list[str]:
    """All transitions so far."""
    return [move.state for move in circuit.moves]


# --- opening ------------------------------------------------------------------------------------------------------


def test_b1_a_ratio_needs_enough_calls() -> None:
    """Case B1: nine failures of nine say nothing; the tenth outcome does, whatever it is."""
    for last in (Sees.FAILURE, Sees.SUCCESS):
        circuit = Circuit(Breaker(ratio=0.9), "a")
        for _ in range(9):
            end(circuit, 0, Sees.FAILURE)
        assert "closed" == where(circuit)
        end(circuit, 0, last)
        assert "open" == where(circuit)


def test_b1_a_ratio_is_reached_exactly() -> None:
    """Case B1: three of ten failures are a ratio of 0.3, two are not."""
    for failures, state in ((2, "closed"), (3, "open")):
        circuit = Circuit(Breaker(ratio=0.3), "a")
        for number in range(10):
            end(circuit, number / 10, Sees.FAILURE if number < failures else Sees.SUCCESS)
        assert state == where(circuit)


def test_without_arguments_half_of_ten_calls_open_it() -> None:
    """The default is a ratio of one half; when `failures` is given, only they count."""
    circuit = Circuit(Breaker(), "a")
    for number in range(10):
        end(circuit, 0, Sees.FAILURE if number % 2 else Sees.SUCCESS)
    assert "5 of 10 calls failed within 60 s" == circuit.moves[0].why
    circuit = Circuit(Breaker(failures=11), "a")
    for _ in range(10):
        end(circuit, 0, Sees.FAILURE)
    assert "closed" == where(circuit)


@pytest.mark.parametrize(("at", "state"), [(59.999, "open"), (60.0, "open"), (60.001, "closed")])
@pytest.mark.parametrize("policy", [Breaker(failures=2), Breaker(ratio=1.0, min_calls=2)])
def test_b2_the_window_slides(policy: Breaker, at: float, state: str) -> None:
    """Case B2: an outcome counts for 60 s, the instant of the edge included, and not a tick longer."""
    circuit = Circuit(policy, "a")
    end(circuit, 0, Sees.FAILURE)
    end(circuit, at, Sees.FAILURE)
    assert state == where(circuit)


@pytest.mark.parametrize(("at", "state"), [(59.999, "closed"), (60.0, "closed"), (60.001, "open")])
def test_b2_successes_leave_the_window_too(at: float, state: str) -> None:
    """Case B2: of one success and two failures two thirds fail, of the two failures alone all."""
    circuit = Circuit(Breaker(ratio=0.9, min_calls=2), "a")
    end(circuit, 0, Sees.SUCCESS)
    end(circuit, 30, Sees.FAILURE)
    end(circuit, at, Sees.FAILURE)
    assert state == where(circuit)


def test_memory_is_bounded() -> None:
    """A million outcomes in one window keep the last ten thousand, and the ratio is that of those."""
    window = Window(Breaker(failures=100, ratio=0.5))
    for _ in range(20_000):
        window.add(0, failed=True)
    for _ in range(5_001):
        window.add(1, failed=False)
    kept = [len(times) for times in (window._failures, window._failed, window._well)]
    assert [100, 4_999, 5_001] == kept
    assert "100 failures within 60 s" == window.judge(1, 0)
    assert window.judge(61, 0) is None
    assert machine.MOST == sum(kept[1:])


# --- half open ----------------------------------------------------------------------------------------------------


def test_b3_the_rest_is_told_when_the_next_probe_is() -> None:
    """Case B3: of many callers, as many as there are probes get through; all others learn how long to wait."""
    circuit = opened(Breaker(failures=1, probes=2, recovery=s(30), max_recovery=s(100)))
    told = refused(circuit, 1)
    assert 29.0 == told.seconds
    assert (
        "a is not asked: its breaker opened 1 s ago, after 1 failure within 60 s; the next probe is due in 29 s"
        == told.why
    )
    assert circuit.look(30, never) is None
    let_in(circuit, 30)
    let_in(circuit, 40)
    told = refused(circuit, 41)
    assert 89.0 == told.seconds
    assert told.why.endswith("; 2 probes are under way, and the next is due in 89 s at the latest")
    assert ["open", "half_open"] == states(circuit)


def test_b4_a_late_result_changes_nothing() -> None:
    """Case B4: calls from before the break neither close nor open what is tried again now."""
    circuit = Circuit(Breaker(failures=1), "a")
    early = [let_in(circuit, 0) for _ in range(3)]
    end(circuit, 1, Sees.FAILURE)
    circuit.leave(early[0], Sees.SUCCESS, 2, never)
    assert "open" == where(circuit)
    probe = let_in(circuit, 31)
    circuit.leave(early[1], Sees.SUCCESS, 32, never)
    circuit.leave(early[2], Sees.FAILURE, 33, never)
    assert "half_open" == where(circuit)
    circuit.leave(probe, Sees.SUCCESS, 34, never)
    assert ["open", "half_open", "closed"] == states(circuit)


def test_b4_an_old_failure_does_not_count_after_the_break() -> None:
    """Case B4: what began before the break fails after the recovery, and is not held against it."""
    circuit = Circuit(Breaker(failures=1), "a")
    early = let_in(circuit, 0)
    end(circuit, 1, Sees.FAILURE)
    end(circuit, 31, Sees.SUCCESS)
    circuit.leave(early, Sees.FAILURE, 32, never)
    assert "closed" == where(circuit)


def test_b5_a_cancelled_probe_says_nothing() -> None:
    """Case B5: its permit is free again, and the breaker is neither closed nor opened by it."""
    circuit = opened(Breaker(failures=1))
    end(circuit, 30, Sees.UNSEEN)
    assert "half_open" == where(circuit)
    end(circuit, 31, Sees.IGNORED)
    assert "half_open" == where(circuit)
    end(circuit, 32, Sees.SUCCESS)
    assert "closed" == where(circuit)


def test_b6_a_probe_that_never_comes_back_does_not_keep_it_shut() -> None:
    """Case B6: after `max_recovery` another may try; if the lost one comes back after all, it has told the truth."""
    circuit = opened(Breaker(failures=1, recovery=s(30), max_recovery=s(50)))
    lost = let_in(circuit, 30)
    refused(circuit, 80)
    again = let_in(circuit, 80.001)
    refused(circuit, 80.001)
    circuit.leave(lost, Sees.SUCCESS, 90, never)
    assert "closed" == where(circuit)
    circuit.leave(again, Sees.FAILURE, 91, never)
    assert "closed" == where(circuit)


def test_a_permit_is_given_back_once() -> None:
    """A second report of one call changes nothing."""
    circuit = Circuit(Breaker(failures=2), "a")
    permit = let_in(circuit, 0)
    circuit.leave(permit, Sees.FAILURE, 0, never)
    circuit.leave(permit, Sees.FAILURE, 0, never)
    assert ("closed", 0) == (where(circuit), circuit.out)


def test_b7_each_failed_probe_makes_it_wait_longer() -> None:
    """Case B7: twice as long each time, up to `max_recovery`; when it closes, all is forgotten."""
    circuit = opened(Breaker(failures=2, recovery=s(30), max_recovery=s(100)))
    now = 0.0
    for _ in range(4):
        now += circuit.moves[-1].seconds or 0.0
        end(circuit, now, Sees.FAILURE)
    assert [30, 60, 100, 100, 100] == [move.seconds for move in circuit.moves if move.state == "open"]
    end(circuit, now + 100, Sees.SUCCESS)
    end(circuit, now + 100, Sees.FAILURE)
    assert "closed" == where(circuit)
    end(circuit, now + 100, Sees.FAILURE)
    assert ("open", 30) == (where(circuit), circuit.moves[-1].seconds)


def test_b7_open_times_are_jittered_and_capped() -> None:
    """Case B7: never shorter than stated, at most a tenth longer, and never longer than `max_recovery`."""
    found = []
    for chance, longest in ((0.0, 100), (0.5, 100), (0.999, 100), (0.999, 31)):
        circuit = Circuit(Breaker(failures=1, recovery=s(30), max_recovery=s(longest)), "a")
        circuit.leave(let_in(circuit, 0), Sees.FAILURE, 0, lambda chance=chance: chance)  # type: ignore[misc]
        found.append(circuit.moves[0].seconds)
    assert [30.0, 31.5, pytest.approx(32.997), 31.0] == found


def test_b7_all_probes_have_to_succeed() -> None:
    """Case B7: two of three close nothing, the third does; one failure among them opens it."""
    for third, state in ((Sees.SUCCESS, "closed"), (Sees.FAILURE, "open")):
        circuit = opened(Breaker(failures=1, probes=3))
        for sees in (Sees.SUCCESS, Sees.SUCCESS, third):
            assert "closed" != where(circuit)
            end(circuit, 30, sees)
        assert state == where(circuit)


# --- slow calls ---------------------------------------------------------------------------------------------------

SLOW = Breaker(failures=2, slow=s(5), window=s(60))


def test_b10_a_slow_call_counts_as_failed() -> None:
    """Case B10: five seconds are not too slow, a tick more is."""
    for took, state in ((5.0, "closed"), (5.001, "open")):
        circuit = Circuit(SLOW, "a")
        for permit in [let_in(circuit, 0), let_in(circuit, 0)]:
            circuit.leave(permit, Sees.SUCCESS, took, never)
        assert state == where(circuit)


def test_b10_a_call_under_way_is_seen_as_slow_at_once() -> None:
    """Case B10: two calls hang, and the next that asks is turned away; without them it would not be."""
    for seconds, state in ((5.0, "closed"), (5.001, "open"), (500.0, "open")):
        circuit = Circuit(SLOW, "a")
        let_in(circuit, 0)
        let_in(circuit, 0)
        circuit.look(seconds, never)
        assert state == where(circuit)


def test_b10_a_call_is_slow_once() -> None:
    """Case B10: seen as slow while it runs, it is not counted a second time when it ends."""
    circuit = Circuit(SLOW, "a")
    permit = let_in(circuit, 0)
    circuit.look(10, never)
    circuit.leave(permit, Sees.FAILURE, 20, never)
    assert "closed" == where(circuit)
    end(circuit, 30, Sees.FAILURE)
    assert "open" == where(circuit)


def test_b10_a_slow_probe_has_failed() -> None:
    """Case B10: nobody waits for the end of a probe that hangs."""
    circuit = opened(SLOW)
    probe = let_in(circuit, 30)
    assert "half_open" == where(circuit)
    refused(circuit, 35.5)
    assert ("open", "a probe failed (longer than 5 s)") == (where(circuit), circuit.moves[-1].why)
    circuit.leave(probe, Sees.SUCCESS, 36, never)
    assert "open" == where(circuit)


def test_b10_a_slow_call_that_is_cancelled_was_slow() -> None:
    """It was seen as slow before: the cancel does not make it faster."""
    circuit = Circuit(SLOW, "a")
    for permit in [let_in(circuit, 0), let_in(circuit, 0)]:
        circuit.leave(permit, Sees.UNSEEN, 6, never)
    assert "open" == where(circuit)


# --- operators ----------------------------------------------------------------------------------------------------


def test_b13_an_operator_wins_until_release() -> None:
    """Case B13: opened by hand it stays open for ever, closed by hand whatever fails; then it begins anew."""
    circuit = Circuit(THREE, "a")
    circuit.force("forced_open", "maintenance")
    told = refused(circuit, 1e9)
    assert ("a is not asked: its breaker was opened by an operator: maintenance", None) == (told.why, told.seconds)
    circuit.force("forced_closed", "we know")
    for _ in range(9):
        end(circuit, 0, Sees.FAILURE)
    assert circuit.look(0, never) is None
    circuit.release()
    for _ in range(3):
        end(circuit, 0, Sees.FAILURE)
    assert ["forced_open", "forced_closed", "closed", "open"] == states(circuit)


def test_b13_b14_what_changes_nothing_is_no_transition() -> None:
    """Cases B13, B14: twice the same, or a release of what nobody holds, is not told."""
    circuit = Circuit(THREE, "a")
    circuit.release()
    circuit.force("forced_open", "so")
    circuit.force("forced_open", "so")
    circuit.release()
    circuit.release()
    assert ["forced_open", "closed"] == states(circuit)


def test_b13_by_the_name_of_the_agent() -> None:
    """Case B13: what an operator decides holds for all upstreams of the agent, also for those that come later."""
    shared = Shared()
    early = shared.upstream("one", "shop").breaker(THREE)
    shared.force_open("shop", "maintenance")
    late, other = shared.upstream("two", "shop").breaker(THREE), shared.upstream("three", "desk").breaker(THREE)
    assert ["forced_open", "forced_open", "closed"] == [each.state for each in (early, late, other)]
    shared.force_close("shop", "we know")
    assert "forced_closed" == shared.upstream("one", "shop").breaker(Breaker()).state
    shared.release("shop")
    assert ["closed", "closed"] == [each.state for each in (early, late)]
    assert "closed" == shared.upstream("four", "shop").breaker(THREE).state


# --- around calls -------------------------------------------------------------------------------------------------


def scene(*script: Act, breaker: Breaker = THREE, policies: tuple[Policy, ...] = NONE, slots: int = 0) -> Scene:
    """One agent with a breaker, and a spare."""
    agents = {"main": Player(*script), "spare": Player("spare")}
    return Scene(agents, policies, breakers={"main": breaker}, slots={"main": slots} if slots else {})


async def one_by_one(scene: Scene, calls: int) -> list[Played]:
    """Calls one after the other."""
    return [await scene.play() for _ in range(calls)]


def told(played: list[Played]) -> list[tuple[str, str, float | None]]:
    """The transitions that the calls told, in order."""
    moves = [event for one in played for event in one.events if isinstance(event, BreakerMoved)]
    return [(move.state, move.why, move.seconds) for move in moves]


def asked(scene: Scene, name: str = "main") -> int:
    """How many requests an agent got."""
    return len(scene.agents[name].requests)


def test_b8_calls_that_are_turned_away_count_as_nothing() -> None:
    """Case B8: a hundred of them send nothing and do not lengthen anything; the error says so."""
    world = scene(DOWN)

    async def play() -> tuple[list[Played], Played]:
        many = await one_by_one(world, 103)
        await CLOCK.sleep(s(33))
        return many, await world.play()

    many, late = run_virtual(play())
    assert (["network.connect"] * 3 + ["resource.breaker"] * 100) == [one.failure.error for one in many]
    assert ((), "resource") == (many[3].failure.attempts, many[3].failure.category)
    assert "network.connect" == late.failure.error
    assert 4 == asked(world)
    assert world.shared.upstream("main", "main").breaker(THREE).out == 0


def test_b14_each_transition_is_told_once() -> None:
    """Case B14: in the order in which they happened, by the call that made them."""
    world = scene(DOWN, DOWN, DOWN, DOWN, "well")

    async def play() -> list[Played]:
        played = await one_by_one(world, 5)
        await CLOCK.sleep(s(33))
        played += await one_by_one(world, 1)
        await CLOCK.sleep(s(66))
        return [*played, *await one_by_one(world, 2)]

    played = run_virtual(play())
    (first, second, third, fourth, fifth) = told(played)
    assert ("open", "3 failures within 10 s") == first[:2]
    assert 30 <= (first[2] or 0) <= 33
    assert ("half_open", "the next call tries it", None) == second
    assert ("open", "a probe failed (network.connect)") == third[:2]
    assert ("half_open", "closed") == (fourth[0], fifth[0])
    assert [0, 0, 1, 0, 0, 2, 2, 0] == [len(told([one])) for one in played]


def test_an_open_breaker_is_not_tried_again_and_falls_back() -> None:
    """Case F1: no retry of what is turned away; the fallback answers, and says that it does."""
    world = scene(DOWN, policies=(Retry(9, s(1), jitter="none"), Fallback(("spare",))))

    async def play() -> list[Played]:
        return await one_by_one(world, 2)

    first, second = run_virtual(play())
    assert ("spare", "spare") == (first.value, second.value)
    assert (7.0, 0.0) == (first.seconds, second.seconds)
    assert (3, 2) == (asked(world), asked(world, "spare"))
    assert [(1, "spare")] == second.attempts
    assert isinstance(second.outcome, Answer)
    assert "spare" == second.outcome.agent


def test_a_fallback_enters_its_own_breaker() -> None:
    """Case F4: when both are down, both are turned away, each by its own."""
    world = scene(DOWN, policies=(Fallback(("spare",)),))
    world.agents["spare"].script = (ServerError("it fails", status=500),)
    world.breakers = {"main": THREE, "spare": Breaker(failures=5)}
    world.__post_init__()
    played = run_virtual(one_by_one(world, 9))
    assert (3, 5) == (asked(world), asked(world, "spare"))
    assert "main: main is not asked: " in played[-1].failure.message
    assert "spare: spare is not asked: " in played[-1].failure.message


@pytest.mark.parametrize("kind", OUTCOMES, ids=lambda kind: kind.__name__)
def test_b9_what_is_seen_of_each_error(kind: type[CallError]) -> None:
    """Case B9: 429, refusals and limits of our own never open it; what is down does. The table of outcomes decides."""
    error: CallError = kind("x")
    world = scene(error)
    run_virtual(one_by_one(world, 5))
    assert (3 if OUTCOMES[kind].sees is Sees.FAILURE else 5) == asked(world)


def test_b9_only_successes_make_a_ratio_smaller() -> None:
    """Case B9: 4xx counts as alive, a 429 as nothing at all."""
    half = Breaker(ratio=0.5, min_calls=4)
    for calm, opens in ((Rejected("no"), False), (RateLimited("later"), True), (NotAllowed("never"), True)):
        world = scene(*[calm] * 5, DOWN, breaker=half)
        run_virtual(one_by_one(world, 9))
        assert opens == (world.shared.upstream("main", "main").breaker(half).state == "open")


def test_an_answer_of_the_wrong_type_is_an_answer() -> None:
    """Output that does not fit its type says that the upstream is alive."""
    world = Scene({"main": Player("text")}, breakers={"main": THREE}, result=INT)
    assert ["validation.answer"] * 9 == [one.failure.error for one in run_virtual(one_by_one(world, 9))]


def test_attempts_of_one_call_are_seen_one_by_one() -> None:
    """The breaker stands inside of retry: three attempts of one call open it."""
    world = scene(DOWN, policies=(Retry(3, s(0.1)),))
    (first, second) = run_virtual(one_by_one(world, 2))
    assert ("network.connect", "resource.breaker") == (first.failure.error, second.failure.error)


def test_b5_the_end_of_what_encloses_a_call_is_not_seen() -> None:
    """A total timeout and a cancel give the permit back and count for nothing."""
    world = scene(after(60), policies=(Timeout(s(5)),))

    async def play() -> int:
        for _ in range(9):
            assert "timeout.total" == (await world.play()).failure.error
        for _ in range(9):
            call = asyncio.get_running_loop().create_task(world.play())
            await CLOCK.sleep(s(1))
            call.cancel()
            await asyncio.wait([call])
            assert call.cancelled()
        return world.shared.upstream("main", "main").breaker(THREE).out

    assert 0 == run_virtual(play())
    assert 18 == asked(world)


def test_an_attempt_that_takes_too_long_is_seen() -> None:
    """An attempt timeout is the upstream's failure."""
    world = scene(after(60), policies=(Timeout(attempt=s(2)),))
    played = run_virtual(one_by_one(world, 4))
    assert ["timeout.attempt"] * 3 + ["resource.breaker"] == [one.failure.error for one in played]


def test_b10_hanging_calls_open_it_for_the_next() -> None:
    """Case B10: two calls hang for a minute; after five seconds nobody follows them."""
    world = scene(after(60), breaker=SLOW)

    async def play() -> Played:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(world.play())
            await CLOCK.sleep(s(5.5))
            late = await world.play()
        return late

    assert "resource.breaker" == run_virtual(play()).failure.error
    assert 2 == asked(world)


# --- queues -------------------------------------------------------------------------------------------------------


def test_who_waits_when_it_opens_is_turned_away_at_once() -> None:
    """One place, three failures of a second each: at the third, all who queue are woken and rejected."""
    world = scene(after(1, DOWN), slots=1)

    async def play() -> list[Played]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(world.play()) for _ in range(9)]
        return [task.result() for task in tasks]

    played = run_virtual(play())
    assert ([1.0, 2.0, 3.0] + [3.0] * 6) == [one.seconds for one in played]
    assert (["network.connect"] * 3 + ["resource.breaker"] * 6) == [one.failure.error for one in played]
    assert 3 == asked(world)


def test_an_operator_wakes_those_who_wait() -> None:
    """Opened by hand while one call is under way and two wait: the one is let finish, the others fail at once."""
    world = scene(after(60), slots=1)

    async def play() -> list[Played]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(world.play()) for _ in range(3)]
            await CLOCK.sleep(s(5))
            world.shared.force_open("main", "maintenance")
        return [task.result() for task in tasks]

    played = run_virtual(play())
    assert [60.0, 5.0, 5.0] == [one.seconds for one in played]
    assert [("forced_open", "an operator: maintenance", None)] == told(played)
    assert "main is not asked: its breaker was opened by an operator: maintenance" == played[2].failure.message


def test_who_is_woken_and_not_refused_queues_anew() -> None:
    """An operator opens it and lets go in the same instant: those who wait still get their turn."""
    world = scene(after(10), slots=1)

    async def play() -> list[Played]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(world.play()) for _ in range(3)]
            await CLOCK.sleep(s(5))
            world.shared.force_open("main", "oh")
            world.shared.release("main")
        return [task.result() for task in tasks]

    assert [10.0, 20.0, 30.0] == sorted(one.seconds for one in run_virtual(play()))


def test_x3_a_cancel_in_the_queue_is_a_cancel() -> None:
    """Case X3: cancelled and woken in one instant, in either order, a call ends as cancelled."""

    async def play(cancel_first: bool) -> bool:
        world = scene(after(60), slots=1)
        async with asyncio.TaskGroup() as group:
            group.create_task(world.play())
            call = asyncio.get_running_loop().create_task(world.play())
            await CLOCK.sleep(s(5))
            if cancel_first:
                call.cancel()
            world.shared.force_open("main", "oh")
            if not cancel_first:
                call.cancel()
            await asyncio.wait([call])
        return call.cancelled()

    assert run_virtual(play(True))
    assert run_virtual(play(False))


def test_t2_the_total_time_bounds_the_queue_before_a_breaker() -> None:
    """Case T2: a call whose time is over while it waits says so; the breaker has nothing to do with it."""
    world = scene(after(60), policies=(Timeout(s(7)),), slots=1)

    async def play() -> list[Played]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(world.play()) for _ in range(2)]
        return [task.result() for task in tasks]

    assert [(7.0, "timeout.total")] * 2 == [(one.seconds, one.failure.error) for one in run_virtual(play())]
    assert 0 == world.shared.upstream("main", "main").breaker(THREE).out


def test_no_probe_waits_in_a_queue() -> None:
    """Row 10: a permit is taken behind the queue. A breaker that opened meanwhile is respected there too."""
    world = scene(after(20, DOWN), DOWN, breaker=Breaker(failures=1, recovery=s(15)), slots=1)

    async def play() -> list[str]:
        first = asyncio.get_running_loop().create_task(world.play())
        await CLOCK.sleep(s(1))
        queued = asyncio.get_running_loop().create_task(world.play())
        await CLOCK.sleep(s(1))
        breaker = world.shared.upstream("main", "main").breaker(world.breakers["main"])
        assert 1 == breaker.out
        return [(await task).failure.error for task in (first, queued)]

    assert ["network.connect", "resource.breaker"] == run_virtual(play())


# --- nothing is lost ----------------------------------------------------------------------------------------------


class Strange(CallError):
    """An error of a stranger whose own code fails when it is looked at."""

    @property
    def sent(self) -> bool:
        """Whether it was sent."""
        raise ZeroDivisionError

    @sent.setter
    def sent(self, value: bool) -> None:
        pass


def test_b15_errors_in_foreign_code_are_no_failures_and_leak_nothing() -> None:
    """Case B15: an error that cannot even be looked at is raised, is not counted, and its permit is given back."""
    world = scene(Strange("x"))

    async def play() -> int:
        for _ in range(9):
            with pytest.raises(ZeroDivisionError):
                await world.play()
        return world.shared.upstream("main", "main").breaker(THREE).out

    assert 0 == run_virtual(play())
    assert 9 == asked(world)


def test_x2_a_cancel_at_every_moment_leaks_no_permit() -> None:
    """Cases X2, B5, B6: five calls through an open, half open and closing breaker, the third cancelled at each
    eighth of a second of its life: afterwards no permit is out, nobody watches, and a call gets through again.
    """

    def script() -> Iterator[Act]:
        for number in count():
            yield after(0.5, DOWN if number % 3 == 0 else number)

    for eighth in range(1, 80):
        acts = script()
        world = scene(*[next(acts) for _ in range(40)], breaker=Breaker(failures=1, recovery=s(1)), slots=2)

        async def play(world: Scene = world, eighth: int = eighth) -> tuple[int, int, bool]:
            loop = asyncio.get_running_loop()
            calls = []
            for number in range(5):
                calls.append(loop.create_task(world.play()))
                if number == 2:
                    loop.call_later(eighth / 8, calls[-1].cancel)
                await CLOCK.sleep(s(0.3))
            await asyncio.wait(calls)
            breaker = world.shared.upstream("main", "main").breaker(world.breakers["main"])
            await CLOCK.sleep(s(600))
            ended = await one_by_one(world, 3)
            return breaker.out, len(breaker._watchers), any(isinstance(one.outcome, Answer) for one in ended)

        assert (0, 0, True) == run_virtual(play())


def test_b11_upstreams_have_breakers_of_their_own() -> None:
    """Case B11: another credential is another upstream: its breaker stays closed. Runs share the one they share."""
    shared = Shared()
    for _ in range(2):
        run_virtual(one_by_one(Scene({"main": Player(DOWN)}, breakers={"main": THREE}, shared=shared), 2))
    assert "open" == shared.upstream("main", "main").breaker(THREE).state
    assert "closed" == shared.upstream("another credential", "main").breaker(THREE).state


def test_b12_the_wall_clock_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case B12: a day forward or back opens, closes and extends nothing."""
    world = scene(DOWN)

    async def play() -> list[str]:
        found = [(await world.play()).failure.error for _ in range(4)]
        for jump in (86_400, -86_400):
            monkeypatch.setattr(CLOCK, "timestamp", lambda jump=jump: CLOCK.monotonic() + jump)
            found.append((await world.play()).failure.error)
        return found

    assert ["network.connect"] * 3 + ["resource.breaker"] * 3 == run_virtual(play())


def test_agents_without_a_breaker_never_look() -> None:
    """A call of an agent without `@breaker` makes none, whatever stands on the others."""
    world = Scene({"main": Player(DOWN), "spare": Player(1)}, (Retry(2, s(1)),), breakers={"spare": THREE})
    run_virtual(one_by_one(world, 5))
    assert {} == world.shared.upstream("main", "main").breakers


async def hang(request: Request) -> object:
    """Wait for a cancel."""
    return await forever()


def test_a_probe_left_behind_by_its_deadline_gives_its_permit_back() -> None:
    """Case B6: a probe whose call ends by its own timeout is free for the next."""
    world = scene(DOWN, DOWN, DOWN, hang, "well", policies=(Timeout(s(5)),))

    async def play() -> list[str]:
        found = [one.failure.error for one in await one_by_one(world, 3)]
        await CLOCK.sleep(s(33))
        found.append((await world.play()).failure.error)
        found.append(str((await world.play()).value))
        return found

    assert ["network.connect"] * 3 + ["timeout.total", "well"] == run_virtual(play())
    assert "closed" == world.shared.upstream("main", "main").breaker(THREE).state
