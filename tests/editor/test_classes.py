"""The classes of characters are what the lexer and the parser say, on every text without mistakes."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark, Token

from leadflow.diagnostics import Report, Source
from leadflow.editor.classes import classes, kinds
from leadflow.editor.rules import Class, Kind
from leadflow.resources import grammar_text
from leadflow.syntax import tree
from leadflow.syntax.lexer import keyword, tokenise
from leadflow.syntax.machine import soft_keywords
from leadflow.syntax.parser import parse
from leadflow.syntax.walk import walk
from tests.making.layouts import shaken
from tests.syntax.sources import EVERYTHING, good_sources
from tests.syntax.test_grammar import OurTokens
from tests.syntax.test_robustness import ODD

NUMBERS = {"INT", "FLOAT", "DURATION", "SIZE", "MONEY"}
STRINGS = {"STRING", "TEXT_LINE", "TEXT_BLOCK"}
NAMES = {Class.OTHER, Class.NAME}


def slips(text: str) -> Iterator[str]:
    """Each token and comment whose characters have another class than the lexer's word for it allows."""
    tokens = tokenise("x.flow", text)
    found = classes(text)
    for start, end in tokens.comments:
        if set(found[start:end]) != {Class.COMMENT}:
            yield f"{start}: {text[start:end]}"
    for token in range(tokens.count - 1):
        start, end, kind = tokens.starts[token], tokens.ends[token], tokens.kinds[token]
        inside, word = set(found[start:end]), tokens.written(token)
        if kind in STRINGS:
            right = {found[start], found[end - 1]} == {Class.STRING}
        elif kind in NUMBERS:
            right = inside == {Class.NUMBER}
        elif kind in {"KEY", "MEMBER", "SAFE_MEMBER", "NAME"}:
            right = inside <= NAMES
        elif word.isidentifier():
            right = inside == {Class.KEYWORD} or (keyword(word) is None and inside <= NAMES)
        else:
            right = inside == {Class.OTHER}
        if not right:
            yield f"{start}: {kind} {word!r} is {sorted(cls.value for cls in inside)}"


@pytest.mark.parametrize("text", good_sources())
def test_they_are_what_the_lexer_says(text: str) -> None:
    """Comments, strings, numbers, names and keywords of the flows of the repository are those of the lexer."""
    assert [] == list(slips(text))


@given(st.integers(0, 2**32))
def test_they_do_not_hang_on_the_layout(seed: int) -> None:
    """The same holds however a flow is laid out, with comments between any two words."""
    assert [] == list(slips(shaken(EVERYTHING, Random(seed))))


@pytest.mark.parametrize("text", good_sources())
def test_holes_are_those_of_the_tree(text: str) -> None:
    """As many holes begin as the parser finds expressions in strings, and each ends."""
    file = parse(Source("x.flow", text), Report())
    inside = sum(not isinstance(part, str) for node in walk(file) if isinstance(node, tree.Text) for part in node.parts)
    edges = "".join(char for char, kind in zip(text, kinds(text), strict=True) if kind is Kind.HOLE)
    assert "${}" * inside == edges


class Seen(OurTokens):
    """Our tokens for lark's parser, which are kept as the parser takes them."""

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Token]:
        """The tokens of a text; a word has its keyword's name only where the parser takes a keyword."""
        for token in super().lex(lexer_state, parser_state):
            SEEN.append(token)
            yield token


SEEN: list[Token] = []
LARK = Lark(grammar_text(), parser="lalr", start="start", lexer=Seen)


@pytest.mark.parametrize("text", good_sources())
def test_every_keyword_of_the_parser_is_one(text: str) -> None:
    """No word that the parser takes for a keyword is shown as a name."""
    SEEN.clear()
    LARK.parse(text)
    found = classes(text)
    soft = soft_keywords() - {"UNDERSCORE"}
    at = [(token, token.start_pos) for token in SEEN if token.type in soft]
    assert [] == [str(token) for token, start in at if start is not None and found[start] is not Class.KEYWORD]


@given(st.text(st.one_of(st.sampled_from('ab1 \n"${}\\#.:@$'), st.characters())))
def test_any_text_has_classes(text: str) -> None:
    """Whatever a text is, each of its characters has one class."""
    assert len(text) == len(classes(text))


@given(st.lists(st.sampled_from([*ODD, '"', "${", "}", "let x", "if", "\n", "\\", "1h"]), max_size=30).map("".join))
def test_a_line_end_ends_a_string(text: str) -> None:
    """Behind a line without triple quotes and without a keyword that waits for its name, a text begins anew."""
    if '"""' not in text and "let" not in text:
        assert classes(text) + classes("\n" + EVERYTHING) == classes(f"{text}\n{EVERYTHING}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("step if: T = a.step", "kkkk nn"),
        ("run.id f(test) most = type", "                      kkkk"),
        ("flow # a\n b()", "kkkk ccc  n"),
        ('"a ${if x} \\n" # b', "ssshhkk  hsees ccc"),
        ("5min 1h30m .5 1.5.2 café if", "     11111  1            kk"),
    ],
)
def test_words_by_their_place(text: str, shown: str) -> None:
    """A keyword before `:`, behind `.` or before a mark that follows values is a name; a name may wait for its line."""
    letters = {Class.KEYWORD: "k", Class.NAME: "n", Class.COMMENT: "c", Class.OTHER: " "}
    letters |= {Class.STRING: "s", Class.HOLE: "h", Class.ESCAPE: "e", Class.NUMBER: "1"}
    assert shown == "".join(letters[cls] for cls in classes(text)).rstrip()
