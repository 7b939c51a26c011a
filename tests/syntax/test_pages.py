"""The pages of the parser's codes cannot lie: the first example raises its code alone, the last raises nothing."""

import pytest

from leadflow.diagnostics import pages
from tests.blocks import blocks
from tests.syntax.reading import codes


@pytest.mark.parametrize("number", sorted(number for number in pages() if number.startswith("FLOW1")))
def test_examples_do_what_the_page_says(number: str) -> None:
    """Wrong first, right last, read as files."""
    wrong, *_, right = (block.text for block in blocks(pages()[number].text, "flow"))
    assert ({number}, []) == (set(codes(wrong)), codes(right))
