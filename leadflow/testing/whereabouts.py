"""Where a path of a run leads: the node in its flow, through calls of flows and undos. Knows a plan and no run."""

import re
from collections.abc import Iterator

from leadflow.plan.looping import TOOLS
from leadflow.plan.paths import is_control, owners
from leadflow.plan.plan import FlowCall, FlowPlan, Node, Plan
from leadflow.plan.undoing import SUFFIX, undo_node
from leadflow.plan.words import step_name
from leadflow.record import record

_NUMBERS = re.compile(r"\[[0-9]+\]|~[0-9]+")


@record
class Spot:
    """A node of a run, without the numbers of iterations and attempts."""

    flow: FlowPlan
    node: Node
    names: tuple[str, ...]
    """Of the blocks around it in its flow and of the node itself, as the author wrote them."""
    is_undo: bool
    """What takes the node back, not the node itself."""

    @property
    def step(self) -> str:
        """The step's name."""
        return self.names[-1]


class Whereabouts:
    """The spots of one plan, each looked for once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[str, Spot | None] = {}

    def find(self, path: str) -> Spot | None:
        """Where a path leads; None for a flow's own path, and for that of the run."""
        plain = _NUMBERS.sub("", path)
        if plain not in self._known:
            self._known[plain] = self._look(plain)
        return self._known[plain]

    def spot(self, flow: str, node: int) -> Spot | None:
        """A node of a flow, as the spots of runs have it; None for control, which has no name of its own."""
        found = self._plan.flows[flow]
        if is_control(found.nodes[node]):
            return None
        return Spot(found, found.nodes[node], tuple(reversed([*_names(found, found.nodes[node])])), is_undo=False)

    def _look(self, path: str) -> Spot | None:
        first, *names = path.split("/")
        flow, scope = self._plan.flows.get(first), 0
        spot: Spot | None = None
        is_tool = False
        for name in names:
            if is_tool:  # behind a step's tools the path begins anew, with the flow that is one
                flow, scope, spot, is_tool = self._plan.flows.get(name), 0, None, False
                continue
            if flow is None:
                return None
            is_tool = name.endswith(TOOLS)
            spot = _in_scope(flow, scope, name.removesuffix(TOOLS))
            if spot is None:
                return None
            work = spot.node.work if not spot.is_undo else getattr(undo_node(spot.node), "work", None)
            if isinstance(work, FlowCall):
                flow, scope = self._plan.flows.get(work.flow), 0
            else:
                scope = next((one.id for one in flow.scopes if one.owner == spot.node.id), scope)
        return None if is_tool else spot


def _in_scope(flow: FlowPlan, scope: int, name: str) -> Spot | None:
    own = name.removesuffix(SUFFIX)
    for number in flow.scopes[scope].nodes:
        node = flow.nodes[number]
        if node.name == own:
            return Spot(flow, node, tuple(reversed([*_names(flow, node)])), name != own)
    return None


def _names(flow: FlowPlan, node: Node) -> Iterator[str]:
    yield step_name(node)
    yield from (step_name(owner) for owner in owners(flow, node))
