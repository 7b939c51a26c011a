"""From files on the command line to programs: found, checked, compiled. Shared by the commands that take a flow."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from leadflow.check.check import UnknownProfile
from leadflow.check.checked import Checked
from leadflow.check.reading import Read, ReadProblem
from leadflow.cli.files import is_there
from leadflow.cli.refused import Refused
from leadflow.cli.views import human, machine
from leadflow.diagnostics import Diagnostic, Source, Span, did_you_mean
from leadflow.diagnostics.render import Sources, summary, to_json
from leadflow.files import find_main, reader
from leadflow.pipeline import check_file, plan_of
from leadflow.plan.kinds import Catalogue
from leadflow.plan.plan import FlowPlan, Plan
from leadflow.plugins import Installed
from leadflow.record import record


@record
class Checking:
    """A program that was checked."""

    name: str
    """Its main file, as findings call it."""
    checked: Checked | None
    """None when its main file cannot be read at all."""
    found: tuple[Diagnostic, ...]
    sources: Sources

    @property
    def has_errors(self) -> bool:
        """True when it cannot be run."""
        return any(finding.severity == "error" for finding in self.found)


def check_flow(name: str, *, profile: str | None = None, catalogue: Catalogue | None = None) -> Checking:
    """Check the program whose main file is named; findings name files as seen from the working folder.

    `catalogue` None: the kinds of this installation, those of other packages loaded only when the program names them.

    Raises:
        Refused: the program has no such profile.
    """
    root, main = find_main(Path(name))
    read, installed = reader(root), Installed()
    try:
        checked, report = check_file(main, read, catalogue=catalogue or installed, profile=profile)
    except UnknownProfile as problem:
        raise Refused(f"{name}: {problem}") from None
    for line in installed.problems:
        human.warning(line)
    names = Names(root)
    sources = [_unreadable(main, read)] if checked is None else [m.source for m in checked.modules.values()]
    shown = {names(source.name): Source(names(source.name), source.text) for source in sources}
    return Checking(names(main), checked, tuple(names.of_finding(finding) for finding in report.diagnostics), shown)


def compile_flow(
    name: str, *, profile: str | None = None, catalogue: Catalogue | None = None, as_json: bool = False
) -> Plan:
    """The plan of the program whose main file is named.

    Errors are shown and end the command. Warnings are for `check` to show; a person is told that there are some.

    Raises:
        Refused: there is no such file or profile.
        SystemExit: with 1, when the program has errors.
    """
    if is_there(Path(name)) and Path(name).is_dir():
        raise Refused(f"{name} is a folder; name one .flow file")
    checking = check_flow(name, profile=profile, catalogue=catalogue)
    if checking.checked is not None and not checking.has_errors:
        if checking.found and sys.stderr.isatty() and not as_json:
            human.note(f"{summary(checking.found)}; `leadflow check {name}` shows them")
        return plan_of(checking.checked)
    if as_json:
        machine.line({"event": "CheckFailed", "findings": to_json(checking.found, checking.sources)})
    else:
        human.findings(checking.found, checking.sources)
    sys.exit(1)


def choose_flow(plan: Plan, name: str | None) -> FlowPlan:
    """The flow that is meant.

    Raises:
        Refused: no such flow, or none is named and it is not clear which one is meant.
    """
    if name is None and plan.main is None:
        raise Refused(f"name a flow: {plan.file} has {', '.join(plan.flows) or 'none'}")
    wanted = name or plan.main or ""
    if wanted not in plan.flows:
        hint = did_you_mean(wanted, plan.flows) or f"; {plan.file} has {', '.join(plan.flows) or 'none'}"
        raise Refused(f"there is no flow '{wanted}'{hint}")
    return plan.flows[wanted]


class Names:
    """Names of sources, from the project's root to the working folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __call__(self, name: str) -> str:
        """The name as seen from here; a file of the standard library keeps its own."""
        if not (self._root / name).exists():
            return name
        near = os.path.relpath(self._root / name)
        return near if near.count("..") <= 2 else str(self._root / name)

    def of_span(self, span: Span) -> Span:
        """The same place."""
        return span._replace(file=self(span.file))

    def of_finding(self, finding: Diagnostic) -> Diagnostic:
        """The same finding, labels and fix included."""
        fix = finding.fix
        return replace(
            finding,
            span=self.of_span(finding.span),
            labels=tuple(replace(label, span=self.of_span(label.span)) for label in finding.labels),
            fix=fix and replace(fix, edits=tuple(replace(edit, span=self.of_span(edit.span)) for edit in fix.edits)),
        )


def _unreadable(main: str, read: Read) -> Source:
    """A main file that is no source, as far as it can be shown."""
    data = read(main)
    return Source(main, "" if isinstance(data, ReadProblem) else data.decode("utf-8", "replace"))
