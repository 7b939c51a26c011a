"""From files on the command line to tests that were made: what `leadflow test` does, without the showing."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from leadflow.agents.registry import Registry
from leadflow.check.together import Said
from leadflow.cli.files import flow_files, read_bytes
from leadflow.cli.inputs import find_project
from leadflow.cli.names import Names
from leadflow.cli.programs import check_flow
from leadflow.cli.refused import Refused
from leadflow.events.model import Entry
from leadflow.files import SETTINGS
from leadflow.graph.trials import trials_of
from leadflow.pipeline import plan_of
from leadflow.plan.trial import Trial
from leadflow.record import record
from leadflow.testing.coverage import Coverage
from leadflow.testing.outcome import Outcome
from leadflow.testing.trials import Subject, Ways, run_trial

_TEST = re.compile(rb"\btest\s*\"")
"""What every file with a test has in it, and few others."""


@record
class Tried:
    """A file whose tests were looked for."""

    file: str
    said: Said
    """What the checker says of it; with errors no test was made."""
    subject: Subject | None
    outcomes: tuple[Outcome, ...]
    sources: tuple[str, ...]
    """Names of all files that its program is made of, as seen from here."""

    @property
    def is_broken(self) -> bool:
        """It has errors."""
        return self.said.has_errors

    @property
    def has_passed(self) -> bool:
        """No errors, and no test failed."""
        return not self.is_broken and all(outcome.has_passed for outcome in self.outcomes)

    @property
    def names(self) -> Names:
        """What its files are called from here."""
        return Names(Path() if self.subject is None else self.subject.project.root)


@record
class Wanted:
    """Which tests are made, and how."""

    paths: tuple[str, ...]
    words: tuple[str, ...]
    """Tests whose name has one of these in it; none: all."""
    ways: Ways

    def wants(self, trial: Trial) -> bool:
        """Whether a test is one of them."""
        name = trial.name.casefold()
        return not self.words or any(word.casefold() in name for word in self.words)


def found_files(paths: Sequence[str]) -> list[str]:
    """The files that may have tests: those that are named, and of folders those in which one may be.

    Raises:
        Refused: a name leads nowhere.
    """
    named = {path for path in paths if not Path(path).is_dir()}
    return [file for file in flow_files(paths) if file in named or _TEST.search(read_bytes(file))]


def seen_files(wanted: Wanted, made: Sequence[Tried]) -> list[str]:
    """All files that the outcome depends on: those that may have tests, and those that they were made from."""
    try:
        found = flow_files(wanted.paths)
    except Refused:
        found = []  # it may come back
    used = (file for one in made for file in one.sources)
    return list(dict.fromkeys([*found, *used, *(str(Path(file).parent / SETTINGS) for file in found)]))


def tried(wanted: Wanted, registry: Registry, show: Callable[[Tried], None]) -> tuple[list[Tried], Coverage]:
    """Make the tests of all files, one after the other; each file is shown when it is done."""
    made: list[Tried] = []
    coverage = Coverage()
    for file in found_files(wanted.paths):
        one = _try(file, wanted, registry)
        if one is None:
            continue
        made.append(one)
        show(one)
        if one.subject is not None:
            coverage.add(one.subject.plan, _logs(one.outcomes), one.names)
    return made, coverage


def _try(file: str, wanted: Wanted, registry: Registry) -> Tried | None:
    """One file; None when it has no test that is wanted."""
    checking = check_flow(file, catalogue=registry.catalogue)
    sources = tuple(checking.data)
    if checking.checked is None or checking.said.has_errors:
        return Tried(file, checking.said, None, (), sources)
    trials = [trial for trial in trials_of(checking.checked) if wanted.wants(trial)]
    if not trials:
        return None
    subject = Subject(plan_of(checking.checked), find_project(file), registry, Path(file).parent, {}, [])
    outcomes = tuple(run_trial(trial, subject, wanted.ways) for trial in trials)
    return Tried(file, checking.said, subject, outcomes, (*sources, *subject.recordings))


def _logs(outcomes: Sequence[Outcome]) -> Iterator[Sequence[Entry]]:
    for outcome in outcomes:
        for sample in outcome.samples:
            yield from (run.entries for run in sample.runs)


def no_tests(wanted: Wanted) -> Refused:
    """What to say when there was nothing to do."""
    where = "here" if wanted.paths == (".",) else f"in {', '.join(wanted.paths)}"
    if wanted.words:
        return Refused(f"no test {where} has {' or '.join(map(repr, wanted.words))} in its name")
    return Refused(f'there are no tests {where}; a test is written into a flow: test "…" {{ mock … run … expect … }}')
