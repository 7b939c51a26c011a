"""A run from its start, or from where its process ended, to its end: inputs go in, a finished run comes out.

What its calls are made of is the concern of `assembly`, and where it is kept that of `keeping`. Nothing starts before
both have said that it can: then the driver has it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from leadflow.agents.registry import Registry
from leadflow.answers import OpenQuestion, give, open_questions
from leadflow.assembly import Making, StartProblem, callers_of, looked_at, make_ready, memo_of
from leadflow.events.model import Entry, RunStarted
from leadflow.keeping import begin, find, forget_old, has_moved, heeding, held, is_dead, kept, opened, unfinished
from leadflow.plan.plan import Plan
from leadflow.plan.types import Value
from leadflow.policies.ledger import Amount
from leadflow.policies.shared import Shared
from leadflow.recalling import recall
from leadflow.record import record
from leadflow.run.adapters import SystemClock, new_run_id, new_seed
from leadflow.run.brake import Brake
from leadflow.run.claims import LateClaims, MemoryClaims, StoreClaims
from leadflow.run.driver import Bounds, Driver, Listener, Observer, Ports, Result
from leadflow.run.inputs import read_inputs
from leadflow.run.kernel import Program
from leadflow.run.ports import Cast, Clock, Journal
from leadflow.run.probing import probed
from leadflow.run.questions import Questions
from leadflow.run.store import JournalProblem, RunRow, Store
from leadflow.run.taken_up import Past, Told, under_way
from leadflow.settings import JOURNAL, Project
from leadflow.stores.memory import MemoryJournal
from leadflow.stores.owner import spoken, this_worker


class InputProblem(StartProblem):
    """A run that cannot start with these inputs: they are missing, unknown, or of other types."""


class UnderWay(StartProblem):
    """A run that cannot go on here, because another process works on it."""


@record
class RunOptions:
    """What a caller may decide about a run."""

    observers: Sequence[Observer] = ()
    """Are shown every event, in order."""
    listeners: Sequence[Listener] = ()
    """Hear what models say while they say it."""
    deadline: timedelta | None = None
    """Of the whole run; None: it may take for ever."""
    seed: int | None = None
    """Of the run's chance; None draws one."""
    clock: Clock | None = None
    """None: the system's."""
    durable: bool = True
    """Keep the run in the project's journal, so that it can go on when its process has ended."""
    store: Store | None = None
    """Where runs are kept; None: the project's journal is opened for this one."""
    cast: Cast | None = None
    """Who plays the agents of the run; None: they themselves."""
    recording: str | None = None
    """The file in which somebody writes down what agents are asked: kept with the run, for whoever goes on with it."""
    brake: Brake | None = None
    """Pauses the run when it is pulled; None: nothing does."""
    again_anyway: bool = False
    """Go on also with a run in which too many processes in a row have ended (case D15)."""
    alone: bool = False
    """Nothing in this process needs the event loop but this run: it may wait for the disk while the run does."""


async def run_plan(
    plan: Plan,
    flow: str,
    inputs: Mapping[str, object],
    project: Project,
    registry: Registry,
    options: RunOptions | None = None,
    *,
    shared: Shared | None = None,
) -> Result:
    """Run a flow of a plan to its end.

    Args:
        inputs: raw data by parameter; admitted as the parameters' types.
        registry: the kinds of agents, as the plan was checked with.
        shared: what runs of this process share: limits, breakers, caches; None shares with nobody.

    Raises:
        StartProblem: something is missing; nothing was started.
        asyncio.CancelledError: the run was cancelled from outside, and has cleaned up.
    """
    options = options or RunOptions()
    values = _inputs(plan, flow, inputs)
    making = looked_at(plan, flow, project, registry, shared, options.cast)
    clock, seed = options.clock or SystemClock(), new_seed() if options.seed is None else options.seed
    started = RunStarted(new_run_id(), flow, plan.hash, values, seed, clock.now())
    bounds = Bounds(calls=project.settings.run.concurrency, deadline=options.deadline)
    questions, claims = Questions(clock) if options.durable else None, LateClaims()
    async with (
        callers_of(making, clock, seed, questions, claims) as callers,
        _begun(making, started, bounds, options, questions, claims) as journal,
    ):
        memo = memo_of(making, clock)
        ports = Ports(callers, journal, clock, options.observers, questions, options.listeners, memo)
        driver = Driver(Program(plan), ports, bounds)
        async with heeding(journal, clock, driver), _braked(driver, options):
            result = await driver.run(started)
    return await _heard(result, project, registry, options, shared=shared)


