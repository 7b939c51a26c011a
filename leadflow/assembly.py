"""The one place where ports meet adapters: a plan, a project and inputs go in, a finished run comes out.

Everything that can be known before the first call is looked at first and told all at once: what this version does not
run, inputs of the wrong type, missing secrets, agents that cannot be built. Then the run starts, or nothing does.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfoNotFoundError

from leadflow.agents.registry import Registry
from leadflow.agents.spawner import ProcessSpawner
from leadflow.agents.transport import HttpTransport
from leadflow.bound.asks import Known
from leadflow.bound.budgets import has_budgets, prices_of, unpriced
from leadflow.bound.prices import read_prices
from leadflow.events.model import RunStarted
from leadflow.keeping import JOURNAL, begin, find, held, kept, opened, unfinished
from leadflow.plan.plan import AgentCall, AgentSpec, Node, Plan, Secret, SettingValue
from leadflow.plan.policy import Limit
from leadflow.plan.reactions import resets
from leadflow.plan.types import Value
from leadflow.policies.budget import Charge, Purse
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.ledger import Amount
from leadflow.policies.renewal import Renewable
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.record import record
from leadflow.resources import prices_text
from leadflow.run.adapters import SeededRng, SystemClock, new_run_id, new_seed, zone_of
from leadflow.run.driver import Bounds, Driver, Observer, Ports, Result
from leadflow.run.errors import CallError
from leadflow.run.inputs import read_inputs
from leadflow.run.kernel import Program
from leadflow.run.ports import Agent, AgentKind, Clock, Journal, Transport, Uses, World
from leadflow.run.store import JournalProblem, RunRow, Store
from leadflow.run.support import agents_of, reached, refusals, with_undo
from leadflow.run.taken_up import Past, Told
from leadflow.settings import Project, own_prices, program_env, read_secrets
from leadflow.stores.memory import MemoryJournal
from leadflow.stores.owner import this_owner


class StartProblem(Exception):
    """A run that cannot start: nothing was called, nothing was spent."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
        """One line each."""


class InputProblem(StartProblem):
    """A run that cannot start with these inputs: they are missing, unknown, or of other types."""


@record
class RunOptions:
    """What a caller may decide about a run."""

    observers: Sequence[Observer] = ()
    """Are shown every event, in order."""
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
    making = _making(plan, flow, project, registry, shared)
    clock, seed = options.clock or SystemClock(), new_seed() if options.seed is None else options.seed
    started = RunStarted(new_run_id(), flow, plan.hash, values, seed, clock.now())
    bounds = Bounds(calls=project.settings.run.concurrency, deadline=options.deadline)
    async with _callers(making, clock, seed) as callers, _begun(plan, started, bounds, options, project) as journal:
        return await Driver(Program(plan), Ports(callers, journal, clock, options.observers), bounds).run(started)


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
        async with _store(options, project, options.clock or SystemClock()) as store:
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
    clock = options.clock or SystemClock()
    async with _store(options, project, clock) as store:
        found = await kept(store, await find(store, run))
        plan, row = found.plan, found.row
        making = _making(plan, row.flow, project, registry, shared)
        claimed = await store.claim(row.id)
        if claimed is None:
            raise StartProblem([f"run {row.id} is under way in another process: {row.owner}"])
        async with held(store, claimed, clock) as journal:
            entries = await journal.load()
            if not entries:
                raise StartProblem([f"run {row.id} never began: start it anew"])
            if making.purse is not None:
                for one in Past(entries).spent():
                    making.purse.ledger.remember(one.path, Amount(one.money, one.tokens, one.calls))
            async with _callers(making, clock, new_seed()) as callers:
                driver = Driver(Program(plan), Ports(callers, journal, clock, options.observers), found.bounds)
                return await driver.resume(entries, told, owner=this_owner())


@asynccontextmanager
async def _store(options: RunOptions, project: Project, clock: Clock) -> AsyncIterator[Store]:
    """The store that was given, or the project's."""
    if options.store is not None:
        yield options.store
        return
    async with opened(project, clock) as store:
        yield store


@asynccontextmanager
async def _begun(
    plan: Plan, started: RunStarted, bounds: Bounds, options: RunOptions, project: Project
) -> AsyncIterator[Journal]:
    """The journal of a run that begins now.

    Raises:
        StartProblem: the run cannot be kept.
    """
    clock = options.clock or SystemClock()
    if not options.durable:
        yield MemoryJournal(clock)
        return
    async with AsyncExitStack() as kept_open:
        try:
            store = await kept_open.enter_async_context(_store(options, project, clock))
            journal = await begin(store, started, plan, bounds)
        except JournalProblem as problem:
            raise _unkept(problem) from None
        yield await kept_open.enter_async_context(held(store, journal, clock))


