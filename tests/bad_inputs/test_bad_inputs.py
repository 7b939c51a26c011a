"""Every bad input of the catalogue has its outcome: a code, a place, in time, without a traceback or any other deed.

Cases 1 to 63 and 120 to 126. Case 123 (a file that changes while it is used) is a test of the Python door.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import leadflow.pipeline
from leadflow.diagnostics import pages
from leadflow.run.errors import CallError
from tests.bad_inputs import expressions, imports, inputs, sources
from tests.bad_inputs.case import Case, parameters
from tests.bad_inputs.codes import MEANINGS
from tests.bad_inputs.inputs import SECRET
from tests.bad_inputs.worker import Deed

CASES = [*sources.cases(), *expressions.cases(), *inputs.cases(), *imports.cases()]
ELSEWHERE = {123, 125}
"""Tested in tests/test_api.py and tests/check/test_imports.py."""
CHECK = ("check", "--format", "concise", "main.flow")
SECONDS, MEBIBYTES = 3.0, 64.0  # three times the promise: machines differ
ROOT = Path(__file__).resolve().parents[2]
Do = Callable[..., Deed]


@pytest.fixture(scope="module")
def worker() -> Iterator[subprocess.Popen[str]]:
    """The process that does it."""
    command = [sys.executable, "-m", "tests.bad_inputs.worker"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def do(worker: subprocess.Popen[str]) -> Do:
    """Does a command in a folder, and says what happened."""

    def run(folder: Path, *words: str) -> Deed:
        assert worker.stdin is not None
        assert worker.stdout is not None
        print(json.dumps({"folder": str(folder), "words": words}), file=worker.stdin, flush=True)
        return Deed(**json.loads(worker.stdout.readline()))

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder, with a world outside of it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "leadflow.toml").touch()
    return folder


@pytest.mark.parametrize("case", parameters(CASES))
def test_bad_input(case: Case, do: Do, project: Path) -> None:
    """The case ends as the catalogue says, and nothing else happens."""
    case.write(project)
    deed = do(project, *(case.words or CHECK))
    assert ("", []) == (deed.crash, strange(case, deed, project))
    assert "Traceback" not in deed.stdout + deed.stderr
    assert deed.seconds < SECONDS
    assert deed.mebibytes < MEBIBYTES
    assert case.says in deed.stdout + deed.stderr
    if case.meaning is None:
        assert deed.code == 0 or " error " not in deed.stdout
        assert case.result is None or holds(json.loads(deed.stdout), json.loads(case.result))
        return
    assert SECRET not in deed.stdout + deed.stderr
    if case.codes:
        assert 1 == deed.code
        assert set(case.codes) & set(re.findall(r"FLOW\d{3}|(?<=\[)[a-z_.]+(?=\]$)", deed.stdout + deed.stderr, re.M))
        assert all(is_inside(place, project) for place in re.findall(r"^(.*?):(\d+):(\d+): ", deed.stdout, re.M))
    else:
        assert (2, "") == (deed.code, deed.stdout)
        assert all(line.startswith("error: ") for line in deed.stderr.splitlines())


def strange(case: Case, deed: Deed, project: Path) -> list[str]:
    """What a command did that nobody asked for. A run needs the pair of sockets that every event loop has, and a few
    variables for the programs that it might start."""
    allowed = {
        "socket.__new__",
        *(f"environment {name}" for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")),
    }
    outside = [path for path in deed.opened if ".." in path or not (project / path).is_relative_to(project)]
    return outside + [what for what in deed.forbidden if case.words[:1] != ("run",) or what not in allowed]


def is_inside(place: tuple[str, str, str], project: Path) -> bool:
    """Whether a line and a column are in the file."""
    name, line, column = place[0], int(place[1]), int(place[2])
    if not (project / name).is_file() or (project / name).is_symlink():
        return (line, column) == (1, 1)
    data = (project / name).read_bytes().decode("utf-8", "replace").removeprefix("\ufeff")
    lines = re.split("\r\n|\r|\n", data)
    return line <= len(lines) and column <= len(lines[line - 1]) + 1


def holds(printed: object, wanted: object) -> bool:
    """Whether that was printed, or stands in a field of what was."""
    return printed == wanted or (isinstance(printed, dict) and wanted in printed.values())


def test_every_case_of_the_catalogue_is_here() -> None:
    """The sections on sources, expressions, inputs, files and imports are complete."""
    assert {*range(1, 64), *range(120, 127)} == {case.number for case in CASES} | ELSEWHERE


def test_every_meaning_has_a_spelling() -> None:
    """The table names codes that the checker has and errors that a run has, and every case uses the table or a code."""
    assert leadflow.pipeline.CATALOGUE
    errors = {kind.error for kind in subclasses(CallError)}
    assert [] == [code for codes in MEANINGS.values() for code in codes if code not in {*pages(), *errors}]
    assert [] == [case.meaning for case in CASES if case.meaning not in {None, *MEANINGS, *pages()}]


def subclasses(kind: type[CallError]) -> Iterator[type[CallError]]:
    """A class and all below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from subclasses(below)
