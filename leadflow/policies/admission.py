"""Who may begin: the one controller of an upstream, for its rates, its tokens and its places together.

All that `@limit` and `@concurrency` say of an agent is granted together or not at all, so no order of waiting can
deadlock (case L2). Who cannot begin waits in a line: of a higher priority first, of one priority in the order in which
they came. Whoever stands first is never passed by one who needs less. Pure: time comes in, and who may begin comes out;
how to wait is the concern of `turnstile.py`.

    asks ──► waits ──► granted ──► began ──► ended
      │        └─ leaves ┘ └─ gives back       └─ its tokens are corrected by what was reported
      └─ QueueFull, TooLarge: at once, and for good
"""

from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, timedelta, tzinfo

from leadflow.plan.policy import Limit, PerTime
from leadflow.plan.words import per_words
from leadflow.policies.windows import SAME, SLACK, Caution, Counted, Daily, Moment, Pace, Rolling, Window
from leadflow.record import record
from leadflow.run.errors import QueueFull, TooLarge
from leadflow.run.quota import Quota

TURNS = 10
"""Of so many grants at least one goes to a lower priority, if one waits: to who has waited longest (case L4)."""
MOST_WAITING = 10_000
"""Who comes when so many wait is turned away (case L11)."""
_NEVER_EARLY = 2 * SAME
"""Seconds added to a time that the upstream named."""
_DAY = timedelta(days=1)
ASKED = "the upstream asks for it"
"""Why all of an upstream wait."""


class Ticket:
    """One attempt that wants to begin."""

    __slots__ = ("calls", "even", "grant", "number", "priority", "tokens", "tokens_counted", "tokens_granted")

    def __init__(self, priority: int, tokens: int) -> None:
        self.priority = priority
        self.tokens = tokens
        """The most that it takes, as far as anybody knows."""
        self.number = 0
        """Its place among all that ever waited."""
        self.grant = 0
        """Its place among all that were granted, …"""
        self.tokens_granted = 0
        """… and the tokens of all these up to it."""
        self.calls: list[Counted] = []
        """Where its start is counted, …"""
        self.even = 0.0
        """… in the pace behind a burst, …"""
        self.tokens_counted: Counted | None = None
        """… and its tokens."""


@record
class Ended:
    """How an attempt ended."""

    tokens: int | None
    """What it took; None: nobody knows, and what was reserved stands for it."""
    is_answered: bool = False
    """It gave a reply."""
    is_sent: bool = True
    """False when we ourselves kept it from being sent: then its start counts no more."""
    quota: Quota | None = None
    """What the upstream said is left of its own."""
    pause: timedelta | None = None
    """For how long the upstream asked to be left alone (case R10)."""


@record
class Why:
    """What a ticket waits for."""

    what: str
    """For people: `tokens per minute`, `3 calls at once`."""
    seconds: float | None
    """How long at least; None: as long as others take."""


class _Told:
    """What the upstream says is left of its own quota, until a time. It may lower our limit, never raise it (L7)."""

    __slots__ = ("left", "until")

    def __init__(self) -> None:
        self.left = 0
        self.until = 0.0

    def wait(self, amount: int, now: float) -> float:
        """Seconds until so much fits."""
        return 0.0 if self.until <= now + SAME or amount <= self.left else self.until - now


