"""The kinds of agents that other packages bring, each loaded when a program names it and not before.

A package offers a kind by an entry point in the group `leadflow.agents`: the name is the kind's (dotted, rule E8), the
object a class that can be made without arguments and is a `leadflow.run.ports.AgentKind`. Knows no adapter of ours, so
that the checker starts fast. One that cannot be loaded is told, not swallowed.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from leadflow.plan.kinds import BUILT_IN, LATER, Catalogue, Kind

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from leadflow.run.ports import AgentKind

GROUP = "leadflow.agents"


def installed_points() -> tuple["EntryPoint", ...]:
    """What the packages of this installation offer."""
    metadata = import_module("importlib.metadata")  # slow to load, and most programs name no stranger's kind
    return tuple(sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name))


def load_kind(point: "EntryPoint") -> "AgentKind | str":
    """A package's kind, or a line on what is wrong with it."""
    what = f"agent kind '{point.name}' ({point.value})"
    if "." not in point.name:
        return f"{what}: the name of a plug-in's kind has a dot in it, as in 'acme.fax'"
    try:
        kind: AgentKind = point.load()()
    except Exception as problem:  # a stranger's code may raise anything; it is told to whoever asks
        return f"{what}: cannot be loaded: {type(problem).__name__}: {problem}"
    if not isinstance(getattr(kind, "row", None), Kind) or not callable(getattr(kind, "build", None)):
        return f"{what}: is no agent kind: it lacks `row` (a leadflow.plan.kinds.Kind) or `build`"
    if kind.row.name != point.name:
        return f"{what}: its row is named '{kind.row.name}'"
    return kind


class Installed(Mapping[str, Kind]):
    """The catalogue of this installation: our own kinds, and those of other packages as soon as one is asked for."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        """What is wrong with kinds that were asked for, a line each."""
        self._rows = dict(built_in())

    @property
    def looked(self) -> bool:
        """Whether other packages were looked at: what follows from that holds in this installation, now."""
        return "_points" in vars(self)

    @cached_property
    def _points(self) -> "Mapping[str, EntryPoint]":
        return {point.name: point for point in reversed(installed_points())}

    def __getitem__(self, name: str) -> Kind:
        if name not in self._rows:
            if "." not in name or name.startswith("mcp.") or name not in self._points:
                raise KeyError(name)
            kind = load_kind(self._points[name])
            if isinstance(kind, str):
                if kind not in self.problems:
                    self.problems.append(kind)
                raise KeyError(name)
            self._rows[name] = kind.row
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._rows, **self._points})

    def __len__(self) -> int:
        return len({**self._rows, **self._points})


def built_in() -> Catalogue:
    """Our own kinds, those that do not run yet included."""
    return {**LATER, **BUILT_IN}
