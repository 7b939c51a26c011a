"""Plans made by hand: for the kernel, the driver and the benchmarks, which want plans and no compiler.

`Making` numbers the nodes and scopes of one flow and works out levels and ranks; `plan` puts flows together. The
shapes below are those of TARGETS: every node is a call of the agent `echo` that reads the values of its needs.

    flow = Making("main")
    a = flow.call("a")
    loop = flow.block("loop", lambda scope: For(Const((1, 2)), None, scope), a, slots=("x", "i"))
    flow.call("inner", inside=loop)
    the_plan = plan(flow.done())
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from leadflow.plan.codec import seal
from leadflow.plan.expr import Const, Expr, Guard, ListOf, NodeValue
from leadflow.plan.plan import (
    PLAN_VERSION,
    AgentCall,
    AgentSpec,
    Branch,
    Catch,
    Do,
    FlowCall,
    FlowPlan,
    For,
    Let,
    Merge,
    Need,
    Node,
    Parallel,
    Place,
    Plan,
    Race,
    Repeat,
    Return,
    Scope,
    Undo,
    Work,
    Yield,
)
from leadflow.plan.policy import Applied, Policy
from leadflow.plan.types import JSON, Effect, FieldType, Type, Value, join_effects

NOWHERE = Place("made.flow", 1, 1)
Block = For | Repeat | Parallel | Race | Do


def apply(name: str, policy: Policy) -> Applied:
    """A policy as if written on the step."""
    return Applied(name, policy, "step", "made.flow:1:1")


def call_of(*args: Expr, agent: str = "echo", action: str = "say", effect: Effect = "pure") -> AgentCall:
    """A call with positional arguments; what is pure or read may be repeated."""
    named = tuple((str(position), arg) for position, arg in enumerate(args))
    return AgentCall(agent, action, named, JSON, False, effect, effect in ("pure", "read"), None)


@dataclass(slots=True)
class Making:
    """A flow in the making. Nodes are given and named by their ids."""

    name: str = "main"
    params: Sequence[str] = ()
    policies: Sequence[Applied] = ()
    result: Type = JSON
    nodes: list[Node] = field(default_factory=list)
    lets: list[Let] = field(default_factory=list)
    owners: list[int | None] = field(default_factory=lambda: [None])
    """Of each scope."""
    slots: list[tuple[str, ...]] = field(default_factory=list)

    def node(
        self,
        name: str,
        work: Work,
        needs: Iterable[Need | int] = (),
        *,
        inside: int | None = None,
        guard: Guard | None = None,
        policies: Sequence[Applied] = (),
        catch: Catch | None = None,
        undo: Undo | None = None,
    ) -> int:
        """Add a node; a need given as a plain id is `data`, its guard becomes a need by itself.

        Args:
            inside: the block in whose scope it stands; None for the flow's body.
        """
        all_needs = [need if isinstance(need, Need) else Need(need, "data") for need in needs]
        if guard is not None and all(need.node != guard.node for need in all_needs):
            all_needs.append(Need(guard.node, "control"))
        effect: Effect = work.effect if isinstance(work, AgentCall) else "pure"
        self.nodes.append(
            Node(
                id=len(self.nodes), name=name, scope=self.scope_of(inside), work=work, needs=tuple(all_needs),
                guard=guard, policies=tuple(policies), catch=catch, undo=undo, effect=effect, type=JSON,
                place=NOWHERE, level=0, rank=0,
            )
        )  # fmt: skip
        return len(self.nodes) - 1

    def call(
        self,
        name: str,
        *reads: int,
        needs: Iterable[Need] = (),
        inside: int | None = None,
        guard: Guard | None = None,
        policies: Sequence[Applied] = (),
        effect: Effect = "pure",
        catch: Catch | None = None,
    ) -> int:
        """Add a call of `echo.say` that is given the values of `reads`."""
        work = call_of(*(NodeValue(read) for read in reads), effect=effect)
        return self.node(name, work, [*reads, *needs], inside=inside, guard=guard, policies=policies, catch=catch)

    def block(
        self,
        name: str,
        make: Callable[[int], Block],
        *reads: int,
        slots: tuple[str, ...] = (),
        inside: int | None = None,
        guard: Guard | None = None,
        policies: Sequence[Applied] = (),
        catch: Catch | None = None,
    ) -> int:
        """Add a block node with a scope of its own; `make` gets the scope's number. `For` and `Repeat` have two
        slots."""
        scope = len(self.owners)
        self.owners.append(len(self.nodes))
        self.slots.append(slots)
        return self.node(name, make(scope), reads, inside=inside, guard=guard, policies=policies, catch=catch)

    def branch(self, name: str, subject: Expr, *reads: int, inside: int | None = None) -> int:
        """Add an `if`: arm 0 when the subject is true, arm 1 when not."""
        return self.node(name, Branch(subject, ((True,), None), ("then", "else")), reads, inside=inside)

    def merge(self, name: str, *guards: Guard, inside: int | None = None) -> int:
        """Add a merge of guards."""
        needs = [Need(node, "control") for node in dict.fromkeys(guard.node for guard in guards)]
        return self.node(name, Merge(guards), needs, inside=inside)

    def give(self, value: Expr, *reads: int, inside: int | None = None, guard: Guard | None = None) -> int:
        """Add a `return` in the flow's body, a `yield` inside a block."""
        if inside is None:
            return self.node(f"return@{len(self.nodes)}", Return(value), reads, guard=guard)
        return self.node(f"yield@{len(self.nodes)}", Yield(value), reads, inside=inside, guard=guard)

    def let(self, name: str, value: Expr, *reads: int, inside: int | None = None, guard: Guard | None = None) -> int:
        """Add a let; readers name its nodes among their own needs."""
        self.lets.append(Let(name, self.scope_of(inside), value, guard, reads))
        return len(self.lets) - 1

    def scope_of(self, block: int | None) -> int:
        """The scope of a block's body."""
        return 0 if block is None else self.owners.index(block, 1)

    def done(self) -> FlowPlan:
        """The finished flow."""
        nodes = _ranked(self.nodes, self.owners)
        scopes = tuple(
            Scope(
                id=number,
                parent=None if owner is None else nodes[owner].scope,
                owner=owner,
                slots=tuple(self.params) if owner is None else self.slots[number - 1],
                nodes=tuple(node.id for node in nodes if node.scope == number),
                lets=tuple(n for n, let in enumerate(self.lets) if let.scope == number),
            )
            for number, owner in enumerate(self.owners)
        )
        params = tuple(FieldType(name, JSON) for name in self.params)
        effect = join_effects(*(node.effect for node in nodes))
        policies, lets = tuple(self.policies), tuple(self.lets)
        return FlowPlan(self.name, params, self.result, tuple(nodes), scopes, lets, policies, effect, NOWHERE)


