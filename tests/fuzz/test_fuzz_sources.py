"""A small cut of the fuzzer, for every run of the tests."""

import json

import pytest

from tests.fuzz.fuzz_sources import SourceTally, main, run


def test_broken_sources_are_refused_well() -> None:
    """Mutated files give findings with a code and a place, in time, and never an exception."""
    tally = run("mutated", range(150))
    assert (150, []) == (tally.sources, tally.findings)


def test_random_trees_come_back() -> None:
    """Random trees survive being written and read, and their texts being formatted."""
    tally = run("generated", range(100))
    assert (100, 100, []) == (tally.sources, tally.accepted, tally.findings)


def test_a_finding_ends_with_one() -> None:
    """Anything that is wrong makes the script fail."""
    total = SourceTally(sources=2)
    total.add(SourceTally(sources=1, uncaught=1, findings=["mutated 7: ValueError()"]))
    assert (3, 1, ["mutated 7: ValueError()"]) == (total.sources, total.wrong, total.findings)


def test_the_script_prints_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Without findings it ends with 0, and says how much it tried."""
    assert 0 == main(["--mutated", "2", "--generated", "2", "--processes", "1"])
    (line,) = capsys.readouterr().out.splitlines()
    assert (4, []) == (json.loads(line)["sources"], json.loads(line)["findings"])
