"""What one attempt uses, as it becomes known: each request that a model answers is told to the log, with what it costs.

An attempt may be several requests (a model that uses tools), may fail after some of them were answered, and may end
without a word: then the log has that nobody knows, which is not the same as nothing.
"""

from collections.abc import Callable

from leadflow.events.model import CallUsed, Usage
from leadflow.plan.rates import Rates
from leadflow.plan.tokens import believed
from leadflow.policies.outcomes import Cost, outcome_of
from leadflow.run.ports import Reply


class Meter:
    """Of one attempt with a model."""

    __slots__ = ("_agent", "_attempt", "_path", "_post", "_rates", "is_whole", "money", "read", "told", "written")

    def __init__(
        self, post: Callable[[CallUsed], None], path: str, attempt: int, *, agent: str, rates: Rates | None
    ) -> None:
        self._post, self._path, self._attempt, self._agent, self._rates = post, path, attempt, agent, rates
        self.told = 0
        """Requests that were heard of."""
        self.is_whole = True
        """False when one of them did not say what it used."""
        self.read, self.written, self.money = 0, 0, 0

    def note(self, usage: Usage | None) -> None:
        """A request was answered, or may have been; a vector has no tokens that were written."""
        self.told += 1
        read = None if usage is None else believed(usage.input_tokens)
        written = None if usage is None else believed(usage.output_tokens)
        if usage is None or read is None or written is None:
            self.is_whole = False
            self._tell(usage, None)
            return
        cached, stored = believed(usage.cached_tokens) or 0, believed(usage.stored_tokens) or 0
        money = None if self._rates is None else self._rates.cost(read, written, cached, stored)
        self.read += read
        self.written += written
        self.money += money or 0
        self._tell(usage, money)

    def end(self, reply: Reply | None, problem: BaseException | None) -> None:
        """The attempt ended: whatever was not told by then is told now."""
        if reply is not None:
            if not self.told:
                self.note(reply.usage)
            return
        cost = outcome_of(problem).cost
        if cost is Cost.UNKNOWN or (cost is Cost.SETTLE and not self.told):
            self.note(None)

    def _tell(self, usage: Usage | None, money: int | None) -> None:
        self._post(CallUsed(self._path, self._attempt, self._agent, usage, money))
