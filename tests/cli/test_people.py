"""What whoever is asked sees and types: a paused run, the commands that answer it, the questions of all runs."""

import asyncio
import json
import os
import pty
import re
import select
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from leadflow.keeping import opened
from leadflow.run.adapters import SystemClock
from leadflow.settings import load_project
from leadflow.stores.owner import this_user
from tests.cli.session import Said, leadflow

LEADFLOW = str(Path(sys.executable).with_name("leadflow"))
FLOW = """leadflow 1
@dangerous tool drop(table: string) -> int = python("work:drop")
agent desk: human { assignee: "dba" }
agent boss: human { expires: 2d }
type Reason { why: "old" | "empty"  note: string? }

flow main(table: string) -> { rows: int, why: string } {
  step ok = desk.approve("Drop ${table}?", show: { table: table, rows: 3 })
  step rows = drop(table) undo none
  step reason: Reason = boss.ask("Why ${table}?")
  return { rows: rows, why: reason.why }
}
"""
WORK = '''def drop(table):
    """Drops nothing."""
    return 3
'''
APPROVED = '{\n  "rows": 3,\n  "why": "old"\n}\n'
OLD = '{"why": "old"}'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose flow asks two people."""
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def plain(said: Said, run: str) -> list[str]:
    """What was printed, without what differs from run to run."""
    text = re.sub(r"[0-9]+(\.[0-9]+)? m?s ago", "NOW ago", said.stdout + said.stderr)
    return text.replace(run, "RUN").splitlines()


def begun(project: Path) -> tuple[Said, str]:
    """A run that waits for people, and its id."""
    said = leadflow("run", "main.flow", "-i", "table=t1", "-q", folder=project)
    return said, str(listed(project)[0]["run"])


def listed(project: Path, *words: str) -> list[Mapping[str, object]]:
    """`leadflow runs --json`."""
    found: list[Mapping[str, object]] = json.loads(leadflow("runs", *words, "--json", folder=project).stdout)
    return found


QUESTIONS = [
    "main/ok asks dba (NOW ago): Drop t1?",
    "    table: t1",
    "    rows: 3",
    "    leadflow approve RUN main/ok --yes   # or --no --note 'why'",
    "main/reason asks boss (NOW ago, expires in 2 d): Why t1?",
    '    leadflow answer RUN main/reason \'{"why": "old", "note": "TEXT"}\'   # Reason',
]


def test_a_paused_run_says_what_to_type(project: Path) -> None:
    """Code 3, nothing on standard output, and the commands that answer; the lists say the same."""
    said, run = begun(project)
    assert (3, "") == (said.code, said.stdout)
    told = [line.replace(" (NOW ago)", "").replace("NOW ago, ", "") for line in QUESTIONS]
    told += [
        "leadflow resume --wait RUN   # waits here, also for what expires; or a timer calls `leadflow resume --due`"
    ]
    assert ["waiting: run RUN needs 2 people's answers, and goes on from there", *(f"  {line}" for line in told)] == (
        plain(said, run)
    )
    assert ["waiting"] == [row["status"] for row in listed(project)]
    assert QUESTIONS == plain(leadflow("runs", "--waiting", folder=project), run)
    assert QUESTIONS == plain(leadflow("runs", "show", run[:8], folder=project), run)[-6:]
    first, second = listed(project, "ls", "--waiting")
    assert ("main/ok", "approve", {"table": "t1", "rows": 3}, "bool", None) == (
        first["step"], first["action"], first["show"], first["type"], first["expires"],
    )  # fmt: skip
    assert ("Reason", "boss", None) == (second["type"], second["agent"], second["assignee"])


def test_questions_are_chosen_like_runs(project: Path) -> None:
    """`ls --waiting` heeds what else the list is asked for, and refuses what says nothing of questions."""
    begun(project)
    assert 2 == len(listed(project, "ls", "--waiting", "-i", "table=t1"))
    assert [] == listed(project, "ls", "--waiting", "-i", "table=t2")
    said = leadflow("runs", "ls", "--waiting", "--status", "done", folder=project)
    assert (2, True) == (said.code, "whatever their status" in said.stderr)


def test_answers_let_the_run_go_on(project: Path) -> None:
    """In this process: what is left is asked for, and behind the last answer the result is printed."""
    _, run = begun(project)
    again = leadflow("answer", run[:8], "reason", OLD, "-q", folder=project)
    assert (3, "", QUESTIONS[0].replace(" (NOW ago)", "")) == (again.code, again.stdout, plain(again, run)[1].strip())
    done = leadflow("approve", run, "main/ok", "--yes", "-q", folder=project)
    assert (0, APPROVED) == (done.code, done.stdout)
    assert [] == listed(project, "ls", "--waiting")


def test_an_answer_may_be_kept_for_later(project: Path) -> None:
    """`--no-resume` keeps it; `leadflow resume` goes on with it."""
    _, run = begun(project)
    for words in (("approve", run, "ok", "--yes"), ("answer", run, "reason", OLD)):
        kept = leadflow(*words, "--no-resume", folder=project)
        assert (0, ["kept; go on with `leadflow resume RUN`"]) == (kept.code, plain(kept, run))
        shown = leadflow("runs", "show", run, folder=project).stdout
        step = next(line for line in shown.splitlines() if f" {words[2]}  " in line)
        assert (True, False) == (step.endswith(f"  answered by {this_user()}, not yet resumed"), "waits for" in step)
    found = json.loads(leadflow("runs", "show", run, "--json", folder=project).stdout)
    assert f"answered by {this_user()}, not yet resumed" == found["steps"]["main/ok"]["reason"]
    assert (0, APPROVED) == ((done := leadflow("resume", "-q", folder=project)).code, done.stdout)


def test_a_no_fails_the_step_with_who_said_it(project: Path) -> None:
    """Code 1, and the log says who answered: the user of the process."""
    _, run = begun(project)
    said = leadflow("approve", run, "ok", "--no", "--note", "not today", "-q", folder=project)
    assert 1 == said.code
    assert re.match(r"failed: main/ok: \S+ said no at .* UTC: not today \[permission.refused\]\n", said.stderr), said
    log = [json.loads(line) for line in leadflow("runs", "logs", run, folder=project).stdout.splitlines()]
    (answer,) = [entry for entry in log if entry["event"] == "QuestionAnswered"]
    assert (False, "not today") == (answer["value"], answer["note"])
    assert answer["by"] and f"{answer['by']} said no" in said.stderr
    shown = leadflow("runs", "show", run, folder=project).stdout
    assert f"main/ok answered by {answer['by']}: false (not today)" in shown, shown


@pytest.mark.parametrize(("words", "told"), [
    (("approve", "RUN", "nix", "--yes"), "run RUN has no open question at 'nix'; open: main/ok, main/reason"),
    (("approve", "RUN", "reason", "--yes"),
     "the answer to main/reason has to be of the type Reason: expected Reason, got bool;"
     """ as in `leadflow answer RUN reason '{"why": "old", "note": "TEXT"}'`"""),
    (("answer", "RUN", "ok", "perhaps"),
     "the answer to main/ok has to be of the type bool: expected bool, got other text"),
    (("answer", "RUN", "reason", '{"why": "bad"}'),
     "the answer to main/reason has to be of the type Reason: at /why: expected "),
    (("answer", "RUN", "reason", '{"why": '),
     "the answer to main/reason has to be of the type Reason: expected Reason, written as JSON, got "),
    (("answer", "nix", "reason", "{}"), "there is no run 'nix'; `leadflow runs` lists them"),
])  # fmt: skip
def test_what_is_no_answer_changes_nothing(project: Path, words: Sequence[str], told: str) -> None:
    """Code 2, one line, and the question stays open."""
    _, run = begun(project)
    said = leadflow(*(run if word == "RUN" else word for word in words), folder=project)
    assert (2, "") == (said.code, said.stdout)
    assert plain(said, run)[0].startswith(f"error: {told}"), said.stderr
    assert 2 == len(listed(project, "ls", "--waiting"))


@pytest.mark.parametrize(("words", "told"), [
    ((), "say --yes or --no; see `leadflow approve --help`\n"),
    (("--yes", "--no"), "say --yes or --no, not both; see `leadflow approve --help`\n"),
])  # fmt: skip
def test_an_approval_has_to_be_said(project: Path, words: Sequence[str], told: str) -> None:
    """Neither yes nor no, and both, are refused; the question stays open."""
    _, run = begun(project)
    said = leadflow("approve", run, "ok", *words, folder=project)
    assert (2, True) == (said.code, said.stderr.endswith(told)), said.stderr
    assert 2 == len(listed(project, "ls", "--waiting"))


def test_a_broken_run_hides_no_questions(project: Path) -> None:
    """Case D11: it is told among those of all runs, and nothing of it is used."""
    _, broken = begun(project)
    _, run = begun(project)
    with closing(sqlite3.connect(project / ".leadflow" / "journal.db")) as journal:
        journal.execute(
            "UPDATE lf_event SET text = replace(text, 'Drop', 'Keep')"
            " WHERE key >> 32 = (SELECT min(number) FROM lf_run)"
        )
        journal.commit()
    said = leadflow("runs", "--waiting", folder=project)
    assert (0, QUESTIONS) == (said.code, plain(Said(0, said.stdout, ""), run))
    assert said.stderr.startswith(f"warning: run {broken}: row ") and 1 == len(said.stderr.splitlines())


def test_a_waiting_run_can_be_cancelled(project: Path) -> None:
    """`runs cancel` ends it; nobody is asked any more."""
    _, run = begun(project)
    assert 0 == leadflow("runs", "cancel", run, folder=project).code
    assert (["cancelled"], []) == ([row["status"] for row in listed(project)], listed(project, "ls", "--waiting"))
    late = leadflow("approve", run, "ok", "--yes", folder=project)
    assert (2, ["error: run RUN of main asks nobody now; it is cancelled"]) == (late.code, plain(late, run))


def test_an_answer_is_kept_although_the_flow_has_changed(project: Path) -> None:
    """Case D6: the run goes on with what it was started with only when somebody says so."""
    _, run = begun(project)
    leadflow("answer", run, "reason", OLD, "--no-resume", folder=project)
    (project / "main.flow").write_text(FLOW.replace("Drop", "Really drop"))
    said = leadflow("approve", run, "ok", "--yes", folder=project)
    assert (2, [
        "error: the answer is kept, but main.flow has changed since run RUN was started; `leadflow resume RUN"
        " --as-started` goes on with the flow as it was, `leadflow resume RUN --migrate` with the flow as it is"
    ]) == (said.code, plain(said, run))  # fmt: skip
    done = leadflow("resume", run, "--as-started", "-q", folder=project)
    assert (0, APPROVED) == (done.code, done.stdout)


def test_an_answer_is_kept_although_the_flow_has_mistakes_now(project: Path) -> None:
    """Behind the mistakes it says so, and what goes on without the flow as it is."""
    _, run = begun(project)
    (project / "main.flow").write_text(FLOW.replace("rows: rows", "rows: rowz"))
    said = leadflow("approve", run, "ok", "--yes", folder=project)
    assert 1 == said.code and "the answer is kept; `leadflow resume RUN --as-started`" in plain(said, run)[-1]
    assert ["main/reason"] == [row["step"] for row in listed(project, "ls", "--waiting")]


def test_from_another_folder_the_commands_name_the_project(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is printed can be typed where it was printed."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    said = leadflow("run", str(project / "main.flow"), "-i", "table=t1", "-q", folder=elsewhere)
    command = next(line for line in said.stderr.splitlines() if "leadflow approve" in line).partition("#")[0].split()
    assert ["--in", os.path.relpath(project, elsewhere)] == command[-2:]
    assert 3 == leadflow(*command[1:], folder=elsewhere).code


def test_a_run_that_is_not_kept_asks_nobody(project: Path) -> None:
    """It says so before anything starts."""
    said = leadflow("run", "main.flow", "-i", "table=t1", "--no-journal", "-q", folder=project)
    assert (1, "") == (said.code, said.stdout)
    assert "agent 'desk': people answer when they can, and a run that is not kept cannot wait for them" in said.stderr


@pytest.mark.parametrize("seen", [True, False])
def test_a_run_that_another_process_works_on_hears_of_the_answer(
    project: Path, monkeypatch: pytest.MonkeyPatch, *, seen: bool
) -> None:
    """Whoever answers leaves the run to whom it belongs, also when that took it up a moment ago."""
    _, run = begun(project)
    if not seen:
        monkeypatch.setattr("leadflow.cli.answering.is_interrupted", lambda row: True)

    async def claimed() -> None:
        async with opened(load_project(project / "main.flow"), SystemClock()) as store:
            await store.claim(run)

    asyncio.run(claimed())
    said = leadflow("approve", run, "ok", "--yes", folder=project)
    assert (0, ["kept; run RUN is under way in another process, which hears of it"]) == (said.code, plain(said, run))
    assert ["main/reason"] == [row["step"] for row in listed(project, "ls", "--waiting")]


# --- at a terminal ------------------------------------------------------------------------------------------------


def on_terminal(folder: Path, answers: Sequence[tuple[str, str]], *more: str) -> tuple[int, str]:
    """`leadflow run` on a terminal, where somebody types an answer behind each prompt; its code, and all it said."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    words = [LEADFLOW, "run", "main.flow", "-i", "table=t1", *more]
    with subprocess.Popen(words, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said, left, since = "", list(answers), 0
        try:
            while select.select([ours], [], [], 10)[0] and (piece := os.read(ours, 65536)):
                said += piece.decode(errors="replace")
                if left and left[0][0] in said[since:]:
                    os.write(ours, left.pop(0)[1].encode())
                    since = len(said)
        except OSError:  # the other side is closed
            process.wait(timeout=10)
        finally:
            process.kill()
            os.close(ours)
    return process.returncode, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said).replace("\r\n", "\n")


