"""What differs in the tools that models are granted: what they are told of each, what it takes, gives and does."""

from collections.abc import Iterator

from leadflow.plan.compare.changes import Change
from leadflow.plan.compare.meaning import NUMBERS, Names, told
from leadflow.plan.compare.nodes import policy_changes
from leadflow.plan.plan import AgentCall, Plan, ToolPlan
from leadflow.plan.types import FieldType, show


def tool_changes(old: Plan, new: Plan, names: Names) -> Iterator[Change]:
    """All tools of the old plan, then those that are new."""
    slots = Names(NUMBERS.node, NUMBERS.let, NUMBERS.scope, names.agent, names.flow)  # parameters, by their numbers
    before, after = ({tool.key: tool for tool in plan.tools} for plan in (old, new))
    for key, was in before.items():
        if key not in after:
            yield Change("tool", key, "removed", "", was.calls, None)
        else:
            yield from _changes(was, after[key], slots)
    for key, now in after.items():
        if key not in before:
            yield Change("tool", key, "added", "", None, now.calls)


def _changes(was: ToolPlan, now: ToolPlan, names: Names) -> Iterator[Change]:
    if was.doc != now.doc:
        yield Change("tool", now.key, "changed", "what models are told", was.doc, now.doc, is_text=True)
    params = tuple(", ".join(map(_param, tool.params)) for tool in (was, now))
    for aspect, before, after in (
        ("takes", *params),
        ("gives", show(was.result), show(now.result)),
        ("effect", was.effect, now.effect),
        ("category", was.category, now.category),
        ("calls", was.calls, now.calls),
    ):
        if before != after:
            yield Change("tool", now.key, "changed", aspect, before, after)
    if was.params != now.params and params[0] == params[1]:
        yield Change("tool", now.key, "changed", "takes", params[0], f"{params[1]}, in another form")
    if _work(was, names) != _work(now, names) and (was.calls, was.params) == (now.calls, now.params):
        yield Change("tool", now.key, "changed", "calls", was.calls, f"{now.calls}, with other arguments")
    yield from policy_changes("tool", now.key, was.policies, now.policies, names)


def _param(param: FieldType) -> str:
    return f"{param.name}: {show(param.type)}{'' if param.required else '?'}"


def _work(tool: ToolPlan, names: Names) -> str:
    work = tool.work
    return told(work.args, names) + (told(work.key, names) if isinstance(work, AgentCall) else "")
