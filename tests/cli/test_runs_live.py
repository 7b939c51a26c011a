"""`leadflow runs watch` and `cancel` on runs that another process works on, and `runs ls` among many runs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.session import leadflow

FLOW = """leadflow 1
@read tool look(x: string) -> string = python("work:look")
tool file(x: string) -> { id: string } = python("work:file")
tool drop(x: string) = python("work:drop")

flow main(ticket: string) -> string {
  step filed = file(ticket) undo drop(filed.id)
  step told = look(filed.id)
  return told
}
"""
WORK = '''"""A look that lasts until a file says that it is over, or for ever."""
import asyncio
from pathlib import Path

HERE = Path(__file__).parent


async def look(x):
    if not (HERE / "over").exists():
        (HERE / "looking").write_text("")  # goes on when somebody has read it
    while not (HERE / "over").exists():
        await asyncio.sleep(0.02)
    return "seen " + x


def file(x):
    return {"id": x}


def drop(x):
    with (HERE / "dropped").open("a") as file:
        file.write(x + "\\n")
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose flow waits in its second step."""
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "work.py").write_text(WORK)
    os.mkfifo(tmp_path / "looking")
    return tmp_path


@pytest.fixture
def other(project: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the flow, and has come to the step that waits."""
    code = "from leadflow.cli.main import cli; cli(['run', 'main.flow', '-i', 'ticket=T-1', '-q'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=project, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    (project / "looking").read_text()  # waits for the writer
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def newest(project: Path) -> str:
    """The id of the newest run."""
    run: str = json.loads(leadflow("runs", "--json", folder=project).stdout)[0]["run"]
    return run


def dropped(project: Path) -> list[str]:
    """What was taken back."""
    file = project / "dropped"
    return file.read_text().splitlines() if file.exists() else []


def test_a_run_of_another_process_is_cancelled(project: Path, other: "subprocess.Popen[str]") -> None:
    """Cases X1, X5: the process that works on it hears of it, takes back what was done, and ends; twice is once."""
    run = newest(project)
    said = leadflow("runs", "cancel", run[:8], "--why", "a test of it", folder=project)
    assert (0, f"undone: main/filed\nrun {run} is cancelled\n") == (said.code, said.stderr)
    stdout, stderr = other.communicate(timeout=10)
    assert (1, "") == (other.returncode, stdout)
    assert "a test of it" in stderr
    assert ["T-1"] == dropped(project)
    again = leadflow("runs", "cancel", run, folder=project)
    assert (0, f"run {run} has ended: it is cancelled\n") == (again.code, again.stderr)
    assert "a test of it" in leadflow("runs", "logs", run, folder=project).stdout


def test_by_force_nothing_is_taken_back(project: Path, other: "subprocess.Popen[str]") -> None:
    """Case S3: a forced cancel of a run of another process ends it as it is."""
    assert 0 != leadflow("runs", "cancel", newest(project), "--force", folder=project).code
    other.communicate(timeout=10)
    assert [] == dropped(project)


def test_a_run_without_a_process_is_ended_here(project: Path, other: "subprocess.Popen[str]") -> None:
    """Case X1: where nobody works on a run any more, the command itself takes back what was done."""
    other.kill()
    other.communicate()
    said = leadflow("runs", "cancel", newest(project), folder=project)
    assert 0 == said.code, said.stderr
    assert ["T-1"] == dropped(project)
    assert ["cancelled"] == [row["status"] for row in json.loads(leadflow("runs", "--json", folder=project).stdout)]
    assert 2 == leadflow("resume", folder=project).code


def test_a_run_of_another_process_is_watched_to_its_end(project: Path, other: "subprocess.Popen[str]") -> None:
    """Every event is shown from the first one on, then the result, as `run` does."""
    watching = subprocess.Popen(
        [sys.executable, "-c", "from leadflow.cli.main import cli; cli()", "runs", "watch", newest(project), "--json"],
        cwd=project, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert watching.stderr is not None
    first = watching.stderr.readline()
    (project / "over").touch()
    stdout, stderr = watching.communicate(timeout=20)
    assert (0, '"seen T-1"\n') == (watching.returncode, stdout)
    events = [json.loads(line)["event"] for line in (first + stderr).splitlines()]
    assert ("RunStarted", "RunDone") == (events[0], events[-1])
    assert (0, '"seen T-1"\n') == (other.wait(10), other.communicate()[0])


def test_whoever_leaves_a_run_alone_leaves_it_alone(project: Path, other: "subprocess.Popen[str]") -> None:
    """Ctrl-C ends the watching, not the run; a run whose process is gone ends the watching, too."""
    run = newest(project)
    watching = subprocess.Popen(
        [sys.executable, "-c", "from leadflow.cli.main import cli; cli()", "runs", "watch", run],
        cwd=project, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert watching.stderr is not None
    watching.stderr.readline()
    os.kill(watching.pid, signal.SIGINT)
    _, stderr = watching.communicate(timeout=10)
    assert 130 == watching.returncode
    assert f"run {run} goes on; `leadflow runs cancel {run}` stops it" in stderr
    assert None is other.poll()
    other.kill()
    other.communicate()
    said = leadflow("runs", "watch", run, "-q", folder=project)
    assert 1 == said.code
    assert f"go on with `leadflow resume {run}`" in said.stderr


def test_runs_are_found(project: Path) -> None:
    """By flow, state, time and input; words that ask for nothing are told."""
    (project / "over").touch()
    for ticket in ("5", "T-2"):
        leadflow("run", "main.flow", "-i", f"ticket={ticket}", "-q", folder=project)

    def found(*options: str) -> list[str]:
        rows = json.loads(leadflow("runs", "ls", "--json", *options, folder=project).stdout)
        return [row["status"] for row in rows]

    assert ["done", "done"] == found("--flow", "main", "--since", "1h", "--status", "done")
    assert ["done"] == found("-i", "ticket=5")
    assert ["done"] == found("--input", 'ticket="T-2"')
    assert [] == found("--flow", "other") == found("--until", "2020-01-01") == found("--state", "interrupted")
    assert [] == found("-i", "ticket=5", "-i", "other=1")
    for options, told in (
        (("--status", "don"), "there is no status 'don'; did you mean 'done'?"),
        (("--since", "soon"), "'soon' is no time; write 2026-11-29"),
        (("-i", 'a"b=1'), "write NAME=VALUE"),
        (("-i", "ticket"), "write NAME=VALUE"),
    ):
        said = leadflow("runs", "ls", *options, folder=project)
        assert 2 == said.code
        assert told in said.stderr
    assert "no run is like that" in leadflow("runs", "ls", "--flow", "x", folder=project).stderr


def test_the_recording_of_a_run_that_is_cancelled_goes_on(tmp_path: Path) -> None:
    """Its undos are calls of the run like all others, whichever process makes them; with `--force` none is made."""
    asks = FLOW.replace("  return", '  step sure = desk.approve("Sure?")\n  return')
    (tmp_path / "main.flow").write_text(asks.replace("\nflow", '\nagent desk: human { assignee: "Ada" }\n\nflow', 1))
    (tmp_path / "work.py").write_text(
        "def look(x): return x\ndef file(x): return {'id': x}\ndef drop(x): return None\n"
    )
    for words, note in (((), "recorded 4 calls in "), (("--force",), "")):
        said = leadflow("run", "main.flow", "-i", "ticket=T", "--record", "run.jsonl", folder=tmp_path)
        assert (3, True) == (said.code, "recorded 3 calls in run.jsonl so far" in said.stderr), said.stderr
        run = json.loads(leadflow("runs", "--json", folder=tmp_path).stdout)[0]["run"]
        said = leadflow("runs", "cancel", run, *words, folder=tmp_path)
        assert (int(not note), True, bool(note)) == (said.code, note in said.stderr, "recorded" in said.stderr), (
            said.stderr
        )
        rows = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
        undone = [row["path"] for row in rows if str(row.get("path", "")).endswith("~undo")]
        assert (["main/filed~undo"] if note else []) == undone
