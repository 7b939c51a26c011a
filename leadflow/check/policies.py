"""Annotations: where each may stand, what it may say, and what is in force in the end (rule C4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from leadflow.check.args import Slot, bind
from leadflow.check.consts import NotConstant, fold
from leadflow.check.context import Context
from leadflow.check.env import Frame
from leadflow.check.habits import ANNOTATIONS_RENAMED
from leadflow.check.infer import expect, infer
from leadflow.check.messages.lint import listed_twice
from leadflow.check.messages.names import unknown_annotation, unknown_argument, unknown_name
from leadflow.check.messages.policies import (
    bad_fallback,
    bad_on_error,
    contradiction,
    nested_policy,
    no_annotation,
    out_of_range,
    policy_twice,
    wrong_target,
)
from leadflow.check.messages.types import wrong_type
from leadflow.check.names import find_policy
from leadflow.check.program import AgentSymbol, BrokenSymbol, ModuleSymbol, PolicySymbol, Symbol
from leadflow.check.timing import check_alone, check_one_attempt, check_together
from leadflow.diagnostics import Diagnostic, Edit, Fix, Label, Span
from leadflow.plan.annotations import MARKS, ROWS, PolicyParam, PolicyRow, Target
from leadflow.plan.plan import Secret
from leadflow.plan.policy import Applied, Breaker, Cache, Reaction, Retry, Timeout
from leadflow.plan.types import RATE, STRING, ListType, Money, Type
from leadflow.plan.words import duration_words
from leadflow.syntax import tree

_PLACES: Mapping[str, str] = {
    "agent": "agents",
    "tool": "tools",
    "call": "calls",
    "block": "blocks",
    "loop": "'for' loops",
    "flow": "flows",
}
_TARGETS: Mapping[Target, str] = {
    "agent": "an agent",
    "tool": "a tool",
    "call": "a call",
    "block": "a block",
    "loop": "a 'for' loop",
    "flow": "a flow",
}


@dataclass(slots=True)
class Written:
    """What the annotations of one thing say."""

    applied: list[Applied] = field(default_factory=list)
    removed: dict[str, Span] = field(default_factory=dict)
    """`@x(none)` by name."""
    spans: dict[str, Span] = field(default_factory=dict)
    """Where each policy stands."""
    given: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The arguments of each policy that the author gave."""
    exprs: dict[tuple[str, str], tree.Expr] = field(default_factory=dict)
    """Run-time arguments by policy and parameter."""
    marks: list[tuple[str, Span]] = field(default_factory=list)
    """Effects of a tool."""

    def get(self, name: str) -> Applied | None:
        """The policy of that name."""
        return next((policy for policy in self.applied if policy.name == name), None)


SHARED = frozenset({"limit", "breaker", "concurrency"})
"""An agent's one shared state; all other annotations are defaults of each of its calls (rule C4)."""


def in_force(before: Sequence[Applied], written: Written, *, shared: bool) -> list[Applied]:
    """What is in force when something is added: what it writes replaces whole, what it removes is gone."""
    own = [policy for policy in written.applied if (policy.name in SHARED) == shared]
    gone = {policy.name for policy in own} | set(written.removed)
    return [*own, *(policy for policy in before if policy.name not in gone)]


def refuse_annotations(cx: Context, annotations: Sequence[tree.Annotation], *, on: str) -> None:
    """Report annotations on what takes none."""
    if annotations:
        names = [_name(annotation) for annotation in annotations]
        cx.report(no_annotation(annotations[0].span.to(annotations[-1].span), names, on=on))


def read_annotations(
    cx: Context, annotations: Sequence[tree.Annotation], target: Target, *, origin: str, targets: Sequence[Target] = ()
) -> Written:
    """What annotations on a target say; whatever is wrong with them is reported.

    Args:
        origin: as `Applied.origin` has it, for what stands there directly.
        targets: further things that the target counts as.
    """
    written = Written()
    kinds: tuple[Target, ...] = (target, *targets)
    bundles: dict[str, tuple[PolicySymbol, tree.Annotation]] = {}
    direct: dict[str, Span] = {}
    used: list[tuple[PolicySymbol, tree.Annotation]] = []
    for annotation in annotations:
        name = _name(annotation)
        if name in ROWS:
            if name in direct:
                cx.report(policy_twice(annotation.span, name, first=direct[name]))
                continue
            direct[name] = annotation.span
            _read(cx, annotation, ROWS[name], kinds, origin, written)
        elif name in MARKS:
            if target in MARKS[name]:
                written.marks.append((name, annotation.span))
            else:
                cx.report(wrong_target(annotation.span, name, target=_TARGETS[target], places=_mark_places(name)))
        else:
            bundle = _bundle(cx, annotation)
            before = next((other for found, other in used if found is bundle), None)
            if before is not None:
                cx.report(policy_twice(annotation.span, name, first=before.span))
            elif bundle is not None:
                used.append((bundle, annotation))
    for bundle, annotation in used:
        _read_bundle(cx, bundle, annotation, kinds, origin, written, direct, bundles)
    if "retry" in direct and "retry" in written.given:
        is_last = target not in ("agent", "tool")
        check_one_attempt(cx, written.applied, direct["retry"], written.given["retry"], is_last=is_last)
    return written