@record
class _Making:
    """What callers are made of."""

    plan: Plan
    flow: str
    needed: Mapping[str, Uses]
    secrets: Mapping[str, str]
    project: Project
    registry: Registry
    shared: Shared
    purse: Purse | None
    """What calls cost, where budgets ask."""


def _making(plan: Plan, flow: str, project: Project, registry: Registry, shared: Shared | None) -> _Making:
    """What callers are made of.

    Raises:
        StartProblem: something of it is missing here; all of that is told at once.
    """
    needed = _needed(plan, flow)
    secrets, missing = _secrets(plan, needed)
    purse, unpriced = _purse(plan, flow, registry, project)
    if problems := [*_refused(plan, flow, registry, needed), *missing, *unpriced]:
        raise StartProblem(problems)
    return _Making(plan, flow, needed, secrets, project, registry, shared or Shared(), purse)


@asynccontextmanager
async def _callers(making: _Making, clock: Clock, seed: int) -> AsyncIterator[Stack]:
    """The agents of a run with their policies around them, closed when it is over."""
    plan, project, secrets, needed = making.plan, making.project, making.secrets, making.needed
    rng = SeededRng(seed)
    world = World(
        clock=clock,
        rng=rng,
        transport=HttpTransport(),
        spawner=ProcessSpawner(),
        root=project.root,
        commands=project.settings.commands,
        env=program_env(project.settings),
        secrets=secrets,
    )
    async with _agents(plan, needed, _made_anew(plan, making.flow), making.registry, world) as agents:
        ports = PolicyPorts(clock, rng, making.shared, tuple(secrets.values()))
        keys, scopes = _upstreams(plan, needed, secrets), _scopes(plan, needed, secrets, project)
        yield Stack(plan.agents, agents, ports, keys, scopes, making.purse)


def _inputs(plan: Plan, flow: str, raw: Mapping[str, object]) -> Mapping[str, Value]:
    admitted = read_inputs(flow, plan.flows[flow].params, raw)
    if isinstance(admitted, list):
        raise InputProblem(admitted)
    return admitted


def _refused(plan: Plan, flow: str, registry: Registry, needed: Mapping[str, Uses]) -> list[str]:
    """What this version or this installation cannot run."""
    problems = [f"{place.file}:{place.line}:{place.column}: {what}" for place, what in refusals(plan, flow)]
    for name in needed:
        spec = plan.agents[name]
        problems += [f"{_at(spec)}agent '{name}': {problem}" for problem in _unknown_hours(spec)]
        if spec.kind not in registry.kinds and spec.kind not in registry.catalogue:
            problems += [f"{_at(spec)}agent '{name}': its kind '{spec.kind}' is not installed", *registry.problems]
    return problems


def _purse(plan: Plan, flow: str, registry: Registry, project: Project) -> tuple[Purse | None, list[str]]:
    """What the run pays from when there are budgets in it, and the models whose price they would need (case $9)."""
    if not has_budgets(plan, flow):
        return None, []
    settings = project.settings
    known = Known(registry.catalogue, read_prices(prices_text()), own_prices(settings), settings.run.concurrency)
    charges = {name: Charge(one.input, one.output or 0, one.request) for name, one in prices_of(plan, known).items()}
    problems = [f"{at.file}:{at.line}:{at.column}: {what}" for at, what in unpriced(plan, flow, known)]
    return Purse(charges), problems


def _unknown_hours(spec: AgentSpec) -> Iterator[str]:
    """What this machine does not know of the days that an agent's limit counts."""
    for limit in (each.policy for each in spec.policies):
        if isinstance(limit, Limit) and limit.zone is not None:
            try:
                zone_of(limit.zone)
            except ZoneInfoNotFoundError:
                yield f"this machine does not know the hours of {limit.zone}; the package tzdata has them"


# --- what a flow needs --------------------------------------------------------------------------------------------


def _needed(plan: Plan, flow: str) -> Mapping[str, Uses]:
    """The agents that a flow may call, fallbacks and called flows included, and how."""
    shapes: dict[str, dict[str, dict[tuple[str, ...], None]]] = {}
    for node in _nodes(plan, flow):
        for each in with_undo(node):
            if not isinstance(call := each.work, AgentCall):
                continue
            names = tuple(name for name, _ in call.args)
            for agent in agents_of(each, call):
                shapes.setdefault(agent, {}).setdefault(call.action, {})[names] = None
    return {agent: {action: tuple(found) for action, found in by_action.items()} for agent, by_action in shapes.items()}


def _nodes(plan: Plan, flow: str) -> Iterator[Node]:
    return (node for name in reached(plan, flow) for node in plan.flows[name].nodes)


