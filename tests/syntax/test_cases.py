"""Every mistake of the case files is reported once, on its line, with its code; what is right is passed in silence."""

from pathlib import Path

import pytest

from leadflow.diagnostics import Report, Source
from leadflow.syntax.parser import parse
from tests.chunks import Chunk, cases, compare

CASES = Path(__file__).parent.parent / "cases"


@pytest.mark.parametrize("chunk", cases(*sorted(CASES.glob("syntax_*.flow"))))
def test_cases(chunk: Chunk) -> None:
    """The parser says what the chunk asks for, and nothing else."""
    report = Report()
    parse(Source(chunk.name, chunk.text), report)
    assert [] == compare(chunk, report)