async def unfinished_run(
    plan: Plan, flow: str, inputs: Mapping[str, object], project: Project, options: RunOptions | None = None
) -> RunRow | None:
    """The newest run of this flow, content and input that has not ended, and that nobody works on.

    Raises:
        StartProblem: the inputs are none of the flow, or the journal cannot be used.
    """
    options = options or RunOptions()
    values = _inputs(plan, flow, inputs)
    if options.store is None and not (project.root / JOURNAL).is_file():
        return None
    try:
        async with store_of(options, project, options.clock or SystemClock()) as store:
            return await unfinished(store, flow, plan.hash, values)
    except JournalProblem as problem:
        raise _unkept(problem) from None


def _unkept(problem: JournalProblem) -> StartProblem:
    """A run cannot be kept."""
    return StartProblem([f"{problem}; without a journal (`--no-journal`) the run would not survive its process"])


async def resume_run(
    run: str,
    project: Project,
    registry: Registry,
    options: RunOptions | None = None,
    *,
    told: Mapping[str, Told] | None = None,
    shared: Shared | None = None,
) -> Result:
    """Go on with a run whose process has ended, with the plan that it was started with.

    Args:
        run: its id, or the beginning of it.
        told: what somebody found out about calls in doubt, by path.

    Raises:
        NoSuchRun: there is none.
        StartProblem: it cannot go on here: somebody works on it, or something is missing.
        JournalProblem: its journal cannot be used.
    """
    options = options or RunOptions()
    result = await _resumed(run, project, registry, options, told=told or {}, shared=shared)
    return await _heard(result, project, registry, options, shared=shared)


def under_way_elsewhere(row: RunRow) -> str:
    """Why nobody takes up a run that another process works on, and what to do."""
    run = row.id
    return (
        f"run {run} is under way in another process ({spoken(row.owner)}): `leadflow runs watch {run}` follows it,"
        f" `leadflow runs cancel {run}` stops it"
    )


def _given_up(row: RunRow) -> str:
    """Why nobody takes up a run that ends its workers, and what to do (case D15)."""
    return (
        f"{row.crashes} processes in a row have ended in the middle of run {row.id}, so nobody takes it up any more;"
        f" look why (`leadflow runs show {row.id}`), and then go on (`leadflow resume {row.id} --again-anyway`) or"
        f" end it (`leadflow runs cancel {row.id}`)"
    )


async def _heard(
    result: Result, project: Project, registry: Registry, options: RunOptions, *, shared: Shared | None
) -> Result:
    """A run that has given itself back goes on when an answer came in that moment: whoever gave it saw a run under way,
    and left it to that to hear of it."""
    is_braked = options.brake is not None and options.brake.why is not None
    while result.questions and not is_braked and await _has_answer(result, project, options):
        try:
            result = await _resumed(result.run, project, registry, options, told={}, shared=shared)
        except UnderWay:
            break
    return result


@asynccontextmanager
async def _braked(driver: Driver, options: RunOptions) -> AsyncIterator[None]:
    """The brake of a run acts on it."""
    with (options.brake or Brake()).on(driver, is_kept=options.durable):
        yield


async def _has_answer(result: Result, project: Project, options: RunOptions) -> bool:
    """Whether somebody has answered one of the questions that a run waits for."""
    async with store_of(options, project, options.clock or SystemClock()) as store:
        given = {(answer.path, answer.number) for answer in await store.answers(result.run)}
    return any((asked.path, asked.number) in given for asked in result.questions)


