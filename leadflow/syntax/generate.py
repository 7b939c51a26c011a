"""grammar/flow.lark -> grammar/flow.tables.json: lark's LALR(1) tables as plain data.

Run `python -m leadflow.syntax.generate` after a change to the grammar; a test compares the two. The parser loads the
data and never lark: importing lark and building the tables would cost each start a third of a second, and a pickled
cache of them would run whatever somebody else put into it.
"""

import json
from collections.abc import Iterable
from typing import Any, Literal

from lark import Lark
from lark.grammar import Rule, Terminal
from lark.lexer import PatternStr
from lark.parsers.lalr_analysis import Shift

from leadflow.resources import GRAMMAR, grammar_text

STARTS = ("start", "expr")
"""What can be parsed on its own: a file, and the expression in a hole of a string."""


def build(grammar: str, *, strict: bool = False) -> Lark:
    """The grammar as lark understands it.

    Raises:
        lark.exceptions.LarkError: a mistake in the grammar; with `strict` also each conflict and each collision of
            terminals (needs the package `interegular`).
    """
    return Lark(grammar, parser="lalr", start=list(STARTS), maybe_placeholders=True, strict=strict)


def tables(lark: Lark) -> dict[str, Any]:
    """The tables as JSON: what `leadflow.syntax.tables.load` reads."""
    table = lark.parser.parser._parse_table
    numbers = _numbered(table)
    rules = {rule: number for number, rule in enumerate(lark.rules)}
    rows: list[dict[str, int]] = [{} for _ in numbers]
    for state, number in numbers.items():
        for symbol, (action, target) in sorted(table.states[state].items()):
            rows[number][symbol] = numbers[target] if action is Shift else ~rules[target]
    return {
        "rows": rows,
        "rules": [_rule(rule) for rule in lark.rules],
        "starts": {start: numbers[table.start_states[start]] for start in STARTS},
        "ends": {start: numbers[table.end_states[start]] for start in STARTS},
        **_terminals(lark),
    }


def _numbered(table: Any) -> dict[int, int]:
    """lark's states numbered in the order of a walk from the starts: lark's own numbers differ from run to run."""
    order = [table.start_states[start] for start in STARTS]
    seen = dict.fromkeys(order)
    for state in order:
        for _, (action, target) in sorted(table.states[state].items(), key=lambda item: item[0]):
            if action is Shift and target not in seen:
                seen[target] = None
                order.append(target)
    return {state: number for number, state in enumerate(seen)}


def _rule(rule: Rule) -> list[object]:
    """The fields of a `tables.Rule`."""
    picks = list(_picks(rule))
    origin = str(rule.origin.name)
    kind: Literal["pass", "list", "node"] = "node"
    if rule.options.expand1 and len(picks) == 1 and isinstance(picks[0], int) and picks[0] >= 0 and not rule.alias:
        kind = "pass"
    elif origin.startswith("_"):
        kind = "list"
    symbols = [str(symbol.name) for symbol in rule.expansion]
    return [origin, str(rule.alias or origin), symbols, kind, picks]


def _picks(rule: Rule) -> Iterable[int | None]:
    """Which symbols of the expansion become children: `n`, `~n` for all the items of a list, None for an absent one."""
    absent = "".join("n" if empty else "." for empty in rule.options.empty_indices) or "." * len(rule.expansion)
    position = 0
    for mark in absent:
        if mark == "n":
            yield None
            continue
        symbol = rule.expansion[position]
        if isinstance(symbol, Terminal):
            if not symbol.filter_out:
                yield position
        else:
            yield ~position if symbol.name.startswith("_") else position
        position += 1


def _terminals(lark: Lark) -> dict[str, object]:
    patterns: list[tuple[str, str]] = []
    fixed: dict[str, str] = {}
    terminals = sorted(lark.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    for terminal in terminals:
        if isinstance(terminal.pattern, PatternStr):
            fixed[terminal.pattern.value] = str(terminal.name)
        elif terminal.name not in lark.ignore_tokens:
            patterns.append((str(terminal.name), terminal.pattern.to_regexp()))
    return {"patterns": patterns, "fixed": fixed}


def dump(data: dict[str, Any]) -> str:
    """The text of flow.tables.json: one row or rule a line, so that a change can be read."""
    lines = []
    for key, value in data.items():
        if key in {"rows", "rules", "patterns"}:
            body = ",\n".join(json.dumps(item, separators=(",", ":")) for item in value)
            lines.append(f'"{key}":[\n{body}\n]')
        else:
            lines.append(f'"{key}":{json.dumps(value)}')
    return "{" + ",\n".join(lines) + "}\n"


def main() -> None:
    """Write the tables beside the grammar."""
    text = dump(tables(build(grammar_text())))
    (GRAMMAR / "flow.tables.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
