"""The most money, tokens and calls of a flow: every attempt of every candidate, as often as blocks may repeat it.

What fails is paid too: a fallback adds to what was asked before it. Of the arms of a branch the dearest counts. A
`@budget` cuts what it stands on, as a whole. Whatever is done may have to be taken back, and only the budgets of agents
are for that.
"""

from collections.abc import Callable, Iterable

from leadflow.bound import figures
from leadflow.bound.arms import put_together
from leadflow.bound.asks import MILLION, Cost, ask_of, is_asked, most_written, tool_loop
from leadflow.bound.context import DEEPEST, Context, open_flow
from leadflow.bound.figures import Cause, Figure, cut, endless, product
from leadflow.bound.prices import Price
from leadflow.bound.sizes import Most
from leadflow.bound.undos import Sums, attempts_of, undos
from leadflow.plan.kinds import find_kind
from leadflow.plan.looping import Loop
from leadflow.plan.plan import AgentCall, Do, FlowCall, FlowPlan, For, Node, Parallel, Race, Repeat, ToolPlan
from leadflow.plan.policy import (
    Applied,
    Budget,
    Retry,
    policy_of,
)
from leadflow.plan.reactions import retry_in_force
from leadflow.run.support import agents_of, agents_of_tool, tools_of

FREE = Cost()


def flow_cost(context: Context) -> Cost:
    """What one run of a flow costs at most, its own retries and budget included."""
    if context.cost is None:
        retry = policy_of(context.flow.policies, Retry)
        context.cost = _budgeted(_times(scope_cost(context, 0), attempts_of(retry)), context.flow.policies)
    return context.cost


def scope_cost(context: Context, scope: int) -> Cost:
    """What one instance of a scope costs at most."""
    return put_together(context.flow, scope, lambda node: node_cost(context, node), together=_together, either=_either)


def node_cost(context: Context, node: Node) -> Cost:
    """What a node costs at most each time it is reached."""
    retry = policy_of(node.policies, Retry)
    match node.work:
        case AgentCall() as call:
            attempts = attempts_of(retry_in_force(node.policies))
            return _candidates(context, node, call, attempts * (2 if is_hedged(node) else 1))
        case FlowCall() as call:
            cost = _flow(context, call) if retry is None else _again(context, call, retry)
        case For(scope=scope) as work:
            cost = _times(_times(scope_cost(context, scope), context.iterations(node, work)), attempts_of(retry))
        case Repeat(scope=scope) as work:
            cost = _times(_times(scope_cost(context, scope), context.rounds(node, work)), attempts_of(retry))
        case Parallel(scope=scope) | Race(scope=scope) | Do(scope=scope):
            cost = _times(scope_cost(context, scope), attempts_of(retry))
        case _:
            return FREE
    return _budgeted(cost, node.policies)


# --- undos --------------------------------------------------------------------------------------------------------


def undo_cost(context: Context) -> Cost:
    """What one run of a flow costs at most to take back."""
    if context.undo_cost is None:
        sums = Sums(FREE, _together, _either, _times, node_cost, undo_cost, _free, _too_deep)
        context.undo_cost = undos(context, sums)
    return context.undo_cost


def _free(context: Context, node: Node) -> Cost:
    """What flows that a model uses take back is counted with each use."""
    return FREE


# --- flows --------------------------------------------------------------------------------------------------------


def _flow(context: Context, call: FlowCall) -> Cost:
    """A called flow under its own retries."""
    return _too_deep(context.flow) if context.depth >= DEEPEST else flow_cost(context.child(call))


def _again(context: Context, call: FlowCall, retry: Retry) -> Cost:
    """A called flow, where the call says how often it is tried; its budget is for all attempts."""
    if context.depth >= DEEPEST:
        return _too_deep(context.flow)
    child = context.child(call)
    return _budgeted(_times(scope_cost(child, 0), attempts_of(retry)), child.flow.policies)


def _too_deep(flow: FlowPlan) -> Cost:
    deep = endless(Cause(flow.place, f"more than {DEEPEST} flows call each other", "call fewer in a row"))
    return Cost(deep, deep, deep, deep, deep)


def is_hedged(node: Node) -> bool:
    """Whether each attempt may have a second one beside it."""
    return any(applied.name == "hedge" for applied in node.policies)


# --- calls --------------------------------------------------------------------------------------------------------


def _candidates(context: Context, node: Node, call: AgentCall, attempts: int) -> Cost:
    """A call: its agent, and behind it each fallback with all attempts anew.

    What the call may spend is for all of them together, also where its agent says it (rule C4).
    """
    names = agents_of(node, call)
    each = [_conversation(context, node, call, name, attempts) for name in names]
    loops = [loop for name in names if (loop := tool_loop(context.plan, name, call)) is not None]
    if loops:
        uses = _either(_tool(context, node, tool) for tool in tools_of(context.plan, node))
        each.append(_times(uses, max(loop.calls for loop in loops)))
    return _budgeted(_together(each), node.policies)


