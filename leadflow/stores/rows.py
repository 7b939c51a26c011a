"""What a journal keeps of a run, as rows: how events become rows and rows become events again.

Each row carries the hash of itself and of the row before it, so that a row that changed, or is missing, is found when
it is read (case D11). Pure: any store can keep such rows.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from leadflow.events.codec import NotAnEvent, event_text, read_event
from leadflow.events.model import (
    Entry,
    Event,
    RunCancelled,
    RunDone,
    RunFailed,
    RunMoved,
    RunPaused,
    RunResumed,
    RunStarted,
    Status,
)
from leadflow.record import record
from leadflow.run.store import Corrupt, NewRun

LARGE = 65_536
"""Characters of an event from which on it is kept once, whoever refers to it."""


class Row(NamedTuple):
    """An event as it is kept."""

    seq: int
    at: float
    text: str | None
    """The event; None when it is large."""
    large: str | None
    """The name of its text among the large ones."""
    hash: bytes


@record
class Rows:
    """What one append wants to keep."""

    run: str
    epoch: int
    status: Status | None
    """Where the run stands then; None: as before."""
    rows: Sequence[Row]
    large: Sequence[tuple[str, str]]
    """Names and texts."""
    under: str | None = None
    """The hash of the plan that the run is under then; None: as before."""
    number: int = 0
    """Of the run in its file, where it has one."""


STATUS: Mapping[type, Status] = {
    RunStarted: Status.RUNNING,
    RunResumed: Status.RUNNING,
    RunDone: Status.DONE,
    RunFailed: Status.FAILED,
    RunCancelled: Status.CANCELLED,
}
"""Events that change where a run stands."""

_OF_THE_RUN = frozenset({*STATUS, RunPaused, RunMoved})
"""All that may change what is kept of a run beside its events."""


class Chain:
    """The end of a run's rows: what the next one follows."""

    __slots__ = ("_hash", "_number", "_seq")

    def __init__(self, tail: bytes, events: int = 0, number: int = 0) -> None:
        """Behind so many events, the last of which has this hash; behind none, what `seed_of` says.

        Args:
            number: of the run in its file, where it has one.
        """
        self._seq = events
        self._hash = tail
        self._number = number

    def rows(self, events: Sequence[Event], at: float, run: str, epoch: int) -> tuple[Rows, Sequence[Entry]]:
        """The rows of further events, and their entries; nothing is taken as kept before `extend`."""
        rows: list[Row] = []
        entries: list[Entry] = []
        large: list[tuple[str, str]] = []
        hash_, status, under = self._hash, None, None
        when, new = repr(at), tuple.__new__
        for seq, event in enumerate(events, self._seq):
            text = event_text(event)
            hash_ = _chained(hash_, seq, when, text)
            # An entry and a row are their tuples: this is what `Entry(...)` and `Row(...)` do, at half the price.
            entries.append(new(Entry, (seq, at, event)))
            if len(text) < LARGE:
                rows.append(new(Row, (seq, at, text, None, hash_)))
            else:
                name = blake2b(text.encode("ascii"), digest_size=16).hexdigest()
                large.append((name, text))
                rows.append(Row(seq, at, None, name, hash_))
            if type(event) in _OF_THE_RUN:
                status = Status.WAITING if _waits(event) else STATUS.get(type(event), status)
                under = event.plan if isinstance(event, RunMoved) else under
        return Rows(run, epoch, status, rows, large, under, self._number), entries

    @property
    def tail(self) -> bytes:
        """The hash of the last row."""
        return self._hash

    def extend(self, rows: Rows) -> None:
        """These rows are kept."""
        if rows.rows:
            self._seq, self._hash = rows.rows[-1].seq + 1, rows.rows[-1].hash


def _waits(event: Event) -> bool:
    """Whether a run waits for people from then on."""
    return isinstance(event, RunPaused) and bool(event.paths)


def seed_of(*told: str) -> bytes:
    """What the first row of a run follows: all that is kept of the run beside its events."""
    return blake2b("\0".join(told).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _chained(before: bytes, seq: int, when: str, text: str) -> bytes:
    """The hash of a row; `when` is its time as Python writes it."""
    return blake2b(f"{seq} {when} {text}".encode(), digest_size=16, key=before).digest()


def checked(
    run: str, rows: Sequence[tuple[int, float, str | None, bytes]], *, seed: bytes, events: int, tail: bytes
) -> Sequence[Entry]:
    """The entries in rows `(seq, at, text, hash)`, which have to be what was written (case D11).

    Args:
        seed: what the first one follows.
        events: how many there are. A file may lose the last ones and be whole to whoever reads it.
        tail: the hash of the last one.

    Raises:
        Corrupt: one is not; the text says which.
    """
    entries: list[Entry] = []
    before = seed
    for number, (seq, at, text, hash_) in enumerate(rows):
        where = f"run {run}: row {number} of the journal"
        if seq != number or not isinstance(text, str):
            raise Corrupt(f"{where} is missing; nothing of this run is used")
        before = _chained(before, seq, repr(at), text) if text.isascii() else b""
        if before != hash_:
            raise Corrupt(f"{where} is not what was written; nothing of this run is used")
        entries.append(_entry(where, seq, at, text))
    if events != len(entries) or tail != before:
        raise Corrupt(f"run {run}: row {len(entries)} of the journal is missing; nothing of this run is used")
    return entries


def as_entries(run: str, rows: Sequence[tuple[int, float, str | None, bytes]]) -> Sequence[Entry]:
    """The entries in rows `(seq, at, text, hash)` as they stand there, for whoever shows them.

    Raises:
        Corrupt: one is no event.
    """
    return [_entry(f"run {run}: row {seq} of the journal", seq, at, text or "") for seq, at, text, _ in rows]


def _entry(where: str, seq: int, at: float, text: str) -> Entry:
    try:
        return Entry(seq, at, read_event(text))
    except NotAnEvent as problem:
        raise Corrupt(f"{where}: {problem}") from None


def tail_of(run: NewRun, entries: Sequence[Entry]) -> bytes:
    """The hash of the last row that these entries of a run make."""
    chain = Chain(seed_of(run.id, run.flow, run.plan, run.source, run.digest, run.setting))
    for entry in entries:
        rows, _ = chain.rows([entry.event], entry.at, run.id, 0)
        chain.extend(rows)
    return chain.tail
