"""The release gate can be started: its parts name scripts that are there, and a wrong name is told."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

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
