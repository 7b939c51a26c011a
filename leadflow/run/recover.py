"""How a run goes on from a log that ends anywhere: the same kernel is told the same facts again.

Facts are what the kernel could not have known; whatever follows from them is worked out anew and has to be what the
log says. A call that was under way when the log ends is ordered again. (Where the journal outlives the process, the
policy for calls in doubt decides here which of them may be.)
"""

from collections import deque
from collections.abc import Sequence
from typing import assert_never

from leadflow.events.model import Event, RunStarted
from leadflow.run.errors import InternalError
from leadflow.run.kernel import Call, CancelCall, Command, Kernel, StartTimer, Step, StopTimer, TryAgain


def replay(kernel: Kernel, events: Sequence[Event]) -> Step:
    """Bring a new kernel to where a log ends.

    Returns: what the log lacks of the events that follow from its facts, and the commands that are still open.

    Raises:
        InternalError: the log is not one of this plan.
    """
    if not events or not isinstance(events[0], RunStarted):
        raise InternalError("a log begins with the start of its run")
    expected: deque[Event] = deque()
    ordered: dict[tuple[type[Command], str], Command] = {}
    step = kernel.start(events[0])
    for position, event in enumerate(events):
        if not expected:
            step = kernel.on((event,), logged=True) if position else step
            expected.extend(step.events)
            ordered.update({(type(command), command.path): command for command in step.commands})
        if not expected or expected.popleft() != event:
            raise InternalError(f"entry {position} of the log does not follow from what stands before it")
    return Step(list(expected), [command for command in ordered.values() if _is_open(kernel, command)])


def _is_open(kernel: Kernel, command: Command) -> bool:
    """Whether nothing in the log answers a command."""
    match command:
        case Call(path=path) | CancelCall(path=path):
            return path in kernel.state.calls
        case StartTimer(path=path):
            return path in kernel.state.timers
        case TryAgain(path=path):
            return path in kernel.state.pauses
        case StopTimer():
            return False
        case _:
            assert_never(command)
