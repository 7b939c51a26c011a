"""Whether open runs of an old plan may go on under a new one, per flow, and what keeps them from it.

A run is pinned to the content of its plan (case D6), and its journal names nodes by their stable paths. So a node that
the run has passed keeps its result when its path, its work, the type of its result and what it reads are unchanged; a
node that it has not reached yet may be anything. Hence a `Bar`: a node, and how far a run may have got with it.

What bars: another work, undo, type, condition or value of a `let` that is read; a new name, because the journal has
the old one; a new need, because what is needed now may not have been done first; a write that is gone, because what it
did would be forgotten; a write under way at an agent that is another one now, because it might be done twice. What
does not: policies, prompts of agents and their settings, steps that are new where nothing yet waits for them, reads
that are gone. Data for whoever moves a run; decides nothing at run time.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from typing import Literal

from leadflow.plan.compare.difference import Difference
from leadflow.plan.compare.matching import Matched
from leadflow.plan.compare.meaning import Names, digest, told
from leadflow.plan.paths import node_path
from leadflow.plan.plan import AgentCall, Do, FlowCall, FlowPlan, For, Node, Parallel, Race, Return, Yield
from leadflow.plan.types import JSON, Type
from leadflow.record import record

Reach = Literal["passed", "under way"]
"""`passed`: it has started, has been skipped, or is over. `under way`: it has started and is not over."""
Verdict = Literal["may move", "may move unless", "may not move"]


@record
class Bar:
    """A run that got so far with a node may not move."""

    path: str
    """In the old plan, without the numbers of iterations."""
    reach: Reach
    why: str


@record
class Move:
    """What a difference means for the open runs of one flow."""

    flow: str
    """Its name in the old plan."""
    verdict: Verdict
    bars: tuple[Bar, ...]
    """All of them."""
    first: tuple[Bar, ...]
    """Those that no other one stands before: a run that has met none of these has met none at all."""
    reasons: tuple[str, ...]
    """Why it may not move, for `may not move`."""


def moves(found: Difference) -> tuple[Move, ...]:
    """The open runs of each flow of the old plan."""
    if found.old_hash == found.new_hash:
        return tuple(Move(name, "may move", (), (), ()) for name in found.old.flows)
    moving = _Moving(found)
    return tuple(moving.of_flow(name) for name in found.old.flows)


@record
class _Pair:
    """Two versions of a flow, and their names: of what is the same, and with lets told by their values."""

    matched: Matched
    old: Names
    new: Names
    old_deep: Names
    new_deep: Names
    known: Set[int]
    """The nodes of the new version that are in the old one."""
    aspects: Mapping[str, list[str]]
    """What of each node has changed, by its new path."""


class _Moving:
    """Flows are looked at once, those that a flow calls before it."""

    def __init__(self, found: Difference) -> None:
        self.found = found
        self.known: dict[tuple[str, bool], Move] = {}
        self.agents = _changed_agents(found)
        self.aspects: dict[str, list[str]] = {}
        for change in found.changes:
            if change.kind == "changed" and change.subject in ("step", "control"):
                self.aspects.setdefault(change.path, []).append(change.aspect)

    def of_flow(self, name: str, *, is_called: bool = False) -> Move:
        """The open runs of a flow, or the open calls of it: of these some are over in a run that is not."""
        if (name, is_called) not in self.known:
            self.known[name, is_called] = self._judge(name, is_called)
        return self.known[name, is_called]

    def _judge(self, name: str, is_called: bool) -> Move:
        reasons = list(self._whole(name))
        matched = self.found.matched.get(name)
        if reasons or matched is None:
            return Move(name, "may not move", (), (), tuple(reasons))
        pair = _pair(matched, self.aspects)
        nodes = [node for node in matched.old.nodes if is_called or not isinstance(node.work, Return)]
        barred = {node.id: each for node in nodes if (each := list(self._bars(pair, node)))}
        own = {number for number, each in barred.items() if _is_own(matched.old, number, each)}
        bars = tuple(bar for each in barred.values() for bar in each)
        first = tuple(bar for number in _frontier(matched.old, barred, own) for bar in barred[number])
        at_once = [number for number in barred if number in own and _starts_at_once(matched.old, number)]
        if at_once:
            said = [f"{bar.path} starts with the run, and {bar.why}" for number in at_once for bar in barred[number]]
            return Move(name, "may not move", bars, first, tuple(said))
        return Move(name, "may move unless" if bars else "may move", bars, first, ())

    def _whole(self, name: str) -> Iterator[str]:
        """What keeps every run of a flow from moving."""
        matched = self.found.matched.get(name)
        if self.found.old.edition != self.found.new.edition:
            yield f"the edition of the language is {self.found.new.edition} now"
        if matched is None:
            yield "the flow is not there any more"
            return
        if matched.new.name != name:
            yield f"it is called {matched.new.name} now, and journals have the old name"
        given = {param.name: param for param in matched.old.params}
        for param in matched.new.params:
            was = given.get(param.name)
            if was is None and param.required:
                yield f"parameter {param.name} is new, and a run that has begun has no value for it"
            elif was is not None and (was.type, was.constraints) != (param.type, param.constraints):
                yield f"parameter {param.name} has another type"

    def _bars(self, pair: _Pair, node: Node) -> Iterator[Bar]:
        path = node_path(pair.matched.old, node)
        number = pair.matched.nodes.get(node.id)
        changes_something = node.effect in ("write", "dangerous")
        if number is None:
            if changes_something and isinstance(node.work, AgentCall | FlowCall):
                yield Bar(path, "passed", "it changes something and is not there any more")
            return
        why = "; ".join(_reasons(pair, node, pair.matched.new.nodes[number]))
        if why:
            yield Bar(path, "passed", why)
            return
        match node.work:
            case AgentCall(agent) if changes_something and agent in self.agents:
                yield Bar(path, "under way", f"agent {agent} is another one now, which might do it a second time")
            case FlowCall(flow):
                yield from _inside(path, self.of_flow(flow, is_called=True))
            case _:
                pass


def _pair(matched: Matched, aspects: Mapping[str, list[str]]) -> _Pair:
    old, new = matched.names()
    deep = _with_lets(matched.old, old), _with_lets(matched.new, new)
    return _Pair(matched, old, new, *deep, frozenset(matched.nodes.values()), aspects)


def _inside(path: str, called: Move) -> Iterator[Bar]:
    """What bars the flow that a node calls, seen from there."""
    if called.verdict == "may not move":
        yield Bar(path, "passed", f"in flow {called.flow}: {'; '.join(called.reasons)}")
        return
    for bar in called.first:
        yield Bar(f"{path}/{bar.path.partition('/')[2]}", bar.reach, bar.why)


def _reasons(pair: _Pair, old: Node, new: Node) -> Iterator[str]:
    """Why the result of a node is not that of its new version."""
    path, now = node_path(pair.matched.old, old), node_path(pair.matched.new, new)
    if path != now:
        yield f"it is called {now} now, and journals have the old name"
    if told(_work(old), pair.old_deep) != told(_work(new), pair.new_deep) or _answer(old) != _answer(new):
        told_of = pair.aspects.get(now, ())
        changed = [aspect for aspect in told_of if aspect[0] != "@" and aspect.split()[0] not in _HARMLESS]
        yield f"its {' and '.join(map(repr, changed))} changed" if changed else "a value that it reads is another one"
    if old.type != new.type:
        yield "its type changed"
    if told(_undo(old), pair.old_deep) != told(_undo(new), pair.new_deep):
        yield "its 'undo' changed, and what takes it back is fixed when it is done"
    if told(old.guard, pair.old_deep) != told(new.guard, pair.new_deep):
        yield "the condition under which it runs changed"
    before = {pair.old.node(need.node) for need in old.needs}
    added = [pair.matched.new.nodes[need.node].name for need in new.needs if pair.new.node(need.node) not in before]
    if added:
        yield f"it waits for {', '.join(added)} now"
    if _grows_unseen(pair, old, new):
        yield "steps were added to it, and nothing of it waits for them"
    if isinstance(old.work, Race) and isinstance(new.work, Race) and _has_other_members(pair, old.work, new.work):
        yield "its members are others, or stand in another order"


_HARMLESS = ("waits", "runs", "type", "effect", "catch", "undo", "may", "order")
"""First words of aspects that are told by other reasons, or do not change a result; nor do policies."""


def _work(node: Node) -> object:
    """What a node's result depends on: of a call not how harmful or repeatable it is said to be."""
    if isinstance(node.work, AgentCall):
        return replace(node.work, effect="pure", idempotent=True, result=JSON)
    return node.work


