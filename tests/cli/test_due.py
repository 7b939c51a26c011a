"""`leadflow resume --due` and `--wait`, and what `runs ls` says of runs that can go on."""

import asyncio
import json
from pathlib import Path

import pytest

from leadflow.cli import resume
from leadflow.cli.journals import forget, listed, read_kept
from leadflow.keeping import Kept
from leadflow.run.store import Wanted
from leadflow.settings import Project, load_project
from tests.cli.session import Said, leadflow
from tests.cli.test_resume import FLOW, WORK, effects, in_doubt, killed_at

ASKS = """leadflow 1
agent desk: human { assignee: "Ada" }

flow main() -> string {
  step why: string = desk.ask("Why?")
  return why
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a flow that can be killed, and one that asks."""
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "asks.flow").write_text(ASKS)
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def runs(project: Path, *words: str) -> dict[str, tuple[str, str | None]]:
    """By id: where the runs stand, and why they can go on; the newest first."""
    said = leadflow("runs", "ls", *words, "--json", folder=project)
    return {row["run"]: (row["status"], row["due"]) for row in json.loads(said.stdout)}


def resumed(project: Path, *words: str) -> Said:
    """`leadflow resume`, without progress."""
    return leadflow("resume", "-q", *words, folder=project)


def test_all_that_are_due_go_on(project: Path) -> None:
    """One whose process died, one that has its answer, the longest due first; one that waits for a person stays."""
    killed_at(project, "look T-1")
    for _ in range(2):
        assert 3 == leadflow("run", "asks.flow", "-q", folder=project).code
    waits, answered, killed = runs(project)
    leadflow("answer", answered, "why", '"because"', "--no-resume", "-q", folder=project)
    due = {waits: ("waiting", None), answered: ("waiting", "main/why has an answer")}
    assert {**due, killed: ("interrupted", "its process ended")} == runs(project)
    listed = leadflow("runs", folder=project)
    assert listed.stderr.startswith(f"run {answered}: main/why has an answer ")
    assert listed.stderr.endswith(" ago\n2 runs wait for nobody; `leadflow resume --due` goes on\n")
    said = resumed(project, "--due")
    assert (0, '"seen T-1"\n"because"\n') == (said.code, said.stdout)
    assert [killed, answered] == [line.split()[1] for line in said.stderr.splitlines()]
    assert {waits: ("waiting", None), answered: ("done", None), killed: ("done", None)} == runs(project)
    said = resumed(project, "--due")
    assert (0, "") == (said.code, said.stdout)
    assert "" == said.stderr
    said = leadflow("resume", "--due", folder=project)
    assert "no run is due: each has ended, is under way, or waits for somebody's word\n" == said.stderr


def test_one_that_cannot_go_on_keeps_no_other_from_it(project: Path) -> None:
    """Of another flow by now: it is told, the code is 1, and the others go on."""
    killed_at(project, "look T-1")
    assert 3 == leadflow("run", "asks.flow", "-q", folder=project).code
    (waits, _) = runs(project)
    leadflow("answer", waits, "why", '"because"', "--no-resume", "-q", folder=project)
    (project / "main.flow").write_text(FLOW.replace('look("1")', 'look("2")'))
    said = resumed(project, "--due")
    assert (1, '"because"\n', True) == (said.code, said.stdout, "main.flow has changed since run " in said.stderr)
    assert ["look 1", "file", "look T-1"] == effects(project)


