"""From files on the command line to programs: found, checked, compiled. Shared by the commands that take a flow."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from leadflow.check.check import UnknownProfile
from leadflow.check.checked import Checked
from leadflow.cli.views import human
from leadflow.diagnostics import Diagnostic, Source, Span, did_you_mean
from leadflow.diagnostics.render import Sources
from leadflow.files import MOST_BYTES, find_root, reader
from leadflow.pipeline import CATALOGUE, check_file, plan_of
from leadflow.plan.kinds import Catalogue
from leadflow.plan.plan import FlowPlan, Plan


@dataclass(frozen=True, slots=True)
class Checking:
    """A program that was checked."""

    checked: Checked | None
    """None when its main file cannot be read at all."""
    found: tuple[Diagnostic, ...]
    sources: Sources

    @property
    def has_errors(self) -> bool:
        """True when it cannot be run."""
        return any(finding.severity == "error" for finding in self.found)


def flow_files(names: Sequence[str]) -> list[str]:
    """The flows that files and folders on the command line stand for.

    Raises:
        click.UsageError: a name leads nowhere, or a folder holds no flow.
    """
    files: list[str] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = sorted(str(p) for p in path.rglob("*.flow") if not any(part[0] == "." for part in p.parts[1:]))
            if not inside:
                raise click.UsageError(f"there are no .flow files in {name}")
            files += inside
        elif path.exists() or path.is_symlink():
            files.append(name)
        else:
            raise click.UsageError(f"there is no file {name}")
    return list(dict.fromkeys(files))


def check_flow(name: str, *, profile: str | None = None, catalogue: Catalogue = CATALOGUE) -> Checking:
    """Check the program whose main file is named; findings name files as seen from the working folder.

    Raises:
        click.UsageError: the program has no such profile.
    """
    path = Path(name)
    root = find_root(path)
    main = (path.resolve().parent.relative_to(root) / path.name).as_posix()
    try:
        checked, report = check_file(main, reader(root), catalogue=catalogue, profile=profile)
    except UnknownProfile as problem:
        raise click.UsageError(f"{main}: {problem}") from None
    names = _Names(root)
    sources = [_unreadable(path, main)] if checked is None else [m.source for m in checked.modules.values()]
    shown = {names(source.name): Source(names(source.name), source.text) for source in sources}
    return Checking(checked, tuple(names.of_finding(finding) for finding in report.diagnostics), shown)


def compile_flow(name: str, *, profile: str | None = None, catalogue: Catalogue = CATALOGUE) -> Plan:
    """The plan of the program whose main file is named; findings are shown, and errors end the command.

    Raises:
        click.UsageError: there is no such file or profile.
        SystemExit: with 1, when the program has errors.
    """
    flow_files([name])
    checking = check_flow(name, profile=profile, catalogue=catalogue)
    if checking.found:
        human.findings(checking.found, checking.sources)
    if checking.checked is None or checking.has_errors:
        sys.exit(1)
    return plan_of(checking.checked)


def choose_flow(plan: Plan, name: str | None) -> FlowPlan:
    """The flow that is meant.

    Raises:
        click.UsageError: no such flow, or none is named and it is not clear which one is meant.
    """
    if name is None and plan.main is None:
        raise click.UsageError(f"name a flow: {plan.file} has {', '.join(plan.flows) or 'none'}")
    wanted = name or plan.main or ""
    if wanted not in plan.flows:
        hint = did_you_mean(wanted, plan.flows) or f"; {plan.file} has {', '.join(plan.flows) or 'none'}"
        raise click.UsageError(f"there is no flow '{wanted}'{hint}")
    return plan.flows[wanted]


class _Names:
    """Names of sources, from the project's root to the working folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __call__(self, name: str) -> str:
        """The name as seen from here; a file of the standard library keeps its own."""
        if not (self._root / name).exists():
            return name
        near = os.path.relpath(self._root / name)
        return str(self._root / name) if near.startswith("..") else near

    def of_span(self, span: Span) -> Span:
        return span._replace(file=self(span.file))

    def of_finding(self, finding: Diagnostic) -> Diagnostic:
        fix = finding.fix
        return replace(
            finding,
            span=self.of_span(finding.span),
            labels=tuple(replace(label, span=self.of_span(label.span)) for label in finding.labels),
            fix=fix and replace(fix, edits=tuple(replace(edit, span=self.of_span(edit.span)) for edit in fix.edits)),
        )


def _unreadable(path: Path, name: str) -> Source:
    """A main file that is no source, as far as it can be shown."""
    shown = path.read_bytes()[:MOST_BYTES].decode("utf-8", "replace") if path.is_file() else ""
    return Source(name, shown)
