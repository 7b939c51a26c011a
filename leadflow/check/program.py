"""What the checker knows while it works: the declarations of all files, and the tables that `Checked` will show.

State is data: the phases (`names`, `declarations`, `agents`, `flows`, …) are functions over it, in the order in which
`check` calls them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from leadflow.check.checked import (
    ActionCall,
    BoundArg,
    CallInfo,
    FlowCallInfo,
    FlowInfo,
    MockInfo,
    Module,
    Ref,
    StepInfo,
)
from leadflow.diagnostics import Diagnostic, Report, Span
from leadflow.plan.kinds import Catalogue, Kind
from leadflow.plan.operators import Gauge
from leadflow.plan.plan import Secret, SettingValue
from leadflow.plan.policy import Applied
from leadflow.plan.trial import Sampling
from leadflow.plan.types import Effect, FieldType, Type, Value
from leadflow.record import record
from leadflow.syntax import tree

_SUGGESTIONS = 40_000
"""Names compared for "did you mean" in one check, at the most: a file full of unknown names is told about in time."""
MOST_CONSTANT = 4_000_000
"""What all constants may hold: an item of a list is 4, a field of a record 6, 8 characters put together are 1."""


# --- declarations -------------------------------------------------------------------------------------------------


@record(eq=False)
class AgentSymbol:
    """A declared or predeclared agent."""

    key: str
    decl: tree.AgentDecl | None
    """None for a predeclared one."""
    home: "ModuleScope | None"


@record(eq=False)
class ToolSymbol:
    """A declared tool; its implicit agent has the same key."""

    key: str
    decl: tree.ToolDecl
    home: "ModuleScope"


@record(eq=False)
class FlowSymbol:
    """A declared flow."""

    key: str
    decl: tree.FlowDecl
    home: "ModuleScope"


@record(eq=False)
class ConstSymbol:
    """A constant."""

    key: str
    decl: tree.ConstDecl
    home: "ModuleScope"


@record(eq=False)
class ModuleSymbol:
    """A file imported as a whole."""

    scope: "ModuleScope"
    decl: tree.Use


@record(eq=False)
class BrokenSymbol:
    """Something that an import did not bring; it has been reported, so readers stay silent."""


Symbol: TypeAlias = AgentSymbol | ToolSymbol | FlowSymbol | ConstSymbol | ModuleSymbol | BrokenSymbol


@record(eq=False)
class TypeSymbol:
    """A declared type."""

    key: str
    decl: tree.RecordDecl | tree.AliasDecl
    home: "ModuleScope"


@record(eq=False)
class PolicySymbol:
    """A bundle of annotations."""

    key: str
    decl: tree.PolicyDecl
    home: "ModuleScope"


@dataclass(slots=True, eq=False)
class ModuleScope:
    """The names that one file sees."""

    module: Module
    values: dict[str, Symbol] = field(default_factory=dict)
    types: dict[str, TypeSymbol | None] = field(default_factory=dict)
    """None: an import that failed, already reported."""
    policies: dict[str, PolicySymbol | None] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    """Where each name of `values` stands in this file."""
    used: set[str] = field(default_factory=set)
    """Names of this file that something reads; for imports that nobody uses."""

    def key(self, name: str) -> str:
        """The qualified name of a declaration of this file."""
        return f"{self.module.name}.{name}" if self.module.name else name


@dataclass(slots=True, eq=False)
class Setting:
    """A setting in force on an agent."""

    name: tree.Ident
    value: tree.Expr
    home: ModuleScope
    folded: SettingValue = None


@dataclass(slots=True, eq=False)
class Agent:
    """An agent with its template, its profile and its annotations worked in."""

    key: str
    name: str
    """As its own file calls it."""
    kind: Kind | None
    """None when its kind was not found, which has been said."""
    kind_name: str
    home: ModuleScope | None
    span: Span | None
    """Of its name."""
    settings: dict[str, Setting] = field(default_factory=dict)
    inherited: list[Applied] = field(default_factory=list)
    """Policies that each of its calls takes over (rule C4)."""
    removed: set[str] = field(default_factory=set)
    """Policies that it has taken off: a role then has none from its model either."""
    shared: list[Applied] = field(default_factory=list)
    """Its `limit`, `breaker`, `concurrency`."""
    missing: tuple[str, ...] = ()
    """Required settings that nobody gave: an abstract agent (rule E8)."""
    misspelt: set[str] = field(default_factory=set)
    """Settings that were given under another name, which has been said."""
    shares: str = ""
    family: str = ""
    """The agent whose limits and breaker were copied: all that copied them and ask one upstream share them."""
    effects: dict[str, Effect] = field(default_factory=dict)
    """By action, where its settings list them."""
    tools: tuple[tuple[str, str], ...] = ()
    """What its model may call: (`agent` or `flow`, key) and for an agent's action `key.action`."""
    via: tuple[str, ...] = ()
    """Agents that its settings name."""
    model_effect: Effect = "pure"
    """Join of the effects of its tools (rule C8)."""
    key_expr: tree.Expr | None = None
    """The key of its `@idempotent(key: …)`."""
    cache_expr: tree.Expr | None = None
    """The key of its `@cache(key: …)`."""
    budget_span: Span | None = None
    """Where its budget is written, when it has one of its own."""
    tool: ToolSymbol | None = None
    """The tool whose implicit agent this is."""
    action: str = ""
    """The one that the tool calls."""
    tool_args: tuple[BoundArg, ...] | None = None
    """The arguments of a tool that is a call of an agent, over the tool's parameters."""
    category: str | None = None
    """Of the tool."""
    base: str | None = None
    """The agent that the tool calls."""

    @property
    def lacks(self) -> tuple[str, ...]:
        """What is missing and was not meant by a misspelt name."""
        return tuple(name for name in self.missing if name not in self.misspelt)


