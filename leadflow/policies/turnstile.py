"""Where calls of one upstream wait for their turn. Who is next is decided in `admission.py`.

Nobody polls: who waits is woken by who ends, leaves or begins, or by one timer that stands for the first in line.
Whatever ends a wait (its turn, the end of its total time, a cancel, a breaker that opens) leaves nothing behind
and wakes whoever comes next (cases L3, L8, X2).
"""

import asyncio
from asyncio import Future, TimerHandle

from leadflow.events.model import CallAdmitted, CallWaits
from leadflow.policies.admission import Admission, Ended, Ticket
from leadflow.policies.windows import SAME, Moment
from leadflow.run.errors import TotalTimeout
from leadflow.run.ports import CallOrder, Clock


class Turnstile:
    """The one way in to an upstream."""

    __slots__ = ("_handle", "_rings", "_turns", "admission")

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self._turns: dict[Ticket, Future[None]] = {}
        """Of those that wait."""
        self._handle: TimerHandle | None = None
        self._rings = 0.0
        """When the timer rings."""

    async def enter(self, order: CallOrder, name: str, *, tokens: int, deadline: float | None, clock: Clock) -> Ticket:
        """Wait for one's turn. Whoever has one gives it back with `leave`.

        Args:
            name: the agent that is asked.
            tokens: the most that the attempt takes.
            deadline: when its total time is over.

        Raises:
            QueueFull, TooLarge: there will be none. TotalTimeout: it did not come in time.
        """
        ticket = Ticket(order.priority, tokens)
        now = _moment(clock)
        if not self.admission.ask(ticket, now):
            now = await self._wait(ticket, order, name, deadline=deadline, clock=clock, begun=now)
        self.admission.begin(ticket, now)
        self._let_in(clock)
        return ticket

    async def _wait(
        self, ticket: Ticket, order: CallOrder, name: str, *, deadline: float | None, clock: Clock, begun: Moment
    ) -> Moment:
        loop = asyncio.get_running_loop()
        turn = self._turns[ticket] = loop.create_future()
        late = None
        try:
            why = self.admission.why(ticket, begun, ahead=self.admission.waiting - 1)
            order.post(CallWaits(order.path, name, why.what, None if why.seconds is None else round(why.seconds, 3)))
            if deadline is not None:
                late = loop.call_later(max(0.0, deadline - begun.seconds), self._expire, ticket, name, clock)
            self._let_in(clock)
            await turn
            now = _moment(clock)
            order.post(CallAdmitted(order.path, name, round(now.seconds - begun.seconds, 6)))
            return now
        except BaseException:
            self._withdraw(ticket, turn)
            self._let_in(clock)
            raise
        finally:
            if late is not None:
                late.cancel()

    def _withdraw(self, ticket: Ticket, turn: "Future[None]") -> None:
        """Somebody does not wait any more, or has a turn and does not take it."""
        has_turn = turn.done() and not turn.cancelled() and turn.exception() is None
        if self._turns.pop(ticket, None) is not None:
            self.admission.leave(ticket)
        elif has_turn:
            self.admission.give_back(ticket)

    def _expire(self, ticket: Ticket, name: str, clock: Clock) -> None:
        """The total time of a call is over while it waits."""
        turn = self._turns.get(ticket)
        if turn is not None and not turn.done():
            what = self.admission.why(ticket, _moment(clock), ahead=0).what
            turn.set_exception(TotalTimeout(f"{name} was not asked within the total time: {what}", sent=False))

    def leave(self, ticket: Ticket, clock: Clock, how: Ended) -> None:
        """An attempt has ended: its place is free."""
        self.admission.end(ticket, _moment(clock), how)
        self._let_in(clock)

    # --- waking ---------------------------------------------------------------------------------------------------

    def _let_in(self, clock: Clock) -> None:
        """Wake all whose turn it is, and set the timer for the next."""
        if not self.admission.waiting:
            if self._handle is not None:
                self._handle.cancel()
                self._handle = None
            return
        now = _moment(clock)
        while (ticket := self.admission.next(now)) is not None:
            turn = self._turns.pop(ticket)
            if turn.done():  # it ended in another way, and its task has not come to it yet
                self.admission.give_back(ticket)
            else:
                turn.set_result(None)
        due = self.admission.due(now)
        if due is not None:
            self._ring_at(now.seconds + due, due, clock)

    def _ring_at(self, when: float, seconds: float, clock: Clock) -> None:
        if self._handle is not None:
            if self._rings <= when + SAME:
                return
            self._handle.cancel()
        self._rings = when
        self._handle = asyncio.get_running_loop().call_later(seconds, self._ring, clock)

    def _ring(self, clock: Clock) -> None:
        self._handle = None
        self._let_in(clock)


def _moment(clock: Clock) -> Moment:
    return Moment(clock.monotonic(), clock.timestamp())
