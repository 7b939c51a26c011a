"""The bound of a flow, put together: its figures, and the prices that they stand on."""

from collections.abc import Mapping

from leadflow.bound.asks import Known, is_asked, price_of
from leadflow.bound.context import open_flow
from leadflow.bound.costs import flow_cost, undo_cost
from leadflow.bound.figures import Figure, total
from leadflow.bound.prices import Found
from leadflow.bound.times import flow_time, undo_time
from leadflow.plan.kinds import find_kind
from leadflow.plan.plan import AgentCall, Plan
from leadflow.plan.types import Value
from leadflow.record import record
from leadflow.run.support import agents_of, agents_of_tool, reached, tools_of, with_undo


@record
class Priced:
    """A model that a flow may ask, and its price."""

    agent: str
    model: str
    found: Found | None
    """None: nobody knows it."""


@record
class Bound:
    """The most that one run of a flow can take."""

    money: Figure
    """Millionths of a dollar, for models."""
    tokens: Figure
    """Of models, read and written."""
    calls: Figure
    """Attempts with agents."""
    time: Figure
    """Microseconds."""
    priced: tuple[Priced, ...]


def bound_of(plan: Plan, flow: str, known: Known, inputs: Mapping[str, Value]) -> Bound:
    """The bound of a flow that is started with these inputs, and with any others of their types."""
    context = open_flow(plan, known, flow, inputs)
    cost, undone = flow_cost(context), undo_cost(context)
    money, tokens, calls = ((cost.money, undone.money), (cost.tokens, undone.tokens), (cost.calls, undone.calls))
    time = total((flow_time(context), undo_time(context)))
    return Bound(total(money), total(tokens), total(calls), time, tuple(_priced(plan, flow, known)))


def _priced(plan: Plan, flow: str, known: Known) -> list[Priced]:
    found: dict[str, Priced] = {}
    for node in (node for name in reached(plan, flow) for node in plan.flows[name].nodes):
        for each in with_undo(node):
            if not isinstance(call := each.work, AgentCall):
                continue
            tools = [(name, tool.work) for tool in tools_of(plan, each) for name in agents_of_tool(tool)]
            asked = [*((name, call) for name in agents_of(each, call)), *tools]
            for name, work in asked:
                spec = plan.agents[name]
                model = spec.settings.get("model")
                is_model = isinstance(work, AgentCall) and is_asked(find_kind(known.catalogue, spec.kind), work)
                if name not in found and is_model and isinstance(model, str):
                    found[name] = Priced(name, model, price_of(known, spec))
    return list(found.values())
