"""An undo waits for an open breaker, within reason; and what a call that was left behind learns is told by the next."""

import asyncio
from collections.abc import Sequence

import pytest

from leadflow.events.model import BreakerMoved, CallAdmitted, CallWaits
from leadflow.plan.policy import Breaker, Fallback, Limit, PerTime, Policy, Retry, Timeout
from leadflow.plan.undoing import is_undoing
from leadflow.policies.breaker import patient
from leadflow.policies.call import Course, Ports
from leadflow.policies.circuit import Circuit
from leadflow.policies.shared import Shared
from leadflow.policies.watch import Watch
from leadflow.run.adapters import SeededRng
from leadflow.run.errors import BreakerOpen
from leadflow.run.ports import CallOrder, Reply
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Played, Player, Scene, after, s
from tests.policies.test_breaker import DOWN

BREAKER = Breaker(failures=1, recovery=s(30), max_recovery=s(60))
UNDO = "main/paid~undo/paid~undo"


def scene(*script: Act, policies: tuple[Policy, ...] = (), limit: Limit | None = None, spare: bool = False) -> Scene:
    """An agent whose breaker opens with the first failure."""
    agents = {"a": Player(*script)} | ({"b": Player("spare")} if spare else {})
    return Scene(agents, policies, breakers={"a": BREAKER}, limits={} if limit is None else {"a": limit})


def undone(world: Scene, *, total: float | None = None) -> Played:
    """The breaker is opened by a step, and a second later something is taken back."""

    async def play() -> Played:
        await world.play()
        await CLOCK.sleep(s(1))
        deadline = None if total is None else CLOCK.monotonic() + total
        return await world.play(path=UNDO, deadline=deadline)

    return run_virtual(play())


def test_who_takes_something_back() -> None:
    """An undo, and the steps of a flow that one calls; a step of a similar name is none."""
    assert is_undoing("main/paid~undo/paid~undo")
    assert is_undoing("main/all[3]/paid~2~undo/refund/step")
    assert not is_undoing("main/undo")


@pytest.mark.parametrize("limit", [None, Limit((PerTime(100, s(1)),))])
def test_s2_an_undo_waits_until_the_upstream_is_tried_again(limit: Limit | None) -> None:
    """Cases S2, B3: it is the probe; that it waits is told, and how long it was."""
    played = undone(scene(DOWN, "well", limit=limit))
    assert "well" == played.value
    assert 29 <= played.seconds <= 33
    (wait,) = [event for event in played.events if isinstance(event, CallWaits)]
    (admitted,) = [event for event in played.events if isinstance(event, CallAdmitted)]
    assert (UNDO, "a", "the breaker of a") == (wait.path, wait.agent, wait.why)
    assert admitted.waited == pytest.approx(wait.seconds, abs=0.001)
    assert ["half_open", "closed"] == [event.state for event in played.events if isinstance(event, BreakerMoved)]


def test_a_step_does_not_wait() -> None:
    """What takes nothing back is turned away at once."""
    world = scene(DOWN, "well")

    async def play() -> Played:
        await world.play()
        return await world.play()

    played = run_virtual(play())
    assert ("resource.breaker", 0.0) == (played.failure.error, played.seconds)


def test_s4_an_undo_whose_probe_fails_has_failed() -> None:
    """Cases S2, S4: the wait is for an attempt, and the attempts are those of its retry: each waits anew."""
    played = undone(scene(DOWN, DOWN, DOWN))
    assert ("network.connect", 1) == (played.failure.error, len(played.failure.attempts))
    again = undone(scene(DOWN, DOWN, "well", policies=(Retry(2, backoff=s(1), jitter="none"),)))
    assert "well" == again.value
    assert 29 + 58 <= again.seconds <= 33 + 66


def test_an_undo_does_not_wait_beyond_its_time() -> None:
    """Cases T2, R9: when its time ends before the next probe, it is told at once."""
    played = undone(scene(DOWN, "well", policies=(Timeout(total=s(20)),)))
    assert ("resource.breaker", 0.0) == (played.failure.error, played.seconds)
    assert ("resource.breaker", 0.0) == ((at := undone(scene(DOWN, "well"), total=20)).failure.error, at.seconds)


def test_b13_an_operators_word_is_not_waited_for() -> None:
    """Case B13: nobody knows how long it holds."""
    world = scene("well")
    world.shared.force_open("a", "it is being repaired")
    played = run_virtual(world.play(path=UNDO))
    assert ("resource.breaker", 0.0) == (played.failure.error, played.seconds)


