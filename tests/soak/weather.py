"""Agents that misbehave in every way there is, by turns: each has its own weather, drawn from a seed.

In virtual time one seed gives the same day. An agent counts what is under way in it: whoever leaves a call behind is
seen there.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from math import inf
from random import Random

from leadflow.events.model import Usage
from leadflow.run import errors
from leadflow.run.ports import Clock, Reply, Request

WEATHERS: Mapping[str, Mapping[str, float]] = {
    "fair": {"ok": 96, "slow": 1, "connect": 0.5, "lost": 0.5, "error": 1, "invalid": 0.5, "cut": 0.5},
    "shaky": {"ok": 60, "slow": 8, "connect": 6, "lost": 6, "error": 8, "invalid": 5, "cut": 4, "hang": 1, "raise": 1,
              "tidy": 1, "deaf": 0.1, "disguise": 0.5, "absurd": 1},
    "down": {"connect": 60, "overloaded": 20, "error": 15, "hang": 5},
    "storm": {"rate": 90, "ok": 5, "quota": 5},
    "slow": {"slow": 85, "ok": 10, "hang": 5},
    "odd": {"ok": 40, "auth": 8, "denied": 8, "rejected": 8, "declined": 8, "incomplete": 8, "invalid": 10,
            "absurd": 10},
}  # fmt: skip
"""What an agent does in each weather, with its weight."""
LASTING = {"fair": 1800.0, "shaky": 600.0, "down": 120.0, "storm": 60.0, "slow": 240.0, "odd": 120.0}
"""Seconds that a weather lasts on average."""
DEAF = 8.0
"""Seconds for which a deaf call does not hear that it was cancelled; longer than any grace."""


class Weathered:
    """One upstream with its weather."""

    def __init__(self, name: str, seed: int, clock: Clock) -> None:
        self.name = name
        self.under_way = self.most = self.calls = 0
        self.acts: Counter[str] = Counter()
        self.active: set[str] | None = None
        """The runs that have not ended; None: nobody knows."""
        self.strays: list[str] = []
        """Calls for runs that have ended (case X1)."""
        self._chance = Random(f"{seed} {name}")
        self._clock = clock
        self._weather = "fair"
        self._until = self._chance.expovariate(1 / LASTING["fair"])

    async def call(self, request: Request) -> Reply:
        """Whatever the weather makes of it."""
        now = self._clock.monotonic()
        while now >= self._until:
            self._weather = self._chance.choice(list(WEATHERS))
            self._until += self._chance.expovariate(1 / LASTING[self._weather])
        acts = WEATHERS[self._weather]
        act = self._chance.choices(list(acts), list(acts.values()))[0]
        self.calls += 1
        if self.active is not None and request.run not in self.active:
            self.strays.append(f"{request.run} {request.path}")
        self.acts[act] += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await self._do(act)
        finally:
            self.under_way -= 1

    async def aclose(self) -> None:
        """Nothing is held."""

    def set_weather(self, weather: str) -> None:
        """That weather, for as long as anybody asks."""
        self._weather, self._until = weather, inf

    async def _do(self, act: str) -> Reply:
        chance = self._chance
        if act == "connect":
            await self._pass(chance.uniform(0.0, 0.2))
            raise errors.ConnectFailed("refused", sent=False)
        await self._pass(chance.expovariate(1 / 0.3))
        match act:
            case "ok":
                return Reply(chance.randint(0, 999), _usage(chance))
            case "invalid":
                return Reply("no number", _usage(chance))
            case "absurd":
                return Reply(1, Usage(10**9, -5))
            case "slow":
                await self._pass(chance.uniform(2.0, 20.0))
                return Reply(chance.randint(0, 999))
            case "hang":
                await self._pass(10_000.0)
            case "tidy" | "deaf" | "disguise":
                await self._resist(act)
            case "raise":
                raise KeyError("of the agent's own")
            case "rate":
                left = max(0.0, self._until - self._clock.monotonic())
                raise errors.RateLimited("slow down", status=429, retry_after=timedelta(seconds=left + 1))
        raise _ERRORS[act]()

    async def _resist(self, act: str) -> None:
        """Does not take a cancel as it should."""
        try:
            await self._pass(10_000.0)
        finally:
            if act == "tidy":
                await self._pass(1.0)
            elif act == "deaf":
                await self._pass(DEAF)
            else:
                raise errors.ConnectionLost("broke off")

    async def _pass(self, seconds: float) -> None:
        await self._clock.sleep(timedelta(seconds=seconds))


def _usage(chance: Random) -> Usage | None:
    return Usage(chance.randint(1, 50), chance.randint(1, 50)) if chance.random() < 0.9 else None


def _error(kind: type[errors.CallError], status: int | None = None) -> "_Making":
    return _Making(kind, status)


class _Making:
    """Makes an error anew: a raised one keeps its frames."""

    def __init__(self, kind: type[errors.CallError], status: int | None) -> None:
        self._kind = kind
        self._status = status

    def __call__(self) -> errors.CallError:
        return self._kind(f"{self._kind.__name__} of the weather", status=self._status)


_ERRORS: Mapping[str, _Making] = {
    "lost": _error(errors.ConnectionLost),
    "error": _error(errors.ServerError, 500),
    "overloaded": _error(errors.Overloaded, 529),
    "cut": _error(errors.BadResponse),
    "quota": _error(errors.QuotaExhausted, 429),
    "auth": _error(errors.AuthFailed, 401),
    "denied": _error(errors.Forbidden, 403),
    "rejected": _error(errors.Rejected, 422),
    "declined": _error(errors.Declined),
    "incomplete": _error(errors.Incomplete),
    "hang": _error(errors.ConnectionLost),
}
