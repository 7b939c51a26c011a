"""The same text laid out otherwise: line ends, blanks and comments put where the grammar does not care."""

from random import Random

from leadflow.syntax.lexer import tokenise

GAPS = [
    " ",
    "  ",
    "\n",
    "\n  ",
    "\n\n\n",
    " # a note\n",
    "\n# a line\n",
    "\n## a doc\n    ",
    " ## stray\n",
    "#\n",
    "\t",
]


def shaken(text: str, chance: Random, percent: int = 30) -> str:
    """The text with so many of a hundred gaps between its tokens made anew; it means what it meant."""
    tokens = tokenise("<text>", text)
    row: list[str] = []
    end = 0
    for token, kind in enumerate(tokens.kinds):
        gap = text[end : tokens.starts[token]]
        if token != 1 and chance.randrange(100) < percent:
            gap = _new_gap(gap, kind, tokens.kinds[token - 1] if token else "", chance)
        row += [gap, tokens.written(token)]
        end = tokens.ends[token]
    return "".join(row) + text[end:]


def _new_gap(gap: str, kind: str, before: str, chance: Random) -> str:
    if kind == "$END" or before in ("KEY", "ABOVE", "BEHIND"):
        return gap  # a word is a KEY by what follows; `@` stands before its name
    if kind == "BEHIND":
        return chance.choice([" ", "  "])
    if kind == "ABOVE":
        return gap + chance.choice(["\n", "\n\n  ", " # a note\n", "\n## a doc\n"])
    if not gap and chance.randrange(3):
        return gap
    return chance.choice(GAPS)
