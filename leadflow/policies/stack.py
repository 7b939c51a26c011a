"""The stack: what stands around each call of an agent, in one order. Composed once per node, of what the node uses.

The order is that of `plan.annotations.ORDER`; a test compares them. `@optional`, `catch`, the timeouts of blocks and
flows, `@priority` and `@on_failure` are the kernel's.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from leadflow.events.model import Failure
from leadflow.plan.looping import Loop, loop_of
from leadflow.plan.plan import AgentCall, AgentSpec, FlowPlan, Node, ToolPlan
from leadflow.plan.policy import (
    Applied,
    Breaker,
    Budget,
    Cache,
    Concurrency,
    Fallback,
    Hedge,
    Limit,
    Once,
    OnError,
    Policy,
    Retry,
    Timeout,
    policy_of,
)
from leadflow.plan.rates import Rates
from leadflow.plan.reactions import resets, retry_in_force, stand_ins
from leadflow.plan.types import Prim, Value
from leadflow.policies.breaker import looking, patient, permitted
from leadflow.policies.budget import Purse, Tariff, looking_ahead, within_budgets
from leadflow.policies.cache import remembering, telling
from leadflow.policies.call import Ask, Candidate, Course, Ports, Step, attempting, plain_caller, validated
from leadflow.policies.estimate import estimator
from leadflow.policies.fallback import falling_back
from leadflow.policies.hedge import hedging
from leadflow.policies.limit import limited
from leadflow.policies.once import once
from leadflow.policies.renewal import Renewable, noting
from leadflow.policies.retry import retrying
from leadflow.policies.timeout import AttemptLimit, within_total
from leadflow.policies.tools import conversing
from leadflow.policies.toolset import Toolset
from leadflow.policies.watch import Watch
from leadflow.record import record
from leadflow.run.errors import CallError, InternalError
from leadflow.run.keys import OF_A_RUN, Keys
from leadflow.run.ports import Agent, Answer, Caller, Callers, CallOrder, Claims, Ran

RunNested: TypeAlias = Callable[[Callers, str, Mapping[str, Value], CallOrder], Awaitable[Ran]]
"""Runs a flow with these callers, inside of the call that is ordered."""

P = TypeVar("P", bound=Policy)
L = TypeVar("L")


@record
class Use:
    """One candidate of one node, with the policies in force."""

    call: AgentCall
    candidate: Candidate
    spec: AgentSpec
    applied: tuple[Applied, ...]
    scope: str = ""
    """Whose answers the agent gives, where its settings do not say it (case C2)."""
    purse: Purse | None = None
    """Of the run, where budgets may be around the call."""
    tools: Toolset | None = None
    """What its model may use; None: its model is asked once."""
    loop: Loop = Loop()
    """How far it may go with them."""

    def policy(self, kind: type[P]) -> P | None:
        """The node's policy of that kind, or None."""
        return policy_of(self.applied, kind)


# --- the layers, each around the ones below it --------------------------------------------------------------------


def _total(inner: Step, use: Use) -> Step:
    policy = use.policy(Timeout)
    return inner if policy is None or policy.total is None else within_total(inner, policy.total)


def _cache(inner: Step, use: Use) -> Step:
    policy = use.policy(Cache)
    if policy is None:
        return inner
    tell = telling(use.spec, use.scope, use.call)
    policies = tuple([each.policy for each in use.applied])
    return remembering(inner, policy, use.candidate, tell=tell, policies=policies)


def _tools(inner: Step, use: Use) -> Step:
    if use.tools is None:
        return inner
    tariff = Tariff(use.spec, use.call, None if use.purse is None else use.purse.charges.get(use.candidate.name))
    return conversing(inner, use.tools, use.loop, tariff, use.policy(Budget))


def _retry(inner: Step, use: Use) -> Step:
    most = retry_in_force(use.applied)
    if most is None or most.attempts == 1:
        return inner
    retry, budget = use.policy(Retry) or Retry(1), use.candidate.upstream.retries
    return retrying(inner, retry, use.call, budget=budget, on_error=use.policy(OnError), anew=_anew(use))


def _hedge(inner: Step, use: Use) -> Step:
    policy = use.policy(Hedge)
    return inner if policy is None else hedging(inner, policy, use.candidate.upstream.retries)


def _anew(use: Use) -> Renewable | None:
    """The agent, where `@on_error` may ask to make it anew."""
    if not resets(use.applied):
        return None
    if not isinstance(use.candidate.agent, Renewable):
        raise InternalError(f"agent {use.candidate.name} cannot be made anew")
    return use.candidate.agent


def _look(inner: Ask, use: Use) -> Ask:
    policy = policy_of(use.spec.policies, Breaker)
    circuit = None if policy is None else use.candidate.upstream.breaker(policy)
    if any(policy_of(use.spec.policies, kind) for kind in (Limit, Concurrency)):  # else the permit itself comes at once
        if use.purse is not None:
            inner = looking_ahead(inner, use.policy(Budget), _tariff(use, use.purse), use.purse)
        if circuit is not None:
            inner = looking(inner, circuit)
    if circuit is None or use.policy(Fallback) is not None:  # another agent is there for the one that fails
        return inner
    return patient(inner, use.candidate.name, circuit)


