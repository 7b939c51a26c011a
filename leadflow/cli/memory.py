"""What `check` said of programs in which nothing has changed since, so that it need not be found again.

An entry holds the findings, and what they were made from: this installation (its files, its Python), and for every
file that the check asked for what it was given: a hash of its bytes, or why it was not read. The files are read again
by the same reader, so that an entry speaks only when a check would be given the same. Data only. What depends on other
packages is not kept. The main part of the checker is not loaded here.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import leadflow
from leadflow.check.reading import Read, ReadProblem
from leadflow.check.together import Said
from leadflow.cli.kept import Kept
from leadflow.cli.names import Names
from leadflow.diagnostics import Diagnostic, Edit, Fix, Label, Source, Span
from leadflow.files import find_main, reader
from leadflow.record import record
from leadflow.resources import GRAMMAR, STDLIB, stdlib_text

PURPOSE = "check"
MOST_FINDINGS = 500
"""A program with more is checked each time; it changes soon."""


@record
class Finding:
    """What a check found, and from what: all that an entry is made of. Names are paths from the project's root."""

    found: tuple[Diagnostic, ...]
    alone: tuple[Diagnostic, ...]
    reads: Mapping[str, bytes | ReadProblem]
    """What every file that was asked for was."""
    modules: tuple[str, ...]
    """The names of the sources, those of the standard library included."""


class Memory:
    """The entries of the projects that one command meets."""

    def __init__(self) -> None:
        self._stamp = _installation()
        self._kept: dict[Path, Kept] = {}
        self._readers: dict[Path, Read] = {}

    def recall(self, name: str) -> Said | None:
        """What is said of the program whose main file is named, if that is still true."""
        root, main = find_main(Path(name))
        data = self._of(root).read(_entry(main))
        if data is None:
            return None
        try:
            return self._believed(data, Names(root), main, self._readers.setdefault(root, _once(reader(root))))
        except (ValueError, KeyError, TypeError):  # an entry that another program wrote, or half of one
            return None

    def keep(self, name: str, finding: Finding) -> None:
        """Keep what was found."""
        if len(finding.found) > MOST_FINDINGS:
            return
        root, main = find_main(Path(name))
        places = {one: at for at, one in enumerate(finding.found)}
        value = {
            "stamp": self._stamp,
            "reads": {path: _outcome(read) for path, read in finding.reads.items()},
            "modules": finding.modules,
            "found": [_plain(one) for one in finding.found],
            "alone": [places[one] for one in finding.alone if one in places],
        }
        body = json.dumps(value, separators=(",", ":")).encode("ascii")
        self._of(root).write(_entry(main), f"{_hash(body)}\n".encode("ascii") + body)

    def tidy(self) -> None:
        """Bound what is kept."""
        for kept in self._kept.values():
            kept.tidy()

    def _of(self, root: Path) -> Kept:
        return self._kept.setdefault(root, Kept(root, PURPOSE))

    def _believed(self, data: bytes, names: Names, main: str, read: Read) -> Said | None:
        """An entry's findings, None when it does not speak of what is there now.

        Raises:
            ValueError, KeyError, TypeError: it is no entry.
        """
        head, _, body = data.partition(b"\n")
        if head.decode("ascii") != _hash(body):
            return None
        value = json.loads(body)
        if value["stamp"] != self._stamp:
            return None
        texts: dict[str, bytes] = {}
        for path, outcome in value["reads"].items():
            now = read(path)
            if _outcome(now) != outcome:
                return None
            if isinstance(now, bytes):
                texts[path] = now
        found = [names.of_finding(_diagnostic(one)) for one in value["found"]]
        sources = (_source(name, texts) for name in value["modules"])
        shown = {names(source.name): Source(names(source.name), source.text) for source in sources}
        return Said(names(main), tuple(found), tuple(found[at] for at in value["alone"]), shown)


def _once(read: Read) -> Read:
    """Reads each file once: what several programs import is the same for all of them."""
    known: dict[str, bytes | ReadProblem] = {}

    def again(path: str) -> bytes | ReadProblem:
        if path not in known:
            known[path] = read(path)
        return known[path]

    return again


def _entry(main: str) -> str:
    return f"{_hash(main.encode('utf-8', 'surrogateescape'))}.json"


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _outcome(read: bytes | ReadProblem) -> str:
    return _hash(read) if isinstance(read, bytes) else f"{read.trouble}: {read.detail}"


def _source(name: str, texts: Mapping[str, bytes]) -> Source:
    """The source of a module that could be read."""
    if name not in texts:
        return Source(name, stdlib_text(name.removeprefix("std.")) or "")
    text = texts[name].removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    return Source(name, text.replace("\r\n", "\n").replace("\r", "\n"))


# --- the installation ---------------------------------------------------------------------------------------------


def _installation() -> str:
    """What decides about findings besides the files: our own files as Python judges them, by size and time."""
    about = hashlib.blake2b(f"{leadflow.__version__}\n{sys.version}".encode(), digest_size=16)
    for folder in (str(Path(leadflow.__file__).parent), str(GRAMMAR), str(STDLIB)):
        for path, size, time in sorted(_files(folder)):
            about.update(f"{path}\0{size}\0{time}\n".encode("utf-8", "surrogateescape"))
    return about.hexdigest()


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__" and entry.name[0] != ".":  # what is kept beside a flow is no part of us
                    yield from _files(entry.path)
            elif entry.name.endswith((".py", ".json", ".flow")):
                about = entry.stat()
                yield entry.path, about.st_size, about.st_mtime_ns


# --- findings as plain data ---------------------------------------------------------------------------------------


def _plain(d: Diagnostic) -> list[Any]:
    fix = d.fix and [d.fix.title, d.fix.safe, [[*edit.span, edit.text] for edit in d.fix.edits]]
    labels = [[*label.span, label.text] for label in d.labels]
    return [d.code, d.title, d.severity, [*d.span], d.message, labels, d.notes, fix]


def _diagnostic(value: Sequence[Any]) -> Diagnostic:
    code, title, severity, span, message, labels, notes, fix = value
    return Diagnostic(
        code,
        title,
        severity,
        Span(*span),
        message,
        _places(Label, labels),
        tuple(notes),
        fix and Fix(fix[0], _places(Edit, fix[2]), fix[1]),
    )


def _places(make: Callable[[Span, str], Any], values: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    return tuple(make(Span(file, start, end), text) for file, start, end, text in values)