def test_whoever_sits_at_the_terminal_is_asked(project: Path) -> None:
    """What does not fit is told and asked again; the run goes on in the same process."""
    code, said = on_terminal(
        project,
        [
            ("yes, no or later: ", "yes\n"),
            ("Reason (empty: later): ", "nix\n"),
            ("Reason (empty: later): ", OLD + "\n"),
        ],
    )
    assert (0, True) == (code, said.endswith(APPROVED)), said
    assert "main/ok asks dba: Drop t1?\n    table: t1\n    rows: 3\n" in said
    assert "error: the answer to main/reason has to be of the type Reason: " in said
    assert ["done"] == [row["status"] for row in listed(project)]


REPLAYED = """
test "as recorded" {
  replay "run.jsonl"
  run r = main(table: "t1")
  expect r.value == { rows: 3, why: "old" }
}
"""


def test_a_recording_goes_on_behind_the_answers(project: Path) -> None:
    """What was asked before and after is in it, each once, so that a test can play it."""
    answers = [("yes, no or later: ", "y\n"), ("Reason (empty: later): ", OLD + "\n")]
    code, said = on_terminal(project, answers, "--record", "run.jsonl")
    assert (0, True) == (code, "recorded 3 calls in run.jsonl; a test answers with them" in said), said
    (project / "main.flow").write_text(FLOW + REPLAYED)
    tested = leadflow("test", "main.flow", folder=project)
    assert 0 == tested.code, tested.stdout + tested.stderr


