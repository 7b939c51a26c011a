"""The one place where ports meet adapters: the agents of a run are built here, with their policies around them.

Everything that can be known before the first call is looked at first and told all at once: what this version does not
run, missing secrets and prices, agents that cannot be built. How a run begins, goes on and ends is in `runs.py`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from zoneinfo import ZoneInfoNotFoundError

from leadflow.agents.discreet import Discreet
from leadflow.agents.registry import Registry
from leadflow.agents.spawner import ProcessSpawner
from leadflow.agents.transport import HttpTransport
from leadflow.bound.asks import Known
from leadflow.bound.budgets import has_budgets, prices_of, unpriced
from leadflow.bound.prices import Found, Prices, read_prices
from leadflow.diagnostics import did_you_mean
from leadflow.plan.kinds import find_kind
from leadflow.plan.plan import AgentCall, AgentSpec, Node, Place, Plan, Secret, ToolPlan
from leadflow.plan.policy import Limit
from leadflow.plan.rates import Rates
from leadflow.plan.reactions import resets
from leadflow.plan.settings import secrets_of
from leadflow.policies.blocks import Blocks
from leadflow.policies.budget import Charge, Purse
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.renewal import Renewable
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Granted, Stack
from leadflow.record import record
from leadflow.resources import prices_text
from leadflow.run.adapters import SeededRng, SystemClock, zone_of
from leadflow.run.claims import MemoryClaims
from leadflow.run.errors import CallError, InternalError, NotAllowed, WrongUse
from leadflow.run.kernel import Program
from leadflow.run.keys import Keys, Undone
from leadflow.run.nested import Nested
from leadflow.run.ports import Agent, AgentKind, Cast, Claims, Clock, People, Server, Starting, Transport, Uses, World
from leadflow.run.questions import Questions
from leadflow.run.redact import LONGEST, SHORTEST, all_forms, one_line
from leadflow.run.support import agents_of, agents_of_tool, reached, refusals, tools_of, with_others
from leadflow.settings import Project, find_server, own_prices, own_takes, passed_secrets, program_env, read_secrets
from leadflow.stores.memory import MemoryJournal

_log = logging.getLogger("leadflow")


class StartProblem(Exception):
    """A run that cannot start: nothing was called, nothing was spent."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
        """One line each."""


@record
class Making:
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
    rates: Mapping[str, Rates | None]
    """By agent that asks a model, what that charges; None: nobody knows."""
    servers: Mapping[str, Server]
    """Servers of tools that its agents name."""
    hidden: tuple[str, ...]
    """Values that nothing which is said or kept may hold."""
    undone: Undone
    """By flows that are tools, so far."""
    cast: Cast | None = None
    """Who plays the agents; None: they themselves."""
    problems: tuple[str, ...] = ()
    """What is missing here. Nothing is called then: `callers_of` tells it, with what is wrong with the agents that it
    could build all the same."""


async def make_ready(
    plan: Plan, flow: str, project: Project, registry: Registry, shared: Shared | None, cast: Cast | None = None
) -> Making:
    """What callers are made of, for those who do something else before they make them.

    Raises:
        StartProblem: something of it is missing here; all of that is told at once, with what is wrong with the agents
            that can be built all the same.
    """
    making = looked_at(plan, flow, project, registry, shared, cast)
    if making.problems:
        clock = SystemClock()
        async with callers_of(making, clock, seed=0, people=Questions(clock)):  # as where the run is kept
            raise InternalError("callers were made of something that is not there")
    return making


