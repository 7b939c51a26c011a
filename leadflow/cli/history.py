"""From the runs that a project keeps to what its flows are likely to take. Loaded only where a project keeps runs."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from leadflow.bound.asks import Known
from leadflow.bound.history import Expected, History, Taken, expected
from leadflow.events.model import Status
from leadflow.keeping import opened
from leadflow.plan.codec import from_text
from leadflow.plan.plan import Plan
from leadflow.plan.shapes import NotAPlan
from leadflow.run.adapters import SystemClock
from leadflow.run.store import JournalProblem, NoSuchRun, RunRow, Store, Wanted
from leadflow.settings import Project

MOST_RUNS = 25
"""The newest runs that are read of a flow."""


def expected_of(project: Project, plan: Plan, flows: Sequence[str], known: Known) -> Mapping[str, Expected]:
    """By flow, what a run is likely to take; flows without a finished run are not in it.

    Raises:
        JournalProblem: the runs cannot be read.
    """

    async def look() -> dict[str, Expected]:
        async with opened(project, SystemClock()) as store:
            found = {flow: await _of_flow(store, plan, flow, known) for flow in flows}
        return {flow: one for flow, one in found.items() if one is not None}

    return asyncio.run(look())


async def _of_flow(store: Store, plan: Plan, flow: str, known: Known) -> Expected | None:
    """From runs of this very plan, else from those of other versions of the flow, which stand in the same file."""
    rows = [row for row in await store.runs(Wanted(flow=flow, status=Status.DONE)) if row.is_whole]
    same = [row for row in rows if row.plan == plan.hash]
    histories: dict[str, History | None] = {plan.hash: History(plan, known)}
    taken: list[Taken] = []
    read = 0
    for row in same or rows:
        if read == MOST_RUNS:
            break
        if row.plan not in histories:
            histories[row.plan] = await _history(store, row, known)
        history = histories[row.plan]
        if history is None or history.file != plan.file:  # a flow of another file may have the same name
            continue
        read += 1
        with suppress(JournalProblem, NoSuchRun):  # a run that is broken, or was removed meanwhile, tells nothing
            entries = await store.load(row.id)
            taken += [history.taken(entries)] if entries else []
    return expected(taken, are_same=bool(same))


async def _history(store: Store, row: RunRow, known: Known) -> History | None:
    text = await store.plan(row.plan)
    with suppress(NotAPlan):
        return None if text is None else History(from_text(text), known)
    return None
