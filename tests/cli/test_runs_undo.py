"""`leadflow runs undo`: what a run could not take back is taken back later, each call once."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from leadflow.agents.registry import find_kinds
from leadflow.assembly import StartProblem
from leadflow.backward import undo_again
from leadflow.cli.journals import the_project
from leadflow.keeping import opened
from leadflow.run.adapters import SystemClock
from leadflow.run.store import JournalProblem
from leadflow.settings import JOURNAL
from leadflow.stores.sqlite import SqliteJournal
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
SHARED = """leadflow 1
agent boss: human { expires: 2d }
tool file(x: string) -> { id: string } = python("work:file")
tool drop(x: string) = python("work:drop")
tool give_up(x: string) = python("work:give_up")
flow main(waits: bool) {
  @once(key: "T") step one = file("T") undo drop(one.id)
  if waits {
    step yes: bool = boss.approve("Go on with ${one.id}?")
  } else {
    step end = give_up(one.id) undo none
  }
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


def test_a_retry_does_again_what_was_taken_back_since(project: Path) -> None:
    """A step that stood when its run ended stands no more: who reads its value would go on with what is gone."""
    first = failed(project, "1")
    effects(project)
    leadflow("runs", "retry", first, "--from", "four", "-q", folder=project)
    assert ["file 2-T", "file 3-T"] == effects(project)[:2]
    assert 0 == leadflow("runs", "undo", first, "--undone", "one", folder=project).code
    leadflow("runs", "retry", first, "--from", "four", "-q", folder=project)
    assert ["file 1-T", "file 2-T", "file 3-T"] == effects(project)[:3]


def test_a_retry_does_again_what_the_run_that_did_it_took_back(project: Path) -> None:
    """So it is with the value that a step has from another run by `@once`: that run has taken its step back since."""
    (project / "main.flow").write_text(SHARED)
    assert 3 == leadflow("run", "main.flow", "-i", "waits=true", "-q", folder=project).code
    assert 1 == leadflow("run", "main.flow", "-i", "waits=false", "-q", folder=project).code
    second, first = (row["run"] for row in listed(project))
    assert ["file T"] == effects(project)
    leadflow("runs", "retry", second, "--from", "end", "-q", folder=project)
    assert [] == effects(project)
    leadflow("runs", "cancel", first, folder=project)
    assert ["drop T"] == effects(project)
    leadflow("runs", "retry", second, "--from", "end", "-q", folder=project)
    assert ["file T"] == effects(project)[:1]


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


def test_two_who_undo_at_once_make_each_call_once(project: Path) -> None:
    """Whoever comes while another one makes the runs is told so, and finds them when it looks again."""
    first = failed(project, "1,shred")
    effects(project)
    (project / "broken").unlink()
    where, registry = the_project(str(project)), find_kinds()

    async def scene() -> list[str]:
        async with opened(where, SystemClock()) as store:
            claimed = await store.claim(first)
            assert claimed is not None
            with pytest.raises(StartProblem, match="in this moment; look again"):
                await undo_again(first, where, registry)
            await store.release(first, claimed.epoch)
        found = await undo_again(first, where, registry), await undo_again(first, where, registry)
        return [made.row.id for each in found for made in each.runs]

    made = asyncio.run(scene())
    assert (2, made[:2]) == (len(set(made)), made[2:])
    assert 0 == leadflow("runs", "undo", first, "-q", folder=project).code
    assert ["drop shred 2-T", "drop 1-T"] == effects(project)


def test_an_undo_whose_run_never_began_is_made_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case D8: a process that ends, or a disk that is full, between the run and its first event keeps nobody from
    taking the step back later."""
    first = failed(project, "1")
    effects(project)
    (project / "broken").unlink()

    async def full(*_: object) -> None:
        raise JournalProblem("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(SqliteJournal, "append", full)
        with pytest.raises(JournalProblem, match="no space left"):
            asyncio.run(undo_again(first, the_project(str(project)), find_kinds()))
    assert ["interrupted", "failed"] == [row["status"] for row in listed(project)]
    said = leadflow("runs", "undo", first, "-q", folder=project)
    assert (0, ["drop 1-T"]) == (said.code, effects(project)), said.stderr


def test_a_broken_row_keeps_no_other_run_from_being_undone(project: Path) -> None:
    """Case D11: what another run was given cannot be read."""
    other, first = failed(project, "nothing"), failed(project, "1")
    effects(project)
    (project / "broken").unlink()
    with closing(sqlite3.connect(project / JOURNAL)) as file, file:
        file.execute("UPDATE lf_run SET setting = '{' WHERE id = ?", (other,))
    said = leadflow("runs", "undo", first, "-q", folder=project)
    assert (0, ["drop 1-T"]) == (said.code, effects(project)), said.stderr


def test_nothing_is_taken_back_of_a_run_that_took_all_back(project: Path) -> None:
    """Nor of one that is not known."""
    first = failed(project, "nothing")
    said = leadflow("runs", "undo", first, folder=project)
    assert (2, f"error: nothing of run {first} is left to take back\n") == (said.code, said.stderr)
    assert 2 == leadflow("runs", "undo", "nobody", folder=project).code
