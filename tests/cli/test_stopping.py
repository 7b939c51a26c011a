"""What real signals do to runs that are kept (cases X8, X9): the first pauses the run, the second ends its process."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.session import leadflow

LEADFLOW = str(Path(sys.executable).with_name("leadflow"))
FLOW = """leadflow 1
@read tool look(x: string) -> string = python("work:look")
tool file(x: string) -> string = python("work:file")
@retry(3, backoff: 4s, jitter: "none", on: ["tool"])
@read tool again(x: string) -> string = python("work:again")

flow main() -> string {
  step seen = look("1")
  step filed = file(seen)
  return filed
}

flow patient() -> string {
  step a = again("1")
  return a
}
"""
WORK = '''"""Effects stand in a file; a look takes until somebody opens the gate."""
import asyncio
from pathlib import Path

HERE = Path(__file__).parent


def _done(name):
    with (HERE / "effects").open("a") as file:
        file.write(name + "\\n")


async def look(x):
    _done("look")
    while not (HERE / "gate").exists():
        await asyncio.sleep(0.02)
    return "seen"


def file(x):
    _done("file")
    return "filed"


def again(x):
    _done("again")
    if len((HERE / "effects").read_text().split()) < 2:
        raise ValueError("no")
    return "at last"
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a flow whose first step takes as long as the test likes."""
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


_OF_A_CALL = re.compile(r"\{|[ 0-9.]+ m?s ")


class Running:
    """`leadflow WORDS` under way, whose lines are read one by one."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.told = ""

    def until(self, words: str) -> None:
        """Read lines up to one with these words."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if words in line:
                return
            self.told += line
        raise AssertionError(f"nothing said {words}: {self.told}")

    def ended(self) -> tuple[int, str, str]:
        """The exit code, the result, and what was said at last."""
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, "\n".join(line for line in err.splitlines() if not _OF_A_CALL.match(line))


@contextmanager
def running(folder: Path, *words: str) -> Iterator[Running]:
    """A process of its own, killed at the end whatever it does."""
    with subprocess.Popen(
        [LEADFLOW, *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def effects(project: Path) -> list[str]:
    """What was done, in order."""
    return (project / "effects").read_text().split()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_pauses(number: signal.Signals, code: int, project: Path) -> None:
    """What is under way ends, nothing begins, nothing is taken back; the run says how it goes on, and does."""
    with running(project, "run", "main.flow", "main") as run:
        run.until("▸")
        run.process.send_signal(number)
        run.until("pauses: ")
        (project / "gate").touch()
        ended = run.ended()
    told = re.sub(r"[0-9a-f]{8}-[-0-9a-f]{27}", "RUN", ended[2])
    assert (code, "", ["look"]) == (*ended[:2], effects(project))
    assert (
        "error: stopped; nothing that was acknowledged is lost\n"
        "  leadflow resume RUN   goes on with the run\n"
        "  leadflow runs cancel RUN   takes back what it did"
    ) == told
    assert ["interrupted"] == [row["status"] for row in json.loads(leadflow("runs", "--json", folder=project).stdout)]
    done = leadflow("resume", "-q", folder=project)
    assert (0, '"filed"\n', ["look", "file"]) == (done.code, done.stdout, effects(project))


def test_the_second_signal_ends_the_process(project: Path) -> None:
    """At once, and the run goes on all the same: what was under way only reads, and is called again."""
    with running(project, "run", "main.flow", "main") as run:
        run.until("▸")
        run.process.send_signal(signal.SIGINT)
        run.until("pauses: ")
        run.process.send_signal(signal.SIGTERM)
        code, _, told = run.ended()
    assert 143 == code
    (row,) = json.loads(leadflow("runs", "--json", folder=project).stdout)
    assert told.endswith(
        "error: ended at once; nothing that was acknowledged is lost\n"
        f"  leadflow resume {row['run']}   goes on with the run"
    )
    (project / "gate").touch()
    done = leadflow("resume", "-q", folder=project)
    assert (0, '"filed"\n', ["look", "look", "file"]) == (done.code, done.stdout, effects(project))


def test_a_signal_between_two_attempts_waits_for_nothing(project: Path) -> None:
    """The pause is not waited for; what is left of it is, and the attempts count, when the run goes on."""
    with running(project, "run", "main.flow", "patient") as run:
        run.until("again in ")
        run.process.send_signal(signal.SIGTERM)
        assert 143 == run.ended()[0]
    assert ["again"] == effects(project)
    done = leadflow("resume", "-q", folder=project)
    assert (0, '"at last"\n', ["again", "again"]) == (done.code, done.stdout, effects(project))


def test_a_signal_to_the_whole_group_is_one(project: Path) -> None:
    """Ctrl-C on a terminal reaches all processes of the group: the run is paused, and its programs are its own."""
    with running(project, "run", "main.flow", "main") as run:
        run.until("▸")
        os.killpg(run.process.pid, signal.SIGINT)
        run.until("pauses: ")
        (project / "gate").touch()
        assert 130 == run.ended()[0]


def test_under_json_a_paused_run_says_nothing_but_events(project: Path) -> None:
    """The last of them is the pause, or what ended behind it."""
    with running(project, "run", "main.flow", "main", "--json") as run:
        run.until("NodeStarted")
        run.process.send_signal(signal.SIGTERM)
        run.until("RunPaused")
        (project / "gate").touch()
        assert (143, "", "") == run.ended()
