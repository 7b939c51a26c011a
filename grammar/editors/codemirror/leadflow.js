// leadflow for CodeMirror 6. Written by `leadflow grammar export`. Do not edit.
//
//   import { StreamLanguage } from "@codemirror/language";
//   import { leadflow } from "./leadflow.js";
//   ... extensions: [StreamLanguage.define(leadflow)]

// State -> the tag of what no rule takes, whether it ends with its line, and its rules:
// expression, tag, the state that begins behind it or "" for none, whether its own state ends.
const START = "code";
const STATES = {
  code: {
    tag: null,
    endsWithLine: false,
    rules: [
      ["(?:#[^\\n]*)", "lineComment", "", false],
      ["(?:\"\"\")", "string", "block", false],
      ["(?:\")", "string", "string", false],
      ["(?:(?:[0-9][0-9_]*(?:\\.[0-9]+)?(?:ms|s|m|h|d))+)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])", "number", "", false],
      ["(?:[0-9][0-9_]*(?:\\.[0-9]+)?(?:KB|MB|GB))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])", "number", "", false],
      ["(?:\\$[0-9][0-9_]*(?:\\.[0-9]+)?)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])", "number", "", false],
      ["(?:[0-9][0-9_]*\\.[0-9]+)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])", "number", "", false],
      ["(?:[0-9][0-9_]*)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])", "number", "", false],
      ["(?:\\$?[0-9](?:[0-9A-Za-z_]|[^\\x00-\\x7F]|\\.+(?:[0-9A-Za-z_]|[^\\x00-\\x7F]))*)", "invalid", "", false],
      ["(?:\\??\\.[ \\t]*(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)", null, "", false],
      ["(?:@[ \\t]*(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)", "annotation", "", false],
      ["(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)(?=[ \\t]*:)(?![ \\t]*:=)", "propertyName", "", false],
      ["(?:(?:step|let))(?![A-Za-z0-9_]|[^\\x00-\\x7F])", "keyword", "declaration", false],
      ["(?:(?:profile|policy|agent|const|flow|tool|type))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?![ \\t]*[.,)\\]}=?|+*/%<>!])", "keyword", "declaration", false],
      ["(?:(?:false|none|true))(?![A-Za-z0-9_]|[^\\x00-\\x7F])", "atom", "", false],
      ["(?:(?:and|not|in|or))(?![A-Za-z0-9_]|[^\\x00-\\x7F])", "operatorKeyword", "", false],
      ["(?:(?:parallel|repeat|return|await|catch|match|yield|case|else|fail|race|step|then|when|with|for|let|try|do|fn|if))(?![A-Za-z0-9_]|[^\\x00-\\x7F])", "keyword", "", false],
      ["(?:(?:leadflow|profile|expect|policy|replay|after|agent|const|until|flow|mock|most|test|tool|type|undo|per|run|use|as|at|on))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?![ \\t]*[.,)\\]}=?|+*/%<>!])", "keyword", "", false],
      ["(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)", null, "", false],
    ],
  },
  declaration: {
    tag: null,
    endsWithLine: false,
    rules: [
      ["(?:#[^\\n]*)", "lineComment", "", false],
      ["(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)(?=[ \\t]*:)(?![ \\t]*:=)", "variableName.definition", "", true],
      ["(?:(?:step|let))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?![ \\t]*:)", "keyword", "", false],
      ["(?:(?:false|none|true))(?![A-Za-z0-9_]|[^\\x00-\\x7F])", "atom", "", true],
      ["(?:(?:and|not|in|or))(?![A-Za-z0-9_]|[^\\x00-\\x7F])", "operatorKeyword", "", true],
      ["(?:(?:parallel|repeat|return|await|catch|match|yield|case|else|fail|race|then|when|with|for|try|do|fn|if))(?![A-Za-z0-9_]|[^\\x00-\\x7F])", "keyword", "", true],
      ["(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)", "variableName.definition", "", true],
      ["(?=[^ \\t\\n#])", null, "", true],
    ],
  },
  string: {
    tag: "string",
    endsWithLine: true,
    rules: [
      ["(?:\\$\\$\\{)", "escape", "", false],
      ["(?:\\\\u\\{[0-9A-Fa-f]*\\})", "escape", "", false],
      ["(?:\\\\[^\\n])", "escape", "", false],
      ["(?:\\$\\{)(?=[^{}\"\\n]*(?:\"(?:[^\"\\\\\\n$]|\\\\[^\\n]|\\$+(?:[^{\"\\\\\\n$]|\\\\[^\\n]))*\\$*\"[^{}\"\\n]*)*\\})", "brace.special", "hole", false],
      ["(?:\")", "string", "", true],
      ["(?:[^\"\\\\$\\n]+)", "string", "", false],
    ],
  },
  block: {
    tag: "string",
    endsWithLine: false,
    rules: [
      ["(?:\\$\\$\\{)", "escape", "", false],
      ["(?:\\\\u\\{[0-9A-Fa-f]*\\})", "escape", "", false],
      ["(?:\\\\[^\\n])", "escape", "", false],
      ["(?:\\$\\{)(?=[^{}\"\\n]*(?:\"(?:[^\"\\\\\\n$]|\\\\[^\\n]|\\$+(?:[^{\"\\\\\\n$]|\\\\[^\\n]))*\\$*\"[^{}\"\\n]+)*(?:\"(?:[^\"\\\\\\n$]|\\\\[^\\n]|\\$+(?:[^{\"\\\\\\n$]|\\\\[^\\n]))*\\$*\")?\\})", "brace.special", "hole", false],
      ["(?:\"\"\")", "string", "", true],
      ["(?:[^\"\\\\$\\n]+)", "string", "", false],
    ],
  },
  hole: {
    tag: null,
    endsWithLine: false,
    rules: [
      ["(?:\\})", "brace.special", "", true],
      ["(?:#[^{}\"\\n]*(?:\"(?:[^\"\\\\\\n$]|\\\\[^\\n]|\\$+(?:[^{\"\\\\\\n$]|\\\\[^\\n]))*\\$*\"[^{}\"\\n]*)*)", "lineComment", "", false],
      ["(?:\")", "string", "plain", false],
      ["(?:(?:[0-9][0-9_]*(?:\\.[0-9]+)?(?:ms|s|m|h|d))+)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])", "number", "", false],
      ["(?:[0-9][0-9_]*(?:\\.[0-9]+)?(?:KB|MB|GB))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])", "number", "", false],
      ["(?:\\$[0-9][0-9_]*(?:\\.[0-9]+)?)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])", "number", "", false],
      ["(?:[0-9][0-9_]*\\.[0-9]+)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])", "number", "", false],
      ["(?:[0-9][0-9_]*)(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?!\\.[0-9])", "number", "", false],
      ["(?:\\$?[0-9](?:[0-9A-Za-z_]|[^\\x00-\\x7F]|\\.+(?:[0-9A-Za-z_]|[^\\x00-\\x7F]))*)", "invalid", "", false],
      ["(?:\\??\\.[ \\t]*(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)", null, "", false],
      ["(?:@[ \\t]*(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)", "annotation", "", false],
      ["(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)(?=[ \\t]*:)(?![ \\t]*:=)", "propertyName", "", false],
      ["(?:(?:false|none|true))(?![A-Za-z0-9_]|[^\\x00-\\x7F])", "atom", "", false],
      ["(?:(?:and|not|in|or))(?![A-Za-z0-9_]|[^\\x00-\\x7F])", "operatorKeyword", "", false],
      ["(?:(?:parallel|repeat|return|await|catch|match|yield|case|else|fail|race|step|then|when|with|for|let|try|do|fn|if))(?![A-Za-z0-9_]|[^\\x00-\\x7F])", "keyword", "", false],
      ["(?:(?:leadflow|profile|expect|policy|replay|after|agent|const|until|flow|mock|most|test|tool|type|undo|per|run|use|as|at|on))(?![A-Za-z0-9_]|[^\\x00-\\x7F])(?![ \\t]*[.,)\\]}=?|+*/%<>!])", "keyword", "", false],
      ["(?:(?:[A-Za-z_]|[^\\x00-\\x7F])(?:[A-Za-z0-9_]|[^\\x00-\\x7F])*)", null, "", false],
    ],
  },
  plain: {
    tag: "string",
    endsWithLine: false,
    rules: [
      ["(?:\\\\[^\\n])", "escape", "", false],
      ["(?:\")", "string", "", true],
    ],
  },
};

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