def test_one_in_doubt_is_not_due(project: Path) -> None:
    """It is said of which step, and how to settle it, by `runs`, `runs show` and, without `--quiet`, `--due`; nothing
    is tried, and the others go on."""
    in_doubt(project)
    (run,) = runs(project)
    assert 3 == leadflow("run", "asks.flow", "-q", folder=project).code
    leadflow("answer", next(iter(runs(project))), "why", '"because"', "--no-resume", "-q", folder=project)
    told = (
        f"run {run} is in doubt: nobody knows whether this was done: main/filed; find out, and say it:"
        f" `leadflow resume {run}{{}}` with --done STEP=JSON, --failed STEP or --again STEP\n"
    )
    listed = leadflow("runs", folder=project)
    assert (True, True) == (told.format("") in listed.stderr, "one run waits for nobody" in listed.stderr)
    assert "" == leadflow("runs", "ls", "--status", "done", folder=project).stderr.replace("no run is like that\n", "")
    assert leadflow("runs", "show", run, folder=project).stdout.endswith(told.format(""))
    assert ["main/filed"] == json.loads(leadflow("runs", "show", run, "--json", folder=project).stdout)["in_doubt"]
    doctor = leadflow("doctor", "--in", project.name, folder=project.parent)
    assert (0, True) == (doctor.code, f"`leadflow resume {run} --in {project.name}` with --done" in doctor.stdout)
    assert "1 to look at" in doctor.stderr
    said = resumed(project, "--due")
    assert (1, '"because"\n', False) == (said.code, said.stdout, run in said.stderr)
    for folder, where in ((project, ""), (project.parent, f" --in {project.name}")):
        named = ("--in", project.name) if where else ()
        said = leadflow("resume", "--due", *named, folder=folder)
        assert (1, "", True) == (said.code, said.stdout, said.stderr.endswith(told.format(where)))
    found = json.loads(leadflow("runs", "--json", folder=project).stdout)
    assert [(None, []), (None, ["main/filed"])] == [(row["due"], row["in_doubt"]) for row in found]
    assert ["look 1", "file"] == effects(project)
    assert 0 == leadflow("resume", run, "-q", "--again", "main/filed", folder=project).code
    assert 0 == resumed(project, "--due").code


def test_what_another_process_took_up_is_left_to_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While those before it go on, somebody resumes one that was due: it is not told again."""
    killed_at(project, "look T-1")
    seen = asyncio.run(listed(load_project(project / "main.flow")))
    assert 0 == resumed(project).code

    async def as_it_was(project: Project, wanted: Wanted) -> object:
        return seen

    monkeypatch.setattr(resume, "listed", as_it_was)
    assert (0, "", "") == ((said := resumed(project, "--due")).code, said.stdout, said.stderr)


@pytest.mark.parametrize("words", [("RUN",), ("--again", "main/filed"), ("--again-anyway",), ("--wait",)])
def test_due_is_about_all_runs(project: Path, words: tuple[str, ...]) -> None:
    """What is said of one run is refused with it."""
    in_doubt(project)
    said = resumed(project, "--due", *words)
    assert (2, "") == (said.code, said.stdout)
    assert "--due" in said.stderr


def test_two_answers_to_one_question_are_refused(project: Path) -> None:
    """Not the last one wins: nothing is called, and the flow is not moved."""
    killed_at(project, "look T-1")
    said = resumed(project, "--as-started", "--migrate")
    assert 2 == said.code
    assert "--as-started and --migrate are two answers to one question; give one of them" in said.stderr
    assert ["look 1", "file", "look T-1"] == effects(project)


def test_a_refused_move_leaves_the_count_of_crashes(project: Path) -> None:
    """Case D15: who only asks whether a run may move has not worked on it."""
    (project / "leadflow.toml").write_text("[run]\ncrashes = 1\n")
    killed_at(project, "look T-1")
    (run,) = runs(project)
    assert {run: ("dead", None)} == runs(project)
    (project / "main.flow").write_text(FLOW.replace('look("1")', 'look("2")'))
    said = resumed(project, "--migrate")
    assert (2, True) == (said.code, "may not move" in said.stderr)
    assert {run: ("dead", None)} == runs(project)


def test_whoever_waits_gets_the_result(project: Path) -> None:
    """`--wait` ends with the run, here at once; what is in doubt is not waited for."""
    killed_at(project, "look T-1")
    said = resumed(project, "--wait")
    assert (0, '"seen T-1"\n') == (said.code, said.stdout)
    assert 1 == in_doubt(project).code
    assert 1 == resumed(project, "--wait").code
    assert (0, '"seen T-1"\n') == ((said := resumed(project, "--wait", "--again", "main/filed")).code, said.stdout)


@pytest.mark.parametrize("words", [(), ("--migrate",), ("--wait",), ("--due",)])
def test_a_run_that_is_forgotten_meanwhile(
    project: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Somebody removes it between two looks of the command: that is what is told."""
    killed_at(project, "look T-1")
    if words == ("--migrate",):
        (project / "main.flow").write_text(FLOW.replace("seen", "found"))
    monkeypatch.setattr(resume, "read_kept", read_and_forget)
    monkeypatch.setattr(resume, "require_same", lambda found, project: None)
    (run,) = runs(project)
    said = resumed(project, *([] if words == ("--due",) else [run]), *words)
    assert said.code in (1, 2)
    assert f"error: there is no run '{run}'" in said.stderr


async def read_and_forget(project: Project, run: str) -> Kept:
    """Find a run, which somebody removes in this moment."""
    found = await read_kept(project, run)
    await forget(project, [run], force=True, where="")
    return found
