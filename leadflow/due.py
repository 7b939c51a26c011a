"""Runs that can go on although nobody works on them: their process ended, or what they waited for has come; and those
that cannot, because nobody knows whether a step was done. Nothing wakes them but whoever looks: a person, a timer of
the machine, or a process that stays with one run to its end.
"""

from collections.abc import Awaitable, Callable, Sequence

from leadflow.events.model import Entry, RunPaused, RunResumed, Status
from leadflow.keeping import Kept, find, is_dead, is_interrupted, kept, kernel_of
from leadflow.operating import watch_run
from leadflow.record import record
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Result
from leadflow.run.errors import InternalError
from leadflow.run.questions import until_next_look
from leadflow.run.store import JournalProblem, NoSuchRun, RunRow, Store
from leadflow.run.taken_up import under_way
from leadflow.run.waking import Wake, doubts, wakes
from leadflow.runs import RunOptions, UnderWay, store_of
from leadflow.settings import Project

BY_HAND = "SIGINT"
"""Why a run is paused that somebody stopped at a terminal: nobody goes on with it but whoever names it."""


@record
class Due:
    """A run that nobody works on and that waits for nobody."""

    row: RunRow
    wake: Wake
    """Since when, and why."""


@record
class InDoubt:
    """A run that nobody works on, and that does not go on before somebody says whether steps of it were done."""

    row: RunRow
    paths: Sequence[str]
    """Of these steps."""


@record
class Idle:
    """Runs that nobody works on and that have not ended."""

    due: Sequence[Due]
    """First those that could go on for the longest time."""
    in_doubt: Sequence[InDoubt]


async def idle_runs(store: Store, rows: Sequence[RunRow], project: Project, now: float) -> Idle:
    """Those of some runs that can go on now, and those that somebody has to say something of; none that cannot be read.

    A run in which too many processes have ended is none of them. One that somebody stopped by hand is not due.

    Args:
        now: seconds since the epoch.
    """
    due: list[Due] = []
    in_doubt: list[InDoubt] = []
    for row in rows:
        if is_interrupted(row) and not is_dead(row, project):
            try:
                found = await _found(store, row, now)
            except (JournalProblem, NoSuchRun, InternalError):
                # It is broken, was forgotten in this moment, or was made by a leadflow that went another way: whoever
                # names it is told, and the others are due all the same.
                continue
            if isinstance(found, InDoubt):
                in_doubt.append(found)
            elif found is not None and found.at <= now:
                due.append(Due(row, found))
    return Idle(sorted(due, key=lambda one: one.wake.at), in_doubt)


async def _found(store: Store, row: RunRow, now: float) -> Wake | InDoubt | None:
    """When a run can go on that nobody works on, or of what it has to be said first whether it was done; None: it waits
    for an answer, or for whoever stopped it."""
    entries = await store.load(row.id)
    if row.status is Status.WAITING:
        return await _wakes(store, await kept(store, row), entries, now)
    if under_way(entries) and (paths := doubts(kernel_of(await kept(store, row)), entries)):
        return InDoubt(row, paths)
    turns = (entry.event for entry in reversed(entries) if isinstance(entry.event, RunPaused | RunResumed))
    last = next(turns, None)  # behind a pause there is still what was under way
    if not entries or (isinstance(last, RunPaused) and last.why == BY_HAND):
        return None
    why = f"it was stopped by {last.why}" if isinstance(last, RunPaused) else "its process ended"
    return Wake(min(row.changed, now), why)  # a clock that was set back since keeps nobody from it


async def _wakes(store: Store, found: Kept, entries: Sequence[Entry], now: float) -> Wake | None:
    return wakes(kernel_of(found), entries, await store.answers(found.row.id), now)


async def stay_with(
    run: str, resume: Callable[[], Awaitable[Result]], project: Project, options: RunOptions | None = None
) -> Result:
    """Go on with a run whenever it can, until it has ended; while it waits for people, or another process works on it,
    this one waits too and holds nothing. A brake that is pulled ends the waiting.

    Args:
        run: its id.
        resume: goes on with it until it ends or is paused.

    Returns: how it ended; with status `waiting` when the brake was pulled, or a call is in doubt and nobody has told.

    Raises:
        NoSuchRun: it was forgotten. StartProblem: it cannot go on here. JournalProblem: its journal cannot be used.
    """
    options = options or RunOptions()
    quietly = RunOptions(store=options.store, clock=options.clock)  # whoever watches has seen what they were shown
    while True:
        try:
            result = await resume()
        except UnderWay:
            result = await watch_run(run, project, quietly)
            if result.failure is not None and result.failure.error == "system.interrupted":
                continue  # its process has died, and leaves it to this one
        if not result.questions or not await _can_go_on(run, project, options):
            return result


async def _can_go_on(run: str, project: Project, options: RunOptions) -> bool:
    """Wait until a run that waits for people can go on, or another process has it; False: the brake was pulled."""
    clock = options.clock or SystemClock()
    async with store_of(options, project, clock) as store:
        entries, found = await store.load(run), await kept(store, await find(store, run))
        heard, wake = -1, None
        while options.brake is None or options.brake.why is None:
            row, count, now = await find(store, run), len(await store.answers(run)), clock.timestamp()
            if row.is_held or row.status is not Status.WAITING:
                return True
            if count != heard:
                heard, wake = count, await _wakes(store, found, entries, now)
            if wake is not None and wake.at <= now:
                return True
            await clock.sleep(until_next_look(now, () if wake is None else (wake.at,)))
    return False
