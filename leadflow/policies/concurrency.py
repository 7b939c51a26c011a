"""`@concurrency` of an agent: its calls share slots, first come, first served. Only attempts hold one."""

import asyncio
from contextlib import AsyncExitStack

from leadflow.policies.call import Ask, Candidate, Course
from leadflow.policies.timeout import leave_behind
from leadflow.policies.watch import Timer
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

        def leave() -> None:
            leave_behind(course, _too_late(name, capacity), in_doubt=False)

        timer = Timer(course.deadline, course.watch, leave)
        async with AsyncExitStack() as held:
            try:
                await held.enter_async_context(slot)
            except BaseException as problem:
                if not timer.stop() or not isinstance(problem, asyncio.CancelledError):
                    raise
                raise _too_late(name, capacity) from None
            if timer.stop():
                raise _too_late(name, capacity)
            return await inner(course)

    return queued


def _too_late(name: str, capacity: int) -> TotalTimeout:
    return TotalTimeout(f"{name} had none of its {capacity} slots free within the total time", sent=False)