def _ranked(nodes: Sequence[Node], owners: Sequence[int | None]) -> list[Node]:
    """The nodes with their levels and with their longest ways to an end, in calls."""
    last = list(range(len(nodes)))
    """The last node of each node's body."""
    for node in reversed(nodes):
        owner = owners[node.scope]
        if owner is not None:
            last[owner] = max(last[owner], last[node.id])
    levels, ranks = [0] * len(nodes), [0] * len(nodes)
    before: list[list[int]] = []
    for node in nodes:
        owner = owners[node.scope]
        waits = [inner for need in node.needs for inner in range(need.node, last[need.node] + 1)]
        before.append(waits if owner is None else [*waits, owner])
        levels[node.id] = max((levels[other] + 1 for other in before[-1]), default=0)
    for node in reversed(nodes):
        ranks[node.id] += isinstance(node.work, AgentCall | FlowCall)
        for other in before[node.id]:
            ranks[other] = max(ranks[other], ranks[node.id])
    return [replace(node, level=levels[node.id], rank=ranks[node.id]) for node in nodes]


def plan(*flows: FlowPlan, agents: Sequence[str] = ("echo",)) -> Plan:
    """A program of these flows; the first is the main one. Its agents are of the kind `python`."""
    specs = {name: AgentSpec(name, "python", {"module": f"{name}.py"}, (), name, NOWHERE) for name in agents}
    by_name = {flow.name: flow for flow in flows}
    return seal(Plan(PLAN_VERSION, 1, "made.flow", None, by_name, specs, flows[0].name, ""))


# --- the shapes of the targets ------------------------------------------------------------------------------------


def chain(n: int) -> Plan:
    """n calls in a row."""
    flow = Making()
    last: list[int] = []
    for number in range(n):
        last = [flow.call(f"n{number}", *last)]
    flow.give(NodeValue(last[0]), last[0])
    return plan(flow.done())


def fan(n: int) -> Plan:
    """n calls side by side, and one that reads them all."""
    flow = Making()
    calls = [flow.call(f"n{number}") for number in range(n)]
    total = flow.node("total", call_of(ListOf(tuple(NodeValue(call) for call in calls))), calls)
    flow.give(NodeValue(total), total)
    return plan(flow.done())


def ladder(n: int) -> Plan:
    """Two rails of n/2 calls; each rung reads the one below on both rails."""
    flow = Making()
    left, right = flow.call("l0"), flow.call("r0")
    for number in range(1, n // 2):
        left, right = flow.call(f"l{number}", left, right), flow.call(f"r{number}", left, right)
    flow.give(ListOf((NodeValue(left), NodeValue(right))), left, right)
    return plan(flow.done())


def layered(n: int, *, width: int = 100, reads: int = 3, seed: int = 0) -> Plan:
    """Layers of `width` calls, each reading some of the layer before."""
    flow, chance = Making(), Random(seed)
    layer: list[int] = []
    while len(flow.nodes) < n:
        size = min(width, n - len(flow.nodes))
        first = len(flow.nodes)
        for number in range(size):
            flow.call(f"n{first + number}", *sorted(chance.sample(layer, min(reads, len(layer)))))
        layer = list(range(first, first + size))
    flow.give(ListOf(tuple(NodeValue(call) for call in layer)), *layer)
    return plan(flow.done())


def nested(items: Sequence[Value] = (1, 2, 3), rounds: int = 2) -> Plan:
    """Blocks in blocks: a `for` over items, in it a `repeat`, in it a `parallel` of two calls; a `do` behind it."""
    flow = Making()
    start = flow.call("start")
    each = flow.block("each", lambda s: For(Const(tuple(items)), None, s), start, slots=("item", "index"))
    first = flow.call("first", inside=each)
    loop = flow.block(
        "loop", lambda s: Repeat(NodeValue(first), Const(rounds), s, Const(False), NodeValue(first)),
        first, slots=("value", "round"), inside=each,
    )  # fmt: skip
    both = flow.block("both", lambda s: Parallel(s, None), inside=loop)
    flow.call("a", first, inside=both)
    flow.call("b", start, inside=both)
    flow.give(NodeValue(both), both, inside=loop)
    flow.give(NodeValue(loop), loop, inside=each)
    group = flow.block("group", Do, each)
    last = flow.call("last", each, inside=group)
    flow.give(NodeValue(last), last, inside=group)
    flow.give(NodeValue(group), group)
    return plan(flow.done())


SHAPES: dict[str, Callable[[int], Plan]] = {"chain": chain, "fan": fan, "layered": layered, "ladder": ladder}
"""The shapes of target P1 by name."""
