"""Sources that went wrong: the files of the repository with words lost, doubled, moved, bytes flipped, text cut.

All chance comes from one `random.Random`, so that a seed names a case.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from leadflow.syntax.lexer import tokenise

ROOT = Path(__file__).resolve().parent.parent.parent
ODD = [
    *("\u202e", "\u200b", "\u0430", "\x00", "\x1b", "\ufeff", "\u2028", "\U0001f600", "\u00a0", "\r", "\ud7ff"),
    "\\u{110000}",
]
WORDS = [
    *("step", "let", "if", "else", "match", "return", "yield", "fail", "for", "in", "repeat", "until", "parallel"),
    *("race", "do", "flow", "agent", "type", "use", "tool", "policy", "const", "profile", "on", "test", "mock", "run"),
    *("{", "}", "(", ")", "[", "]", ",", ":", "=", "=>", "->", "|", "?", ".", "?.", "??", "@", "&&", "!", ";", "//"),
    *('"', '"""', "'", "${", "$${", "#", "##", "none", "true", "_", "a", "1", "1.5.2s", "$0.5", "007", "5min", "1e3"),
    *("leadflow", "leadflow 1", "leadflow 2", "catch", "undo", "after", "at most", "per", "with", "import", "9" * 120),
]
OPENERS = [
    *(("(", ")"), ("[", "]"), ("{", "}"), ("f(", ")"), ("if a {", "}"), ("list[", "]")),
    *(("not ", ""), ("-", ""), ("a + ", "")),
]


def sources() -> list[str]:
    """The texts of all `.flow` files of the repository."""
    return [path.read_text("utf-8") for path in sorted(ROOT.rglob("*.flow"))]


def mutated(texts: Sequence[str], chance: Random) -> bytes:
    """One of the texts, or a piece of it, with one to four things wrong.

    A mistake shows within a page, and a page costs a tenth of a whole pipeline: of long texts one in sixteen is whole.
    """
    text = chance.choice(texts)
    if len(text) > 1_000 and chance.randrange(16):
        start = chance.randrange(len(text) - 600)
        text = "leadflow 1\n" + text[text.find("\n", start) + 1 :][: chance.randrange(200, 900)]
    for _ in range(chance.randint(1, 4)):
        text = chance.choice(_MUTATIONS)(text, chance)
    data = text.encode("utf-8", "replace")
    return _flipped(data, chance) if chance.randrange(8) == 0 else data


def _flipped(data: bytes, chance: Random) -> bytes:
    found = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        if found:
            found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def _token(text: str, chance: Random) -> tuple[int, int]:
    """The place of one token."""
    tokens = tokenise("<text>", text)
    token = chance.randrange(len(tokens.kinds))
    return tokens.starts[token], tokens.ends[token]


def _delete(text: str, chance: Random) -> str:
    start, end = _token(text, chance)
    return text[:start] + text[end:]


def _double(text: str, chance: Random) -> str:
    start, end = _token(text, chance)
    return f"{text[:end]} {text[start:end]}{text[end:]}"


def _swap(text: str, chance: Random) -> str:
    (start, end), (start2, end2) = sorted([_token(text, chance), _token(text, chance)])
    if end > start2:
        return text
    return text[:start] + text[start2:end2] + text[end:start2] + text[start:end] + text[end2:]


def _replace(text: str, chance: Random) -> str:
    start, end = _token(text, chance)
    return f"{text[:start]} {chance.choice(WORDS)} {text[end:]}"


def _insert(text: str, chance: Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(ODD if chance.randrange(2) else WORDS) + text[at:]


def _cut(text: str, chance: Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] if chance.randrange(2) else text[:at] + text[at + chance.randrange(1, 200) :]


def _nest(text: str, chance: Random) -> str:
    start, end = _token(text, chance)
    opener, closer = chance.choice(OPENERS)
    deep = chance.choice([1, 2, 5, 30, 63, 70, 150, 400])
    return text[:start] + opener * deep + text[start:end] + closer * deep + text[end:]


def _line(text: str, chance: Random) -> str:
    rows = text.split("\n")
    at, to = chance.randrange(len(rows)), chance.randrange(len(rows))
    rows.insert(to, rows.pop(at) if chance.randrange(2) else rows[at])
    return "\n".join(rows)


_MUTATIONS: list[Callable[[str, Random], str]] = [
    *(_delete, _delete, _double, _swap, _replace, _replace, _insert, _insert, _cut, _nest, _line)
]