async def _resumed(
    run: str,
    project: Project,
    registry: Registry,
    options: RunOptions,
    *,
    told: Mapping[str, Told],
    shared: Shared | None,
) -> Result:
    """Claim a run and go on with it until it ends, or is paused again."""
    clock = options.clock or SystemClock()
    async with store_of(options, project, clock) as store:
        found = await kept(store, await find(store, run))
        plan, row = found.plan, found.row
        making = await make_ready(plan, row.flow, project, registry, shared, options.cast)
        if is_dead(row, project) and not options.again_anyway:
            raise StartProblem([_given_up(row)])
        claimed = await store.claim(row.id)
        if claimed is None:
            raise UnderWay([under_way_elsewhere(row)])
        async with held(store, claimed, clock) as journal:
            if await has_moved(store, found):
                raise UnderWay([f"run {row.id} was moved to another plan in this moment; resume it again"])
            await recall(store, making, clock)
            entries = await journal.load()
            if not entries:
                raise StartProblem([f"run {row.id} never began: start it anew"])
            _look_at(told, entries)
            for entry in entries:
                making.undone.read(entry.event)
            if making.purse is not None:
                for one in Past(entries).spent():
                    making.purse.ledger.remember(one.path, Amount(one.money, one.tokens, one.calls))
            questions = Questions(clock)
            questions.listen(lambda: store.answers(row.id))
            async with callers_of(making, clock, new_seed(), questions, StoreClaims(store)) as callers:
                program, memo = Program(plan), memo_of(making, clock)
                ports = Ports(callers, journal, clock, options.observers, questions, options.listeners, memo)
                probes = await probed(
                    program, entries, ports, found.bounds, journal=lambda: MemoryJournal(clock), told=told
                )
                driver = Driver(program, ports, found.bounds)
                async with heeding(journal, clock, driver), _braked(driver, options):
                    return await driver.resume(entries, {**probes.told, **told}, owner=this_worker(), why=probes.why)


def _look_at(told: Mapping[str, Told], entries: Sequence[Entry]) -> None:
    """Refuse words about steps that are not under way: whoever said them means another one, and would not be heard.

    Raises:
        StartProblem: there are some.
    """
    open_ones = under_way(entries)
    if strangers := [path for path in told if path not in open_ones]:
        if not open_ones:
            raise StartProblem(
                ["no step of this run is under way, so there is none of which to say whether it was done"]
            )
        listed = ", ".join(open_ones)
        raise StartProblem([f"step '{path}' is not under way in this run; under way: {listed}" for path in strangers])


async def questions_of(run: str, project: Project, options: RunOptions | None = None) -> Sequence[OpenQuestion]:
    """The questions of a run that nobody has answered, in the order in which they were asked.

    Raises:
        NoSuchRun: there is none. JournalProblem: its journal cannot be used.
    """
    options = options or RunOptions()
    async with store_of(options, project, options.clock or SystemClock()) as store:
        return await open_questions(store, await kept(store, await find(store, run)))


async def answer_run(
    run: str, step: str, value: object, project: Project, options: RunOptions | None = None, *, by: str, note: str = ""
) -> OpenQuestion:
    """Answer a question of a run; the run hears of it where it is under way, or when it is resumed.

    Args:
        step: its path, or the end of that where only one open question ends so.
        value: plain data as from JSON, or `Typed`.
        by: who answers.

    Raises:
        NotAnswered: there is no such question, it has an answer or has expired, or this is no answer to it.
        NoSuchRun: there is no such run. JournalProblem: its journal cannot be used.
    """
    options = options or RunOptions()
    clock = options.clock or SystemClock()
    async with store_of(options, project, clock) as store:
        found = await kept(store, await find(store, run))
        return await give(store, found, step, value, by=by, now=clock.timestamp(), note=note)


@asynccontextmanager
async def store_of(options: RunOptions, project: Project, clock: Clock) -> AsyncIterator[Store]:
    """The store that was given, or the project's."""
    if options.store is not None:
        yield options.store
        return
    async with opened(project, clock, alone=options.alone) as store:
        yield store


@asynccontextmanager
async def _begun(
    making: Making,
    started: RunStarted,
    bounds: Bounds,
    options: RunOptions,
    questions: Questions | None,
    claims: LateClaims,
) -> AsyncIterator[Journal]:
    """The journal of a run that begins now, and whose upstreams know what it knows; people can answer in its store.

    Raises:
        StartProblem: the run cannot be kept.
    """
    clock = options.clock or SystemClock()
    if questions is None:
        unkept, book = MemoryJournal(clock), MemoryClaims()
        book.add(started.run, unkept)
        claims.use(book)
        yield unkept
        return
    async with AsyncExitStack() as kept_open:
        try:
            store = await kept_open.enter_async_context(store_of(options, making.project, clock))
            await recall(store, making, clock)
            await forget_old(store, making.project, clock)
            journal = await begin(store, started, making.plan, bounds, recording=options.recording)
        except JournalProblem as problem:
            raise _unkept(problem) from None
        questions.listen(lambda: store.answers(started.run))
        claims.use(StoreClaims(store))
        yield await kept_open.enter_async_context(held(store, journal, clock))


def _inputs(plan: Plan, flow: str, raw: Mapping[str, object]) -> Mapping[str, Value]:
    admitted = read_inputs(flow, plan.flows[flow].params, raw)
    if isinstance(admitted, list):
        raise InputProblem(admitted)
    return admitted
