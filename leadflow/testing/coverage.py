"""Which ways through the flows the tests went: steps that began, arms that were taken, failures that were caught,
agents that stood in, steps that were taken back.

A way is one of these. Steps that are mocked as a whole hide what stands inside of them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from leadflow.events.model import AttemptStarted, BranchTaken, Entry, NodeDone, NodeStarted
from leadflow.events.places import in_place
from leadflow.plan.paths import is_control, node_path
from leadflow.plan.plan import AgentCall, Branch, FlowPlan, Node, Place, Plan
from leadflow.plan.policy import Fallback, policy_of
from leadflow.plan.words import is_join, work_words
from leadflow.testing.whereabouts import Whereabouts

Kind: TypeAlias = Literal["step", "arm", "catch", "fallback", "undo"]
KINDS: tuple[Kind, ...] = ("step", "arm", "catch", "fallback", "undo")


class Way(NamedTuple):
    """One of the ways through a flow."""

    place: Place
    kind: Kind
    path: str
    """Of the node, from its flow."""
    detail: str
    """Which arm, which agent."""
    said: str
    """What did not happen, should nobody have gone it."""


Key: TypeAlias = tuple[Place, Kind, str]
"""What tells a way from others, whatever its flow is called by the programs that import it."""


@dataclass(slots=True)
class Coverage:
    """The ways of some programs, and which of them were gone."""

    ways: dict[Key, Way] = field(default_factory=dict)
    gone: set[Key] = field(default_factory=set)

    def add(self, plan: Plan, logs: Iterable[Sequence[Entry]], name: Callable[[str], str] = str) -> None:
        """Count the ways of a program's flows, and note those that its runs have gone.

        Args:
            name: what a file is called, so that those of several projects are told apart.
        """
        own: dict[tuple[str, Kind, str], Key] = {}
        for flow in plan.flows.values():
            if flow.name.startswith("std."):
                continue  # it is not the author's
            for way in ways_of(flow):
                place = way.place._replace(file=name(way.place.file))
                key = own[way.path, way.kind, way.detail] = (place, way.kind, way.detail)
                self.ways.setdefault(key, way._replace(place=place))
        where = Whereabouts(plan)
        for entries in logs:
            self.gone.update(own[each] for each in _gone(where, entries) if each in own)

    @property
    def missed(self) -> list[Way]:
        """The ways that nobody went, in the order of the text."""
        return sorted(way for key, way in self.ways.items() if key not in self.gone)

    @property
    def percent(self) -> float:
        """How many of a hundred."""
        return 100.0 if not self.ways else 100.0 * len(self.gone) / len(self.ways)

    def by_kind(self) -> Iterator[tuple[Kind, int, int]]:
        """Of each kind that there is: how many were gone, and how many there are."""
        all_of_them = Counter(way.kind for way in self.ways.values())
        gone = Counter(kind for _, kind, _ in self.gone)
        yield from ((kind, gone[kind], all_of_them[kind]) for kind in KINDS if all_of_them[kind])


def ways_of(flow: FlowPlan) -> Iterator[Way]:
    """The ways through one flow."""
    for node in flow.nodes:
        path = node_path(flow, node)
        if isinstance(node.work, Branch) and not is_join(node):
            for label in node.work.labels:
                yield Way(node.place, "arm", path, label, f"`{work_words(flow, node)}` never {_went(label)}")
        if not is_control(node):
            yield from _of_step(node, path)


def _went(label: str) -> str:
    return {"then": "held", "else": "failed to hold"}.get(label, f"had the arm `{label}`")


def _of_step(node: Node, path: str) -> Iterator[Way]:
    yield Way(node.place, "step", path, "", f"{path} never began")
    if node.catch is not None:
        yield Way(node.place, "catch", path, "", f"{path} never failed, so its `catch` gave nothing")
    if isinstance(node.work, AgentCall) and (fallback := policy_of(node.policies, Fallback)) is not None:
        for agent in fallback.agents:
            yield Way(node.place, "fallback", path, agent, f"{path} never fell back on {agent}")
    if node.undo is not None and node.undo.work is not None:
        yield Way(node.place, "undo", path, "", f"{path} was never taken back")


def _gone(where: Whereabouts, entries: Sequence[Entry]) -> Iterator[tuple[str, Kind, str]]:
    for entry in entries:
        match in_place(entry.event):
            case NodeStarted(path):
                spot = where.find(path)
                if spot is not None:
                    yield node_path(spot.flow, spot.node), "undo" if spot.is_undo else "step", ""
            case BranchTaken(path, _, label):
                spot = where.find(path)
                if spot is not None:
                    yield node_path(spot.flow, spot.node), "arm", label
            case AttemptStarted(path, _, agent):
                spot = where.find(path)
                if spot is not None and not spot.is_undo:
                    yield node_path(spot.flow, spot.node), "fallback", agent
            case NodeDone(path, _, absorbed) if absorbed is not None:
                spot = where.find(path)
                if spot is not None and spot.node.catch is not None:
                    yield node_path(spot.flow, spot.node), "catch", ""
            case _:
                pass
