"""What calls of one upstream share in this process, whichever runs they belong to.

An upstream is a provider, a credential and a model (case B11): limits and health are theirs, not those of a step. Two
agents with one key share all of this, and two tenants with credentials of their own share nothing. A call without
policies never looks here.
"""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from leadflow.plan.policy import Breaker, Concurrency, Limit
from leadflow.policies.admission import Admission
from leadflow.policies.circuit import Circuit, Forced
from leadflow.policies.memory import Flights, Memory
from leadflow.policies.turnstile import Turnstile
from leadflow.run.adapters import zone_of

_COST = 10
"""Successful calls that earn one further attempt."""
_BURST = 50
"""Further attempts that an upstream may take without any success."""


class RetryBudget:
    """How many further attempts an upstream still gets: with it down, sends stay near the calls (cases R14, R15).

    A first attempt asks nobody. A call that succeeds gives back the further attempts that it took, which were worth
    their price, and earns a tenth of one more; so an upstream that fails now and then is never short of them.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _BURST * _COST

    @property
    def left(self) -> int:
        """Further attempts that may be made before the next success."""
        return self._left // _COST

    def take(self) -> bool:
        """Whether one more attempt may follow a failed one; it is counted then."""
        if self._left < _COST:
            return False
        self._left -= _COST
        return True

    def give_back(self) -> None:
        """One that was counted was not made."""
        self._left = min(_BURST * _COST, self._left + _COST)

    def earn(self, taken: int) -> None:
        """A call succeeded, after so many further attempts."""
        self._left = min(_BURST * _COST, self._left + taken * _COST + 1)


class Upstream:
    """One upstream, as this process knows it."""

    __slots__ = ("_forced", "breakers", "is_recalled", "key", "name", "retries", "turnstiles")

    def __init__(self, key: str, name: str) -> None:
        self.key = key
        self.name = name
        """The agent that its state is written on, for people."""
        self.is_recalled = False
        """Whether somebody has looked what other processes knew of it."""
        self.retries = RetryBudget()
        self.breakers: dict[Breaker, Circuit] = {}
        """By what is written on the agent: two versions of a program may differ in that."""
        self.turnstiles: dict[tuple[Limit | None, Concurrency | None], Turnstile] = {}
        """The same."""
        self._forced: tuple[Forced, str] | None = None

    def breaker(self, policy: Breaker) -> Circuit:
        """Its breaker."""
        found = self.breakers.get(policy)
        if found is None:
            found = self.breakers[policy] = Circuit(policy, self.name)
            if self._forced is not None:
                found.force(*self._forced)
        return found

    def force(self, state: Forced, why: str) -> None:
        """Keep its breaker like that until `release`; also one that nobody has needed yet."""
        self._forced = (state, why)
        for circuit in self.breakers.values():
            circuit.force(state, why)

    def release(self) -> None:
        """Its breaker decides by itself again."""
        self._forced = None
        for circuit in self.breakers.values():
            circuit.release()

    def limit(self, limit: Limit | None, concurrency: Concurrency | None) -> Turnstile:
        """Where its calls wait."""
        found = self.turnstiles.get((limit, concurrency))
        if found is None:
            places = [limit.concurrent if limit else None, concurrency.limit if concurrency else None]
            most = min((place for place in places if place is not None), default=None)
            zone = zone_of(limit.zone) if limit and limit.zone else UTC
            found = Turnstile(Admission(self.name, limit or Limit(), most, zone))
            self.turnstiles[limit, concurrency] = found
        return found


class Shared:
    """All upstreams of this process. One for all runs that are to share; a test makes its own."""

    def __init__(self, guarded: Mapping[str, str] | None = None) -> None:
        """Nothing is known of any upstream.

        Args:
            guarded: the agents that operators may name, those with a breaker, and the one whose breaker it is; None:
                whoever comes, each with one of its own.
        """
        self._guarded = guarded
        self.upstreams: dict[str, Upstream] = {}
        """By key."""
        self._forced: dict[str, tuple[Forced, str]] = {}
        """What operators decided, by agent."""
        self.memory = Memory()
        """What `@cache` keeps."""
        self.flights: Flights[Any] = Flights()
        """Calls under way that equal ones wait for."""

    def upstream(self, key: str, name: str) -> Upstream:
        """The upstream of a key; the first to ask names it."""
        found = self.upstreams.get(key)
        if found is None:
            found = self.upstreams[key] = Upstream(key, name)
            if name in self._forced:
                found.force(*self._forced[name])
        return found

    # --- operators: from the loop's own thread --------------------------------------------------------------------

    def force_open(self, agent: str, why: str) -> None:
        """Let no call of this agent through, until `release` (case B13). Calls that wait in its queue fail at once.

        Args:
            agent: the one on which `@breaker` stands; also before its first call.
            why: for people; the failures of its calls say it.

        Raises:
            ValueError: it has none, so that nothing would be held back.
        """
        self._force(agent, "forced_open", why)

    def force_close(self, agent: str, why: str) -> None:
        """Let all calls of this agent through, whatever becomes of them, until `release` (case B13).

        Raises:
            ValueError: it has no breaker.
        """
        self._force(agent, "forced_closed", why)

    def release(self, agent: str) -> None:
        """The breaker of this agent decides by itself again: it is closed, and has seen nothing yet."""
        self._forced.pop(self._owner(agent), None)
        for upstream in self._of(agent):
            upstream.release()

    def _force(self, agent: str, state: Forced, why: str) -> None:
        if self._guarded is not None and agent not in self._guarded:
            there = f"there are those of {', '.join(sorted(self._guarded))}" if self._guarded else "there is none"
            raise ValueError(f"agent '{agent}' has no breaker; {there}")
        self._forced[self._owner(agent)] = (state, why)
        for upstream in self._of(agent):
            upstream.force(state, why)

    def _owner(self, agent: str) -> str:
        """The agent whose breaker it is."""
        return agent if self._guarded is None else self._guarded.get(agent, agent)

    def _of(self, agent: str) -> list[Upstream]:
        """One per credential."""
        return [upstream for upstream in self.upstreams.values() if upstream.name == self._owner(agent)]
