"""The difference in meaning of two plans, as data: what was added, removed, renamed, and what became of each value.

Two plans with one hash have no difference. Two with different hashes have at least one `Change`. Everything is told in
the words that an author reads and writes; whether two parts differ is decided by `meaning.told`, not by words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from leadflow.plan.codec import content_hash
from leadflow.plan.compare.agents import agent_changes, renamed_agents
from leadflow.plan.compare.changes import Change, Kind
from leadflow.plan.compare.matching import Matched, Renames, match_flows
from leadflow.plan.compare.meaning import NUMBERS, PLAIN, Names, told, unique_pairs
from leadflow.plan.compare.nodes import Side, node_changes, policy_changes, subject_of
from leadflow.plan.compare.tools import tool_changes
from leadflow.plan.compare.types import field_parts, named_types, type_changes
from leadflow.plan.paths import is_control, node_path
from leadflow.plan.plan import FlowPlan, Merge, Node, Plan
from leadflow.plan.types import show
from leadflow.plan.words import expr_words, is_join, work_words
from leadflow.record import record


@record
class Difference:
    """Two plans, and all in which they differ."""

    old: Plan
    new: Plan
    old_hash: str
    new_hash: str
    changes: tuple[Change, ...]
    """In the order of reading: the program, types, agents, tools, flows with their steps."""
    matched: Mapping[str, Matched]
    """The flows that are on both sides, by the old name; none when the plans are the same."""
    renames: Renames

    def only(self, flow: str) -> "Difference":
        """What concerns one flow, by its old or new name, and the agents, tools and types."""
        names = {flow, self.renames.flow(flow)}
        kept = tuple(
            change
            for change in self.changes
            if change.subject in ("program", "type", "agent", "tool") or change.path.partition("/")[0] in names
        )
        return replace(self, changes=kept)

    def count(self, kind: Kind) -> int:
        """How many changes are of a kind."""
        return sum(change.kind == kind for change in self.changes)


def difference(old: Plan, new: Plan) -> Difference:
    """Compare two plans. Places, comments, layout and the names of files and profiles make no difference."""
    old, new = _as_written(old), _as_written(new)
    hashes = content_hash(old), content_hash(new)
    if hashes[0] == hashes[1]:
        return Difference(old, new, *hashes, (), {}, Renames({}, {}))
    renames = Renames(renamed_agents(old, new), _renamed_flows(old, new))
    matched = {
        name: match_flows(flow, new.flows[renames.flow(name)], renames)
        for name, flow in old.flows.items()
        if renames.flow(name) in new.flows
    }
    changes = tuple(_changes(old, new, renames, matched)) or (_numbers_only(new, hashes),)
    return Difference(old, new, *hashes, changes, matched, renames)


def _as_written(plan: Plan) -> Plan:
    """The plan with its flows and agents in the order of the text, which a plan in a file does not keep."""
    flows = sorted(plan.flows.items(), key=lambda item: (item[1].place, item[0]))
    agents = sorted(plan.agents.items(), key=lambda item: (item[1].place or ("", 0, 0), item[0]))
    return replace(plan, flows=dict(flows), agents=dict(agents))


def _numbers_only(new: Plan, hashes: tuple[str, str]) -> Change:
    """Every part is the same, and the plans are not: another version of leadflow numbers or ranks in another way."""
    return Change("program", new.file, "changed", "the way it is compiled", f"plan {hashes[0]}", f"plan {hashes[1]}")


def _changes(old: Plan, new: Plan, renames: Renames, matched: Mapping[str, Matched]) -> Iterator[Change]:
    main = None if old.main is None else renames.flow(old.main)
    for aspect, was, now in (
        ("edition", str(old.edition), str(new.edition)),
        ("runs when no flow is named", main, new.main),
    ):
        if was != now:
            yield Change("program", new.file, "changed", aspect, was, now)
    types = named_types(old), named_types(new)
    changed = [name for name in sorted(types[0]) if name in types[1] and told(types[0][name]) != told(types[1][name])]
    for name in changed:
        yield from type_changes("type", name, "", types[0][name], types[1][name], _but(name, changed))
    names = Names(PLAIN.node, PLAIN.let, PLAIN.scope, renames.agent, renames.flow)
    yield from agent_changes(old, new, names)
    yield from tool_changes(old, new, names)
    yield from _flows(old, new, matched, frozenset(changed))


def _but(name: str, changed: Sequence[str]) -> Names:
    """Named types that have changed are told by their names, but not the one that is looked into."""
    return Names(PLAIN.node, PLAIN.let, PLAIN.scope, types=frozenset(changed) - {name})


# --- flows --------------------------------------------------------------------------------------------------------


def _renamed_flows(old: Plan, new: Plan) -> dict[str, str]:
    """Flows that are there under another name, with everything that stands in them."""
    return unique_pairs(
        {name: _about(flow) for name, flow in old.flows.items() if name not in new.flows},
        {name: _about(flow) for name, flow in new.flows.items() if name not in old.flows},
    )


def _about(flow: FlowPlan) -> str:
    nodes = [(node.name, node.scope, node.work, node.guard, node.type, node.policies) for node in flow.nodes]
    return told((flow.params, flow.result, flow.policies, flow.lets, tuple(nodes)), NUMBERS)


def _flows(old: Plan, new: Plan, matched: Mapping[str, Matched], types: frozenset[str]) -> Iterator[Change]:
    for name, flow in old.flows.items():
        if name not in matched:
            yield Change("flow", name, "removed", "", _signature(flow), None)
        else:
            yield from _flow(matched[name], types)
    known = {found.new.name for found in matched.values()}
    for name, flow in new.flows.items():
        if name not in known:
            yield Change("flow", name, "added", "", None, _signature(flow))


def _signature(flow: FlowPlan) -> str:
    params = ", ".join(f"{param.name}: {show(param.type)}" for param in flow.params)
    return f"({params}) -> {show(flow.result)}"


def _flow(found: Matched, types: frozenset[str]) -> Iterator[Change]:
    old, new, name = found.old, found.new, found.new.name
    names = found.names(types)
    sides = Side(old, names[0]), Side(new, names[1])
    if old.name != name:
        yield Change("flow", name, "renamed", "", old.name, name)
    for part, was, now in field_parts("", old.params, new.params, names[1]):
        yield Change("flow", name, "changed", f"parameter {part}", was, now)
    yield from type_changes("flow", name, "result", old.result, new.result, names[1])
    if old.effect != new.effect:
        yield Change("flow", name, "changed", "effect", old.effect, new.effect)
    yield from policy_changes("flow", name, old.policies, new.policies, names[0])
    yield from _nodes(found, sides)
    yield from _lets(found, sides)
    yield from _orders(found)


def _nodes(found: Matched, sides: tuple[Side, Side]) -> Iterator[Change]:
    """Steps in the order of the old text, those that are new behind them."""
    for old in found.old.nodes:
        number = found.nodes.get(old.id)
        if number is None:
            if _is_told(old):
                path = node_path(found.old, old)
                yield Change(subject_of(old), path, "removed", "", work_words(found.old, old), None)
            continue
        new = found.new.nodes[number]
        paths = node_path(found.old, old), node_path(found.new, new)
        if old.name != new.name and not is_control(new):
            yield Change("step", paths[1], "renamed", "", paths[0], paths[1])
        yield from node_changes(found, old, new, sides)
    known = set(found.nodes.values())
    for new in found.new.nodes:
        if new.id not in known and _is_told(new):
            yield Change(subject_of(new), node_path(found.new, new), "added", "", None, work_words(found.new, new))


def _is_told(node: Node) -> bool:
    """What the compiler adds by itself is told by the needs and conditions of the others."""
    return not isinstance(node.work, Merge) and not is_join(node)


def _lets(found: Matched, sides: tuple[Side, Side]) -> Iterator[Change]:
    path = found.new.name
    for number, let in enumerate(found.old.lets):
        other = found.lets.get(number)
        words = expr_words(found.old, let.value)
        if other is None:
            yield Change("let", f"{path}/{let.name}", "removed", "", words, None)
            continue
        new = found.new.lets[other]
        if let.name != new.name:
            yield Change("let", f"{path}/{new.name}", "renamed", "", let.name, new.name)
        if told((let.value, let.guard), sides[0].names) != told((new.value, new.guard), sides[1].names):
            yield Change("let", f"{path}/{new.name}", "changed", "value", words, expr_words(found.new, new.value))
    known = set(found.lets.values())
    for number, let in enumerate(found.new.lets):
        if number not in known:
            yield Change("let", f"{path}/{let.name}", "added", "", None, expr_words(found.new, let.value))


def _orders(found: Matched) -> Iterator[Change]:
    """Steps that stand in another order, which decides who goes first of those that may start at once; and lets."""
    for scope in found.scopes:
        old = found.old.scopes[scope]
        nodes = [found.nodes[node] for node in old.nodes if node in found.nodes]
        lets = [found.lets[let] for let in old.lets if let in found.lets]
        names = [
            *(tuple(found.new.nodes[number].name for number in pair) for pair in _moved(nodes)),
            *(tuple(found.new.lets[number].name for number in pair) for pair in _moved(lets)),
        ]
        if names:
            was, now = (", ".join(pair[side] for pair in names) for side in (0, 1))
            path = (
                found.new.name if old.owner is None else node_path(found.new, found.new.nodes[found.nodes[old.owner]])
            )
            yield Change("flow" if old.owner is None else "step", path, "changed", "order of the text", was, now)


def _moved(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """What stands at each place where something else stands now."""
    return [(was, now) for was, now in zip(numbers, sorted(numbers), strict=True) if was != now]
