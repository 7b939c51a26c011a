"""Blocks with `@cache` that a run waits for or leads: between the kernel, which asks, and who remembers.

Each question is a task of the run. What it hears becomes a fact: the block is done, or its first attempt begins.
"""

from leadflow.events.model import AttemptStarted, CacheUsed, CallWaits, NodeDone
from leadflow.run.kernel import LookUp, Remember
from leadflow.run.ports import Lead, Memo, Recalled
from leadflow.run.under_way import Post, Task, Tasks


class Lookups:
    """Those of one run."""

    def __init__(self, memo: Memo | None, tasks: Tasks, post: Post) -> None:
        """Ask `memo`; None: nobody remembers anything."""
        self._memo, self._tasks, self._post = memo, tasks, post
        self._asking: dict[str, Task] = {}
        self._leads: dict[str, Lead] = {}

    def begin(self, order: LookUp) -> None:
        """A block asks."""
        if self._memo is None:
            self._post(AttemptStarted(order.path, 1, ""))
        else:
            self._asking[order.path] = self._tasks.spawn(self._ask(order, self._memo))

    async def _ask(self, order: LookUp, memo: Memo) -> None:
        path = order.path
        found = await memo.find(
            order.key, lambda: self._post(CallWaits(path, "", "an equal block that is under way", None))
        )
        del self._asking[path]
        if isinstance(found, Recalled):
            self._post(CacheUsed(path, "", found.is_shared))
            self._post(NodeDone(path, found.value))
        else:
            self._leads[path] = found
            self._post(AttemptStarted(path, 1, ""))

    def end(self, order: Remember) -> None:
        """A block that asked has settled."""
        asking, lead = self._asking.pop(order.path, None), self._leads.pop(order.path, None)
        if asking is not None:
            asking.cancel()
        if lead is not None and order.is_good:
            lead.land(order.value, order.ttl)
        elif lead is not None:
            lead.leave()
        elif order.is_good and self._memo is not None:
            self._memo.keep(order.key, order.value, order.ttl)

    def abandon(self) -> None:
        """The run is over, or goes on elsewhere: nobody waits for it any more."""
        for lead in self._leads.values():
            lead.leave()
        self._leads.clear()
