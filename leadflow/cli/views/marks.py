"""How the ways in which a step or a run can stand look at a prompt: a sign, and a color that rich and click know."""

from collections.abc import Mapping

import click

from leadflow.events.model import Status

FAINT = "dim"
"""No color: what needs no look. To rich it is a style like any other."""
MARKS: Mapping[Status, tuple[str, str]] = {
    Status.PENDING: ("·", FAINT),
    Status.RUNNING: ("▸", "cyan"),
    Status.WAITING: ("…", "yellow"),
    Status.DONE: ("✓", "green"),
    Status.SKIPPED: ("-", FAINT),
    Status.BLOCKED: ("⊘", "yellow"),
    Status.FAILED: ("✗", "red"),
    Status.CANCELLED: ("✗", "yellow"),
}


def marked(text: str, color: str) -> str:
    """A text in one of these colors, for click."""
    return click.style(text, dim=True) if color == FAINT else click.style(text, fg=color)
