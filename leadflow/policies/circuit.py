"""The breaker of one upstream, as a state machine. Pure: time and chance come in, and it knows no calls.

                       too many failures                              force(…)
              ┌───────────────────────────────┐          any state ──────────────▶ forced_open, forced_closed
              │                               ▼                                            │
           closed                            open ◀───────────────┐                        │ release()
              ▲                               │                   │ a probe failed:        ▼
              │                               │ its time is over  │ longer than before   closed
              │ all probes succeeded          ▼                   │
              └─────────────────────────── half_open ─────────────┘

Whoever wants to call takes a permit and gives it back with what was learnt. Each move begins a new generation, and
what was learnt counts in the generation that gave the permit or not at all (case B4). What time brings about is
noticed when the breaker is next asked: it needs no timers.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Literal, TypeAlias

from leadflow.events.model import BreakerState
from leadflow.plan.policy import Breaker
from leadflow.policies.outcomes import Sees
from leadflow.record import record

GROWTH = 2.0
"""What the open time is multiplied by after each failed probe."""
JITTER = 0.1
"""What is added to an open time at most, as a share of it: not all processes come back at once."""
MOST = 10_000
"""Outcomes that a ratio looks at; when more end within the window, at the last of them (or `min_calls`, if more)."""

Chance: TypeAlias = Callable[[], float]
"""Evenly distributed in [0, 1); drawn from when the breaker opens."""
Forced: TypeAlias = Literal["forced_open", "forced_closed"]


class Permit:
    """Leave to make one call."""

    __slots__ = ("begun", "generation", "is_out")

    def __init__(self, begun: float, generation: int) -> None:
        self.begun = begun
        self.generation = generation
        self.is_out = True
        """Not given back yet."""


@record
class Refused:
    """A call that may not be made now."""

    why: str
    seconds: float | None
    """Until the next probe, at the latest; None: nobody knows, an operator decides."""


@record
class Move:
    """One transition."""

    state: BreakerState
    why: str
    seconds: float | None
    """How long it stays open; None for other states."""


class Window:
    """What ended within the last seconds. Exact at every instant, and its memory is bounded.

    To count failures the times of the last so many are enough. A ratio needs all outcomes, of which the last `MOST`
    are kept: with more than that in the window it is the ratio of those, not that of buckets, which would be wrong at
    the window's edge.
    """

    __slots__ = ("_failed", "_failures", "_length", "_most", "_policy", "_ratio", "_well", "_words")

    def __init__(self, policy: Breaker) -> None:
        self._policy = policy
        self._length = policy.window.total_seconds()
        self._ratio = policy.share
        self._words = f" within {_said(self._length)}"
        if policy.slow is not None:  # what is told as a failure may have been answered well
            self._words += f", counting what took longer than {_said(policy.slow.total_seconds())}"
        self._failures: deque[float] = deque(maxlen=policy.failures or 0)
        """When the last failures ended, for `failures`."""
        self._well: deque[float] = deque()
        self._failed: deque[float] = deque()
        """When calls ended, for the ratio."""
        self._most = max(MOST, policy.min_calls)

    def add(self, now: float, *, failed: bool) -> None:
        """A call ended."""
        if failed:
            self._failures.append(now)
        if self._ratio is None:
            return
        (self._failed if failed else self._well).append(now)
        if len(self._failed) + len(self._well) > self._most:
            both = [times for times in (self._failed, self._well) if times]
            min(both, key=lambda times: times[0]).popleft()

    def clear(self) -> None:
        """Forget everything."""
        for times in (self._failures, self._failed, self._well):
            times.clear()

    def judge(self, now: float, slow: int) -> str | None:
        """Why there are too many failures; None: there are not.

        Args:
            slow: calls that have not ended, and take too long already.
        """
        failures = self._policy.failures
        if failures is not None and len(self._failures) + slow >= failures:
            self._forget_old(self._failures, now)
            if (count := len(self._failures) + slow) >= failures:
                return f"{count} {'failure' if count == 1 else 'failures'}{self._words}"
        if self._ratio is not None and len(self._failed) + slow:
            self._forget_old(self._failed, now)
            self._forget_old(self._well, now)
            failed = len(self._failed) + slow
            calls = failed + len(self._well)
            if failed and calls >= self._policy.min_calls and failed / calls >= self._ratio:
                return f"{failed} of {calls} calls failed{self._words}"
        return None

    def _forget_old(self, times: deque[float], now: float) -> None:
        """What is exactly as old as the window is long still counts (case B2)."""
        while times and now - times[0] > self._length:
            times.popleft()


class Circuit:
    """The breaker of an upstream: who may call it now. Ask it in the order in which things happen."""

    def __init__(self, policy: Breaker, name: str) -> None:
        self.policy = policy
        self.name = name
        """The agent that it stands on, for people."""
        self.state: BreakerState = "closed"
        self.moves: list[Move] = []
        """Transitions that nobody has told yet, in order (case B14); whoever tells them takes them out."""
        self.out = 0
        """Permits that are not given back."""
        self._generation = 0
        self._window = Window(policy)
        self._slow_after = None if policy.slow is None else policy.slow.total_seconds()
        self._running: OrderedDict[Permit, None] = OrderedDict()
        """While closed, and if slowness counts: calls that are not slow yet; the longest under way first."""
        self._slow: set[Permit] = set()
        """Those that are."""
        self._probes: OrderedDict[Permit, None] = OrderedDict()
        """While half open: probes under way, the oldest first."""
        self._succeeded = 0
        """Probes of this generation."""
        self._longest = policy.max_recovery.total_seconds()
        self._open_time = policy.recovery.total_seconds()
        """How long it is open next, before jitter."""
        self._since = self._until = 0.0
        """When it opened, and when it may be tried again."""
        self._why = ""
        """Why it is as it is."""
        self._watchers: dict[Hashable, tuple[Callable[[], None], bool]] = {}

    # --- calls ----------------------------------------------------------------------------------------------------

    def look(self, now: float, chance: Chance) -> Refused | None:
        """Whether a call would be turned away now. Takes no permit; what time has brought about is noticed."""
        self._notice(now, chance)
        if self.state in ("closed", "forced_closed") or (self.state == "open" and now >= self._until):
            return None
        if self.state == "half_open" and self._has_place(now):
            return None
        return self._refused(now)

    def enter(self, now: float, chance: Chance) -> Permit | Refused:
        """A permit, to be given back by `leave` however the call ends."""
        if (refused := self.look(now, chance)) is not None:
            return refused
        if self.state == "open":
            count = self.policy.probes
            self._move("half_open", f"the next {'call tries' if count == 1 else f'{count} calls try'} it")
        permit = Permit(now, self._generation)
        self.out += 1
        if self.state == "half_open":
            self._probes[permit] = None
        elif self._slow_after is not None and self.state == "closed":
            self._running[permit] = None
        return permit

    def leave(self, permit: Permit, sees: Sees, now: float, chance: Chance, *, error: str = "") -> None:
        """Give a permit back, with what was learnt. A second time changes nothing.

        Args:
            error: the name of the error that the call ended with.
        """
        if not permit.is_out:
            return
        permit.is_out = False
        self.out -= 1
        if permit.generation != self._generation:
            return
        self._running.pop(permit, None)
        self._slow.discard(permit)
        was_probe = permit in self._probes
        self._probes.pop(permit, None)
        is_slow = self._is_slow(permit, now)
        failed = is_slow or sees is Sees.FAILURE
        if failed or sees is Sees.SUCCESS:
            if self.state == "closed":
                self._window.add(now, failed=failed)
            elif self.state == "half_open":
                self._probed(now, chance, failed=failed, error=self._too_slow if is_slow else error)
        if was_probe and self.state == "half_open":  # there is a place for another one, perhaps
            self._tell(is_open=False)
        self._notice(now, chance)

    def recall(self, since: float, seconds: float, why: str, *, times: int) -> None:
        """Another process opened it then, for so long, and so often in a row: it goes on so. What has seen calls of its
        own knows better."""
        if self.state != "closed" or self._generation or self.out:
            return
        for _ in range(times):
            self._open_time = min(self._longest, self._open_time * GROWTH)
        self.state, self._why, self._since, self._until = "open", why, since, since + seconds
        self._generation += 1

    # --- operators ------------------------------------------------------------------------------------------------

    def force(self, state: Forced, why: str) -> None:
        """Stay like that until `release`, whatever happens (case B13)."""
        if self.state != state:
            self._move(state, f"an operator: {why}")

    def release(self) -> None:
        """Decide by itself again, from the beginning."""
        if self.state in ("forced_open", "forced_closed"):
            self._open_time = self.policy.recovery.total_seconds()
            self._move("closed", "an operator released it")

    # --- those who wait -------------------------------------------------------------------------------------------

    def watch(self, who: Hashable, told: Callable[[], None], *, wants_probe: bool = False) -> None:
        """Tell somebody who waits for a turn when the breaker opens, so that it need not wait any longer.

        Args:
            wants_probe: it waits to be a probe, and is told of every move, and of each probe that comes back.
        """
        self._watchers[who] = told, wants_probe

    def unwatch(self, who: Hashable) -> None:
        """It waits no more."""
        self._watchers.pop(who, None)

    # --- the machine ----------------------------------------------------------------------------------------------

    @property
    def _too_slow(self) -> str:
        return f"longer than {_said(self._slow_after or 0.0)}"

    def _is_slow(self, permit: Permit, now: float) -> bool:
        return self._slow_after is not None and now - permit.begun > self._slow_after

    def _notice(self, now: float, chance: Chance) -> None:
        """What follows from the time alone: calls under way become slow (case B10), successes get too old."""
        if self.state == "closed":
            while self._running and self._is_slow(next(iter(self._running)), now):
                self._slow.add(self._running.popitem(last=False)[0])
            if (why := self._window.judge(now, len(self._slow))) is not None:
                self._open(now, chance, why)
        elif self.state == "half_open" and self._probes and self._is_slow(next(iter(self._probes)), now):
            self._probed(now, chance, failed=True, error=self._too_slow)

    def _has_place(self, now: float) -> bool:
        """Whether another probe may begin. One that does not come back is taken for lost after a while (case B6)."""
        return self._succeeded + len(self._awaited(now)) < self.policy.probes

    def _awaited(self, now: float) -> list[Permit]:
        return [probe for probe in self._probes if now - probe.begun <= self._longest]

    def _probed(self, now: float, chance: Chance, *, failed: bool, error: str) -> None:
        """A probe ended, or is too slow (case B7)."""
        if failed:
            self._open(now, chance, f"a probe failed{f' ({error})' if error else ''}")
            return
        self._succeeded += 1
        if self._succeeded >= self.policy.probes:
            self._open_time = self.policy.recovery.total_seconds()
            self._move("closed", "the probe succeeded" if self._succeeded == 1 else "the probes succeeded")

    def _open(self, now: float, chance: Chance, why: str) -> None:
        seconds = min(self._longest, self._open_time * (1 + JITTER * chance()))
        self._open_time = min(self._longest, self._open_time * GROWTH)
        self._since, self._until = now, now + seconds
        self._move("open", why, seconds)

    def _move(self, state: BreakerState, why: str, seconds: float | None = None) -> None:
        """The one place where the state changes: everything of the old generation is forgotten."""
        self.state = state
        if state != "half_open":
            self._why = why
        self._generation += 1
        self._succeeded = 0
        for forgotten in (self._window, self._running, self._slow, self._probes):
            forgotten.clear()
        self.moves.append(Move(state, why, seconds))
        self._tell(is_open=state in ("open", "forced_open"))

    def _tell(self, *, is_open: bool) -> None:
        for told, wants_probe in list(self._watchers.values()):
            if is_open or wants_probe:
                told()

    def _refused(self, now: float) -> Refused:
        told = f"{self.name} is not asked"
        if self.state == "forced_open":
            return Refused(f"{told}: its breaker was opened by {self._why}", None)
        told = f"{told}: its breaker opened {_said(now - self._since)} ago, after {self._why}"
        if self.state == "open":
            left = self._until - now
            return Refused(f"{told}; the next probe is due in {_said(left)}", left)
        awaited = self._awaited(now)
        left = awaited[0].begun + self._longest - now if awaited else 0.0
        count = "a probe is" if len(awaited) == 1 else f"{len(awaited)} probes are"
        return Refused(f"{told}; {count} under way, and the next is due in {_said(left)} at the latest", left)


def _said(seconds: float) -> str:
    """For people."""
    return f"{round(seconds, 3):g} s" if seconds < 100 else f"{round(seconds)} s"
