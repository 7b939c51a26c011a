"""The release gate can be started: its parts name scripts that are there, and a wrong name is told."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "run"


def test_its_parts_are_there() -> None:
    """Every module that a part starts exists, and every part is listed."""
    text = SCRIPT.read_text("utf-8")
    modules = re.findall(r"-m (tests\.\S+)", text)
    parts = re.findall(r"^part (\w+) ", text, re.MULTILINE)
    assert modules
    assert [] == [name for name in modules if find_spec(name) is None]
    assert [f"parts=({' '.join(parts)})"] == re.findall(r"^parts=\(.*\)$", text, re.MULTILINE)


def test_an_unknown_part_is_told() -> None:
    """It ends with 2 and says which parts there are."""
    done = subprocess.run([SCRIPT, "nothing"], capture_output=True, text=True, check=False, timeout=20)
    assert 2 == done.returncode
    assert "there is no part 'nothing'; there are sources" in done.stderr


@pytest.mark.parametrize("wrong", [["--share"], ["--share", "0"], ["--share", "all"], ["--shares", "2"]])
def test_a_wrong_option_is_told(wrong: list[str]) -> None:
    """It ends with 2, and nothing is run."""
    done = subprocess.run([str(SCRIPT), *wrong], capture_output=True, text=True, check=False, timeout=20)
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("tests/gate/run: ")


def test_a_share_is_tried_and_told(tmp_path: Path) -> None:
    """A thousandth part of one part: its count, its end in the table, its output where that was wanted."""
    environment = {**os.environ, "PYTHON": sys.executable, "LOGS": str(tmp_path)}
    command = [str(SCRIPT), "--share", "1000", "cuts"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert 0 == done.returncode, done.stdout
    assert '"cuts": 5, "flips": 5' in (tmp_path / "cuts.log").read_text("utf-8")
    assert re.search(r"^cuts +passed +\d+ +\d+$", done.stdout, re.MULTILINE)
    assert "\n1 passed, 0 failed, " in done.stdout


def test_a_part_that_fails_fails_the_gate(tmp_path: Path) -> None:
    """The others run all the same, and it ends with 1."""
    environment = {**os.environ, "PYTHON": "/bin/false", "LOGS": str(tmp_path)}
    done = subprocess.run(
        [SCRIPT, "cuts", "claims"], capture_output=True, text=True, check=False, timeout=20, env=environment
    )
    assert 1 == done.returncode
    assert "\n0 passed, 2 failed, " in done.stdout
