"""`leadflow runs undo --undone`: a person says that a step does not stand, and its key of `@once` is free again."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from leadflow.settings import JOURNAL
from leadflow.stores.owner import this_user
from tests.cli.session import leadflow

FLOW = """leadflow 1
tool file(x: string) -> { id: string } = python("work:file")
tool drop(x: string) = python("work:drop")
tool give_up(x: string) = python("work:give_up")

flow main(ticket: string) -> string {
  @once(key: ticket)
  step one = file("1-${ticket}") undo drop(one.id)
  step two = file("2-${ticket}") undo drop(two.id)
  step last = give_up(two.id) undo none
  return ticket
}
flow alone(ticket: string) -> string {
  @once(key: ticket)
  step one = file("alone-${ticket}") undo none
  return one.id
}
"""
WORK = '''"""Effects that stand in a file; what other files name fails, or ends the process, and is not done."""
import os
from pathlib import Path

HERE = Path(__file__).parent


def _done(name):
    if name in _named("fatal"):
        os._exit(9)
    if name in _named("broken"):
        raise ValueError(f"no {name} today")
    with (HERE / "effects").open("a") as file:
        file.write(name + "\\\\n")


def _named(file):
    return (HERE / file).read_text().splitlines() if (HERE / file).exists() else []


def file(x):
    _done("file " + x)
    return {"id": x}


def drop(x):
    _done("drop " + x)


def give_up(x):
    _done("give up")
'''.replace("\\\\n", "\\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose flow fails behind two writes that cannot be taken back."""
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "broken").write_text("give up\ndrop 1-T\ndrop 2-T\n")
    return tmp_path


def effects(project: Path) -> list[str]:
    """What was done since the last look."""
    found = (project / "effects").read_text().splitlines() if (project / "effects").exists() else []
    (project / "effects").unlink(missing_ok=True)
    return found


def dies(project: Path, *words: str) -> None:
    """A command in a process of its own, which ends in the middle of a call."""
    command = [sys.executable, "-m", "leadflow", *words]
    assert 9 == subprocess.run(command, cwd=project, capture_output=True, check=False).returncode


def data(project: Path, *words: str) -> Any:
    """What a command prints for machines."""
    return json.loads(leadflow(*words, "--json", folder=project).stdout)


def failed(project: Path) -> str:
    """The id of a run that failed, and whose steps stand."""
    said = leadflow("run", "main.flow", "-i", "ticket=T", "-q", folder=project)
    (run,) = [row["run"] for row in data(project, "runs")]
    told = [f"then say so: `leadflow runs undo {run} --undone main/two --undone main/one`",
            f"or, when what failed is well again: `leadflow runs undo {run}`"]  # fmt: skip
    assert (1, told, ["file 1-T", "file 2-T"]) == (said.code, said.stderr.splitlines()[-2:], effects(project))
    return str(run)


def not_undone(project: Path, run: str) -> tuple[Any, Any]:
    """What still stands of a run, and the command that takes it back, for machines."""
    shown = data(project, "runs", "show", run)
    return shown["not_undone"], shown["undo"]


def test_a_call_that_another_run_has_made_names_it(project: Path) -> None:
    """`runs show` says by which run it was made, for people and for machines; it is no answer from memory."""
    for _ in range(2):
        assert 0 == leadflow("run", "main.flow", "alone", "-i", "ticket=T", "-q", folder=project).code
    second, first = [row["run"] for row in data(project, "runs")]
    shown = leadflow("runs", "show", second, folder=project).stdout
    assert f"  not called: run {first} has made this call for the same key of @once\n" in shown
    assert "from memory" not in shown
    once = {"run": first, "step": "alone/one"}
    assert [once, None] == [
        data(project, "runs", "show", run)["steps"]["alone/one"].get("once") for run in (second, first)
    ]


