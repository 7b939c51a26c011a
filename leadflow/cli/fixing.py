"""`check --fix`: which of the fixes that findings offer are made, and what the files hold then.

Decides over texts in memory: the check comes through a callable, and files are read and written elsewhere. A round
makes all fixes that lie apart from each other, each whole or not at all, and the result is checked; a fix that brings
a new error is taken back. Rounds follow until there is nothing more to do.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from leadflow.diagnostics import Diagnostic, Edit, Source
from leadflow.diagnostics.render import apply_edits
from leadflow.record import record

MOST_ROUNDS = 100
"""Two or three do, unless fixes have to be tried one by one."""


@record
class Looked:
    """What a check says, and of what."""

    found: tuple[Diagnostic, ...]
    sources: Mapping[str, Source]
    data: Mapping[str, bytes]
    """The files that may be changed, as they lie on the disk; the standard library's are not among them."""


Look: TypeAlias = Callable[[Mapping[str, bytes]], Looked]
"""Checks, with other contents for some files."""


@record
class Fixed:
    """What was done."""

    made: tuple[tuple[Diagnostic, str], ...]
    """The findings whose fix was made, each with its place when that was done."""
    files: Mapping[str, bytes]
    """What the files that change hold now."""
    before: Mapping[str, bytes]
    """What all files held."""
    looked: Looked
    """What is said of the result."""


def fix_all(look: Look, *, unsafe: bool) -> Fixed:
    """Make the safe fixes, and with `unsafe` also those that are only suggested."""
    looked = look({})
    before = looked.data
    files: dict[str, bytes] = {}
    made: list[tuple[Diagnostic, str]] = []
    refused: set[Diagnostic] = set()
    one_by_one = False
    for _ in range(MOST_ROUNDS):
        chosen = _choose(looked, refused, unsafe=unsafe)[: 1 if one_by_one else None]
        if not chosen:
            break
        changed = {**files, **_changed(looked, chosen)}
        after = look(changed)
        if not _is_worse(looked, after):
            made += [(finding, _place(finding, looked.sources)) for finding in chosen]
            looked, files, one_by_one = after, changed, False
        elif len(chosen) > 1:
            one_by_one = True
        else:
            refused.add(chosen[0])
    return Fixed(tuple(made), files, before, looked)


def may_be_fixed(name: str) -> bool:
    """Whether a file is a flow at all: a JSON file on the command line is no flow that lacks its first line."""
    return name.endswith(".flow")


def offered(found: Iterable[Diagnostic], *, safe: bool) -> int:
    """How many findings offer a fix, safe or only suggested."""
    fixes = (finding.fix for finding in found if may_be_fixed(finding.span.file))
    return sum(fix is not None and fix.safe == safe for fix in fixes)


def _choose(looked: Looked, refused: set[Diagnostic], *, unsafe: bool) -> list[Diagnostic]:
    """The findings whose fixes can be made together."""
    chosen: list[Diagnostic] = []
    taken: list[Edit] = []
    for finding in looked.found:
        fix = finding.fix
        if fix is None or not (fix.safe or unsafe) or finding in refused:
            continue
        if all(edit.span.file in looked.data for edit in fix.edits) and not _touch(fix.edits, taken):
            chosen.append(finding)
            taken += fix.edits
    return chosen


def _touch(edits: Sequence[Edit], taken: Sequence[Edit]) -> bool:
    """Whether two edits overlap, or stand so close that their order would matter."""
    spans = [(edit.span, other.span) for edit in edits for other in taken if edit.span.file == other.span.file]
    return any(one.start <= other.end and other.start <= one.end for one, other in spans)


def _changed(looked: Looked, chosen: Sequence[Diagnostic]) -> dict[str, bytes]:
    """What the files hold after the fixes."""
    edits: dict[str, list[Edit]] = {}
    for finding in chosen:
        for edit in finding.fix.edits if finding.fix is not None else ():
            edits.setdefault(edit.span.file, []).append(edit)
    return {name: edited(looked.data[name], found) for name, found in edits.items()}


def edited(data: bytes, edits: Sequence[Edit]) -> bytes:
    """A file after edits of its source. What they do not touch stays byte for byte: line ends, byte order mark."""
    text = data.decode("utf-8")
    end = "\r\n" if "\r\n" in text else "\n"
    begin = text.startswith("\ufeff")
    shift = [found.start() for found in re.finditer("\r\n", text)]
    at = _Offsets(int(begin), shift)
    moved = [
        Edit(edit.span._replace(start=at(edit.span.start), end=at(edit.span.end)), edit.text.replace("\n", end))
        for edit in edits
    ]
    return apply_edits(text, moved).encode("utf-8")


class _Offsets:
    """From places in a source, whose line ends are one character, to places in its file."""

    def __init__(self, begin: int, ends: Sequence[int]) -> None:
        self._begin = begin
        self._ends = [place - begin - number for number, place in enumerate(ends)]
        """Places of the two-character line ends in the source."""

    def __call__(self, offset: int) -> int:
        return offset + self._begin + bisect_left(self._ends, offset)


def _is_worse(before: Looked, after: Looked) -> bool:
    """Whether there is a new error. One that was hidden, because a text could not be read in full, is not new."""
    had, has = _errors(before), _errors(after)
    unread, still_unread = _syntax(had), _syntax(has)
    return still_unread > unread if unread else bool(has - had)


def _syntax(errors: Counter[tuple[str, str]]) -> int:
    """How many errors keep a text from being read."""
    return sum(count for (code, _), count in errors.items() if code.startswith("FLOW1"))


def _errors(looked: Looked) -> Counter[tuple[str, str]]:
    return Counter((finding.code, finding.message) for finding in looked.found if finding.severity == "error")


def _place(finding: Diagnostic, sources: Mapping[str, Source]) -> str:
    line, column = sources[finding.span.file].position(finding.span.start)
    return f"{finding.span.file}:{line}:{column}"
