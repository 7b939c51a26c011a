"""The example of an approval: a run that is paused, and goes on from answer to answer, each in a process of its own."""

import json
import shutil
from pathlib import Path

from tests.examples.running import EXAMPLES, Ran, expected, leadflow

ANSWERS = (
    ("answer", "main/all[0]/center", "travel"),
    ("answer", "main/all[1]/center", "tools"),
    ("answer", "main/all[2]/center", "other"),
    ("approve", "main/all[2]/ok", "--no", "--note", "no games"),
    ("approve", "main/all[1]/ok", "--yes"),
)


def test_approval(tmp_path: Path) -> None:
    """Each command says what is still asked, until the last answer gives the result."""
    folder = shutil.copytree(EXAMPLES / "13_approval", tmp_path / "approval")
    ran = leadflow("run", str(folder / "main.flow"), "-q", "--input-file", str(folder / "claims.json"))
    asked = [ran]
    (run,) = json.loads(leadflow("runs", "--json", "--in", str(folder)).stdout)
    for command, *words in ANSWERS:
        assert (3, "") == (asked[-1].code, asked[-1].stdout), asked[-1].stderr
        asked.append(leadflow(command, run["run"], *words, "-q", "--in", str(folder)))
    assert [5, 4, 3, 2, 1] == [questions(one) for one in asked[:-1]]
    assert (0, expected("13_approval")) == (asked[-1].code, asked[-1].result)


def questions(ran: Ran) -> int:
    """How many questions a paused run told."""
    return sum(" asks " in line for line in ran.stderr.splitlines())
