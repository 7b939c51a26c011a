"""All kinds of agents that this installation can run: the built-ins and those of other packages (`plugins`)."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint

from leadflow.agents.anthropic import AnthropicKind
from leadflow.agents.http import HttpKind
from leadflow.agents.human import HumanKind
from leadflow.agents.mcp.kind import McpKind
from leadflow.agents.openai import OpenAIKind
from leadflow.agents.predeclared import ClockKind, RandomKind
from leadflow.agents.process import ProcessKind
from leadflow.agents.python import PythonKind
from leadflow.agents.tools.folder import FolderKind
from leadflow.agents.tools.toolbox import ToolboxKind
from leadflow.agents.tools.web import WebKind
from leadflow.plan.kinds import Catalogue
from leadflow.plan.plan import AgentSpec
from leadflow.plugins import built_in, installed_points, load_kind
from leadflow.record import record
from leadflow.run.ports import AgentKind

ADAPTERS: tuple[Callable[[], AgentKind], ...] = (
    PythonKind,
    HttpKind,
    OpenAIKind,
    AnthropicKind,
    ProcessKind,
    FolderKind,
    WebKind,
    ToolboxKind,
    McpKind,
    HumanKind,
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
        return {**built_in(), **{name: kind.row for name, kind in self.kinds.items()}}

    def of(self, spec: AgentSpec) -> AgentKind | None:
        """The kind of an agent; None when it is not installed. Those of all servers of tools are one."""
        head = spec.kind.partition(".")[0]
        return self.kinds.get(spec.kind) or (self.kinds.get(head) if head == "mcp" else None)

    def fresh(self, spec: AgentSpec) -> AgentKind:
        """A kind that remembers nothing of the agents that it has built; one of another package is as it is."""
        kind = self.kinds[spec.kind.partition(".")[0] if spec.kind not in self.kinds else spec.kind]
        return next((make() for make in ADAPTERS if make is type(kind)), kind)


def find_kinds(installed: tuple[EntryPoint, ...] | None = None) -> Registry:
    """The built-ins, and what other packages offer.

    Args:
        installed: the entry points to look at; None looks at what is installed.
    """
    kinds = {kind.row.name: kind for kind in (make() for make in ADAPTERS)}
    problems: list[str] = []
    for point in installed_points() if installed is None else installed:
        if point.name in kinds:
            problems.append(f"agent kind '{point.name}' ({point.value}): another package offers this kind already")
            continue
        kind = load_kind(point)
        if isinstance(kind, str):
            problems.append(kind)
        else:
            kinds[point.name] = kind
    return Registry(kinds, tuple(problems))
