"""A TextMate grammar in JSON: what VS Code, shiki, GitHub and JetBrains read. Its expressions run on Oniguruma."""

import json
from collections.abc import Mapping

from leadflow.editor.formats.scopes import INSIDE, ROOT, SCOPES
from leadflow.editor.rules import START, Kind, Language, Rule, State

FILE = "leadflow.tmLanguage.json"

Json = dict[str, object]


def files(language: Language) -> Mapping[str, str]:
    """The one file of the format."""
    return {FILE: grammar(language)}


def grammar(language: Language) -> str:
    """The text of the grammar: an entry of its repository for each state."""
    states = language.rules
    data: Json = {
        "name": "leadflow",
        "scopeName": ROOT,
        "fileTypes": ["flow"],
        "firstLineMatch": "^leadflow [0-9]",
        "patterns": [{"include": f"#{START}"}],
        "repository": {
            name: {"patterns": [_pattern(rule, states) for rule in state.rules if not rule.leave]}
            for name, state in states.items()
        },
    }
    return json.dumps(data, indent=2) + "\n"


def _pattern(rule: Rule, states: Mapping[str, State]) -> Json:
    if not rule.enter:
        return _named(rule.kind) | {"match": rule.regex}
    state = states[rule.enter]
    leaving = [end for end in state.rules if end.leave]
    ends = [end.group if end.pattern else end.regex for end in leaving] + ["$"] * state.ends_with_line
    groups = [end.kind for end in leaving if end.pattern]
    return {
        **({"name": INSIDE[rule.enter]} if rule.enter in INSIDE else {}),
        "begin": rule.regex,
        "beginCaptures": {"0": _named(rule.kind)},
        "end": "|".join(ends),
        "endCaptures": {str(number): _named(kind) for number, kind in enumerate(groups, 1)},
        "applyEndPatternLast": True,
        "patterns": [{"include": f"#{rule.enter}"}],
    }


def _named(kind: Kind) -> Json:
    return {"name": SCOPES[kind]} if kind in SCOPES else {}