def _name(annotation: tree.Annotation) -> str:
    return ".".join(part.text for part in annotation.path)


def _mark_places(name: str) -> list[str]:
    return ["tools"] if "tool" in MARKS[name] else ["the types of fields and parameters"]


def _bundle(cx: Context, annotation: tree.Annotation) -> PolicySymbol | None:
    name = _name(annotation)
    found = find_policy(cx.program, cx.scope, annotation.path)
    if found is False:
        span = annotation.path[0].span.to(annotation.path[-1].span)
        way, known = _BEHIND.get(name, ""), cx.program.known(ROWS, MARKS, cx.scope.policies)
        meant = ANNOTATIONS_RENAMED.get(name)
        cx.report(unknown_annotation(span, name, known=known, meant=meant, way=way))
    if not isinstance(found, PolicySymbol):
        return None
    if annotation.args:
        first = annotation.args[0]
        cx.report(unknown_argument(first.span, name, owner=f"the policy '@{name}'", known=()))
    return found


_BEHIND = {
    "undo": "an undo stands behind the call: 'step a = agent.action(…) undo agent.other(…)'",
    **dict.fromkeys(
        ("after", "depends_on", "needs", "requires"),
        "what a step waits for stands behind the call: 'step a = agent.action(…) after other'",
    ),
}
"""What stands behind a call and is no annotation."""


def _read_bundle(
    cx: Context, bundle: PolicySymbol, at: tree.Annotation, kinds: Sequence[Target], origin: str, written: Written,
    direct: Mapping[str, Span], bundles: dict[str, tuple[PolicySymbol, tree.Annotation]],
) -> None:  # fmt: skip
    """Apply what a bundle holds; what stands directly on the thing beats it."""
    home = Context(cx.program, bundle.home, "setting", frame=Frame())
    label = bundle.decl.name.text
    for annotation in bundle.decl.body:
        name = _name(annotation)
        row = ROWS.get(name)
        if row is None or name in direct:
            continue
        if name in bundles:
            other, _ = bundles[name]
            how = f": by the policies '{other.decl.name.text}' and '{label}'"
            if other is not bundle:
                cx.report(policy_twice(at.span, name, first=bundles[name][1].span, how=how))
            continue
        bundles[name] = (bundle, at)
        if not row.targets & set(kinds):
            places = [_PLACES[place] for place in _PLACES if place in row.targets]
            hint = f"the policy '{label}' holds it"
            cx.report(wrong_target(at.span, name, target=_TARGETS[kinds[0]], places=places, hint=hint))
            continue
        where = "the step" if origin == "step" else origin
        _read(home, annotation, row, kinds, f"policy {label} on {where}", written)
        written.spans[name] = at.span


def check_bundle(cx: Context, decl: tree.PolicyDecl) -> None:
    """Check what a bundle says, wherever it will stand."""
    refuse_annotations(cx, decl.annotations, on="a policy")
    first: dict[str, Span] = {}
    written = Written()
    for annotation in decl.body:
        name = _name(annotation)
        if name in first:
            cx.report(policy_twice(annotation.span, name, first=first[name]))
            continue
        first[name] = annotation.span
        if name in ROWS:
            _read(cx, annotation, ROWS[name], tuple(ROWS[name].targets), "policy", written)
        elif name in MARKS:
            cx.report(wrong_target(annotation.span, name, target="a policy", places=_mark_places(name)))
        elif _bundle(cx, annotation) is not None:
            cx.report(nested_policy(annotation.span, name))
    _check_places(cx, first)
    if "retry" in written.given:
        check_one_attempt(cx, written.applied, first["retry"], written.given["retry"], is_last=False)
    check_together(cx, written.applied, written.spans)


