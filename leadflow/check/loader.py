"""Which files make up a program: the main file and what its imports lead to, parsed.

Pure: files come through a callable, the standard library from `resources`. Knows paths; not what is in the files.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from pathlib import PurePosixPath

from leadflow.check.checked import Module
from leadflow.check.messages.limits import no_type_says
from leadflow.check.messages.names import (
    import_case,
    import_denied,
    import_loop,
    import_unreadable,
    too_many_imports,
    unknown_module,
)
from leadflow.check.order import in_order, turned
from leadflow.check.reading import Read, ReadProblem
from leadflow.check.schema_parts import NotJson, read_document
from leadflow.check.schemas import Described, types_of
from leadflow.check.written_path import DOT, misplaced, without_dot
from leadflow.diagnostics import Diagnostic, Edit, Fix, Label, Report, Source, Span
from leadflow.record import record
from leadflow.resources import stdlib_modules, stdlib_text
from leadflow.syntax import tree
from leadflow.syntax.parser import parse
from leadflow.syntax.source import read_source

MOST_FILES = 1_000
"""Files of one program, the standard library's included."""


@record
class Loaded:
    """The parsed files of a program."""

    main: Module
    modules: Mapping[str, Module]
    """By name, the main file under the empty name."""
    uses: Mapping[int, str]
    """By id of a `use`: the name of the module it leads to. Missing where it leads nowhere, which was reported."""


@dataclass(slots=True)
class _Load:
    """A load under way. A file is known by its path from the root, a module of the standard library by `std.name`."""

    read: Read
    report: Report
    ids: Iterator[int]
    main: str
    names: dict[str, str] = field(default_factory=dict)
    """Path -> module name."""
    modules: dict[str, Module] = field(default_factory=dict)
    uses: dict[int, str] = field(default_factory=dict)
    links: dict[str, list[tuple[str, tree.Use]]] = field(default_factory=dict)
    """By path: what it imports."""
    refused: set[str] = field(default_factory=set)
    described: dict[str, Mapping[str, Described]] = field(default_factory=dict)
    """By path: the types of a JSON Schema."""


def load(main: str, read: Read, report: Report) -> Loaded | None:
    """Read and parse a program; None when its main file cannot be read. What is wrong goes to `report`.

    Args:
        main: the main file's path from the project's root, with forward slashes.
    """
    source = _source(main, read(main), report)
    return None if source is None else load_source(source, read, report)


def load_source(source: Source, read: Read, report: Report) -> Loaded:
    """Parse a main file that has been read, and load what it imports."""
    work = _Load(read, report, count(), source.name)
    work.names[source.name] = ""
    work.modules[""] = Module("", source, parse(source, report, ids=work.ids))
    waiting = deque([source.name])
    while waiting:
        path = waiting.popleft()
        module = work.modules[work.names[path]]
        for item in module.tree.items:
            if isinstance(item, tree.Use):
                found = _follow(work, path, item)
                if found is not None:
                    waiting.append(found)
    _report_loops(work)
    return Loaded(work.modules[""], work.modules, work.uses)


def _source(name: str, data: bytes | ReadProblem, report: Report) -> Source | None:
    if isinstance(data, ReadProblem):
        is_outside = data.trouble == "outside"  # nobody imports it; its link leads there
        place = Span(name, 0, 0)
        report(import_unreadable(place, name, why=data.detail) if is_outside else _trouble(place, name, data))
        return None
    return read_source(name, data, report)


# --- one import ---------------------------------------------------------------------------------------------------


def _follow(work: _Load, path: str, use: tree.Use) -> str | None:
    """Load what a `use` names; its path when it has to be looked through, too."""
    if not use.path and use.file is None:
        return None
    target = _target(work, path, use)
    if target is None:
        return None
    if target in work.refused:
        return None
    known = work.names.get(target)
    if known is None:
        if len(work.modules) >= MOST_FILES:
            work.report(too_many_imports(_place(use), most=MOST_FILES))
            work.refused.add(target)
            return None
        if not _open(work, path, target, use):
            work.refused.add(target)
            return None
    work.uses[use.id] = work.names[target]
    if target in work.described:
        _report_problems(work, target, use)
        return None
    work.links.setdefault(path, []).append((target, use))
    return target if known is None else None


