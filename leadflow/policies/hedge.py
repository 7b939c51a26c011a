"""`@hedge`: a second attempt beside the first when that is slow; the first answer that fits its type counts.

    first    |-------- after --------|----------------------x   stopped, awaited, settled
    second                           |---- fits: this is the answer

The time runs from when the first attempt begins, so waiting for a turn is no slowness. The second one is an attempt
like any other: it waits for its own turn, takes its own permit, reserves its own budget and has its own time limit. It
is extra, so whatever refuses it (a limit, a breaker, a budget, the retry budget of the upstream) only means that there
is none, and the call waits for the first. What two attempts come to is decided in `Pair`, which is pure.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from leadflow.events.model import AttemptFailed, CallAdmitted, CallEvent, CallWaits
from leadflow.plan.policy import Hedge
from leadflow.policies.apart import Apart
from leadflow.policies.call import Course, Step
from leadflow.policies.shared import RetryBudget
from leadflow.run.errors import CallError, NotAllowed
from leadflow.run.ports import Answer

_log = logging.getLogger("leadflow")


class Verdict(Enum):
    """What follows the end of one of two attempts."""

    WAIT = "wait"
    """For the other one."""
    WON = "won"
    """Its answer is that of the call."""
    LOST = "lost"
    """Its failure is that of the two."""


class Pair:
    """Two attempts, the second of which may never begin."""

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running = {0}

    def begin(self) -> None:
        """The second attempt begins."""
        self._running.add(1)

    def end(self, number: int, *, fits: bool) -> Verdict:
        """The first (0) or the second (1) ended: with an answer that fits, or without. A second one that ends before it
        began was refused.
        """
        self._running.discard(number)
        if fits:
            return Verdict.WON
        return Verdict.WAIT if self._running else Verdict.LOST


class Fork(Course):
    """One of two attempts, with what is its own of the course of the call."""

    __slots__ = ("_main", "began", "left")

    def __init__(self, main: Course) -> None:
        for name in Course.__slots__:
            setattr(self, name, getattr(main, name))
        self._main = main
        self.behind = None
        self.attempts = main.attempts = [] if main.attempts is None else main.attempts
        self.began: Callable[[], None] = lambda: None
        """Called when the attempt begins: it has all that it had to wait for."""
        self.left: Callable[[CallError], None] = lambda error: None
        """Called when it is left behind although it does not stop (case T8)."""

    @property
    def next_attempt(self) -> int:
        """Of the call, whichever of the two begins next."""
        return self._main.attempt + 1

    def begin(self, agent: str, *, is_fallback: bool) -> None:
        """Attempts of a call are numbered in the order in which they begin."""
        self.began()
        self._main.begin(agent, is_fallback=is_fallback)
        self.attempt, self.begun = self._main.attempt, self._main.begun

    def leave(self, error: CallError) -> None:
        """The other attempt may go on; what this one set aside is spent."""
        self.let_go()
        self.left(error)

    def let_go(self) -> None:
        """It is left behind: whatever it does later changes nothing."""
        if self.behind is not None:
            self.behind()

    def join(self) -> None:
        """How this attempt ended is how the call stands."""
        self._main.pending, self._main.why = self.pending, self.why
        self._main.instance, self._main.has_last_of_total = self.instance, self.has_last_of_total


class _Try(Apart[Answer | None]):
    """One of the two."""

    def __init__(self, work: Coroutine[Any, Any, Answer | None], course: Fork) -> None:
        super().__init__(work)
        self.course = course
        course.left = self.fail

    def error(self) -> CallError | None:
        """The failure that it ended with; what is no failure of the call is raised."""
        problem = self.end.exception()
        if problem is not None and not isinstance(problem, CallError):
            raise problem
        return problem


def hedging(inner: Step, policy: Hedge, budget: RetryBudget) -> Step:
    """An attempt, and a second one beside it after a while.

    Args:
        budget: the further attempts that all calls of the upstream share (case R14).
    """

    async def hedged(course: Course) -> Answer:
        return await _Round(inner, policy, budget, course).run()

    return hedged


class _Round:
    """One time through the layer."""

    def __init__(self, inner: Step, policy: Hedge, budget: RetryBudget, course: Course) -> None:
        self._inner = inner
        self._after = policy.after
        self._budget = budget
        self._course = course
        self._pair = Pair()
        self._has_second = False
        self._has_first: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> Answer:
        """The first answer that fits, or the last failure. Whatever it is, nothing of the two goes on after it."""
        first, second = Fork(self._course), Fork(self._course)
        tries = (_Try(self._ask(first), first), _Try(self._beside(second), second))
        first.began, second.began = self._first_begins, lambda: self._second_begins(tries[0])
        try:
            answer = await self._decided(tries)
        except CallError as error:
            if any(each.end.done() and not each.task.done() for each in tries):
                self._course.leave(error)
            await _stopped(tries)
            raise
        except BaseException:
            await _stopped(tries)
            raise
        await self._settled(tries)
        if self._has_second:
            self._budget.earn(1)
        return answer

    async def _ask(self, course: Fork) -> Answer | None:
        return await self._inner(course)

    async def _beside(self, course: Fork) -> Answer | None:
        """The second attempt, when it is time for it; None: there is none."""
        await self._has_first
        await course.ports.clock.sleep(self._after)
        if not self._budget.take():
            return None
        order = course.order
        course.order = replace(order, post=lambda event: _unless_waiting(event, order.post))
        try:
            return await self._inner(course)
        finally:
            if not self._has_second:
                self._budget.give_back()

    def _first_begins(self) -> None:
        if not self._has_first.done():
            self._has_first.set_result(None)

    def _second_begins(self, first: _Try) -> None:
        order = self._course.order
        if first.task.done() or order.is_ending(order.path):  # its end gave this one its turn; it alone is awaited
            raise NotAllowed("the first attempt has ended, or is the last")
        self._has_second = True
        self._pair.begin()

    # --- the end --------------------------------------------------------------------------------------------------

    async def _decided(self, tries: Sequence[_Try]) -> Answer:
        """The answer that counts.

        Raises:
            CallError: there is none; the failure is that of the last one.
        """
        waiting = dict(enumerate(tries))
        while True:
            await asyncio.wait([each.end for each in waiting.values()], return_when=asyncio.FIRST_COMPLETED)
            for number, each in [one for one in waiting.items() if one[1].end.done()]:
                del waiting[number]
                error = each.error()
                answer = None if error is not None else each.end.result()
                verdict = self._pair.end(number, fits=answer is not None)
                if answer is not None:
                    return answer
                if error is not None and verdict is Verdict.LOST:
                    each.course.join()
                    raise error
                if number == 0 or self._has_second:
                    self._note(each.course)

    def _note(self, course: Fork) -> None:
        """An attempt failed, and the other one goes on."""
        if course.pending is not None:
            order = self._course.order
            order.post(AttemptFailed(order.path, course.pending, None, is_beside=True))

    async def _settled(self, tries: Sequence[_Try]) -> None:
        """The one that lost stops and gives back what it holds; no longer than the grace is waited for it (case T8)."""
        tasks = [each.task for each in tries if not each.task.done()]
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        try:
            await asyncio.wait(tasks, timeout=self._course.ports.grace.total_seconds())
        except asyncio.CancelledError:
            await _stopped(tries)
            raise
        for each in tries:
            if not each.task.done():
                _log.warning("an attempt of %s does not stop and is left behind", self._course.order.path)
                each.course.let_go()
                each.let_go()


def _unless_waiting(event: CallEvent, post: Callable[[CallEvent], None]) -> None:
    """A call does not wait while its first attempt is under way."""
    if not isinstance(event, CallWaits | CallAdmitted):
        post(event)


async def _stopped(tries: Sequence[_Try]) -> None:
    """All attempts have stopped. Whoever stops the call bounds this, as for an attempt without a hedge.

    Raises:
        CancelledError: the call was told to stop meanwhile.
    """
    is_cancelled = False
    while tasks := [each.task for each in tries if not each.task.done()]:
        for task in tasks:
            task.cancel()
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            is_cancelled = True
    if is_cancelled:
        raise asyncio.CancelledError
