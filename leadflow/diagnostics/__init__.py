"""Diagnostics: what a phase says about an author's text.

A mistake of an author is a value, never an exception: a phase calls `report(...)` with the `Diagnostic` that one
function of its `messages.py` made, goes on, and returns what could be understood. This room knows texts and places,
not what any code means.
"""

from leadflow.diagnostics.codes import CodePage, Draft, code, page, pages
from leadflow.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Report, Severity
from leadflow.diagnostics.span import Position, Source, Span
from leadflow.diagnostics.suggest import did_you_mean, nearest

__all__ = [
    "CodePage",
    "Diagnostic",
    "Draft",
    "Edit",
    "Fix",
    "Label",
    "Position",
    "Report",
    "Severity",
    "Source",
    "Span",
    "code",
    "did_you_mean",
    "nearest",
    "page",
    "pages",
]
