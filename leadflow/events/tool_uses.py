"""How often tools were called, how they failed and how long they took: a fold over the logs of runs.

A model's calls have events of their own; a step's call of a tool is the step. Pure: it knows plans and events.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from leadflow.events.model import Entry, NodeCancelled, NodeDone, NodeFailed, NodeStarted, ToolCalled, ToolEnded
from leadflow.events.places import in_place
from leadflow.plan.looping import inside_tool
from leadflow.plan.paths import NoSuchStep, find_steps, without_numbers
from leadflow.plan.plan import AgentCall, Plan


@dataclass(slots=True)
class ToolUse:
    """What is known of one tool."""

    calls: int = 0
    by_models: int = 0
    """Of the calls; the others are steps."""
    failed: int = 0
    refused: int = 0
    """Of those that failed: nothing was called, because it was not granted or the arguments did not fit."""
    seconds: float = 0.0
    """Of all calls that ended."""
    longest: float = 0.0
    size: int = 0
    """Bytes of all results that models asked for."""


_REFUSED = ("tool.unknown", "tool.arguments", "tool.calls")


def add_run(found: dict[str, ToolUse], plan: Plan, entries: Sequence[Entry]) -> None:
    """Add what happened in one run, by tool."""
    tools: dict[str, str | None] = {}
    begun: dict[str, float] = {}
    for entry in entries:
        match in_place(entry.event):
            case ToolCalled(tool=asked):
                use = found.setdefault(asked, ToolUse())
                use.calls += 1
                use.by_models += 1
            case ToolEnded(tool=asked, seconds=seconds, failure=failure, size=size):
                use = found.setdefault(asked, ToolUse())
                _end(use, seconds, is_failed=failure is not None)
                use.refused += failure is not None and failure.error in _REFUSED
                use.size += size
            case NodeStarted(path=path) if (name := _tool_of(plan, path, tools)) is not None:
                found.setdefault(name, ToolUse()).calls += 1
                begun[path] = entry.at
            case NodeDone(path=path, absorbed=failure) if path in begun:
                _end(found[str(_tool_of(plan, path, tools))], entry.at - begun.pop(path), is_failed=failure is not None)
            case NodeFailed(path=path) | NodeCancelled(path=path) if path in begun:
                _end(found[str(_tool_of(plan, path, tools))], entry.at - begun.pop(path), is_failed=True)
            case _:
                pass


def _end(use: ToolUse, seconds: float, *, is_failed: bool) -> None:
    use.failed += is_failed
    use.seconds += max(0.0, seconds)
    use.longest = max(use.longest, seconds)


def _tool_of(plan: Plan, path: str, known: dict[str, str | None]) -> str | None:
    """The tool that a step calls; None: it calls none."""
    inside = inside_tool(path)
    plain = without_numbers(path if inside is None else inside[1])
    if plain not in known:
        known[plain] = None
        ways = find_steps(plan, plain)
        work = None if isinstance(ways, NoSuchStep) else ways[0][-1].node.work
        spec = plan.agents.get(work.agent) if isinstance(work, AgentCall) else None
        if spec is not None and spec.calls is not None:
            known[plain] = spec.name
    return known[plain]
