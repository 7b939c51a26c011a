"""The compiler on one page: load (read and parse), check, and from what is checked the plan.

    checked, report = check_file(main, read)
    plan = None if checked is None or report.has_errors else plan_of(checked)

The back half (`leadflow.graph`: build, optimise, lower) is loaded when the first plan is made.
"""

from collections.abc import Mapping

from leadflow import graph
from leadflow.check.check import check
from leadflow.check.checked import Checked
from leadflow.check.loader import Loaded, load, load_source
from leadflow.check.locks import with_locks
from leadflow.check.reading import Read, ReadProblem
from leadflow.diagnostics import Report
from leadflow.plan.kinds import BUILT_IN, LATER, Catalogue
from leadflow.plan.plan import Plan
from leadflow.syntax.source import read_source

CATALOGUE: Catalogue = {**LATER, **BUILT_IN}
"""The kinds that leadflow brings itself; `assembly` adds those of installed packages."""


def check_file(
    main: str, read: Read, *, catalogue: Catalogue = CATALOGUE, profile: str | None = None
) -> tuple[Checked | None, Report]:
    """Load and check a program.

    Args:
        main: the main file's path from the project's root, with forward slashes.
        read: reads a file by its path from the root.
        catalogue: the kinds of agents.
        profile: the profile whose program is returned; all profiles are checked.

    Returns:
        What is known of the program, None when its main file cannot be read; and all findings.
    """
    report = Report()
    loaded = load(main, read, report)
    if loaded is None:
        return None, report
    return _check(loaded, catalogue, read, report, profile), report


def _check(loaded: Loaded, catalogue: Catalogue, read: Read, report: Report, profile: str | None) -> Checked:
    """Check what was loaded, with the tools of the servers that it names."""
    kinds, missing = with_locks(loaded, catalogue, read, report)
    return check(loaded, kinds, report, profile=profile, missing=missing)


def check_source(
    name: str,
    text: str,
    *,
    catalogue: Catalogue = CATALOGUE,
    profile: str | None = None,
    files: Mapping[str, str] | None = None,
) -> tuple[Checked | None, Report]:
    """Check a text; `files` holds the project's other files, by their path from the root."""
    others = files or {}

    def read(path: str) -> bytes | ReadProblem:
        found = others.get(path)
        return ReadProblem("missing") if found is None else found.encode("utf-8", "surrogatepass")

    report = Report()
    source = read_source(name, text.encode("utf-8", "surrogatepass"), report)
    if source is None:
        return None, report
    loaded = load_source(source, read, report)
    return _check(loaded, catalogue, read, report, profile), report


def plan_of(checked: Checked) -> Plan:
    """The plan of a program in which the checker has found no error."""
    return graph.plan_of(checked)


def compile_source(
    name: str,
    text: str,
    *,
    catalogue: Catalogue = CATALOGUE,
    profile: str | None = None,
    files: Mapping[str, str] | None = None,
) -> tuple[Plan | None, Report]:
    """Check and compile a text; as `check_source`. The plan is None when there is an error."""
    checked, report = check_source(name, text, catalogue=catalogue, profile=profile, files=files)
    return (None if checked is None or report.has_errors else plan_of(checked)), report
