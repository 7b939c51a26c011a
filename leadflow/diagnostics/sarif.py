"""Findings as SARIF 2.1.0, the form in which code scanners tell theirs.

Pure. Rules are the codes that were found, with their explain pages as help. A page is there once the phase that speaks
the code has been imported. Columns count characters as code points, which the log says, and ends are exclusive, as in
our spans.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from leadflow.diagnostics.codes import CodePage, page
from leadflow.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label
from leadflow.diagnostics.render import Sources
from leadflow.diagnostics.span import Source, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"


def to_sarif(diagnostics: Sequence[Diagnostic], sources: Sources, *, version: str) -> dict[str, Any]:
    """The findings as one log of one run; `version` is leadflow's own."""
    codes = sorted({d.code for d in diagnostics})
    rules = [_rule(found) for code in codes if (found := page(code)) is not None]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "leadflow", "semanticVersion": version, "rules": rules}},
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, sources, index) for d in diagnostics],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(found: CodePage) -> dict[str, Any]:
    """A code: its title, what its page says first, and the whole page."""
    first = " ".join(found.text.split("\n\n")[0].split())
    return {
        "id": found.code,
        "shortDescription": {"text": found.title},
        "fullDescription": {"text": first},
        "help": {"text": found.text, "markdown": found.text},
        "defaultConfiguration": {"level": found.severity},
    }


def _result(d: Diagnostic, sources: Sources, index: dict[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {"ruleId": d.code}
    if d.code in index:
        result["ruleIndex"] = index[d.code]
    result |= {
        "level": d.severity,
        "message": {"text": "\n".join([d.message, *(f"note: {note}" for note in d.notes)])},
        "locations": [_location(d.span, sources)],
    }
    if d.labels:
        result["relatedLocations"] = [_related(number, label, sources) for number, label in enumerate(d.labels, 1)]
    if d.fix is not None and all(edit.span.file in sources for edit in d.fix.edits):
        result["fixes"] = [_fix(d.fix, sources)]
    return result


def _location(span: Span, sources: Sources) -> dict[str, Any]:
    """A place. A module of the standard library is no file of the project, and has a name only."""
    source = sources.get(span.file)
    if source is None or not span.file.endswith(".flow"):
        return {"logicalLocations": [{"fullyQualifiedName": span.file, "kind": "module"}]}
    return {"physicalLocation": {"artifactLocation": _artifact(span.file), "region": _region(span, source)}}


def _related(number: int, label: Label, sources: Sources) -> dict[str, Any]:
    return {"id": number, "message": {"text": label.text}, **_location(label.span, sources)}


def _fix(fix: Fix, sources: Sources) -> dict[str, Any]:
    """A change, file by file. Whether it is safe has no word in SARIF and stands in the property bag."""
    files: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        files.setdefault(edit.span.file, []).append(edit)
    changes = [
        {"artifactLocation": _artifact(name), "replacements": [_replacement(edit, sources[name]) for edit in edits]}
        for name, edits in files.items()
    ]
    return {"description": {"text": fix.title}, "artifactChanges": changes, "properties": {"safe": fix.safe}}


def _replacement(edit: Edit, source: Source) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span, source), "insertedContent": {"text": edit.text}}


def _region(span: Span, source: Source) -> dict[str, int]:
    start, end = source.position(span.start), source.position(span.end)
    return {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}


def _artifact(name: str) -> dict[str, str]:
    """A file as a URI: relative to the working folder, or absolute."""
    return {"uri": f"file://{quote(name)}" if name.startswith("/") else quote(name)}
