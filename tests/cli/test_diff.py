"""`leadflow diff` with plans in files: written by `leadflow plan --format plan`, read back, or refused."""

import shutil
from pathlib import Path

import pytest

from tests.cli.session import Said, leadflow

VERSIONS = Path(__file__).resolve().parent / "project" / "versions"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two versions of a program, and the plan of the older one."""
    shutil.copytree(VERSIONS, tmp_path / "versions")
    inside = tmp_path / "versions"
    (inside / "old.plan").write_text(leadflow("plan", "old.flow", "--format", "plan", folder=inside).stdout)
    return inside


def diff(folder: Path, *words: str, stdin: bytes = b"") -> Said:
    """`leadflow diff WORDS`."""
    return leadflow("diff", *words, folder=folder, stdin=stdin)


def test_a_plan_is_the_flow_that_it_was_made_of(folder: Path) -> None:
    """A plan in a file and its flow have no difference, whatever the layout of the flow."""
    for flow in ("old.flow", "laid_out.flow"):
        said = diff(folder, "old.plan", flow)
        assert (0, True) == (said.code, "no difference in meaning" in said.stdout)


def test_a_plan_can_be_compared_when_its_flow_is_gone(folder: Path) -> None:
    """What was deployed is kept as a plan, and tells the same as its flow, also on standard input."""
    from_flow = diff(folder, "old.flow", "new.flow").stdout.splitlines()[1:]
    (folder / "old.flow").unlink()
    assert from_flow == diff(folder, "old.plan", "new.flow").stdout.splitlines()[1:]
    assert from_flow == diff(folder, "-", "new.flow", stdin=(folder / "old.plan").read_bytes()).stdout.splitlines()[1:]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"edition":1', '"edition":7', "old.plan: this plan was changed after it was written"),
        ('"version":1', '"version":99', "old.plan: this is no plan of version 1"),
        ('"flows":', '"flaws":', "old.plan: Plan has no such field"),
        ("{", "[", "old.plan: this is no JSON"),
    ],
)
def test_what_is_no_plan_is_refused(folder: Path, old: str, new: str, said: str) -> None:
    """One line says why; exit code 2, because 1 means that there are differences."""
    file = folder / "old.plan"
    file.write_text(file.read_text().replace(old, new))
    found = diff(folder, "old.plan", "new.flow")
    assert (2, "") == (found.code, found.stdout)
    assert said in found.stderr


def test_a_profile_counts(folder: Path) -> None:
    """Both sides are compiled under it; a plan is what it is."""
    for name in ("old", "new"):
        file = folder / f"{name}.flow"
        file.write_text(file.read_text() + "\nprofile calm { const most = 50 }\n")
    assert "{+120+}" in diff(folder, "old.flow", "new.flow").stdout
    assert "{+120+}" not in diff(folder, "old.flow", "new.flow", "--profile", "calm").stdout
    assert "[-200-] {+50+}" in diff(folder, "old.plan", "old.flow", "--profile", "calm").stdout