def _budget(inner: Ask, use: Use) -> Ask:
    if use.purse is None:
        return inner
    return within_budgets(inner, use.candidate.name, use.policy(Budget), _tariff(use, use.purse), use.purse)


def _tariff(use: Use, purse: Purse) -> Tariff:
    return Tariff(use.spec, use.call, purse.charges.get(use.candidate.name))


def _permit(inner: Ask, use: Use) -> Ask:
    policy = policy_of(use.spec.policies, Breaker)
    return inner if policy is None else permitted(inner, use.candidate.upstream.breaker(policy))


def _limit(inner: Ask, use: Use) -> Ask:
    limit, concurrency = policy_of(use.spec.policies, Limit), policy_of(use.spec.policies, Concurrency)
    if limit is None and concurrency is None:
        return inner
    counts = estimator(use.spec, use.call) if limit is not None and limit.tokens is not None else None
    return limited(inner, use.candidate.name, use.candidate.upstream.limit(limit, concurrency), counts)


def _attempt(use: Use) -> Ask:
    policy = use.policy(Timeout) or Timeout()
    is_limited = policy.total is not None or policy.attempt is not None
    limit = AttemptLimit(policy, use.candidate) if is_limited else None
    ask = attempting(use.candidate, use.call, idle=policy.idle, limit=limit)
    agent = _anew(use)
    return ask if agent is None else noting(ask, agent)


class Layer(NamedTuple, Generic[L]):
    """One line of the order."""

    policy: str
    """The annotation that asks for it; `peek` for a look that takes nothing."""
    wrap: Callable[[L, Use], L]
    why: str


OUTER: tuple[Layer[Step], ...] = (
    Layer("timeout", _total, "inside fallback: a total time that is over can still be answered by another agent"),
    Layer("cache", _cache, "inside the total time, which bounds waits for equal calls; a hit enters nothing below"),
    Layer("tools", _tools, "outside retry: an attempt is one turn of the model, and repeats no tool"),
    Layer("retry", _retry, "inside the total time, which bounds all attempts and the waits between them"),
    Layer("hedge", _hedge, "inside retry: two attempts beside each other are one, and both wait for the answer to fit"),
)
"""Around the validation, outermost first. `fallback` stands around all of these, once per node: each candidate has
them anew. The validation is inside retry: an answer that does not fit is worth another attempt. `on_error` is no layer
of its own: retry asks it whether the same agent is asked again, and fallback who is next."""

INNER: tuple[Layer[Ask], ...] = (
    Layer("peek", _look, "outside the queue: nobody waits for a call that cannot happen"),
    Layer("limit", _limit, "inside retry: who waits between two attempts holds no place, and every attempt counts"),
    Layer("breaker", _permit, "behind the queue: no permit of a probe waits there, and what opened meanwhile counts"),
    Layer("budget", _budget, "innermost: money is set aside only while an attempt is under way"),
)
"""Inside the validation, outermost first. Inside all of them is the attempt with its own limit: an attempt begins when
it has its turn, and queueing here never counts as slowness there. `@concurrency` of an agent is a part of its limit."""


@record
class Granted:
    """What models may use."""

    tools: Mapping[str, ToolPlan]
    """By key."""
    run_flow: RunNested | None
    """Runs those that are flows."""
    keys: Keys = OF_A_RUN
    """What the other side may know their calls by."""


