"""What calls of one upstream share in this process, whichever runs they belong to.

An upstream is a provider, a credential and a model (case B11): limits and health are theirs, not those of a step. Two
agents with one key share all of this, and two tenants with credentials of their own share nothing. A call without
policies never looks here.
"""

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

    def earn(self, taken: int) -> None:
        """A call succeeded, after so many further attempts."""
        self._left = min(_BURST * _COST, self._left + taken * _COST + 1)


class Upstream:
    """One upstream, as this process knows it."""

    __slots__ = ("key", "name", "retries")

    def __init__(self, key: str, name: str) -> None:
        self.key = key
        self.name = name
        """The agent that its state is written on, for people."""
        self.retries = RetryBudget()


class Shared:
    """All upstreams of this process. One for all runs that are to share; a test makes its own."""

    def __init__(self) -> None:
        self._upstreams: dict[str, Upstream] = {}

    def upstream(self, key: str, name: str) -> Upstream:
        """The upstream of a key; the first to ask names it."""
        found = self._upstreams.get(key)
        if found is None:
            found = self._upstreams[key] = Upstream(key, name)
        return found