def test_a_recording_goes_on_in_the_next_process(project: Path) -> None:
    """A run that waits for people is recorded up to there, and goes on so when it is answered or resumed; one that
    never began is not recorded."""
    said = leadflow("run", "main.flow", "-i", "table=t1", "--record", "run.jsonl", folder=project)
    assert (3, True) == (said.code, "recorded 2 calls in run.jsonl so far; it goes on when" in said.stderr), said.stderr
    run = str(listed(project)[0]["run"])
    said = leadflow("run", "main.flow", "-i", "table=t1", "--resume", "-q", folder=project)
    assert (2, True) == (said.code, f"run {run} is recorded; `leadflow resume {run}`" in said.stderr), said.stderr
    assert 3 == leadflow("answer", run, "reason", OLD, folder=project).code
    leadflow("approve", run, "ok", "--yes", "--no-resume", folder=project)
    said = leadflow("resume", folder=project)
    assert (0, True) == (said.code, "recorded 3 calls in " in said.stderr)
    (project / "main.flow").write_text(FLOW + REPLAYED)
    tested = leadflow("test", "main.flow", folder=project)
    assert 0 == tested.code, tested.stdout + tested.stderr
    said = leadflow("run", "main.flow", "-i", "table=t1", "--record", "never.jsonl", "--no-journal", folder=project)
    assert (1, False, False) == (said.code, "recorded" in said.stderr, (project / "never.jsonl").exists())


