"""What the kernel looks up at every step, worked out once per plan: who waits for whom, and expressions as functions.

A layout knows the plan only, never a run. Nodes are addressed by `local`, their position in their scope, so that the
state of a scope instance is two short lists copied from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from leadflow.events.model import Status
from leadflow.plan.expr import Const, Expr, Guard, NodeValue
from leadflow.plan.plan import (
    AgentCall,
    Branch,
    Catch,
    Do,
    Fail,
    FlowCall,
    FlowPlan,
    For,
    Let,
    Merge,
    Node,
    Parallel,
    Plan,
    Race,
    Repeat,
    Return,
    Scope,
    Yield,
)
from leadflow.plan.policy import (
    DEFAULT_CONCURRENCY,
    Applied,
    Budget,
    Cache,
    Concurrency,
    Idempotent,
    OnFailure,
    Optional,
    Priority,
    Retry,
    Strategy,
    Timeout,
    policy_of,
)
from leadflow.plan.types import Value
from leadflow.plan.undoing import args_of, told_flow, undo_flow
from leadflow.run.context import Compiled
from leadflow.run.errors import InternalError
from leadflow.run.evaluate import compile_expr
from leadflow.run.heap import uncollected
from leadflow.run.kernel_reads import Outside, outside_of

_PRIORITIES = 4096
"""More than there are priorities: the rank decides first, then the priority."""


@dataclass(slots=True, eq=False)
class NodeLayout:
    """A node, ready to be worked on."""

    node: Node
    id: int
    name: str
    local: int
    """Its position in its scope."""
    is_call: bool
    """Whether it calls an agent."""
    is_merge: bool
    is_block: bool
    """Whether something opens below it: a block of any kind, or a called flow."""
    guard: Guard | None
    order: int
    """Where it stands among ready calls, without its priority: smaller starts first."""
    priority: int | None
    """Its own; None takes that of the block or flow around it."""
    place: tuple[int, int]
    """Its place among the calls of one frame, where nothing around gives a priority."""
    dependents: list[int] = field(default_factory=list)
    """Nodes of its own scope that need it."""
    guarded: list[int] = field(default_factory=list)
    """Nodes of its own scope whose guard it is."""
    merges: list[int] = field(default_factory=list)
    """Merges of its own scope that one of its outcomes leads to."""
    args: tuple[tuple[str, Compiled], ...] = ()
    """Of a call of an agent."""
    constants: Mapping[str, Value] | None = None
    """The arguments when all are constants."""
    reads: tuple[tuple[str, int], ...] | None = None
    """The arguments when all are plain values of nodes: such a call needs no expression."""
    values: tuple[Compiled, ...] = ()
    """Of a call of a flow: its arguments. Else the one expression of the node: subject, items, first value, result."""
    key: Compiled | None = None
    cache_key: Compiled | None = None
    once: Compiled | None = None
    makes_key: bool = False
    """It is safe to repeat and its author gives it no key: one is made of its run, path and input (case R3)."""
    limit: Compiled | None = None
    until: Compiled | None = None
    otherwise: Compiled | None = None
    catch: Compiled | None = None
    optional: bool = False
    body: "ScopeLayout | None" = None
    """Of a block: its scope."""
    strategy: Strategy = "stop"
    timeout: timedelta | None = None
    """Of a block or of a call of a flow, as a whole."""
    concurrency: int | None = None
    retry: Retry | None = None
    """Of a block or of a call of a flow; calls of agents are retried by their policies."""
    budget: Budget | None = None
    """Of a block or of a call of a flow; those of calls of agents are kept by their policies."""
    cache: Cache | None = None
    """The same."""
    undo: "UndoLayout | None" = None


@dataclass(slots=True, eq=False)
class ScopeLayout:
    """A scope, ready to be instantiated."""

    scope: Scope
    members: tuple[NodeLayout, ...]
    waits: list[int]
    """How many needs of its own scope each node has."""
    status: list[Status]
    """All pending."""
    first: list[int]
    """Nodes without needs in their own scope."""
    outer: list[tuple[int, int]]
    """Needs in enclosing scopes: local, node id."""
    is_racing: bool
    counts_failures: bool
    """Members of a race or of `parallel(need:)`: a failure stops nothing, it is counted at the end."""
    has_result: bool
    """It ends in a `return` or a `yield`."""
    heeds_done: bool
    """That a member is done means more than its value: it may win a race, or has an undo."""


@dataclass(slots=True, eq=False)
class FlowLayout:
    """A flow, ready to be run."""

    flow: FlowPlan
    scopes: tuple[ScopeLayout, ...]
    home: list[int]
    """The scope of each node."""
    local: list[int]
    """The position of each node in its scope."""
    lets: tuple[Compiled, ...]
    strategy: Strategy
    timeout: timedelta | None
    concurrency: int | None
    priority: int | None
    retry: Retry | None
    budget: Budget | None
    cache: Cache | None
    told: "UndoLayout | None"
    """What is called when it has failed."""


@dataclass(slots=True, eq=False)
class UndoLayout:
    """What takes a step back, or tells of a failure: a flow of its own, of one call, with its arguments as
    parameters."""

    flow: FlowLayout
    args: tuple[tuple[str, Compiled], ...]
    """What its parameters are, where its step stands."""
    in_doubt: bool
    """Called also when nobody knows whether the step was done."""


def whole_timeout(applied: tuple[Applied, ...]) -> timedelta | None:
    """How long a block or a flow may take."""
    timeout = policy_of(applied, Timeout)
    return timeout.total if timeout else None


class Program:
    """A plan with the layouts of the flows that were used so far."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._layouts: dict[str, FlowLayout] = {}
        self._outside: dict[tuple[str, int], Outside] = {}

    def layout(self, flow: str) -> FlowLayout:
        """The layout of a flow of the plan."""
        found = self._layouts.get(flow)
        if found is None:
            with uncollected():
                found = self._layouts[flow] = lay_out(self.plan.flows[flow])
        return found

    def outside(self, flow: FlowPlan, node: Node) -> Outside:
        """What a block, or the call of a flow, reads of what stands outside of it."""
        found = self._outside.get((flow.name, node.id))
        if found is None:
            found = self._outside[flow.name, node.id] = outside_of(self.plan, flow, node)
        return found


