"""Findings as workflow commands of GitHub: annotations beside the lines of a pull request, when a workflow prints them.

Pure. The log of a workflow is read line by line, so that nothing of an author's text may begin a line: line ends and
the marks of the commands themselves are escaped as the runner undoes them.
"""

from collections.abc import Sequence

from leadflow.diagnostics.diagnostic import Diagnostic
from leadflow.diagnostics.render import Sources

_IN_TEXT = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_IN_PROPERTY = (*_IN_TEXT, (":", "%3A"), (",", "%2C"))


def render_github(diagnostics: Sequence[Diagnostic], sources: Sources) -> str:
    """One command per finding: `::error file=…,line=…,endLine=…,col=…,endColumn=…,title=…::message`."""
    return "".join(f"{_command(d, sources)}\n" for d in diagnostics)


def _command(d: Diagnostic, sources: Sources) -> str:
    values = {"file": d.span.file, **_place(d, sources), "title": f"{d.code} {d.title}"}
    properties = ",".join(f"{name}={_escaped(value, _IN_PROPERTY)}" for name, value in values.items())
    lines = [d.message, *(f"note: {note}" for note in d.notes)]
    if d.fix is not None:
        lines.append(f"{'fix' if d.fix.safe else 'suggestion'}: {d.fix.title}")
    return f"::{d.severity} {properties}::{_escaped(chr(10).join(lines), _IN_TEXT)}"


def _place(d: Diagnostic, sources: Sources) -> dict[str, str]:
    """Lines, and columns where both ends stand on one line: the runner knows no others. Both ends are included."""
    source = sources.get(d.span.file)
    if source is None:
        return {}
    start, end = source.position(d.span.start), source.position(max(d.span.start, d.span.end - 1))
    lines = {"line": str(start.line), "endLine": str(end.line)}
    return lines | ({"col": str(start.column), "endColumn": str(end.column)} if start.line == end.line else {})


def _escaped(text: str, marks: Sequence[tuple[str, str]]) -> str:
    for mark, written in marks:
        text = text.replace(mark, written)
    return text