def _place(use: tree.Use) -> Span:
    """The place of the path."""
    return use.file.span if use.file is not None else use.path[0].span.to(use.path[-1].span)


def _target(work: _Load, path: str, use: tree.Use) -> str | None:
    """The file that a `use` means: a dotted path from the root, a quoted one from the importing file's folder."""
    if use.file is None:
        parts = [part.text for part in use.path]
        if parts[0] == "std":
            return ".".join(parts)
        return "/".join(parts) + ".flow"
    written = use.file.plain
    if written is None:
        work.report(import_denied(use.file.span, "${…}", why="the path of an import is a plain text"))
        return None
    why = _denied(written)
    if why is not None:
        ending = Fix(f'write "{written}.flow"', (Edit(use.file.span, f'"{written}.flow"'),))
        fix = ending if why is _NO_ENDING and "." not in written else None
        if why is DOT:
            fix = without_dot(use.file.span, written)
        if why is _QUOTED_STD:
            fix = Fix("leave the quotes out", (Edit(use.file.span, written),))
        work.report(import_denied(use.file.span, written, why=why, fix=fix))
        return None
    if path.startswith("std."):
        return ".".join((*path.split(".")[:-1], *written.removesuffix(".flow").split("/")))
    return str(PurePosixPath(path).parent / written)


def _denied(written: str) -> str | None:
    """Why a path may not be imported, as far as its text says; None when it may."""
    why = misplaced(written, instead="move the shared file below this one, or use its dotted name from the root")
    if why is None and re.fullmatch(r"std(\.\w+)+", written) and not written.endswith(".flow"):
        return _QUOTED_STD
    if why is None and not written.endswith((".flow", ".json")):
        return _NO_ENDING
    return why


_NO_ENDING = "the files of a program end in '.flow', a JSON Schema in '.json'"
_QUOTED_STD = "the standard library is named without quotes, as in 'use std.patterns (majority)'"


def _open(work: _Load, path: str, target: str, use: tree.Use) -> bool:
    """Read, parse and name a file that another one imports."""
    if target.startswith("std.") or target == "std":
        return _open_std(work, target, use)
    data = work.read(target)
    if isinstance(data, ReadProblem):
        written = use.file.plain if use.file is not None else target
        if data.trouble == "missing" and not data.detail:
            note, near = _meant(work, path, use)
            fix = None if near is None else Fix(f"write `{near}`", (Edit(_place(use), near),))
            work.report(unknown_module(_place(use), written or target, note=note, fix=fix))
        else:
            work.report(_trouble(_place(use), written or target, data))
        return False
    found = Report()
    source = read_source(target, data, found)
    for finding in found:  # there is no text to show of what is no text
        work.report(replace(finding, labels=(Label(_place(use), "imported here"),)))
    if source is None:
        return False
    if target.endswith(".json"):
        return _open_schema(work, source, use)
    name = target.removesuffix(".flow").replace("/", ".")
    if name in work.modules or name.startswith("std."):
        name = target
    _add(work, target, name, source)
    return True


def _open_schema(work: _Load, source: Source, use: tree.Use) -> bool:
    """A JSON Schema as a file that declares its types, and nothing else."""
    document = read_document(source.text)
    if isinstance(document, NotJson):
        work.report(import_unreadable(_place(use), source.name, why=document.why))
        return False
    described = types_of(document)
    start = Span(source.name, 0, 0)

    def ident(name: str) -> tree.Ident:
        return tree.Ident(name, id=next(work.ids), span=start)

    items = []
    for name in described:
        json = tree.NamedType((ident("json"),), id=next(work.ids), span=start)
        items.append(tree.AliasDecl(ident(name), json, (), None, id=next(work.ids), span=start))
    file = tree.File(1, None, tuple(items), id=next(work.ids), span=start)
    types = {name: found.type for name, found in described.items()}
    work.names[source.name] = source.name
    work.described[source.name] = described
    work.modules[source.name] = Module(source.name, source, file, types)
    return True