def lay_out(flow: FlowPlan) -> FlowLayout:
    """Work a flow out."""
    home = [node.scope for node in flow.nodes]
    local = [0] * len(flow.nodes)
    for scope in flow.scopes:
        for position, node in enumerate(scope.nodes):
            local[node] = position
    inside = _priorities(flow)
    scopes = tuple(_scope(flow, scope, local, inside) for scope in flow.scopes)
    for laid in scopes:
        for member in laid.members:
            match member.node.work:
                case For(scope=body) | Repeat(scope=body) | Parallel(scope=body) | Race(scope=body) | Do(scope=body):
                    member.body = scopes[body]
                case _:
                    pass
    strategy, concurrency = policy_of(flow.policies, OnFailure), policy_of(flow.policies, Concurrency)
    return FlowLayout(
        flow,
        scopes,
        home,
        local,
        tuple(_let(let) for let in flow.lets),
        strategy.strategy if strategy else "stop",
        whole_timeout(flow.policies),
        concurrency.limit if concurrency else None,
        _priority(flow.policies),
        policy_of(flow.policies, Retry),
        policy_of(flow.policies, Budget),
        policy_of(flow.policies, Cache),
        None if flow.escalation is None else _told(flow.nodes[flow.escalation]),
    )


def _told(node: Node) -> UndoLayout | None:
    if not isinstance(node.work, AgentCall | FlowCall):
        return None
    args = tuple((name, compile_expr(expr)) for name, expr in args_of(node.work))
    return UndoLayout(lay_out(told_flow(node, node.work)), args, in_doubt=True)


def _let(let: Let) -> Compiled:
    return compile_expr(let.value)


def _priority(applied: tuple[Applied, ...]) -> int | None:
    priority = policy_of(applied, Priority)
    return priority.level if priority else None


def _priorities(flow: FlowPlan) -> list[int | None]:
    """The priority that each scope gives to what stands inside: its block's, else that of the scope around it."""
    found: list[int | None] = []
    for scope in flow.scopes:
        own = _priority(flow.nodes[scope.owner].policies) if scope.owner is not None else _priority(flow.policies)
        if own is None and scope.parent is not None:
            own = found[scope.parent]
        found.append(own)
    return found


def _scope(flow: FlowPlan, scope: Scope, local: list[int], inside: list[int | None]) -> ScopeLayout:
    inner = [n for n in scope.nodes if n != flow.escalation]
    members = tuple(_node(flow.nodes[n], position, inside[scope.id]) for position, n in enumerate(inner))
    waits = [0] * len(members)
    outer: list[tuple[int, int]] = []
    for member in members:
        for need in member.node.needs:
            if flow.nodes[need.node].scope == scope.id:
                waits[member.local] += 1
                members[local[need.node]].dependents.append(member.local)
            else:
                outer.append((member.local, need.node))
        _link_guards(member, members, local)
    owner = flow.nodes[scope.owner].work if scope.owner is not None else None
    return ScopeLayout(
        scope,
        members,
        waits,
        [Status.PENDING] * len(members),
        [position for position, count in enumerate(waits) if not count],
        outer,
        isinstance(owner, Race),
        isinstance(owner, Race) or (isinstance(owner, Parallel) and owner.need is not None),
        any(isinstance(member.node.work, Return | Yield) for member in members),
        isinstance(owner, Race) or any(member.undo is not None for member in members),
    )


