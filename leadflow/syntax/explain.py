"""What is wrong with a token that cannot follow: the first explanation that fits, else what could stand there.

Each explanation looks at one habit or one slip and says the leadflow way; recovery may read on as it suggests.
"""

from functools import cache

from leadflow.diagnostics import Diagnostic
from leadflow.syntax import messages, messages_source
from leadflow.syntax.braces import Braces
from leadflow.syntax.explain_annotations import ANNOTATION_EXPLANATIONS
from leadflow.syntax.explain_habits import HABIT_EXPLANATIONS
from leadflow.syntax.explain_loops import LOOP_EXPLANATIONS
from leadflow.syntax.explain_statements import STATEMENT_EXPLANATIONS
from leadflow.syntax.explain_units import UNIT_EXPLANATIONS
from leadflow.syntax.explain_values import VALUE_EXPLANATIONS
from leadflow.syntax.repair import Finding
from leadflow.syntax.tables import load
from leadflow.syntax.trouble import DECLARATIONS, STATEMENTS, VALUES, Trouble


def explain(trouble: Trouble, braces: Braces) -> Finding:
    """What to say about a token that cannot follow, and how to read on."""
    for explanation in _EXPLANATIONS:
        if finding := explanation(trouble, braces):
            return finding
    return Finding(_unexpected(trouble))


def hole(trouble: Trouble) -> Diagnostic:
    """What to say about a token that cannot follow in a hole of a string."""
    if trouble.kind == "$END" and trouble.token == 0:
        return messages_source.bad_hole(trouble.span, "a hole '${…}' holds a value; this one is empty")
    if trouble.kind == "$END":
        return messages_source.bad_hole(trouble.span, "the expression in this hole is not complete")
    if trouble.kind in {"COLON", "KEY"}:
        return messages_source.bad_hole(trouble.span, "a hole holds an expression only; it has no format behind ':'")
    finding = explain(trouble, Braces(trouble.tokens))
    return finding.diagnostic or _unexpected(trouble)


_EXPLANATIONS = (
    *ANNOTATION_EXPLANATIONS,
    *UNIT_EXPLANATIONS,
    *LOOP_EXPLANATIONS,
    *HABIT_EXPLANATIONS,
    *STATEMENT_EXPLANATIONS,
    *VALUE_EXPLANATIONS,
)
"""In the order in which they are asked."""

_NAMES = {
    "KEY": "'name:'",
    "NAME": "a name",
    "STRING": "a string",
    "ABOVE": "an annotation",
    "BEHIND": "a constraint",
    "$END": "the end of the file",
    "MEMBER": "'.name'",
    "COMPARE": "an operator",
}
_OPERATORS = {"OR", "AND", "NOT", "IN", "PLUS", "SIGN", "TIMES", "DEFAULT", "COMPARE", "SAFE_MEMBER"}


def _unexpected(trouble: Trouble) -> Diagnostic:
    return messages.unexpected(trouble.span, trouble.found, expected=_expected(trouble))


def _expected(trouble: Trouble) -> list[str]:
    """What could stand here, in few words; empty when that is too much to be of use."""
    kinds = trouble.machine.expected()
    names: list[str] = []
    if "FLOAT" in kinds and "NAME" in kinds:
        kinds = [
            kind for kind in kinds if kind not in VALUES | {"SIGN", "NOT", "LPAR", "LSQB", "LBRACE", "IF", "MATCH"}
        ]
        names.append("a value")
    if "STEP" in kinds:
        kinds = [kind for kind in kinds if kind not in STATEMENTS]
        names.append("a statement")
    if "FLOW" in kinds:
        kinds = [kind for kind in kinds if kind not in DECLARATIONS]
        names.append("a declaration")
    if len(set(kinds) & _OPERATORS) > 3:
        kinds = [kind for kind in kinds if kind not in _OPERATORS | {"MEMBER", "LPAR", "LSQB"}]
        names.append("an operator")
    fixed = _fixed()
    for kind in kinds:
        if kind not in {"BROKEN", "TEXT_LINE", "TEXT_BLOCK"}:  # texts in three quotes stand where strings do
            names.append(_NAMES.get(kind) or f"'{fixed.get(kind, kind.lower())}'")
    return names if len(names) <= 7 else []


@cache
def _fixed() -> dict[str, str]:
    """Terminal -> its text."""
    return {kind: text for text, kind in load().fixed.items()}
