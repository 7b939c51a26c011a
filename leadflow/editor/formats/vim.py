"""Syntax, file type and options for Vim and Neovim. Where two items begin at one place the later wins."""

from collections.abc import Iterator, Mapping

from leadflow.editor.formats.patterns import Piece, pieces
from leadflow.editor.rules import START, Kind, Language, Rule, Rules, State

_LINKS = {
    Kind.COMMENT: "Comment",
    Kind.KEYWORD: "Statement",
    Kind.CONSTANT: "Constant",
    Kind.OPERATOR: "Operator",
    Kind.STRING: "String",
    Kind.ESCAPE: "SpecialChar",
    Kind.HOLE: "Delimiter",
    Kind.NUMBER: "Number",
    Kind.NAME: "Function",
    Kind.ANNOTATION: "PreProc",
    Kind.KEY: "Identifier",
    Kind.BAD: "Error",
}

_SYNTAX = """\
" leadflow for Vim and Neovim. Written by `leadflow grammar export`. Do not edit.
if exists("b:current_syntax")
  finish
endif

syntax case match
syntax sync fromstart
"""

_DETECT = "autocmd BufRead,BufNewFile *.flow set filetype=leadflow\n"

_OPTIONS = """\
" leadflow for Vim and Neovim. Written by `leadflow grammar export`. Do not edit.
setlocal commentstring=#\\ %s comments=b:##,b:# expandtab shiftwidth=2 suffixesadd=.flow
let b:undo_ftplugin = "setlocal commentstring< comments< expandtab< shiftwidth< suffixesadd<"
"""


def files(language: Language) -> Mapping[str, str]:
    """The files, where Vim looks for them below a folder of its `runtimepath`."""
    return {
        "syntax/leadflow.vim": _syntax(language.rules),
        "ftdetect/leadflow.vim": _DETECT,
        "ftplugin/leadflow.vim": _OPTIONS,
    }


def _syntax(rules: Rules) -> str:
    lines: list[str] = []
    for name, state in rules.items():
        lines += ["", *_items(name, state, rules)]
        if name != START:
            lines.append(_cluster(name, state))
    links = {f"highlight default link {group} {link}" for group, link in _links(rules)}
    return _SYNTAX + "\n".join([*lines, "", *sorted(links), "", 'let b:current_syntax = "leadflow"']) + "\n"


def _links(rules: Rules) -> Iterator[tuple[str, str]]:
    for name, state in rules.items():
        for rule in state.rules:
            if _is_region(rule) and rules[rule.enter].kind in _LINKS:
                yield _region_group(name, rule), _LINKS[rules[rule.enter].kind]
            if rule.kind in _LINKS and (_stands_in(name, rule) or rule.kind is Kind.HOLE):
                yield _group(name, rule.kind), _LINKS[rule.kind]


def _stands_in(name: str, rule: Rule) -> bool:
    """Whether a rule is an item of its state. The others are the ends of its region, and what needs no item."""
    if name == "declaration":
        return bool(rule.pattern)
    return not rule.leave and (rule.kind is not Kind.STRING or bool(rule.enter))


def _items(name: str, state: State, rules: Rules) -> Iterator[str]:
    """The items of a state, the first rule last."""
    contained = "" if name == START else " contained"
    for rule in reversed([rule for rule in state.rules if _stands_in(name, rule)]):
        if _is_region(rule):
            yield _region(name, rule, rules[rule.enter]) + contained
            continue
        goes_on = rule.enter or (name == "declaration" and not rule.leave)
        follows = " nextgroup=@leadflowDeclaration skipwhite skipnl skipempty" if goes_on else ""
        yield f"syntax match {_group(name, rule.kind)} /{vim(rule.regex)}/{contained}{follows}"


def _cluster(name: str, state: State) -> str:
    """What a state contains, under one name."""
    inner = [
        _region_group(name, rule) if _is_region(rule) else _group(name, rule.kind)
        for rule in state.rules
        if _stands_in(name, rule)
    ]
    return f"syntax cluster leadflow{name.title()} contains={','.join(dict.fromkeys(inner))}"


def _is_region(rule: Rule) -> bool:
    """Vim follows what a keyword declares without a region."""
    return rule.enter not in ("", "declaration")


def _region(name: str, rule: Rule, state: State) -> str:
    ends = [f"end=/{vim(end.regex)}/" for end in state.rules if end.leave] + ["end=/$/"] * state.ends_with_line
    edge = "" if rule.kind is state.kind else f" matchgroup={_group(rule.enter, rule.kind)}"
    what = f"syntax region {_region_group(name, rule)}{edge} start=/{vim(rule.regex)}/ {' '.join(ends)}"
    return f"{what} contains=@leadflow{rule.enter.title()}"


def _group(state: str, kind: Kind) -> str:
    return f"leadflow{state.title()}{kind.value.title()}"


def _region_group(state: str, rule: Rule) -> str:
    return f"leadflow{state.title()}{rule.enter.title()}Region"


def vim(pattern: str) -> str:
    """A regular expression as Vim writes it."""
    found, closing = [r"\v"], list[str]()
    for piece in pieces(pattern):
        match piece.type:
            case "open":
                found.append("%(")
                closing.append({"(?=": ")@=", "(?!": ")@!"}.get(piece.text, ")"))
            case "close":
                found.append(closing.pop())
            case "set":
                found.append(_set(piece))
            case "char" if piece.text == "\n":
                found.append(r"\n")
            case "char" if not (piece.text.isalnum() or piece.text in "_ "):
                found.append("\\" + piece.text)
            case _:
                found.append(piece.text)
    return "".join(found)


def _set(piece: Piece) -> str:
    """A set; one that is negated never has the line end in Vim."""
    ranges = []
    for first, last in piece.items:
        if first == "\n":
            continue
        if last == "\x7f":
            ranges.append(r"\d1-\d127")
        elif first != last:
            ranges.append(f"{first}-{last}")
        else:
            # in a set, `\/` is a backslash or a slash to Vim
            ranges.append({"\t": r"\t", "/": r"\d47"}.get(first, "\\" + first if first in "]\\^-" else first))
    inner = "".join(ranges)
    if not inner:
        return "."
    if piece.negated:
        return f"[^{inner}]"
    return (r"\_" if ("\n", "\n") in piece.items else "") + f"[{inner}]"
