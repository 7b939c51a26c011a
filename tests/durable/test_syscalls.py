"""A cut of the kills at system calls, and that they would find what they look for."""

import os
import shutil
from pathlib import Path

import pytest

from tests.durable import syscalls
from tests.durable.syscalls import Run, calm, killed_at


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nobody killed."""
    if shutil.which("strace") is None:
        missing = "strace is not installed: no process is killed at its system calls"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return calm(tmp_path_factory.mktemp("calm"))


@pytest.mark.parametrize(("call", "number"), [("pwrite64", 40), ("fdatasync", 6)])
def test_a_killed_run_is_taken_up(call: str, number: int, tmp_path: Path, undisturbed: Run) -> None:
    """Cases D1, D2: killed in the middle of a commit, and before one is synced, a run comes to the same end."""
    assert (True, []) == killed_at(call, number, tmp_path, undisturbed)


def test_lost_and_repeated_effects_are_found(tmp_path: Path, undisturbed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a step had not been done, or twice, the trial would say so."""

    def careless(run: Run, calm: Run) -> list[str]:
        file = run.folder / "effects"
        _, *others = undisturbed.effects
        file.write_text("\n".join([*others, others[-1]]))
        return []

    monkeypatch.setattr(syscalls, "_taken_up", careless)
    _, problems = killed_at("fdatasync", 6, tmp_path, undisturbed)
    assert "effects that are lost: ['b seen a']; that are there too often: ['o put n']" in problems
