"""A flow as it is called: how large its parameters are, and so all that is made of them.

What a step gives is bounded by its type, by the `max_tokens` of a model, by what stands in the block below it. Sizes
are worked out when they are asked for, and kept. A chain that is longer than anybody writes has no bound, so that no
plan is too deep to be looked at.
"""

from collections.abc import Callable, Mapping

from leadflow.bound.asks import Cost, Known, is_asked, most_written, price_of
from leadflow.bound.expressions import size_of
from leadflow.bound.figures import Cause, Course, Figure, endless, per_each
from leadflow.bound.prices import Found
from leadflow.bound.sizes import (
    NONE_SIZE,
    SMALL,
    Most,
    Size,
    boundless,
    larger,
    largest,
    list_size,
    no_more,
    record_size,
    size_of_field,
    size_of_type,
    size_of_value,
    text_size,
)
from leadflow.plan.expr import Const, Expr
from leadflow.plan.kinds import find_kind
from leadflow.plan.plan import (
    AgentCall,
    Branch,
    Do,
    FlowCall,
    FlowPlan,
    For,
    Merge,
    Node,
    Parallel,
    Plan,
    Race,
    Repeat,
    Return,
    Yield,
)
from leadflow.plan.tokens import BYTES_PER_TOKEN
from leadflow.plan.types import STRING, Value
from leadflow.plan.words import expr_words, step_name
from leadflow.run.support import agents_of

DEEPEST = 40
"""How far a size is followed from value to value, and flows that call each other."""