@pytest.mark.parametrize("total", [None, 40.0])
def test_b3_an_undo_waits_for_what_comes_of_somebody_elses_probe(total: float | None) -> None:
    """Cases B3, S2: two steps are taken back at once; the second goes on when the probe of the first has ended, however
    long the breaker would wait for a probe that is lost, and within its own time."""
    policies = () if total is None else (Timeout(total=s(total)),)
    world = scene(DOWN, after(2, "well"), policies=policies)

    async def play() -> list[Played]:
        await world.play()
        return await asyncio.gather(*(world.play(path=f"main/paid[{at}]~undo/paid~undo") for at in range(2)))

    first, second = run_virtual(play())
    assert ["well", "well"] == [first.value, second.value]
    assert second.seconds == pytest.approx(first.seconds + 2)
    waits = [event.seconds for event in second.events if isinstance(event, CallWaits)]
    assert (2, None) == (len(waits), waits[1])


def test_b7_an_undo_waits_anew_when_somebody_elses_probe_fails() -> None:
    """Cases B7, S2: the breaker is open again, for longer."""
    world = scene(DOWN, DOWN, "well")

    async def play() -> Sequence[Played]:
        await world.play()
        return await asyncio.gather(*(world.play(path=f"main/paid[{at}]~undo/paid~undo") for at in range(2)))

    first, second = run_virtual(play())
    assert ("network.connect", "well") == (first.failure.error, second.value)
    assert 29 + 58 <= second.seconds <= 33 + 66


def test_b6_an_undo_takes_the_place_of_a_probe_that_says_nothing() -> None:
    """Cases B6, S2: a probe that was cancelled leaves its place to who waits."""
    world = scene(DOWN, after(20, "late"), "well")

    async def play() -> Played:
        await world.play()
        tasks = [asyncio.ensure_future(world.play(path=f"main/paid[{at}]~undo/paid~undo")) for at in range(2)]
        await CLOCK.sleep(s(40))
        tasks[0].cancel()
        return await tasks[1]

    assert ("well", 40.0) == ((second := run_virtual(play())).value, round(second.seconds, 3))


def test_who_is_cancelled_while_it_waits_for_a_probe_is() -> None:
    """The breaker's waking is no cancel, and a cancel is no waking."""
    world = scene(DOWN, after(20, "late"))

    async def play() -> tuple[bool, int]:
        await world.play()
        tasks = [asyncio.ensure_future(world.play(path=f"main/paid[{at}]~undo/paid~undo")) for at in range(2)]
        await CLOCK.sleep(s(40))
        tasks[1].cancel()
        await asyncio.wait(tasks)
        (circuit,) = next(iter(world.shared.upstreams.values())).breakers.values()
        return tasks[1].cancelled(), len(circuit._watchers)

    assert (True, 0) == run_virtual(play())


def test_an_undo_with_another_agent_asks_that() -> None:
    """Cases F1, F4: where a fallback stands behind it nobody waits."""
    played = undone(scene(DOWN, "well", policies=(Fallback(("b",)),), spare=True))
    assert ("spare", 0.0) == (played.value, played.seconds)


def test_an_undo_does_not_wait_for_ever() -> None:
    """It waits twice the longest open time at most: others may keep the breaker open longer than that."""
    asked = list[float]()

    async def closed(course: Course) -> Reply:
        asked.append(CLOCK.monotonic())
        raise BreakerOpen("3 failures", s(50))

    async def play() -> None:
        ports = Ports(CLOCK, SeededRng(1), Shared())
        order = CallOrder(UNDO, {}, None, "run-1", None, lambda event: None)
        with pytest.raises(BreakerOpen):
            await patient(closed, "a", Circuit(BREAKER, "a"))(Course(order, ports, Watch(CLOCK, s(5))))

    run_virtual(play())
    assert [0.0, 50.0, 100.0] == asked


def test_b14_what_a_call_left_behind_learns_is_told_by_the_next() -> None:
    """Case B14: its own log takes nothing any more. The next that asks tells it: once, and in order."""

    async def deaf(request: object) -> object:
        end = CLOCK.monotonic() + 40
        while CLOCK.monotonic() < end - 1e-6:
            try:
                await CLOCK.sleep(s(end - CLOCK.monotonic()))
            except asyncio.CancelledError:
                continue
        raise DOWN

    world = scene(deaf, after(0, "well"), policies=(Timeout(attempt=s(10)),))

    async def play() -> tuple[Played, Played]:
        first = await world.play()
        await CLOCK.sleep(s(60))
        return first, await world.play()

    first, second = run_virtual(play())
    assert "timeout.attempt" == first.given_up[0].error
    assert [] == [event for event in first.events if isinstance(event, BreakerMoved)]
    moves = [event.state for event in second.events if isinstance(event, BreakerMoved)]
    assert ["open", "half_open", "closed"] == moves
