"""Keys of `@once`, `@idempotent` and `@cache` that cannot tell apart the calls that they are to tell apart: the same in
each round of a loop, or a name that stands in quotes. Looks at what is written, and never at a value."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from leadflow.check.checked import LocalRef, StepInfo
from leadflow.check.context import Context
from leadflow.check.messages.keys import key_in_quotes, key_without_round
from leadflow.check.policies import Written
from leadflow.check.statements import inner_blocks
from leadflow.check.types import is_text, without_none
from leadflow.diagnostics import Edit, Fix, Label
from leadflow.plan.types import INT, JSON, RecordType, Type
from leadflow.syntax import tree
from leadflow.syntax.walk import walk

_KEYED = ("once", "idempotent", "cache")


# --- names in quotes ----------------------------------------------------------------------------------------------


def check_quoted(cx: Context, written: Written) -> None:
    """Warn about `key: "event.id"` where `event.id` is a value that can be read here."""
    for policy in _KEYED:
        key = written.exprs.get((policy, "key"))
        text = key.plain if isinstance(key, tree.Text) else None
        type_ = _type_at(cx, text.split(".")) if text is not None else None
        if key is None or text is None or type_ is None or not (is_text(type_) or type_ in (INT, JSON)):
            continue
        fix = Fix(f"write '{text}'", (Edit(key.span, text),)) if is_text(type_) else None
        if cx.program.once("key", str(key.span)):
            cx.report(key_in_quotes(key.span, text, policy=policy, fix=fix))


def _type_at(cx: Context, path: list[str]) -> Type | None:
    """The type of what a name and the fields behind it say; None where there is no such thing."""
    var = cx.frame.find(path[0])
    type_ = var.type if var is not None else None
    for part in path[1:]:
        inner = without_none(type_) if type_ is not None else None
        found = inner.get(part) if isinstance(inner, RecordType) else None
        type_ = JSON if inner == JSON else found.type if found is not None else None
    return None if type_ is None else without_none(type_)


# --- loops --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Loop:
    """A loop around a place."""

    bound: set[int]
    """What differs by the round: its item, value and index, and what is made of them; by the ids of declarations."""
    steps: set[int] = field(default_factory=set)
    """The steps in it: nobody knows whether they give the same in each round."""


def check_keys(cx: Context) -> None:
    """Warn about keys in loops that are the same in each round, while what is sent is not."""
    if cx.flow is not None:
        _block(cx, cx.flow.body, [], [])


def _block(cx: Context, block: tree.Block, loops: list[_Loop], deciders: list[tree.Node]) -> None:
    """Look at a block.

    Args:
        deciders: what decides whether it is reached.
    """
    for statement in block.statements:
        if isinstance(statement, tree.Step):
            _check(cx, statement, loops)
        action = statement.action if isinstance(statement, tree.Step) else None
        inside = [*loops, _loop(cx, action, loops)] if isinstance(action, tree.For | tree.Repeat) else loops
        for body, _, decider in inner_blocks(statement):
            _block(cx, body, inside, deciders if decider is None else [*deciders, decider])
        if isinstance(statement, tree.Step | tree.Let):
            for loop in loops:
                if _read(cx, [statement, *deciders], loop.bound) is not None:
                    loop.bound.add(statement.id)
                if isinstance(statement, tree.Step):
                    loop.steps.add(statement.id)


def _loop(cx: Context, action: tree.For | tree.Repeat, loops: list[_Loop]) -> _Loop:
    """A loop, whose names differ by the round of those around it where it reads what does."""
    name, given = (action.item, action.items) if isinstance(action, tree.For) else (action.name, action)
    for loop in loops:
        if _read(cx, [given], loop.bound) is not None:
            loop.bound.add(name.id)
    return _Loop({name.id} if action.index is None else {name.id, action.index.id})


def _read(cx: Context, nodes: Iterable[tree.Node], wanted: set[int]) -> tree.Node | None:
    """The first place under these that reads one of the declarations."""
    for node in nodes:
        for part in walk(node):
            ref = cx.program.refs.get(part.id)
            if isinstance(ref, LocalRef) and not wanted.isdisjoint(ref.decls):
                return part
    return None


def _check(cx: Context, step: tree.Step, loops: list[_Loop]) -> None:
    """Warn about the keys of a call: for the innermost loop whose rounds they do not tell apart."""
    info = cx.program.steps.get(step.id)
    if info is None or not isinstance(step.action, tree.Call):
        return
    for policy, key in _keys(info):
        for loop in reversed(loops):
            sent = _read(cx, step.action.args, loop.bound)
            if sent is None or _read(cx, [key], loop.bound | loop.steps) is not None:
                continue
            is_here = any(node is key for annotation in step.annotations for node in walk(annotation))
            at = key.span if is_here else step.name.span
            if cx.program.once("key", str(at)):
                label = Label(sent.span, "this is another one in each round")
                cx.report(key_without_round(at, policy, labels=(label,)))
            break


def _keys(info: StepInfo) -> list[tuple[str, tree.Expr]]:
    """The keys that are in force on a call, by policy."""
    found = zip(_KEYED, (info.once, info.key, info.cache_key), strict=True)
    return [(policy, key) for policy, key in found if key is not None]
