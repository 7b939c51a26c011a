"""The edges of the breaker's window and of what it tells, exactly: mutants showed that nothing else looks at them."""

import asyncio

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leadflow.events.model import BreakerMoved
from leadflow.plan.policy import Breaker
from leadflow.policies import circuit as machine
from leadflow.policies.breaker import turned_away
from leadflow.policies.circuit import Circuit, Refused, Window
from leadflow.policies.outcomes import Sees
from leadflow.policies.shared import Shared
from leadflow.run.ports import CallOrder
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Played, after, s
from tests.policies.test_breaker import DOWN, SLOW, end, let_in, never, opened, refused, scene, told, where


def test_b2_what_is_old_leaves_and_what_is_recent_stays() -> None:
    """Case B2: of failures at 0, 50 and 100 seconds the first has left when a fourth comes, and the others count."""
    for policy in (Breaker(failures=3), Breaker(ratio=1.0, min_calls=3)):
        circuit = Circuit(policy, "a")
        for now in (0, 50, 100):
            end(circuit, now, Sees.FAILURE)
        assert "closed" == where(circuit)
        end(circuit, 105, Sees.FAILURE)
        assert "open" == where(circuit)


def test_b10_slow_ones_under_way_and_failures_add_up_to_a_ratio() -> None:
    """Case B10: one call has failed, one hangs, two are well: half of four."""
    circuit = Circuit(Breaker(ratio=0.5, min_calls=4, slow=s(5)), "a")
    let_in(circuit, 0)
    for sees in (Sees.FAILURE, Sees.SUCCESS, Sees.SUCCESS):
        end(circuit, 1, sees)
    circuit.look(5, never)
    assert "closed" == where(circuit)
    circuit.look(5.001, never)
    assert ("open", "2 of 4 calls failed within 60 s, counting what took longer than 5 s") == (
        where(circuit),
        circuit.moves[0].why,
    )


def test_b10_a_probe_that_succeeds_too_late_was_too_slow() -> None:
    """Case B10: it is told that it took too long, whatever it came to in the end."""
    for sees, error in ((Sees.SUCCESS, ""), (Sees.FAILURE, "network.lost")):
        circuit = opened(SLOW)
        circuit.leave(let_in(circuit, 30), sees, 36, never, error=error)
        assert "a probe failed (longer than 5 s)" == circuit.moves[-1].why
    circuit = opened(SLOW)
    circuit.leave(let_in(circuit, 30), Sees.FAILURE, 31, never, error="network.lost")
    assert "a probe failed (network.lost)" == circuit.moves[-1].why


