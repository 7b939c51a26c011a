// The tags that CodeMirror gives to texts. Arguments: the folder of @codemirror/language, the parser. Input and output:
// see textmate.mjs.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, parserFile] = process.argv.slice(2);
const load = createRequire(join(folder, "package.json"));
const { StreamLanguage } = load("@codemirror/language");
const { highlightTree, tagHighlighter, tags } = load("@lezer/highlight");
const { leadflow } = await import(pathToFileURL(parserFile).href);
const language = StreamLanguage.define(leadflow);

const highlighter = tagHighlighter([
  { tag: tags.lineComment, class: "comment" },
  { tag: tags.keyword, class: "keyword" },
  { tag: tags.atom, class: "atom" },
  { tag: tags.operatorKeyword, class: "operatorKeyword" },
  { tag: tags.string, class: "string" },
  { tag: tags.escape, class: "escape" },
  { tag: tags.special(tags.brace), class: "hole" },
  { tag: tags.number, class: "number" },
  { tag: tags.definition(tags.variableName), class: "definition" },
  { tag: tags.annotation, class: "annotation" },
  { tag: tags.propertyName, class: "propertyName" },
  { tag: tags.invalid, class: "invalid" },
]);

function pieces(text) {
  const found = [];
  let done = 0;
  highlightTree(language.parser.parse(text), highlighter, (from, to, name) => {
    if (from > done) found.push([text.slice(done, from), []]);
    found.push([text.slice(from, to), [name]]);
    done = to;
  });
  if (done < text.length) found.push([text.slice(done), []]);
  return found;
}

const texts = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, pieces(text)]))));
