"""Where the none of a name comes from: an arm that does not bind it, or a flow that gives no result.

Adds to what is said about a value what its reader may not see from there, and says it of a name or its part once: each
further use has the same cause. Decides nothing else.
"""

from dataclasses import replace

from leadflow.check.context import Context
from leadflow.check.env import Var
from leadflow.check.narrow import path_of
from leadflow.check.types import holds_none
from leadflow.diagnostics import Diagnostic, Label
from leadflow.plan.types import NONE
from leadflow.syntax import tree


def say_once(cx: Context, expr: tree.Expr, found: Diagnostic) -> None:
    """Report what is wrong with a value, unless the same was said of the same value above: that it may be none, that it
    has no fields.

    What can be mended where it stands is said at each place: its fix mends no other.
    """
    path = path_of(cx, expr) if found.fix is None else None
    if path is not None:
        var, *parts = path
        where = var.span if isinstance(var, Var) else None
        if not cx.program.once(found.code, f"{where} {parts}"):
            cx.program.said_count += 1
            cx.program.error_count += found.severity == "error"
            return
    cx.report(with_origin(cx, expr, found))


def with_origin(cx: Context, expr: tree.Expr, found: Diagnostic) -> Diagnostic:
    """A finding about a value that may be none, with the arms that bind its name, or the step that gives nothing."""
    var = cx.frame.find(expr.text) if isinstance(expr, tree.Name) else None
    if var is None or not holds_none(var.type):
        return found
    if _in_some_arms(var):
        labels = tuple(Label(part.span, f"'{var.name}' is bound in this arm") for part in var.parts)
        other = "the other arm, or an 'else'" if len(var.parts) == 1 else "every other arm"
        return _more(found, labels, f"bind '{var.name}' in {other}, too, and it is always there")
    step = var.node
    if var.type == NONE and isinstance(step, tree.Step) and isinstance(step.action, tree.Call):
        return _more(found, (Label(var.span, "what this step calls gives no result"),), "")
    return found


def _in_some_arms(var: Var) -> bool:
    """Whether a name may be none for no other reason than that some arm does not bind it."""
    return bool(var.parts) and var.clash is None and not any(holds_none(part.type) for part in var.parts)


def _more(found: Diagnostic, labels: tuple[Label, ...], note: str) -> Diagnostic:
    here = tuple(label for label in labels if label.span.file == found.span.file)
    return replace(found, labels=(*found.labels, *here), notes=(*found.notes, note) if note else found.notes)
