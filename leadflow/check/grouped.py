"""What is written on a block, a flow or the call of a flow and means something for calls of agents only; and what a
cache around several calls would keep from being asked (rule C4).

Knows annotations that were read already; the calls inside are known by the time these functions are asked.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from leadflow.check.checked import ActionCall
from leadflow.check.context import Context
from leadflow.check.messages.policies import caches_chance, for_calls, wrong_target
from leadflow.check.policies import Written
from leadflow.check.reached import walk_called
from leadflow.plan.kinds import PREDECLARED
from leadflow.syntax import tree

Group: TypeAlias = Literal["a block", "a flow", "the call of a flow"]

_OF_CALLS: Mapping[str, tuple[str, ...]] = {
    "timeout": ("attempt", "idle"),
    "retry": ("max_retry_after",),
    "cache": ("negative_ttl", "key"),
    "idempotent": ("key",),
}
"""Arguments that say something of one request to an agent."""

_HINT = "put it on the calls inside"
_CALLS_ONLY = ("hedge", "on_error", "once")
"""Annotations that may stand on a call, but not on that of a flow. Where a block or a flow has one, whoever reads the
annotations has refused it: no row lists these as its place."""


def check_group(cx: Context, written: Written, *, on: Group) -> None:
    """Report what says nothing on a group of calls."""
    for name, span in written.spans.items():
        if on == "the call of a flow" and name in _CALLS_ONLY and name not in written.removed:
            cx.report(wrong_target(span, name, target=on, places=("calls of agents",), hint=_HINT))
        if wrong := [each for each in written.given.get(name, ()) if each in _OF_CALLS.get(name, ())]:
            cx.report(for_calls(span, name, wrong, on=on))


def check_remembered(cx: Context, written: Written, body: tree.Block) -> None:
    """Report what is asked inside of a cached group because it answers something else each time."""
    span = written.spans.get("cache")
    if span is None or "cache" in written.removed:
        return
    call = next(_varying(cx, body), None)
    if call is not None:
        cx.report(caches_chance(span, call, is_inside=True))


def _varying(cx: Context, body: tree.Block) -> Iterator[str]:
    """Calls in a body, and in flows that it calls, which answer something else each time."""
    for node in walk_called(cx.program, [body], with_tools=False):
        call = cx.program.calls.get(node.action.id) if isinstance(node, tree.Step) else None
        if not isinstance(call, ActionCall) or call.action == "sleep":  # a pause gives nothing that could be other
            continue
        if (name := varies(cx, call.agent)) is not None:
            yield f"{name}.{call.action}"


def varies(cx: Context, agent: str) -> str | None:
    """The name of an agent that is asked because its answers differ: time, chance, people. None: it is another one."""
    found = cx.program.agents.get(agent)
    if found is None or found.kind is None or found.kind_name not in (*PREDECLARED, "human"):
        return None
    return found.name
