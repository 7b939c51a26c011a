"""What each character of a text is to its reader: the answer that every highlighter has to give.

Runs the rules of `leadflow.editor.rules` over any text, also one that is no flow. Knows no editor.
"""

import re
from functools import cache

from leadflow.editor.rules import CLASS_OF, START, Class, Kind, rules
from leadflow.editor.words import words


def classes(text: str) -> list[Class]:
    """The class of each character of a text."""
    return [CLASS_OF[kind] for kind in kinds(text)]


def kinds(text: str) -> list[Kind]:
    """The kind of each character of a text."""
    found: list[Kind] = []
    states = _states()
    open_states = [START]
    at = 0
    while at < len(text):
        own, ends_with_line, steps = states[open_states[-1]]
        if ends_with_line and text[at] == "\n":
            open_states.pop()
            continue
        for pattern, kind, enter, leave in steps:
            if piece := pattern.match(text, at):
                found += [kind] * (piece.end() - at)
                at = piece.end()
                if leave:
                    open_states.pop()
                elif enter:
                    open_states.append(enter)
                break
        else:
            found.append(own)
            at += 1
    return found


_Step = tuple[re.Pattern[str], Kind, str, bool]


@cache
def _states() -> dict[str, tuple[Kind, bool, list[_Step]]]:
    """The states with their rules compiled."""
    return {
        name: (
            state.kind,
            state.ends_with_line,
            [(re.compile(rule.regex), rule.kind, rule.enter, rule.leave) for rule in state.rules],
        )
        for name, state in rules(words()).items()
    }