def test_of_too_many_outcomes_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only four are kept, the fifth takes the place of the first: the ratio is that of the last ones."""
    monkeypatch.setattr(machine, "MOST", 4)
    window = Window(Breaker(ratio=0.7, min_calls=2))
    for now, failed in ((0, False), (1, False), (2, True), (3, True), (50, False)):
        window.add(now, failed=failed)
    assert window.judge(61.5, 0) is None
    window.add(62, failed=True)
    assert "3 of 4 calls failed within 60 s" == window.judge(62, 0)


def test_who_is_turned_away_is_told_how_long() -> None:
    """To the millisecond below a hundred seconds; the failure carries the time, if anybody knows it."""
    found = refused(opened(SLOW), 2.5)
    assert found.why.endswith(
        "its breaker opened 2.5 s ago, after 2 failures within 60 s, counting what took longer than 5 s; "
        "the next probe is due in 27.5 s"
    )
    assert s(27.5) == turned_away(found).next_probe
    assert turned_away(Refused("an operator decides", None)).next_probe is None


@given(st.floats(0, 100_000))
@example(0.0000004)
def test_who_waits_as_long_as_it_was_told_does_not_come_too_early(seconds: float) -> None:
    """A microsecond too early is turned away again, for less than the shortest duration: in virtual time for ever."""
    told = turned_away(Refused("it is open", seconds)).next_probe
    assert told is not None
    assert seconds <= told.total_seconds() < seconds + 0.000_002


def test_b13_what_an_operator_released_is_closed_for_those_that_come_later_too() -> None:
    """B13: a breaker that is made after the release decides by itself, as those do that were there."""
    shared = Shared()
    upstream = shared.upstream("key", "a")
    early = upstream.breaker(Breaker(failures=1))
    shared.force_open("a", "it is being moved")
    assert "forced_open" == where(early) == where(upstream.breaker(Breaker(failures=2)))
    shared.release("a")
    assert "closed" == where(early) == where(upstream.breaker(Breaker(failures=3)))
    assert "closed" == where(shared.upstream("other", "a").breaker(Breaker()))


def test_b7_successes_of_an_earlier_try_do_not_count() -> None:
    """Case B7: one of two succeeded before it opened again; the next time two have to."""
    circuit = opened(Breaker(failures=1, probes=2))
    end(circuit, 30, Sees.SUCCESS)
    end(circuit, 30, Sees.FAILURE)
    end(circuit, 90, Sees.SUCCESS)
    assert "half_open" == where(circuit)
    end(circuit, 90, Sees.SUCCESS)
    assert ("closed", "the probes succeeded") == (where(circuit), circuit.moves[-1].why)


def test_b10_only_what_runs_becomes_slow() -> None:
    """Case B10: a call that has ended in time is never slow, and one that began later becomes it later."""
    circuit = Circuit(SLOW, "a")
    for _ in range(2):
        end(circuit, 100, Sees.SUCCESS)
    let_in(circuit, 100)
    let_in(circuit, 104)
    circuit.look(109, never)
    assert "closed" == where(circuit)
    circuit.look(109.001, never)
    assert "open" == where(circuit)


def test_b13_a_release_forgets_how_long_it_was_open() -> None:
    """Case B13: after a release the next open time is the first one again."""
    circuit = opened(Breaker(failures=1))
    end(circuit, 30, Sees.FAILURE)
    circuit.force("forced_open", "so")
    circuit.release()
    end(circuit, 99, Sees.FAILURE)
    assert [30, 60, 30] == [move.seconds for move in circuit.moves if move.state == "open"]


def test_b14_a_transition_is_told_before_the_call_goes_on() -> None:
    """Case B14: while a probe is under way its log says so, with its path and the agent of the breaker."""
    seen: list[BreakerMoved] = []
    world = scene(DOWN, lambda request: look(), breaker=Breaker(failures=1))
    played = Played()

    async def look() -> object:
        seen.extend(event for event in played.events if isinstance(event, BreakerMoved))
        return 7

    async def play() -> None:
        await world.play()
        await CLOCK.sleep(s(33))
        order = CallOrder("main/b", {}, None, "run-1", None, played.events.append)
        await world.call(order)

    run_virtual(play())
    assert [BreakerMoved("main/b", "main", "half_open", "the next call tries it", None)] == seen


def test_b14_what_a_look_notices_is_told_by_who_looks() -> None:
    """Cases B10, B14: all places hang; who comes then opens the breaker, tells it, and does not queue."""
    world = scene(after(60), breaker=SLOW, slots=2)

    async def play() -> Played:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(world.play())
            await CLOCK.sleep(s(5.5))
            return await world.play()

    late = run_virtual(play())
    assert (0.0, "resource.breaker") == (late.seconds, late.failure.error)
    assert [("open", "2 failures within 60 s, counting what took longer than 5 s")] == [
        move[:2] for move in told([late])
    ]


def test_b10_slow_ones_need_no_ratio() -> None:
    """Case B10: where only failures in a row count, a call that hangs asks for no ratio."""
    circuit = Circuit(Breaker(failures=5, min_calls=1, slow=s(1)), "a")
    let_in(circuit, 0)
    circuit.look(9, never)
    assert "closed" == where(circuit)


def test_one_probe_is_told_as_one() -> None:
    """Of one probe the words are those of one, of two those of two."""
    for count, tries, ends, awaited in (
        (1, "the next call tries it", "the probe succeeded", "a probe is under way"),
        (2, "the next 2 calls try it", "the probes succeeded", "2 probes are under way"),
    ):
        circuit = Circuit(Breaker(failures=1, probes=count), "a")
        end(circuit, 0, Sees.FAILURE)
        permits = [let_in(circuit, 100) for _ in range(count)]
        assert awaited in refused(circuit, 100).why
        for permit in permits:
            circuit.leave(permit, Sees.SUCCESS, 101, never)
        assert [tries, ends] == [move.why for move in circuit.moves[1:]]


def test_long_times_are_told_without_fractions() -> None:
    """From a hundred seconds on nobody reads them."""
    for seconds, words in ((99.5, "1 failure within 99.5 s"), (100.4, "1 failure within 100 s")):
        circuit = Circuit(Breaker(failures=1, window=s(seconds)), "a")
        end(circuit, 0, Sees.FAILURE)
        assert words == circuit.moves[0].why
