"""A difference for people, in 100 columns and with signs that need no colour; and the same for machines. Pure."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, unified_diff
from itertools import groupby
from textwrap import wrap
from typing import Any

from leadflow.plan.compare.changes import Change
from leadflow.plan.compare.difference import Difference
from leadflow.plan.compare.moves import Bar, Move
from leadflow.plan.text import WIDTH

_SIGNS = {"added": "+", "removed": "-", "renamed": "~", "changed": "~"}
_SHORT = 44
"""Two values of at most so many characters stand in one line."""


def difference_text(
    found: Difference, moves: Sequence[Move], names: tuple[str, str], bounds: Sequence[tuple[str, str, str]] = ()
) -> str:
    """What differs, what it means for the bounds of runs (flow, old, new), and for runs that are open."""
    if not found.changes:
        return f"{names[0]} and {names[1]}: no difference in meaning; both are plan {found.new_hash[:12]}\n"
    head = f"{names[0]} -> {names[1]}   plan {found.old_hash[:12]} -> {found.new_hash[:12]}"
    return (
        "\n".join(
            [
                *_wrapped(head, "", "  "),
                "",
                *_changes(found.changes),
                *_bounds(bounds),
                "",
                *_moves(moves),
                "",
                _sum(found),
            ]
        )
        + "\n"
    )


def _sum(found: Difference) -> str:
    counts = [(found.count(kind), kind) for kind in ("added", "removed", "renamed", "changed")]
    return f"{len(found.changes)} difference{'' if len(found.changes) == 1 else 's'}: " + ", ".join(
        f"{count} {kind}" for count, kind in counts if count
    )


# --- changes ------------------------------------------------------------------------------------------------------


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    """Changes by what they are about; steps stand below their flow."""
    for head, group in groupby(changes, key=_head):
        yield head
        for (subject, path), same in groupby(group, key=lambda change: (change.subject, change.path)):
            yield from _subject(subject, path, list(same))


def _head(change: Change) -> str:
    if change.subject in ("step", "control", "let", "flow"):
        return f"flow {change.path.partition('/')[0]}"
    return {"program": "the program", "type": "types", "agent": "agents", "tool": "tools of models"}[change.subject]


def _subject(subject: str, path: str, changes: Sequence[Change]) -> Iterator[str]:
    is_flow = subject in ("flow", "program")
    name = path.partition("/")[2] if "/" in path and subject != "agent" else path
    word = "let " if subject == "let" else ""
    said = False
    for change in changes:
        sign = _SIGNS[change.kind]
        match change.kind:
            case "renamed":
                yield from _wrapped(f"{sign} {word}{change.old} is called {change.new} now", "  ", "      ")
                said = True
            case "added" | "removed":
                about = change.new if change.kind == "added" else change.old
                shown = f"the flow {about}" if is_flow else f"{word}{name}   {about}"
                yield from _wrapped(f"{sign} {shown}", "  ", "      ")
            case "changed":
                if not said and not is_flow:
                    yield f"  {sign} {word}{name}"
                    said = True
                yield from _value(change, "  " if is_flow else "      ")


def _value(change: Change, indent: str) -> Iterator[str]:
    """One value, old and new."""
    if change.is_text and change.old is not None and change.new is not None and _is_long(change.old, change.new):
        yield f"{indent}{change.aspect}"
        yield from _lines(change.old, change.new, indent + "  ")
        return
    old, new = (None if side is None else _flat(side) for side in (change.old, change.new))
    origin = _origin(change)
    match old, new:
        case None, _:
            told = f"{change.aspect}: + {new}"
        case _, None:
            told = f"{change.aspect}: - {old}"
        case _ if len(old) + len(new) <= 2 * _SHORT:
            told = f"{change.aspect}: {old} -> {new}"
        case _:
            yield f"{indent}{change.aspect}{origin}"
            yield from _wrapped(f"- {old}", indent + "  ", indent + "    ")
            yield from _wrapped(f"+ {new}", indent + "  ", indent + "    ")
            return
    yield from _wrapped(told + origin, indent, indent + "  ")


def _origin(change: Change) -> str:
    origins = [origin for origin in (change.old_origin, change.new_origin) if origin]
    return f"   ({' -> '.join(dict.fromkeys(origins))})" if origins else ""


def _is_long(old: str, new: str) -> bool:
    return "\n" in old or "\n" in new or len(old) + len(new) > 2 * _SHORT


def _flat(text: str) -> str:
    return " ".join(text.split())


def _lines(old: str, new: str, indent: str) -> Iterator[str]:
    """A text line by line; of a line that was changed, which words."""
    if "\n" not in old and "\n" not in new:
        yield from _wrapped(_words(old, new), indent, indent + "  ")
        return
    for line in [*unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)][2:]:
        yield f"{indent}…" if line.startswith("@@") else f"{indent}{line[:1]} {line[1:]}".rstrip()[:400]


def _words(old: str, new: str) -> str:
    """A line with the words that went in `[-…-]` and those that came in `{+…+}`."""
    olds, news = old.split(), new.split()
    found: list[str] = []
    for tag, start, end, start2, end2 in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if tag == "equal":
            kept = olds[start:end]
            found += kept if len(kept) <= 12 else [*kept[:5], "…", *kept[-5:]]
            continue
        if start < end:
            found.append(f"[-{' '.join(olds[start:end])}-]")
        if start2 < end2:
            found.append(f"{{+{' '.join(news[start2:end2])}+}}")
    return " ".join(found)


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [first]


# --- runs -------------------------------------------------------------------------------------------------------------


def _bounds(bounds: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    changed = [(flow, old, new) for flow, old, new in bounds if old != new]
    if changed:
        yield from ("", "bounds of a run")
    for flow, old, new in changed:
        yield f"  {flow}"
        yield from _wrapped(f"- {old}", "      ", "        ")
        yield from _wrapped(f"+ {new}", "      ", "        ")


def _moves(moves: Sequence[Move]) -> Iterator[str]:
    yield "open runs"
    for move in moves:
        match move.verdict:
            case "may move":
                yield from _wrapped(f"{move.flow}: may move", "  ", "    ")
            case "may not move":
                yield from _wrapped(f"{move.flow}: may not move", "  ", "    ")
                for reason in move.reasons:
                    yield from _wrapped(reason, "      ", "        ")
            case "may move unless":
                yield from _wrapped(f"{move.flow}: may move unless they have got to one of these", "  ", "    ")
                for bar in move.first:
                    yield from _wrapped(f"{bar.path}{_reach(bar)}: {bar.why}", "      ", "        ")


def _reach(bar: Bar) -> str:
    return "" if bar.reach == "passed" else " (while it is under way)"


# --- data ---------------------------------------------------------------------------------------------------------


def as_json(found: Difference, moves: Sequence[Move]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "old": {"file": found.old.file, "profile": found.old.profile, "hash": found.old_hash},
        "new": {"file": found.new.file, "profile": found.new.profile, "hash": found.new_hash},
        "changes": [_change(change) for change in found.changes],
        "moves": [
            {
                "flow": move.flow,
                "verdict": move.verdict,
                "bars": [{"path": bar.path, "reach": bar.reach, "why": bar.why} for bar in move.bars],
                "reasons": list(move.reasons),
            }
            for move in moves
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "subject": change.subject,
        "path": change.path,
        "kind": change.kind,
        "aspect": change.aspect or None,
        "old": change.old,
        "new": change.new,
        "old_origin": change.old_origin or None,
        "new_origin": change.new_origin or None,
    }