def _check_places(cx: Context, annotations: Mapping[str, Span]) -> None:
    """Report a bundle that can stand on nothing: no thing takes all that it holds."""
    left: set[str] = set(_PLACES)
    seen: list[str] = []
    for name, span in annotations.items():
        row = ROWS.get(name)
        if row is None:
            continue
        places = {*row.targets, *(("loop",) if "block" in row.targets else ())}
        other = next((each for each in seen if not places & {*ROWS[each].targets}), None)
        if not left & places and seen:
            against = other if other is not None else seen[0]
            listed = [_PLACES[place] for place in _PLACES if place in row.targets]
            beside = [_PLACES[place] for place in _PLACES if place in ROWS[against].targets]
            why = (
                f"'@{name}' stands on {_or(listed)}, and '@{against}' on {_or(beside)}: nothing takes all that this"
                " policy holds; make two of it"
            )
            cx.report(contradiction(span, why=why, labels=(Label(annotations[against], "this stands elsewhere"),)))
            return
        left &= places
        seen.append(name)


def _or(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


# --- one annotation -----------------------------------------------------------------------------------------------


def _read(
    cx: Context, annotation: tree.Annotation, row: PolicyRow, kinds: Sequence[Target], origin: str, written: Written
) -> None:
    """Check one annotation and note what it says."""
    name = row.name
    if not row.targets & set(kinds):
        places = [_PLACES[place] for place in _PLACES if place in row.targets]
        cx.report(
            wrong_target(annotation.span, name, target=_TARGETS[kinds[0]], places=places, hint=_hint(name, kinds))
        )
        return
    args = annotation.args or ()
    if len(args) == 1 and args[0].name is None and isinstance(args[0].value, tree.NoneLit):
        written.removed[name] = annotation.span
        written.spans[name] = annotation.span
        return
    slots = [Slot(p.name, p.required, p.positional, p.many and p.positional) for p in row.params]
    bound = bind(cx, args, slots, owner=f"'@{name}'", span=annotation.span)
    values: dict[str, Any] = {}
    broken = not bound.complete
    for param in row.params:
        given = [arg.value for arg in bound.by_name.get(param.name, ())]
        if not given:
            continue
        where = f"the argument '{param.name}' of '@{name}'"
        if not bound.complete and not param.required:  # it may have been meant for the one that is missing
            for expr in given:
                infer(cx, expr)
            continue
        found = [_value(cx, expr, param, row, where, written) for expr in given]
        if param.what == "agent":
            _say_again(cx, given, found)
        if any(value is _BROKEN for value in found):
            broken = True
        elif param.many:
            values[param.name] = _many(found)
        else:
            values[param.name] = found[0]
    if broken or not _consistent(cx, annotation, row, values):
        return
    written.spans[name] = annotation.span
    at = cx.scope.module.source.position(annotation.span.start)
    place = f"{annotation.span.file}:{at.line}:{at.column}"
    applied = Applied(name, row.build(values), origin, place)
    written.applied.append(applied)
    written.given[name] = tuple(values)
    check_alone(cx, applied, annotation.span)


def _say_again(cx: Context, given: Sequence[tree.Expr], found: Sequence[Any]) -> None:
    """Report an agent that was asked already: it would fail again."""
    for at, key in enumerate(found):
        first = found.index(key)
        if first < at and key is not _BROKEN:
            cx.report(listed_twice(given[at].span, str(key), first=given[first].span))


def _hint(name: str, kinds: Sequence[Target]) -> str:
    """What to do instead, where that is clear."""
    if name in ("limit", "breaker") or (name == "concurrency" and "call" in kinds):
        return "put it on the agent, whose calls share it"
    if name in ("fallback", "idempotent", "hedge") and {"block", "loop", "flow"} & set(kinds):
        return "put it on the call inside"
    if name == "retry" and "loop" in kinds:
        return "put it on the calls inside, or on a 'do' around them"
    return ""


class _Broken:
    """The type of `_BROKEN`."""


_BROKEN = _Broken()
"""An argument that was reported."""


def _many(found: list[Any]) -> tuple[Any, ...]:
    flat: list[Any] = []
    for value in found:
        is_list = isinstance(value, tuple) and not hasattr(value, "_fields")
        flat.extend(value if is_list else [value])
    return tuple(flat)


def _value(cx: Context, expr: tree.Expr, param: PolicyParam, row: PolicyRow, where: str, written: Written) -> Any:
    """The value of one argument, `_BROKEN` when it was reported."""
    if row.name == "on_error":
        return _on_error(cx, expr)
    if param.what == "agent":
        return _agent(cx, expr, where)
    if param.what == "call":
        written.exprs[(row.name, param.name)] = expr
        return "call"
    if param.what == "expr":
        written.exprs[(row.name, param.name)] = expr
        expect(cx, expr, STRING, where)
        return "expression"
    wanted: Type = param.type
    if param.many and isinstance(wanted, ListType) and isinstance(expr, tree.Text):
        wanted = wanted.item
    before = cx.program.said_count
    if wanted == RATE and isinstance(expr, tree.Binary) and expr.op == "/":
        cx.report(_sloped_rate(cx, expr, where))
        return _BROKEN
    expect(cx, expr, wanted, where)
    if cx.program.said_count > before:
        return _BROKEN
    try:
        value = fold(cx, expr, where)
    except NotConstant:
        return _BROKEN
    if isinstance(value, Secret):
        return _BROKEN
    return value if _in_range(cx, expr, value, param, where) else _BROKEN


_PER = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), "second"),
    **dict.fromkeys(("m", "min", "minute", "minutes"), "minute"),
    **dict.fromkeys(("h", "hr", "hour", "hours"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
}
"""What others write behind the '/' of a rate -> the unit."""


def _sloped_rate(cx: Context, expr: tree.Binary, where: str) -> Diagnostic:
    """What to say of `60/min`."""
    source = cx.scope.module.source
    unit = _PER.get(source.at(expr.right.span))
    right = f"{source.at(expr.left.span)} per {unit}" if unit and isinstance(expr.left, tree.Int) else None
    fix = Fix(f"write '{right}'", (Edit(expr.span, right),)) if right else None
    note = f"a rate is written with 'per': {right or '60 per minute'}"
    return wrong_type(expr.span, where=where, wanted="rate", given="a division", note=note, fix=fix)


def _in_range(cx: Context, expr: tree.Expr, value: Any, param: PolicyParam, where: str) -> bool:
    low, high = param.low, param.high
    if (low is not None and value < low) or (high is not None and value > high):
        shown = [None if end is None else _show(end) for end in (low, high)]
        cx.report(out_of_range(expr.span, where=where, low=shown[0], high=shown[1]))
        return False
    return True


def _show(value: int | float | timedelta | Money) -> str:
    """A bound as an author writes it."""
    if isinstance(value, timedelta):
        days, milliseconds = value.days, value // timedelta(milliseconds=1)
        return f"{days}d" if days and value == timedelta(days=days) else f"{milliseconds}ms"
    return f"${value.micros / 1_000_000:f}" if isinstance(value, Money) else f"{value:,}"


def find_agent(cx: Context, expr: tree.Expr) -> tuple[Symbol | None, str]:
    """What an expression that should name an agent means, and how it is written."""
    match expr:
        case tree.Name(text=text):
            return cx.symbol(text), text
        case tree.Member(target=tree.Name(text=text), name=name):
            module = cx.symbol(text)
            if isinstance(module, ModuleSymbol):
                found = module.scope.values.get(name.text)
                decl = getattr(found, "decl", None)
                if decl is not None:
                    cx.program.used.add(decl.id)
                return found, f"{text}.{name.text}"
            return (module if isinstance(module, BrokenSymbol) else None), f"{text}.{name.text}"
        case _:
            return None, ""


def _agent(cx: Context, expr: tree.Expr, where: str) -> Any:
    symbol, name = find_agent(cx, expr)
    if isinstance(symbol, AgentSymbol):
        return symbol.key
    if isinstance(symbol, BrokenSymbol):
        return _BROKEN
    if symbol is not None:
        cx.report(bad_fallback(expr.span, name, why="it is no agent"))
    elif name and cx.frame.find(name) is None:
        known = [key for key, value in cx.scope.values.items() if isinstance(value, AgentSymbol)]
        cx.report(unknown_name(expr.span, name, what="agent", known=cx.program.known(known)))
    else:
        why = "it is no agent; a value to go on with is written with '@optional' and '??'"
        cx.report(bad_fallback(expr.span, name, why=why))
    return _BROKEN


def _on_error(cx: Context, expr: tree.Expr) -> Any:
    """`retry(5)`, `fallback(spare)`, `escalate(desk)`, `skip`, `reset`, `terminate`."""
    match expr:
        case tree.Name(text="skip" | "reset" | "terminate" as word):
            return Reaction(word)
        case tree.Call(callee=tree.Name(text="retry"), args=[tree.Arg(name=None, value=count)]):
            infer(cx, count)
            try:
                value = fold(cx, count, "the argument of 'retry'")
            except NotConstant:
                return _BROKEN
            if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1000:
                return Reaction("retry", attempts=value)
            cx.report(out_of_range(count.span, where="the argument of 'retry'", low="1", high="1,000"))
            return _BROKEN
        case tree.Call(callee=tree.Name(text="escalate" | "fallback" as word), args=[tree.Arg(name=None, value=agent)]):
            key = _agent(cx, agent, word)
            return key if key is _BROKEN else Reaction("fallback" if word == "fallback" else "escalate", agent=key)
        case _:
            cx.report(bad_on_error(expr.span, hint=_REACTIONS))
            return _BROKEN


_REACTIONS = "write retry(n), fallback(agent), escalate(agent), skip, reset or terminate"

_ORDERED = (
    ("retry", "backoff", "max"),
    ("timeout", "attempt", "total"),
    ("timeout", "idle", "attempt"),
    ("timeout", "idle", "total"),
    ("breaker", "recovery", "max_recovery"),
    ("cache", "negative_ttl", "ttl"),
)
"""Arguments of which the first may not be larger than the second."""
_UNWRITTEN = {"retry": Retry(1), "timeout": Timeout(), "breaker": Breaker(), "cache": Cache()}
"""What the second is when nobody writes it."""

_NEEDS_ONE = frozenset({"timeout", "budget", "limit", "on_error", "on_doubt", "on_failure"})
"""Policies that say nothing without an argument."""


def _consistent(cx: Context, annotation: tree.Annotation, row: PolicyRow, values: Mapping[str, Any]) -> bool:
    name = row.name
    if name == "limit" and not {"rate", "tokens", "concurrent"} & set(values) and values:
        listed = " and ".join(f"'{each}'" for each in values)
        why = f"{listed} {'says' if len(values) == 1 else 'say'} nothing without a rate: '@limit(60 per minute, …)'"
        cx.report(contradiction(annotation.span, why=why))
        return False
    if name in _NEEDS_ONE and not values and not annotation.args:  # arguments of no use were reported
        listed = ", ".join(param.name for param in row.params)
        cx.report(contradiction(annotation.span, why=f"'@{name}' says nothing; give it one of {listed}"))
        return False
    if name == "on_doubt" and "probe" in values and (odd := _odd_probe(cx, values)) is not None:
        cx.report(contradiction(annotation.span, why=odd))
        return False
    if name == "on_failure" and "escalate" in values and (cx.flow is None or annotation not in cx.flow.annotations):
        why = "'escalate' tells that a flow failed, with what the flow was given: write it on the flow"
        cx.report(contradiction(annotation.span, why=why))
        return False
    if name == "breaker" and (odd := _odd_breaker(values)) is not None:
        cx.report(contradiction(annotation.span, why=odd))
        return False
    for policy, small, large in _ORDERED:
        if policy == name and (odd := _too_large(name, small, large, values)) is not None:
            cx.report(contradiction(annotation.span, why=odd))
            return False
    return True


def _too_large(policy: str, small: str, large: str, values: Mapping[str, Any]) -> str | None:
    """What is wrong with an argument that is larger than the one that bounds it, if it is."""
    bound = values.get(large, getattr(_UNWRITTEN[policy], large))
    if bound is None or small not in values or values[small] <= bound:
        return None
    if large not in values:
        return f"'{small}' is longer than '{large}', which is {duration_words(bound)} unless it is written"
    why = "the longest that is allowed" if policy in ("retry", "breaker") else "which it is part of"
    return f"'{small}' is longer than '{large}', {why}"


def _odd_probe(cx: Context, values: Mapping[str, Any]) -> str | None:
    """What is wrong with a probe before anything is known of the call, if anything is."""
    if "does" in values:
        return f"'probe' looks whether it was done, so '{values['does']}' never follows; write one of the two"
    if cx.flow is None:
        return "a probe reads what its step reads: write it on the step whose result it looks for"
    return None


def _odd_breaker(values: Mapping[str, Any]) -> str | None:
    """What is wrong with these arguments of `@breaker`, if anything is."""
    if {"failures", "min_calls"} <= set(values) and "ratio" not in values:
        return "'min_calls' says nothing about 'failures'; it belongs to a 'ratio'"
    return None
