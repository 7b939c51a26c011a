"""What a piece of text that is no terminal was meant to be."""

from typing import NamedTuple

from leadflow.diagnostics import Diagnostic, Span
from leadflow.syntax import messages

MARKS = r"&&"


class Mistake(NamedTuple):
    """A misspelt token."""

    kind: str
    """The terminal it stands for."""
    end: int
    diagnostic: Diagnostic


def understand(file: str, text: str, start: int, end: int) -> Mistake:
    """Say what is wrong with the text at `start`, and how far it goes."""
    return Mistake("UNKNOWN", start + 1, messages.unexpected(Span(file, start, start + 1), text[start]))
