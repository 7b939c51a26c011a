"""What the log of a run says of one call that has a key of `@once`: how it ended, and whether it was taken back.

A step's call goes on when its run is resumed. In a flow that a model uses as a tool nothing does: what had begun there
and not ended when the tool's call was over, or the process, is left as it was, and the step may begin anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from leadflow.events.model import (
    Entry,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    RunResumed,
    ToolEnded,
    ToolStep,
    UndoBegan,
)
from leadflow.events.places import in_place
from leadflow.plan.looping import TOOLS, inside_tool
from leadflow.plan.paths import is_inside
from leadflow.plan.undoing import SUFFIX


@dataclass(slots=True)
class Fate:
    """What became of one call."""

    end: NodeDone | NodeFailed | NodeCancelled | None = None
    """How it ended; None: it is not told."""
    is_begun: bool = False
    is_due: bool = False
    """It is to be taken back."""
    is_undone: bool = False
    is_left: bool = False
    """It was left in the middle, or while it was being taken back: what came of that is never told."""

    def begin(self) -> None:
        """It begins, perhaps anew; what was done and stands is not done again then."""
        self.is_begun = True
        if self.is_undone or not (isinstance(self.end, NodeDone) and self.end.absorbed is None):
            self.end, self.is_due, self.is_undone = None, False, False

    def leave(self) -> None:
        """Nobody goes on with what stands around it."""
        if self.is_begun and (self.end is None or (self.is_due and not self.is_undone)):
            self.is_left = True


def fate_of(entries: Iterable[Entry], path: str) -> Fate:
    """What became of the call of that path."""
    fate, undo, is_in_tool = Fate(), path + SUFFIX, inside_tool(path) is not None
    for _, _, event in entries:
        match in_place(event) if is_in_tool else event:
            case NodeStarted(path=at) if at == path:
                fate.begin()
            case NodeDone(path=at) | NodeFailed(path=at) | NodeCancelled(path=at) as end if at == path:
                fate.end = end
            case NodeDone(path=at, absorbed=None) if at == undo:
                fate.is_undone = True
            case UndoBegan(paths=paths) if path in paths:
                fate.is_due = True
            case ToolStep(path=call, inner=UndoBegan(paths=paths)) if path in [f"{call}/{one}" for one in paths]:
                fate.is_due = True
            case ToolEnded(path=at, call=number) if is_inside(path, f"{at}{TOOLS}[{number}]"):
                fate.leave()
            case NodeDone(path=at) | NodeFailed(path=at) | NodeCancelled(path=at) if path.startswith(f"{at}{TOOLS}["):
                fate.leave()
            case RunResumed() if is_in_tool:
                fate.leave()
            case _:
                pass
    return fate
