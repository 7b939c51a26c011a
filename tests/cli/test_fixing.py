"""`check --fix`: what it makes of mistakes, and of the files that they stand in."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.cli.fixing import Looked, edited, fix_all
from leadflow.diagnostics import Diagnostic, Edit, Fix, Source, Span
from leadflow.pipeline import check_source
from tests.check.plants import TRIAGE
from tests.cli.session import leadflow

PLANTS = [
    ("leadflow 1\n", ""),
    ("use std.patterns", "// what others wrote\nuse std.patterns"),
    ("verdict.urgent and", "verdict.urgent &&"),
    ("verdict.urgent and", "verdict.urgent and !false &&"),
    ("step common =", "step common"),
    ("let days =", "let days"),
    ("const most = 50", "const most = 50;"),
    ('"bug" | "billing" }', "'bug' | 'billing' }"),
    ('fast.ask("Classify', 'fast.ask(f"Classify'),
    ("verdict.topic {", "verdict?.topic {"),
    ('then 5, "pro"', 'then 5 "pro"'),
    ('step note = fast.ask("A note on a bug', 'step note fast.ask("A note on a bug'),
]
"""What people write who come from elsewhere: all of it has a safe fix."""
WRONG = "leadflow 1\n\nflow main(a: bool, b: bool) -> bool {\n  return a && !b // both\n}\n"
RIGHT = "leadflow 1\n\nflow main(a: bool, b: bool) -> bool {\n  return a and not b # both\n}\n"


def look_at(text: str) -> Looked:
    """What the checker says of a text."""
    checked, report = check_source("main.flow", text)
    sources = {} if checked is None else {"main.flow": checked.main.source}
    return Looked(report.diagnostics, sources, {"main.flow": text.encode("utf-8")})


def fixed(text: str) -> tuple[Looked, Looked, str]:
    """What is said before and after all safe fixes, and the text then."""
    result = fix_all(
        lambda instead: look_at(instead.get("main.flow", text.encode("utf-8")).decode("utf-8")), unsafe=False
    )
    return look_at(text), result.looked, result.files.get("main.flow", text.encode("utf-8")).decode("utf-8")


def errors(looked: Looked) -> set[tuple[str, str]]:
    """The errors by code and message."""
    return {(finding.code, finding.message) for finding in looked.found if finding.severity == "error"}


@given(st.sets(st.sampled_from(PLANTS)), st.sampled_from(["fild.id }", "filed.id }"]))
def test_nothing_safe_is_left_and_nothing_new_comes(plants: set[tuple[str, str]], other: str) -> None:
    """Whatever is planted together: no safe fix is left, nor any error but that which none mends."""
    text = TRIAGE.replace("id: filed.id }\n  }", f"id: {other}\n  }}", 1)
    own = errors(look_at(text))
    for old, new in sorted(plants):
        text = text.replace(old, new, 1)
    _, after, mended = fixed(text)
    assert [] == [finding for finding in after.found if finding.fix is not None and finding.fix.safe]
    assert own == errors(after)
    assert (mended, after.found) == (mended, look_at(mended).found)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant[1][:20])
def test_each_plant_has_a_safe_fix(plant: tuple[str, str]) -> None:
    """The law above is about something: each mistake is found, and mended."""
    text = TRIAGE.replace(*plant, 1)
    before, after, mended = fixed(text)
    assert before.found
    assert () == after.found
    assert text != mended


def fake(*spans: tuple[int, int], text: str = "") -> Diagnostic:
    """A finding whose safe fix replaces pieces of a text."""
    edits = tuple(Edit(Span("main.flow", *span), text) for span in spans)
    return Diagnostic("FLOW310", "", "error", edits[0].span, f"at {spans}", fix=Fix("", edits, safe=True))


def test_fixes_that_touch_are_made_in_turns() -> None:
    """A fix is made whole or not at all: of two that touch, the second waits for what is found then."""
    rounds: list[bytes] = []

    def look(instead: Mapping[str, bytes]) -> Looked:
        data = instead.get("main.flow", b"abcdef")
        rounds.append(data)
        found = (fake((0, 1), (4, 5), text="-"), fake((1, 2), text="+")) if b"a" in data else ()
        return Looked(found, {"main.flow": Source("main.flow", data.decode())}, {"main.flow": data})

    assert b"-bcd-f" == fix_all(look, unsafe=False).files["main.flow"]
    assert [b"abcdef", b"-bcd-f"] == rounds


def test_a_fix_that_brings_a_new_error_is_taken_back() -> None:
    """Of two fixes one makes things worse: the other is made, and that one is not."""

    def look(instead: Mapping[str, bytes]) -> Looked:
        data = instead.get("main.flow", b"abcd")
        found = [fake((0, 1))] if b"a" in data else [Diagnostic("FLOW201", "", "error", Span("main.flow", 0, 0), "new")]
        found += [fake((2, 3))] if b"c" in data else []
        return Looked(tuple(found), {"main.flow": Source("main.flow", data.decode())}, {"main.flow": data})

    result = fix_all(look, unsafe=False)
    assert b"abd" == result.files["main.flow"]
    assert 1 == len(result.made)


@given(st.lists(st.sampled_from(["a", "é", "\n", "\r\n", "😀"]), max_size=12), st.booleans(), st.data())
def test_what_is_not_touched_stays_byte_for_byte(pieces: list[str], marked: bool, data: st.DataObject) -> None:
    """Edits count in a text without byte order mark and with one-character line ends; the file keeps both."""
    at = data.draw(st.integers(0, len(pieces)))
    mark = "\ufeff" if marked else ""
    whole = f"{mark}{''.join(pieces)}"
    edit = Edit(Span("main.flow", at, at), "x")
    assert f"{mark}{''.join([*pieces[:at], 'x', *pieces[at:]])}" == edited(whole.encode("utf-8"), [edit]).decode(
        "utf-8"
    )


def test_a_line_that_is_put_in_ends_as_the_others_do() -> None:
    """In a file with Windows line ends."""
    edit = Edit(Span("main.flow", 0, 0), "leadflow 1\n")
    assert b"leadflow 1\r\nconst x = 1\r\n" == edited(b"const x = 1\r\n", [edit])


def test_files_are_mended_and_told(tmp_path: Path) -> None:
    """What was made stands on standard error; what is left, on standard output."""
    (tmp_path / "main.flow").write_text(WRONG)
    said = leadflow("check", "--fix", "main.flow", folder=tmp_path)
    assert (0, RIGHT) == (said.code, (tmp_path / "main.flow").read_text())
    assert "main.flow: no mistakes found\n" == said.stdout
    assert [
        "fixed main.flow:4:12: FLOW130 write 'and'",
        "fixed main.flow:4:15: FLOW130 write 'not'",
        "fixed main.flow:4:18: FLOW132 write '#'",
    ] == said.stderr.splitlines()


def test_a_file_that_may_not_be_written_stays(tmp_path: Path) -> None:
    """The others are mended; what is left in it is told, and the exit code says that it was refused."""
    for name in ("a.flow", "b.flow"):
        (tmp_path / name).write_text(WRONG)
    (tmp_path / "a.flow").chmod(0o444)
    said = leadflow("check", "--fix", ".", "--format", "concise", folder=tmp_path)
    assert (2, WRONG, RIGHT) == (said.code, (tmp_path / "a.flow").read_text(), (tmp_path / "b.flow").read_text())
    assert "error: a.flow is read-only; it stays as it is" == said.stderr.splitlines()[0]
    assert ["a.flow"] * 3 == [line.partition(":")[0] for line in said.stdout.splitlines()]


def test_a_diff_changes_nothing(tmp_path: Path) -> None:
    """It is what the patch would be."""
    (tmp_path / "main.flow").write_text(WRONG)
    said = leadflow("check", "--fix", "--diff", "main.flow", folder=tmp_path)
    assert (1, WRONG) == (said.code, (tmp_path / "main.flow").read_text())
    assert ["-  return a && !b // both", "+  return a and not b # both"] == said.stdout.splitlines()[-3:-1]


def test_imported_files_of_the_project_are_mended_and_others_are_not(tmp_path: Path) -> None:
    """A fix belongs to the file in which its mistake stands, wherever the check began."""
    (tmp_path / "main.flow").write_text(
        "leadflow 1\nuse parts (f)\nflow main() -> bool {\n step a = f()\n return a\n}\n"
    )
    (tmp_path / "parts.flow").write_text("leadflow 1\nflow f() -> bool {\n  return true && true\n}\n")
    assert 0 == leadflow("check", "--fix", "main.flow", folder=tmp_path).code
    assert "true and true" in (tmp_path / "parts.flow").read_text()


def test_a_file_without_mistakes_is_not_written(tmp_path: Path) -> None:
    """So that nobody believes that it has changed."""
    (tmp_path / "main.flow").write_text(RIGHT)
    os.utime(tmp_path / "main.flow", (1, 1))
    assert 0 == leadflow("check", "--fix", "main.flow", folder=tmp_path).code
    assert 1 == (tmp_path / "main.flow").stat().st_mtime


def test_what_is_no_flow_stays(tmp_path: Path) -> None:
    """A JSON file by mistake on the command line does not get the first line of a flow."""
    (tmp_path / "inputs.json").write_text("{}")
    said = leadflow("check", "--fix", "inputs.json", folder=tmp_path)
    assert (2, "") == (said.code, said.stdout)
    assert said.stderr.startswith("error: inputs.json is no flow: ")
    assert "{}" == (tmp_path / "inputs.json").read_text()


def test_suggestions_are_made_when_asked_for(tmp_path: Path) -> None:
    """A suggestion may change the meaning, so that `--fix` alone leaves it and says how many there are."""
    (tmp_path / "main.flow").write_text("leadflow 1\nflow main(size: int) -> int {\n  return siz\n}\n")
    said = leadflow("check", "--fix", "main.flow", folder=tmp_path)
    assert (1, "1 more has a suggestion; --unsafe-fixes makes it") == (said.code, said.stderr.strip())
    assert 0 == leadflow("check", "--fix", "--unsafe-fixes", "main.flow", folder=tmp_path).code
    assert "return size\n" in (tmp_path / "main.flow").read_text()


@pytest.mark.parametrize("option", ["--diff", "--unsafe-fixes"])
def test_options_of_fixing_ask_for_it(tmp_path: Path, option: str) -> None:
    """Alone they would do nothing."""
    (tmp_path / "main.flow").write_text(RIGHT)
    said = leadflow("check", option, "main.flow", folder=tmp_path)
    assert (2, f"error: {option} goes with --fix; see `leadflow check --help`\n") == (said.code, said.stderr)
