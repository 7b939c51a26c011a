// The scopes that shiki gives to texts. Arguments: its folder, the grammar. Input and output: see textmate.mjs.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, grammarFile] = process.argv.slice(2);
const main = createRequire(join(folder, "package.json")).resolve("shiki");
const { createHighlighter } = await import(pathToFileURL(main).href);
const grammar = JSON.parse(readFileSync(grammarFile, "utf-8"));
const highlighter = await createHighlighter({ themes: ["github-light"], langs: [grammar] });

function pieces(text) {
  const lines = highlighter.codeToTokensBase(text, {
    lang: "leadflow",
    theme: "github-light",
    includeExplanation: true,
    tokenizeMaxLineLength: 0,
    tokenizeTimeLimit: 0,
  });
  return lines.flatMap((line, number) => [
    ...(number ? [["\n", []]] : []),
    ...line
      .flatMap((token) => token.explanation ?? [])
      .map((part) => [part.content, part.scopes.map((scope) => scope.scopeName).toReversed()]),
  ]);
}

const texts = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, pieces(text)]))));
