"""The limit again, as naively as it can be said: lists of all that happened, scanned anew for every question.

Times are seconds that only go forward, from midnight in the zone. Nothing is thrown away.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf

from leadflow.plan.policy import Limit, PerTime
from leadflow.policies.admission import TURNS, Ended

DAY, SLIP = 86_400.0, 1.5e-6
"""Seconds of a day, and seconds that make no difference."""


@dataclass(eq=False)
class Try:
    """One attempt."""

    priority: int
    tokens: int
    number: int = 0
    """Its place among all grants; 0: none yet."""
    passed: int | None = 0
    """Whether one of a lower priority went on waiting when it was granted; None: it was of a lower one itself."""
    begun: float | None = None
    ended: float = inf
    how: Ended | None = None
    """How it ended; None: not yet, or it never began."""
    then: int = 0
    """Grants there had been when it ended."""


@dataclass
class Model:
    """All that happened."""

    limit: Limit
    places: int | None
    line: list[Try] = field(default_factory=list)
    """Who waits, in the order in which they came."""
    grants: list[Try] = field(default_factory=list)
    ends: list[Try] = field(default_factory=list)

    def first(self) -> Try:
        """Who is next."""
        top, in_a_row = max(one.priority for one in self.line), 0
        for one in self.grants:
            in_a_row = 0 if one.passed is None else in_a_row + one.passed
        lower = [one for one in self.line if one.priority < top]
        return lower[0] if lower and in_a_row >= TURNS - 1 else next(o for o in self.line if o.priority == top)

    def grant(self, one: Try) -> None:
        """It may begin."""
        if one in self.line:
            top = max(other.priority for other in self.line)
            one.passed = None if one.priority < top else any(other.priority < top for other in self.line)
            self.line.remove(one)
        self.grants.append(one)
        one.number = len(self.grants)

    def end(self, one: Try, now: float, how: Ended | None) -> None:
        """It has ended; None: it was given back."""
        one.ended, one.how, one.then = now, how, len(self.grants)
        self.ends.append(one)

    def may(self, tokens: int, now: float) -> bool:
        """Whether everything allows one more."""
        under_way = sum(one.ended == inf for one in self.grants)
        calls = [(at, 1) for one in self.grants if (at := _counts(one, now)) is not None]
        return (
            (self.places is None or under_way < self.places)
            and all(_used(calls, rate, now) < rate.amount for rate in self.limit.rate)
            and self._has_tokens(tokens, now)
            and self._is_even(now)
            and not any(_until(one, one.how.pause) > now for one in self.ends if one.how and one.how.pause is not None)
            and self._is_left(tokens, now)
            and self._may_come_back()
        )

    def _has_tokens(self, tokens: int, now: float) -> bool:
        rate = self.limit.tokens
        return rate is None or _used(list(self._tokens(now)), rate, now) + tokens <= rate.amount

    def _tokens(self, now: float) -> Iterator[tuple[float, int]]:
        for one in self.grants:
            at, taken = _counts(one, now), one.how.tokens if one.how else None
            if at is not None:
                yield at, one.tokens if taken is None else min(one.tokens, taken)
                yield one.ended if taken is not None else now, 0 if taken is None else max(0, taken - one.tokens)

    def _is_even(self, now: float) -> bool:
        if self.limit.burst is None or not self.limit.rate:
            return True
        step = 1.01 * min(rate.period.total_seconds() / rate.amount for rate in self.limit.rate)
        even = 0.0
        for at in sorted(at for one in self.grants if (at := _counts(one, now)) is not None):
            even = max(even, at) + step
        return even - now <= (self.limit.burst - 1) * step + SLIP

    def _is_left(self, tokens: int, now: float) -> bool:
        """What the newest grant whose answer said so has left."""
        newest, calls, asked = 0, (inf, 0.0), (inf, 0.0)
        for one in self.ends:
            if one.how and one.how.quota and one.number >= newest:
                newest, quota = one.number, one.how.quota
                if quota.requests:
                    since = len(self.grants) - one.number
                    calls = quota.requests.amount - since, _until(one, quota.requests.reset)
                if quota.tokens:
                    since = sum(other.tokens for other in self.grants[one.number :])
                    asked = quota.tokens.amount - since, _until(one, quota.tokens.reset)
        return (calls[1] <= now or 1 <= calls[0]) and (asked[1] <= now or max(1, tokens) <= asked[0])

    def _may_come_back(self) -> bool:
        """As many as it took between the last two times that it turned calls away, then one more for each answer."""
        before, since = None, 0
        for one in self.ends:
            if one.how and one.how.pause is not None and one.number > since:
                before, since = since, one.then
        answered = [one.number for one in self.ends if one.how and one.how.is_answered]
        took, more = (
            sum(low < number <= high for number in answered) for low, high in ((before or 0, since), (since, inf))
        )
        under_way = sum(one.ended == inf for one in self.grants[since:])
        return before is None or more + under_way < took or under_way <= max(0, more - took)


def _counts(one: Try, now: float) -> float | None:
    """When its start counts from; None: not at all. What was granted and has not begun counts as of now."""
    if one.how is not None and not one.how.is_sent:
        return None
    return one.begun if one.begun is not None else now if one.ended == inf else None


def _used(uses: list[tuple[float, int]], rate: PerTime, now: float) -> int:
    length = rate.period.total_seconds()
    if length == DAY:
        return sum(n for at, n in uses if (at + SLIP) // DAY == (now + SLIP) // DAY)
    return sum(n for at, n in uses if at + length + min(1.0, length / 100) > now + SLIP)


def _until(one: Try, asked: timedelta) -> float:
    return one.ended + asked.total_seconds() + SLIP
