"""The plan: everything that a run does, frozen and complete. The kernel and the driver derive nothing anew.

A flow is a tree of scopes. A scope is the flow's body or the body of a block step; its nodes are the vertices of the
graph. `if` and `match` open no scope: their statements stand in the scope around them under a `Guard`, and a `Branch`
node decides. A block node (`For Repeat Parallel Race Do`) names its body's scope, which is instantiated at run time,
once per iteration, round or block, under a stable path:

    triage/verdict      digest/lines[3]/line      draft/polished[1]/better      triage/drafts/a

A flow's nodes are numbered through all of its scopes; a need may name a node of the own or of an enclosing scope.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from leadflow.plan.expr import Expr, Guard
from leadflow.plan.policy import Applied
from leadflow.plan.types import Effect, FieldType, Type, Value
from leadflow.record import record

PLAN_VERSION = 1
"""The form of the plan's JSON; a reader refuses others."""


class Place(NamedTuple):
    """Where a node comes from, for messages: 1-based line and column."""

    file: str
    line: int
    column: int


@record
class Secret:
    """A secret by reference; its value is never in a plan. Resolved by `assembly` when a run starts."""

    name: str
    """The environment variable."""
    form: Literal["raw", "bearer", "basic", "prefix", "hmac"] = "raw"
    text: str = ""
    """The user of `basic`, the text of `prefix`."""


SettingValue: TypeAlias = Value | Secret | tuple["SettingValue", ...] | Mapping[str, "SettingValue"]


@record
class AgentSpec:
    """A declared agent, settings folded, profile applied."""

    name: str
    """Qualified by its module when it is not of the main file: `shared.crm`."""
    kind: str
    settings: Mapping[str, SettingValue]
    policies: tuple[Applied, ...]
    """Its shared state: `limit`, `breaker`, `concurrency`. What its calls inherit stands on the nodes."""
    shares: str
    """The agent whose limits it uses: its own name, or that of the agent it derives from."""
    place: Place | None
    calls: str | None = None
    """For people, of the agent of a declared tool: what that calls. None: it is an agent of its own."""


# --- work: what a node does ---------------------------------------------------------------------------------------


@record
class AgentCall:
    """`agent.action(args)`; a tool is an action of its implicit agent."""

    agent: str
    action: str
    args: tuple[tuple[str, Expr], ...]
    """By parameter name; further positional arguments of an open action are named `0`, `1`, …"""
    result: Type
    """What the answer is validated as; `json` takes any."""
    declared: bool
    """True when the author declared the type (a model is then asked for that shape)."""
    effect: Effect
    idempotent: bool
    """May be sent again although it may have been done: pure, read, or declared so."""
    key: Expr | None
    """The idempotency key, sent on every attempt."""
    cache_key: Expr | None = None
    """What `@cache(key:)` tells equal calls by; None: by their arguments."""
    role: str | None = None
    """The agent of the kind `role` that is played: its tools are used, whichever model of its chain is asked."""
    once: Expr | None = None
    """The key of `@once`: at most one run of the journal makes the call for it."""


@record
class FlowCall:
    """A call of another flow of the plan; args in the order of its parameters, defaults filled in."""

    flow: str
    args: tuple[Expr, ...]


@record
class For:
    """One iteration per item; the value is the list of their yields. Slots of the scope: item, index."""

    items: Expr
    limit: Expr | None
    scope: int


@record
class Repeat:
    """Rounds until `until`; slots of the scope: the value that entered the round, the round's number.

    `until` and `otherwise` are evaluated in the round's scope. `otherwise` None: exhaustion is the failure
    `exhausted`.
    """

    init: Expr
    limit: Expr
    scope: int
    until: Expr
    otherwise: Expr | None


@record
class Parallel:
    """Waits until all members settled; the value is the record of their values. `need` None: all must succeed."""

    scope: int
    need: int | None


@record
class Race:
    """The first member that succeeds gives the value; the others are cancelled."""

    scope: int


@record
class Do:
    """A group; the value is its yield, or none."""

    scope: int


@record
class Branch:
    """An `if` or `match`: takes the first arm whose values hold the subject (None: the wildcard).

    An `if` has the subject `c` and the arms `(True,)` and None. Control only: no value, no effect. With the one arm
    None it is a join: it decides nothing, many nodes are needed by it and it by many, so that the needs stay few.
    """

    subject: Expr
    arms: tuple[tuple[Value, ...] | None, ...]
    labels: tuple[str, ...]
    """The arms as written, for people: `then`, `else`, `"bug"`, `_`."""


@record
class Merge:
    """Control flow goes on here: done when one of the guards holds, skipped when none can any more (rule A2)."""

    guards: tuple[Guard, ...]


@record
class Return:
    """The flow's value."""

    value: Expr


@record
class Yield:
    """The value of an iteration, a round or a `do`."""

    value: Expr