def test_what_somebody_took_back_by_hand_is_kept_with_their_name(project: Path) -> None:
    """Nothing is called for it, then or later; `runs show` tells it, of the run and of that in which it is said."""
    run, user = failed(project), this_user()
    said = leadflow("runs", "undo", run[:8], "--undone", "one", folder=project)
    left = f"still stands: main/two; `leadflow runs undo {run[:8]}` takes it back\n"
    assert (0, f"undone: main/one, by hand, told by {user}\n", left) == (said.code, said.stdout, said.stderr)
    assert (["main/two"], f"leadflow runs undo {run}") == not_undone(project, run)
    (noted,) = data(project, "runs", "show", run)["taken_back"]
    assert {"step": "main/one", "by": user, "by_hand": True} == {key: noted[key] for key in ("step", "by", "by_hand")}
    log = [json.loads(line) for line in leadflow("runs", "logs", noted["run"], folder=project).stdout.splitlines()]
    assert [("RunStarted", {"told_by": user}), ("RunDone", None)] == [(one["event"], one.get("inputs")) for one in log]
    shown, stands = leadflow("runs", "show", run, folder=project).stdout.splitlines()[-2:]
    assert shown.endswith(f"  main/one counts as taken back, told by {user}")
    how = f"`leadflow runs undo {run}` tries it again, with --undone STEP you say that you did it"
    assert f"not undone: main/two; {how}" == stands
    shown = leadflow("runs", "show", noted["run"], folder=project).stdout.splitlines()[-1]
    assert shown.endswith(f"  main/one of run {run} counts as taken back, told by {user}")
    (project / "broken").unlink()
    said = leadflow("runs", "undo", run, "-q", folder=project)
    assert (0, 'undone: main/two, by drop(x: "2-T")\n') == (said.code, said.stdout)
    assert ["drop 2-T"] == effects(project)
    assert ([], None) == not_undone(project, run)
    assert "not undone: " not in leadflow("runs", "show", run, folder=project).stdout
    undoer = next(row["run"] for row in data(project, "runs") if row["flow"] == "two~undo")
    for step, how in (("one", f"by hand, told by {user}"), ("main/two", f"by run {undoer}")):
        said = leadflow("runs", "undo", run, "--undone", step, folder=project)
        told = f"error: step main/{step.removeprefix('main/')} of run {run} is taken back already, {how}\n"
        assert (2, told) == (said.code, said.stderr)
    assert [True, False] == [one["by_hand"] for one in data(project, "runs", "show", run)["taken_back"]]


def test_a_run_that_is_done_keeps_what_it_did(project: Path) -> None:
    """It is said so, and not that nothing is left; with `--undone`, too."""
    said = leadflow("run", "main.flow", "alone", "-i", "ticket=T", "-q", folder=project)
    assert 0 == said.code, said.stderr
    (run,) = [row["run"] for row in data(project, "runs")]
    told = f"error: run {run} is done, and keeps what it did; only one that failed or was cancelled takes it back\n"
    for words in ((), ("--undone", "one")):
        said = leadflow("runs", "undo", run, *words, folder=project)
        assert (2, told) == (said.code, said.stderr)


def test_a_step_that_was_taken_back_later_gives_its_key_up(project: Path) -> None:
    """By a call or by hand: until then nobody has the key, and whoever asks is told both ways."""
    run = failed(project)
    said = leadflow("run", "main.flow", "-i", "ticket=T", "-q", folder=project)
    how = f"`leadflow runs undo {run}` does that, and with `--undone main/one` says that you did"
    assert f"step main/one of run {run} was to be taken back, and was not; {how}" in said.stderr
    assert [] == effects(project)
    assert 0 == leadflow("runs", "undo", run, "--undone", "main/one", folder=project).code
    leadflow("run", "main.flow", "-i", "ticket=T", "-q", folder=project)
    assert ["file 1-T", "file 2-T"] == effects(project)
    (project / "broken").write_text("give up")
    second = data(project, "runs")[0]["run"]
    assert 0 == leadflow("runs", "undo", second, "-q", folder=project).code
    leadflow("run", "main.flow", "-i", "ticket=T", "-q", folder=project)
    assert ["drop 2-T", "drop 1-T", "file 1-T", "file 2-T"] == effects(project)[:4]


