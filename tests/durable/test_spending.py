"""A cut of the budgets over crashes, and that it would find what it looks for."""

from pathlib import Path

import pytest

from leadflow.run.taken_up import Past
from tests.durable.spending import try_scenario


def found(folder: Path, scenarios: int) -> dict[int, list[str]]:
    """What is wrong with so many scenarios."""
    wrong = {}
    for seed in range(scenarios):
        each = folder / str(seed)
        each.mkdir()
        if problems := try_scenario(seed, each)[1]:
            wrong[seed] = problems
    return wrong


def test_nothing_is_spent_beyond_a_budget(tmp_path: Path) -> None:
    """Cases $1, $8: killed with calls under way, a run knows what they may have taken, and counts it once."""
    assert {} == found(tmp_path, 6)


def test_what_is_forgotten_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If what was set aside when a process ended counted for nothing, the trial would say so."""
    monkeypatch.setattr(Past, "unsettled", lambda past: [])
    assert found(tmp_path, 8)
