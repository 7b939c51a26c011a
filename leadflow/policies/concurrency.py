"""`@concurrency` of an agent: its calls share slots, first come, first served. Only attempts hold one."""

from contextlib import AsyncExitStack

from leadflow.policies.call import Ask, Candidate, Course
from leadflow.policies.timeout import Timer, leave_behind
from leadflow.run.errors import TotalTimeout
from leadflow.run.ports import Reply


def in_slot(inner: Ask, candidate: Candidate, key: str, capacity: int) -> Ask:
    """An attempt that holds a slot. Waiting for it counts for the total time and not for the attempt's (T1, T2)."""
    name = candidate.name

    async def queued(course: Course) -> Reply:
        slot = course.ports.limits.slot(key, capacity)
        if course.deadline is None:
            async with slot:
                return await inner(course)
        left = max(0.0, course.deadline - course.ports.clock.monotonic())
        timer = Timer(left, lambda: leave_behind(course, _too_late(name, capacity), in_doubt=False), course.ports.grace)
        async with AsyncExitStack() as held:
            with timer:
                await held.enter_async_context(slot)
            if timer.has_expired:
                raise _too_late(name, capacity)
            return await inner(course)

    return queued


def _too_late(name: str, capacity: int) -> TotalTimeout:
    return TotalTimeout(f"{name} had none of its {capacity} slots free within the total time", sent=False)
