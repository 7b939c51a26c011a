"""Steps that a run did not take back, taken back later: a run of its own for each, once whatever failed is well again.

A run that ended with `flow.compensation` has ended (case X1): nothing is added to its log. But the log has the calls
that would have taken its steps back, with their arguments, and each of these becomes a run like any other: it is kept,
goes on after a crash, and says which step of which run it takes back. What such a run has done is not done again.

Whoever has taken a step back by hand, or found that it was never done, says so: that is such a run, too, in which
nothing is called. Either frees the step's key of `@once`.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from leadflow.agents.registry import Registry
from leadflow.assembly import StartProblem, make_ready
from leadflow.diagnostics import did_you_mean
from leadflow.events.model import (
    CancelRequested,
    Entry,
    Failure,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    RunStarted,
    Status,
    ToolStep,
    UndoBegan,
    UndoKept,
)
from leadflow.keeping import (
    Kept,
    Origin,
    TakenBack,
    begin,
    find,
    held,
    kept,
    made_from,
    setting_of,
    taken_back,
)
from leadflow.operating import cancel_run
from leadflow.plan.codec import seal
from leadflow.plan.looping import inside_tool
from leadflow.plan.paths import NoSuchStep, ending_in, find_steps, several_end
from leadflow.plan.plan import AgentCall, FlowPlan, Plan, Scope
from leadflow.plan.types import JSON, STRING, FieldType
from leadflow.plan.undoing import SUFFIX, is_undoing, undo_flow
from leadflow.policies.once import judge
from leadflow.record import record
from leadflow.run.adapters import SystemClock, new_run_id, new_seed
from leadflow.run.errors import may_be_done
from leadflow.run.kernel import Kernel, Program
from leadflow.run.ports import Claim, Clock, Holding
from leadflow.run.recover import unsent
from leadflow.run.store import RunRow, Store, Wanted
from leadflow.run.taken_up import under_way
from leadflow.runs import RunOptions, store_of
from leadflow.settings import Project
from leadflow.stores.owner import this_user

_TOLD_BY = "told_by"
"""What a run is given that says what somebody did."""


@record
class Backward:
    """What takes back the steps of a run that still stand."""

    run: str
    """Its id."""
    runs: Sequence[Kept]
    """One for each, in the order in which they go on; each is interrupted before its only call."""
    undos: Mapping[str, UndoKept]
    """By the path of each step that still stands, where it is known what call takes it back."""
    impossible: Mapping[str, str]
    """By path, why others cannot be taken back by a call."""


async def undo_again(run: str, project: Project, registry: Registry, options: RunOptions | None = None) -> Backward:
    """Runs that take back what a run did and was to take back, and that stands; each begins when it is resumed. One
    that was made for that before, and has not ended, is gone on with.

    Raises:
        StartProblem: the run has not ended, or nothing of it is to be taken back, or an agent cannot be made, or
            somebody else makes these runs in this moment.
        NoSuchRun: there is none. JournalProblem: the journal cannot be used.
    """
    options = options or RunOptions()
    clock = options.clock or SystemClock()
    async with store_of(options, project, clock) as store, _ended(store, run, clock) as found:
        made = await _made(store, found, project, registry, clock)
        if not made.runs and not made.impossible:
            raise StartProblem([_nothing_left(found)])
        return made


async def undone_by_hand(
    run: str, steps: Sequence[str], project: Project, registry: Registry, options: RunOptions | None = None
) -> tuple[Sequence[TakenBack], Sequence[str]]:
    """Note that steps of a run do not stand: somebody took them back by hand, or found that they were not done. A run
    that was to take one back, and has not ended, is given up.

    Args:
        steps: paths of steps that still stand, or that may have been done, or the ends of those.

    Returns: what is noted, and the paths of steps that still stand.

    Raises:
        StartProblem: the run has not ended, or one of the steps is none of these; then nothing is noted.
        NoSuchRun: there is none. JournalProblem: the journal cannot be used.
    """
    options = options or RunOptions()
    clock = options.clock or SystemClock()
    async with store_of(options, project, clock) as store, _ended(store, run, clock) as found:
        before, entries = await _made_before(store, found.row.id), await store.load(found.row.id)
        done = {path for path, row in before.items() if row.status is Status.DONE}
        standing = [path for path in _standing(entries) if path + SUFFIX not in done]
        doubtful = [path for path in _doubtful(found.plan, entries) if path + SUFFIX not in done]
        gone = _taken_back(entries, await taken_back(store, found.row.id))
        left = dict.fromkeys([*standing, *doubtful])
        paths = dict.fromkeys(_meant(step, found, left, gone) for step in steps)
        for path in paths:
            if (earlier := before.get(path + SUFFIX)) is not None and not earlier.status.is_settled:
                wish = CancelRequested(f"{path} was taken back by hand", True, this_user())
                await cancel_run(earlier.id, project, registry, wish, replace(options, store=store))
            await _note(store, found, path, clock)
        noted = [one for one in await taken_back(store, found.row.id) if one.step in paths]
        return noted, [path for path in standing if path not in paths]


def still_standing(entries: Sequence[Entry], since: Sequence[TakenBack]) -> Sequence[str]:
    """The steps of a run that were to be taken back and stand, after what was taken back of it since it ended."""
    gone = {one.step for one in since}
    return [path for path in _standing(entries) if path not in gone]


@asynccontextmanager
async def _ended(store: Store, run: str, clock: Clock) -> AsyncIterator[Kept]:
    """A run that has ended, held meanwhile: two who look at once would each make a run for the same step.

    Raises:
        StartProblem: it has not ended, or somebody else holds it.
    """
    found = await kept(store, await find(store, run))
    if not found.row.status.is_settled:
        raise StartProblem([f"run {found.row.id} has not ended: `leadflow resume {found.row.id}` goes on with it"])
    claimed = await store.claim(found.row.id)
    if claimed is None:
        raise StartProblem([f"somebody else takes back what run {found.row.id} did in this moment; look again"])
    async with held(store, claimed, clock, works=False):
        yield found


async def _made(store: Store, found: Kept, project: Project, registry: Registry, clock: Clock) -> Backward:
    """What takes back the steps of a run that still stand, made where it is not there."""
    before = await _made_before(store, found.row.id)
    runs: list[Kept] = []
    impossible: dict[str, str] = {}
    standing = _standing(await store.load(found.row.id))
    for path, undo in standing.items():
        earlier = before.get(path + SUFFIX)
        if earlier is not None and earlier.status is Status.DONE:
            continue
        if earlier is not None and not earlier.status.is_settled:
            runs.append(await kept(store, earlier))
        elif isinstance(flow := _flow_of(found.plan, undo), str):
            impossible[path] = flow
        else:
            plan = seal(replace(found.plan, flows={**found.plan.flows, flow.name: flow}))
            await make_ready(plan, flow.name, project, registry, None)
            runs.append(await _begun(store, plan, flow, undo, found, clock))
    undos = {path: undo for path, undo in standing.items() if undo is not None and path not in impossible}
    return Backward(found.row.id, runs, undos, impossible)


def _standing(entries: Sequence[Entry]) -> dict[str, UndoKept | None]:
    """The steps that were to be taken back and were not, by path, in the order in which they are; None: it is not
    known by what call."""
    began = next((event for _, _, event in reversed(entries) if isinstance(event, UndoBegan)), None)
    undone = {event.path for _, _, event in entries if isinstance(event, NodeDone) and event.absorbed is None}
    undos = {event.path: event for _, _, event in entries if isinstance(event, UndoKept)}
    paths = () if began is None else began.paths
    return {path: undos.get(path) for path in paths if path + SUFFIX not in undone}


def _doubtful(plan: Plan, entries: Sequence[Entry]) -> list[str]:
    """Calls that change something, and that may have been done although they did not end well; and those in flows that
    are tools that were to be taken back there and were not, of which no call takes them back later."""
    found: dict[str, bool] = dict.fromkeys(under_way(entries), True)
    inner: dict[str, None] = {}
    for _, _, event in entries:
        match event:
            case NodeDone(path=path, absorbed=Failure() as failure) | NodeFailed(path=path, failure=failure):
                found[path] = may_be_done(failure)
            case NodeCancelled(path=path, in_doubt=in_doubt):
                found[path] = in_doubt
            case ToolStep(path=call, inner=NodeStarted(path=path)):
                inner[f"{call}/{path}"] = None
            case _:
                pass
    written = [path for path in inner if _may_write(plan, path)]
    whole = Holding(entries, has_ended=True, is_under_way=False)
    return [
        *[path for path, is_in_doubt in found.items() if is_in_doubt and _may_write(plan, path)],
        *[path for path in written if judge(whole, Claim("", path)).state == "stuck"],
    ]


def _may_write(plan: Plan, path: str) -> bool:
    """Whether a path is that of a call that changes something, and takes nothing back."""
    inside = inside_tool(path)
    ways = NoSuchStep("") if is_undoing(path) else find_steps(plan, path if inside is None else inside[1])
    nodes = () if isinstance(ways, NoSuchStep) else tuple(way[-1].node for way in ways)
    return any(isinstance(node.work, AgentCall) and node.effect in ("write", "dangerous") for node in nodes)


def _nothing_left(found: Kept) -> str:
    """Why nothing of a run is to be taken back."""
    if found.row.status is Status.DONE:
        return f"run {found.row.id} is done, and keeps what it did; only one that failed or was cancelled takes it back"
    return f"nothing of run {found.row.id} is left to take back"


def _taken_back(entries: Sequence[Entry], since: Sequence[TakenBack]) -> Mapping[str, str]:
    """How each step was taken back that does not stand any more, by its path."""
    undone = (event.path for _, _, event in entries if isinstance(event, NodeDone) and event.absorbed is None)
    by_run = {path.removesuffix(SUFFIX): "by the run itself" for path in undone if path.endswith(SUFFIX)}
    by_others = {
        one.step: f"by hand, told by {one.by or 'somebody'}" if one.by_hand else f"by run {one.run}" for one in since
    }
    return {**by_run, **by_others}


def _meant(step: str, run: Kept, paths: Collection[str], gone: Mapping[str, str]) -> str:
    """The path that is meant by it, or by its end.

    Args:
        gone: by path, how others were taken back already.

    Raises:
        StartProblem: none is, or several are.
    """
    step = step.removesuffix(SUFFIX)
    name, found = run.row.id, ending_in(step, paths)
    if len(found) == 1:
        return found[0]
    if found:
        raise StartProblem([several_end(f"steps of run {name}", step, found)])
    for path in ending_in(step, gone):
        raise StartProblem([f"step {path} of run {name} is taken back already, {gone[path]}"])
    if not paths:
        raise StartProblem([_nothing_left(run)])
    raise StartProblem([f"run {name} has no step '{step}' that still stands or may have been done"
                        f"{did_you_mean(step, paths)}; such are: {', '.join(paths)}"])  # fmt: skip


def _flow_of(plan: Plan, undo: UndoKept | None) -> FlowPlan | str:
    """The flow of the call that takes a step back; or why there is none."""
    if undo is None:
        return "nothing was kept of it"
    if undo.failure is not None:
        return undo.failure.message
    ways = find_steps(plan, undo.path)
    nodes = () if isinstance(ways, NoSuchStep) else tuple(way[-1].node for way in ways)
    flows = [undo_flow(node, node.undo.work) for node in nodes if node.undo is not None and node.undo.work is not None]
    fitting = [flow for flow in flows if [param.name for param in flow.params] == [*undo.args]]
    return fitting[0] if len(flows) == len(fitting) == 1 else "its call is not known any more"


async def _made_before(store: Store, run: str) -> dict[str, RunRow]:
    """The runs that were made to take back steps of a run, by the path of the undo: the one that is done, else the
    newest. One whose process ended before its first event was kept can never go on, and is none."""
    found: dict[str, RunRow] = {}
    for row in await made_from(store, Wanted(origin=run)):
        _, path, *_ = setting_of(row)["from"]
        is_newest = row.status is not Status.PENDING and path not in found
        if path.endswith(SUFFIX) and (row.status is Status.DONE or is_newest):
            found[path] = row
    return found


async def _begun(store: Store, plan: Plan, flow: FlowPlan, undo: UndoKept | None, found: Kept, clock: Clock) -> Kept:
    """A run that is interrupted before its call."""
    args, path = ({}, "") if undo is None else (undo.args, undo.path + SUFFIX)
    started = RunStarted(new_run_id(), flow.name, plan.hash, args, new_seed(), clock.now())
    kernel = Kernel(Program(plan), calls=found.bounds.calls)
    events = kernel.start(started).events
    events += kernel.on(unsent(kernel)).events
    journal = await begin(store, started, plan, found.bounds, Origin(found.row.id, path))
    async with held(store, journal, clock, works=False):
        await journal.append(events)
    return await kept(store, await find(store, started.run))


async def _note(store: Store, found: Kept, path: str, clock: Clock) -> None:
    """A run of a flow without a step: it has ended as it begins, and its log says who made it."""
    name, place = path.rpartition("/")[2] + SUFFIX, found.plan.flows[found.row.flow].place
    flow = FlowPlan(
        name=name, params=(FieldType(_TOLD_BY, STRING),), result=JSON, nodes=(),
        scopes=(Scope(0, None, None, (_TOLD_BY,), (), ()),), lets=(), policies=(), effect="pure", place=place,
    )  # fmt: skip
    plan = seal(replace(found.plan, flows={**found.plan.flows, name: flow}))
    started = RunStarted(new_run_id(), name, plan.hash, {_TOLD_BY: this_user()}, new_seed(), clock.now())
    events = Kernel(Program(plan), calls=found.bounds.calls).start(started).events
    journal = await begin(store, started, plan, found.bounds, Origin(found.row.id, path + SUFFIX, by_hand=True))
    async with held(store, journal, clock, works=False):
        await journal.append(events)
