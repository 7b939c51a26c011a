"""From a folder on the command line to the runs that its project keeps, for the commands that look at runs."""

import os
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from leadflow.answers import OpenQuestion, open_questions
from leadflow.cli.inputs import find_project
from leadflow.cli.programs import compile_flow
from leadflow.cli.refused import Refused, Unusable
from leadflow.cli.views import human
from leadflow.cli.views import kept as kept_view
from leadflow.due import Idle, InDoubt, idle_runs
from leadflow.events.model import Entry, QuestionAnswered
from leadflow.files import find_root
from leadflow.keeping import Kept, TakenBack, find, forget_old, is_dead, is_interrupted, kept, opened, taken_back
from leadflow.plan.plan import Plan
from leadflow.record import record
from leadflow.run.adapters import SystemClock
from leadflow.run.questions import Asked
from leadflow.run.store import JournalProblem, NoSuchRun, RunRow, Store, Wanted
from leadflow.settings import JOURNAL, Project
from leadflow.stores.owner import spoken
from leadflow.stores.sqlite import SqliteStore

T = TypeVar("T")


def the_project(folder: str) -> Project:
    """The project of a folder that keeps runs.

    Raises:
        Refused: it keeps none, or they are not this user's to look at.
    """
    project = find_project(str(Path(folder) / "main.flow"))
    journal = project.root / JOURNAL
    try:
        is_there = journal.is_file()
    except OSError as problem:
        raise Unusable(f"the journal {journal} cannot be read: {problem.strerror}") from None
    if not is_there:
        raise Refused(f"no runs are kept in {folder}: they are kept beside their flow; name its folder with --in")
    return project


def in_folder(folder: str) -> str:
    """The option `--in` as it was given, for a command to be typed: nothing where it is the working folder."""
    return "" if folder == "." else f" --in {shlex.quote(folder)}"


def elsewhere(project: Project) -> str:
    """The option that names a project, where it is not the one of the working folder."""
    root = project.root
    return "" if find_root(Path("main.flow")) == root else f" --in {shlex.quote(os.path.relpath(root))}"


def refused(problem: Exception) -> Refused:
    """A problem with kept runs, told in its own words."""
    return (Unusable if isinstance(problem, JournalProblem) else Refused)(str(problem))


async def read_kept(project: Project, run: str) -> Kept:
    """A run by its id or the beginning of one.

    Raises:
        Refused: there is none, or it cannot be read.
    """

    async def look(store: Store) -> Kept:
        return await kept(store, await find(store, run))

    return await _with_store(project, look)


def require_same(found: Kept, project: Project) -> None:
    """Refuse to go on with a flow that is another by now (case D6).

    Raises:
        Refused: its files have changed, or are gone.
    """
    if (what := what_changed(found, project)) is not None:
        raise Refused(
            f"{what}; go on with the flow as it was with --as-started, move the run to the flow as it is with"
            " --migrate, or start anew"
        )


def what_changed(found: Kept, project: Project) -> str | None:
    """What is other with the flow of a run since that was started; None: nothing is."""
    now = plan_now(found, project)
    if now is not None and now.hash == found.plan.hash:
        return None
    how = "has changed" if now is not None else "is not there"
    return f"{found.row.source} {how} since run {found.row.id} was started"


def plan_now(found: Kept, project: Project) -> Plan | None:
    """The plan of a run's file as it is now; None: the file is not there."""
    file = project.root / found.row.source
    return compile_flow(str(file), profile=found.plan.profile) if file.is_file() else None


async def newest_unfinished(project: Project) -> Kept:
    """The newest run that has not ended.

    Raises:
        Refused: there is none, all have, or somebody works on each that has not.
    """

    async def look(store: Store) -> Kept:
        open_ones = [row for row in await store.runs(Wanted(is_open=True)) if is_interrupted(row)]
        row = next((row for row in open_ones if not is_dead(row, project)), open_ones[0] if open_ones else None)
        if row is None and not await store.runs():
            raise Refused("no run is kept here yet")
        if row is None:
            raise Refused("every run has ended, or is under way; `leadflow runs` lists them")
        return await kept(store, row)

    return await _with_store(project, look)


async def all_runs(project: Project) -> Sequence[RunRow]:
    """All runs, the newest first.

    Raises:
        Refused: the journal cannot be read.
    """

    async def look(store: Store) -> Sequence[RunRow]:
        return await store.runs()

    return await _with_store(project, look)


async def listed(project: Project, wanted: Wanted | None = None) -> tuple[Sequence[RunRow], Idle]:
    """The runs that are wanted, else all, the newest first; and those of them that nobody works on and that can go on
    now, or are in doubt.

    Raises:
        Refused: the journal cannot be read.
    """

    async def look(store: Store) -> tuple[Sequence[RunRow], Idle]:
        rows = await store.runs(wanted)
        return rows, await idle_runs(store, rows, project, SystemClock().timestamp())

    return await _with_store(project, look)


@record
class Seen:
    """A run, for whoever looks at it."""

    kept: Kept
    entries: Sequence[Entry]
    taken_back: Sequence[TakenBack]
    """What was taken back of it since it ended."""
    unheard: Sequence[QuestionAnswered]
    """What people have answered, and it has not heard."""
    in_doubt: InDoubt | None
    """What has to be said before it goes on."""


