"""How much may still begin: windows that count, and the pace behind a burst. Pure: time comes in as an argument.

A window hands out promises first and counts them when what was promised really begins, because a call that got its
turn begins when the loop comes to it: so it is true of every stretch of time, wherever it starts, that no more began
in it than is allowed (case L1). What was counted can be corrected later, when the upstream says what a call took; what
it took too much is missing to those that come, and never waited for twice (case L5).
"""

from abc import ABC, abstractmethod
from collections import deque
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import NamedTuple

SLACK = 0.01
"""By how much of its length a window is counted longer, …"""
LONGEST_SLACK = 1.0
"""… in seconds at most: requests that leave a minute apart may arrive closer together, because some take longer."""
SAME = 1e-6
"""Seconds that make no difference: a loop may call that much too early."""
_FINE = 1024
"""Beginnings that a log keeps one by one. A log of more takes together what lies closer than this part of its length,
and counts all of it as long as the last of it: never too little."""
_LONGEST_DAY = 25 * 3600.0 + SAME
"""Seconds of a day on which the clocks go back."""


class Moment(NamedTuple):
    """A time."""

    seconds: float
    """On a clock that only goes forward."""
    wall: float
    """On people's clock, in seconds since the epoch: for days alone."""


class Counted:
    """What a window counted together."""

    __slots__ = ("amount", "first", "last")

    def __init__(self, amount: int, now: float) -> None:
        self.amount = amount
        """What counts of it; of what stood in a log that has passed it, nothing."""
        self.first = now
        self.last = now


class Window(ABC):
    """So much may begin within a length of time."""

    __slots__ = ("limit", "promised")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.promised = 0
        """Handed out, and not begun."""

    @abstractmethod
    def used(self, now: Moment) -> int:
        """What counts now; over the limit where more was used than was asked for."""

    @abstractmethod
    def count(self, amount: int, now: Moment) -> Counted:
        """So much begins now; what was promised of it is the caller's to take off."""

    @abstractmethod
    def passing(self, lacking: int, now: Moment) -> float | None:
        """Seconds until so much of what counts will count no more; None: that much does not count yet."""

    def wait(self, amount: int, now: Moment) -> float | None:
        """Seconds until so much fits; None when others have to begin, or end, first."""
        lacking = amount + self.promised + self.used(now) - self.limit
        return 0.0 if lacking <= 0 else self.passing(lacking, now)

    def correct(self, counted: Counted, by: int, now: Moment) -> None:
        """What was counted was more, or less, than that. More counts from now on: nobody knew of it before."""
        if by > 0:
            self.count(by, now)
        elif by < 0:
            self.take_off(counted, min(-by, counted.amount))

    @abstractmethod
    def take_off(self, counted: Counted, amount: int) -> None:
        """So much of it does not count any more."""


class Rolling(Window):
    """The last minute, the last hour: a log of what began in it."""

    __slots__ = ("_grain", "_log", "_used", "length")

    def __init__(self, limit: int, length: float) -> None:
        super().__init__(limit)
        self.length = length + min(LONGEST_SLACK, SLACK * length)
        self._grain = 0.0 if limit <= _FINE else length / _FINE
        self._log: deque[Counted] = deque()
        self._used = 0

    def used(self, now: Moment) -> int:
        """What began within the length."""
        log = self._log
        while log and log[0].last + self.length <= now.seconds + SAME:
            passed = log.popleft()
            self._used -= passed.amount
            passed.amount = 0
        return self._used

    def count(self, amount: int, now: Moment) -> Counted:
        """So much begins now."""
        self._used += amount
        if self._log and now.seconds - self._log[-1].first <= self._grain:
            last = self._log[-1]
            last.amount += amount
            last.last = now.seconds
            return last
        counted = Counted(amount, now.seconds)
        self._log.append(counted)
        return counted

    def passing(self, lacking: int, now: Moment) -> float | None:
        """When the oldest of it has passed."""
        for counted in self._log:
            lacking -= counted.amount
            if lacking <= 0:
                return max(0.0, counted.last + self.length - now.seconds)
        return None

    def take_off(self, counted: Counted, amount: int) -> None:
        """So much of it does not count any more."""
        counted.amount -= amount
        self._used -= amount


