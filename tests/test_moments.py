"""What two processes do to the same run in one moment: nobody goes on from what he read before the other one wrote."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

import leadflow
from leadflow import Program, Result, RunOptions, StartProblem, Status
from leadflow.agents.registry import find_kinds
from leadflow.events.model import CancelRequested, RunMoved, RunStarted
from leadflow.keeping import held, opened
from leadflow.operating import cancel_run, fork_run, move_run
from leadflow.run.adapters import SystemClock
from leadflow.run.moving import Moved
from leadflow.run.store import JournalProblem
from leadflow.runs import UnderWay
from leadflow.settings import JOURNAL
from leadflow.stores.owner import this_owner
from leadflow.stores.rows import Chain
from leadflow.stores.sqlite import LEASE, SqliteJournal, SqliteStore
from leadflow.testing import run_virtual

FLOW = """leadflow 1
@read tool look(text: string) -> string = python("work:look")
agent desk: human { assignee: "ada" }

flow main() -> string {
  step seen = look("a")
  step ok: string = desk.ask("Go on?")
  step told = look("b ${ok}")
  return told
}
"""
NEW = FLOW.replace("main()", 'main(more: string = "c")').replace('"b ${ok}"', '"${more} ${ok}"')
CLOCK = SystemClock()


class Meanwhile(SqliteStore):
    """A store in which something else happens between a look at a run and its claim."""

    work: Callable[[], Awaitable[object]] | None = None

    async def claim(self, run: str) -> SqliteJournal | None:
        """The journal of a run."""
        work, self.work = self.work, None
        if work is not None:
            await work()
        return await super().claim(run)


class Desk:
    """A project with a run that waits for an answer, and two versions of its flow."""

    def __init__(self, folder: Path) -> None:
        (folder / "work.py").write_text("def look(text):\n    return 'seen ' + text\n")
        (folder / "main.flow").write_text(FLOW)
        self.old: Program = leadflow.load(folder / "main.flow")
        self.project = self.old.project
        (folder / "main.flow").write_text(NEW)
        self.new: Program = leadflow.load(folder / "main.flow")
        self.store = Meanwhile(folder / JOURNAL, CLOCK, owner=this_owner())
        self.options = RunOptions(store=self.store)

    async def waiting(self) -> Result:
        """A run that waits."""
        await self.store.open()
        return await self.old.run("main", {}, self.options)

    async def moves(self, run: str) -> None:
        """Another process moves the run."""
        assert isinstance(await move_run(run, self.new.plan, self.project), Moved)


def test_who_goes_on_sees_that_the_run_was_moved(tmp_path: Path) -> None:
    """Case D6: a run does not go on under the plan that it was read with when it was moved before it was claimed."""

    async def scene() -> None:
        desk = Desk(tmp_path)
        run = (await desk.waiting()).run
        desk.store.work = lambda: desk.moves(run)
        with pytest.raises(UnderWay, match="moved to another plan in this moment"):
            await desk.old.resume(run, desk.options)
        await desk.old.answer(run, "ok", "yes", by="ada", options=desk.options)
        ended = await desk.old.resume(run, desk.options)
        assert (Status.DONE, "seen c yes") == (ended.status, ended.value)
        await desk.store.aclose()

    asyncio.run(scene())


def test_who_moves_a_run_sees_that_it_was_moved(tmp_path: Path) -> None:
    """Case D6: a run is not moved twice from the plan that it was read with."""

    async def scene() -> None:
        desk = Desk(tmp_path)
        run = (await desk.waiting()).run
        desk.store.work = lambda: desk.moves(run)
        with pytest.raises(StartProblem, match="moved by somebody else in this moment"):
            await move_run(run, desk.new.plan, desk.project, desk.options)
        moved = [one for one in await desk.store.load(run) if isinstance(one.event, RunMoved)]
        assert 1 == len(moved)
        await desk.store.aclose()

    asyncio.run(scene())


def test_a_run_is_cancelled_under_the_plan_that_it_moved_to(tmp_path: Path) -> None:
    """Case X5: whoever cancels a run that moves in this moment ends it all the same, and a fork of it is one of the new
    plan."""

    async def scene() -> None:
        desk = Desk(tmp_path)
        run = (await desk.waiting()).run
        desk.store.work = lambda: desk.moves(run)
        wish = CancelRequested("enough", False, "ops")
        ended = await cancel_run(run, desk.project, find_kinds(), wish, desk.options)
        assert (Status.CANCELLED, run) == (ended.status, ended.run)
        made = await fork_run(run, "ok", desk.project, find_kinds(), desk.options, before=True)
        first = (await desk.store.load(made.row.id))[0].event
        assert isinstance(first, RunStarted)
        assert (desk.new.plan.hash, {"more": "c"}) == (first.plan, dict(first.inputs))
        await desk.store.aclose()

    asyncio.run(scene())


def test_whoever_cancels_a_run_that_is_taken_up_in_this_moment_asks_who_has_it(tmp_path: Path) -> None:
    """Case X5: the one wish lies there for the other process, and is carried out here once that lets the run go."""

    async def scene() -> None:
        desk = Desk(tmp_path)
        run = (await desk.waiting()).run

        async def works(taken: asyncio.Event) -> list[CancelRequested]:
            async with opened(desk.project, CLOCK) as other:
                claimed = await other.claim(run)
                assert claimed is not None
                async with held(other, claimed, CLOCK):
                    taken.set()
                    while not (wishes := await claimed.wishes()):
                        await CLOCK.sleep(timedelta(seconds=1))
                    return list(wishes)

        async def takes_up() -> None:
            taken = asyncio.Event()
            working.append(asyncio.get_running_loop().create_task(works(taken)))
            await taken.wait()

        working: list[asyncio.Task[list[CancelRequested]]] = []
        desk.store.work = takes_up
        wish = CancelRequested("enough", False, "ops")
        ended = await cancel_run(run, desk.project, find_kinds(), wish, desk.options)
        assert (Status.CANCELLED, run) == (ended.status, ended.run)
        assert [wish] == await working[0] == list(await desk.store.wishes(run))
        await desk.store.aclose()

    run_virtual(scene())


def test_a_run_that_cannot_begin_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case D8: old runs are forgotten before a new one is there, so that none is left behind when that fails."""

    async def full(before: float | None, most: int | None) -> int:
        raise JournalProblem("database or disk is full")

    async def scene() -> None:
        desk = Desk(tmp_path)
        await desk.store.open()
        monkeypatch.setattr(desk.store, "expire", full)
        settings = desk.project.settings
        keep = settings.journal.model_copy(update={"keep_runs": 1})
        project = replace(desk.project, settings=settings.model_copy(update={"journal": keep}))
        program = replace(desk.new, project=project)
        with pytest.raises(StartProblem, match="disk is full"):
            await program.run("main", {}, desk.options)
        assert () == tuple(await desk.store.runs())
        await desk.store.aclose()

    asyncio.run(scene())


