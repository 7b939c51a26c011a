"""`leadflow runs undo`: what a run could not take back is taken back later, each call once."""

import json
from pathlib import Path

import pytest

from tests.cli.session import leadflow

FLOW = """leadflow 1
tool file(x: string) -> { id: string } = python("work:file")
tool drop(x: string) = python("work:drop")
tool give_up(x: string) = python("work:give_up")

flow shred(id: string) -> string {
  step gone = drop("shred ${id}") undo none
  return id
}
flow main(ticket: string) -> string {
  step one = file("1-${ticket}") undo drop(one.id)
  step two = file("2-${ticket}") undo shred(two.id)
  step three = file("3-${ticket}") undo drop(three.id)
  step four = give_up(three.id) undo none
  return ticket
}
"""
WORK = '''"""Effects that stand in a file; nothing can be dropped while a file is there."""
from pathlib import Path

HERE = Path(__file__).parent


def _done(name):
    with (HERE / "effects").open("a") as file:
        file.write(name + "\\n")


def file(x):
    _done("file " + x)
    return {"id": x}


def drop(x):
    if (HERE / "broken").exists() and x.startswith(tuple((HERE / "broken").read_text().split(","))):
        raise ValueError("no drop today")
    _done("drop " + x)


def give_up(x):
    raise ValueError("never")
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose flow fails behind three writes."""
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def effects(project: Path) -> list[str]:
    """What was done since the last look."""
    found = (project / "effects").read_text().splitlines() if (project / "effects").exists() else []
    (project / "effects").unlink(missing_ok=True)
    return found


def failed(project: Path, broken: str) -> str:
    """The id of a run that failed, and could not drop what begins so."""
    (project / "broken").write_text(broken)
    said = leadflow("run", "main.flow", "-i", "ticket=T", "-q", folder=project)
    assert 1 == said.code, said.stderr
    return listed(project)[0]["run"]


def listed(project: Path) -> list[dict[str, str]]:
    """The runs, the newest first."""
    rows: list[dict[str, str]] = json.loads(leadflow("runs", "--json", folder=project).stdout)
    return rows


def test_what_was_not_undone_is_undone_later(project: Path) -> None:
    """Cases S2, S4: only the calls that failed are made again, in their order, with their own arguments; a flow that
    takes back, too. Then nothing is left, and the first run is as it was."""
    first = failed(project, "1,shred")
    assert ["file 1-T", "file 2-T", "file 3-T", "drop 3-T"] == effects(project)
    (project / "broken").unlink()
    said = leadflow("runs", "undo", first[:8], "-q", folder=project)
    assert 0 == said.code, said.stderr
    assert ["drop shred 2-T", "drop 1-T"] == effects(project)
    assert ["takes back main/two", "takes back main/one"] == [line[41:] for line in said.stderr.splitlines()]
    assert ["done", "done", "failed"] == [row["status"] for row in listed(project)]
    again = leadflow("runs", "undo", first, folder=project)
    assert (2, f"error: nothing of run {first} is left to take back\n") == (again.code, again.stderr)
    assert [] == effects(project)


def test_an_undo_that_fails_again_can_be_made_again(project: Path) -> None:
    """What fails once more is told, does not keep the others from being taken back, and is made anew the next time."""
    first = failed(project, "1,shred")
    effects(project)
    (project / "broken").write_text("shred")
    said = leadflow("runs", "undo", first, "-q", folder=project)
    assert (1, ["drop 1-T"]) == (said.code, effects(project))
    assert "no drop today" in said.stderr
    (project / "broken").unlink()
    assert 0 == leadflow("runs", "undo", first, "-q", folder=project).code
    assert ["drop shred 2-T"] == effects(project)


def test_nothing_is_taken_back_of_a_run_that_took_all_back(project: Path) -> None:
    """Nor of one that is not known."""
    first = failed(project, "nothing")
    said = leadflow("runs", "undo", first, folder=project)
    assert (2, f"error: nothing of run {first} is left to take back\n") == (said.code, said.stderr)
    assert 2 == leadflow("runs", "undo", "nobody", folder=project).code
