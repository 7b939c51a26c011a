"""The grammar: lark builds it without conflicts, the tables are its tables, and our loop reads it as lark does."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from lark import Lark, Token
from lark.exceptions import UnexpectedInput
from lark.lexer import Lexer

from leadflow.diagnostics import Report, Source
from leadflow.resources import grammar_tables, grammar_text
from leadflow.syntax import generate, tree
from leadflow.syntax.build import BUILDERS
from leadflow.syntax.lexer import tokenise
from leadflow.syntax.machine import soft_keywords
from leadflow.syntax.parser import parse
from leadflow.syntax.tables import load
from leadflow.syntax.walk import walk
from tests.syntax.sources import EVERYTHING, good_sources


@pytest.fixture(scope="module")
def strict() -> Lark:
    """The grammar, built so that any conflict and any collision of terminals raises."""
    return generate.build(grammar_text(), strict=True)


def test_the_grammar_has_no_conflicts(strict: Lark) -> None:
    """LALR(1) in lark's strict mode: no shift/reduce conflict, no two terminals that match the same text."""
    assert {"start", "expr"} == set(strict.options.start)


def test_the_tables_are_those_of_the_grammar(strict: Lark) -> None:
    """flow.tables.json is what `python -m leadflow.syntax.generate` writes for flow.lark."""
    assert grammar_tables() == generate.dump(generate.tables(strict))


def test_tables_are_made_alike_every_time() -> None:
    """Two builds give the same text, so that a change of the tables is a change of the grammar."""
    once, twice = (generate.dump(generate.tables(generate.build(grammar_text()))) for _ in range(2))
    assert once == twice


def test_every_rule_has_a_builder() -> None:
    """Each rule that makes a node has a builder, and no builder is without a rule."""
    assert {rule.builder for rule in load().rules if rule.kind == "node"} == set(BUILDERS)


class OurTokens(Lexer):
    """Gives lark the tokens of our lexer; a keyword is a name where the parser's state knows no keyword."""

    __future_interface__ = 1

    def __init__(self, lexer_conf: Any) -> None:
        """lark passes its configuration."""

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Token]:
        """The tokens of a text."""
        tokens = tokenise("x", lexer_state.text.text)
        for number, kind in enumerate(tokens.kinds[:-1]):
            row = parser_state.parse_conf.states[parser_state.position]
            name = "NAME" if kind in soft_keywords() and kind not in row else kind
            yield Token(name, tokens.written(number), tokens.starts[number])


def lark_accepts(text: str) -> bool:
    """Whether lark's own parser, on its own tables, takes a text."""
    try:
        LARK.parse(text)
    except UnexpectedInput:
        return False
    return True


LARK = Lark(grammar_text(), parser="lalr", start="start", lexer=OurTokens)


@pytest.mark.parametrize("text", good_sources())
def test_lark_reads_what_we_read(text: str) -> None:
    """lark's own loop takes every source that ours takes without a word."""
    report = Report()
    parse(Source("x.flow", text), report)
    assert ([], True) == ([found for found in report if found.severity == "error"], lark_accepts(text))


@pytest.mark.parametrize("text", good_sources())
def test_lark_refuses_what_we_refuse(text: str) -> None:
    """With one token left out, lark's loop and ours agree on whether the rest is a file."""
    tokens = tokenise("x.flow", text)
    for token in range(2, tokens.count - 1, 7):
        cut = (
            text[: tokens.starts[token]]
            + " " * (tokens.ends[token] - tokens.starts[token])
            + text[tokens.ends[token] :]
        )
        report = Report()
        parse(Source("x.flow", cut), report)
        grammatical = not any(found.code not in MEANING for found in report if found.severity == "error")
        if not tokenise("x.flow", cut).mistakes:
            assert lark_accepts(cut) == grammatical, cut[tokens.starts[token] - 40 : tokens.ends[token] + 40]


MEANING = {"FLOW105", "FLOW114", "FLOW115", "FLOW117", "FLOW120", "FLOW121"}
"""Codes that speak of what stands in a token, which the grammar does not say."""


def test_every_class_of_nodes_is_made() -> None:
    """One source of every construct makes every class of the tree but the one for mistakes."""
    report = Report()
    made = {type(node) for node in walk(parse(Source("x.flow", EVERYTHING), report))}
    assert [] == list(report)
    declared = {kind for kind in vars(tree).values() if isinstance(kind, type) and issubclass(kind, tree.Node)}
    assert declared - made == {tree.Node, tree.BadExpr}


def test_unions_name_every_class() -> None:
    """Each expression, statement and declaration that the parser makes is a member of the union of its kind."""
    members = {*get_args(tree.Item), *get_args(tree.Statement), *get_args(tree.Expr), *get_args(tree.Clause)}
    made = {type(node) for node in walk(parse(Source("x.flow", EVERYTHING), Report()))}
    assert members - {tree.BadExpr} <= made


def test_tables_hold_plain_data() -> None:
    """The tables are JSON: loading them runs nothing."""
    assert {"rows", "rules", "starts", "ends", "patterns", "fixed"} == set(json.loads(grammar_tables()))
