"""What `leadflow fmt` does to a file besides its text: nothing."""

import os
import stat
from pathlib import Path

import pytest

from tests.cli.session import leadflow

UGLY = "leadflow 1\nflow main()->int{return 1}\n"
NICE = "leadflow 1\n\nflow main() -> int {\n  return 1\n}\n"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o200 | 0o440])
def test_the_mode_stays(tmp_path: Path, mode: int) -> None:
    """Who may read, write and run a file is not ours to decide."""
    file = tmp_path / "a.flow"
    file.write_text(UGLY)
    file.chmod(mode)
    assert 0 == leadflow("fmt", "a.flow", folder=tmp_path).code
    assert (NICE, mode) == (file.read_text(), stat.S_IMODE(file.stat().st_mode))


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is formatted."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "real.flow").write_text(UGLY)
    (tmp_path / "link.flow").symlink_to("far/real.flow")
    assert 0 == leadflow("fmt", "link.flow", folder=tmp_path).code
    assert "far/real.flow" == os.readlink(tmp_path / "link.flow")
    assert NICE == (tmp_path / "far" / "real.flow").read_text()


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    """Neither when it is written nor when it is not."""
    (tmp_path / "a.flow").write_text(UGLY)
    (tmp_path / "locked.flow").write_text(UGLY)
    (tmp_path / "locked.flow").chmod(0o444)
    assert 2 == leadflow("fmt", ".", folder=tmp_path).code
    assert ["a.flow", "locked.flow"] == sorted(os.listdir(tmp_path))
    assert (NICE, UGLY) == ((tmp_path / "a.flow").read_text(), (tmp_path / "locked.flow").read_text())


def test_what_is_formatted_is_not_written(tmp_path: Path) -> None:
    """So that no editor and no build system believes that it has changed."""
    file = tmp_path / "a.flow"
    file.write_text(NICE)
    os.utime(file, (1, 1))
    assert 0 == leadflow("fmt", "a.flow", folder=tmp_path).code
    assert 1 == file.stat().st_mtime


@pytest.mark.parametrize("options", [("--check",), ("--diff",), ("--check", "--diff")])
def test_looking_changes_nothing(tmp_path: Path, options: tuple[str, ...]) -> None:
    """And says by the exit code that something would change."""
    (tmp_path / "a.flow").write_text(UGLY)
    assert 1 == leadflow("fmt", *options, "a.flow", folder=tmp_path).code
    assert UGLY == (tmp_path / "a.flow").read_text()