def looked_at(
    plan: Plan, flow: str, project: Project, registry: Registry, shared: Shared | None, cast: Cast | None = None
) -> Making:
    """What callers are made of, and what of it is missing."""
    needed = needed_by(plan, flow)
    themselves = needed if cast is None else [name for name in needed if not cast.stands_in(plan.agents[name])]
    secrets, missing = _secrets(plan, themselves)
    known = _known(plan, registry, project, needed)
    prices = {} if known is None else prices_of(plan, known)
    purse, priceless = _purse(plan, flow, known, prices)
    servers, unset = _servers(plan, themselves, project)
    problems = (*_refused(plan, flow, registry, needed, cast), *missing, *unset, *priceless)
    models = [name for name in needed if "model" in plan.agents[name].settings]
    rates = {name: prices[name].rates if name in prices else None for name in models}
    _warn_of_short(secrets)
    hidden = (*secrets.values(), *(value for server in servers.values() for value in server.secrets))
    hidden += passed_secrets(project.settings)
    return Making(
        plan=plan,
        flow=flow,
        needed=needed,
        secrets=secrets,
        project=project,
        registry=registry,
        shared=shared or Shared(),
        purse=purse,
        rates=rates,
        servers=servers,
        hidden=hidden,
        undone=Undone(),
        cast=cast,
        problems=problems,
    )


@asynccontextmanager
async def callers_of(
    making: Making, clock: Clock, seed: int, people: People | None = None, claims: Claims | None = None
) -> AsyncIterator[Stack]:
    """The agents of a run with their policies around them, closed when it is over.

    Args:
        claims: who has which key of `@once`; None: only this run knows.

    Raises:
        StartProblem: something is missing, or agents cannot be built here; all of that is told at once.
    """
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
        hidden=making.hidden,
        servers=making.servers,
        takes=own_takes(project.settings),
        held={},
        people=people,
    )
    if making.cast is not None:
        making.cast.hide(making.hidden)
    async with _agents(making, world) as agents:
        ports = PolicyPorts(clock, rng, making.shared, making.hidden, claims=claims or MemoryClaims())
        keys, scopes = _upstreams(plan, needed, secrets), _scopes(plan, needed, secrets, project)
        most = project.settings.run.concurrency
        memo = memo_of(making, clock)
        undone, journal = making.undone, lambda: MemoryJournal(clock)
        nested = Nested(Program(plan), clock, rng, journal=journal, calls=most, memo=memo, undone=undone)
        granted = Granted({tool.key: tool for tool in plan.tools}, nested.run, Keys(undone=undone))
        yield Stack(plan.agents, agents, ports, keys, scopes, making.purse, making.rates, granted)


def memo_of(making: Making, clock: Clock) -> Blocks:
    """What blocks with `@cache` gave: of this content, these credentials and this project (case C2)."""
    scopes = _scopes(making.plan, making.needed, making.secrets, making.project)
    told = (making.plan.hash, str(making.project.root), *(f"{name} {scopes[name]}" for name in sorted(scopes)))
    return Blocks(making.shared, clock, "\0".join(told).encode("utf-8", "surrogatepass"))


def _refused(plan: Plan, flow: str, registry: Registry, needed: Mapping[str, Uses], cast: Cast | None) -> list[str]:
    """What this version or this installation cannot run."""

    def is_played(spec: AgentSpec) -> bool:
        return cast is not None and cast.stands_in(spec)

    problems = [f"{place.file}:{place.line}:{place.column}: {what}" for place, what in refusals(plan, flow, is_played)]
    for name in needed:
        spec = plan.agents[name]
        problems += [f"{_at(spec)}agent '{name}': {problem}" for problem in _unknown_hours(spec)]
        is_known = registry.of(spec) is not None or find_kind(registry.catalogue, spec.kind) is not None
        if not is_known and not is_played(spec):
            problems += [f"{_at(spec)}agent '{name}': its kind '{spec.kind}' is not installed", *registry.problems]
    return problems


@cache
def _published() -> Prices:
    """Published prices: they come with the package, and reading them takes longer than most runs of a test."""
    return read_prices(prices_text())


def _known(plan: Plan, registry: Registry, project: Project, needed: Mapping[str, Uses]) -> Known | None:
    """What is known of prices; None where no model is asked."""
    if not any("model" in plan.agents[name].settings for name in needed):
        return None
    settings = project.settings
    return Known(registry.catalogue, _published(), own_prices(settings), settings.run.concurrency)


