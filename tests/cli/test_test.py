"""`leadflow test` beside what its session shows: reports for machines, and watching."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import junitparser
import pytest

from leadflow.cli.changes import PAUSE, Snapshot, change, snapshot
from leadflow.run.adapters import SystemClock
from leadflow.testing import run_virtual
from tests.cli.session import leadflow

SOURCE = """leadflow 1

agent fast: openai { model: "gpt-5-mini" }

flow main(text: string) -> string {
  step a = fast.ask(text)
  return a
}

test "right" {
  mock main.a => "b"
  run r = main(text: "a")
  expect r.value == "b"
}

test "wrong, with \\u{1} and <tags>" {
  mock main.a => "\\u{1}"
  run r = main(text: "a")
  expect r.value == "<b>"
}

test "nobody answers" {
  run r = main(text: "a")
  expect r.value == "<b>"
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a flow that has tests, one without, and one with a mistake."""
    (tmp_path / "main.flow").write_text(SOURCE, "utf-8")
    (tmp_path / "none.flow").write_text("leadflow 1\nflow main() -> int { return 1 }\n", "utf-8")
    (tmp_path / "wrong.flow").write_text(
        'leadflow 1\nflow main() -> int { return "1" }\ntest "x" { run r = main() expect r.value == 1 }\n', "utf-8"
    )
    return tmp_path


ELEMENTS = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {
        "name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id", "package",
    },
    "testcase": {"name", "assertions", "time", "classname", "status"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
}  # fmt: skip
"""What Jenkins' schema of the form knows, of what we write, and their attributes."""


def test_junit(folder: Path) -> None:
    """The report is what CI servers read: nothing unknown is in it, and junitparser finds every test and failure."""
    said = leadflow("test", "--junit", "out.xml", folder=folder)
    assert 1 == said.code
    for tag, written in re.findall(r'<(\w+)((?: \w+="[^"]*")*)', (folder / "out.xml").read_text("utf-8")):
        assert set(re.findall(r" (\w+)=", written)) <= ELEMENTS[tag]
    report = junitparser.JUnitXml.fromfile(str(folder / "out.xml"))
    assert (4, 2, 1, 0) == (report.tests, report.failures, report.errors, report.skipped)
    found = {case.name: [type(one).__name__ for one in case.result] for suite in report for case in suite}
    assert {
        "right": [],
        "wrong, with \ufffd and <tags>": ["Failure"],
        "nobody answers": ["Failure"],
        "the file is right": ["Error"],
    } == found


def test_json(folder: Path) -> None:
    """Everything is in the document, and nothing else on standard output."""
    said = leadflow("test", "--format", "json", folder=folder)
    told = json.loads(said.stdout)
    assert (1, 1, 2, "") == (said.code, told["passed"], told["failed"], said.stderr)
    kinds = {test["name"]: [problem["kind"] for problem in test["problems"]] for test in told["tests"]}
    assert {"right": [], "wrong, with \x01 and <tags>": ["unmet"], "nobody answers": ["unmocked"]} == kinds
    (error,) = told["errors"]
    assert "FLOW301" == error["code"]
    assert 100.0 == told["coverage"]["percent"]


def test_a_report_that_cannot_be_written(folder: Path) -> None:
    """A folder that is not there is said in one line."""
    said = leadflow("test", "main.flow", "--junit", "no/out.xml", folder=folder)
    assert (2, "error: no/out.xml: No such file or directory\n") == (said.code, said.stderr)


def test_a_change_is_waited_for_until_it_is_whole() -> None:
    """Looks agree twice before a change counts; until then nothing does."""
    looks = iter([1, 1, 1, 2, 3, 3, 4])
    now: list[int] = []

    def look() -> Snapshot:
        now.append(next(looks))
        return {"main.flow": (now[-1], 0)}

    async def main() -> tuple[Snapshot, float]:
        clock = SystemClock()
        return await change(look, {"main.flow": (1, 0)}, clock), clock.monotonic()

    seen, at = run_virtual(main())
    assert {"main.flow": (3, 0)} == seen
    assert [1, 1, 1, 2, 3, 3] == now
    assert pytest.approx(6 * PAUSE.total_seconds()) == at


def test_a_snapshot_leaves_out_what_is_not_there(folder: Path) -> None:
    """A file that is gone is another snapshot."""
    file = str(folder / "main.flow")
    before = snapshot([file, str(folder / "nothing")])
    Path(file).unlink()
    assert ([file], []) == (list(before), list(snapshot([file])))


def test_watching(folder: Path) -> None:
    """`--watch` makes the tests again after a change, says what is wrong meanwhile, and ends with Ctrl-C."""
    (folder / "wrong.flow").unlink()
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("leadflow")), "test", "--watch", "-k", "right"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        lines = iter(process.stdout.readline, "")
        said: list[str] = []

        def until(word: str) -> None:
            for line in lines:
                said.append(line)
                if word in line:
                    return

        until("waiting for a change")
        assert any("1 passed" in line for line in said)
        (folder / "main.flow").write_text(SOURCE.replace('mock main.a => "b"', 'mock main.a => "c"'), "utf-8")
        until("waiting for a change")
        assert any("1 failed" in line for line in said)
        (folder / "main.flow").write_text("leadflow 1\n", "utf-8")
        until("waiting for a change")
        assert any("no test here has 'right' in its name" in line for line in said)
        process.send_signal(signal.SIGINT)
        assert 130 == process.wait(timeout=20)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
