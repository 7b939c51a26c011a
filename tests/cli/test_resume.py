"""`leadflow resume` and `leadflow runs`, on runs whose processes were killed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from leadflow.events.model import Entry, Event, NodeDone
from leadflow.run.store import Fenced
from leadflow.stores.owner import this_user
from leadflow.stores.sqlite import SqliteJournal, SqliteStore
from tests.cli.session import Said, leadflow

FLOW = """leadflow 1
@read tool look(x: string) -> string = python("work:look")
tool file(x: string) -> { id: string } = python("work:file")

flow main() -> string {
  step seen = look("1")
  step filed = file(seen)
  step told = look(filed.id)
  return told
}
"""
WORK = '''"""Effects that stand in a file; a step whose name stands in another file kills its process."""
import os, signal
from pathlib import Path

HERE = Path(__file__).parent


def _done(name):
    with (HERE / "effects").open("a") as file:
        file.write(name + "\\n")
    deadly = HERE / "deadly"
    if deadly.exists() and deadly.read_text() == name:
        deadly.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def look(x):
    _done("look " + x)
    return "seen " + x


def file(x):
    _done("file")
    return {"id": "T-1"}
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a flow of a read, a write and a read."""
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def killed_at(project: Path, name: str, *words: str) -> None:
    """Run the flow, or what the words say, in a process that is killed behind an effect."""
    (project / "deadly").write_text(name)
    code = f"from leadflow.cli.main import cli; cli({list(words or ('run', 'main.flow', '-q'))})"
    ended = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, check=False)
    assert -signal.SIGKILL == ended.returncode, ended.stderr


def effects(project: Path) -> list[str]:
    """What was done, in order."""
    return (project / "effects").read_text().splitlines()


def listed(project: Path) -> list[str]:
    """Where the runs stand, the newest first."""
    return [row["status"] for row in json.loads(leadflow("runs", "--json", folder=project).stdout)]


@pytest.mark.parametrize("words", [("resume",), ("runs", "resume")], ids=" ".join)
def test_a_read_is_called_again(project: Path, words: tuple[str, ...]) -> None:
    """Case D2: a run killed in a read goes on by itself; what was done before is not done again."""
    killed_at(project, "look T-1")
    assert ["interrupted"] == listed(project)
    said = leadflow(*words, "-q", folder=project)
    assert (0, '"seen T-1"\n') == (said.code, said.stdout)
    assert ["look 1", "file", "look T-1", "look T-1"] == effects(project)
    assert ["done"] == listed(project)


def in_doubt(project: Path) -> Said:
    """The answer to a resume of a run that was killed in its write."""
    killed_at(project, "file")
    return leadflow("resume", "-q", folder=project)


def test_a_write_is_in_doubt_until_somebody_says_what_is_true(project: Path) -> None:
    """Case D2: the command names the step and the three answers; nothing is called."""
    said = in_doubt(project)
    assert 1 == said.code
    assert "main/filed" in said.stderr
    assert all(option in said.stderr for option in ("--again", "--failed", "--done"))
    assert """--done 'main/filed={"id": "TEXT"}'""" in said.stderr
    assert 1 == said.stderr.count("nobody knows")
    assert ["look 1", "file"] == effects(project)
    assert ["interrupted"] == listed(project)


