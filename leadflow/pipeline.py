"""The compiler on one page. The front half: load (read and parse), check."""

from collections.abc import Mapping

from leadflow.check.check import check
from leadflow.check.checked import Checked
from leadflow.check.loader import load, load_source
from leadflow.check.reading import Read, ReadProblem
from leadflow.diagnostics import Report
from leadflow.plan.kinds import BUILT_IN, LATER, Catalogue
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
    return (None if loaded is None else check(loaded, catalogue, report, profile=profile)), report


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
    return check(loaded, catalogue, report, profile=profile), report
