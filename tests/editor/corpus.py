"""The texts that every highlighter is tried on: all flows of the repository, nasty pieces, and random ones.

Knows no highlighter. The random texts come from fixed seeds: all consumers see the same ones.
"""

import re
from functools import cache
from pathlib import Path
from random import Random

from leadflow.editor.words import words
from leadflow.syntax.lexer import tokenise
from tests.blocks import blocks
from tests.making.layouts import shaken
from tests.syntax.sources import EVERYTHING
from tests.syntax.test_robustness import ODD

ROOT = Path(__file__).resolve().parent.parent.parent

WORDS = words().keywords

BUILT = {
    "keywords": "".join(f"{word} x\n{word}\n({word})\n{word}: 1\na.{word} a?.{word}\n@{word}\n" for word in WORDS),
    "glued": "".join(f"{word}x x{word} {word}1 {word}_ _{word} é{word} {word}é 1{word}\n" for word in WORDS),
    "spaces": '   \n\t\n\n \t let\tx\t=\t"\t"\t# \t\n  #\n##\n#',
    "unseen": "let caf\u00e9 = x\u200by \u2028 z\u00a0if\u00a0then if\u00a0 \u3000let\n'let' `if`\n",
    "empty": "",
    "one": "x",
}
"""Nasty texts that cannot be seen, or that are the same for every keyword. The others stand in nasty.txt."""


@cache
def corpus() -> dict[str, str]:
    """Name -> text."""
    files = [*ROOT.glob("examples/**/*.flow"), *ROOT.glob("stdlib/**/*.flow"), *ROOT.glob("tests/data/*.flow")]
    found = {file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in sorted(files)}
    found["everything"] = EVERYTHING
    for block in blocks((ROOT / "grammar" / "SPEC.md").read_text("utf-8"), "flow"):
        found[f"SPEC.md:{block.line}"] = block.text
    nasty = (Path(__file__).parent / "nasty.txt").read_text("utf-8")
    found |= BUILT | dict(re.findall(r"^=== (\w+)\n(.*?)(?=^=== |\Z)", nasty, re.MULTILINE | re.DOTALL))
    found |= {f"shaken {seed}": shaken(EVERYTHING, Random(seed)) for seed in range(3)}
    return found | {f"soup {seed}": _soup(Random(seed)) for seed in range(60)}


def _soup(chance: Random) -> str:
    """Tokens of a good flow and odd characters in any order."""
    tokens = tokenise("x.flow", EVERYTHING)
    parts = [tokens.written(token) for token in range(tokens.count)] + [
        *ODD,
        *words().keywords,
        "${x}",
        "$${",
        "\\n",
    ] * 3
    glue = ["", "", " ", " ", " ", "\n", "\t", " # note\n"]
    return "".join(chance.choice(parts) + chance.choice(glue) for _ in range(chance.randrange(20, 120)))