async def look_at(project: Project, run: str) -> Seen:
    """A run, its log, and what has happened to it beside.

    Raises:
        Refused: there is none, or it cannot be read.
    """

    async def look(store: Store) -> Seen:
        row = await find(store, run)
        entries, back = await store.load(row.id), await taken_back(store, row.id)
        asked = Asked(entries)
        answers = [one for one in await store.answers(row.id) if asked.fits(one)] if is_interrupted(row) else []
        idle = await idle_runs(store, [row], project, SystemClock().timestamp())
        return Seen(await kept(store, row), entries, back, answers, next(iter(idle.in_doubt), None))

    return await _with_store(project, look)


async def entries_of(project: Project, run: str) -> tuple[Kept, Sequence[Entry]]:
    """A run and its log.

    Raises:
        Refused: there is none, or it cannot be read.
    """

    async def look(store: Store) -> tuple[Kept, Sequence[Entry]]:
        row = await find(store, run)
        return await kept(store, row), await store.load(row.id)

    return await _with_store(project, look)


async def questions_in(
    project: Project, run: str | None = None, wanted: Wanted | None = None
) -> Sequence[OpenQuestion]:
    """What a run asks people and nobody has answered, or what the runs that are wanted do, else all, the longest open
    first.

    Among several runs one that cannot be read is told, and hides nothing of the others.

    Raises:
        Refused: there is no such run, or it cannot be read.
    """

    async def look(store: Store) -> Sequence[OpenQuestion]:
        if run is not None:
            return await open_questions(store, await kept(store, await find(store, run)))
        found: list[OpenQuestion] = []
        for row in await store.runs(replace(wanted or Wanted(), is_open=True)):
            if row.is_whole:
                try:
                    found += await open_questions(store, await kept(store, row))
                except JournalProblem as problem:
                    human.warning(str(problem))
                except NoSuchRun:
                    pass  # it was forgotten in this moment
        return sorted(found, key=lambda one: one.since)

    return await _with_store(project, look)


async def forget(project: Project, runs: Sequence[str], *, force: bool, where: str) -> None:
    """Remove runs by their ids or the beginnings of them, and say of each that it is gone.

    Args:
        force: also such as have not ended.
        where: the option that names the project, when that is not the working folder's.

    Raises:
        Refused: one is not there, has not ended, or is under way; those before it are gone.
    """

    async def look(store: Store) -> None:
        for run in runs:
            row = await find(store, run)
            stands, ends = kept_view.stands(row, project), f"`leadflow runs cancel {row.id}{where}`"
            is_open = is_interrupted(row) and await _has_begun(store, row)
            if is_open and not force:
                raise Refused(
                    f"run {row.id} has not ended: it is {stands}; {ends} ends it and takes back what it did, --force"
                    " forgets it as it stands"
                )
            if not await store.remove(row.id):
                raise Refused(f"run {row.id} is under way ({spoken(row.owner)}); {ends} stops it")
            left = ": it had not ended, and nothing that it did is taken back" if is_open else ""
            human.note(f"run {row.id} of {row.flow or 'some flow'} ({stands}) is forgotten{left}")

    await _with_store(project, look)


async def _has_begun(store: Store, row: RunRow) -> bool:
    """Whether a run may have done anything; of one that cannot be read nobody knows."""
    try:
        return bool(await store.load(row.id))
    except JournalProblem:
        return True


async def verify(project: Project) -> tuple[int, Sequence[str]]:
    """How many runs are whole, and what is wrong with the others (case D11).

    Raises:
        Refused: the journal cannot be read at all.
    """

    async def look(store: Store) -> tuple[int, Sequence[str]]:
        problems: list[str] = []
        rows = await store.runs()
        whole: set[str] = set()  # plans: thousands of runs may have one
        for row in rows:
            try:
                await store.load(row.id)
                if not row.is_whole or (row.under or row.plan) not in whole:
                    await kept(store, row)
                    whole.add(row.under or row.plan)
            except (JournalProblem, NoSuchRun) as problem:
                problems.append(str(problem) if isinstance(problem, JournalProblem) else f"run {row.id} is broken")
        return len(rows) - len(problems), problems

    return await _with_store(project, look)


async def compact(project: Project) -> tuple[int, int, int]:
    """Forget what the settings do not keep, and give its room back: how many runs, and the bytes before and after.

    Raises:
        Refused: others are at work on the file for too long.
    """

    async def look(store: SqliteStore) -> tuple[int, int, int]:
        forgotten = await forget_old(store, project, SystemClock())
        return (forgotten, *await store.compact())

    return await _with_store(project, look)


async def backup(project: Project, path: Path) -> None:
    """Copy the journal as it is now.

    Raises:
        Refused: the copy cannot be written.
    """

    async def look(store: SqliteStore) -> None:
        await store.backup(path)

    await _with_store(project, look)


async def _with_store(project: Project, look: Callable[[SqliteStore], Awaitable[T]]) -> T:
    try:
        async with opened(project, SystemClock()) as store:
            return await look(store)
    except (JournalProblem, NoSuchRun) as problem:
        raise refused(problem) from None
