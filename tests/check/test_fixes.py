"""What is offered as a fix mends what it is offered for."""

from itertools import pairwise
from pathlib import Path

import pytest

from leadflow.diagnostics import Diagnostic
from leadflow.pipeline import check_source
from tests.chunks import Chunk, read_chunks

CASES = Path(__file__).parent.parent / "cases"
FILES = [*sorted((CASES / "check").glob("*.flow")), CASES / "syntax_habits.flow"]


def mended(text: str, finding: Diagnostic) -> str:
    """The text after a finding's fix."""
    assert finding.fix is not None
    edits = sorted(finding.fix.edits, key=lambda edit: edit.span.start, reverse=True)
    for later, earlier in pairwise(edits):
        assert earlier.span.end <= later.span.start
    for edit in edits:
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def same(one: Diagnostic, other: Diagnostic) -> bool:
    """Whether two findings say the same."""
    return (one.code, one.message) == (other.code, other.message)


@pytest.mark.parametrize("chunk", [c for path in FILES for c in read_chunks(path)], ids=lambda c: c.name)
def test_a_fix_mends_what_it_is_offered_for(chunk: Chunk) -> None:
    """After a fix the finding is gone, the text can be read, and nothing worse than a type that differs has come."""
    _, report = check_source("main.flow", chunk.text)
    for finding in report:
        if finding.fix is None:
            continue
        _, after = check_source("main.flow", mended(chunk.text, finding))
        before = [other for other in report if same(other, finding)]
        assert len([other for other in after if same(other, finding)]) < len(before)
        assert [] == [other.message for other in after if other.code.startswith("FLOW1")]


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("@timeout(30)", "@timeout(30s)"),
        ('@timeout("1m30s")', "@timeout(1m30s)"),
        ("@cache(3600)", "@cache(1h)"),
        ('@budget("$5")', "@budget($5)"),
        ("@budget(5)", "@budget($5)"),
        ('@limit("60/min")', "@limit(60 per minute)"),
        ("@timeout(5000)", None),
        ("@limit(60)", None),
    ],
)
def test_a_number_gets_its_unit(written: str, right: str | None) -> None:
    """Where there is one that is meant, and quotes go; whole thousands may be milliseconds."""
    text = 'leadflow 1\n{}\nagent fast: openai {{ model: "m"  price: {{ input: $1, output: $1 }} }}\n'
    _, (found,) = check_source("main.flow", text.format(written))
    assert "FLOW301" == found.code
    assert (None if right is None else text.format(right)) == (found.fix and mended(text.format(written), found))


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("s.toUpperCase()", "upper(s)"),
        ("s.split(s)", "split(s, s)"),
        ("JSON.parse(s)", "parse_json(s)"),
        ("s.length()", "len(s)"),
    ],
)
def test_a_method_becomes_a_function(written: str, right: str) -> None:
    """Also by the name that others give it."""
    text = "leadflow 1\nflow a(s: string) -> json {{ return {} }}\n"
    _, (found,) = check_source("main.flow", text.format(written))
    assert text.format(right) == mended(text.format(written), found)
