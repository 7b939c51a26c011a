"""Correct flows of all kinds: the checker has nothing to say about any of them."""

from pathlib import Path

import pytest

from leadflow.pipeline import check_source, plan_of
from tests.checking import LOCKS
from tests.chunks import Chunk, cases, read_chunks

FILES = sorted((Path(__file__).parent.parent / "cases" / "right").glob("*.flow"))


@pytest.mark.parametrize("chunk", cases(*FILES))
def test_nothing_is_found(chunk: Chunk) -> None:
    """A correct flow gives no finding, not even a warning, and has a plan."""
    checked, report = check_source("main.flow", chunk.text, files=LOCKS)
    assert [] == [f"{one.code} {one.message}" for one in report]
    assert checked is not None
    assert plan_of(checked).flows


def test_there_are_many() -> None:
    """Sixty flows and more, and no chunk asks for a finding."""
    chunks = [chunk for file in FILES for chunk in read_chunks(file)]
    assert len(chunks) >= 60
    assert [] == [chunk.name for chunk in chunks if chunk.expected]
