"""How far a model may go with its tools in one step (case O1): the setting `loop` of its agent, defaults filled in."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import Money
from leadflow.record import record

TOOLS = "~tools"
"""What stands behind the path of a step in those of its tools: `triage/best~tools[0]`."""
_INSIDE = re.compile(r"(.*" + TOOLS + r"\[[0-9]+\])/(.*)")


@record
class Loop:
    """Bounds of one call; the loop ends at the first that is reached."""

    turns: int = 10
    """Requests to the model."""
    calls: int = 50
    """Of tools."""
    repeats: int = 3
    """The loop ends when a tool is asked for with the same arguments for this time."""
    tokens: int = 1_000_000
    """Of all turns together. A turn that may take more than is left is not sent."""
    money: Money | None = None
    """Of all turns together, at known prices; None: as much as the budgets around the call allow."""
    time: timedelta = timedelta(minutes=10)
    result: int = 50_000
    """Bytes of a tool's result that the model is told; it is told how many there are (case O2)."""


def loop_of(spec: AgentSpec) -> Loop:
    """The bounds of an agent."""
    written = spec.settings.get("loop")
    if not isinstance(written, Mapping):
        return Loop()
    given: dict[str, Any] = {name: value for name, value in written.items() if value is not None}
    return Loop(**given)


def call_of(path: str) -> str:
    """The path of the call to which what is told of a path belongs: its own, or that of the step whose tool it is."""
    return path.partition(TOOLS + "[")[0]


def inside_tool(path: str) -> tuple[str, str] | None:
    """The path of a tool's call, and in the flow that is the tool that of a step; None: it stands in no such flow."""
    found = _INSIDE.fullmatch(path) if TOOLS in path else None
    return None if found is None else (found[1], found[2])
