"""All kinds of agents that this installation has: the built-ins and those of other packages.

A package offers a kind by an entry point in the group `leadflow.agents`: the name is the kind's (dotted, rule E8), the
object a class that can be made without arguments and is a `leadflow.run.ports.AgentKind`. It is loaded only when a
program names it or the whole catalogue is asked for; one that cannot be loaded is reported, not swallowed.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points

from leadflow.agents.http import HttpKind
from leadflow.agents.openai import OpenAIKind
from leadflow.agents.predeclared import ClockKind, RandomKind
from leadflow.agents.process import ProcessKind
from leadflow.agents.python import PythonKind
from leadflow.plan.kinds import BUILT_IN, LATER, Catalogue, Kind
from leadflow.record import record
from leadflow.run.ports import AgentKind

GROUP = "leadflow.agents"

ADAPTERS: tuple[Callable[[], AgentKind], ...] = (
    PythonKind,
    HttpKind,
    OpenAIKind,
    ProcessKind,
    ClockKind,
    RandomKind,
)
"""One per kind that runs."""


@record
class Registry:
    """The kinds of this installation."""

    kinds: Mapping[str, AgentKind]
    """What can run, by name."""
    problems: tuple[str, ...]
    """Plug-ins that could not be loaded, a line each."""

    @property
    def catalogue(self) -> Catalogue:
        """The rows for the checker, those of kinds that do not run yet included."""
        rows: dict[str, Kind] = {**LATER, **BUILT_IN}
        rows.update({name: kind.row for name, kind in self.kinds.items()})
        return rows


def find_kinds(installed: tuple[EntryPoint, ...] | None = None) -> Registry:
    """The built-ins, and what other packages offer.

    Args:
        installed: the entry points to look at; None looks at what is installed.
    """
    kinds = {kind.row.name: kind for kind in (make() for make in ADAPTERS)}
    problems: list[str] = []
    found = tuple(entry_points(group=GROUP)) if installed is None else installed
    for point in sorted(found, key=lambda p: p.name):
        problem = _add(kinds, point)
        if problem is not None:
            problems.append(f"agent kind '{point.name}' ({point.value}): {problem}")
    return Registry(kinds, tuple(problems))


def _add(kinds: dict[str, AgentKind], point: EntryPoint) -> str | None:
    """Add a plug-in's kind; what is wrong with it, if anything."""
    if "." not in point.name:
        return "the name of a plug-in's kind has a dot in it, as in 'acme.fax'"
    if point.name in kinds:
        return "another package offers this kind already"
    try:
        kind = point.load()()
    except Exception as problem:  # a stranger's code may raise anything; it is told to whoever asks
        return f"cannot be loaded: {type(problem).__name__}: {problem}"
    if not isinstance(getattr(kind, "row", None), Kind) or not callable(getattr(kind, "build", None)):
        return "is no agent kind: it lacks `row` (a leadflow.plan.kinds.Kind) or `build`"
    if kind.row.name != point.name:
        return f"its row is named '{kind.row.name}'"
    kinds[point.name] = kind
    return None