def _purse(plan: Plan, flow: str, known: Known | None, prices: Mapping[str, Found]) -> tuple[Purse | None, list[str]]:
    """What the run pays from when there are budgets in it, and the models whose price they would need (case $9)."""
    if not has_budgets(plan, flow):
        return None, []
    if known is None:
        return Purse(), []
    charges = {
        name: Charge(one.price.input, one.price.output or 0, one.price.request, one.rates)
        for name, one in prices.items()
    }
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


def needed_by(plan: Plan, flow: str) -> Mapping[str, Uses]:
    """The agents that a flow may call, fallbacks and called flows included, and how."""
    shapes: dict[str, dict[str, dict[tuple[str, ...], None]]] = {}
    for node in _nodes(plan, flow):
        for each in with_others(node):
            if not isinstance(call := each.work, AgentCall):
                continue
            names = tuple(name for name, _ in call.args)
            for agent in agents_of(each, call):
                shapes.setdefault(agent, {}).setdefault(call.action, {})[names] = None
            for tool in tools_of(plan, each):
                for agent in agents_of_tool(tool):
                    _note_tool(tool, shapes.setdefault(agent, {}))
    return {agent: {action: tuple(found) for action, found in by_action.items()} for agent, by_action in shapes.items()}


def _note_tool(tool: ToolPlan, by_action: dict[str, dict[tuple[str, ...], None]]) -> None:
    """How a tool calls an agent; nobody knows the arguments of an action that takes any."""
    if isinstance(tool.work, AgentCall):
        shapes = by_action.setdefault(tool.work.action, {})
        if not tool.is_open:
            shapes[tuple(name for name, _ in tool.work.args)] = None


def _nodes(plan: Plan, flow: str) -> Iterator[Node]:
    return (node for name in reached(plan, flow) for node in plan.flows[name].nodes)


def _made_anew(plan: Plan, flow: str) -> frozenset[str]:
    """The agents that a failure may make anew (`reset` of `@on_error`)."""
    nodes = (each for node in _nodes(plan, flow) for each in with_others(node) if resets(each.policies))
    calls = ((node, node.work) for node in nodes if isinstance(node.work, AgentCall))
    tools = (tool for node in _nodes(plan, flow) for each in with_others(node) for tool in tools_of(plan, each))
    named = [agent for node, call in calls for agent in agents_of(node, call)]
    return frozenset((*named, *(agent for tool in tools if resets(tool.policies) for agent in agents_of_tool(tool))))


def _secrets(plan: Plan, needed: Iterable[str]) -> tuple[Mapping[str, str], list[str]]:
    """The values of all secrets that the needed agents name, and what is missing (case 127 of the bad inputs)."""
    names: dict[str, str] = {}
    for agent in needed:
        for secret in secrets_of(plan.agents[agent]):
            names.setdefault(secret.name, agent)
    values, missing = read_secrets(tuple(names))
    return values, [f"{_at(plan.agents[names[name]])}agent '{names[name]}' {_unset(name)}" for name in missing]


def _unset(variable: str) -> str:
    return f"needs the environment variable {variable}, which is not set: export {variable}=…"


def _warn_of_short(secrets: Mapping[str, str]) -> None:
    """Say which secrets no message can hide (case 131 of the bad inputs)."""
    for name, value in secrets.items():
        if len(value) < SHORTEST:
            _log.warning(
                "the secret %s is shorter than %d characters: nothing hides it in what is said", name, SHORTEST
            )