def _report_problems(work: _Load, target: str, use: tree.Use) -> None:
    """Say what no type says, of the types that are asked for."""
    described = work.described[target]
    asked = described if use.names is None else [name.name.text for name in use.names if name.name.text in described]
    if not described:
        work.report(no_type_says(_place(use), target, "", why="it has neither a title nor $defs, so it names no type"))
    for problem in dict.fromkeys(problem for name in asked for problem in described[name].problems):
        work.report(no_type_says(_place(use), target, problem.pointer, why=problem.why))


def _meant(work: _Load, path: str, use: tree.Use) -> tuple[str, str | None]:
    """What to know about a path that leads nowhere, and what may have been meant: something that is there."""
    folder = PurePosixPath(path).parent
    if use.file is not None:
        written = PurePosixPath(use.file.plain or "")
        dotted = ".".join(written.with_suffix("").parts)
        is_named = written.suffix == ".flow" and folder != PurePosixPath(".") and re.fullmatch(r"[\w.]+", dotted)
        at_root = is_named and _is_there(work, written)
        return "a quoted path starts at the folder of this file", dotted if at_root else None
    parts = [part.text for part in use.path]
    whole = PurePosixPath(*parts)
    if parts[-1] == "flow" and len(parts) > 1 and _is_there(work, whole.parent):
        return "a dotted name has no '.flow' at its end", ".".join(parts[:-1])
    if use.names is None and len(parts) > 1 and _is_there(work, whole.parent):
        return "names of a file stand in a list behind it", f"{'.'.join(parts[:-1])} ({parts[-1]})"
    tails = [PurePosixPath(*parts[at:]) for at in range(1, len(parts))]
    found = next((near for near in (folder / whole, *tails) if _is_there(work, near)), None)
    return "a dotted name is a path from the project's root", None if found is None else ".".join(found.parts)


def _is_there(work: _Load, place: PurePosixPath) -> bool:
    return isinstance(work.read(f"{place.with_suffix('')}.flow"), bytes)


def _open_std(work: _Load, target: str, use: tree.Use) -> bool:
    text = stdlib_text(target.removeprefix("std."))
    if text is None:
        known = [f"std.{name}" for name in stdlib_modules()]
        note = f"the standard library has {', '.join(known)}"
        work.report(unknown_module(_place(use), target, known=known, note=note))
        return False
    _add(work, target, target, Source(target, text))
    return True


def _add(work: _Load, target: str, name: str, source: Source) -> None:
    work.names[target] = name
    work.modules[name] = Module(name, source, parse(source, work.report, ids=work.ids))


_WHY = {
    "not_a_file": "it is no plain file",
    "unreadable": "it may not be read",
    "too_large": "it is larger than 1 MiB",
}


def _trouble(span: Span, written: str, problem: ReadProblem) -> Diagnostic:
    match problem.trouble:
        case "missing":
            return unknown_module(span, written, note=problem.detail or None)
        case "outside":
            return import_denied(span, written, why=problem.detail or "it lies outside of the project's root")
        case "case":
            return import_case(span, written, real=problem.detail)
        case other:
            return import_unreadable(span, written, why=problem.detail or _WHY[other])


def _report_loops(work: _Load) -> None:
    _, loops = in_order(work.names, lambda path: [target for target, _ in work.links.get(path, ())])
    for found in loops:
        loop = turned(found, min(found))  # whichever of its files is checked, it is told at the same place
        uses = [
            next(_place(use) for target, use in work.links[path] if target == after) for path, after in pairwise(loop)
        ]
        work.report(import_loop(uses[0], loop, rest=uses[1:]))
