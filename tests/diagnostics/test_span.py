"""Where something stands in a text."""

from hypothesis import given
from hypothesis import strategies as st

from leadflow.diagnostics import Source

TEXTS = st.text(alphabet="ab\n\r\x0b\u2028", max_size=40)
"""With characters that other counts of lines take for the end of one."""


@given(TEXTS, st.integers(0, 50))
def test_a_position_counts_the_line_ends_before_it(text: str, offset: int) -> None:
    """The line is one more than the line ends before, the column one more than what stands before it in its line."""
    before = text[:offset]
    expected = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    assert Source("main.flow", text).position(offset) == expected


@given(TEXTS)
def test_lines_put_together_are_the_text(text: str) -> None:
    """Every line is there once, without its end."""
    source = Source("main.flow", text)
    assert "\n".join(source.line(number) for number in range(1, text.count("\n") + 2)) == text
