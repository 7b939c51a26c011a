"""Runs that outlive their process: where they are kept, who works on one, and what a resumed one needs to know.

A run is kept in its project, in `.leadflow/journal.db`, with the plan it was started with: it goes on with that, and
with the bounds that its kernel was given, whatever the files say by then. While a process works on a run it renews its
claim; a process that cannot is fenced by the store, not by itself.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from hashlib import blake2b
from typing import Any, cast

from leadflow.events.model import RunStarted, Status
from leadflow.plan.codec import content_hash, from_text, to_text
from leadflow.plan.forms import canonical
from leadflow.plan.plan import Plan
from leadflow.plan.shapes import NotAPlan
from leadflow.plan.types import Value
from leadflow.plan.undoing import SUFFIX
from leadflow.record import record
from leadflow.run.driver import Bounds, Driver
from leadflow.run.kernel import Kernel, Program
from leadflow.run.ports import Clock, Journal
from leadflow.run.room import make_room
from leadflow.run.store import HeldJournal, JournalProblem, NewRun, NoSuchRun, RunRow, Store, Wanted
from leadflow.settings import JOURNAL, Project
from leadflow.stores.memory import MemoryJournal
from leadflow.stores.owner import this_owner, this_user
from leadflow.stores.sqlite import LEASE, SqliteStore

_RENEWALS = 5
"""How often a claim is renewed before it would end."""


_LOOKS = timedelta(milliseconds=500)
"""How often whoever works on a run looks whether somebody wishes it to stop."""


@record
class Origin:
    """The run that another one was made from (`run/forking.py`)."""

    run: str
    step: str
    """The step that runs again."""
    by_hand: bool = False
    """Nothing runs: it says that somebody has done it."""


@record
class Kept:
    """A run as it was kept, read for going on with it."""

    row: RunRow
    plan: Plan
    bounds: Bounds
    by: str | None = None
    """Who began it (audit)."""
    origin: Origin | None = None
    """None: it began by itself."""
    recording: str | None = None
    """The file in which it is written down what its agents are asked; None: it is not."""


@record
class TakenBack:
    """A step that was taken back when its run had ended."""

    step: str
    run: str
    """The run that did it, or in which it is said."""
    by: str | None
    """Who began that (audit)."""
    by_hand: bool
    at: float
    """In seconds since the epoch."""


def digest_of(inputs: Mapping[str, Value]) -> str:
    """Equal for equal inputs."""
    return blake2b(canonical(dict(inputs)), digest_size=16).hexdigest()


@asynccontextmanager
async def opened(project: Project, clock: Clock, *, alone: bool = False) -> AsyncIterator[SqliteStore]:
    """The project's store, for as long as it is used.

    Args:
        alone: as of `SqliteStore`.

    Raises:
        JournalProblem: it cannot be used.
    """
    make_room()  # before the store has its thread
    store = SqliteStore(project.root / JOURNAL, clock, owner=this_owner(), alone=alone)
    try:
        await store.open()
        yield store
    finally:
        await store.aclose()


async def begin(
    store: Store,
    started: RunStarted,
    plan: Plan,
    bounds: Bounds,
    origin: Origin | None = None,
    *,
    recording: str | None = None,
) -> HeldJournal:
    """A new run in the store, claimed.

    Args:
        recording: the file in which it is written down what its agents are asked.
    """
    setting = json.dumps(
        {
            "calls": bounds.calls,
            "deadline": None if bounds.deadline is None else bounds.deadline.total_seconds(),
            "by": this_user(),
            **({} if origin is None else {"from": [origin.run, origin.step, *([True] if origin.by_hand else [])]}),
            **({} if recording is None else {"recording": recording}),
        }
    )
    digest, at = digest_of(started.inputs), started.started.timestamp()
    run = NewRun(started.run, started.flow, plan.hash, plan.file, digest, setting, at)
    return await store.create(run, to_text(plan))


async def forget_old(store: Store, project: Project, clock: Clock) -> int:
    """Forget runs that ended longer ago, or more of them, than the settings keep; how many were forgotten."""
    keep = project.settings.journal
    if keep.keep_days is None and keep.keep_runs is None:
        return 0
    before = None if keep.keep_days is None else clock.timestamp() - timedelta(days=keep.keep_days).total_seconds()
    return await store.expire(before, keep.keep_runs)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something without an end beside a block; it has stopped when the block is left.

    Its own cancel is told from one of the block's task by asking the task of the work, which raises nothing here: a
    cancel that comes while that stops is no less one (case X2).
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield
    finally:
        task.cancel()
        is_cancelled = False
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                is_cancelled = True
        if is_cancelled:
            raise asyncio.CancelledError
        if not task.cancelled():
            task.result()


@asynccontextmanager
async def held(store: Store, journal: HeldJournal, clock: Clock, *, works: bool = True) -> AsyncIterator[HeldJournal]:
    """Work on a claimed run: the claim is renewed until the work ends, and then given back.

    Args:
        works: the run goes on; else it is only looked at or changed, which says nothing about how many processes have
            ended in it. Work that raises has not begun.
    """
    try:
        async with _beside(_renew(store, journal, clock)):
            yield journal
    except Exception:
        works = False
        raise
    finally:
        with suppress(JournalProblem):  # the lease ends by itself
            await store.release(journal.run, journal.epoch, went_well=works)


async def _renew(store: Store, journal: HeldJournal, clock: Clock) -> None:
    """Hold a run. Once it is another worker's, its next append says so."""
    every = (LEASE / _RENEWALS).total_seconds()
    while True:
        # at moments that all runs share, so that hundreds of them are renewed in one commit
        rest = every - clock.timestamp() % every
        await clock.sleep(timedelta(seconds=rest if rest > every / 2 else rest + every))
        with suppress(JournalProblem):  # there are further ones before the claim would end
            if not await store.renew(journal.run, journal.epoch):
                return


