"""A stream parser for CodeMirror 6: the rules as data, and a small reader of them that stands below."""

import json
from collections.abc import Mapping

from leadflow.editor.rules import START, Kind, Language, State

FILE = "leadflow.js"

_TAGS = {
    Kind.COMMENT: "lineComment",
    Kind.KEYWORD: "keyword",
    Kind.CONSTANT: "atom",
    Kind.OPERATOR: "operatorKeyword",
    Kind.STRING: "string",
    Kind.ESCAPE: "escape",
    Kind.HOLE: "brace.special",
    Kind.NUMBER: "number",
    Kind.NAME: "variableName.definition",
    Kind.ANNOTATION: "annotation",
    Kind.KEY: "propertyName",
    Kind.BAD: "invalid",
}

_HEAD = """\
// leadflow for CodeMirror 6. Written by `leadflow grammar export`. Do not edit.
//
//   import { StreamLanguage } from "@codemirror/language";
//   import { leadflow } from "./leadflow.js";
//   ... extensions: [StreamLanguage.define(leadflow)]

// State -> the tag of what no rule takes, whether it ends with its line, and its rules:
// expression, tag, the state that begins behind it or "" for none, whether its own state ends.
"""

_READER = """
for (const state of Object.values(STATES)) {
  for (const rule of state.rules) rule[0] = new RegExp("^" + rule[0]);
}

function endLine(state) {
  while (STATES[state.open[state.open.length - 1]].endsWithLine) state.open.pop();
}

export const leadflow = {
  name: "leadflow",
  startState() {
    return { open: [START] };
  },
  copyState(state) {
    return { open: state.open.slice() };
  },
  blankLine: endLine,
  token(stream, state) {
    if (stream.sol()) endLine(state);
    for (;;) {
      const here = STATES[state.open[state.open.length - 1]];
      const begin = stream.pos;
      const rule = here.rules.find(([pattern]) => stream.match(pattern));
      if (!rule) {
        stream.next();
        return here.tag;
      }
      const [, tag, enter, leave] = rule;
      if (leave) state.open.pop();
      else if (enter) state.open.push(enter);
      if (stream.pos > begin) return tag;
    }
  },
  languageData: {
    commentTokens: { line: "#" },
    closeBrackets: { brackets: ["(", "[", "{", '"'] },
  },
};
"""


def files(language: Language) -> Mapping[str, str]:
    """The one file of the format."""
    states = "".join(_state(name, state) for name, state in language.rules.items())
    return {FILE: f'{_HEAD}const START = "{START}";\nconst STATES = {{\n{states}}};\n{_READER}'}


def _state(name: str, state: State) -> str:
    rules = [json.dumps([rule.regex, _TAGS.get(rule.kind), rule.enter, rule.leave]) for rule in state.rules]
    head = f"    tag: {json.dumps(_TAGS.get(state.kind))},\n    endsWithLine: {json.dumps(state.ends_with_line)},\n"
    return f"  {name}: {{\n{head}    rules: [\n" + "".join(f"      {rule},\n" for rule in rules) + "    ],\n  },\n"
