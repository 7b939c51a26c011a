"""What models may call -> the plan's tools: each a call over its parameters, which are `Bound` slots of scope 0.

Only what some model is granted comes into the plan; a tool that is called in steps alone is an action like any other.
"""

from leadflow.check.checked import ActionCall, Checked, ToolInfo
from leadflow.graph.exprs import FORMS, Translator
from leadflow.graph.roles import played, with_chain
from leadflow.plan.expr import Bound, Expr
from leadflow.plan.plan import AgentCall, FlowCall, ToolPlan


def granted_tools(checked: Checked) -> tuple[ToolPlan, ...]:
    """The tools that models of the program are granted, by key."""
    keys: dict[str, None] = {}
    for spec in checked.agents.values():
        tools = spec.settings.get("tools")
        keys.update(dict.fromkeys(key for key in tools if isinstance(key, str)) if isinstance(tools, tuple) else {})
    return tuple(_tool(checked, checked.tools[key]) for key in sorted(keys) if key in checked.tools)


def _tool(checked: Checked, info: ToolInfo) -> ToolPlan:
    policies = info.policies
    slots = [Bound(0, slot) for slot in range(len(info.params))]
    if info.call is None:
        work: AgentCall | FlowCall = FlowCall(info.flow or info.key, tuple(slots))
    else:
        work = _call(checked, info, info.call, slots)
        policies = with_chain(checked, info.call.agent, policies)
    return ToolPlan(
        info.key, info.calls, info.doc, info.category, info.params, info.result, info.effect, work, info.is_open,
        policies, info.place,
    )  # fmt: skip


def _call(checked: Checked, info: ToolInfo, call: ActionCall, slots: list[Bound]) -> AgentCall:
    to = Translator(checked, checked.refs)
    args: list[tuple[str, Expr]] = []
    if info.param_ids is None:
        args = [(param.name, slot) for param, slot in zip(info.params, slots, strict=True)]
    else:
        for param, slot in zip(info.param_ids, slots, strict=True):
            to.bindings[param] = (slot, (), None)
        args = [(arg.param, FORMS[type(arg.value)](to, arg.value, arg.slot)) for arg in call.args]
    key = None if info.key_expr is None else to.expr(info.key_expr)
    made = AgentCall(
        call.agent, call.action, tuple(args), call.result, call.declared, call.effect, info.idempotent, key
    )
    return played(checked, made)
