"""A lexer for Pygments: its states are ours. The class of the package and the exported file hold the same rules."""

from collections.abc import Mapping
from typing import Any

from leadflow.editor.rules import START, Kind, Language, Rules

FILE = "leadflow_lexer.py"

_TOKENS = {
    Kind.COMMENT: "Comment.Single",
    Kind.KEYWORD: "Keyword",
    Kind.CONSTANT: "Keyword.Constant",
    Kind.OPERATOR: "Operator.Word",
    Kind.STRING: "String.Double",
    Kind.ESCAPE: "String.Escape",
    Kind.HOLE: "String.Interpol",
    Kind.NUMBER: "Number",
    Kind.NAME: "Name.Function",
    Kind.ANNOTATION: "Name.Decorator",
    Kind.KEY: "Name.Attribute",
    Kind.BAD: "Error",
    Kind.PLAIN: "Text",
}

Table = dict[str, list[tuple[str, str] | tuple[str, str, str]]]
"""State -> expression, the name of its token, and perhaps the state behind it."""

ABOUT: dict[str, Any] = {
    "name": "leadflow",
    "aliases": ["leadflow"],
    "filenames": ["*.flow"],
    "mimetypes": ["text/x-leadflow"],
}

_FILE = '''\
"""leadflow for Pygments. Written by `leadflow grammar export`; `pip install leadflow` registers the same lexer.

    pygmentize -x -l leadflow_lexer.py:LeadflowLexer main.flow
"""

import re

from pygments.lexer import RegexLexer
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String, Text

__all__ = ["LeadflowLexer"]


class LeadflowLexer(RegexLexer):
    """The language of flows of AI agents."""

@ABOUT@
    tokens = {
@STATES@    }

    def analyse_text(text):
        """Every file of the language says so in the first line that is no comment."""
        return 0.9 if re.match(r"(?:#[^\\n]*\\n|\\s)*leadflow [0-9]", text) else 0.0
'''


def files(language: Language) -> Mapping[str, str]:
    """The one file of the format."""
    states = "".join(
        f"        {name!r}: [\n" + "".join(f"            ({_row(row)}),\n" for row in rows) + "        ],\n"
        for name, rows in table(language.rules).items()
    )
    about = "".join(f"    {name} = {value!r}\n" for name, value in ABOUT.items())
    return {FILE: _FILE.replace("@ABOUT@", about).replace("@STATES@", states)}


def table(rules: Rules) -> Table:
    """The states of the lexer. Pygments begins in `root`."""
    found: Table = {}
    for name, state in rules.items():
        own = _TOKENS[state.kind]
        rows = found["root" if name == START else name] = []
        for rule in state.rules:
            to = "#pop" if rule.leave else rule.enter
            token = _TOKENS[rule.kind]
            rows.append((rule.regex, token, to) if to else (rule.regex, token))
        rows.append((r"\n", own, "#pop") if state.ends_with_line else (r"\n", own))
        rows.append((r"[^\n]", own))
    return found


def _row(row: tuple[str, ...]) -> str:
    return ", ".join([repr(row[0]), row[1], *map(repr, row[2:])])