def test_half_a_recording_is_not_gone_on_with(project: Path) -> None:
    """What an earlier process wrote is not there, or is of another run: that is told, and the run goes on."""
    leadflow("run", "main.flow", "-i", "table=t1", "--record", "run.jsonl", "-q", folder=project)
    leadflow("run", "main.flow", "-i", "table=t1", "--record", "run.jsonl", "-q", folder=project)
    newest, oldest = (str(row["run"]) for row in listed(project))
    said = leadflow("approve", oldest, "ok", "--yes", "-q", folder=project)
    assert f"run {oldest} is not recorded any further: " in said.stderr
    assert "is the recording of another run" in said.stderr
    (project / "run.jsonl").unlink()
    said = leadflow("approve", newest, "ok", "--yes", "-q", folder=project)
    assert "the recording run.jsonl cannot be read: No such file or directory" in said.stderr
    assert (3, False) == (said.code, (project / "run.jsonl").exists())


def test_what_is_left_for_later_stays_open(project: Path) -> None:
    """The run is paused, and says what to type; what was answered is kept."""
    code, said = on_terminal(
        project, [("yes, no or later: ", "N\n"), ("why: ", "not today\n"), ("Reason (empty: later): ", "\n")]
    )
    assert (1, True) == (code, "said no at" in said and "not today" in said), said
    code, said = on_terminal(project, [("yes, no or later: ", "later\n"), ("Reason (empty: later): ", "\x04")])
    assert (3, 2) == (code, len(listed(project, "ls", "--waiting"))), said
    assert re.search(r"leadflow approve \S+ main/ok --yes", said)
