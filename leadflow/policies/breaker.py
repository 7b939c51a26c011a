"""`@breaker`: who may not call an upstream that keeps failing is told so at once. The decision is in `circuit.py`.

Two layers. `looking` stands before the queue: nobody waits for a call that cannot happen, and who waits when the
breaker opens is woken and turned away. `permitted` stands behind the queue: only there a permit is taken, so that no
probe's permit is held in a queue and a breaker that opened meanwhile is respected.
"""

import asyncio
from datetime import timedelta

from leadflow.events.model import BreakerMoved
from leadflow.policies.call import Ask, Course
from leadflow.policies.circuit import Circuit, Permit, Refused
from leadflow.policies.outcomes import Sees, outcome_of
from leadflow.run.errors import BreakerOpen, CallError, InternalError
from leadflow.run.ports import Reply


def looking(inner: Ask, circuit: Circuit) -> Ask:
    """An attempt that queues only while it would not be turned away."""

    async def queued(course: Course) -> Reply:
        while True:
            refused = circuit.look(course.ports.clock.monotonic(), course.ports.rng.random)
            _tell(course, circuit)
            if refused is not None:
                raise turned_away(refused)
            waiting = _Waiting(circuit)
            try:
                reply = await inner(course)
            except BaseException as problem:  # what is not the breaker's doing is raised again
                if waiting.stop() and isinstance(problem, asyncio.CancelledError):
                    continue
                raise
            waiting.stop()
            return reply

    return queued


def permitted(inner: Ask, circuit: Circuit) -> Ask:
    """An attempt with a permit, which is given back however it ends (cases B5, B6, B15)."""

    async def attempt(course: Course) -> Reply:
        clock, chance = course.ports.clock, course.ports.rng.random
        circuit.unwatch(asyncio.current_task())
        permit = circuit.enter(clock.monotonic(), chance)
        _tell(course, circuit)
        if not isinstance(permit, Permit):
            raise turned_away(permit)
        sees, error = Sees.UNSEEN, ""
        try:
            reply = await inner(course)
            sees = Sees.SUCCESS
            return reply
        except BaseException as problem:
            sees = outcome_of(problem).sees
            error = problem.error if isinstance(problem, CallError) else ""
            raise
        finally:
            circuit.leave(permit, sees, clock.monotonic(), chance, error=error)
            _tell(course, circuit)

    return attempt


def turned_away(refused: Refused) -> BreakerOpen:
    """The failure of a call that may not be made."""
    return BreakerOpen(refused.why, None if refused.seconds is None else timedelta(seconds=refused.seconds))


def _tell(course: Course, circuit: Circuit) -> None:
    """Each transition once, in order, in the log of the call that first knows of it (case B14)."""
    while circuit.moves:
        move = circuit.moves.pop(0)
        course.order.post(BreakerMoved(course.order.path, circuit.name, move.state, move.why, move.seconds))


class _Waiting:
    """A task that may be woken out of its queue: by a cancel that is the breaker's own, and undone by `stop`."""

    __slots__ = ("_before", "_circuit", "_task", "_woken")

    def __init__(self, circuit: Circuit) -> None:
        task = asyncio.current_task()
        if task is None:
            raise InternalError("a call outside of a task")
        self._task, self._before = task, task.cancelling()
        self._circuit = circuit
        self._woken = False
        circuit.watch(task, self._wake)

    def _wake(self) -> None:
        self._circuit.unwatch(self._task)
        self._woken = True
        self._task.cancel()

    def stop(self) -> bool:
        """Whether it was woken.

        Raises:
            CancelledError: somebody else cancelled the task too.
        """
        self._circuit.unwatch(self._task)
        if not self._woken:
            return False
        if self._task.uncancel() > self._before:
            raise asyncio.CancelledError
        return True
