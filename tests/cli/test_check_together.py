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
