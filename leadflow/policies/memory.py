"""What `@cache` remembers in this process: answers and failures that are kept for a while, and equal calls under way.

Pure: time comes in, and nobody waits here; `cache.py` does. Answers are kept as bytes, so that who is given one may do
with it what they like (case C5), and so that what all of them take together is known and bounded: what was used least
recently makes room. Keys are digests, and nothing of a prompt or of a credential can be read from them.
"""

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

from cachetools import TLRUCache

from leadflow.record import record
from leadflow.run.errors import CallError

W = TypeVar("W", bound=Hashable)

MOST = 64 * 1024 * 1024
"""Bytes that all answers of a process take together at most."""
_EACH = 512
"""Bytes that an entry takes beside its answer, roughly."""
_BACK = 1.0
"""Seconds by which the clocks of two threads may differ."""


@record
class Kept:
    """How a call ended: with an answer, or with a failure."""

    answer: bytes
    """The value, as `plan.forms.kept` writes it; empty for a failure."""
    has_usage: bool = False
    """The upstream reported what the answer cost."""
    error: CallError | None = None

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return _EACH + len(self.answer) + (len(self.error.message) if self.error is not None else 0)


@record
class _Entry:
    """What is kept until then."""

    kept: Kept
    end: float


class Memory:
    """Ends of calls by key, each until its time is over: not at that moment any more (case C4)."""

    def __init__(self, most: int = MOST) -> None:
        """Remember so many bytes at most."""
        self._now = 0.0
        self._lock = Lock()  # runs may be in several threads
        self._entries: TLRUCache[bytes, _Entry] = TLRUCache(
            most, lambda key, entry, now: entry.end, lambda: self._now, lambda entry: entry.kept.size
        )

    def find(self, key: bytes, now: float) -> Kept | None:
        """What is kept under a key."""
        with self._lock:
            self._pass(now)
            entry = self._entries.get(key)
            return None if entry is None else entry.kept

    def keep(self, key: bytes, kept: Kept, *, seconds: float, now: float) -> None:
        """Keep it from now on, unless it alone would take more room than there is."""
        with self._lock:
            self._pass(now)
            if kept.size <= self._entries.maxsize:
                self._entries[key] = _Entry(kept, self._now + seconds)

    @property
    def size(self) -> int:
        """Bytes in use."""
        with self._lock:
            return int(self._entries.currsize)

    def _pass(self, now: float) -> None:
        """Time goes on. A clock that went back says nothing of what is kept: all of it is forgotten (case C4)."""
        if now < self._now - _BACK:
            self._entries.clear()
            self._now = now
        self._now = max(self._now, now)
        self._entries.expire(self._now)


class Flights(Generic[W]):
    """Equal calls under way: of each group the first one is made, and the others wait for it (case C3)."""

    def __init__(self) -> None:
        self._groups: dict[Hashable, dict[W, None]] = {}
        """In the order in which they came; the first of a group leads."""

    def join(self, group: Hashable, who: W) -> bool:
        """Whether the newcomer leads: there is no equal call under way."""
        members = self._groups.setdefault(group, {})
        members[who] = None
        return len(members) == 1

    def leave(self, group: Hashable, who: W) -> W | None:
        """Somebody goes without an end that others could use; who leads now, when that was the leader."""
        members = self._groups.get(group, {})
        leader = next(iter(members), None)
        members.pop(who, None)
        if not members:
            self._groups.pop(group, None)
            return None
        return next(iter(members)) if who == leader else None

    def land(self, group: Hashable, who: W) -> tuple[W, ...]:
        """The leader's call ended: those that waited for it. Nobody where another one leads by now."""
        members = self._groups.get(group, {})
        if next(iter(members), None) != who:
            return ()
        del self._groups[group]
        return tuple(members)[1:]

    def __len__(self) -> int:
        return len(self._groups)
