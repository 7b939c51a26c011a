"""Whatever stands in a file, the parser answers: no exception, a code and a place for every refusal, in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.diagnostics import Report, Source, pages
from leadflow.syntax import tree
from leadflow.syntax.lexer import tokenise
from leadflow.syntax.parser import parse
from leadflow.syntax.source import read_source
from leadflow.syntax.walk import children, walk
from tests.syntax.sources import EVERYTHING

TOKENS = tokenise("x.flow", EVERYTHING)
WORDS = sorted({TOKENS.written(token) for token in range(TOKENS.count)})
ODD = [
    "'",
    '"',
    '"""',
    "&&",
    "||",
    "!",
    ";",
    "//",
    ":=",
    "->",
    "=>",
    "${",
    "\\",
    "#",
    "##",
    "\n",
    "\t",
    "é",
    "\u200d",
    "\u202e",
    "0x1",
    "$",
    "@",
]


def check(text: str) -> None:
    """The laws that hold for every text."""
    report = Report()
    file = parse(Source("x.flow", text), report)
    found = list(report)
    for one in found:
        assert one.code in pages()
        assert one.span.file == "x.flow" and 0 <= one.span.start <= one.span.end <= len(text)
        places = [label.span for label in one.labels] + [edit.span for edit in (one.fix.edits if one.fix else ())]
        assert all(0 <= place.start <= place.end <= len(text) for place in places)
        assert one.message and "\n" not in one.message
    for node in walk(file):
        assert 0 <= node.span.start <= node.span.end <= len(text)
        assert not isinstance(node, tree.BadExpr) or found
        assert all(isinstance(child, tree.Node) for child in children(node))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The source of every construct with some tokens left out, doubled, swapped, replaced, or cut off."""
    parts = [(TOKENS.starts[n], TOKENS.ends[n]) for n in range(TOKENS.count - 1)]
    text = EVERYTHING
    for _ in range(draw(st.integers(1, 3))):
        start, end = draw(st.sampled_from(parts))
        other = draw(st.sampled_from(parts))
        word = EVERYTHING[start:end]
        change = draw(st.sampled_from(["drop", "double", "swap", "odd", "word", "cut", "indent", "line"]))
        match change:
            case "drop":
                text = text[:start] + text[end:]
            case "double":
                text = f"{text[:end]} {word}{text[end:]}"
            case "swap":
                text = text[:start] + EVERYTHING[slice(*other)] + text[end:]
            case "odd":
                text = text[:start] + draw(st.sampled_from(ODD)) + text[start:]
            case "word":
                text = f"{text[:start]} {draw(st.sampled_from(WORDS))} {text[start:]}"
            case "cut":
                text = text[: start + draw(st.integers(0, 3))]
            case "indent":
                text = text[:start] + "\n" + " " * draw(st.integers(0, 6)) + text[start:]
            case _:
                begin = text.rfind("\n", 0, start) + 1
                text = text[:begin] + text[text.find("\n", start) + 1 :]
    return text


@pytest.mark.parametrize("text", ["type A { a: int @range(0, 1) =", "type A { a: int @n=[", "flow f(a: int @n ="])
def test_a_file_may_end_in_a_default(text: str) -> None:
    """A default behind a constraint, and then nothing: what is missing at the very end is said, too."""
    check(f"leadflow 1\n{text}")


@given(mutated())
def test_mutated_sources_are_answered(text: str) -> None:
    """A file with slips in it is answered, whatever they are."""
    check(text)


@given(st.lists(st.sampled_from([*WORDS, *ODD]), max_size=60), st.sampled_from([" ", "\n", ""]))
def test_heaps_of_words_are_answered(words: list[str], between: str) -> None:
    """Words and marks in any order are answered."""
    check("leadflow 1\n" + between.join(words))


@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    """Any text is answered, alone and in a flow."""
    check(text)
    check(f"leadflow 1\nflow f() {{\n  step a = {text}\n}}\n")


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes) -> None:
    """Any bytes are refused with a place, or read."""
    report = Report()
    source = read_source("x.flow", data, report)
    assert (source is None) == report.has_errors
    if source is not None:
        check(source.text)