class Context:
    """One flow, called with arguments of certain sizes."""

    def __init__(self, plan: Plan, known: Known, flow: FlowPlan, params: tuple[Size, ...], depth: int = 0) -> None:
        self.plan = plan
        self.known = known
        self.flow = flow
        self.params = params
        self.depth = depth
        self.cost: Cost | None = None
        """What it costs, once that is known."""
        self.course: Course | None = None
        """How long it takes, once that is known."""
        self.undo_cost: Cost | None = None
        """What it costs to take back, once that is known."""
        self.undo_time: Figure | None = None
        self._nodes: dict[int, Size] = {}
        self._lets: dict[int, Size] = {}
        self._slots: dict[int, Size] = {}
        """Of the value that goes around in a `repeat`, by scope."""
        self._results: dict[int, list[Expr]] = {}
        """What each scope may give, by scope."""
        self._others: dict[tuple[str, tuple[Size, ...]], Context] = {}
        """Of all flows of the plan, shared by all of them."""
        self._prices: dict[str, Found | None] = {}
        """By agent, shared too."""
        self._followed = 0
        for node in flow.nodes:
            if isinstance(node.work, Return | Yield):
                self._results.setdefault(node.scope, []).append(node.work.value)

    def size(self, expr: Expr) -> Size:
        """The size of an expression of the flow."""
        return size_of(expr, self)

    def words(self, expr: Expr) -> str:
        """An expression as the author would write it."""
        return expr_words(self.flow, expr)

    def child(self, call: FlowCall) -> "Context":
        """The flow that a node calls."""
        args = tuple(self.size(arg) for arg in call.args)
        found = self._others.get((call.flow, args))
        if found is None:
            flow = self.plan.flows[call.flow]
            found = self._others[call.flow, args] = Context(self.plan, self.known, flow, args, self.depth + 1)
            found._others, found._prices = self._others, self._prices
        return found

    def price(self, name: str) -> Found | None:
        """What the model of an agent costs."""
        if name not in self._prices:
            self._prices[name] = price_of(self.known, self.plan.agents[name])
        return self._prices[name]

    def mend(self, name: str) -> str:
        """How a caller may say how large what has this name is; empty when no caller can."""
        first = name.partition(".")[0].partition("[")[0]
        is_input = self.depth == 0 and any(param.name == first for param in self.flow.params)
        return f", or give {first} with --input" if is_input else ""

    # --- what expressions read ------------------------------------------------------------------------------------

    def slot(self, scope: int, slot: int) -> Size:
        """A parameter, an item or its index, the value that goes around or its number."""
        if scope == 0:
            return self.params[slot]
        owner = self.flow.nodes[self.flow.scopes[scope].owner or 0]
        if slot == 1:
            return SMALL
        match owner.work:
            case For(items):
                source = self.size(items)
                return source.item or boundless(source.open or self.words(items))
            case Repeat():
                return self._around(owner, owner.work)
            case _:
                return boundless("")

    def node(self, node: int) -> Size:
        """The value of a node, after what absorbs its failure."""
        found = self._nodes.get(node)
        if found is None:
            found = self._nodes[node] = self._deeper(lambda: self._of_node(self.flow.nodes[node]))
        return found

    def let(self, let: int) -> Size:
        """The value of a let."""
        found = self._lets.get(let)
        if found is None:
            value = self.flow.lets[let].value
            found = self._lets[let] = self._deeper(lambda: self.size(value))
        return found

    def _deeper(self, work: Callable[[], Size]) -> Size:
        """What is read, which may be none where nothing was taken."""
        if self._followed >= DEEPEST:
            return boundless("a long chain of values")
        self._followed += 1
        try:
            return larger(work(), NONE_SIZE)
        finally:
            self._followed -= 1

    def given(self, scope: int) -> Size:
        """What a scope gives: the flow's value, or that of an iteration, a round or a group."""
        return largest(self.size(value) for value in self._results.get(scope, ()))

    # --- nodes ----------------------------------------------------------------------------------------------------

    def _of_node(self, node: Node) -> Size:
        size = self._of_work(node, size_of_type(node.type, step_name(node)))
        return size if node.catch is None else larger(size, self.size(node.catch.value))

    def _of_work(self, node: Node, typed: Size) -> Size:
        match node.work:
            case AgentCall() as call:
                return self._of_call(node, call)
            case FlowCall() as called:
                child = self.child(called) if self.depth < DEEPEST else None
                return typed if child is None else child.given(0)
            case For(scope=scope):
                return list_size(self._items(node.work), self.given(scope), self.words(node.work.items))
            case Repeat(otherwise=otherwise):
                around = self._around(node, node.work)
                return around if otherwise is None else larger(around, self.size(otherwise))
            case Do(scope):
                return self.given(scope)
            case Parallel(scope):
                members = (self.flow.nodes[member] for member in self.flow.scopes[scope].nodes)
                return record_size((member.name, self.node(member.id)) for member in members)
            case Race(scope):
                return largest(self.node(member) for member in self.flow.scopes[scope].nodes)
            case Branch() | Merge():
                return NONE_SIZE
            case _:
                return typed

    def _around(self, node: Node, repeat: Repeat) -> Size:
        """What goes around in a `repeat`, and comes out of it: what enters it, and what a round makes of that."""
        found = self._slots.get(repeat.scope)
        if found is not None:
            return found
        size = self.size(repeat.init)
        for _ in range(3):
            self._slots[repeat.scope] = size
            self._forget(repeat.scope)
            after = larger(size, self.given(repeat.scope))
            if after == size:
                return size
            size = after
        self._slots[repeat.scope] = size = boundless(step_name(node))
        self._forget(repeat.scope)
        return size

    def _forget(self, scope: int) -> None:
        """What was worked out inside a round stands on what entered it."""
        inside = {scope}
        for other in self.flow.scopes[scope:]:
            if other.parent in inside:
                inside.add(other.id)
        self._nodes = {n: size for n, size in self._nodes.items() if self.flow.nodes[n].scope not in inside}
        self._lets = {n: size for n, size in self._lets.items() if self.flow.lets[n].scope not in inside}
        self._slots = {n: size for n, size in self._slots.items() if n == scope or n not in inside}

    def _of_call(self, node: Node, call: AgentCall) -> Size:
        typed = size_of_type(call.result, step_name(node))
        most: Most = 0
        for name in agents_of(node, call):
            tokens = self._written(name, call)
            most = None if most is None or tokens is None else max(most, tokens)
        if most is None:
            return typed
        raw = most * BYTES_PER_TOKEN
        return no_more(typed, raw) if call.declared and call.result != STRING else text_size(raw)

    def _written(self, name: str, call: AgentCall) -> Most:
        """Most tokens of an agent's answer, if it is a model's."""
        spec = self.plan.agents[name]
        kind = find_kind(self.known.catalogue, spec.kind)
        action = None if kind is None else kind.action(call.action)
        is_ask = action is not None and action.asks_model and is_asked(kind, call)
        return most_written(spec, call) if is_ask else None

    # --- how often ------------------------------------------------------------------------------------------------

    def _items(self, work: For) -> Most:
        items = self.size(work.items).items
        limit = constant(work.limit)
        if limit is None:
            return items
        return limit if items is None else min(items, limit)

    def iterations(self, node: Node, work: For) -> Figure:
        """How many a `for` has at most."""
        most = self._items(work)
        if most is not None:
            return Figure(most)
        words = self.words(work.items)
        what = f"`{node.name}` takes as many as there are in {words}"
        mend = "write `at most …` behind the list, or `@length(…)` behind its type" + self.mend(words)
        return per_each(f"len({words})", Cause(node.place, what, mend))

    def rounds(self, node: Node, work: Repeat) -> Figure:
        """How many a `repeat` has at most."""
        most = constant(work.limit)
        if most is not None:
            return Figure(max(0, most))
        what = f"how often '{node.name}' repeats is known in the run only"
        return endless(Cause(node.place, what, "write a number behind `at most`"))


def constant(expr: Expr | None) -> int | None:
    """A whole number that is known; None for anything else."""
    return expr.value if isinstance(expr, Const) and type(expr.value) is int else None


def open_flow(plan: Plan, known: Known, name: str, inputs: Mapping[str, Value], *, depth: int = 0) -> Context:
    """A flow as a run, or a model, starts it: with these inputs, and anything of their types for the others."""
    flow = plan.flows[name]
    sizes = [
        size_of_value(inputs[param.name]) if param.name in inputs else size_of_field(param, param.name)
        for param in flow.params
    ]
    return Context(plan, known, flow, tuple(sizes), depth)
