"""The lexer that `pip install leadflow` registers with Pygments (entry point `pygments.lexers`).

Pygments has no types, so the class is made from data: the same that the exported file holds as text.
"""

import re
from functools import reduce
from importlib import import_module
from typing import Any

from leadflow.editor.formats.pygments import ABOUT, table
from leadflow.editor.rules import rules
from leadflow.editor.words import words


def _token(name: str) -> Any:
    """The token type of a name such as `String.Escape`."""
    return reduce(getattr, name.split("."), import_module("pygments.token"))


def _begins_like_a_flow(text: str) -> float:
    """How sure it is that a text is in the language, from 0 to 1."""
    return 0.9 if re.match(r"(?:#[^\n]*\n|\s)*leadflow [0-9]", text) else 0.0


_STATES = {
    state: [(pattern, _token(token), *to) for pattern, token, *to in rows]
    for state, rows in table(rules(words())).items()
}
_MEMBERS = {
    "__doc__": "The language of flows of AI agents.",
    "__module__": __name__,
    "tokens": _STATES,
    "analyse_text": _begins_like_a_flow,
}

LeadflowLexer: Any = type("LeadflowLexer", (import_module("pygments.lexer").RegexLexer,), ABOUT | _MEMBERS)
