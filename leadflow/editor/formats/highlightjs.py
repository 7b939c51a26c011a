"""A language for highlight.js: a mode for each state. Modes nest as the rules do."""

import json
from collections.abc import Mapping

from leadflow.editor.rules import START, Kind, Language, Rule, State

FILE = "leadflow.js"

_SCOPES = {
    Kind.COMMENT: "comment",
    Kind.KEYWORD: "keyword",
    Kind.CONSTANT: "literal",
    Kind.OPERATOR: "operator",
    Kind.STRING: "string",
    Kind.ESCAPE: "char.escape",
    Kind.HOLE: "template-variable",
    Kind.NUMBER: "number",
    Kind.NAME: "title",
    Kind.ANNOTATION: "meta",
    Kind.KEY: "attr",
}

_INSIDE = {"string": "string", "block": "string", "plain": "string", "hole": "subst"}

_HEAD = """\
// leadflow for highlight.js. Written by `leadflow grammar export`. Do not edit.
//
//   import hljs from "highlight.js/lib/core";
//   import leadflow from "./leadflow.js";
//   hljs.registerLanguage("leadflow", leadflow);

export default function leadflow() {
"""


def files(language: Language) -> Mapping[str, str]:
    """The one file of the format."""
    states = language.rules
    inner = [name for name in _inside_out(states) if name != START]
    parts = [f"  const {name} = {json.dumps(_modes(states[name], states))};\n" for name in inner]
    top = {"name": "leadflow", "aliases": ["flow"], "disableAutodetect": True}
    body = _linked(json.dumps(_modes(states[START], states)))
    head = json.dumps(top)[1:-1]
    return {FILE: f"{_HEAD}{''.join(map(_linked, parts))}  return {{ {head}, contains: {body} }};\n}}\n"}


def _inside_out(states: Mapping[str, State]) -> list[str]:
    """The states so that each comes behind those that begin in it."""
    order: list[str] = []

    def visit(name: str) -> None:
        for rule in states[name].rules:
            if rule.enter:
                visit(rule.enter)
        if name not in order:
            order.append(name)

    visit(START)
    return order


def _modes(state: State, states: Mapping[str, State]) -> list[dict[str, object]]:
    """What a state contains; what ends it and is all that can is the end of its own mode."""
    return [_mode(rule, states) for rule in state.rules if not rule.leave or _is_child(rule, state)]


def _mode(rule: Rule, states: Mapping[str, State]) -> dict[str, object]:
    named = _SCOPES.get(rule.kind)
    if not rule.enter:
        scope = {"scope": named} if named else {}
        return scope | {"match": rule.regex} | ({"endsParent": True} if rule.leave else {})
    state = states[rule.enter]
    ends = [end for end in state.rules if end.leave and not _is_child(end, state)]
    mode: dict[str, object] = {"begin": rule.regex, "contains": f"={rule.enter}"}
    mode["end"] = "|".join([end.regex for end in ends] + ["$"] * state.ends_with_line)
    if rule.enter in _INSIDE:
        mode["scope"] = _INSIDE[rule.enter]
    if named != mode.get("scope"):
        mode["beginScope"] = named
        if any(end.pattern for end in ends):
            mode["endScope"] = named
    return mode


def _is_child(rule: Rule, state: State) -> bool:
    """Whether a rule that ends a state is one of several: then it is a mode of its own that ends its parent."""
    return rule.leave and bool(rule.pattern) and sum(other.leave for other in state.rules) > 1


def _linked(text: str) -> str:
    """JSON with the names of states in place of what they contain."""
    for name in _INSIDE.keys() | {"declaration"}:
        text = text.replace(f'"={name}"', name)
    return text
