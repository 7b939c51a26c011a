"""Where in a run something happened, also what happened in a flow that a model uses as a tool.

A step of such a flow has a path of its own there, and in the run one behind that of the tool's call.
"""

from dataclasses import replace

from leadflow.events.model import (
    CancelRequested,
    Event,
    NodeBlocked,
    RunCancelled,
    RunDone,
    RunFailed,
    RunStarted,
    ToolStep,
    UndoBegan,
)


def in_place(event: Event) -> Event:
    """What happened to a step of a flow that is a tool, by its path in this run; all else as it is.

    The start and the end of such a flow stay what is told of its call.
    """
    if not isinstance(event, ToolStep):
        return event
    inner, call = event.inner, event.path
    match inner:
        case RunStarted() | RunDone() | RunFailed() | RunCancelled() | CancelRequested() | UndoBegan():
            return event
        case NodeBlocked(path=path, by=by):
            return NodeBlocked(f"{call}/{path}", f"{call}/{by}")
        case _:
            return replace(inner, path=f"{call}/{inner.path}")
