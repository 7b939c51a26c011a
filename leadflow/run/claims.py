"""Who has which key of `@once`: as the journal of a run knows it, where the run is kept.

A key is given to a call before anything of the call is sent, and never taken back: what became of the call stands in
the log of its run, and decides for others (`policies/once.py`).
"""

from collections.abc import Sequence

from leadflow.events.model import Entry, RunCancelled, RunDone, RunFailed, Status
from leadflow.plan.undoing import SUFFIX
from leadflow.run.ports import Claim, Claims, Holding, Journal
from leadflow.run.store import NoSuchRun, Store, Wanted


class StoreClaims(Claims):
    """Across the runs of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take(self, key: str, claim: Claim, instead: Claim | None) -> Claim:
        """Give a key to a call; whoever has it then."""
        return await self._store.take_key(key, claim, instead)

    async def look(self, run: str, known: Holding | None = None) -> Holding | None:
        """A run that has a key."""
        rows = [row for row in await self._store.runs(Wanted(run=run)) if row.id == run]
        if not rows:
            return None
        entries = [] if known is None else [*known.entries]
        try:
            entries += await self._store.tail(run, len(entries))
        except NoSuchRun:  # it was forgotten in this moment
            return None
        return Holding(entries, rows[0].status.is_settled, rows[0].is_held)

    async def is_taken_back(self, claim: Claim) -> bool:
        """Whether what a call did was taken back when its run had ended."""
        wanted = Wanted(status=Status.DONE, origin=claim.run, again=claim.path + SUFFIX)
        return any(row.is_whole for row in await self._store.runs(wanted))


class MemoryClaims(Claims):
    """Across runs that are kept nowhere, for as long as this object lives."""

    def __init__(self) -> None:
        self._keys: dict[str, Claim] = {}
        self._journals: dict[str, Journal] = {}

    def add(self, run: str, journal: Journal) -> None:
        """One more run."""
        self._journals[run] = journal

    async def take(self, key: str, claim: Claim, instead: Claim | None) -> Claim:
        """Give a key to a call; whoever has it then."""
        if self._keys.setdefault(key, claim) == instead:
            self._keys[key] = claim
        return self._keys[key]

    async def look(self, run: str, known: Holding | None = None) -> Holding | None:
        """A run that has a key."""
        if run not in self._journals:
            return None
        entries = await self._journals[run].load()
        has_ended = _has_ended(entries)
        return Holding(entries, has_ended, not has_ended)

    async def is_taken_back(self, claim: Claim) -> bool:
        """Nobody comes back to these runs."""
        return False


def _has_ended(entries: Sequence[Entry]) -> bool:
    return bool(entries) and isinstance(entries[-1].event, RunDone | RunFailed | RunCancelled)


class LateClaims(Claims):
    """Those of a run whose journal is opened after its agents are made."""

    def __init__(self) -> None:
        self._claims: Claims = MemoryClaims()

    def use(self, claims: Claims) -> None:
        """The journal is there."""
        self._claims = claims

    async def take(self, key: str, claim: Claim, instead: Claim | None) -> Claim:
        """Give a key to a call; whoever has it then."""
        return await self._claims.take(key, claim, instead)

    async def look(self, run: str, known: Holding | None = None) -> Holding | None:
        """A run that has a key."""
        return await self._claims.look(run, known)

    async def is_taken_back(self, claim: Claim) -> bool:
        """Whether what a call did was taken back when its run had ended."""
        return await self._claims.is_taken_back(claim)
