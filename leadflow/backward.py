"""Steps that a run did not take back, taken back later: a run of its own for each, once whatever failed is well again.

A run that ended with `flow.compensation` has ended (case X1): nothing is added to its log. But the log has the calls
that would have taken its steps back, with their arguments, and each of these becomes a run like any other: it is kept,
goes on after a crash, and says which step of which run it takes back. What such a run has done is not done again.
"""

from collections.abc import Sequence
from dataclasses import replace

from leadflow.agents.registry import Registry
from leadflow.assembly import StartProblem, make_ready
from leadflow.events.model import CallWaits, Entry, NodeDone, RunStarted, Status, UndoBegan, UndoKept
from leadflow.keeping import Kept, Origin, begin, find, held, kept, setting_of
from leadflow.plan.codec import seal
from leadflow.plan.paths import NoSuchStep, find_steps
from leadflow.plan.plan import AgentCall, FlowPlan, Plan
from leadflow.plan.undoing import SUFFIX, undo_flow
from leadflow.record import record
from leadflow.run.adapters import SystemClock, new_run_id, new_seed
from leadflow.run.kernel import Kernel, Program
from leadflow.run.ports import Clock
from leadflow.run.store import RunRow, Store
from leadflow.runs import RunOptions, store_of
from leadflow.settings import Project


@record
class Backward:
    """What takes back the steps of a run that still stand."""

    runs: Sequence[Kept]
    """One for each, in the order in which they go on; each is interrupted before its only call."""
    impossible: Sequence[str]
    """Why others cannot be taken back by a call, a line each."""


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
    async with store_of(options, project, clock) as store:
        found = await kept(store, await find(store, run))
        if not found.row.status.is_settled:
            raise StartProblem([f"run {found.row.id} has not ended: `leadflow resume {found.row.id}` goes on with it"])
        claimed = await store.claim(found.row.id)  # two who look at once would each make a run for the same step
        if claimed is None:
            raise StartProblem([f"somebody else takes back what run {found.row.id} did in this moment; look again"])
        async with held(store, claimed, clock, works=False):
            made = await _made(store, found, project, registry, clock)
        if not made.runs and not made.impossible:
            raise StartProblem([f"nothing of run {found.row.id} is left to take back"])
        return made


async def _made(store: Store, found: Kept, project: Project, registry: Registry, clock: Clock) -> Backward:
    """What takes back the steps of a run that still stand, made where it is not there."""
    before = await _made_before(store, found.row.id)
    runs: list[Kept] = []
    impossible: list[str] = []
    for path, undo in _standing(await store.load(found.row.id)).items():
        earlier = before.get(path + SUFFIX)
        if earlier is not None and earlier.status is Status.DONE:
            continue
        if earlier is not None and not earlier.status.is_settled:
            runs.append(await kept(store, earlier))
        elif isinstance(flow := _flow_of(found.plan, undo), str):
            impossible.append(f"step {path} cannot be taken back by a call: {flow}")
        else:
            plan = seal(replace(found.plan, flows={**found.plan.flows, flow.name: flow}))
            make_ready(plan, flow.name, project, registry, None)
            runs.append(await _begun(store, plan, flow, undo, found, clock))
    return Backward(runs, impossible)


def _standing(entries: Sequence[Entry]) -> dict[str, UndoKept | None]:
    """The steps that were to be taken back and were not, by path, in the order in which they are; None: it is not
    known by what call."""
    began = next((event for _, _, event in reversed(entries) if isinstance(event, UndoBegan)), None)
    undone = {event.path for _, _, event in entries if isinstance(event, NodeDone) and event.absorbed is None}
    undos = {event.path: event for _, _, event in entries if isinstance(event, UndoKept)}
    paths = () if began is None else began.paths
    return {path: undos.get(path) for path in paths if path + SUFFIX not in undone}


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
    for row in await store.runs():
        origin = setting_of(row).get("from")
        if origin is None or origin[0] != run or not origin[1].endswith(SUFFIX) or row.status is Status.PENDING:
            continue
        if row.status is Status.DONE or origin[1] not in found:
            found[origin[1]] = row
    return found


async def _begun(store: Store, plan: Plan, flow: FlowPlan, undo: UndoKept | None, found: Kept, clock: Clock) -> Kept:
    """A run that is interrupted before its call."""
    args, path = ({}, "") if undo is None else (undo.args, undo.path + SUFFIX)
    started = RunStarted(new_run_id(), flow.name, plan.hash, args, new_seed(), clock.now())
    kernel = Kernel(Program(plan), calls=found.bounds.calls)
    events = kernel.start(started).events
    waiting = [
        CallWaits(at, layout.node.work.agent, "the run to go on", None)
        for at, (_, layout) in kernel.state.calls.items()
        if isinstance(layout.node.work, AgentCall)
    ]
    events += kernel.on(waiting).events  # nothing of them was under way, so that nothing of them is in doubt
    journal = await begin(store, started, plan, found.bounds, Origin(found.row.id, path))
    async with held(store, journal, clock, works=False):
        await journal.append(events)
    return await kept(store, await find(store, started.run))