class Daily(Window):
    """The day in a time zone, from midnight to midnight, whether it has 23, 24 or 25 hours (case L10).

    A day is over when people's clock says a later date. When that clock is put back, nothing counts less; the day then
    ends with the longest that a day can be, so that nobody waits for a date that comes once more.
    """

    __slots__ = ("_date", "_day", "_zone")

    def __init__(self, limit: int, zone: tzinfo = UTC) -> None:
        super().__init__(limit)
        self._zone = zone
        self._date = datetime.min.date()
        self._day = Counted(0, 0.0)

    def used(self, now: Moment) -> int:
        """What began today."""
        date = datetime.fromtimestamp(now.wall + SAME, self._zone).date()
        if date > self._date or now.seconds - self._day.first >= _LONGEST_DAY:
            self._date, self._day = date, Counted(0, now.seconds)
        return self._day.amount

    def count(self, amount: int, now: Moment) -> Counted:
        """So much begins now."""
        self.used(now)
        self._day.amount += amount
        return self._day

    def passing(self, lacking: int, now: Moment) -> float | None:
        """At the next midnight, all of it."""
        if lacking > self._day.amount:
            return None
        midnight = datetime.combine(self._date + timedelta(days=1), time(), self._zone)
        return max(0.0, min(midnight.timestamp() - now.wall, self._day.first + _LONGEST_DAY - now.seconds))

    def take_off(self, counted: Counted, amount: int) -> None:
        """So much of it does not count any more."""
        counted.amount -= amount


class Caution:
    """How fast to come back to an upstream that turned calls away: not all at once who waited meanwhile.

    As many may begin as it took between the last two times; beyond these one, and with each answer one more.
    """

    __slots__ = ("_answered", "_before", "_learnt", "_since", "_under_way")

    def __init__(self) -> None:
        self._learnt: int | None = None
        """How many it took before it turned calls away, those that it answered later included; None: it never did."""
        self._before = self._since = 0
        """The last grants before it did, the last but one time and the last time."""
        self._answered = self._under_way = 0
        """Of those granted since."""

    def allows(self) -> bool:
        """Whether one more may begin now."""
        if self._learnt is None or self._answered + self._under_way < self._learnt:
            return True
        return self._under_way <= max(0, self._answered - self._learnt)

    def grant(self) -> None:
        """One more is granted."""
        self._under_way += 1

    def end(self, grant: int, *, is_answered: bool) -> None:
        """One has ended."""
        if grant > self._since:
            self._under_way -= 1
            self._answered += is_answered
        elif is_answered and self._learnt is not None and grant > self._before:
            self._learnt += 1

    def turned_away(self, grant: int, last: int) -> None:
        """One was turned away; those up to the last grant, who will be as well, say nothing more."""
        if grant > self._since:
            self._learnt, self._before, self._since = self._answered, self._since, last
            self._answered = self._under_way = 0


class Pace:
    """So many together, and then one after the other as the rate allows."""

    __slots__ = ("_even", "_interval", "_room", "promised")

    def __init__(self, burst: int, interval: float) -> None:
        self._interval = interval
        self._room = (burst - 1) * interval
        self._even = 0.0
        """When all that began would have ended if each took its interval."""
        self.promised = 0

    def wait(self, now: Moment) -> float:
        """Seconds until one more may begin."""
        due = max(self._even, now.seconds) + self.promised * self._interval - self._room - now.seconds
        return due if due > SAME else 0.0

    def count(self, now: Moment) -> float:
        """One begins now; by what is returned it can be taken back."""
        self._even = max(self._even, now.seconds) + self._interval
        return self._even

    def take_back(self, even: float) -> None:
        """One that began was never sent; when others have begun since, nobody is helped by that any more."""
        if even == self._even:
            self._even -= self._interval