def _servers(plan: Plan, needed: Iterable[str], project: Project) -> tuple[Mapping[str, Server], list[str]]:
    """The servers of tools that the needed agents name; those that are not allowed, and variables that are not set."""
    found: dict[str, Server] = {}
    problems: list[str] = []
    for agent in needed:
        spec = plan.agents[agent]
        head, _, name = spec.kind.partition(".")
        if head != "mcp" or name in found:
            continue
        server, missing = find_server(project, name)
        if server is not None:
            found[name] = server
        else:
            known = project.settings.mcp
            hint = did_you_mean(name, known) or f"; it allows {', '.join(known) or 'none'}"
            problems.append(f"{_at(spec)}agent '{agent}': leadflow.toml allows no server '{name}'{hint}")
        problems += [f"{_at(spec)}the server '{name}' {_unset(variable)}" for variable in missing]
    return found, problems


def _at(spec: AgentSpec) -> str:
    """Where an agent is declared, as the beginning of a message; nothing for one that is declared nowhere."""
    return _there(spec.place)


def _there(place: Place | None) -> str:
    return f"{place.file}:{place.line}:{place.column}: " if place is not None else ""


def _why_not_built(making: Making, agent: str, problem: CallError) -> list[str]:
    """Why an agent cannot be built, each reason at the step that is one, else at the agent."""
    at = making.plan.agents[agent].place
    if not problem.wrong:
        return [_there(at) + _said(problem.message, making)]
    return [_there(_place_of_use(making, agent, use) or at) + _said(use.message, making) for use in problem.wrong]


def _place_of_use(making: Making, agent: str, use: WrongUse) -> Place | None:
    """Where a call stands for which an agent cannot be built; None: a tool names it, which is an agent itself."""
    if making.plan.agents[agent].calls is not None:
        return None
    for node in _nodes(making.plan, making.flow):
        for each in with_others(node):
            call = each.work
            if not isinstance(call, AgentCall) or agent not in agents_of(each, call) or call.action != use.action:
                continue
            if use.args in (None, tuple(name for name, _ in call.args)):
                return each.place
    return None


def upstream_keys(making: Making) -> Mapping[str, str]:
    """By agent that the run may ask, the key of its upstream."""
    return _upstreams(making.plan, making.needed, making.secrets)


def _upstreams(plan: Plan, needed: Mapping[str, Uses], secrets: Mapping[str, str]) -> Mapping[str, str]:
    """By agent, the key of its upstream: provider, model and credential of the agent whose state it shares (case B11).

    The credential is in it by its digest: keys may be shown, credentials may not.
    """
    specs = {name: plan.agents[name] for name in needed}
    return {name: _key(spec.shares, plan.agents.get(spec.shares, spec), secrets) for name, spec in specs.items()}


def _scopes(plan: Plan, needed: Mapping[str, Uses], secrets: Mapping[str, str], project: Project) -> Mapping[str, str]:
    """By agent, whose answers it gives (case C2): its own credentials, its project and, where it has tools or plays a
    role, the whole program, which says what these are.
    """
    scopes = {}
    chains = [spec.settings.get("via") for spec in plan.agents.values()]
    in_roles = {name for chain in chains if isinstance(chain, tuple) for name in chain}
    for name in needed:
        spec = plan.agents[name]
        tools = plan.hash if spec.settings.get("tools") or name in in_roles else ""
        scopes[name] = " ".join((_credentials(spec, secrets), tools, str(project.root)))
    return scopes


def _key(shares: str, spec: AgentSpec, secrets: Mapping[str, str]) -> str:
    told = (spec.settings.get(name, "") for name in ("url", "base_url", "model"))
    return " ".join(
        (shares, spec.kind, *("" if isinstance(one, Secret) else str(one) for one in told), _credentials(spec, secrets))
    )


