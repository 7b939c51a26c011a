"""The port of stores: where runs are kept when they outlive their process, and who may go on with one.

A store keeps the events of many runs, each behind the `Journal` port. Whoever works on a run claims it; a claim has an
epoch, and what comes from an older epoch is refused (cases D12 to D14). Adapters stand in `stores/`.
"""

from collections.abc import Sequence
from typing import Protocol

from leadflow.events.model import CancelRequested, Entry, Event, QuestionAnswered, Status
from leadflow.plan.types import Value
from leadflow.record import record
from leadflow.run.ports import Claim


class JournalProblem(OSError):
    """A journal that cannot be used: its text says which, why, and what to do."""


class NoSuchRun(KeyError):
    """No run has this id, or too many begin with it; the text is one line."""

    def __str__(self) -> str:
        return str(self.args[0])


class Fenced(JournalProblem):
    """Another worker has claimed the run: what this one wanted to keep is refused (cases D12, D14)."""


class Corrupt(JournalProblem):
    """A row is not what was written (case D11)."""


@record
class NewRun:
    """What is known of a run when it begins."""

    id: str
    flow: str
    plan: str
    """Content hash of its plan."""
    source: str
    """The file it was started from, for people and for a resume."""
    digest: str
    """Of its inputs: equal runs have equal digests."""
    setting: str
    """JSON of what else the kernel was given: its bounds, the profile."""
    started: float
    """Wall-clock seconds since the epoch."""


@record
class RunRow(NewRun):
    """A run in the list of runs."""

    status: Status
    changed: float
    """When its last event was kept."""
    epoch: int
    owner: str | None
    """Who claims it; None when nobody does."""
    is_held: bool
    """Whether the claim holds: its lease has not ended."""
    claims: int
    """How often it was claimed."""
    crashes: int = 0
    """How many claims in a row ended without being given back: a run that kills its workers is seen by that (D15)."""
    under: str | None = None
    """The hash of the plan that it was moved to; None: it is run under that which it began with."""
    is_whole: bool = True
    """False when this row is not what was written: then nothing of it is known but its id (case D11)."""


@record
class Wanted:
    """Which runs a list has; what is None or empty is not asked for."""

    flow: str | None = None
    status: Status | None = None
    since: float | None = None
    """Started then or later, in seconds since the epoch."""
    until: float | None = None
    inputs: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    """By parameter, one of these. A name is one that a parameter can have."""
    run: str = ""
    """How the id begins."""
    origin: str = ""
    """The id of the run that it was made from."""
    again: str = ""
    """The step of that run which it does again, or takes back."""
    is_open: bool = False
    """Only such as have not ended."""


@record
class Recent:
    """An event of a run, for those who ask what runs did lately."""

    run: str
    plan: str
    """The hash of the plan that the run is under."""
    entry: Entry


class HeldJournal(Protocol):
    """The `Journal` of a run that this worker holds."""

    @property
    def run(self) -> str:
        """The run's id."""
        ...

    @property
    def epoch(self) -> int:
        """Of the claim."""
        ...

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events in order; returns when they are committed.

        Raises:
            Fenced: another worker has claimed the run. JournalProblem: not known whether they are kept (case D9).
        """
        ...

    async def load(self) -> Sequence[Entry]:
        """All entries so far.

        Raises:
            Corrupt: a row is not what was written.
        """
        ...

    async def wishes(self) -> Sequence[CancelRequested]:
        """All that was asked of the run so far, in order."""
        ...


class Store(Protocol):
    """Runs, and who works on them."""

    async def create(self, run: NewRun, plan: str) -> HeldJournal:
        """A new run, claimed by this worker, and the text of its plan: whoever forgets another run of that plan in this
        moment forgets the plan before both are there, or not at all."""
        ...

    async def keep_plan(self, hash_: str, text: str) -> None:
        """Keep the text of a plan for as long as runs may need it; one that is there already stays."""
        ...

    async def claim(self, run: str) -> HeldJournal | None:
        """The journal of a run that nobody holds; None while somebody else holds it.

        Raises:
            NoSuchRun: there is none.
        """
        ...

    async def renew(self, run: str, epoch: int) -> bool:
        """Hold a claimed run longer; False when it is not this worker's any more."""
        ...

    async def release(self, run: str, epoch: int, *, went_well: bool = True) -> None:
        """Give a claimed run back before its lease ends.

        Args:
            went_well: the run was worked on: crashes are counted anew. Else their number stays.
        """
        ...

    async def runs(self, wanted: Wanted | None = None) -> Sequence[RunRow]:
        """The runs that are wanted, else all, the newest first."""
        ...

    async def wish(self, run: str, wish: CancelRequested) -> None:
        """Ask whoever works on a run, now or later, to stop."""
        ...

    async def wishes(self, run: str) -> Sequence[CancelRequested]:
        """All that was asked of a run so far, in order."""
        ...

    async def remove(self, run: str) -> bool:
        """Forget a run that nobody holds, with its events; False while somebody does.

        Raises:
            NoSuchRun: there is none.
        """
        ...

    async def recent(self, source: str, since: float, kinds: Sequence[str]) -> Sequence[Recent]:
        """Events of these classes since then, of all runs that were started from a file, as they happened."""
        ...

    async def expire(self, before: float | None, most: int | None) -> int:
        """Forget runs that ended before a time, and all but so many of those that ended last; how many were forgotten.

        Args:
            before: in seconds since the epoch; None: any age will do.
            most: None: any number will do.
        """
        ...

    async def answer(self, run: str, answer: QuestionAnswered) -> QuestionAnswered | None:
        """Keep what a person has answered, for whoever works on the run now or later; whoever answers need not hold it.

        Returns: None; or the answer that the same question has already, when it stays.

        Raises:
            NoSuchRun: there is none.
        """
        ...

    async def answers(self, run: str) -> Sequence[QuestionAnswered]:
        """All answers to questions of a run."""
        ...

    async def take_key(self, key: str, claim: Claim, instead: Claim | None) -> Claim:
        """Give a key of `@once` to a call, when nobody has it, or a call has it that gave it up; committed when it
        returns.

        Args:
            instead: who gave it up; None: nobody has.

        Returns: who has it now.
        """
        ...

    async def plan(self, hash_: str) -> str | None:
        """The text of a plan by its content hash."""
        ...

    async def load(self, run: str) -> Sequence[Entry]:
        """All entries of a run.

        Raises:
            NoSuchRun: there is none. Corrupt: a row is not what was written.
        """
        ...

    async def tail(self, run: str, after: int) -> Sequence[Entry]:
        """The entries of a run from that number on, for whoever watches it.

        Raises:
            NoSuchRun: there is none. Corrupt: a row is no event.
        """
        ...

    async def aclose(self) -> None:
        """Give back what it holds."""
        ...