class Admission:
    """The controller of one upstream."""

    def __init__(self, name: str, limit: Limit, places: int | None, zone: tzinfo = UTC) -> None:
        """Control by what is written on the agent of that name.

        Args:
            places: how many may be under way at once; None: any number.
            zone: whose days a limit per day counts.
        """
        self._name = name
        self._places = places
        self._calls = [(f"{rate.amount:,} per {per_words(rate.period)}", _window(rate, zone)) for rate in limit.rate]
        self._tokens = None if limit.tokens is None else _window(limit.tokens, zone)
        self._tokens_word = "" if limit.tokens is None else f"tokens per {per_words(limit.tokens.period)}"
        self._pace, self._pace_word = _pace(limit), f"a burst of {limit.burst}"
        self._told_calls, self._told_tokens = _Told(), _Told()
        self._told_by = 0
        """The grant whose answer said so."""
        self._caution = Caution()
        self._paused = 0.0
        """Until when nobody begins."""
        self.under_way = 0
        """Granted, and not ended."""
        self.waiting = 0
        self._lines: dict[int, OrderedDict[Ticket, None]] = {}
        """Who waits, by priority."""
        self._passed = 0
        """Grants in a row that passed by a lower priority."""
        self._asked = self._granted = self._tokens_granted = 0
        """All of them, ever."""
        self._last = self._put_back = 0.0
        """The latest time that was seen, and how far the clock was ever put back in all (case L9)."""

    def recall(self, calls: int, tokens: int, now: Moment) -> None:
        """Other processes took so much today (case L10): of windows that count a day, and of no others."""
        at = self._at(now)
        for _, window in self._calls:
            if isinstance(window, Daily) and calls:
                window.count(calls, at)
        if isinstance(self._tokens, Daily) and tokens:
            self._tokens.count(tokens, at)

    # --- asking and waiting ---------------------------------------------------------------------------------------

    def ask(self, ticket: Ticket, now: Moment) -> bool:
        """Whether it may begin at once; else it waits in its line.

        Raises:
            TooLarge: it would never fit (case L6). QueueFull: too many wait already (case L11).
        """
        at = self._at(now)
        if self._tokens is not None and ticket.tokens > self._tokens.limit:
            raise TooLarge(
                f"the request may take {ticket.tokens:,} tokens, and the limit of {self._name} allows "
                f"{self._tokens.limit:,} {self._tokens_word}; nothing was sent"
            )
        if not self.waiting and self._wait(ticket, at) == 0.0:
            self._grant(ticket)
            return True
        if self.waiting >= MOST_WAITING:
            raise QueueFull(f"{self.waiting:,} calls wait for {self._name} already; nothing was sent")
        self._asked += 1
        ticket.number = self._asked
        self._lines.setdefault(ticket.priority, OrderedDict())[ticket] = None
        self.waiting += 1
        return False

    def next(self, now: Moment) -> Ticket | None:
        """The next in line, when it may begin: it is granted by this."""
        if not self.waiting:
            return None
        first = self._first()
        if self._wait(first, self._at(now)) != 0.0:
            return None
        if first.priority < max(self._lines):
            self._passed = 0
        elif len(self._lines) > 1:
            self._passed += 1
        self.leave(first)
        self._grant(first)
        return first

    def due(self, now: Moment) -> float | None:
        """Seconds until the next in line may begin as time passes; None: others decide, or nobody waits."""
        return self._wait(self._first(), self._at(now)) if self.waiting else None

    def first(self, now: Moment) -> tuple[Ticket, Why]:
        """Who is next in a line in which somebody waits, and what for."""
        ticket = self._first()
        return ticket, self.why(ticket, now, ahead=0)

    def why(self, ticket: Ticket, now: Moment, *, ahead: int) -> Why:
        """What a ticket waits for: what takes longest, when so many begin before it."""
        found = Why("its turn", None)
        for what, wait in self._waits(ticket, self._at(now), ahead):
            if wait is None:
                found = Why(what, None) if found.seconds is None else found
            elif wait > 0 and (found.seconds is None or wait > found.seconds):
                found = Why(what, wait)
        return found

    def at_least(self, now: Moment) -> tuple[str, float] | None:
        """What all who wait have to wait for, whatever happens meanwhile, and for how many seconds; None: nothing.

        Certain are the starts of what has ended, as long as they count, and until when the upstream asked to be left
        alone. All else may come sooner than it looks: a start under way is taken off when it turns out that nothing
        was sent, an answer gives back tokens that it did not take or tells of more that are left, who has a place
        ends, and who stands before leaves.
        """
        at = self._at(now)
        found = ASKED, self._paused - at.seconds
        for word, window in self._calls:
            lacking = 1 + window.used(at) - self.under_way - window.limit
            wait = window.passing(lacking, at) if lacking > 0 else None
            if wait is not None and wait > found[1]:
                found = word, wait
        return found if found[1] > SAME else None

    def leave(self, ticket: Ticket) -> None:
        """It waits no longer."""
        line = self._lines[ticket.priority]
        del line[ticket]
        self.waiting -= 1
        if not line:
            del self._lines[ticket.priority]

    def _first(self) -> Ticket:
        """Who is next: of the highest priority, except once in `TURNS` grants."""
        if len(self._lines) == 1 or self._passed < TURNS - 1:
            return next(iter(self._lines[max(self._lines)]))
        highest = max(self._lines)
        lower = (next(iter(line)) for priority, line in self._lines.items() if priority != highest)
        return min(lower, key=lambda ticket: ticket.number)

    def _wait(self, ticket: Ticket, at: Moment) -> float | None:
        """Seconds until it may begin, as far as time alone decides: 0 is now, None is as long as others take."""
        longest = 0.0
        for _, wait in self._waits(ticket, at):
            if wait is None:
                return None
            longest = max(longest, wait)
        return longest

    def _waits(self, ticket: Ticket, at: Moment, ahead: int = 0) -> Iterator[tuple[str, float | None]]:
        """What it may have to wait for, and how long: 0 is not at all, None is as long as others take."""
        if self._places is not None and self.under_way >= self._places:
            yield f"{self._places} call{'' if self._places == 1 else 's'} at once", None
        now = at.seconds
        if not self._caution.allows():
            yield ASKED, None
        asked = self._paused - now, self._told_calls.wait(1, now), self._told_tokens.wait(max(1, ticket.tokens), now)
        yield ASKED, max(asked) if max(asked) > SAME else 0.0
        if self._tokens is not None:
            yield self._tokens_word, self._tokens.wait(ticket.tokens, at)
        for word, window in self._calls:
            yield word, window.wait(min(window.limit, ahead + 1), at)
        if self._pace is not None:
            yield self._pace_word, self._pace.wait(at)

    def _at(self, now: Moment) -> Moment:
        """The time that counts here. A clock that is put back stands still meanwhile."""
        if now.seconds < self._last:
            self._put_back += self._last - now.seconds
        self._last = now.seconds
        return Moment(now.seconds + self._put_back, now.wall)

    # --- from the grant to the end --------------------------------------------------------------------------------

    def _grant(self, ticket: Ticket) -> None:
        """All at once, or none of it (case L2)."""
        self.under_way += 1
        self._granted += 1
        self._tokens_granted += ticket.tokens
        ticket.grant, ticket.tokens_granted = self._granted, self._tokens_granted
        self._told_calls.left -= 1
        self._told_tokens.left -= ticket.tokens
        self._caution.grant()
        self._promise(ticket, 1)

    def _promise(self, ticket: Ticket, sign: int) -> None:
        for _, window in self._calls:
            window.promised += sign
        if self._tokens is not None:
            self._tokens.promised += sign * ticket.tokens
        if self._pace is not None:
            self._pace.promised += sign

    def give_back(self, ticket: Ticket) -> None:
        """It was granted, and does not begin (case L3)."""
        self.under_way -= 1
        self._caution.end(ticket.grant, is_answered=False)
        self._promise(ticket, -1)

    def begin(self, ticket: Ticket, now: Moment) -> None:
        """It begins now: this is the time that its windows count."""
        at = self._at(now)
        self._promise(ticket, -1)
        ticket.calls = [window.count(1, at) for _, window in self._calls]
        if self._tokens is not None:
            ticket.tokens_counted = self._tokens.count(ticket.tokens, at)
        if self._pace is not None:
            ticket.even = self._pace.count(at)

    def end(self, ticket: Ticket, now: Moment, how: Ended) -> None:
        """It has ended, however that was (case L8)."""
        at, tokens = self._at(now), how.tokens
        self.under_way -= 1
        if how.pause is not None:
            self._caution.turned_away(ticket.grant, self._granted)
            self._paused = max(self._paused, at.seconds + how.pause.total_seconds() + _NEVER_EARLY)
        self._caution.end(ticket.grant, is_answered=how.is_answered)
        if how.quota is not None:
            self._heed(ticket, how.quota, at.seconds)
        if not how.is_sent:
            tokens = 0
            for (_, window), counted in zip(self._calls, ticket.calls, strict=True):
                window.correct(counted, -1, at)
            if self._pace is not None:
                self._pace.take_back(ticket.even)
        if tokens is not None and self._tokens is not None and ticket.tokens_counted is not None:
            self._tokens.correct(ticket.tokens_counted, tokens - ticket.tokens, at)

    def _heed(self, ticket: Ticket, quota: Quota, at: float) -> None:
        """An answer says what is left of the upstream's own quota. What was granted since is taken off: the upstream
        may not have seen it yet. An answer to an older request than the last one that was heard says nothing new.
        """
        if ticket.grant < self._told_by:
            return
        self._told_by = ticket.grant
        if quota.requests is not None:
            self._told_calls.left = quota.requests.amount - (self._granted - ticket.grant)
            self._told_calls.until = at + quota.requests.reset.total_seconds() + _NEVER_EARLY
        if quota.tokens is not None:
            self._told_tokens.left = quota.tokens.amount - (self._tokens_granted - ticket.tokens_granted)
            self._told_tokens.until = at + quota.tokens.reset.total_seconds() + _NEVER_EARLY


# --- what is written ----------------------------------------------------------------------------------------------


def _window(rate: PerTime, zone: tzinfo) -> Window:
    return Daily(rate.amount, zone) if rate.period == _DAY else Rolling(rate.amount, rate.period.total_seconds())


def _pace(limit: Limit) -> Pace | None:
    """Behind a burst, the pace of the rate that is fastest: slower ones are for longer stretches."""
    if limit.burst is None or not limit.rate:
        return None
    interval = min(rate.period.total_seconds() / rate.amount for rate in limit.rate)
    return Pace(limit.burst, interval * (1 + SLACK))