def test_runs_are_renewed_at_the_same_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case D20: whenever they were begun, so that many are one commit; and often enough that none ends (case D13)."""
    renewed: dict[str, list[float]] = {}

    async def noted(store: SqliteStore, run: str, epoch: int, *, went_well: bool = True) -> bool:
        renewed.setdefault(run, []).append(asyncio.get_running_loop().time())
        return True

    monkeypatch.setattr(SqliteStore, "renew", noted)
    store = SqliteStore(tmp_path / "j.db", CLOCK, owner="one")

    async def scene() -> None:
        async with AsyncExitStack() as begun:
            for number in range(5):
                journal = SqliteJournal(store, f"r{number}", 1, Chain(b""))
                await begun.enter_async_context(held(store, journal, Wall()))
                await CLOCK.sleep(timedelta(seconds=0.7))
            await CLOCK.sleep(timedelta(seconds=20))

    monkeypatch.setattr(SqliteStore, "release", noted)
    run_virtual(scene())
    kept = [times[:-1] for times in renewed.values()]  # the last one gave it back
    assert all(later - earlier <= LEASE.total_seconds() / 3 for times in kept for earlier, later in pairwise(times))
    assert 1 == len({tuple(time for time in times if 5 < time < 20) for times in kept})


class Wall(SystemClock):
    """A wall clock that goes with the loop."""

    def timestamp(self) -> float:
        """Seconds since the epoch."""
        return 1_780_000_000.3 + asyncio.get_running_loop().time()


def test_a_store_that_cannot_be_opened_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case D8: neither its file nor its thread is kept."""
    closed: list[Path] = []
    close = SqliteStore.aclose

    async def noted(store: SqliteStore) -> None:
        closed.append(store._file.path)
        await close(store)

    monkeypatch.setattr(SqliteStore, "aclose", noted)
    project = Desk(tmp_path).project
    file = project.root / JOURNAL
    file.parent.mkdir()
    file.write_text("no journal, but long enough to look like something" * 50)

    async def scene() -> None:
        async with opened(project, CLOCK):
            raise AssertionError

    with pytest.raises(JournalProblem, match="not a database"):
        asyncio.run(scene())
    assert [file] == closed
