"""Several files in one `leadflow check`: what one of them declares for another is in use."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from leadflow.cli.main import cli

LIBRARY = "leadflow 1\n\nconst STEP = 1\n\nflow f(x: int, y: int) -> int {\n  return x\n}\n"
MAIN = "leadflow 1\n\nuse tools (STEP)\n\nflow main(x: int) -> int {\n  return x + STEP\n}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library and a file that uses a part of it."""
    (tmp_path / "tools.flow").write_text(LIBRARY, "utf-8")
    (tmp_path / "main.flow").write_text(MAIN, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(*files: str) -> list[str]:
    """The findings, one line each."""
    return CliRunner().invoke(cli, ["check", *files, "--format", "concise"]).stdout.splitlines()


def test_declarations_for_others_are_used(project: Path) -> None:
    """Only what no other file could use is called unused: a parameter."""
    assert ["tools.flow:5:16: warning FLOW502 parameter 'y' is never used"] == said(".")


def test_a_library_alone_is_told_what_it_does_not_use(project: Path) -> None:
    """Nobody else was looked at."""
    assert "constant 'STEP' is never used" in said("tools.flow")[0]


def test_a_folder_is_checked_with_all_projects_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file belongs to the nearest root above it; hidden folders and folders that are called like flows do not
    count, and a link that leads out of its project is said to do so."""
    for project, value in (("one", "1"), ("two", '"a"')):
        (tmp_path / project / "parts").mkdir(parents=True)
        (tmp_path / project / "leadflow.toml").touch()
        (tmp_path / project / "main.flow").write_text("leadflow 1\nuse parts.lib (x)\nconst y = x + 1\n", "utf-8")
        (tmp_path / project / "parts" / "lib.flow").write_text(f"leadflow 1\nconst x = {value}\n", "utf-8")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.flow").write_text("broken", "utf-8")
    (tmp_path / "folder.flow").mkdir()
    (tmp_path / "two" / "out.flow").symlink_to(tmp_path / "one" / "main.flow")
    monkeypatch.chdir(tmp_path)
    assert [
        "two/main.flow:3:11: error FLOW305 '+' does not work on string and int; "
        'put texts together with "${…}", or with join',
        "two/out.flow:1:1: error FLOW222 'out.flow' cannot be read: its place is outside of the project",
    ] == said(".")
