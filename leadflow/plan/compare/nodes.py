"""What differs in two versions of one node: its work, its prompts, its type, what it waits for, when, its policies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from leadflow.plan.compare.changes import Change, Subject
from leadflow.plan.compare.matching import Matched
from leadflow.plan.compare.meaning import Names, told
from leadflow.plan.compare.types import type_changes
from leadflow.plan.expr import Const, Expr, Template
from leadflow.plan.paths import is_control, node_path
from leadflow.plan.plan import (
    AgentCall,
    Branch,
    Do,
    Fail,
    FlowCall,
    FlowPlan,
    For,
    Merge,
    Node,
    Parallel,
    Race,
    Repeat,
    Return,
    Undo,
    Yield,
)
from leadflow.plan.policy import Applied, Fallback, OnError, Reaction
from leadflow.plan.undoing import PROBE, SUFFIX
from leadflow.plan.words import (
    expr_words,
    guard_words,
    pattern_words,
    policy_words,
    reaction_words,
    value_words,
    why_words,
    work_words,
)
from leadflow.record import record


@record
class Side:
    """One of two versions: its flow, and the names of what is the same in the other."""

    flow: FlowPlan
    names: Names


def subject_of(node: Node) -> Subject:
    """What a change of a node is about."""
    return "control" if is_control(node) else "step"


def node_changes(found: Matched, old: Node, new: Node, sides: tuple[Side, Side]) -> Iterator[Change]:
    """All in which two versions of a node differ; their names and bodies are compared elsewhere."""
    comparing = _Comparing(subject_of(new), node_path(found.new, new), sides)
    yield from comparing.work(old, new)
    if comparing.subject == "step":  # what a `return` gives has the type of what it reads
        yield from type_changes(comparing.subject, comparing.path, "type", old.type, new.type, sides[1].names)
    if old.effect != new.effect:
        yield comparing.change("effect", old.effect, new.effect)
    yield from _waits(comparing, old, new)
    guards = [side.names and told(node.guard, side.names) for side, node in zip(sides, (old, new), strict=True)]
    if guards[0] != guards[1]:
        yield comparing.change("runs", _when(sides[0], old), _when(sides[1], new))
    yield from _catch_and_undo(comparing, old, new)
    yield from _probes(comparing, old, new)
    yield from policy_changes(comparing.subject, comparing.path, old.policies, new.policies, sides[0].names)


def _when(side: Side, node: Node) -> str:
    return "always" if node.guard is None else guard_words(side.flow, node.guard)


def _waits(comparing: "_Comparing", old: Node, new: Node) -> Iterator[Change]:
    """Needs that are there on one side only, with their reasons."""
    found = []
    for side, node in zip(comparing.sides, (old, new), strict=True):
        needs = {
            (side.names.node(need.node), why_words(side.flow, node, need)): side.flow.nodes[need.node].name
            for need in node.needs
        }
        found.append(needs)
    for key, name in found[0].items():
        if key not in found[1]:
            yield comparing.change("waits for", f"{name} ({key[1]})", None)
    for key, name in found[1].items():
        if key not in found[0]:
            yield comparing.change("waits for", None, f"{name} ({key[1]})")


def _catch_and_undo(comparing: "_Comparing", old: Node, new: Node) -> Iterator[Change]:
    catches = [node.catch.value if node.catch else None for node in (old, new)]
    yield from comparing.maybe("catch", *catches)
    left, right = comparing.sides
    if told(_undo_call(old.undo), left.names) != told(_undo_call(new.undo), right.names):
        yield comparing.change("undo", _undo(left, old.undo), _undo(right, new.undo))
    if old.undo is not None and new.undo is not None and old.undo.work is not None and new.undo.work is not None:
        if old.undo.in_doubt != new.undo.in_doubt:
            words = ["called" if undo.in_doubt else "not called" for undo in (old.undo, new.undo)]
            yield comparing.change("undo in doubt", *words)
        path = comparing.path + SUFFIX
        yield from policy_changes(comparing.subject, path, old.undo.policies, new.undo.policies, left.names)


def _probes(comparing: "_Comparing", old: Node, new: Node) -> Iterator[Change]:
    """What looks whether the step was done, and how that is called."""
    left, right = comparing.sides
    calls = [None if node.probe is None else node.probe.work for node in (old, new)]
    if told(calls[0], left.names) != told(calls[1], right.names):
        yield comparing.change("probe", _called(left, calls[0]), _called(right, calls[1]))
    if old.probe is not None and new.probe is not None:
        path = comparing.path + PROBE
        yield from policy_changes(comparing.subject, path, old.probe.policies, new.probe.policies, left.names)


def _undo_call(undo: Undo | None) -> Undo | None:
    """What is called; how, and when, is told by itself."""
    if undo is None:
        return None
    work = replace(undo.work, idempotent=True) if isinstance(undo.work, AgentCall) else undo.work
    return Undo(work)


def _undo(side: Side, undo: Undo | None) -> str | None:
    return "none" if undo is not None and undo.work is None else _called(side, None if undo is None else undo.work)


def _called(side: Side, work: AgentCall | FlowCall | None) -> str | None:
    """A call as it is written."""
    match work:
        case AgentCall() as call:
            args = ", ".join(f"{name}: {expr_words(side.flow, arg)}" for name, arg in call.args)
            return f"{call.agent}.{call.action}({args})"
        case FlowCall() as call:
            return f"{call.flow}({', '.join(expr_words(side.flow, arg) for arg in call.args)})"
        case _:
            return None


class _Comparing:
    """One node in its two versions: where it stands, and how its parts are told."""

    def __init__(self, subject: Subject, path: str, sides: tuple[Side, Side]) -> None:
        self.subject: Subject = subject
        self.path = path
        self.sides = sides

    def change(self, aspect: str, old: str | None, new: str | None, *, is_text: bool = False) -> Change:
        """A change of this node."""
        return Change(self.subject, self.path, "changed", aspect, old, new, is_text=is_text)

    def maybe(self, aspect: str, old: Expr | None, new: Expr | None) -> Iterator[Change]:
        """Two expressions, when they differ."""
        left, right = self.sides
        if told(old, left.names) == told(new, right.names):
            return
        is_text = any(isinstance(part, Template) or _is_string(part) for part in (old, new))
        words = [None if part is None else _words(side.flow, part) for part, side in ((old, left), (new, right))]
        if words[0] == words[1]:
            words = [f"{word} (the same words, another meaning)" for word in words]
        yield self.change(aspect, words[0], words[1], is_text=is_text)

    def work(self, old: Node, new: Node) -> Iterator[Change]:
        """What the node does."""
        left, right = self.sides
        match old.work, new.work:
            case AgentCall() as one, AgentCall() as other:
                yield from self._call(one, other)
            case FlowCall() as one, FlowCall() as other:
                yield from self._flow_call(one, other)
            case For(items, limit, scope), For(items2, limit2, scope2):
                yield from self.maybe("items", items, items2)
                yield from self.maybe("at most", limit, limit2)
                yield from self._slots(scope, scope2)
            case Repeat() as one, Repeat() as other:
                yield from self.maybe("begins with", one.init, other.init)
                yield from self.maybe("at most", one.limit, other.limit)
                yield from self.maybe("until", one.until, other.until)
                yield from self.maybe("else", one.otherwise, other.otherwise)
                yield from self._slots(one.scope, other.scope)
            case (Parallel(_, need), Parallel(_, need2)) if need != need2:
                yield self.change("need", "all" if need is None else str(need), "all" if need2 is None else str(need2))
            case (Parallel(), Parallel()) | (Race(), Race()) | (Do(), Do()):
                pass
            case Branch() as one, Branch() as other:
                yield from self.maybe("condition", one.subject, other.subject)
                if (told(one.arms), one.labels) != (told(other.arms), other.labels):
                    yield self.change("arms", _arms(one), _arms(other))
            case Merge(), Merge() if told(old.work, left.names) != told(new.work, right.names):
                yield self.change("goes on", work_words(left.flow, old), work_words(right.flow, new))
            case Merge(), Merge():
                pass
            case (Return(value), Return(value2)) | (Yield(value), Yield(value2)) | (Fail(value), Fail(value2)):
                yield from self.maybe("value", value, value2)
            case _:
                yield self.change("does", work_words(left.flow, old), work_words(right.flow, new))

    def _call(self, old: AgentCall, new: AgentCall) -> Iterator[Change]:
        left, right = self.sides
        if (left.names.agent(old.agent), old.action) != (new.agent, new.action):
            yield self.change("calls", f"{old.agent}.{old.action}", f"{new.agent}.{new.action}")
        olds, news = dict(old.args), dict(new.args)
        for name in [*olds, *(name for name in news if name not in olds)]:
            yield from self.maybe(_argument(name), olds.get(name), news.get(name))
        if [*olds] != [*news] and sorted(olds) == sorted(news):
            yield self.change("order of arguments", ", ".join(olds), ", ".join(news))
        yield from type_changes(self.subject, self.path, "answer", old.result, new.result, right.names)
        yield from self.maybe("key", old.key, new.key)
        yield from self.maybe("key of the cache", old.cache_key, new.cache_key)
        yield from self.maybe("key of @once", old.once, new.once)
        for aspect, was, now in (
            ("asks for its type", old.declared, new.declared),
            ("may be sent again", old.idempotent, new.idempotent),
        ):
            if was != now:
                yield self.change(aspect, "yes" if was else "no", "yes" if now else "no")
        if old.effect != new.effect:
            yield self.change("effect of the call", old.effect, new.effect)

    def _flow_call(self, old: FlowCall, new: FlowCall) -> Iterator[Change]:
        if self.sides[0].names.flow(old.flow) != new.flow:
            yield self.change("calls", f"flow {old.flow}", f"flow {new.flow}")
        for position in range(max(len(old.args), len(new.args))):
            one, other = (call.args[position] if position < len(call.args) else None for call in (old, new))
            yield from self.maybe(f"argument {position + 1}", one, other)

    def _slots(self, old: int, new: int) -> Iterator[Change]:
        olds, news = self.sides[0].flow.scopes[old].slots, self.sides[1].flow.scopes[new].slots
        if olds != news:
            yield self.change("variables", ", ".join(filter(None, olds)), ", ".join(filter(None, news)))


def _argument(name: str) -> str:
    return f"argument {int(name) + 1}" if name.isdecimal() else name


def _is_string(expr: Expr | None) -> bool:
    return isinstance(expr, Const) and isinstance(expr.value, str)


def _words(flow: FlowPlan, expr: Expr) -> str:
    """An expression in words; a text without its quotes, as it is sent."""
    match expr:
        case Const(str() as text):
            return text
        case Template(parts):
            return "".join(part if isinstance(part, str) else f"${{{expr_words(flow, part)}}}" for part in parts)
        case _:
            return expr_words(flow, expr)


def _arms(branch: Branch) -> str:
    return ", ".join(
        label if label == pattern_words(arm) else f"{label} ({pattern_words(arm)})"
        for label, arm in zip(branch.labels, branch.arms, strict=False)
    )


# --- policies -----------------------------------------------------------------------------------------------------


def policy_changes(
    subject: Subject, path: str, olds: Sequence[Applied], news: Sequence[Applied], names: Names
) -> Iterator[Change]:
    """Policies that were added, removed, or have other values, with where each comes from."""
    before, after = ({each.name: each for each in side} for side in (olds, news))
    for name in [*before, *(name for name in after if name not in before)]:
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            was, now = (None if each is None else policy_words(each.policy) or "on" for each in (one, other))
            origins = (one.origin if one else "", other.origin if other else "")
            yield Change(subject, path, "changed", f"@{name}", was, now, *origins)
        elif told(one.policy, names) != told(other.policy):
            for argument, was, now in _values(one, other, names):
                aspect = f"@{name} {argument}".strip()
                yield Change(subject, path, "changed", aspect, was, now, one.origin, other.origin)


def _values(old: Applied, new: Applied, names: Names) -> Iterator[tuple[str, str | None, str | None]]:
    """The arguments that differ."""
    olds, news = _arguments(old), _arguments(new)
    if type(old.policy) is not type(new.policy):
        yield "", policy_words(old.policy), policy_words(new.policy)
        return
    for name in [*olds, *(name for name in news if name not in olds)]:
        one, other = olds.get(name), news.get(name)
        same = tuple(names.agent(agent) for agent in one) if isinstance(old.policy, Fallback) and one else one
        if (told(one, names) if isinstance(one, Reaction) else told(same)) != told(other):
            yield name, _said(one), _said(other)


def _arguments(applied: Applied) -> Mapping[str, Any]:
    if isinstance(applied.policy, OnError):
        return dict(applied.policy.reactions)
    return {field.name: getattr(applied.policy, field.name) for field in fields(applied.policy)}


def _said(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, Reaction):
        return reaction_words(value)
    if type(value) is tuple and len(value) == 1:
        return _said(value[0])
    return f"{value:g}" if isinstance(value, float) else value_words(value)
