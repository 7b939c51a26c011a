"""Several programs checked at once: each finding is told once, and what one file declares for another is in use.

Pure, and small enough to be loaded where nothing is checked anew. Knows findings and files, not what a code means.
"""

from collections.abc import Iterable, Mapping, Sequence

from leadflow.diagnostics import Diagnostic, Source
from leadflow.record import record


@record
class Said:
    """What was said of one program, and the texts that it was said of."""

    name: str
    """Its main file, as findings call it."""
    found: tuple[Diagnostic, ...]
    alone: tuple[Diagnostic, ...]
    """Those of `found` that hold only as long as no other program imports the main file."""
    sources: Mapping[str, Source]
    """By name; the main file's also when it is no source, as far as it can be shown."""

    @property
    def has_errors(self) -> bool:
        """True when the program cannot be run."""
        return any(finding.severity == "error" for finding in self.found)


def together(programs: Sequence[Said]) -> tuple[Diagnostic, ...]:
    """The findings of all, each once."""
    shared = {name for one in programs for name in one.sources if name != one.name}
    found: dict[Diagnostic, None] = {}
    for one in programs:
        void = set(one.alone) if one.name in shared else ()
        found.update((finding, None) for finding in one.found if finding not in void)
    return tuple(found)


def sources_of(programs: Iterable[Said]) -> dict[str, Source]:
    """The texts of all, by name."""
    return {name: source for one in programs for name, source in one.sources.items()}
