"""What would change in a file, as a diff that patch programs take."""

import difflib


def unified(before: str, after: str, *, file: str, what: str) -> str:
    """A unified diff; the new text's name says what was done to it. A last line without an end says so."""
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), file, f"{file} ({what})")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