def test_what_can_be_said_of_a_doubt_names_the_project(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is printed can be typed where it was printed."""
    in_doubt(project)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    said = leadflow("resume", "--in", str(project), folder=elsewhere)
    (line,) = [line for line in said.stderr.splitlines() if line.startswith("find out what is true")]
    assert line.endswith(f" --in {os.path.relpath(project, elsewhere)}")


def test_a_run_that_another_process_has_taken_is_followed_there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case D14: the process that lost it does not say that one may go on with it."""
    keep = SqliteJournal.append

    async def lost(journal: SqliteJournal, events: Sequence[Event]) -> Sequence[Entry]:
        if any(isinstance(event, NodeDone) for event in events):
            raise Fenced(f"run {journal.run} was taken over by another worker")
        return await keep(journal, events)

    monkeypatch.setattr(SqliteJournal, "append", lost)
    monkeypatch.setattr(SqliteJournal, "append_idle", lost)
    said = leadflow("run", "main.flow", "-q", folder=project)
    assert 1 == said.code and "done here, and not kept: main/seen [system.taken_over]" in said.stderr
    assert "`leadflow runs watch " in said.stderr and "leadflow resume" not in said.stderr, said.stderr


@pytest.mark.parametrize(
    ("words", "code", "further"),
    [
        (("--done", 'main/filed={"id": "T-1"}'), 0, ["look T-1"]),
        (("--again", "main/filed"), 0, ["file", "look T-1"]),
        (("--failed", "main/filed"), 1, []),
        (("--done", 'filed={"id": "T-1"}'), 0, ["look T-1"]),
        (("--again", "filed"), 0, ["file", "look T-1"]),
        (("--failed", "filed"), 1, []),
    ],
)
def test_the_three_answers(project: Path, words: tuple[str, ...], code: int, further: list[str]) -> None:
    """Case D2: told that it was done, to call it again, or that it was not done, the run goes on so. The end of its
    path names the step, as it does where people answer.
    """
    in_doubt(project)
    said = leadflow("resume", "-q", *words, folder=project)
    assert code == said.code, said.stderr
    assert ["look 1", "file", *further] == effects(project)


def test_a_probe_looks_whether_it_was_done(project: Path) -> None:
    """Case D2: where the flow says how to look, nobody is asked, and what was done is not done again."""
    probed = '@read tool find(x: string) -> { id: string }? = python("work:find")\n\nflow main'
    text = FLOW.replace("flow main", probed).replace("  step filed", "  @on_doubt(probe: find(seen))\n  step filed")
    (project / "main.flow").write_text(text)
    (project / "work.py").write_text(WORK + "\n\ndef find(x):\n    _done('find ' + x)\n    return {'id': 'T-7'}\n")
    killed_at(project, "file")
    said = leadflow("resume", "-q", folder=project)
    assert (0, '"seen T-7"\n') == (said.code, said.stdout), said.stderr
    assert ["look 1", "file", "find seen 1", "look T-7"] == effects(project)


@pytest.mark.parametrize("value", ['{"id": 5}', "nonsense", '{"other": "x"}'])
def test_an_answer_of_another_type_is_refused(project: Path, value: str) -> None:
    """What a step is said to have given has to be of its type."""
    in_doubt(project)
    said = leadflow("resume", "-q", "--done", f"main/filed={value}", folder=project)
    assert 2 == said.code
    assert "--done main/filed: " in said.stderr


def test_a_step_that_gives_something_is_not_done_without_it(project: Path) -> None:
    """What reads it would fail behind that, and its undo, too, so that nobody could take it back any more."""
    in_doubt(project)
    said = leadflow("resume", "-q", "--done", "filed", folder=project)
    told = "error: --done main/filed: it gives { id: string }, and what reads it needs that; write JSON, as in "
    assert (2, told + '\'main/filed={"id": "TEXT"}\'') == (said.code, said.stderr.rstrip())
    assert ["interrupted"] == listed(project)


def test_an_end_that_two_steps_have_names_neither(tmp_path: Path) -> None:
    """Nobody guesses which of them was meant."""
    twice = """leadflow 1
tool file(x: string) -> { id: string } = python("work:file")

flow main() -> list[string] {
  step all = for x in ["a", "b"] {
    step filed = file(x)
    yield filed.id
  }
  return all
}
"""
    (tmp_path / "main.flow").write_text(twice)
    (tmp_path / "work.py").write_text(WORK)
    killed_at(tmp_path, "file")
    said = leadflow("resume", "-q", "--again", "filed", folder=tmp_path)
    assert 2 == said.code
    assert "error: 2 steps under way end in 'filed': main/all[0]/filed, main/all[1]/filed; name one" in said.stderr
    said = leadflow("resume", folder=tmp_path)
    assert "\n  --again 'main/all[0]/filed'   call it again" in said.stderr, "a shell takes [0] for a pattern"


def test_an_answer_to_a_run_in_doubt_is_kept(tmp_path: Path) -> None:
    """The run cannot go on yet; whoever said yes is told that it was not in vain."""
    text = """leadflow 1
tool file(x: string) -> { id: string } = python("work:file")
agent boss: human

flow main() -> string {
  step why: string = boss.ask("Why?")
  step filed = file(why) undo none
  step ok = boss.approve("Now?")
  return filed.id
}
"""
    (tmp_path / "main.flow").write_text(text)
    (tmp_path / "work.py").write_text(WORK)
    assert 3 == leadflow("run", "main.flow", "-q", folder=tmp_path).code
    killed_at(tmp_path, "file", "answer", newest(tmp_path), "why", "because", "-q")
    said = leadflow("approve", newest(tmp_path), "ok", "--yes", "-q", folder=tmp_path)
    assert (1, True) == (said.code, said.stderr.startswith("in doubt: ")), said.stderr
    assert said.stderr.endswith("your answer is kept: the run hears of it when it goes on\n")
    said = leadflow("resume", "-q", "--done", 'filed={"id": "T-1"}', folder=tmp_path)
    assert (0, '"T-1"\n') == (said.code, said.stdout), said.stderr


def test_an_answer_about_nothing_is_refused(project: Path) -> None:
    """A step that is not in doubt is named, with those that are."""
    in_doubt(project)
    said = leadflow("resume", "-q", "--again", "main/field", folder=project)
    told = "error: step 'main/%s' is not under way in this run; under way: %s"
    assert (1, told % ("field", "main/filed")) == (said.code, said.stderr.rstrip())
    assert 0 == leadflow("resume", "-q", "--again", "main/filed", folder=project).code
    said = leadflow("resume", "-q", "--again", "main/filed", newest(project), folder=project)
    told = "error: no step of this run is under way, so there is none of which to say whether it was done"
    assert (1, told) == (said.code, said.stderr.rstrip())


def test_two_answers_about_one_step_are_refused(project: Path) -> None:
    """Nobody guesses which of them was meant."""
    in_doubt(project)
    said = leadflow("resume", "-q", "--again", "main/filed", "--failed", "main/filed", folder=project)
    assert (2, True) == (said.code, said.stderr.startswith("error: main/filed: you say two things of one step"))


def test_what_is_asked_of_a_list_can_be_anything(project: Path) -> None:
    """A time before all times, a number that is none: there may be no such run, and nothing breaks."""
    leadflow("run", "main.flow", "-q", folder=project)
    for words, count in (("--since", "99999999d"), 1), (("--input", "x=NaN"), 0), (("--input", "x=[1e999]"), 0):
        said = leadflow("runs", "ls", "--json", *words, folder=project)
        assert (0, count) == (said.code, len(json.loads(said.stdout))), said.stderr


def test_a_changed_flow_is_refused(project: Path) -> None:
    """Case D6: a run does not go on with another flow, unless with the one that it was started with."""
    killed_at(project, "look T-1")
    (project / "main.flow").write_text(FLOW.replace('look("1")', 'look("2")'))
    said = leadflow("resume", "-q", folder=project)
    assert 2 == said.code
    assert "main.flow has changed" in said.stderr
    said = leadflow("resume", "-q", "--as-started", folder=project)
    assert (0, '"seen T-1"\n') == (said.code, said.stdout)


def test_a_run_moves_to_the_flow_as_it_is(project: Path) -> None:
    """Case D6: what is done stays, what has not been reached is as it is now; `show` says that the run has moved."""
    killed_at(project, "look T-1")
    new = FLOW.replace("  return told\n", "  step more = look(told)\n  return more\n")
    (project / "main.flow").write_text(new)
    assert "--migrate" in leadflow("resume", "-q", folder=project).stderr
    said = leadflow("resume", "-q", "--migrate", folder=project)
    assert (0, '"seen seen T-1"\n') == (said.code, said.stdout), said.stderr
    assert ["look 1", "file", "look T-1", "look T-1", "look seen T-1"] == effects(project)
    run = newest(project)
    moved = [f"run {run} moves to main.flow as it is now", "  main/filed keeps what it gave",
             "  main/seen keeps what it gave", "  main/told is under way"]  # fmt: skip
    assert moved == said.stderr.splitlines()
    assert "moved to plan" in leadflow("runs", "show", run, folder=project).stdout
    assert "1 run is whole, 0 broken\n" == leadflow("journal", "verify", folder=project).stdout
    assert '"seen seen T-1"\n' == leadflow("runs", "watch", run, "-q", folder=project).stdout


def test_a_run_that_has_passed_what_changed_stays(project: Path) -> None:
    """Case D6: the reasons are told, and nothing has moved."""
    killed_at(project, "look T-1")
    (project / "main.flow").write_text(FLOW.replace('look("1")', 'look("2")'))
    said = leadflow("resume", "-q", "--migrate", folder=project)
    assert 2 == said.code
    assert f"error: run {newest(project)} may not move to main.flow as it is now" in said.stderr
    assert "main/seen" in said.stderr
    assert 0 == leadflow("resume", "-q", "--as-started", folder=project).code


def test_layout_is_no_change(project: Path) -> None:
    """Case D6: comments and layout are not the flow."""
    killed_at(project, "look T-1")
    (project / "main.flow").write_text(FLOW.replace("flow main", "## Says more.\n\nflow main"))
    assert 0 == leadflow("resume", "-q", folder=project).code


def test_a_run_is_named_by_the_beginning_of_its_id(project: Path) -> None:
    """An id that begins no run, or several, is told."""
    killed_at(project, "look T-1")
    run = json.loads(leadflow("runs", "ls", "--json", folder=project).stdout)[0]["run"]
    assert "there is no run 'zz'" in leadflow("resume", "zz", folder=project).stderr
    assert 0 == leadflow("resume", run[:8], "-q", folder=project).code


def test_a_run_without_a_journal_is_not_kept(project: Path) -> None:
    """`--no-journal` leaves nothing behind; `runs` says where runs would be."""
    assert 0 == leadflow("run", "main.flow", "-q", "--no-journal", folder=project).code
    assert not (project / ".leadflow" / "journal.db").exists()
    assert "no runs are kept in .: they are kept beside their flow" in leadflow("runs", folder=project).stderr


def test_a_run_of_made_up_values_is_not_kept(project: Path) -> None:
    """`--fake` calls nothing of the project, keeps nothing, and looks for no run to go on with."""
    killed_at(project, "look T-1")
    before, done = leadflow("runs", "ls", "--json", folder=project).stdout, effects(project)
    said = leadflow("run", "main.flow", "--fake", folder=project)
    assert (0, True) == (said.code, said.stderr.startswith("made-up values answer"))
    assert "has not ended" not in said.stderr
    assert (before, done) == (leadflow("runs", "ls", "--json", folder=project).stdout, effects(project))


def test_a_run_as_a_tree(project: Path) -> None:
    """`runs show` draws each step with its time and attempts; `runs logs` prints every event."""
    killed_at(project, "look T-1")
    leadflow("resume", "-q", folder=project)
    run = json.loads(leadflow("runs", "--json", folder=project).stdout)[0]["run"]
    shown = leadflow("runs", "show", run[:6], folder=project).stdout
    assert [" ✓ seen", " ✓ filed", " ✓ told"] == [" " + line.split("  ")[1].strip() for line in shown.splitlines()[2:5]]
    assert "resumed once" in shown
    assert "2 attempts" in shown
    events = [json.loads(line)["event"] for line in leadflow("runs", "logs", run, folder=project).stdout.splitlines()]
    assert ("RunStarted", "RunDone", 1) == (events[0], events[-1], events.count("RunResumed"))


def test_a_run_that_ends_its_processes_is_left_alone(project: Path) -> None:
    """Case D15: after so many crashes in a row nobody takes it up unless told to."""
    (project / "leadflow.toml").write_text("[run]\ncrashes = 2\n")
    killed_at(project, "look 1")
    (project / "deadly").write_text("look 1")
    code = "from leadflow.cli.main import cli; cli(['resume', '-q'])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, check=False)
    assert -signal.SIGKILL == ended.returncode
    assert ["dead"] == listed(project)
    said = leadflow("resume", "-q", folder=project)
    assert 1 == said.code
    assert "2 processes in a row have ended in the middle of run" in said.stderr
    assert "--again-anyway" in said.stderr
    again = leadflow("run", "main.flow", "-q", "--resume", folder=project)
    assert (1, True) == (again.code, "2 processes in a row" in again.stderr)
    shown = leadflow("runs", "show", newest(project), folder=project).stdout
    assert "2 processes in a row ended in it" in shown
    assert ["look 1", "look 1"] == effects(project)
    assert 0 == leadflow("resume", "-q", "--again-anyway", folder=project).code
    assert ["done"] == listed(project)


def newest(project: Path) -> str:
    """The id of the newest run."""
    run: str = json.loads(leadflow("runs", "--json", folder=project).stdout)[0]["run"]
    return run


def test_an_unusable_journal_stops_the_start(project: Path) -> None:
    """Case D8: a run that could not be kept does not begin, and the message says how to run without."""
    (project / ".leadflow").mkdir(exist_ok=True)
    (project / ".leadflow" / "journal.db").write_text("nothing of the kind " * 100)
    said = leadflow("run", "main.flow", "-q", folder=project)
    assert 1 == said.code
    assert "file is not a database (SQLITE_NOTADB); restore a copy of it, or move it away to begin anew" in said.stderr
    assert "--no-journal" in said.stderr
    assert not (project / "effects").exists()


def test_a_run_that_waits_for_people_is_cancelled(project: Path) -> None:
    """Case X1: a question is nobody's doubt; what was done before it is taken back, and it is not asked any more."""
    text = FLOW.replace("flow main", 'tool drop(x: string) = python("work:look")\nagent boss: human { }\n\nflow main')
    text = text.replace("  step told", '  step ok = boss.approve("Go?")\n  step told').replace(
        "file(seen)", "file(seen) undo drop(filed.id)"
    )
    (project / "main.flow").write_text(text)
    assert 3 == leadflow("run", "main.flow", "-q", folder=project).code
    assert ["waiting"] == listed(project)
    said = leadflow("runs", "cancel", newest(project), folder=project)
    assert (0, f"undone: main/filed\nrun {newest(project)} is cancelled\n") == (said.code, said.stderr)
    assert ["look 1", "file", "look T-1", "look T-1"] == effects(project)


def test_a_run_is_forgotten(project: Path) -> None:
    """`runs rm` removes a run by the beginning of its id, and says when there is none."""
    leadflow("run", "main.flow", "-q", folder=project)
    run = json.loads(leadflow("runs", "--json", folder=project).stdout)[0]["run"]
    said = leadflow("runs", "rm", run[:8], folder=project)
    assert (0, f"run {run} of main (done) is forgotten\n") == (said.code, said.stderr)
    assert [] == listed(project)
    assert "there is no run" in leadflow("runs", "rm", run[:8], folder=project).stderr
    assert (2, "error: no run is kept here yet\n") == ((said := leadflow("resume", folder=project)).code, said.stderr)


def test_a_run_that_has_not_ended_is_forgotten_by_force_only(project: Path) -> None:
    """What it did can be taken back as long as it is kept, so that whoever forgets it says that they mean it."""
    text = FLOW.replace("flow main", "agent boss: human { }\n\nflow main")
    (project / "main.flow").write_text(text.replace("  step told", '  step ok = boss.approve("Go?")\n  step told'))
    assert 3 == leadflow("run", "main.flow", "-q", folder=project).code
    run = newest(project)
    said = leadflow("runs", "rm", run, folder=project)
    how = f"`leadflow runs cancel {run}` ends it and takes back what it did, --force forgets it as it stands"
    assert (2, f"error: run {run} has not ended: it is waiting; {how}\n") == (said.code, said.stderr)
    assert ["waiting"] == listed(project)
    said = leadflow("runs", "rm", "--force", run, folder=project)
    told = f"run {run} of main (waiting) is forgotten: it had not ended, and nothing that it did is taken back\n"
    assert (0, told) == (said.code, said.stderr)
    assert [] == listed(project)


def test_no_id_is_the_id_of_no_run(project: Path) -> None:
    """A script whose variable is empty removes nothing, also where there is one run only."""
    leadflow("run", "main.flow", "-q", folder=project)
    for words in (("runs", "rm", ""), ("runs", "cancel", ""), ("resume", "")):
        said = leadflow(*words, folder=project)
        assert (2, True) == (said.code, "name a run: its id, or the beginning of it" in said.stderr)
    assert ["done"] == listed(project)


def test_who_settles_a_doubt_is_kept(project: Path) -> None:
    """The log says who began the run, that it is in doubt and not failed, and whose word it goes on with."""
    said = in_doubt(project)
    assert said.stderr.startswith("in doubt: main/filed: its process ended, and nobody knows whether it was done")
    leadflow("resume", "-q", "--failed", "main/filed", folder=project)
    shown = leadflow("runs", "show", newest(project), folder=project).stdout
    user = this_user()
    assert f" by {user}, resumed once" in shown
    assert f"main/filed counts as failed: told by {user}" in shown


def test_a_journal_is_verified_and_copied(project: Path) -> None:
    """`journal verify` reads every row and names what is broken; `journal backup` copies what is there."""
    for _ in range(2):
        leadflow("run", "main.flow", "-q", folder=project)
    assert "2 runs are whole, 0 broken\n" == leadflow("journal", "verify", folder=project).stdout
    assert 0 == leadflow("journal", "backup", "copy.db", folder=project).code
    assert 0o600 == (project / "copy.db").stat().st_mode & 0o777
    with closing(sqlite3.connect(project / ".leadflow" / "journal.db")) as connection:
        connection.execute("UPDATE lf_event SET text = replace(text, 'T-1', 'T-2') WHERE key >> 32 = 1")
        connection.commit()
    said = leadflow("journal", "verify", folder=project)
    assert (1, "1 run is whole, 1 broken\n") == (said.code, said.stdout)
    assert "is not what was written" in said.stderr
    assert "is there already" in leadflow("journal", "backup", "copy.db", folder=project).stderr


def test_a_plan_that_many_runs_have_is_verified_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading plans was three quarters of the time for thousands of runs."""
    for _ in range(3):
        leadflow("run", "main.flow", "-q", folder=project)
    read, plan = [], SqliteStore.plan

    async def noted(store: SqliteStore, hash_: str) -> str | None:
        read.append(hash_)
        return await plan(store, hash_)

    monkeypatch.setattr(SqliteStore, "plan", noted)
    assert "3 runs are whole, 0 broken\n" == leadflow("journal", "verify", folder=project).stdout
    assert 1 == len(read)


def test_a_plan_that_is_not_what_was_written_is_not_followed(project: Path) -> None:
    """Case D11: it is a plan, but of another flow: nothing of the run is used, and `verify` tells."""
    killed_at(project, "look 1")
    with closing(sqlite3.connect(project / ".leadflow" / "journal.db")) as journal:
        journal.execute("""UPDATE lf_plan SET text = replace(text, '"look"', '"file"')""")
        journal.commit()
    told = ": its plan cannot be read: it is not what was written"
    said = leadflow("resume", folder=project)
    assert (1, True) == (said.code, said.stderr.rstrip().endswith(told)), said
    verified = leadflow("journal", "verify", folder=project)
    assert (1, True) == (verified.code, verified.stderr.rstrip().endswith(told)), verified
    assert ["look 1"] == effects(project)


def test_a_journal_stays_small(project: Path) -> None:
    """Runs that have ended are forgotten as `[journal]` says, by a run that begins and by `journal compact`."""
    for _ in range(3):
        leadflow("run", "main.flow", "-q", folder=project)
    (project / "leadflow.toml").write_text("[journal]\nkeep_runs = 2\n")
    leadflow("run", "main.flow", "-q", folder=project)
    assert ["done", "done", "done"] == listed(project)
    killed_at(project, "look T-1")
    assert ["interrupted", "done", "done"] == listed(project)
    (project / "leadflow.toml").write_text("[journal]\nkeep_runs = 1\nkeep_days = 30\n")
    said = leadflow("journal", "compact", folder=project)
    assert (0, True) == (said.code, said.stdout.startswith("1 run forgotten; ")), said.stderr
    assert ["interrupted", "done"] == listed(project)
    assert "2 runs are whole, 0 broken\n" == leadflow("journal", "verify", folder=project).stdout
    assert 0 == leadflow("resume", "-q", folder=project).code


def test_run_goes_on_with_what_has_not_ended(project: Path) -> None:
    """`run` says that a run of the same flow and input has not ended; `run --resume` goes on with it, or starts one."""
    killed_at(project, "look T-1")
    said = leadflow("run", "main.flow", "-q", folder=project)
    assert (0, True) == (said.code, "has not ended; --resume goes on with it" in said.stderr)
    assert ["done", "interrupted"] == listed(project)
    assert 0 == leadflow("run", "main.flow", "-q", "--resume", folder=project).code
    assert ["done", "done"] == listed(project)
    assert 0 == leadflow("run", "main.flow", "-q", "--resume", folder=project).code
    assert ["done", "done", "done"] == listed(project)


def test_among_events_there_are_only_events(project: Path) -> None:
    """With `--json`, standard error is JSON to the end, also where a run has not ended: a reader of events reads on."""
    killed_at(project, "look T-1")
    said = leadflow("run", "main.flow", "--json", folder=project)
    assert "RunDone" == [json.loads(line)["event"] for line in said.stderr.splitlines()][-1]