def _undo(node: Node) -> AgentCall | FlowCall | None:
    """The call that takes a node back; by which policies it is made, and whether also in doubt, is nobody's memory."""
    work = None if node.undo is None else node.undo.work
    return replace(work, effect="pure", idempotent=True) if isinstance(work, AgentCall) else work


def _answer(node: Node) -> Type | None:
    """What the answer of a call is validated as. Names and descriptions of types do not count."""
    return node.work.result if isinstance(node.work, AgentCall) else None


def _with_lets(flow: FlowPlan, names: Names) -> Names:
    """Names under which a let is told by its value, through other lets."""
    texts: dict[int, str] = {}

    def let_name(let: int) -> str:
        return texts.get(let) or names.let(let)

    found = Names(names.node, let_name, names.scope, names.agent, names.flow, names.types)
    for number, let in enumerate(flow.lets):
        texts[number] = digest(told((let.value, let.guard), found))
    return found


def _grows_unseen(pair: _Pair, old: Node, new: Node) -> bool:
    """Whether a block without a yield, which would wait for it, got another step."""
    if not isinstance(old.work, For | Do) or not isinstance(new.work, For | Do):
        return False
    members = pair.matched.new.scopes[new.work.scope].nodes
    has_yield = any(isinstance(pair.matched.new.nodes[number].work, Yield) for number in members)
    return not has_yield and any(number not in pair.known for number in members)