@record
class Fail:
    """`fail "reason"`."""

    reason: Expr


Work = AgentCall | FlowCall | For | Repeat | Parallel | Race | Do | Branch | Merge | Return | Yield | Fail


# --- nodes, scopes, flows -----------------------------------------------------------------------------------------

NeedWhy = Literal["data", "after", "order", "control"]
"""`data`: its value is read: it must be done or skipped. `after`: done, skipped or absorbed. `order`: settled in any
way (the serial reading, and reads under `partial`, which give none for a failure). `control`: the guard."""


class Need(NamedTuple):
    """Node `node` must be settled first, and why."""

    node: int
    why: NeedWhy


@record
class Catch:
    """`catch e => value`: what a failure becomes; `e` is `Local(0)`: class, message, step, attempts."""

    value: Expr


@record
class Undo:
    """`undo call`; work None is `undo none`. Its arguments are fixed when its step is done (rule C7)."""

    work: AgentCall | FlowCall | None
    policies: tuple[Applied, ...] = ()
    """In force on the call: what it takes from its agent."""
    in_doubt: bool = False
    """Called also when nobody knows whether the step was done: it does not read the step, and may be repeated."""


@record
class Probe:
    """`@on_doubt(probe: call)`: a read whose value is that of the step, or none when the step was not done."""

    work: AgentCall | FlowCall
    policies: tuple[Applied, ...] = ()
    """In force on the call: what it takes from its agent."""


@record
class Let:
    """A pure value of a scope. Costs no scheduling: it is evaluated at its first use and then kept."""

    name: str
    scope: int
    value: Expr
    guard: Guard | None
    needs: tuple[int, ...]
    """The nodes its value reads, through other lets too."""


@record
class Node:
    """One vertex of a flow's graph."""

    id: int
    """Its position in `FlowPlan.nodes`."""
    name: str
    """Its name within its scope: `verdict`; `r@1` when several arms bind `r`; for control a word and its number within
    the scope, in the order of the text: `if match return yield fail merge join`, as in `if@3`."""
    scope: int
    work: Work
    needs: tuple[Need, ...]
    """In a fixed order without repeats per node: the strictest reason wins (data, control, after, order)."""
    guard: Guard | None
    policies: tuple[Applied, ...]
    """In force on this node, in the order of `policies/stack.py`; for a block, those of the block itself."""
    catch: Catch | None
    undo: Undo | None
    effect: Effect
    type: Type
    """Of its value as readers see it: after `@optional` and `catch`."""
    place: Place
    level: int
    """Topological level in its flow; pure lets have none."""
    rank: int
    """Length of the longest path from here to an end of the flow, in calls: higher starts first."""
    doc: str | None = None
    probe: Probe | None = None


@record
class Scope:
    """A flow's body or a block's."""

    id: int
    parent: int | None
    """The enclosing scope; None for the flow's body."""
    owner: int | None
    """The block node whose body it is; None for the flow's body."""
    slots: tuple[str, ...]
    nodes: tuple[int, ...]
    lets: tuple[int, ...]


@record
class FlowPlan:
    """One flow, compiled."""

    name: str
    """Qualified by its module when it is not of the main file."""
    params: tuple[FieldType, ...]
    result: Type
    """`none` when the flow declares none."""
    nodes: tuple[Node, ...]
    scopes: tuple[Scope, ...]
    """Scope 0 is the body; its slots are the parameters."""
    lets: tuple[Let, ...]
    policies: tuple[Applied, ...]
    """The flow's own: timeout, on_failure, concurrency, priority, budget."""
    effect: Effect
    place: Place
    doc: str | None = None
    escalation: int | None = None
    """The node of `@on_failure(escalate: call)`: of scope 0, and called once the flow has failed; `Local(0)` is the
    failure."""


@record
class ToolPlan:
    """Something that models may call: a call over its parameters, which are `Bound` slots of scope 0."""

    key: str
    """As the setting `tools` of agents names it: a tool, a flow, `agent.action`."""
    calls: str
    """What does its work, for people."""
    doc: str | None
    """What models are told of it."""
    category: str | None
    params: tuple[FieldType, ...]
    result: Type
    effect: Effect
    work: AgentCall | FlowCall
    is_open: bool
    """It takes arguments of any name."""
    policies: tuple[Applied, ...]
    """Around each call of it."""
    place: Place | None


@record
class Plan:
    """A whole program, ready to run: any of its flows may be started."""

    version: int
    edition: int
    file: str
    """Name of the main source."""
    profile: str | None
    flows: Mapping[str, FlowPlan]
    agents: Mapping[str, AgentSpec]
    main: str | None
    """The flow that `run` starts when none is named: `main`, else the only one of the main file that no flow calls,
    else None."""
    hash: str
    """Content hash of what was compiled: equal for equal meaning, whatever the layout of the text."""
    tools: tuple[ToolPlan, ...] = ()
    """What models are granted, by key in order."""