@asynccontextmanager
async def heeding(journal: Journal, clock: Clock, driver: Driver) -> AsyncIterator[None]:
    """While a kept run is worked on it hears of each wish that somebody leaves in its store (case X5)."""
    if isinstance(journal, MemoryJournal):
        yield
        return
    async with _beside(_listen(cast(HeldJournal, journal), clock, driver)):
        yield


async def _listen(journal: HeldJournal, clock: Clock, driver: Driver) -> None:
    heard = 0
    while True:
        with suppress(JournalProblem):  # whoever appends hears of it
            wishes = await journal.wishes()
            for wish in wishes[heard:]:
                driver.cancel(wish.why, force=wish.force, by=wish.by)
            heard = len(wishes)
        await clock.sleep(_LOOKS)


async def find(store: Store, run: str) -> RunRow:
    """The run of an id, or of the beginning of one.

    Raises:
        NoSuchRun: there is none, or there are several.
    """
    if not run:  # all begin with it, also the only one
        raise NoSuchRun("name a run: its id, or the beginning of it; `leadflow runs` lists them")
    found = await store.runs(Wanted(run=run))
    if len(found) == 1 or any(row.id == run for row in found):
        return next((row for row in found if row.id == run), found[0])
    why = f"{len(found)} runs begin with '{run}': write more of it" if found else f"there is no run '{run}'"
    raise NoSuchRun(f"{why}; `leadflow runs` lists them")


async def has_moved(store: Store, found: Kept) -> bool:
    """Whether a run was moved to another plan since it was read; whoever has claimed it then asks for that."""
    return (await find(store, found.row.id)).under != found.row.under


def is_interrupted(row: RunRow) -> bool:
    """Whether a run has not ended, and nobody works on it."""
    return row.is_whole and not row.status.is_settled and not row.is_held


def is_dead(row: RunRow, project: Project) -> bool:
    """Whether so many processes in a row have ended in the middle of a run that nobody takes it up (case D15)."""
    return is_interrupted(row) and row.crashes >= project.settings.run.crashes


async def unfinished(store: Store, flow: str, plan: str, inputs: Mapping[str, Value]) -> RunRow | None:
    """The newest run of this flow, content and input that has not ended, and that nobody works on."""
    wanted = (plan, digest_of(inputs))
    rows = await store.runs(Wanted(flow=flow, is_open=True))
    return next((row for row in rows if is_interrupted(row) and (row.under or row.plan, row.digest) == wanted), None)


def setting_of(row: RunRow) -> Mapping[str, Any]:
    """What a run was given beside its inputs; nothing where that is not what was written (case D11), so that one broken
    row hides no other one."""
    try:
        setting = json.loads(row.setting)
    except ValueError:
        return {}
    return setting if isinstance(setting, dict) else {}


def is_recorded(row: RunRow) -> bool:
    """Whether it is written down what the run's agents are asked."""
    return "recording" in setting_of(row)


async def made_from(store: Store, wanted: Wanted) -> Sequence[RunRow]:
    """The runs that were made from another one; none of which nobody knows what it was given (case D11)."""
    return [row for row in await store.runs(wanted) if row.is_whole]


async def taken_back(store: Store, run: str) -> Sequence[TakenBack]:
    """What was taken back of a run since it ended, in that order."""
    rows = await made_from(store, Wanted(status=Status.DONE, origin=run))
    told = [(row, setting_of(row)) for row in reversed(rows)]
    return [
        TakenBack(step.removesuffix(SUFFIX), row.id, setting.get("by"), bool(by_hand), row.changed)
        for row, setting in told
        for _, step, *by_hand in [setting["from"]]
        if step.endswith(SUFFIX)
    ]


async def kept(store: Store, row: RunRow) -> Kept:
    """A run with its plan and its bounds.

    Raises:
        JournalProblem: they are not what was written. NoSuchRun: it was forgotten since it was found.
    """
    text = await store.plan(row.under or row.plan)
    if text is None:
        await find(store, row.id)
    return kept_of(row, text)


def kept_of(row: RunRow, text: str | None) -> Kept:
    """A run with its bounds and the plan of that text.

    Raises:
        JournalProblem: they are not what was written.
    """
    try:
        if not row.is_whole or text is None:
            raise NotAPlan("it is not there")
        plan, setting = from_text(text), json.loads(row.setting)
        if plan.hash != content_hash(plan):  # the rows of a log have hashes of their own
            raise NotAPlan("it is not what was written")
    except (NotAPlan, ValueError) as problem:
        raise JournalProblem(f"run {row.id}: its plan cannot be read: {problem}") from None
    deadline = setting["deadline"]
    bounds = Bounds(calls=setting["calls"], deadline=None if deadline is None else timedelta(seconds=deadline))
    origin = Origin(*setting["from"]) if "from" in setting else None
    return Kept(row, plan, bounds, setting.get("by"), origin, setting.get("recording"))


def kernel_of(found: Kept) -> Kernel:
    """A new kernel for a run as it was kept, to be brought to where its log ends."""
    return Kernel(Program(found.plan), calls=found.bounds.calls, deadline=found.bounds.deadline)
