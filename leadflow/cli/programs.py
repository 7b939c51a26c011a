"""From files on the command line to programs: found, checked, compiled. Shared by the commands that take a flow."""

import sys
from collections.abc import Mapping
from pathlib import Path

from leadflow.check.check import UnknownProfile
from leadflow.check.checked import Checked
from leadflow.check.reading import Read, ReadProblem
from leadflow.check.together import Said
from leadflow.cli.files import is_there, look_like_flow
from leadflow.cli.memory import Finding
from leadflow.cli.names import Names
from leadflow.cli.refused import Refused
from leadflow.cli.views import human, machine
from leadflow.diagnostics import Source, did_you_mean
from leadflow.diagnostics.render import summary, to_json
from leadflow.files import find_main, reader
from leadflow.pipeline import check_file, plan_of
from leadflow.plan.kinds import Catalogue
from leadflow.plan.plan import FlowPlan, Plan
from leadflow.plugins import Installed
from leadflow.record import record


@record
class Checking:
    """A program that was checked."""

    checked: Checked | None
    """None when its main file cannot be read at all."""
    said: Said
    data: Mapping[str, bytes]
    """The project's files as they lie on the disk, named as findings name them."""
    finding: Finding | None
    """What may be kept of it: nothing when it depends on other packages, or when there is no source."""


def check_flow(
    name: str,
    *,
    profile: str | None = None,
    catalogue: Catalogue | None = None,
    instead: Mapping[str, bytes] | None = None,
) -> Checking:
    """Check the program whose main file is named; findings name files as seen from the working folder.

    Args:
        catalogue: None: the kinds of this installation; those of other packages are loaded when a program names them.
        instead: what some files are taken to hold, named as findings name them.

    Raises:
        Refused: the program has no such profile.
    """
    root, main = find_main(Path(name))
    names, installed = Names(root), Installed()
    seen = Seen(reader(root), {} if instead is None else instead, names)
    try:
        checked, report = check_file(main, seen, catalogue=catalogue or installed, profile=profile)
    except UnknownProfile as problem:
        raise Refused(f"{name}: {problem}") from None
    for line in installed.problems:
        human.warning(line)
    found = {finding: names.of_finding(finding) for finding in report.diagnostics}
    alone = () if checked is None else checked.alone
    sources = [_unreadable(main, seen)] if checked is None else [m.source for m in checked.modules.values()]
    shown = {names(source.name): Source(names(source.name), source.text) for source in sources}
    said = Said(names(main), tuple(found.values()), tuple(found[one] for one in alone if one in found), shown)
    if checked is None or installed.looked:
        return Checking(checked, said, seen.data, None)
    modules = tuple(source.name for source in sources)
    return Checking(checked, said, seen.data, Finding(report.diagnostics, alone, seen.reads, modules))


def compile_flow(
    name: str,
    *,
    profile: str | None = None,
    catalogue: Catalogue | None = None,
    as_json: bool = False,
    exit_code: int = 1,
) -> Plan:
    """The plan of the program whose main file is named; as `checked_flow`."""
    return plan_of(checked_flow(name, profile=profile, catalogue=catalogue, as_json=as_json, exit_code=exit_code))


def checked_flow(
    name: str,
    *,
    profile: str | None = None,
    catalogue: Catalogue | None = None,
    as_json: bool = False,
    exit_code: int = 1,
) -> Checked:
    """The program whose main file is named, which has no errors.

    Errors are shown and end the command. Warnings are for `check` to show; a person is told that there are some.

    Raises:
        Refused: there is no such file or profile, or it is no flow.
        SystemExit: with `exit_code`, when the program has errors.
    """
    if is_there(Path(name)) and Path(name).is_dir():
        raise Refused(f"{name} is a folder; name one .flow file")
    look_like_flow(Path(name))
    checking = check_flow(name, profile=profile, catalogue=catalogue)
    said = checking.said
    if checking.checked is not None and not said.has_errors:
        if said.found and sys.stderr.isatty() and not as_json:
            human.note(f"{summary(said.found)}; `leadflow check {name}` shows them")
        return checking.checked
    if as_json:
        machine.line({"event": "CheckFailed", "findings": to_json(said.found, said.sources)})
    else:
        human.findings(said.found, said.sources)
    sys.exit(exit_code)


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


class Seen:
    """Reads a project's files, and keeps what was read."""

    def __init__(self, read: Read, instead: Mapping[str, bytes], names: Names) -> None:
        self._read = read
        self._instead = instead
        self._names = names
        self.data: dict[str, bytes] = {}
        """By the name that findings use."""
        self.reads: dict[str, bytes | ReadProblem] = {}
        """By the path from the root."""

    def __call__(self, path: str) -> bytes | ReadProblem:
        """What lies at a path from the root, or is taken to lie there."""
        name = self._names(path)
        data = self._instead[name] if name in self._instead else self._read(path)
        self.reads[path] = data
        if isinstance(data, bytes):
            self.data[name] = data
        return data


def _unreadable(main: str, read: Read) -> Source:
    """A main file that is no source, as far as it can be shown."""
    data = read(main)
    return Source(main, "" if isinstance(data, ReadProblem) else data.decode("utf-8", "replace"))
