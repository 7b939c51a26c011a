"""The idempotency key of a call that is safe to repeat, where its author gives none (case R3). Pure.

It is the same at every attempt of one logical step: of the call's own, of the blocks and flows around it, and in
another process. An undo belongs to what one attempt of them did, so that of another attempt has another key. What was
taken back and is done again is another effect, and has another key, too; in a run that happens only in flows that are
tools, because all else is taken back when the run ends.
"""

from collections.abc import Mapping
from hashlib import blake2b

from leadflow.events.model import Event, NodeDone, ToolStep
from leadflow.events.places import in_place
from leadflow.plan.forms import canonical
from leadflow.plan.paths import is_inside, without_attempts
from leadflow.plan.types import Value
from leadflow.plan.undoing import SUFFIX


class Undone:
    """What flows that are tools have taken back in a run."""

    def __init__(self) -> None:
        self._steps: list[str] = []
        """Paths of their first attempts, each as often as it was taken back."""

    def read(self, event: Event) -> None:
        """The next event of the run."""
        done = in_place(event) if isinstance(event, ToolStep) else None
        if isinstance(done, NodeDone) and done.path.endswith(SUFFIX):
            self._steps.append(without_attempts(done.path.removesuffix(SUFFIX)))

    def times(self, path: str) -> int:
        """How often a step was taken back, by itself or with the flow in which it stands."""
        return sum(path == step or is_inside(path, step) for step in self._steps)


class Keys:
    """Makes the keys of a run, or of a flow that is a tool in it."""

    def __init__(self, around: str = "", undone: Undone | None = None) -> None:
        """
        Args:
            around: of a flow that is a tool: the path of its call, which its steps have before theirs, and a slash.
            undone: of the whole run; None: nothing.
        """
        self._around, self._undone = around, undone

    def make(self, run: str, path: str, args: Mapping[str, Value]) -> str:
        """The key of the call of that path with these arguments."""
        before, undo, rest = (self._around + path).rpartition(SUFFIX)
        step = f"{before}{undo}{without_attempts(rest)}"
        times = 0 if self._undone is None else self._undone.times(step)
        told = "\0".join((run, step, *([str(times)] if times else ()), "")).encode("utf-8", "surrogatepass")
        return blake2b(told + canonical(dict(args)), digest_size=16).hexdigest()


OF_A_RUN = Keys()
"""Those of a run, outside of flows that are tools."""
