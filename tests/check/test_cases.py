"""The checker against chunked cases: every mistake at its line, and silence where nothing is wrong."""

from pathlib import Path

import pytest

from leadflow.pipeline import check_source
from tests.checking import LOCKS
from tests.chunks import Chunk, cases, compare

CASES = Path(__file__).parent.parent / "cases" / "check"


@pytest.mark.parametrize("chunk", cases(*sorted(CASES.glob("*.flow"))))
def test_case(chunk: Chunk) -> None:
    """The checker says exactly what the chunk asks for."""
    _, report = check_source("main.flow", chunk.text, files=LOCKS)
    assert [] == compare(chunk, report)
