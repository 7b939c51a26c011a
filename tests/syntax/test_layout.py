"""The layout algebra: what breaks, what stays on a line, where comments and blocks of text go."""

from leadflow.syntax.layout import (
    BLANK,
    HARD,
    LINE,
    SOFT,
    Choice,
    Doc,
    Raw,
    Suffix,
    concat,
    group,
    has_lines,
    indent,
    is_hard,
    joined,
    render,
)


def call(*args: Doc) -> Doc:
    """A call with its arguments in a group."""
    return group("f(", indent(SOFT, joined(args, concat(",", LINE)), Choice(",", "")), SOFT, ")")


def test_a_group_that_fits_is_one_line() -> None:
    """What fits stays on one line, and the comma of the broken form is not written."""
    assert "f(a, b)" == render(call("a", "b"), width=7)


def test_a_group_that_does_not_fit_breaks_at_each_of_its_lines() -> None:
    """One column too few breaks every line of the group, and none of the group inside that still fits."""
    assert "f(\n  a,\n  f(b, c),\n)" == render(call("a", call("b", "c")), width=10)


def test_what_follows_a_group_counts() -> None:
    """A group that fits alone breaks when the text right behind it does not fit any more."""
    assert "f(\n  a,\n) {" == render(concat(call("a"), " {"), width=5)


def test_what_follows_counts_up_to_the_next_possible_break() -> None:
    """A later group that can break does not push an earlier one to break."""
    assert "f(a) + f(\n  b,\n)" == render(concat(call("a"), " + ", call("b")), width=9)


def test_a_hard_line_breaks_the_groups_around_it() -> None:
    """A group with a hard line in it is broken however wide the page is."""
    assert "f(\n  a\n  b,\n)" == render(call(concat("a", HARD, "b")), width=99)


def test_a_comment_waits_for_the_end_of_its_line() -> None:
    """A suffix is written behind what shares its line, and takes no room of it."""
    assert "f(\n  a,  # long\n  b,\n)" == render(call(concat("a", Suffix("# long")), "b"), width=8)
    assert "a  # last" == render(concat(Suffix("# last"), "a"))


def test_no_line_ends_in_blanks() -> None:
    """Indentation is written with the first word of a line, so an empty line is empty."""
    assert "a\n\n  b" == render(concat("a", indent(BLANK, "b")))


def test_a_block_of_text_keeps_its_lines_and_breaks_nothing() -> None:
    """Lines of a block begin at the indent, however long, and the group around stays flat."""
    block = concat('"""', indent(Raw("x" * 50), Raw(""), Raw('"""')))
    assert f'f(1, """\n  {"x" * 50}\n\n  """, 2)' == render(
        group("f(", joined(["1", block, "2"], concat(",", LINE)), ")"), width=12
    )


def test_hardness_is_known_without_rendering() -> None:
    """A document is hard with a hard line or a comment; one with a block of text only has lines."""
    assert is_hard(group(indent("a", HARD)))
    assert is_hard(concat("a", Suffix("# c")))
    assert not is_hard(concat("a", LINE, Raw("b")))
    assert has_lines(group(indent(Choice("a", Raw("b")))))
    assert not has_lines(call("a"))


def test_depth_and_length_cost_no_stack() -> None:
    """Five thousand groups inside each other are written."""
    doc: Doc = "x"
    for _ in range(5_000):
        doc = group("y", LINE, doc)
    assert "y\n" * 4_950 == render(doc)[:9_900]