def _conversation(context: Context, node: Node, call: AgentCall, name: str, attempts: int) -> Cost:
    """All turns of one model. No turn is sent that may take more than is left of the loop's tokens and money, and each
    attempt of a turn is worth no more than the turn.
    """
    turn, loop = _call(context, node, call, name, attempts), tool_loop(context.plan, name, call)
    if loop is None:
        return turn
    whole = _times(turn, loop.turns)
    if not whole.tokens.is_plain:
        return whole
    found, money = context.price(name), whole.money
    if found is not None and money.is_plain:
        money = cut(money, attempts * _most_money(found.price, loop, most_written(context.plan.agents[name], call)))
        if loop.money is not None:
            money = cut(money, attempts * loop.money.micros)
    return Cost(money, cut(whole.tokens, attempts * loop.tokens), whole.calls, turn.each_money, turn.each_tokens)


def _most_money(price: Price, loop: Loop, written: Most) -> int:
    """What all tokens of a loop cost, as many of them as can be those that a model writes; each turn rounded up."""
    read, more = price.input, max(0, (price.output or 0) - price.input)
    dearer = loop.tokens if written is None else min(loop.tokens, loop.turns * written)
    return -(-(loop.tokens * read + dearer * more) // MILLION) + loop.turns * (2 + price.request // 1000)


def _tool(context: Context, node: Node, tool: ToolPlan) -> Cost:
    """What one use of a tool costs at most, whatever its arguments."""
    if isinstance(tool.work, FlowCall):
        if context.depth >= DEEPEST:
            return _too_deep(context.flow)
        child = open_flow(context.plan, context.known, tool.work.flow, {}, depth=context.depth + 1)
        return _together((flow_cost(child), undo_cost(child)))
    for name in agents_of_tool(tool):
        spec = context.plan.agents[name]
        if is_asked(find_kind(context.known.catalogue, spec.kind), tool.work):
            what = f"tool '{tool.key}' asks the model of agent '{name}', with whatever another model makes up"
            asks = endless(Cause(tool.place or node.place, what, "make a flow with a `@budget` of it"))
            return Cost(asks, asks, asks, asks, asks)
    return Cost(calls=Figure(attempts_of(retry_in_force(tool.policies)) * len(agents_of_tool(tool))))


def _call(context: Context, node: Node, call: AgentCall, name: str, attempts: int) -> Cost:
    plan, known = context.plan, context.known
    if not is_asked(find_kind(known.catalogue, plan.agents[name].kind), call):
        return Cost(calls=Figure(attempts))
    found = context.price(name)
    first = ask_of(plan, known, name, node, call, reads=context, found=found, again=False)
    again = first
    if attempts > 1:
        again = ask_of(plan, known, name, node, call, reads=context, found=found, again=True)
    return Cost(
        figures.total((first.money, product(again.money, attempts - 1))),
        figures.total((*first.tokens, *(product(tokens, attempts - 1) for tokens in again.tokens))),
        Figure(attempts),
        again.money,
        figures.total(again.tokens),
    )


# --- arithmetic ---------------------------------------------------------------------------------------------------


def _together(costs: Iterable[Cost]) -> Cost:
    return _joined(costs, figures.total)


def _either(costs: Iterable[Cost]) -> Cost:
    return _joined(costs, figures.largest)


def _joined(costs: Iterable[Cost], join: Callable[[Iterable[Figure]], Figure]) -> Cost:
    """All or one of several; what each of their calls costs is that of the dearest either way."""
    parts = list(costs)
    return Cost(
        join(cost.money for cost in parts),
        join(cost.tokens for cost in parts),
        join(cost.calls for cost in parts),
        figures.largest(cost.each_money for cost in parts),
        figures.largest(cost.each_tokens for cost in parts),
    )


def _times(cost: Cost, count: Figure | int) -> Cost:
    money, tokens, calls = (product(part, count) for part in (cost.money, cost.tokens, cost.calls))
    return Cost(money, tokens, calls, cost.each_money, cost.each_tokens)


def _budgeted(cost: Cost, policies: tuple[Applied, ...]) -> Cost:
    """Under a budget: of calls each can be the dearest."""
    budget = policy_of(policies, Budget) or Budget()
    calls, tokens, money = budget.calls, budget.tokens, budget.money
    made = cost
    if calls is not None:
        made = Cost(
            cut(made.money, product(made.each_money, calls)),
            cut(made.tokens, product(made.each_tokens, calls)),
            cut(made.calls, calls),
            made.each_money,
            made.each_tokens,
        )
    if tokens is not None:
        made = Cost(made.money, cut(made.tokens, tokens), made.calls, made.each_money, cut(made.each_tokens, tokens))
    if money is not None:
        each = cut(made.each_money, money.micros)
        made = Cost(cut(made.money, money.micros), made.tokens, made.calls, each, made.each_tokens)
    return made