@record
class Loose:
    """Something in a flow whose price nobody can bound."""

    span: Span
    agent: str | None
    """Key of the agent whose answers may be of any length; None for a loop."""
    what: str
    """How messages call the loop."""
    model: str
    """The call that costs, as its author writes it."""


@dataclass(slots=True, eq=False)
class Writes:
    """What a flow writes, and what it says of taking it back."""

    undone: Span | None = None
    """An `undo` in it, or in a flow that it calls."""
    bare: list[tuple[tree.Step, tree.Step]] = field(default_factory=list)
    """Its steps that write and say no `undo`, each with the write itself: another one where a flow is called."""


@dataclass(slots=True, eq=False)
class Signature:
    """What a caller sees of a flow or tool."""

    params: tuple[FieldType, ...]
    result: Type
    has_result: bool


# --- everything ---------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Program:
    """Everything known so far."""

    main: Module
    modules: Mapping[str, Module]
    catalogue: Catalogue
    report: Report
    profile: str | None
    scopes: dict[str, ModuleScope] = field(default_factory=dict)
    """By module name."""
    declared: dict[str, Type] = field(default_factory=dict)
    """Types by key, those with parameters aside."""
    made: dict[tuple[str, tuple[Type, ...]], Type] = field(default_factory=dict)
    """Types with parameters, by key and by what was given for them."""
    sizes: dict[int, tuple[Type, int, int]] = field(default_factory=dict)
    """Parts and depth of record types, by identity."""
    consts: dict[str, tuple[Type, Value | Secret]] = field(default_factory=dict)
    """Constants by key; missing when broken."""
    agents: dict[str, Agent] = field(default_factory=dict)
    signatures: dict[str, Signature] = field(default_factory=dict)
    """Of flows and tools, by key."""
    flow_effects: dict[str, Effect] = field(default_factory=dict)
    unkeyed: dict[str, Span | None] = field(default_factory=dict)
    """By flow: a write in it that may not be repeated, None when there is none."""
    attempts: dict[str, int] = field(default_factory=dict)
    """By flow: how often a call in it is tried, at the most."""
    approved: dict[str, tuple[tuple[tree.Expr, ...], ...]] = field(default_factory=dict)
    """By flow: what each approval that all its paths pass has shown, over its parameters (rule C9)."""
    loose: dict[str, tuple[Loose, ...]] = field(default_factory=dict)
    """By flow: what in it, and in what it calls, has no bound."""
    rounds: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By flow: how often it may call one agent in one run, as far as that is written; and a model that it calls."""
    writes: dict[str, Writes] = field(default_factory=dict)
    """By flow."""
    only_asks: dict[str, bool] = field(default_factory=dict)
    """By flow, once lint has asked: whether all that it does is done for its result."""
    flows: dict[str, FlowInfo] = field(default_factory=dict)
    refs: dict[int, Ref] = field(default_factory=dict)
    calls: dict[int, CallInfo] = field(default_factory=dict)
    steps: dict[int, StepInfo] = field(default_factory=dict)
    types: dict[int, Type] = field(default_factory=dict)
    fits: dict[int, Type] = field(default_factory=dict)
    constants: dict[int, Value | Secret] = field(default_factory=dict)
    gauge: Gauge = field(default_factory=lambda: Gauge(MOST_CONSTANT))
    """Pays for what constants hold, all together."""
    needs: dict[int, int] = field(default_factory=dict)
    fills: dict[int, Mapping[str, Value]] = field(default_factory=dict)
    mocks: dict[int, MockInfo] = field(default_factory=dict)
    starts: dict[int, FlowCallInfo] = field(default_factory=dict)
    samples: dict[int, Sampling] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    """Ids of declarations that something names."""
    alone: list[Diagnostic] = field(default_factory=list)
    """Of what was reported: what holds only as long as no other program imports the main file."""
    said: set[tuple[str, str]] = field(default_factory=set)
    """What needs saying once only: (code, key)."""
    said_count: int = 0
    """How much has been reported from within contexts: a caller compares to learn whether something was."""
    error_count: int = 0
    """The errors among it."""
    suggestions: int = _SUGGESTIONS
    searches: int = 50
    overrides: dict[str, list[tuple[ModuleScope, tree.AgentOverride]]] = field(default_factory=dict)
    """What the profile changes, by the key of the agent."""
    const_overrides: dict[str, tuple[ModuleScope, tree.ConstOverride]] = field(default_factory=dict)
    base_calls: Mapping[int, CallInfo] = field(default_factory=dict)
    """The calls without the profile, when one is applied: their effects may not grow (rule E9)."""

    def may_search(self) -> bool:
        """Whether there is time to look for what two steps need of each other; each question costs some."""
        self.searches -= 1
        return self.searches >= 0

    def known(self, *names: Iterable[str]) -> list[str]:
        """Names to suggest from, as long as there is time for suggestions."""
        if self.suggestions <= 0:
            return []
        found = [name for group in names for name in group]
        self.suggestions -= len(found)
        return found

    def once(self, code: str, key: str) -> bool:
        """True the first time it is asked for this pair."""
        if (code, key) in self.said:
            return False
        self.said.add((code, key))
        return True

    def is_approval(self, action: tree.Action) -> bool:
        """Whether a call returns only after a person's yes."""
        call = self.calls.get(action.id)
        agent = self.agents.get(call.agent) if isinstance(call, ActionCall) else None
        row = agent.kind.action(call.action) if isinstance(call, ActionCall) and agent and agent.kind else None
        return row is not None and row.approves


Where = Literal["flow", "constant", "setting", "test", "trigger"]
"""What an expression is part of: decides what may stand in it."""
