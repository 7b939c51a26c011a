"""A path that stands in a flow, of an import or of `file("…")`: it starts at the folder of the file that says it and
leads nowhere above. What of that its text alone can break. Pure; whether the file is there is another question.
"""

import re

from leadflow.diagnostics import Edit, Fix, Span

DOT = "a path starts at the folder of this file as it is, without './'"


def misplaced(written: str, *, instead: str) -> str | None:
    """Why a path names no file of the project, as far as its text says; None when it may.

    Args:
        instead: what to write for a path that leads out of the folder.
    """
    parts = written.split("/")
    if not written or any(ord(letter) < 32 for letter in written):
        return "this path names no file"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", written):
        return "files of the project are named, not addresses or drives"
    if "\\" in written:
        return "folders are separated by '/'"
    if written.startswith("/"):
        return "paths start at the folder of this file, not at '/'"
    if ".." in parts:
        return f"'..' leads out of the folder; {instead}"
    if written.startswith("./") and not {"", "."} & set(parts[1:]):
        return DOT
    if "" in parts or "." in parts:
        return "this path has an empty part"
    return None


def without_dot(span: Span, written: str) -> Fix:
    """The fix for `DOT`: the same path without what it begins with."""
    return Fix("leave './' out", (Edit(span, f'"{written.removeprefix("./")}"'),), safe=True)
