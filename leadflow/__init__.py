"""leadflow: a declarative language for orchestrating AI agents.

Reading order, top-down like a pipeline; each arrow is one room of the package:

    source text -> syntax -> tree -> check -> tree + tables -> graph -> flow graph -> graph.lower -> PLAN
    PLAN -> run -> EVENTS -> fold -> state

The front (text to plan) is pure and knows lark and networkx. The back (plan to events) knows only the plan
and its events. They meet in `leadflow.plan`. Beside the back stand policies, agents and stores, and `bound`, which
says what a plan can cost at most; the faces are the command line and the editor.

One word per thing: a *flow* is a declared unit of steps; a *step* is what an author writes; a *node* is its
entry in the graph and in the plan; a *call* is one use of an *agent*; an *attempt* is one try of a call; a
*run* is one execution of a plan; an *event* is one fact of a run; a *policy* is a rule attached to a node.

This file is the public door. Its names load when first used, so that importing a room of the back never loads
the compiler.
"""

import sys
from collections.abc import Coroutine
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Type checkers see the true types here; each name is repeated in _HOMES below (a test compares the two).
    from leadflow.answers import NotAnswered, OpenQuestion
    from leadflow.api import CheckFailed, Program, load, run, run_sync
    from leadflow.assembly import StartProblem
    from leadflow.events.model import Entry, Failure, Status
    from leadflow.run.brake import Brake
    from leadflow.run.driver import Result, RunNotDone
    from leadflow.run.errors import CallError, Permanent, Transient
    from leadflow.runs import InputProblem, RunOptions

__version__ = "0.1.0"

_HOMES: dict[str, str] = {
    "Brake": "leadflow.run.brake",
    "CallError": "leadflow.run.errors",
    "CheckFailed": "leadflow.api",
    "Entry": "leadflow.events.model",
    "Failure": "leadflow.events.model",
    "NotAnswered": "leadflow.answers",
    "OpenQuestion": "leadflow.answers",
    "Permanent": "leadflow.run.errors",
    "InputProblem": "leadflow.runs",
    "Program": "leadflow.api",
    "Result": "leadflow.run.driver",
    "RunNotDone": "leadflow.run.driver",
    "RunOptions": "leadflow.runs",
    "StartProblem": "leadflow.assembly",
    "Status": "leadflow.events.model",
    "Transient": "leadflow.run.errors",
    "load": "leadflow.api",
    "run": "leadflow.api",
    "run_sync": "leadflow.api",
}
"""Public name -> the module it lives in."""

__all__ = [
    "Brake",
    "CallError",
    "CheckFailed",
    "Entry",
    "Failure",
    "InputProblem",
    "NotAnswered",
    "OpenQuestion",
    "Permanent",
    "Program",
    "Result",
    "RunNotDone",
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
    return globals().setdefault(name, value)  # `run` is there by now: the room of that name, which can be called


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *_HOMES})


class _CallableRoom(ModuleType):
    """The room `leadflow.run`, which can be called as the function of that name."""

    def __call__(self, *where: Any, **inputs: object) -> Coroutine[Any, Any, Any]:
        """`leadflow.api.run`."""
        called: Coroutine[Any, Any, Any] = import_module("leadflow.api").run(*where, **inputs)
        return called


class _Door(ModuleType):
    """This package. Python binds each room to its name here as it is loaded, and `run` is a room as well as a function:
    the room would hide the function as soon as anything is imported from it."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "run" and isinstance(value, ModuleType):
            value.__class__ = _CallableRoom
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Door
