"""`@timeout`: `total` for everything a candidate does, `attempt` for each attempt. `idle` is the agents' to watch.

The total is a deadline that the layers inside look at, so one timer per attempt serves both: of two limits that end
in the same tick the outer one is named, by construction (case T4). The timer is our own because `asyncio.timeout` waits
without end for an attempt that does not stop (case T8), and because it is a third faster; a test compares the two.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

from leadflow.plan.plan import AgentCall
from leadflow.plan.policy import Timeout
from leadflow.policies.call import Ask, Candidate, Course, Step
from leadflow.policies.outcomes import is_in_doubt
from leadflow.run.errors import AttemptTimeout, CallError, InternalError, TotalTimeout
from leadflow.run.ports import Answer, Reply


def within_total(inner: Step, total: timedelta) -> Step:
    """Sets the deadline of a candidate. A limit that ends no earlier than what encloses the call is left to that."""
    seconds = total.total_seconds()

    async def bounded(course: Course) -> Answer:
        end = course.ports.clock.monotonic() + seconds
        enclosing = course.order.deadline
        course.deadline = end if enclosing is None or end < enclosing else None
        try:
            return await inner(course)
        finally:
            course.deadline = None

    return bounded


def within_limits(inner: Ask, policy: Timeout, candidate: Candidate, call: AgentCall) -> Ask:
    """One attempt within what `attempt` and the candidate's total time allow (cases T1, T3)."""
    name = candidate.name
    attempt = None if policy.attempt is None else policy.attempt.total_seconds()

    def expired(course: Course, names_total: bool) -> CallError:
        if names_total and policy.total is not None:
            return TotalTimeout(f"{name} took longer than {policy.total.total_seconds():g} s in all")
        return AttemptTimeout(f"an attempt with {name} took longer than {attempt:g} s")

    async def bounded(course: Course) -> Reply:
        limit, names_total = attempt, False
        if course.deadline is not None:
            left = max(0.0, course.deadline - course.ports.clock.monotonic())
            if limit is None or left <= limit:
                limit, names_total = left, True
        if limit is None:
            return await inner(course)

        def leave() -> None:
            error = expired(course, names_total)
            course.fail(name, error)
            repeatable = call.idempotent or course.order.key is not None
            leave_behind(course, error, in_doubt=is_in_doubt(error, repeatable=repeatable))

        timer = Timer(limit, leave, course.ports.grace)
        try:
            with timer:
                reply = await inner(course)
        except CallError:
            if not timer.has_expired:
                raise
        else:
            if not timer.has_expired:
                return reply
        raise expired(course, names_total)

    return bounded


def leave_behind(course: Course, error: CallError, *, in_doubt: bool) -> None:
    """An attempt does not stop: its call ends without it (case T8)."""
    course.why = "it does not stop and is left behind"
    course.order.give_up(course.order.path, course.failure(error, in_doubt=in_doubt))


class Timer:
    """Cancels the task that entered it after a delay, and calls back if that has no effect within a grace.

    Afterwards `has_expired` tells; the exception of its own cancel does not leave it, and one of anybody else does.
    """

    __slots__ = ("_before", "_delay", "_grace", "_handle", "_leave", "_loop", "_task", "has_expired")

    def __init__(self, delay: float, leave: Callable[[], None], grace: timedelta) -> None:
        self._delay = delay
        self._leave = leave
        self._grace = grace
        self.has_expired = False

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        if task is None:
            raise InternalError("a timer outside of a task")
        self._task = task
        self._before = task.cancelling()
        self._handle = self._loop.call_later(self._delay, self._expire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._handle.cancel()
        if not self.has_expired:
            return False
        if self._task.uncancel() > self._before:  # somebody else cancelled too
            if kind is None or not issubclass(kind, asyncio.CancelledError):
                raise asyncio.CancelledError
            return False
        return kind is not None and issubclass(kind, asyncio.CancelledError)

    def _expire(self) -> None:
        self.has_expired = True
        self._task.cancel()
        self._handle = self._loop.call_later(self._grace.total_seconds(), self._leave)
