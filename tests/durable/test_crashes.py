"""A cut of the crash trials, and that they would find what they look for."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from leadflow.events.model import DoubtSettled
from leadflow.run.kernel import Call
from leadflow.run.taken_up import Past, Told
from tests.durable.crashes import ALL, Kill, Scenario, scenarios, try_scenario


def test_killed_runs_end_as_if_nobody_had_killed_them(tmp_path: Path) -> None:
    """Cases D1 to D5: over all shapes, killed before and behind commits, and again while they are taken up."""
    found = {}
    for number, scenario in enumerate(scenarios(len(ALL) * 10, seed=3)):
        folder = tmp_path / str(number)
        folder.mkdir()
        if problems := try_scenario(scenario, folder):
            found[f"{scenario.flow} {scenario.kills}"] = problems
    assert {} == found


def test_a_silent_second_write_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If writes in doubt were called again without a word, the trials would say so."""

    def careless(self: Past, call: Call, told: Mapping[str, Told]) -> DoubtSettled:
        return DoubtSettled(call.path, "retry", "why not")

    monkeypatch.setattr(Past, "settled", careless)
    problems = try_scenario(Scenario("writes", [Kill(2, "before")]), tmp_path)
    assert any("the write f/a ran 2 times" in problem for problem in problems), problems


def test_a_commit_that_is_not_kept_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the log were read short, the trials would see steps run again that were acknowledged."""

    def forgetful(self: Past, path: str) -> bool:
        return False

    monkeypatch.setattr(Past, "has_begun", forgetful)
    problems = try_scenario(Scenario("writes", [Kill(2, "before")]), tmp_path)
    assert any("ran 2 times" in problem for problem in problems), problems