class Stack:
    """Makes callers: an agent with all of a node's policies around it. Nodes that call alike share one."""

    def __init__(
        self,
        specs: Mapping[str, AgentSpec],
        agents: Mapping[str, Agent],
        ports: Ports,
        keys: Mapping[str, str] | None = None,
        scopes: Mapping[str, str] | None = None,
        purse: Purse | None = None,
        rates: Mapping[str, Rates | None] | None = None,
        granted: Granted | None = None,
    ) -> None:
        """Make callers of these agents.

        Args:
            keys: by agent, the key of its upstream, equal for those that share limits and health (case B11); None:
                the agent that it shares them with.
            scopes: by agent, whose answers it gives: credentials, and what else its settings do not say (case C2).
            purse: of the run, when it has budgets; None: only those of calls themselves are kept, without prices.
            rates: by agent that asks a model, what that charges, None where nobody knows; what it uses is told.
            granted: what models may use; None: there are no tools.
        """
        self._specs = specs
        self._keys = {name: spec.shares for name, spec in specs.items()} if keys is None else keys
        self._scopes = scopes or {}
        self._purse = purse
        self._rates = rates or {}
        self._agents = agents
        self._ports = ports
        self._watch = Watch(ports.clock, ports.grace)
        self._own = Purse()
        self._tools = granted or Granted({}, None)
        self._made: dict[object, tuple[AgentCall, Caller]] = {}
        """With the call that each was made for: it keeps the identity of its type."""

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node whose work is a call of an agent."""
        call = node.work
        if not isinstance(call, AgentCall):
            raise InternalError(f"{flow.name}/{node.name} calls no agent")
        policies: tuple[Policy, ...] = ()
        if node.policies:
            policies = tuple([each.policy for each in node.policies if isinstance(each.policy, _WRAPPING)])
        result = call.result.name if isinstance(call.result, Prim) else id(call.result)
        alike = (call.agent, call.role, call.action, result, call.declared, call.idempotent, policies)
        found = self._made.get(alike)
        if found is None:
            found = self._made[alike] = (call, self._make(call, node.policies))
        return found[1]

    def _make(self, call: AgentCall, applied: tuple[Applied, ...]) -> Caller:
        fallback, on_error = policy_of(applied, Fallback), policy_of(applied, OnError)
        names = dict.fromkeys((call.agent, *stand_ins(applied)))
        granted = {name: self._granted(call, name) for name in names}
        has_tools = any(granted.values())
        turn = replace(call, idempotent=True) if has_tools else call  # a model's turn by itself changes nothing
        steps: dict[str, tuple[Candidate, Step]] = {}
        for name in names:
            upstream = self._ports.shared.upstream(self._keys[name], self._specs[name].shares)
            candidate = Candidate(
                name,
                self._agents[name],
                name != call.agent,
                upstream,
                name in self._rates,
                self._rates.get(name),
            )
            purse = self._purse or (None if policy_of(applied, Budget) is None else self._own)
            tools = Toolset(granted[name], self) if has_tools else None
            loop = loop_of(self._specs[call.role or name])
            use = Use(turn, candidate, self._specs[name], applied, self._scopes.get(name, ""), purse, tools, loop)
            if len(names) == 1 and not _is_wrapped(use):
                return plain_caller(use.candidate, call, self._ports, self._watch)
            steps[name] = (candidate, _compose(use))
        step = steps[call.agent][1]
        if len(steps) > 1 or on_error is not None:
            step = falling_back(steps, call, fallback, on_error)
        if policy_of(applied, Once) is not None:
            step = once(step, call, self._claims())
        return _caller(step, call, self._ports, self._watch)

    def _claims(self) -> Claims:
        if self._ports.claims is None:
            raise InternalError("nobody keeps who has the keys of `@once`")
        return self._ports.claims

    def _granted(self, call: AgentCall, name: str) -> tuple[ToolPlan, ...]:
        """What a model may use in a call; of a role it is the role that says so."""
        keys = self._specs[call.role or name].settings.get("tools") if call.action != "embed" else None
        return tuple(self._tools.tools[key] for key in keys if isinstance(key, str)) if isinstance(keys, tuple) else ()

    def caller_of(self, call: AgentCall, policies: tuple[Applied, ...]) -> Caller:
        """The caller of a tool."""
        return self._make(call, policies)

    async def run_flow(self, flow: str, args: Mapping[str, Value], order: CallOrder) -> Ran:
        """What a flow gives, as a tool of the call that is ordered."""
        if self._tools.run_flow is None:
            raise InternalError(f"nobody runs the flow {flow}")
        return await self._tools.run_flow(self, flow, args, order)

    def key_of(self, run: str, path: str, args: Mapping[str, Value]) -> str:
        """The key of a tool's call."""
        return self._tools.keys.make(run, path, args)


_WRAPPING = (Once, Fallback, Timeout, Cache, Retry, OnError, Hedge, Budget)
"""The policies of nodes that stand around their calls."""
_SHARED = (Limit, Concurrency, Breaker)
"""Those of agents, which their calls share."""


def _is_wrapped(use: Use) -> bool:
    """Whether anything stands around the attempt and its validation, or limits it."""
    if use.purse is not None or use.tools is not None:
        return True
    is_shared = any(policy_of(use.spec.policies, kind) is not None for kind in _SHARED)
    return is_shared or any(use.policy(kind) is not None for kind in _WRAPPING)


def _compose(use: Use) -> Step:
    ask = _attempt(use)
    for inside in reversed(INNER):
        ask = inside.wrap(ask, use)
    step = validated(ask, use.candidate, use.call)
    for outside in reversed(OUTER):
        step = outside.wrap(step, use)
    return step


def _caller(step: Step, call: AgentCall, ports: Ports, watch: Watch) -> Caller:
    """Errors end here: what leaves is an answer or a record of what went wrong."""

    async def answer(order: CallOrder) -> Answer | Failure:
        course = Course(order, ports, watch, repeatable=call.idempotent or order.key is not None)
        try:
            return await step(course)
        except CallError as error:
            return course.failure(error, in_doubt=course.is_doubtful(error))

    return answer
