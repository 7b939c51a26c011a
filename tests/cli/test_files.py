"""The files that a folder on the command line stands for."""

import os
import subprocess
import sys
from pathlib import Path

from leadflow.cli.files import flow_files

FLOW = "leadflow 1\n\nflow main() -> int {\n  return 1\n}\n"


def test_a_folder_stands_for_all_flows_below_it_but_hidden_ones(tmp_path: Path) -> None:
    """Environments and checkouts keep theirs to themselves; a folder is no flow, whatever its name."""
    for name in ("b.flow", "a/c.flow", "a/d/e.flow", ".venv/f.flow", "a/.g.flow", "text.md", "h.flow/i.flow"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(FLOW)
    found = [str(Path(file).relative_to(tmp_path)) for file in flow_files([str(tmp_path)])]
    assert ["a/c.flow", "a/d/e.flow", "b.flow", "h.flow/i.flow"] == found


def test_a_folder_that_cannot_be_looked_into_is_not_passed_over(tmp_path: Path) -> None:
    """`check` of a folder does not say that all is well when it could not look at all of it."""
    (tmp_path / "a.flow").write_text(FLOW)
    shut = tmp_path / "shut"
    shut.mkdir()
    shut.chmod(0)
    mortal = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    try:
        said = subprocess.run(
            [*mortal, sys.executable, "-m", "leadflow", "check", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shut.chmod(0o700)
    assert (2, "", "error: shut: Permission denied\n") == (said.returncode, said.stdout, said.stderr)