def _has_other_members(pair: _Pair, old: Race, new: Race) -> bool:
    """Whether a race has another field: the value that it gave may be that of one who is gone, or would win no more."""
    olds, news = pair.matched.old.scopes[old.scope].nodes, pair.matched.new.scopes[new.scope].nodes
    return [pair.old.node(number) for number in olds] != [pair.new.node(number) for number in news]


def _changed_agents(found: Difference) -> frozenset[str]:
    """Agents of the old plan whose kind or settings are others now."""
    names = found.renames.agent
    changed = set()
    for name, agent in found.old.agents.items():
        now = found.new.agents.get(names(name))
        if now is None or (agent.kind, _settings(agent.settings)) != (now.kind, _settings(now.settings)):
            changed.add(name)
    return frozenset(changed)


def _settings(settings: Mapping[str, object]) -> list[tuple[str, str]]:
    return sorted((name, told(value)) for name, value in settings.items())


# --- how far a run has got ----------------------------------------------------------------------------------------


def _is_own(flow: FlowPlan, number: int, bars: list[Bar]) -> bool:
    """Whether it is enough that a run has passed the node itself, not something in the flow that it calls."""
    path = node_path(flow, flow.nodes[number])
    return any(bar.reach == "passed" and bar.path == path for bar in bars)


def _frontier(flow: FlowPlan, barred: Mapping[int, list[Bar]], own: Set[int]) -> list[int]:
    """The barred nodes before which no other one stands that a run must have passed to get there."""
    behind = [False] * len(flow.nodes)
    for node in flow.nodes:
        owner = flow.scopes[node.scope].owner
        before = [need.node for need in node.needs] + ([] if owner is None else [owner])
        behind[node.id] = any(behind[number] or number in own for number in before)
    return [number for number in barred if not behind[number]]


def _starts_at_once(flow: FlowPlan, number: int) -> bool:
    """Whether a node starts as soon as the run does: it waits for nothing, and so do the blocks around it."""
    node = flow.nodes[number]
    while not node.needs and node.guard is None:
        owner = flow.scopes[node.scope].owner
        if owner is None:
            return True
        node = flow.nodes[owner]
        if not isinstance(node.work, Parallel | Race | Do):
            return False
    return False
