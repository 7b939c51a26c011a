"""What a program means: one graph per flow, the passes over it, and its lowering to the plan. Knows no runs.

    Checked -> build -> Graph -> passes -> lower -> Plan

`plan_of` does it all. It is loaded when first used, because it loads networkx, which `leadflow check` never needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadflow.graph.compile import plan_of

__all__ = ["plan_of"]


def __getattr__(name: str) -> object:
    if name == "plan_of":
        return import_module("leadflow.graph.compile").plan_of
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
