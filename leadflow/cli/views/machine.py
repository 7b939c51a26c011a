"""Results for machines: JSON documents on standard output, JSON lines on standard error. Keys are stable."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from leadflow.diagnostics import Diagnostic
from leadflow.diagnostics.render import Sources, to_json


def findings(found: Sequence[Diagnostic], sources: Sources) -> None:
    """All findings as one JSON list on standard output."""
    document(to_json(found, sources))


def document(value: Any) -> None:
    """One JSON document on standard output, for people to read too."""
    sys.stdout.write(pretty(value))
    sys.stdout.flush()


def pretty(value: Any) -> str:
    """JSON for people to read too."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def line(value: Any) -> None:
    """One JSON line on standard error."""
    sys.stderr.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
