"""The breaker again, as naively as it can be said: a list of all that happened, scanned anew for every question.

Times are numbers of the caller's choice. Nothing is remembered but the list, and nothing is thrown away.
"""

from dataclasses import dataclass, field

from leadflow.plan.policy import Breaker


@dataclass
class Call:
    """One call that was let through."""

    number: int
    begun: float
    moves: int
    """How many transitions there had been."""
    ended: float | None = None
    saw: str = ""
    """`failure`, `success`, or that nothing was learnt."""


@dataclass
class Model:
    """All that happened."""

    policy: Breaker
    calls: list[Call] = field(default_factory=list)
    moves: list[tuple[float, str, float]] = field(default_factory=list)
    """When, to which state, and for open ones: until when."""

    @property
    def state(self) -> str:
        """The last that it was moved to."""
        return self.moves[-1][1] if self.moves else "closed"

    def _mine(self) -> list[Call]:
        return [call for call in self.calls if call.moves == len(self.moves)]

    def _is_slow(self, call: Call, now: float) -> bool:
        end = now if call.ended is None else call.ended
        return self.policy.slow is not None and end - call.begun > self.policy.slow.total_seconds()

    def _failed(self, call: Call, now: float) -> bool:
        return self._is_slow(call, now) or (call.ended is not None and call.saw == "failure")

    def _counts(self, call: Call, now: float) -> bool:
        if call.ended is None:
            return self._is_slow(call, now)
        is_known = self._is_slow(call, now) or call.saw in ("failure", "success")
        return is_known and now - call.ended <= self.policy.window.total_seconds()

    def _time_passes(self, now: float, chance: float) -> None:
        if self.state == "closed":
            seen = [call for call in self._mine() if self._counts(call, now)]
            failed = [call for call in seen if self._failed(call, now)]
            ratio = self.policy.ratio
            if ratio is None and self.policy.failures is None:
                ratio = 0.5
            by_count = self.policy.failures is not None and len(failed) >= self.policy.failures
            by_ratio = ratio is not None and len(seen) >= self.policy.min_calls and len(failed) / len(seen) >= ratio
            if failed and (by_count or by_ratio):
                self._open(now, chance)
        elif self.state == "half_open" and any(self._failed(call, now) for call in self._mine()):
            self._open(now, chance)

    def _open(self, now: float, chance: float) -> None:
        before = 0
        for _, state, _ in reversed(self.moves):
            if state not in ("open", "half_open"):
                break
            before += state == "open"
        longest = self.policy.max_recovery.total_seconds()
        plain = self.policy.recovery.total_seconds()
        for _ in range(before):
            plain = min(longest, 2 * plain)
        self.moves.append((now, "open", now + min(longest, plain * (1 + 0.1 * chance))))

    def _lets_probe(self, now: float) -> bool:
        longest = self.policy.max_recovery.total_seconds()
        taken = [
            call
            for call in self._mine()
            if (call.saw == "success" if call.ended is not None else now - call.begun <= longest)
        ]
        return len(taken) < self.policy.probes

    def looks(self, now: float, chance: float) -> bool:
        """Whether a call would be let through."""
        self._time_passes(now, chance)
        if self.state in ("closed", "forced_closed"):
            return True
        if self.state == "open":
            return now >= self.moves[-1][2]
        return self.state == "half_open" and self._lets_probe(now)

    def enters(self, number: int, now: float, chance: float) -> bool:
        """Whether a call is let through."""
        if not self.looks(now, chance):
            return False
        if self.state == "open":
            self.moves.append((now, "half_open", 0))
        self.calls.append(Call(number, now, len(self.moves)))
        return True

    def leaves(self, number: int, saw: str, now: float, chance: float) -> None:
        """A call ended."""
        (call,) = (call for call in self.calls if call.number == number)
        call.ended, call.saw = now, saw
        if call.moves != len(self.moves):
            return
        if self.state == "half_open" and not self._failed(call, now):
            well = [one for one in self._mine() if one.ended is not None and one.saw == "success"]
            if saw == "success" and len(well) >= self.policy.probes:
                self.moves.append((now, "closed", 0))
                return
        self._time_passes(now, chance)

    def forced(self, state: str, now: float) -> None:
        """An operator keeps it so; `closed` lets it go."""
        is_forced = self.state in ("forced_open", "forced_closed")
        if self.state != state and (state != "closed" or is_forced):
            self.moves.append((now, state, 0))
