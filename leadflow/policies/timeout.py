"""`@timeout`: `total` for everything a candidate does, `attempt` for each attempt. `idle` is the agents' to watch.

The total is a deadline that the layers inside look at, so one timer per attempt serves both: of two limits that end
in the same tick the outer one is named, by construction (case T4).
"""

from datetime import timedelta
from math import inf

from leadflow.plan.policy import Timeout
from leadflow.policies.call import Candidate, Course, Step
from leadflow.policies.watch import Timer
from leadflow.run.errors import AttemptTimeout, CallError, TotalTimeout
from leadflow.run.ports import Answer


def within_total(inner: Step, total: timedelta) -> Step:
    """Sets the deadline of a candidate. A limit that ends no earlier than what encloses the call is left to that."""
    seconds = total.total_seconds()

    async def bounded(course: Course) -> Answer:
        _, before = course.made_before()
        end = course.ports.clock.monotonic() + max(0.0, seconds - before)
        enclosing = course.order.deadline
        course.deadline = end if enclosing is None or end < enclosing else None
        return await inner(course)

    return bounded


class AttemptLimit:
    """What `attempt` and the candidate's total time allow one attempt, whichever ends first (cases T1, T3)."""

    def __init__(self, policy: Timeout, candidate: Candidate) -> None:
        self._attempt = inf if policy.attempt is None else policy.attempt.total_seconds()
        self._total = inf if policy.total is None else policy.total.total_seconds()
        self._name = candidate.name

    def start(self, course: Course) -> Timer | None:
        """Begin to watch the attempt that begins now; None when nothing limits this one."""
        when, deadline = course.begun + self._attempt, course.deadline
        course.has_last_of_total = deadline is not None and deadline <= when
        if deadline is not None:
            when = min(when, deadline)
        return None if when == inf else Timer(when, course.watch, lambda: self._leave(course))

    def expired(self, course: Course) -> CallError:
        """Of two limits in the same tick the outer is named (case T4)."""
        if course.has_last_of_total:
            return TotalTimeout(f"{self._name} took longer than {self._total:g} s in all")
        return AttemptTimeout(f"an attempt with {self._name} took longer than {self._attempt:g} s")

    def _leave(self, course: Course) -> None:
        error = self.expired(course)
        course.fail(self._name, error)
        course.leave(error)
