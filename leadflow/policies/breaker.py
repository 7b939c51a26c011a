"""`@breaker`: who may not call an upstream that keeps failing is told so at once. The decision is in `circuit.py`.

Two layers. `looking` stands before the queue: nobody waits for a call that cannot happen, and who waits when the
breaker opens is woken and turned away. `permitted` stands behind the queue: only there a permit is taken, so that no
probe's permit is held in a queue and a breaker that opened meanwhile is respected.

Before both stands `patient`, for what takes a step back: an undo that is turned away waits until the upstream is tried
again. Nobody else would take the step back, and nothing waits for the undo that a quick failure could help.
"""

import asyncio
from datetime import timedelta

from leadflow.events.model import BreakerMoved, CallAdmitted, CallWaits
from leadflow.plan.policy import PATIENCE
from leadflow.plan.undoing import is_undoing
from leadflow.policies.call import Ask, Course
from leadflow.policies.circuit import Circuit, Permit, Refused
from leadflow.policies.outcomes import Sees, outcome_of
from leadflow.run.errors import BreakerOpen, CallError, InternalError
from leadflow.run.ports import Reply


def patient(inner: Ask, name: str, circuit: Circuit) -> Ask:
    """An attempt of an undo that waits while the breaker is open; it holds no place meanwhile. All others do not.

    Args:
        name: the agent that is asked.
    """
    longest = PATIENCE * circuit.policy.max_recovery.total_seconds()

    async def attempt(course: Course) -> Reply:
        if not is_undoing(course.order.path):
            return await inner(course)
        left = longest
        while True:
            try:
                return await inner(course)
            except BreakerOpen as refused:
                waited = await _waited(course, name, refused, circuit, left)
                if waited is None:
                    raise
                left -= waited

    return attempt


async def _waited(course: Course, name: str, refused: BreakerOpen, circuit: Circuit, left: float) -> float | None:
    """How long it waited for the next probe, in seconds; None: that was not worth it. It never is for an operator's
    word, nor beyond the end. While somebody else's probe is under way nobody knows when the next one may be: then the
    end of that is waited for."""
    remaining = course.remaining()
    most = left if remaining is None else min(left, remaining)
    seconds = None if refused.next_probe is None else refused.next_probe.total_seconds()
    if seconds is None or most <= 0:
        return None
    is_probed = circuit.state == "half_open"
    if not is_probed and (seconds > left or (remaining is not None and seconds >= remaining)):
        return None
    order, clock = course.order, course.ports.clock
    begun = clock.monotonic()
    order.post(CallWaits(order.path, name, f"the breaker of {name}", None if is_probed else round(seconds, 3)))
    waiting = _Waiting(circuit, wants_probe=True)
    try:
        await clock.sleep(timedelta(seconds=min(seconds, most)))
    except asyncio.CancelledError:
        if not waiting.stop():
            raise
    else:
        waiting.stop()
    waited = clock.monotonic() - begun
    order.post(CallAdmitted(order.path, name, round(waited, 6)))
    return waited


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
    return BreakerOpen(refused.why, None if refused.seconds is None else _at_least(refused.seconds))


def _at_least(seconds: float) -> timedelta:
    """So long, or a microsecond longer, since a duration counts microseconds: who comes back a moment too early is
    turned away again, to wait for less than a duration can say, which in virtual time never passes."""
    duration = timedelta(seconds=seconds)
    return duration if duration.total_seconds() >= seconds else duration + timedelta.resolution


def _tell(course: Course, circuit: Circuit) -> None:
    """Each transition once, in order, in the log of the call that first knows of it (case B14). The log of a call that
    was left behind takes nothing any more: then it is the next one that asks."""
    while circuit.moves and not course.is_left:
        move = circuit.moves.pop(0)
        course.order.post(BreakerMoved(course.order.path, circuit.name, move.state, move.why, move.seconds))


class _Waiting:
    """A task that may be woken while it waits: by a cancel that is the breaker's own, and undone by `stop`."""

    __slots__ = ("_before", "_circuit", "_task", "_woken")

    def __init__(self, circuit: Circuit, *, wants_probe: bool = False) -> None:
        task = asyncio.current_task()
        if task is None:
            raise InternalError("a call outside of a task")
        self._task, self._before = task, task.cancelling()
        self._circuit = circuit
        self._woken = False
        circuit.watch(task, self._wake, wants_probe=wants_probe)

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
