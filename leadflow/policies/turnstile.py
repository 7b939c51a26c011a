"""Where calls of one upstream wait for their turn. Who is next is decided in `admission.py`.

Nobody polls: who waits is woken by who ends, leaves or begins, or by one timer that stands for the first in line.
Whatever ends a wait (its turn, the end of its total time, a cancel, a breaker that opens) leaves nothing behind
and wakes whoever comes next (cases L3, L8, X2). Nobody waits in vain: where it is certain that a turn would come behind
the end of the time that is left, the call fails at once, as it would then (cases T2, R9).

What a call waits for is told when it begins to wait. Whoever is first in line tells it again when that has changed, or
takes longer than was told: an upstream that asks to be left alone is seen as the reason by whoever looks at the run.
"""

import asyncio
from asyncio import Future, TimerHandle

from leadflow.events.model import CallAdmitted, CallWaits
from leadflow.policies.admission import Admission, Ended, Ticket, Why
from leadflow.policies.windows import SAME, Moment
from leadflow.run.errors import TotalTimeout
from leadflow.run.ports import CallOrder, Clock

_WORTH_TELLING = 1.0
"""Seconds: what takes longer is told again."""


class _Waiter:
    """A call that waits, and what was told of that."""

    __slots__ = ("end", "name", "order", "turn", "until", "what")

    def __init__(self, order: CallOrder, name: str, turn: "Future[None]", deadline: float | None) -> None:
        self.order, self.name, self.turn = order, name, turn
        self.end = min((end for end in (deadline, order.deadline) if end is not None), default=None)
        self.what, self.until = "", 0.0

    def tell(self, why: Why, now: float) -> None:
        """What it waits for, and how long at least."""
        self.what, self.until = why.what, now + (why.seconds or 0.0)
        seconds = None if why.seconds is None else round(why.seconds, 3)
        self.order.post(CallWaits(self.order.path, self.name, why.what, seconds))

    def tell_again(self, why: Why, now: float) -> None:
        """The same, where it is no longer what was told."""
        if why.seconds is None or why.seconds < _WORTH_TELLING or self.turn.done():
            return
        if why.what != self.what or now + why.seconds >= self.until + _WORTH_TELLING:
            self.tell(why, now)

    def in_vain(self, least: tuple[str, float] | None, now: float) -> TotalTimeout | None:
        """The failure of a call whose time, or that of what stands around it, ends before a wait that is certain; None:
        it may have its turn."""
        if self.end is None or least is None or now + least[1] <= self.end:
            return None
        (what, seconds), left = least, max(0.0, self.end - now)
        why = f"it would wait {round(seconds, 3):g} s or more ({what}), and {round(left, 3):g} s of its time are left"
        return TotalTimeout(f"{self.name} is not asked: {why}", sent=False)


class Turnstile:
    """The one way in to an upstream."""

    __slots__ = ("_handle", "_rings", "_waiters", "admission")

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self._waiters: dict[Ticket, _Waiter] = {}
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
        waiter = self._waiters[ticket] = _Waiter(order, name, loop.create_future(), deadline)
        late = None
        try:
            if (error := waiter.in_vain(self.admission.at_least(begun), begun.seconds)) is not None:
                raise error
            waiter.tell(self.admission.why(ticket, begun, ahead=self.admission.waiting - 1), begun.seconds)
            if deadline is not None:
                late = loop.call_later(max(0.0, deadline - begun.seconds), self._expire, ticket, name, clock)
            self._let_in(clock)
            await waiter.turn
            now = _moment(clock)
            order.post(CallAdmitted(order.path, name, round(now.seconds - begun.seconds, 6)))
            return now
        except BaseException:
            self._withdraw(ticket, waiter.turn)
            self._let_in(clock)
            raise
        finally:
            if late is not None:
                late.cancel()

    def _withdraw(self, ticket: Ticket, turn: "Future[None]") -> None:
        """Somebody does not wait any more, or has a turn and does not take it."""
        has_turn = turn.done() and not turn.cancelled() and turn.exception() is None
        if self._waiters.pop(ticket, None) is not None:
            self.admission.leave(ticket)
        elif has_turn:
            self.admission.give_back(ticket)

    def _expire(self, ticket: Ticket, name: str, clock: Clock) -> None:
        """The total time of a call is over while it waits."""
        waiter = self._waiters.get(ticket)
        if waiter is not None and not waiter.turn.done():
            what = self.admission.why(ticket, _moment(clock), ahead=0).what
            waiter.turn.set_exception(TotalTimeout(f"{name} was not asked within the total time: {what}", sent=False))

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
            turn = self._waiters.pop(ticket).turn
            if turn.done():  # it ended in another way, and its task has not come to it yet
                self.admission.give_back(ticket)
            else:
                turn.set_result(None)
        self._turn_away(now)
        due = self.admission.due(now)
        if due is not None:
            self._ring_at(now.seconds + due, due, clock)
        if self.admission.waiting and (due is None or due >= _WORTH_TELLING):
            first, why = self.admission.first(now)
            self._waiters[first].tell_again(why, now.seconds)

    def _turn_away(self, now: Moment) -> None:
        """Whoever is first in line waits no more when that has become vain. Those behind are looked at when they are
        first: they came later, and few have less time."""
        while self.admission.waiting:
            ticket, _ = self.admission.first(now)
            error = self._waiters[ticket].in_vain(self.admission.at_least(now), now.seconds)
            if error is None:
                return
            self.admission.leave(ticket)
            if not (turn := self._waiters.pop(ticket).turn).done():
                turn.set_exception(error)

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
