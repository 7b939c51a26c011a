"""What only a process of its own shows: signals, pipes, terminals, the handles that programs inherit."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

PROJECT = Path(__file__).resolve().parent / "project"
"""Where nothing may be left behind: what runs there runs in a copy."""
LEADFLOW = str(Path(sys.executable).with_name("leadflow"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, in which runs may be kept."""
    return Path(shutil.copytree(PROJECT, tmp_path / "project"))


@contextmanager
def running(folder: Path, *words: str, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    """`leadflow WORDS` under way in a folder; ended at the end, whatever it does."""
    ours = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), *ours)))}
    with subprocess.Popen(
        [LEADFLOW, *words],
        cwd=folder,
        env=env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(stream: IO[str] | None, words: str) -> None:
    """Read lines until one has these words."""
    assert stream is not None
    for line in stream:
        if words in line:
            return
    raise AssertionError(f"nothing said {words}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_the_run_clean_up(number: signal.Signals, code: int, tmp_path: Path, project: Path) -> None:
    """A run that is not kept: calls are cancelled and awaited; the exit code is 128 and the signal's number."""
    with running(tmp_path, "run", str(project / "waiting.flow"), "patient", "--no-journal") as process:
        wait_for(process.stderr, "▸")
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (code, "") == (process.returncode, out)
    assert err.index("cleaned up") < err.index("was stopped")
    assert err.endswith("error: interrupted; what was under way has been cleaned up\n")


def test_an_interrupted_run_takes_back_what_it_did(tmp_path: Path, project: Path) -> None:
    """Case X1, rule C7: the steps that are done are undone before the command ends, and it says so."""
    with running(tmp_path, "run", str(project / "booking.flow"), "-i", "city=Limbo", "--no-journal") as process:
        for step in ("seat", "room", "mail", "paid"):
            wait_for(process.stderr, f"▸ {step} ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (130, "") == (process.returncode, out)
    assert ["gave back the room Limbo", "gave back the seat Limbo"] == re.findall("gave back .*", err)
    assert err.endswith("cleaned up\nundone: trip/room, trip/seat\n")


def test_a_second_signal_ends_the_run_at_once(tmp_path: Path, project: Path) -> None:
    """A call that does not stop keeps nobody waiting who says it twice."""
    with running(tmp_path, "run", str(project / "waiting.flow"), "stubborn") as process:
        wait_for(process.stderr, "▸")
        process.send_signal(signal.SIGINT)
        wait_for(process.stderr, "pauses: ")
        process.send_signal(signal.SIGINT)
        process.wait(timeout=3)
    assert 130 == process.returncode


def test_ctrl_c_before_a_run_exists_says_that_nothing_was_begun(tmp_path: Path, project: Path) -> None:
    """Case X8: whoever stops a command wants to know whether anything was done."""
    words = ("run", str(project / "waiting.flow"), "patient", "--input-file", "-")
    with running(tmp_path, *words, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(" " * 1_000_000)  # more than a pipe holds: done when the command reads, and waits for more
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (130, "", "error: interrupted; nothing was begun\n") == (process.returncode, out, err)


def test_under_json_all_of_standard_error_is_json(tmp_path: Path, project: Path) -> None:
    """Also how it was interrupted."""
    with running(tmp_path, "run", str(project / "waiting.flow"), "patient", "--json", "--no-journal") as process:
        wait_for(process.stderr, "NodeStarted")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert "RunCancelled" == [json.loads(line)["event"] for line in err.splitlines()][-1]


def test_programs_that_functions_start_do_not_print_into_the_result(tmp_path: Path, project: Path) -> None:
    """They inherit a standard output that is standard error."""
    with running(tmp_path, "run", str(project / "waiting.flow"), "shout", "--quiet") as process:
        out, err = process.communicate(timeout=20)
    assert (0, "1\n", "shouted\n") == (process.returncode, out, err)


@pytest.mark.parametrize("words", [["explain"], ["check", "--format", "json", str(PROJECT)]])
def test_a_reader_who_has_enough_is_no_problem(words: list[str], tmp_path: Path) -> None:
    """A closed pipe ends the command without a word, with the code of SIGPIPE."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [LEADFLOW, *words], cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=20, check=False
        )
    finally:
        os.close(writing)
    assert (141, "") == (done.returncode, done.stderr)


def test_a_run_goes_on_when_nobody_reads_its_events(tmp_path: Path, project: Path) -> None:
    """Events are for whoever reads them; the result counts."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [LEADFLOW, "run", str(project / "good.flow"), "number"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=writing,
            text=True,
            timeout=20,
            check=False,
        )
    finally:
        os.close(writing)
    assert (0, "42\n") == (done.returncode, done.stdout)


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_a_bug_is_shown_as_ours(debug: list[str]) -> None:
    """In two lines; `--debug` shows the traceback."""
    broken = "from leadflow.cli import explain, main\nexplain.page = None\nmain.main()\n"
    words = [*debug, "explain", "FLOW201"]
    done = subprocess.run(
        [sys.executable, "-c", broken, *words], capture_output=True, text=True, timeout=20, check=False
    )
    assert (1, "") == (done.returncode, done.stdout)
    assert bool(debug) is ("Traceback" in done.stderr)
    assert bool(debug) is ("This is a bug in leadflow, not in your flow." not in done.stderr)
    assert "TypeError: 'NoneType' object is not callable" in done.stderr
    assert bool(debug) is (len(done.stderr.splitlines()) > 2)


def on_terminal(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and all that is written to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [LEADFLOW, *words], cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:  # the other side is closed
            process.wait(timeout=20)
        finally:
            os.close(ours)
    return process.returncode, said.decode()


def plain(said: str) -> list[str]:
    """The lines of a terminal without colours, moves of the cursor and how long things took."""
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said).splitlines()
    return [re.sub(r"[0-9.]+ m?s$", "TIME", " ".join(line.split())) for line in lines if line.strip()]


def test_a_terminal_gets_a_picture(tmp_path: Path, project: Path) -> None:
    """A row per step, which stays, and below it the result; what functions print stands above."""
    code, said = on_terminal(tmp_path, "run", str(project / "good.flow"), "chatty")
    lines = plain(said)
    assert 0 == code
    assert ["✓ chatty TIME", "✓ heard TIME", "1"] == lines[-3:]
    assert "the desk prints this" in lines
    assert said.endswith("1\r\n")


def test_a_terminal_is_told_of_warnings(tmp_path: Path, project: Path) -> None:
    """One line, and where to see them."""
    _, said = on_terminal(tmp_path, "run", str(project / "warned.flow"), "--input", "name=Ada")
    assert re.search(r"^1 warning; `leadflow check .*warned.flow` shows them$", plain(said)[0])


def test_a_terminal_gets_colours(tmp_path: Path, project: Path) -> None:
    """And a pipe does not."""
    _, said = on_terminal(tmp_path, "check", str(project / "wrong.flow"))
    assert "\x1b[1;31merror[FLOW201]\x1b[0m" in said
    with running(tmp_path, "check", str(project / "wrong.flow")) as process:
        out, _ = process.communicate(timeout=20)
    assert "\x1b" not in out
