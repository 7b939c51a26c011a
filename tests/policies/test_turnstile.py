"""Where calls wait for their turn: what wakes whom, and that nothing is left behind, whatever ends a wait."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from leadflow.events.model import CallAdmitted, CallWaits, Event
from leadflow.plan.policy import Limit, PerTime
from leadflow.policies.admission import Admission, Ended
from leadflow.policies.turnstile import Turnstile
from leadflow.run.errors import TotalTimeout
from leadflow.run.ports import CallOrder
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, s

SAME_TICK = 5e-10
"""Seconds so few that two timers ring in one tick."""


@dataclass
class Door:
    """A turnstile, and what its calls did."""

    turnstile: Turnstile
    began: list[float] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What the loop was told of callbacks that failed."""

    async def call(
        self, takes: float, *, total: float | None = None, path: str = "main/a", pause: float | None = None
    ) -> None:
        """Wait for a turn, and hold it so long; then the upstream asks for a pause."""
        order = CallOrder(path, {}, None, "run-1", None, self.events.append)
        deadline = None if total is None else CLOCK.monotonic() + total
        ticket = await self.turnstile.enter(order, "fast", tokens=0, deadline=deadline, clock=CLOCK)
        self.began.append(round(CLOCK.monotonic(), 3))
        try:
            await CLOCK.sleep(s(takes))
        finally:
            self.turnstile.leave(ticket, CLOCK, Ended(None, pause=None if pause is None else s(pause)))

    def waits(self, path: str) -> list[tuple[str, float | None]]:
        """What was told of the wait of a call."""
        told = [event for event in self.events if isinstance(event, CallWaits) and event.path == path]
        return [(event.why, event.seconds) for event in told]

    def begin(self, takes: float, *, total: float | None = None) -> "asyncio.Task[None]":
        """The same beside others."""
        return asyncio.create_task(self.call(takes, total=total))

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Do it in virtual time; afterwards nobody waits and nothing is under way."""

        async def watched() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: self.wrong.append(context["message"]))
            await main

        run_virtual(watched())
        assert ([], 0, 0) == (self.wrong, self.turnstile.admission.waiting, self.turnstile.admission.under_way)


def door(*rates: tuple[int, float], places: int | None = None) -> Door:
    """So many calls in so many seconds, and so many at once."""
    limit = Limit(tuple(PerTime(amount, s(seconds)) for amount, seconds in rates))
    return Door(Turnstile(Admission("fast", limit, places)))


def test_the_next_is_let_in_while_the_one_before_is_under_way() -> None:
    """Its start is counted when it begins: from then on the time of the next one is known."""
    at = door((1, 10.0))

    async def main() -> None:
        await asyncio.gather(at.call(100), at.call(100), at.call(100))

    at.run(main())
    assert [0.0, 10.1, 20.2] == at.began


def test_what_is_told_of_a_wait() -> None:
    """Who waits, for whom, for what and how long at least, to the millisecond; and how long it was."""
    at = door((1, 1.0))

    async def main() -> None:
        await at.call(0)
        await CLOCK.sleep(s(0.123456))
        await at.call(0, path="main/b")

    at.run(main())
    waits = [event for event in at.events if isinstance(event, CallWaits)]
    assert [CallWaits("main/b", "fast", "1 per second", 0.887)] == waits
    assert [CallAdmitted("main/b", "fast", 0.886544)] == [e for e in at.events if isinstance(e, CallAdmitted)]


def test_who_is_first_tells_what_it_waits_for_now() -> None:
    """A place was what it waited for, and is free: it is the upstream that wants a pause. Short waits are not told."""
    at = door(places=1)

    async def main() -> None:
        calls = at.call(1, pause=30), at.call(1, path="main/b", pause=0.5), at.call(1, path="main/c")
        await asyncio.gather(*calls)

    at.run(main())
    assert [("1 call at once", None), ("the upstream asks for it", 30.0)] == at.waits("main/b")
    assert [("1 call at once", None)] == at.waits("main/c")


def test_who_is_first_tells_that_it_takes_longer() -> None:
    """Others went before, and took what was to be free by then."""
    at = door((1, 8.0))

    async def main() -> None:
        await asyncio.gather(*(at.call(0, path=f"main/{name}") for name in "abc"))

    at.run(main())
    assert [("1 per 8s", 8.08)] == at.waits("main/b")
    assert [("1 per 8s", 8.08)] * 2 == at.waits("main/c")


def test_the_total_time_of_a_wait() -> None:
    """It runs from when it was begun, also when that is less than a second, and later than when the loop began."""
    at = door(places=1)

    async def main() -> None:
        await CLOCK.sleep(s(20))
        holder = at.begin(10)
        await CLOCK.sleep(s(0))
        try:
            await at.call(1, total=0.25)
        except TotalTimeout as problem:
            assert "fast was not asked within the total time: 1 call at once" == problem.message
        assert 20.25 == round(CLOCK.monotonic(), 6)
        await holder

    at.run(main())
    assert [20.0] == at.began


def test_what_took_too_long_is_what_it_waited_for() -> None:
    """Of two limits the one that it met, not the one that the next caller would meet."""
    at = door((1, 1.0), (2, 60.0))

    async def main() -> None:
        holder = at.begin(1)
        await CLOCK.sleep(s(0))
        try:
            await at.call(0, total=0.5)
        except TotalTimeout as problem:
            assert "fast was not asked within the total time: 1 per second" == problem.message
        await holder

    at.run(main())
    assert [0.0] == at.began


def test_nobody_waits_in_vain() -> None:
    """T2, R9: where it is certain that the turn would come too late, the call fails at once, and nothing is told of a
    wait; where the turn comes in time, it waits."""
    at = door((1, 10.0))
    told: list[tuple[str, float]] = []

    async def main() -> None:
        await at.call(0)
        for total in (10.09, 10.11):
            try:
                await at.call(0, total=total)
            except TotalTimeout as problem:
                told.append((problem.message, CLOCK.monotonic()))

    at.run(main())
    vain = "fast is not asked: it would wait 10.1 s or more (1 per 10s), and 10.09 s of its time are left"
    assert ([(vain, 0.0)], [0.0, 10.1]) == (told, at.began)
    assert [("1 per 10s", 10.1)] == at.waits("main/a")


def test_a_wait_that_becomes_vain_ends() -> None:
    """T2: a start under way may still be taken off, so whoever waits for it is turned away when it has ended; and so is
    who learns that the upstream asks for a longer pause than there is time, but nobody else."""
    at = door((2, 60.0), places=1)
    late: list[float] = []

    async def short() -> None:
        try:
            await at.call(0, total=20)
        except TotalTimeout:
            late.append(CLOCK.monotonic())

    async def main() -> None:
        calls = [at.begin(1), at.begin(2)]
        await CLOCK.sleep(s(0))
        await asyncio.gather(*calls, short(), short(), at.call(0))
        at.turnstile = door(places=1).turnstile
        await asyncio.gather(at.call(1, pause=30), short())

    at.run(main())
    assert ([3.0, 3.0, 61.6], [0.0, 1.0, 60.6, 60.6]) == ([round(one, 3) for one in late], at.began)


def test_l3_a_place_that_comes_as_the_time_is_over_is_given_back_once() -> None:
    """L3: the call before ends in the tick in which a wait is too long: the place goes to who comes next."""
    at = door(places=1)

    async def main() -> None:
        first = at.begin(1)
        await CLOCK.sleep(s(0))
        late, other = at.begin(1, total=1 + SAME_TICK), at.begin(1)
        done = await asyncio.gather(first, late, other, return_exceptions=True)
        assert [type(None), TotalTimeout, type(None)] == [type(one) for one in done]
        assert 0 == at.turnstile.admission.under_way
        await asyncio.gather(at.call(1), at.call(1))

    at.run(main())
    assert [0.0, 1.0, 2.0, 3.0] == at.began


def test_l3_a_time_that_is_over_as_the_turn_comes() -> None:
    """L3: who was let in in the tick in which its wait is too long has its turn."""
    at = door((1, 1.0))

    async def main() -> None:
        await at.call(0)
        await at.call(0, total=1.01 + SAME_TICK)

    at.run(main())
    assert [0.0, 1.01] == at.began


def test_l3_a_cancel_as_the_turn_comes() -> None:
    """L3: a turn that nobody takes any more goes to the next one."""
    at = door(places=1)

    async def main() -> None:
        first = at.begin(1)
        await CLOCK.sleep(s(0))
        second, third = at.begin(1), at.begin(1)
        await CLOCK.sleep(s(0.5))
        first.cancel()
        await CLOCK.sleep(s(0))
        second.cancel()
        done = await asyncio.gather(first, second, third, return_exceptions=True)
        assert [asyncio.CancelledError, asyncio.CancelledError, type(None)] == [type(one) for one in done]

    at.run(main())
    assert [0.0, 0.5] == at.began


def test_who_comes_after_the_last_has_gone_is_woken() -> None:
    """The timer of one that waited no longer is not taken for the next one's."""
    at = door((1, 1.0))

    async def main() -> None:
        await at.call(0)
        gone = at.begin(0)
        await CLOCK.sleep(s(0.5))
        gone.cancel()
        await asyncio.wait([gone])
        await at.call(0)

    at.run(main())
    assert [0.0, 1.01] == at.began