def _credentials(spec: AgentSpec, secrets: Mapping[str, str]) -> str:
    """The values of an agent's secrets, as a digest."""
    written = "\0".join(f"{one.form} {one.text} {secrets.get(one.name, '')}" for one in secrets_of(spec))
    return blake2b(written.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@asynccontextmanager
async def _agents(making: Making, world: World) -> AsyncIterator[Mapping[str, Agent]]:
    """The agents of a run, closed when it is over: all of them, whatever the closing of one comes to."""
    plan, anew = making.plan, _made_anew(making.plan, making.flow)
    agents: dict[str, Agent] = {}
    problems = list(making.problems)
    async with AsyncExitStack() as open_ones:
        open_ones.push_async_callback(world.transport.aclose)
        for name, uses in making.needed.items():
            if making.problems and _lacks(plan.agents[name], making):
                continue
            try:
                agents[name] = (_renewable if name in anew else _built)(plan.agents[name], uses, making, world)
            except CallError as problem:
                problems += _why_not_built(making, name, problem)
            else:
                open_ones.push_async_callback(agents[name].aclose)
        if not problems:
            problems += await _started(making, agents)
        if problems:
            raise StartProblem(problems)
        yield agents


def _lacks(spec: AgentSpec, making: Making) -> bool:
    """Whether what an agent is built of is missing, which has been said."""
    head, _, server = spec.kind.partition(".")
    is_there = making.registry.of(spec) is not None and (head != "mcp" or server in making.servers)
    return not is_there or any(secret.name not in making.secrets for secret in secrets_of(spec))


async def _started(making: Making, agents: Mapping[str, Agent]) -> list[str]:
    """Have those agents ready that must be before the first call; what is wrong with them, all of it."""
    problems: dict[str, str] = {}

    async def start(name: str, agent: Starting) -> None:
        try:
            await agent.start()
        except CallError as problem:
            problems[name] = _at(making.plan.agents[name]) + _said(f"agent '{name}': {problem.message}", making)

    async with asyncio.TaskGroup() as tasks:
        for name, agent in agents.items():
            if isinstance(agent, Starting):
                tasks.create_task(start(name, agent))
    return [problems[name] for name in agents if name in problems]


def _said(problem: str, making: Making) -> str:
    """What may be said of an agent that cannot be had: a module that raises may name what it found."""
    return one_line(problem, making.hidden, 2 * LONGEST)


def _built(spec: AgentSpec, uses: Uses, making: Making, world: World) -> Agent:
    return _played(spec, lambda: _kind(spec, making.registry).build(spec, uses, world), making)


def _kind(spec: AgentSpec, registry: Registry) -> AgentKind:
    """The kind of an agent that `_refused` has let pass."""
    kind = registry.of(spec)
    if kind is None:
        raise NotAllowed(f"agent '{spec.name}': its kind '{spec.kind}' is not installed")
    return kind


def _played(spec: AgentSpec, build: Callable[[], Agent], making: Making) -> Agent:
    """An agent, or who plays it; neither gives a secret away."""
    forms = all_forms(making.hidden)

    def quiet() -> Agent:
        return Discreet(build(), forms) if forms else build()

    return quiet() if making.cast is None else making.cast.play(spec, quiet)


def _renewable(spec: AgentSpec, uses: Uses, making: Making, world: World) -> Agent:
    """An agent whose instances have connections of their own; those after the first load their files anew, too."""
    registry = making.registry

    def instance(find: Callable[[], AgentKind]) -> Agent:
        def build() -> Agent:
            transport = HttpTransport()
            return _Owner(find().build(spec, uses, replace(world, transport=transport, held={})), transport)

        return _played(spec, build, making)

    return Renewable(instance(lambda: _kind(spec, registry)), lambda: instance(lambda: registry.fresh(spec)))


class _Owner:
    """An agent with connections of its own."""

    def __init__(self, agent: Agent, transport: Transport) -> None:
        self.call = agent.call
        self._agent, self._transport = agent, transport

    async def start(self) -> None:
        """Have the agent ready, where it has to be."""
        if isinstance(self._agent, Starting):
            await self._agent.start()

    async def aclose(self) -> None:
        """Give back what the agent holds, then its connections."""
        try:
            await self._agent.aclose()
        finally:
            await self._transport.aclose()
