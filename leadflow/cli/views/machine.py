"""Results for machines: JSON documents on standard output, JSON lines on standard error. Keys are stable."""

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import leadflow
from leadflow.diagnostics import Diagnostic
from leadflow.diagnostics.github import render_github
from leadflow.diagnostics.render import Sources, to_json
from leadflow.diagnostics.sarif import to_sarif


def findings(found: Sequence[Diagnostic], sources: Sources) -> None:
    """All findings as one JSON list on standard output."""
    document(to_json(found, sources))


def sarif(found: Sequence[Diagnostic], sources: Sources) -> None:
    """All findings as a SARIF log on standard output."""
    import_module("leadflow.pipeline")  # registers the pages of all codes; findings that were kept come without
    document(to_sarif(found, sources, version=leadflow.__version__))


def github(found: Sequence[Diagnostic], sources: Sources) -> None:
    """All findings as workflow commands on standard output."""
    sys.stdout.write(render_github(found, sources))
    sys.stdout.flush()


def document(value: Any) -> None:
    """One JSON document on standard output, for people to read too."""
    sys.stdout.write(pretty(value))
    sys.stdout.flush()


def pretty(value: Any) -> str:
    """JSON for people to read too."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def compact(value: Any) -> str:
    """JSON on one line, for people."""
    return json.dumps(value, ensure_ascii=False)


def document_line(value: Any) -> None:
    """One of many JSON documents on standard output, a line each."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def line(value: Any) -> None:
    """One JSON line on standard error."""
    sys.stderr.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
