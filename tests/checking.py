"""What the compiler says about a text, for tests of documents and of explain pages."""

from leadflow.diagnostics.diagnostic import Diagnostic, Report
from leadflow.syntax.parser import parse
from leadflow.syntax.source import read_source

SPOKEN = "FLOW1"
"""How the codes begin that `findings` can give."""


def findings(text: str) -> tuple[Diagnostic, ...]:
    """Everything that is reported about one file, in order."""
    report = Report()
    source = read_source("block.flow", text.encode(), report)
    if source is not None:
        parse(source, report)
    return report.diagnostics
