"""The reader of chunked cases finds what is written, and sees every difference."""

from pathlib import Path

import pytest

from leadflow.diagnostics.diagnostic import Diagnostic
from leadflow.diagnostics.span import Span
from tests.chunks import Chunk, Expected, chunks_of, compare

FILE = Path("names.flow")
TEXT = """\
# a good one
let a = 1
---

let b = c   ### FLOW201 "unknown 'c'" ### FLOW501 "say \\"why\\""
let d = 1
---
---
let e = f   ### FLOW201 "f"
"""


def chunk(text: str) -> Chunk:
    """The only chunk of a text."""
    (only,) = chunks_of(text, FILE)
    return only


def at_line(chunk: Chunk, line: int, code: str, message: str) -> Diagnostic:
    """A diagnostic that starts in the third column of a chunk's line."""
    start = sum(len(part) for part in chunk.text.splitlines(keepends=True)[: line - 1]) + 2
    return Diagnostic(code, "Title", "error", Span(chunk.name, start, start + 1), message)


def test_chunks_know_their_place() -> None:
    """Each chunk has the line it begins on, its whole text, and its marks by line within it."""
    first, second, third = chunks_of(TEXT, FILE)
    assert ("names.flow:1", "# a good one\nlet a = 1\n", ()) == (first.name, first.text, first.expected)
    assert ("names.flow:4", 3) == (second.name, second.text.count("\n"))
    assert (Expected(2, "FLOW201", "unknown 'c'"), Expected(2, "FLOW501", 'say "why"')) == second.expected
    assert ("names.flow:9", (Expected(1, "FLOW201", "f"),)) == (third.name, third.expected)


def test_the_mark_stays_in_the_source() -> None:
    """The compiler sees the comment, so that columns and the reader's eye agree."""
    assert 'let e = f   ### FLOW201 "f"\n' == chunks_of(TEXT, FILE)[2].text


@pytest.mark.parametrize(
    "line",
    ["x ### FLOW201", "x ### FLOW201 unknown", 'x ### "unknown"', 'x ### FLOW201 "a" and so on', "### heading ###"],
)
def test_a_mark_that_nobody_would_check_is_refused(line: str) -> None:
    """A misspelt mark is an error at its line, never a comment."""
    with pytest.raises(ValueError, match=r"names.flow:2: after ###"):
        chunks_of(f"let a = 1\n{line}\n", FILE)


def test_equal_means_no_difference() -> None:
    """Diagnostics in any order, each on its line with its part, leave nothing to say."""
    two = chunk('a ### A1 "x" ### A1 "xy"\nb ### B2 "y"\n')
    found = [at_line(two, 2, "B2", "why y"), at_line(two, 1, "A1", "a xyz"), at_line(two, 1, "A1", "an x")]
    assert [] == compare(two, found)


def test_every_kind_of_difference_is_said_with_its_line() -> None:
    """Wrong line, code, message, a missing one and one too many are all differences, in the file's own lines."""
    _, second, _ = chunks_of(TEXT, FILE)
    found = [at_line(second, 2, "FLOW201", "unknown 'd'"), at_line(second, 3, "FLOW501", 'say "why"')]
    assert [
        "names.flow:5: missing FLOW201 \"unknown 'c'\"",
        'names.flow:5: missing FLOW501 "say "why""',
        "names.flow:5: unexpected FLOW201 \"unknown 'd'\"",
        'names.flow:6: unexpected FLOW501 "say "why""',
    ] == compare(second, found)


def test_silence_is_asked_for_too() -> None:
    """A chunk without marks differs from anything that is reported."""
    quiet = chunk("let a = 1\n")
    assert ['names.flow:1: unexpected A1 "oh"'] == compare(quiet, [at_line(quiet, 1, "A1", "oh")])
