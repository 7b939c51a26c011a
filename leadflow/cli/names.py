"""What files are called: by their path from the project's root inside, as the working folder sees them outside."""

import os
from dataclasses import replace
from pathlib import Path

from leadflow.diagnostics import Diagnostic, Span


class Names:
    """Names of sources, from the project's root to the working folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """The name as seen from here; a file of the standard library keeps its own."""
        if name not in self._known:
            self._known[name] = self._seen(name)
        return self._known[name]

    def _seen(self, name: str) -> str:
        if not (self._root / name).exists():
            return name
        near = os.path.relpath(self._root / name)
        return near if near.count("..") <= 2 else str(self._root / name)

    def of_span(self, span: Span) -> Span:
        """The same place."""
        return span._replace(file=self(span.file))

    def of_finding(self, finding: Diagnostic) -> Diagnostic:
        """The same finding, labels and fix included."""
        fix = finding.fix
        return replace(
            finding,
            span=self.of_span(finding.span),
            labels=tuple(replace(label, span=self.of_span(label.span)) for label in finding.labels),
            fix=fix and replace(fix, edits=tuple(replace(edit, span=self.of_span(edit.span)) for edit in fix.edits)),
        )
