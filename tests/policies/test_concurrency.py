"""`@concurrency` of an agent over a port that serves slots well, badly, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from leadflow.plan.policy import Policy, Timeout
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Player, Scene, after, forever, s

TOTAL: tuple[Policy, ...] = (Timeout(s(9)),)


class Odd:
    """Slots whose waiting takes a cancel in its own way."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.held = 0

    def slot(self, key: str, capacity: int) -> AbstractAsyncContextManager[None]:
        """Hold a slot."""
        return self._hold()

    @asynccontextmanager
    async def _hold(self) -> AsyncIterator[None]:
        try:
            await forever()
        except asyncio.CancelledError:
            if self.answer == "raises":
                raise ConnectionResetError("the shared store is gone") from None
            if self.answer == "deaf":
                await CLOCK.sleep(s(1000))
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1


def test_a_slot_that_comes_too_late_is_given_back() -> None:
    """A port that hands out a slot in answer to the cancel gets it back, and the call is over in time."""
    player, limits = Player(7), Odd("gives")
    played = Scene({"main": player}, TOTAL, slots={"main": 1}, limits=limits).run()
    assert (9.0, "timeout.total", 0, []) == (played.seconds, played.failure.error, limits.held, player.requests)
    assert () == played.failure.attempts


def test_a_port_that_fails_is_not_taken_for_a_timeout() -> None:
    """An error of the port itself is a bug or a broken store, and comes out as it is."""
    with pytest.raises(ConnectionResetError):
        Scene({"main": Player(7)}, TOTAL, slots={"main": 1}, limits=Odd("raises")).run()


def test_a_queue_that_does_not_let_go_is_left_behind() -> None:
    """T8: after the grace the call ends; nothing was sent, so nothing is in doubt."""
    scene = Scene({"main": Player(7)}, TOTAL, slots={"main": 1}, limits=Odd("deaf"), idempotent=False)
    (failure,) = scene.run().given_up
    said = "main had none of its 1 slots free within the total time; it does not stop and is left behind"
    assert ("timeout.total", said, False) == (failure.error, failure.message, failure.in_doubt)


def test_a_cancel_in_the_queue_is_a_cancel() -> None:
    """X3: who is told to stop while it queues ends at once, without a failure."""
    scene = Scene({"main": Player(after(60))}, TOTAL, slots={"main": 1})

    async def cancelled() -> tuple[bool, float]:
        async with scene.limits.slot("main", 1):
            call = asyncio.get_running_loop().create_task(scene.play())
            asyncio.get_running_loop().call_later(3, call.cancel)
            await asyncio.wait([call])
        return call.cancelled(), CLOCK.monotonic()

    assert (True, 3.0) == run_virtual(cancelled())


def test_a_slot_within_the_total_time_is_used() -> None:
    """Who gets its slot after 4 of 9 s has 5 s left for the attempt."""
    scene = Scene({"main": Player(after(6))}, TOTAL, slots={"main": 1})

    async def queued() -> tuple[float, list[float]]:
        async with asyncio.TaskGroup() as group:
            group.create_task(scene.limits_held("main", 1, s(4)))
            call = group.create_task(scene.play())
        return call.result().seconds, [attempt.seconds for attempt in call.result().failure.attempts]

    assert (9.0, [5.0]) == run_virtual(queued())
