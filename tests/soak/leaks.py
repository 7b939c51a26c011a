"""What may not be left when nothing runs: tasks, timers, slots, waiters, permits, reservations, memory by type."""

import asyncio
import gc
from collections import Counter, deque
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

from leadflow.policies.shared import Shared

Future: TypeAlias = "asyncio.Future[Any]"

SLACK_SHARE, SLACK = 0.05, 200
"""By how much the number of objects of a type may differ between two quiet moments: by this share, or by so many."""


def tasks_left(*, but: int = 1) -> Iterator[str]:
    """Tasks that nobody ends, beside so many of the caller's."""
    tasks = asyncio.all_tasks()
    if len(tasks) > but:
        yield f"{len(tasks) - but} tasks are left: {sorted(task.get_name() for task in tasks)[:5]}"


def timers(loop: asyncio.AbstractEventLoop) -> list[asyncio.TimerHandle]:
    """What the loop still has to call, by now or later."""
    scheduled: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]
    return [handle for handle in scheduled if not handle.cancelled()]


def waiters(root: object) -> list[Future]:
    """Futures and tasks that are not done, and that something keeps: from a state, through what it holds.

    Walks data only, not what functions and classes know: a queue is found wherever a policy keeps it.
    """
    seen, queue = {id(root)}, deque([root])
    found: list[Future] = []
    while queue:
        one = queue.popleft()
        if isinstance(one, asyncio.Future):
            if not one.done():
                found.append(one)
            continue
        for other in gc.get_referents(one):
            if id(other) not in seen and not isinstance(
                other, type | ModuleType | FunctionType | str | int | float | asyncio.AbstractEventLoop
            ):
                seen.add(id(other))
                queue.append(other)
    return found


def held(shared: Shared) -> Iterator[str]:
    """What calls that are over still hold."""
    if found := waiters(shared):
        yield f"{len(found)} waiters are left: {found[:3]}"
    if len(shared.flights):
        yield f"{len(shared.flights)} calls are waited for by equal ones"
    for upstream in shared.upstreams.values():
        for circuit in upstream.breakers.values():
            if circuit.out or circuit.moves or vars(circuit)["_watchers"]:
                yield f"the breaker of {upstream.name} has permits out, moves untold, or somebody who watches it"
        for turnstile in upstream.turnstiles.values():
            if turnstile.admission.under_way or turnstile.admission.waiting:
                yield f"turns of {upstream.name} are taken, or somebody waits for one"


def counts() -> Counter[str]:
    """Objects of each type of ours, and of those that work under way is made of. Collects garbage first."""
    gc.collect()
    found: Counter[str] = Counter()
    for one in gc.get_objects():
        kind = type(one)
        if str(kind.__module__).startswith("leadflow") or kind.__name__ in _WORK:
            found[kind.__name__] += 1
    return found


_WORK = frozenset({
    "Task", "Future", "coroutine", "async_generator", "generator", "frame", "cell", "function", "method", "deque",
    "dict", "list", "tuple", "set", "Context", "TimerHandle", "Handle", "traceback",
})  # fmt: skip


def growth(before: Counter[str], after: Counter[str]) -> dict[str, tuple[int, int]]:
    """Types of which there are more than the slack explains: how many before, how many after."""
    return {
        kind: (before[kind], count)
        for kind, count in sorted(after.items())
        if count > before[kind] * (1 + SLACK_SHARE) + SLACK
    }