def test_a_step_in_doubt_without_an_undo_can_be_said_not_to_stand(project: Path) -> None:
    """A run that was cancelled in the middle of a write: whoever finds out frees the key."""
    (project / "fatal").write_text("file alone-T")
    dies(project, "run", "main.flow", "alone", "-i", "ticket=T", "-q")
    (project / "fatal").unlink()
    run = data(project, "runs")[0]["run"]
    said = leadflow("runs", "undo", run, "--undone", "one", folder=project)
    assert (2, f"error: run {run} has not ended: `leadflow resume {run}` goes on with it\n") == (said.code, said.stderr)
    assert 0 == leadflow("runs", "cancel", run, folder=project).code
    said = leadflow("run", "main.flow", "alone", "-i", "ticket=T", "-q", folder=project)
    how = f"may have been done; when it does not stand, say so: `leadflow runs undo {run} --undone alone/one`"
    assert how in said.stderr
    assert 0 == leadflow("runs", "undo", run, "--undone", "alone/one~undo", folder=project).code
    assert 0 == leadflow("run", "main.flow", "alone", "-i", "ticket=T", "-q", folder=project).code
    assert ["file alone-T"] == effects(project)


def test_an_undo_in_doubt_is_given_up_when_it_was_done_by_hand(project: Path) -> None:
    """A run that was to take a step back, and ended in the middle of that, is cancelled: nothing of it is called."""
    run = failed(project)
    (project / "broken").unlink()
    (project / "fatal").write_text("drop 2-T")
    dies(project, "runs", "undo", run, "-q")
    (project / "fatal").unlink()
    said = leadflow("runs", "undo", run, "-q", folder=project)
    assert (1, 'undone: main/one, by drop(x: "1-T")\n') == (said.code, said.stdout)
    assert "in doubt: two~undo/two~undo: its process ended, and nobody knows whether it was done" in said.stderr
    assert f"then say so: `leadflow runs undo {run} --undone main/two`" in said.stderr
    said = leadflow("runs", "undo", run, "--undone", "two", folder=project)
    assert (0, "") == (said.code, said.stderr)
    assert ["done", "done", "cancelled", "failed"] == [row["status"] for row in data(project, "runs")]
    assert 2 == leadflow("runs", "undo", run, folder=project).code
    assert ["drop 1-T"] == effects(project)


def test_only_what_stands_can_be_said_not_to(project: Path) -> None:
    """A step that is none is refused with those that are, and nothing is noted of the others."""
    run = failed(project)
    said = leadflow("runs", "undo", run, "--undone", "one", "--undone", "last", folder=project)
    told = "has no step 'last' that still stands or may have been done; such are: main/two, main/one"
    assert (2, f"error: run {run} {told}\n") == (said.code, said.stderr)
    assert [] == data(project, "runs", "show", run)["taken_back"]


def test_a_row_that_cannot_be_read_says_of_no_step_that_it_was_taken_back(project: Path) -> None:
    """Case D11: what is noted there is not what was written, so that the step stands, and keeps its key."""
    run = failed(project)
    (noted,) = data(project, "runs", "undo", run, "--undone", "one")
    with closing(sqlite3.connect(project / JOURNAL)) as file, file:
        file.execute("UPDATE lf_run SET crashes = 'many' WHERE id = ?", (noted["run"],))
    assert [] == data(project, "runs", "show", run)["taken_back"]
    said = leadflow("run", "main.flow", "-i", "ticket=T", "-q", folder=project)
    assert f"step main/one of run {run} was to be taken back, and was not" in said.stderr
    (project / "broken").unlink()
    assert 0 == leadflow("runs", "undo", run, "-q", folder=project).code
    assert ["drop 2-T", "drop 1-T"] == effects(project)


def test_what_is_taken_back_is_told_to_machines(project: Path) -> None:
    """One document, whatever became of each."""
    run = failed(project)
    (project / "broken").write_text("drop 1-T")
    found = data(project, "runs", "undo", run)
    assert [("main/two", True, 'drop(x: "2-T")'), ("main/one", False, 'drop(x: "1-T")')] == [
        (one["step"], one["undone"], one["call"]) for one in found
    ]
    (noted,) = data(project, "runs", "undo", run, "--undone", "one")
    assert ("main/one", True, True, this_user()) == tuple(noted[key] for key in ("step", "undone", "by_hand", "by"))
