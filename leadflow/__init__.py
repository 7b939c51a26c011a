"""leadflow: a declarative language for orchestrating AI agents.

Reading order, top-down like a pipeline; each arrow is one room of the package:

    source text -> syntax -> tree -> check -> tree + tables -> graph -> flow graph -> graph.lower -> PLAN
    PLAN -> run -> EVENTS -> fold -> state

The front (text to plan) is pure and knows lark and networkx. The back (plan to events) knows only the plan
and its events. They meet in `leadflow.plan`. Beside the back stand policies, agents, stores and engines; the
faces are the command line, the server and the editor.

One word per thing: a *flow* is a declared unit of steps; a *step* is what an author writes; a *node* is its
entry in the graph and in the plan; a *call* is one use of an *agent*; an *attempt* is one try of a call; a
*run* is one execution of a plan; an *event* is one fact of a run; a *policy* is a rule attached to a node.

This file is the public door. Its names load when first used, so that importing a room of the back never loads
the compiler.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Type checkers see the true types here; each name is repeated in _HOMES below (a test compares the two).
    from leadflow.api import CheckFailed, Program, load, run, run_sync
    from leadflow.assembly import RunOptions, StartProblem
    from leadflow.events.model import Entry, Failure, Status
    from leadflow.run.driver import Result
    from leadflow.run.errors import CallError, Permanent, Transient

__version__ = "0.1.0"

_HOMES: dict[str, str] = {
    "CallError": "leadflow.run.errors",
    "CheckFailed": "leadflow.api",
    "Entry": "leadflow.events.model",
    "Failure": "leadflow.events.model",
    "Permanent": "leadflow.run.errors",
    "Program": "leadflow.api",
    "Result": "leadflow.run.driver",
    "RunOptions": "leadflow.assembly",
    "StartProblem": "leadflow.assembly",
    "Status": "leadflow.events.model",
    "Transient": "leadflow.run.errors",
    "load": "leadflow.api",
    "run": "leadflow.api",
    "run_sync": "leadflow.api",
}
"""Public name -> the module it lives in."""

__all__ = [
    "CallError",
    "CheckFailed",
    "Entry",
    "Failure",
    "Permanent",
    "Program",
    "Result",
    "RunOptions",
    "StartProblem",
    "Status",
    "Transient",
    "__version__",
    "load",
    "run",
    "run_sync",
]


def __getattr__(name: str) -> object:
    """Load a public name on first use."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *_HOMES})
