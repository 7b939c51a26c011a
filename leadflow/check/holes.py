"""Names in texts that were meant to be holes (rule E5): `{name}`, `$name`, `$(name)`, as other languages write them."""

import re

from leadflow.check.context import Context
from leadflow.check.messages.lint import braces_without_dollar
from leadflow.diagnostics import Span
from leadflow.syntax import tree

_PATH = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
_MEANT = re.compile(rf"(?<!\$)\{{\{{?[ ]*({_PATH})[ ]*\}}?\}}|(?<![$\\])\$(?:({_PATH})|\(({_PATH})\))")


def warn_of_braces(cx: Context, expr: tree.Text) -> None:
    """Warn about names that can be read here and stand in the text as they are."""
    if cx.where != "flow" or not any("{" in part or "$" in part for part in expr.parts if isinstance(part, str)):
        return
    holes = [part.span for part in expr.parts if not isinstance(part, str)]
    for found in _MEANT.finditer(cx.scope.module.source.text, expr.span.start, expr.span.end):
        span, path = Span(expr.span.file, *found.span()), found[1] or found[2] or found[3]
        is_in_hole = any(hole.start <= span.start < hole.end for hole in holes)
        if not is_in_hole and cx.frame.find(path.split(".")[0]) is not None:
            cx.frame.read(path.split(".")[0])  # it was meant to be read, which is not said a second time
            cx.report(braces_without_dollar(span, found[0], path=path))
