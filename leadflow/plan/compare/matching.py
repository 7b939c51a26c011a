"""Which nodes, lets and scopes of two versions of a flow are the same.

A step is the same under its path. Control has names that count (`if@2`), as have steps that several arms bind
(`r@2`): these are the same when they say the same, and else in their order. What then remains is the same as something
that remains on the other side of the same block when both do the same work and no third one does: it was renamed.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from leadflow.plan.compare.meaning import Names, digest, told, unique_pairs
from leadflow.plan.paths import is_control
from leadflow.plan.plan import Branch, FlowPlan, Merge, Node
from leadflow.plan.text import body_of
from leadflow.plan.words import step_name
from leadflow.record import record


@record
class Renames:
    """New names of agents and flows, by their old ones."""

    agents: Mapping[str, str]
    flows: Mapping[str, str]

    def agent(self, name: str) -> str:
        """The new name of an agent."""
        return self.agents.get(name, name)

    def flow(self, name: str) -> str:
        """The new name of a flow."""
        return self.flows.get(name, name)


@dataclass(slots=True)
class Matched:
    """Two versions of a flow, and what is the same in them: old number -> new number."""

    old: FlowPlan
    new: FlowPlan
    renames: Renames
    nodes: dict[int, int] = field(default_factory=dict)
    lets: dict[int, int] = field(default_factory=dict)
    scopes: dict[int, int] = field(default_factory=dict)

    def names(self, types: frozenset[str] = frozenset()) -> tuple[Names, Names]:
        """Names of both sides that are equal for what is the same."""
        new_nodes, new_lets, new_scopes = (set(part.values()) for part in (self.nodes, self.lets, self.scopes))
        old = Names(
            lambda n: f"={self.nodes[n]}" if n in self.nodes else f"old {n}",
            lambda n: f"={self.lets[n]}" if n in self.lets else f"old {n}",
            lambda n: f"={self.scopes[n]}" if n in self.scopes else f"old {n}",
            self.renames.agent,
            self.renames.flow,
            types,
        )
        new = Names(
            lambda n: f"={n}" if n in new_nodes else f"new {n}",
            lambda n: f"={n}" if n in new_lets else f"new {n}",
            lambda n: f"={n}" if n in new_scopes else f"new {n}",
            types=types,
        )
        return old, new


def match_flows(old: FlowPlan, new: FlowPlan, renames: Renames) -> Matched:
    """What is the same in two versions of a flow."""
    found = Matched(old, new, renames)
    said = _said(old, renames), _said(new, Renames({}, {}))
    todo = [(0, 0)]
    while todo:
        _match_scopes(found, todo, said)
        todo = _match_renamed(found)
    return found


# --- by name ------------------------------------------------------------------------------------------------------


def _match_scopes(found: Matched, todo: list[tuple[int, int]], said: "tuple[_Said, _Said]") -> None:
    """Match what stands in scopes that are the same, and in the bodies of the blocks in them."""
    while todo:
        old, new = todo.pop()
        found.scopes[old] = new
        groups = _groups(found.new, new)
        for name, olds in _groups(found.old, old).items():
            for one, other in _paired(olds, groups.get(name, []), said):
                found.nodes[one] = other
                bodies = body_of(found.old.nodes[one]), body_of(found.new.nodes[other])
                if bodies[0] is not None and bodies[1] is not None:
                    todo.append((bodies[0], bodies[1]))
        _match_lets(found, old, new)


def _groups(flow: FlowPlan, scope: int) -> dict[tuple[bool, str], list[int]]:
    """The nodes of a scope by their names without numbers."""
    groups: dict[tuple[bool, str], list[int]] = {}
    for number in flow.scopes[scope].nodes:
        node = flow.nodes[number]
        groups.setdefault((is_control(node), step_name(node)), []).append(number)
    return groups


def _paired(olds: Sequence[int], news: Sequence[int], said: "tuple[_Said, _Said]") -> Iterator[tuple[int, int]]:
    """Those that say the same under the same condition, then those that say the same, then the rest, in their order."""
    if len(olds) == len(news) == 1:
        yield olds[0], news[0]
        return
    for level in (0, 1):
        waiting: dict[str, list[int]] = {}
        for new in reversed(news):
            waiting.setdefault(said[1][new][level], []).append(new)
        pairs = [(old, same.pop()) for old in olds if (same := waiting.get(said[0][old][level]))]
        yield from pairs
        done = {old for old, _ in pairs}, {new for _, new in pairs}
        olds, news = [old for old in olds if old not in done[0]], [new for new in news if new not in done[1]]
    yield from zip(olds, news, strict=False)


_Said: TypeAlias = list[tuple[str, str]]
"""What each node says, with the condition under which it does, and without."""


def _said(flow: FlowPlan, renames: Renames) -> _Said:
    """What each node says, in names: no numbers, and not where it stands."""
    control: dict[int, str] = {}

    def node_name(number: int) -> str:
        return control.get(number) or step_name(flow.nodes[number])

    def scope_name(number: int) -> str:
        owner = flow.scopes[number].owner
        return "" if owner is None else step_name(flow.nodes[owner])

    names = Names(node_name, lambda let: flow.lets[let].name, scope_name, renames.agent, renames.flow)
    found: _Said = []
    for node in flow.nodes:
        work = told(node.work, names)
        if isinstance(node.work, Branch | Merge):
            control[node.id] = digest(work)
        found.append((f"{work} {told(node.guard, names)}", work))
    return found


def _match_lets(found: Matched, old: int, new: int) -> None:
    """Lets by their names, those of one name in their order; a single one that remains may be renamed."""
    waiting: dict[str, list[int]] = {}
    for let in reversed(found.new.scopes[new].lets):
        waiting.setdefault(found.new.lets[let].name, []).append(let)
    rest = []
    for let in found.old.scopes[old].lets:
        same = waiting.get(found.old.lets[let].name)
        if same:
            found.lets[let] = same.pop()
        else:
            rest.append(let)
    left = [let for lets in waiting.values() for let in lets]
    if rest and left:
        old_names, new_names = found.names()
        found.lets |= unique_pairs(
            {let: told(found.old.lets[let].value, old_names) for let in rest},
            {let: told(found.new.lets[let].value, new_names) for let in left},
        )


# --- by work ------------------------------------------------------------------------------------------------------


def _match_renamed(found: Matched) -> list[tuple[int, int]]:
    """Match what was renamed; the pairs of bodies that are to be looked into next."""
    taken = set(found.nodes.values())
    rest = [n for n in range(len(found.old.nodes)) if n not in found.nodes]
    left = [n for n in range(len(found.new.nodes)) if n not in taken]
    if not rest or not left:
        return []
    old_names, new_names = found.names()
    works = _works(found.old, rest, old_names), _works(found.new, left, new_names)
    homes = set(found.scopes), set(found.scopes.values())
    olds = {n: works[0][n] for n in rest if _can_be_renamed(found.old, n, homes[0])}
    news = {n: works[1][n] for n in left if _can_be_renamed(found.new, n, homes[1])}
    pairs, bodies = unique_pairs(olds, news), []
    found.nodes |= pairs
    for old, new in pairs.items():
        pair = body_of(found.old.nodes[old]), body_of(found.new.nodes[new])
        if pair[0] is not None and pair[1] is not None:
            bodies.append((pair[0], pair[1]))
    return bodies


def _can_be_renamed(flow: FlowPlan, number: int, homes: Set[int]) -> bool:
    node = flow.nodes[number]
    return not is_control(node) and node.scope in homes


def _works(flow: FlowPlan, numbers: Sequence[int], names: Names) -> dict[int, str]:
    """What each of these does, its body included; what it reads of them is told by what that does."""
    works: dict[int, str] = {}

    def scope_name(scope: int) -> str:
        found = names.scope(scope)
        return found if found.startswith("=") else ""

    def node_name(node: int) -> str:
        return works.get(node) or names.node(node)

    inner = Names(node_name, names.let, scope_name, names.agent, names.flow)
    for number in sorted(numbers, key=lambda n: (_last(flow, flow.nodes[n]), -n)):
        node = flow.nodes[number]
        body = body_of(node)
        members = [] if body is None else [works.get(n, "") for n in flow.scopes[body].nodes]
        parts = (node.work, node.guard)
        works[number] = digest(scope_name(node.scope), *(told(part, inner) for part in parts), *members)
    return works


def _last(flow: FlowPlan, node: Node) -> int:
    """The last node of a node's body: a block is told after what stands in it."""
    body = body_of(node)
    while body is not None and flow.scopes[body].nodes:
        node = flow.nodes[flow.scopes[body].nodes[-1]]
        body = body_of(node)
    return node.id