def _link_guards(member: NodeLayout, members: tuple[NodeLayout, ...], local: list[int]) -> None:
    """Tell the nodes that decide about this one."""
    if (guard := member.node.guard) is not None:
        members[local[guard.node]].guarded.append(member.local)
    if isinstance(member.node.work, Merge):
        for node in dict.fromkeys(guard.node for guard in member.node.work.guards):
            members[local[node]].merges.append(member.local)


def _node(node: Node, local: int, inside: int | None) -> NodeLayout:
    own, order = _priority(node.policies), -node.rank * _PRIORITIES
    priority = own if own is not None else inside
    laid = NodeLayout(
        node,
        node.id,
        node.name,
        local,
        isinstance(node.work, AgentCall),
        isinstance(node.work, Merge),
        isinstance(node.work, FlowCall | For | Repeat | Parallel | Race | Do),
        node.guard,
        order,
        priority,
        (order - (priority or 0), node.id),
    )
    laid.optional = policy_of(node.policies, Optional) is not None
    laid.catch = _compiled(node.catch.value) if isinstance(node.catch, Catch) else None
    _lay_work(laid)
    if node.undo is not None and node.undo.work is not None:
        args = tuple((name, compile_expr(expr)) for name, expr in args_of(node.undo.work))
        laid.undo = UndoLayout(lay_out(undo_flow(node, node.undo.work)), args, node.undo.in_doubt)
    if node.policies and not laid.is_call:
        strategy, concurrency = policy_of(node.policies, OnFailure), policy_of(node.policies, Concurrency)
        laid.strategy = strategy.strategy if strategy else "stop"
        laid.concurrency = concurrency.limit if concurrency else laid.concurrency
        laid.timeout = whole_timeout(node.policies)
        laid.retry = policy_of(node.policies, Retry)
        laid.budget = policy_of(node.policies, Budget)
        laid.cache = policy_of(node.policies, Cache)
    return laid


def _lay_work(laid: NodeLayout) -> None:
    match laid.node.work:
        case AgentCall(args=args, key=key, cache_key=cache_key, once=once):
            laid.args = tuple((name, compile_expr(expr)) for name, expr in args)
            laid.constants, laid.reads = _constants(args), _reads(args)
            laid.key, laid.cache_key, laid.once = _compiled(key), _compiled(cache_key), _compiled(once)
            laid.makes_key = key is None and policy_of(laid.node.policies, Idempotent) is not None
        case FlowCall(args=values):
            laid.values = tuple(compile_expr(expr) for expr in values)
        case For(items=items, limit=limit):
            laid.values, laid.limit = (compile_expr(items),), _compiled(limit)
            laid.concurrency = DEFAULT_CONCURRENCY
        case Repeat(init=init, limit=limit, until=until, otherwise=otherwise):
            laid.values, laid.limit = (compile_expr(init),), compile_expr(limit)
            laid.until, laid.otherwise = compile_expr(until), _compiled(otherwise)
        case Branch(subject=value) | Return(value=value) | Yield(value=value) | Fail(reason=value):
            laid.values = (compile_expr(value),)
        case Parallel() | Race() | Do() | Merge():
            pass


def _constants(args: tuple[tuple[str, Expr], ...]) -> Mapping[str, Value] | None:
    values: dict[str, Value] = {}
    for name, expr in args:
        if not isinstance(expr, Const):
            return None
        values[name] = expr.value
    return values


def _reads(args: tuple[tuple[str, Expr], ...]) -> tuple[tuple[str, int], ...] | None:
    reads = tuple((name, expr.node) for name, expr in args if isinstance(expr, NodeValue))
    return reads if len(reads) == len(args) else None


def _compiled(expr: Expr | None) -> Compiled | None:
    return None if expr is None else compile_expr(expr)


def body_of(layout: NodeLayout) -> ScopeLayout:
    """The scope of a block."""
    if layout.body is None:
        raise InternalError(f"{layout.name} has no scope")
    return layout.body


def expression(compiled: Compiled | None) -> Compiled:
    """An expression that the kind of node must have."""
    if compiled is None:
        raise InternalError("a node lacks an expression of its kind")
    return compiled
