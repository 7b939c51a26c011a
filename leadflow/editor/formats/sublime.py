"""A syntax for Sublime Text, in YAML; bat, delta and other programs that stand on syntect read it too."""

from collections.abc import Iterator, Mapping

from leadflow.editor.formats.scopes import INSIDE, ROOT, SCOPES
from leadflow.editor.rules import START, Language, Rule, State

FILE = "leadflow.sublime-syntax"

_HEAD = f"""\
%YAML 1.2
---
# Written by `leadflow grammar export`. Do not edit.
name: leadflow
file_extensions: [flow]
first_line_match: '^leadflow [0-9]'
scope: {ROOT}
contexts:
"""


def files(language: Language) -> Mapping[str, str]:
    """The one file of the format."""
    lines = [line for name, state in language.rules.items() for line in _context(name, state)]
    return {FILE: _HEAD + "".join(f"{line}\n" for line in lines)}


def _context(name: str, state: State) -> Iterator[str]:
    yield f"  {_called(name)}:"
    if name in INSIDE:
        yield f"    - meta_scope: {INSIDE[name]}"
    for rule in state.rules:
        yield from _match(rule)
    if state.ends_with_line:
        yield r"    - match: '$\n?'"
        yield "      pop: true"


def _match(rule: Rule) -> Iterator[str]:
    yield "    - match: '" + rule.regex.replace("'", "''") + "'"
    if rule.kind in SCOPES:
        yield f"      scope: {SCOPES[rule.kind]}"
    if rule.enter:
        yield f"      push: {_called(rule.enter)}"
    elif rule.leave:
        yield "      pop: true"


def _called(state: str) -> str:
    """The name of a context: Sublime begins in `main`."""
    return "main" if state == START else state
