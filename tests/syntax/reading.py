"""How tests read a text: the tree and what was said about it, and a text with its fixes applied."""

from collections.abc import Iterable

from leadflow.diagnostics import Diagnostic, Report, Source
from leadflow.syntax import tree
from leadflow.syntax.parser import parse
from leadflow.syntax.source import read_source


def read(text: str) -> tuple[tree.File, list[Diagnostic]]:
    """The tree of a text, and what was said about it."""
    report = Report()
    return parse(Source("x.flow", text), report), list(report)


def said(text: str | bytes) -> list[tuple[str, str]]:
    """Codes, and the text at the places, of what is said about a file."""
    data = text.encode() if isinstance(text, str) else text
    report = Report()
    source = read_source("x.flow", data, report)
    if source is not None:
        parse(source, report)
    shown = source or Source("x.flow", data.decode("utf-8", "replace"))
    return [(found.code, shown.at(found.span)) for found in report]


def codes(text: str | bytes) -> list[str]:
    """The codes of what is said about a file."""
    return [code for code, _ in said(text)]


def good(text: str) -> tree.File:
    """The tree of a text about which nothing is said."""
    file, found = read(text)
    assert [] == found
    return file


def value(text: str) -> tree.Expr:
    """A text read as an expression."""
    (const,) = good(f"leadflow 1\nconst x = {text}\n").items
    assert isinstance(const, tree.ConstDecl)
    return const.value


def fixed(text: str, found: Iterable[Diagnostic]) -> str:
    """The text with the edits of all fixes made."""
    edits = {edit for diagnostic in found if diagnostic.fix for edit in diagnostic.fix.edits}
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end), reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text
