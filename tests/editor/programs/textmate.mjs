// The scopes that vscode-textmate gives to texts. Arguments: its folder, that of vscode-oniguruma, the grammar.
// Standard input: JSON, name -> text. Standard output: JSON, name -> [piece, innermost scopes first] in order.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [textmateFolder, onigurumaFolder, grammarFile] = process.argv.slice(2);
const load = (folder) => createRequire(join(folder, "package.json"))(folder);
const textmate = load(textmateFolder);
const oniguruma = load(onigurumaFolder);
const main = createRequire(join(onigurumaFolder, "package.json")).resolve(onigurumaFolder);
await oniguruma.loadWASM(readFileSync(join(dirname(main), "onig.wasm")).buffer);

const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(readFileSync(grammarFile, "utf-8"), "grammar.json"),
});
const grammar = await registry.loadGrammar("source.leadflow");

function pieces(text) {
  const found = [];
  let stack = textmate.INITIAL;
  for (const line of text.split("\n")) {
    const read = grammar.tokenizeLine(line, stack);
    for (const token of read.tokens) {
      found.push([line.slice(token.startIndex, token.endIndex), token.scopes.toReversed()]);
    }
    found.push(["\n", []]);
    stack = read.ruleStack;
  }
  return found.slice(0, -1);
}

const texts = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, pieces(text)]))));
