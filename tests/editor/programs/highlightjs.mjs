// The classes that highlight.js gives to texts. Arguments: its folder, the language. Input and output: see textmate.mjs.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, languageFile] = process.argv.slice(2);
const hljs = createRequire(join(folder, "package.json"))("highlight.js");
const { default: language } = await import(pathToFileURL(languageFile).href);
hljs.registerLanguage("leadflow", language);

const PLAIN = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'" };

function pieces(text) {
  const result = hljs.highlight(text, { language: "leadflow" });
  if (result.errorRaised) throw result.errorRaised;
  const found = [];
  const open = [];
  for (const [part] of result.value.matchAll(/<span class="[^"]*">|<\/span>|[^<]+/g)) {
    if (part === "</span>") open.pop();
    else if (part.startsWith("<span")) open.push(part.slice('<span class="'.length, -2));
    else found.push([part.replace(/&[a-z#0-9]+;/g, (entity) => PLAIN[entity]), open.toReversed()]);
  }
  return found;
}

const texts = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, pieces(text)]))));
