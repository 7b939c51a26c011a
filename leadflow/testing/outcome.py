"""What came of a test. Data only, for those who show it."""

from collections.abc import Sequence
from typing import TypeAlias

from leadflow.events.model import Entry
from leadflow.plan.plan import Place
from leadflow.plan.trial import Expect, Trial
from leadflow.plan.types import Value
from leadflow.record import record
from leadflow.run.driver import Result
from leadflow.testing.stand_ins import Trouble


@record
class Made:
    """A run of a test."""

    name: str
    written: str
    flow: str
    result: Result
    took: float
    """Seconds, of virtual time where time is virtual."""

    @property
    def entries(self) -> Sequence[Entry]:
        """Its log."""
        return self.result.entries


@record
class PartSeen:
    """A part of a condition, and what it was."""

    written: str
    value: Value


@record
class Unmet:
    """An expectation that does not hold."""

    expect: Expect
    parts: tuple[PartSeen, ...]
    apart: tuple[str, ...]
    """Where two large values differ, a line each."""


@record
class NoValue:
    """An expression of the test that has no value."""

    place: Place
    written: str
    message: str


@record
class NotStarted:
    """A run that could not start, or a file that cannot be read."""

    place: Place
    problems: tuple[str, ...]


@record
class Stuck:
    """A run that waits for something that never comes."""

    place: Place
    message: str


Problem: TypeAlias = Unmet | NoValue | NotStarted | Stuck | Trouble


@record
class Note:
    """Something to know of a test, whether it passed or not."""

    place: Place
    text: str


@record
class Sample:
    """A test, made once."""

    problems: tuple[Problem, ...]
    runs: tuple[Made, ...]
    notes: tuple[Note, ...]

    @property
    def has_passed(self) -> bool:
        """All is as expected."""
        return not self.problems


@record
class Outcome:
    """A test, made as often as it asks for."""

    trial: Trial
    samples: tuple[Sample, ...]
    seconds: float
    """How long that took, in real time."""

    @property
    def passed(self) -> int:
        """How many of its samples passed."""
        return sum(sample.has_passed for sample in self.samples)

    @property
    def needed(self) -> int:
        """How many had to."""
        return 1 if self.trial.sampling is None else self.trial.sampling.needed

    @property
    def has_passed(self) -> bool:
        """Enough of them did."""
        return self.passed >= self.needed

    @property
    def shown(self) -> Sample:
        """The sample that tells most: the first that failed, where the test did."""
        failed = (sample for sample in self.samples if not sample.has_passed)
        return next(failed, self.samples[0]) if not self.has_passed else self.samples[0]