def _made_anew(plan: Plan, flow: str) -> frozenset[str]:
    """The agents that a failure may make anew (`reset` of `@on_error`)."""
    nodes = (each for node in _nodes(plan, flow) for each in with_undo(node) if resets(each.policies))
    calls = ((node, node.work) for node in nodes if isinstance(node.work, AgentCall))
    return frozenset(agent for node, call in calls for agent in agents_of(node, call))


def _secrets(plan: Plan, needed: Mapping[str, Uses]) -> tuple[Mapping[str, str], list[str]]:
    """The values of all secrets that the needed agents name, and what is missing (case 127 of the bad inputs)."""
    names: dict[str, str] = {}
    for agent in needed:
        for secret in _named(plan.agents[agent]):
            names.setdefault(secret.name, agent)
    values, missing = read_secrets(tuple(names))
    return values, [
        f"{_at(plan.agents[names[name]])}agent '{names[name]}' needs the environment variable {name}, which is not set"
        for name in missing
    ]


def _at(spec: AgentSpec) -> str:
    """Where an agent is declared, as the beginning of a message; nothing for one that is declared nowhere."""
    return f"{spec.place.file}:{spec.place.line}:{spec.place.column}: " if spec.place is not None else ""


def _named(spec: AgentSpec) -> Iterator[Secret]:
    waiting: list[SettingValue] = list(spec.settings.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, Secret):
            yield value
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, tuple):
            waiting += value


def _upstreams(plan: Plan, needed: Mapping[str, Uses], secrets: Mapping[str, str]) -> Mapping[str, str]:
    """By agent, the key of its upstream: provider, model and credential of the agent whose state it shares (case B11).

    The credential is in it by its digest: keys may be shown, credentials may not.
    """
    specs = {name: plan.agents[name] for name in needed}
    return {name: _key(spec.shares, plan.agents.get(spec.shares, spec), secrets) for name, spec in specs.items()}


def _scopes(plan: Plan, needed: Mapping[str, Uses], secrets: Mapping[str, str], project: Project) -> Mapping[str, str]:
    """By agent, whose answers it gives (case C2): its own credentials, its project and, where it has tools, the whole
    program, which says what these are.
    """
    scopes = {}
    for name in needed:
        spec = plan.agents[name]
        tools = plan.hash if spec.settings.get("tools") else ""
        scopes[name] = " ".join((_credentials(spec, secrets), tools, str(project.root)))
    return scopes


def _key(shares: str, spec: AgentSpec, secrets: Mapping[str, str]) -> str:
    told = (spec.settings.get(name, "") for name in ("url", "model"))
    return " ".join(
        (shares, spec.kind, *("" if isinstance(one, Secret) else str(one) for one in told), _credentials(spec, secrets))
    )


def _credentials(spec: AgentSpec, secrets: Mapping[str, str]) -> str:
    """The values of an agent's secrets, as a digest."""
    written = "\0".join(f"{one.form} {one.text} {secrets.get(one.name, '')}" for one in _named(spec))
    return blake2b(written.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@asynccontextmanager
async def _agents(
    plan: Plan, needed: Mapping[str, Uses], anew: frozenset[str], registry: Registry, world: World
) -> AsyncIterator[Mapping[str, Agent]]:
    """The agents of a run, closed when it is over: all of them, whatever the closing of one comes to.

    Args:
        anew: those that may be made anew while the run goes on.
    """
    agents: dict[str, Agent] = {}
    problems: list[str] = []
    async with AsyncExitStack() as open_ones:
        open_ones.push_async_callback(world.transport.aclose)
        for name, uses in needed.items():
            try:
                agents[name] = (_renewable if name in anew else _built)(plan.agents[name], uses, registry, world)
            except CallError as problem:
                problems.append(_at(plan.agents[name]) + problem.message)
            else:
                open_ones.push_async_callback(agents[name].aclose)
        if problems:
            raise StartProblem(problems)
        yield agents


def _built(spec: AgentSpec, uses: Uses, registry: Registry, world: World) -> Agent:
    return registry.kinds[spec.kind].build(spec, uses, world)


def _renewable(spec: AgentSpec, uses: Uses, registry: Registry, world: World) -> Agent:
    """An agent whose instances have connections of their own; those after the first load their files anew, too."""

    def instance(kind: AgentKind) -> Agent:
        transport = HttpTransport()
        return _Owner(kind.build(spec, uses, replace(world, transport=transport)), transport)

    return Renewable(instance(registry.kinds[spec.kind]), lambda: instance(registry.fresh(spec.kind)))


class _Owner:
    """An agent with connections of its own."""

    def __init__(self, agent: Agent, transport: Transport) -> None:
        self.call = agent.call
        self._agent, self._transport = agent, transport

    async def aclose(self) -> None:
        """Give back what the agent holds, then its connections."""
        try:
            await self._agent.aclose()
        finally:
            await self._transport.aclose()
