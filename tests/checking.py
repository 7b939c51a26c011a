"""What the compiler says about a text, for tests of documents and of explain pages.

The text stands as `main.flow` in a small imaginary project, so that pages about imports have something to import.
"""

import re

from leadflow.check.reading import ReadProblem
from leadflow.diagnostics.diagnostic import Diagnostic
from leadflow.pipeline import check_file

SHARED = b'leadflow 1\nconst x = "shared"\n'
CHAIN = re.compile(r"chain/f(\d+)\.flow")


def findings(text: str) -> tuple[Diagnostic, ...]:
    """Everything that is reported about one file, in order."""

    def read(path: str) -> bytes | ReadProblem:
        if path == "main.flow":
            return text.encode()
        return neighbour(path)

    _, report = check_file("main.flow", read)
    return report.diagnostics


def neighbour(path: str) -> bytes | ReadProblem:
    """The project's other files: `shared.flow`, a folder named like a file, and a chain of imports without end."""
    if path == "shared.flow":
        return SHARED
    if path == "Shared.flow":
        return ReadProblem("case", "shared.flow")
    if path == "folder.flow":
        return ReadProblem("not_a_file", "a folder")
    if link := CHAIN.fullmatch(path):
        return f'leadflow 1\nuse "f{int(link[1]) + 1}.flow" (x)\nconst y = x\n'.encode()
    return ReadProblem("missing")
