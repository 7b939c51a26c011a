"""The grammar for other readers: as Lark has it, and in the EBNF of the W3C, which tools for railroad diagrams read."""

import re
from collections.abc import Iterator, Mapping

from leadflow.editor.formats.patterns import Piece, pieces
from leadflow.editor.rules import Language

LARK, EBNF = "leadflow.lark", "leadflow.ebnf"

_LARK_HEAD = """\
// Written by `leadflow grammar export`. Do not edit.
// A lexer of your own has to give three terminals: ABOVE for an `@` that is the first thing on its line or follows `{`
// or another annotation, BEHIND for any other `@`, and BROKEN, which no text matches. It calls a word by its keyword
// only where the parser takes one, as Lark's contextual lexer does.

"""

_EBNF_HEAD = """\
/* leadflow in the EBNF of the W3C. Written by `leadflow grammar export`. Do not edit.
   Between terminals may stand what Ignored has. What a terminal may not be followed by, and which of two terminals is
   taken where both fit, cannot be said in this notation: the expression above a terminal has it whole. */

"""

_DECLARED = {"ABOVE": "'@'", "BEHIND": "'@'"}
"""The text of terminals that the grammar leaves to the lexer; one that is not here has none."""

_HEAD = re.compile(r"^(?P<mark>[?!]?)(?P<name>[A-Za-z_]+)(?:\.[0-9]+)?(?P<gap> *): *(?P<body>.*)$")
_PART = re.compile(r'"[^"]*"|/(?:\\.|\[(?:\\.|[^\]])*\]|[^/\\])+/|->[ ]*\w+|[A-Za-z_]+|[()\[\]*+?|]')


def lark_files(language: Language) -> Mapping[str, str]:
    """The grammar as Lark has it."""
    return {LARK: _LARK_HEAD + language.grammar}


def ebnf_files(language: Language) -> Mapping[str, str]:
    """The grammar in EBNF."""
    lines = [line for source in language.grammar.splitlines() for line in _lines(source)]
    body = "\n".join(line for line in lines if not re.search(r"\b(?:broken|BROKEN)\b", line))
    ignored = " | ".join(_terminal(pattern) for pattern in re.findall(r"^%ignore /(.*)/$", language.grammar, re.M))
    return {EBNF: f"{_EBNF_HEAD}{body.rstrip()}\n\nIgnored ::= {ignored}\n"}


def _lines(source: str) -> Iterator[str]:
    """What a line of the grammar is in EBNF."""
    head = _HEAD.match(source)
    if source.startswith("//"):
        yield f"/* {source.strip('/- ')} */"
    elif source.startswith("%declare"):
        yield from (f"{name} ::= {_DECLARED[name]}" for name in source.split()[1:] if name in _DECLARED)
    elif source.startswith("%ignore"):
        return
    elif head and head["body"].startswith("/"):
        pattern = head["body"][1:-1]
        yield f"/* {pattern.replace('*/', '* /')} */"
        yield f"{head['name']} ::= {_terminal(pattern)}"
    elif head:
        gap = " " * len(head["mark"] + head["gap"])
        yield f"{head['name']}{gap or ' '}::= {_rule(head['body'])}"
    else:
        yield re.sub(r"^( *)\| *", r"\1  | ", _indent(source) + _rule(source.strip())).rstrip()


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _rule(body: str) -> str:
    """The right side of a rule."""
    parts = []
    for part in _PART.findall(body):
        if not part.startswith("->"):
            parts.append({"[": "(", "]": ")?"}.get(part, part))
    return re.sub(r"(?<=\() | (?=[)*+?])", "", " ".join(parts))


def _terminal(pattern: str) -> str:
    """An expression as EBNF: what it looks at without taking is left out."""
    found, depth, skipped = list[str](), 0, 0
    for piece in pieces(pattern):
        if piece.type == "open":
            depth += 1
            if piece.text in ("(?=", "(?!") and not skipped:
                skipped = depth
        if not skipped:
            _add(found, piece)
        if piece.type == "close":
            skipped = 0 if skipped == depth else skipped
            depth -= 1
    return re.sub(r"(?<=\() | (?=[)*+?])", "", " ".join(found))


def _add(found: list[str], piece: Piece) -> None:
    match piece.type:
        case "open":
            found.append("(")
        case "set":
            found.append(_set(piece))
        case "any":
            found.append("[^#xA]")
        case "char":
            found.append(_set(Piece("set", "", ((piece.text, piece.text),))) if piece.text < " " else _text(piece.text))
        case "boundary":
            return
        case _:
            found.append(piece.text)


def _text(text: str) -> str:
    return "'\"'" if text == '"' else f'"{text}"'


def _set(piece: Piece) -> str:
    parts = [_safe(first) if first == last else f"{_safe(first)}-{_safe(last)}" for first, last in piece.items]
    return f"[{'^' * piece.negated}{''.join(parts)}]"


def _safe(char: str) -> str:
    return char if char.isalnum() or char in "_ ." else f"#x{ord(char):X}"
