"""What the checker found out: the trees with side tables keyed by node id. All that the graph is built from.

Ids are unique over all modules of one load, so one table serves them all. Where the checker reported an error the
entry may be missing; the graph is built only from a program without errors, where every entry described here exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from leadflow.diagnostics import Diagnostic, Source
from leadflow.plan.expr import SlotKind
from leadflow.plan.plan import AgentSpec, Place, Secret
from leadflow.plan.policy import Applied
from leadflow.plan.trial import Sampling, Target
from leadflow.plan.types import Effect, FieldType, Type, Value
from leadflow.record import record
from leadflow.syntax import tree


@record
class Module:
    """One loaded file."""

    name: str
    """Dotted (`shared.types`, `std.agents`); empty for the main file. Qualifies the names of its declarations."""
    source: Source
    tree: tree.File
    """Of a JSON Schema: an alias for each of its types."""
    types: Mapping[str, Type] | None = None
    """Of a JSON Schema: what the aliases stand for."""


# --- what a name means --------------------------------------------------------------------------------------------


@record
class LocalRef:
    """A value of the flow: the ids of the declaring nodes (`Param Step Let For Repeat Comprehension Catch Ident`).

    A `for` item or index and a `repeat` value or index are declared by their `Ident`. Several ids: several arms bind
    the name, in text order; the value is that of the arm that was taken, else none.
    """

    decls: tuple[int, ...]


@record
class ConstRef:
    """A constant: a const, or a literal of one."""

    value: Value


@record
class RunRef:
    """The predeclared `run`; only its members are values."""


Ref: TypeAlias = LocalRef | ConstRef | RunRef


# --- what a call means --------------------------------------------------------------------------------------------


@record
class BoundArg:
    """An argument with the parameter it was matched to."""

    param: str
    value: tree.Expr
    slot: SlotKind


@record
class ActionCall:
    """`agent.action(args)` or a tool: `agent` is the key in `Checked.agents`."""

    agent: str
    action: str
    args: tuple[BoundArg, ...]
    effect: Effect
    """Joined with the effects of the agent's tools."""
    result: Type
    """The step's declared type, else the action's."""
    declared: bool
    written_out: tuple[tuple[int, tree.Expr | None], ...] = ()
    """For a tool that is a call of an agent, whose arguments `args` are: what stands for each parameter of the tool,
    by the parameter's id; None where it is none."""


@record
class FlowCallInfo:
    """A call of a flow: one entry per parameter in order; a value None takes the default."""

    flow: str
    args: tuple[tree.Expr | Value, ...]
    """A tree expression, or the default's value where the argument is absent (none for an optional parameter)."""
    given: tuple[bool, ...]
    """True where `args` holds a tree expression."""
    effect: Effect
    result: Type


@record
class FunctionCall:
    """A built-in function, by name; arguments in the order of its parameters."""

    function: str
    args: tuple[tree.Expr, ...]
    fills: tuple[Value, ...] = ()
    """Further arguments that the types decide."""


CallInfo: TypeAlias = ActionCall | FlowCallInfo | FunctionCall


@record
class MockInfo:
    """What a mock stands in for."""

    target: Target
    args: tuple[BoundArg, ...] | None
    """Those that a call must have; None: any."""
    written_out: tuple[tuple[int, tree.Expr | None], ...] = ()
    """As that of an `ActionCall`."""


# --- declarations -------------------------------------------------------------------------------------------------


@record
class StepInfo:
    """What is known of a step."""

    type: Type
    """Of its value as readers see it."""
    effect: Effect
    policies: tuple[Applied, ...]
    """In force on it: its own, and for a call those it takes from its agent (rule C4), in written order."""
    idempotent: bool
    key: tree.Expr | None
    """The expression of `@idempotent(key:)`."""
    cache_key: tree.Expr | None = None
    """The expression of `@cache(key:)`."""
    once: tree.Expr | None = None
    """The expression of `@once(key:)`."""
    probe: tree.Call | None = None
    """The call of `@on_doubt(probe:)`; what is known of it stands under its own id."""


@record
class FlowInfo:
    """A declared flow."""

    name: str
    """Qualified: the key in `Checked.flows`."""
    module: Module
    decl: tree.FlowDecl
    params: tuple[FieldType, ...]
    result: Type
    policies: tuple[Applied, ...]
    effect: Effect


@record
class ToolInfo:
    """What a model may call: a declared tool, an action of an agent, a flow."""

    key: str
    """As `AgentSpec.settings["tools"]` has it."""
    calls: str
    """What does its work, in a few words."""
    doc: str | None
    category: str | None
    params: tuple[FieldType, ...]
    result: Type
    effect: Effect
    call: ActionCall | None = None
    """None for a flow."""
    flow: str | None = None
    param_ids: tuple[int, ...] | None = None
    """Of the parameters that the arguments of the call read; None: the parameters are the arguments."""
    policies: tuple[Applied, ...] = ()
    idempotent: bool = False
    key_expr: tree.Expr | None = None
    """Of its `@idempotent(key:)`."""
    is_open: bool = False
    """It takes arguments of any name."""
    place: Place | None = None
    base: str | None = None
    """The agent that it calls, where it has one of its own made from that: what one writes the other reads."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A program and all that is known of it."""

    main: Module
    modules: Mapping[str, Module]
    """By name, the main file included (under the empty name)."""
    profile: str | None
    flows: Mapping[str, FlowInfo]
    agents: Mapping[str, AgentSpec]
    """All concrete agents, implicit agents of tools included, with the profile applied."""
    refs: Mapping[int, Ref]
    """By id of a `tree.Name` used as a value."""
    calls: Mapping[int, CallInfo]
    """By id of a `tree.Call`."""
    steps: Mapping[int, StepInfo]
    """By id of a `tree.Step`; and by that of the `tree.Call` of an `undo` or of a probe, which it describes."""
    types: Mapping[int, Type]
    """By id of an expression; and of `Let`, `Param`, and binding `Ident`s."""
    fits: Mapping[int, Type]
    """By id of a `Let` that is a door from json (rule E1): the type T of `let x: T? = j`."""
    constants: Mapping[int, Value | Secret]
    """By id of an expression that the checker folded because a constant had to stand there."""
    needs: Mapping[int, int]
    """By id of a `tree.Parallel` with `need:`: its value."""
    declared: Mapping[str, Type] = field(default_factory=dict)
    """Declared types by qualified name."""
    fills: Mapping[int, Mapping[str, Value]] = field(default_factory=dict)
    """By id of a `tree.RecordLit` that leaves out fields of the type it stands for: their defaults, none for optional
    ones (rule E2)."""
    tools: Mapping[str, ToolInfo] = field(default_factory=dict)
    """All declared tools, and what else models may call, by key."""
    mocks: Mapping[int, MockInfo] = field(default_factory=dict)
    """By id of a `tree.Mock`."""
    starts: Mapping[int, FlowCallInfo] = field(default_factory=dict)
    """By id of a `tree.TestRun`: the flow that a test runs. No call of a flow: nothing calls it."""
    samples: Mapping[int, Sampling] = field(default_factory=dict)
    """By id of a `tree.TestDecl` that is made several times."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What the main file calls things of other files: a declaration by its key, a whole file by its name."""
    alone: tuple[Diagnostic, ...] = ()
    """Of the findings: those that hold only as long as no other program imports the main file."""
