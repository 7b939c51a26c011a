"""What an operator does to kept runs from outside: stop one, watch one, make another run of one. Whoever works on a run
hears of it through the store; what nobody works on is ended here. A log is never changed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from leadflow.agents.registry import Registry
from leadflow.assembly import StartProblem, callers_of, make_ready
from leadflow.events.model import (
    CancelRequested,
    Entry,
    Failure,
    OnceFound,
    RunCancelled,
    RunDone,
    RunFailed,
    RunPaused,
    RunStarted,
    Status,
)
from leadflow.keeping import Kept, Origin, begin, find, has_moved, held, kept, kernel_of, taken_back
from leadflow.plan.codec import to_text
from leadflow.plan.plan import FlowPlan, Node, Plan
from leadflow.policies.once import judge
from leadflow.run.adapters import SystemClock, new_run_id, new_seed
from leadflow.run.carrying import filled
from leadflow.run.claims import StoreClaims
from leadflow.run.driver import Driver, Ports, Result, result_of
from leadflow.run.errors import InternalError
from leadflow.run.forking import begun_step, forked
from leadflow.run.kernel import Kernel, Program
from leadflow.run.moving import Moved, Stays, move
from leadflow.run.ports import Caller, Claim, Clock
from leadflow.run.questions import Asked, Questions
from leadflow.run.store import HeldJournal, RunRow, Store
from leadflow.runs import RunOptions, store_of, under_way_elsewhere
from leadflow.settings import Project
from leadflow.stores.owner import this_user, this_worker

_LOOKS = timedelta(milliseconds=200)
"""How often whoever watches a run looks whether something has happened."""
_ENDS = (RunDone, RunFailed, RunCancelled)


class _Nobody:
    """The callers of a run that calls nobody any more."""

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """Nothing is called."""
        raise InternalError(f"{node.name} of a run that is given up")


async def cancel_run(
    run: str, project: Project, registry: Registry, wish: CancelRequested, options: RunOptions | None = None
) -> Result:
    """Stop a run, wherever it is worked on, and wait until it has stopped. One that has ended stays as it is (case X5).

    A run that nobody works on is ended here: no step of it is called again, and those that are done are taken back;
    for that its agents are made, and whoever plays or observes them is told. With `force` nothing is taken back.

    Returns: how it ended; with status `waiting` when an undo is in doubt and nobody has told.

    Raises:
        NoSuchRun: there is none. StartProblem: an agent that takes steps back cannot be made.
        JournalProblem: its journal cannot be used.
    """
    options = options or RunOptions()
    clock = options.clock or SystemClock()
    async with store_of(options, project, clock) as store:
        row = await find(store, run)
        while True:
            if row.is_held:
                await store.wish(row.id, wish)
                row = await _until_let_go(store, row, clock)
            if row.status.is_settled:
                return result_of(row.id, await store.load(row.id))
            found = await kept(store, row)
            claimed = await store.claim(row.id)
            if claimed is not None:
                async with held(store, claimed, clock) as journal:
                    if not await has_moved(store, found):
                        return await _end(found, journal, wish, (project, registry), replace(options, clock=clock))
            row = await find(store, row.id)  # somebody took it up or moved it in this moment


async def _until_let_go(store: Store, row: RunRow, clock: Clock) -> RunRow:
    while row.is_held and not row.status.is_settled:
        await clock.sleep(_LOOKS)
        row = await find(store, row.id)
    return row


async def _end(
    found: Kept, journal: HeldJournal, wish: CancelRequested, where: tuple[Project, Registry], options: RunOptions
) -> Result:
    entries, clock = await journal.load(), options.clock or SystemClock()
    if not entries:
        raise StartProblem([f"run {journal.run} never began; `leadflow runs rm {journal.run}` forgets it"])
    program = Program(found.plan)
    if wish.force:
        driver = Driver(program, Ports(_Nobody(), journal, clock), found.bounds)
        return await driver.end(entries, wish, owner=this_worker())
    try:
        making = await make_ready(found.plan, found.row.flow, *where, None, options.cast)
    except StartProblem as problem:
        told = f"what run {journal.run} did cannot be taken back here; --force ends it and takes nothing back"
        raise StartProblem([*problem.problems, told]) from None
    questions = Questions(clock)
    async with callers_of(making, clock, new_seed(), questions) as callers:
        driver = Driver(program, Ports(callers, journal, clock, options.observers, questions), found.bounds)
        return await driver.end(entries, wish, owner=this_worker())


async def fork_run(
    run: str, step: str, project: Project, registry: Registry, options: RunOptions | None = None, *, before: bool
) -> Kept:
    """A new run that keeps what another one did: before a step began, or all that does not wait for that step.

    It is interrupted where the step begins, and goes on when it is resumed. The other run stays as it is.

    Args:
        step: its path, perhaps without the flow's name.
        before: keep only what was done before the step began.

    Raises:
        NotBegun: the step has not begun in that run. NoSuchRun: there is none.
        StartProblem: the new run could not go on here. JournalProblem: the journal cannot be used.
    """
    options = options or RunOptions()
    clock = options.clock or SystemClock()
    async with store_of(options, project, clock) as store:
        found = await kept(store, await find(store, run))
        entries = await store.load(found.row.id)
        path = begun_step(entries, step)
        await make_ready(found.plan, found.row.flow, project, registry, None)
        first = entries[0].event
        if not isinstance(first, RunStarted):
            raise InternalError("a log begins with the start of its run")
        inputs = filled(found.plan.flows[first.flow], first)  # it may have moved to a plan with further parameters
        started = replace(
            first, run=new_run_id(), plan=found.plan.hash, inputs=inputs, started=clock.now(), origin=first.run
        )
        back = {one.step for one in await taken_back(store, found.row.id)}.union(await _gone(store, entries))
        events = forked(kernel_of(found), entries, started, path, before=before, back=back)
        journal = await begin(store, started, found.plan, found.bounds, Origin(found.row.id, path))
        async with held(store, journal, clock):
            await journal.append(events)
        return await kept(store, await find(store, started.run))


async def _gone(store: Store, entries: Sequence[Entry]) -> set[str]:
    """The steps of a run whose value is that of another run, by `@once`, which has taken its step back since."""
    claims, gone = StoreClaims(store), set[str]()
    for _, _, found in entries:
        if not isinstance(found, OnceFound):
            continue
        claim = Claim(found.run, found.step)
        holding = await claims.look(found.run)
        is_free = holding is not None and judge(holding, claim).state == "free"
        if is_free or await claims.is_taken_back(claim):
            gone.add(found.path)
    return gone


async def move_run(run: str, plan: Plan, project: Project, options: RunOptions | None = None) -> Moved | Stays:
    """Move a run that nobody works on to another plan, if nothing that it has passed differs there (case D6).

    Raises:
        NoSuchRun: there is none. StartProblem: it has ended, or somebody works on it.
        JournalProblem: its journal cannot be used.
    """
    options = options or RunOptions()
    clock = options.clock or SystemClock()
    async with store_of(options, project, clock) as store:
        found = await kept(store, await find(store, run))
        if found.row.status.is_settled:
            raise StartProblem([f"run {found.row.id} has ended: it is {found.row.status}"])
        claimed = await store.claim(found.row.id)
        if claimed is None:
            raise StartProblem([under_way_elsewhere(found.row)])
        async with held(store, claimed, clock, works=False) as journal:
            if await has_moved(store, found):
                raise StartProblem([f"run {found.row.id} was moved by somebody else in this moment; look at it first"])
            entries = await journal.load()
            kernel = Kernel(Program(plan), calls=found.bounds.calls, deadline=found.bounds.deadline)
            moved = move(found.plan, plan, kernel, [entry.event for entry in entries], by=this_user())
            if isinstance(moved, Moved):
                await store.keep_plan(plan.hash, to_text(plan))
                await journal.append(moved.events)
                await store.keep_plan(plan.hash, to_text(plan))  # nobody needed it until then: it may be forgotten
            return moved


async def watch_run(run: str, project: Project, options: RunOptions | None = None) -> Result:
    """Show a run to the observers from its first event on, until it ends or nobody works on it any more.

    Returns: how it ended; with status `waiting`, when it has not.

    Raises:
        NoSuchRun: there is none. JournalProblem: its journal cannot be used.
    """
    options = options or RunOptions()
    clock = options.clock or SystemClock()
    entries: list[Entry] = []
    async with store_of(options, project, clock) as store:
        row = await find(store, run)
        while True:
            row = await find(store, row.id)  # before the events: what is kept when it is let go is seen
            new: Sequence[Entry] = await store.tail(row.id, len(entries))
            entries += new
            for observer in options.observers:
                for entry in new:
                    observer(entry)
            if entries and isinstance(entries[-1].event, _ENDS):
                return result_of(row.id, entries)
            if not row.is_held:
                return _let_go(row.id, entries)
            await clock.sleep(_LOOKS)


def _let_go(run: str, entries: Sequence[Entry]) -> Result:
    """A run that has not ended, and that nobody works on: it is paused, or its process is gone."""
    if entries and isinstance(entries[-1].event, RunPaused):
        open_ones = Asked(entries).unanswered
        return Result(run, Status.WAITING, None, None, entries, questions=open_ones)
    failure = Failure("system.interrupted", "system", "nobody works on it any more")
    return Result(run, Status.WAITING, None, failure, entries)
