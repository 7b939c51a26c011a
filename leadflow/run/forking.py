"""A new log from the log of another run: what it may keep of it, and what runs again.

The kernel is told again what calls gave, in their old order, but for those that shall run again; it orders by itself
what follows. So the new log is one of this plan whatever was kept, and what waits for a step that runs again has simply
not begun. Pure.
"""

from collections.abc import Sequence

from leadflow.events.model import Entry, Event, NodeCancelled, NodeDone, NodeStarted, RunStarted
from leadflow.plan.paths import ending_in, is_inside, several_end
from leadflow.plan.undoing import SUFFIX
from leadflow.run.kernel import CancelCall, Kernel, Step
from leadflow.run.recover import unsent


class NotBegun(Exception):
    """The step has not begun in that run, so nothing can run again from it; the text is one line."""


def begun_step(entries: Sequence[Entry], step: str) -> str:
    """The path of a step that has begun, named by it, without the name of the flow, or by its end.

    Raises:
        NotBegun: none of that path has, or several end so.
    """
    paths = dict.fromkeys(entry.event.path for entry in entries if isinstance(entry.event, NodeStarted))
    first = entries[0].event if entries else None
    within = f"{first.flow}/{step}" if isinstance(first, RunStarted) else step
    steps = [path for path in paths if not path.endswith(SUFFIX)]
    ends = ending_in(step, steps)
    if within not in paths and len(ends) > 1:
        raise NotBegun(several_end("steps", step, ends))
    found = next((path for path in (step, within, *ends) if path in paths), None)
    if found is not None and found.endswith(SUFFIX):
        raise NotBegun(
            f"'{step}' takes a step back, and no run goes on from there; what it did not take back is taken back by"
            f" hand, or name the step itself, which is then done again: {found.removesuffix(SUFFIX)}"
        )
    if found is None:
        listed = ", ".join(steps[:12]) + (f" and {len(steps) - 12} more" if len(steps) > 12 else "")
        raise NotBegun(f"step '{step}' has not begun in this run; begun: {listed or 'none'}")
    return found


def forked(kernel: Kernel, entries: Sequence[Entry], started: RunStarted, step: str, *, before: bool) -> list[Event]:
    """The log of a new run, up to where calls have to be made.

    Args:
        kernel: a new one.
        started: of the new run, with the inputs of the old one.
        step: the path of the step that runs again; all in it does.
        before: keep only what was done before the step began; else all that does not wait for it, either.
    """
    begun = next(at for at, entry in enumerate(entries) if entry.event == NodeStarted(step))
    kept = _kept(entries[:begun] if before else entries, entries, step)
    events: list[Event] = []

    def take(taken: Step) -> None:
        events.extend(taken.events)
        for command in taken.commands:
            if isinstance(command, CancelCall) and command.path in kernel.state.calls:
                take(kernel.on([NodeCancelled(command.path, command.why)]))

    take(kernel.start(started))
    while not kernel.has_ended:
        ready = [path for path in kernel.state.calls if path in kept]
        if not ready:
            break
        _, fact = kept.pop(min(ready, key=lambda path: kept[path][0]))
        take(kernel.on([fact]))
    take(kernel.on(unsent(kernel)))
    return events


def _kept(some: Sequence[Entry], entries: Sequence[Entry], step: str) -> dict[str, tuple[int, NodeDone]]:
    """What calls gave, by path, with its place in the log: not in the step, and not taken back since."""
    done = {entry.event.path for entry in entries if isinstance(entry.event, NodeDone)}
    return {
        entry.event.path: (at, entry.event)
        for at, entry in enumerate(some)
        if isinstance(entry.event, NodeDone)
        and entry.event.path != step
        and not is_inside(entry.event.path, step)
        and entry.event.path + SUFFIX not in done
    }
