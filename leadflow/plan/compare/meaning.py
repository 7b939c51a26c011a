"""What a part of a plan means, as a text that does not depend on numbers: equal texts, equal meaning.

Nodes, lets and scopes have numbers that shift when a line is added above them. `told` writes any part of a plan with
what a `Names` says in place of each number, so that parts of two plans can be compared once it is known which of their
nodes are the same. Exact where words for people are not: it tells `1` from `1.0` and a header from a text.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import Any, TypeVar

from leadflow.plan.expr import Bound, Guard, LetValue, NodeValue
from leadflow.plan.plan import AgentCall, Do, FlowCall, For, Parallel, Place, Race, Repeat
from leadflow.plan.policy import Applied, Fallback, Reaction
from leadflow.plan.types import RecordType
from leadflow.record import record

_UNTOLD: Mapping[type, frozenset[str]] = {
    For: frozenset({"scope"}),
    Repeat: frozenset({"scope"}),
    Parallel: frozenset({"scope"}),
    Race: frozenset({"scope"}),
    Do: frozenset({"scope"}),
    Applied: frozenset({"origin", "place"}),
}
"""Numbers of bodies, which are compared by themselves, and where a policy comes from."""


K = TypeVar("K")
L = TypeVar("L")


def _as_it_is(name: str) -> str:
    return name


@record
class Names:
    """What stands for each number and each name that may differ without a difference in meaning."""

    node: Callable[[int], str]
    let: Callable[[int], str]
    scope: Callable[[int], str]
    agent: Callable[[str], str] = _as_it_is
    flow: Callable[[str], str] = _as_it_is
    types: Set[str] = frozenset()
    """Named types that are told by their names alone."""


def _no_number(number: int) -> str:
    raise AssertionError(f"a type or a policy refers to no node {number}")


PLAIN = Names(_no_number, _no_number, _no_number)
"""For what refers to no node: types, policies, settings."""
NUMBERS = Names(str, str, str)
"""For parts whose numbers are the same anyway."""


def told(value: Any, names: Names = PLAIN) -> str:
    """The text of a part."""
    match value:
        case NodeValue(node):
            return f"<node {names.node(node)}>"
        case LetValue(let):
            return f"<let {names.let(let)}>"
        case Bound(scope, slot):
            return f"<slot {names.scope(scope)} {slot}>"
        case Guard(node, arms):
            return f"<guard {names.node(node)} {arms}>"
        case RecordType(_, name) if name in names.types:
            return f"<type {name}>"
        case FlowCall(flow, args):
            return f"FlowCall({names.flow(flow)},{told(args, names)})"
        case Fallback(agents):
            return f"Fallback({[names.agent(agent) for agent in agents]})"
        case Reaction(does, attempts, str() as agent):
            return f"Reaction({does},{attempts},{names.agent(agent)})"
        case Place():
            return ""
    if type(value) is tuple:
        return f"({','.join([told(item, names) for item in value])})"
    if isinstance(value, Mapping):
        return f"{{{','.join([f'{name!r}:{told(item, names)}' for name, item in value.items()])}}}"
    if is_dataclass(value) and not isinstance(value, type):
        return _record(value, names)
    return f"{type(value).__name__} {value!r}"


def _record(value: Any, names: Names) -> str:
    untold = _UNTOLD.get(type(value), frozenset())
    parts = [
        names.agent(value.agent)
        if field.name == "agent" and isinstance(value, AgentCall)
        else told(getattr(value, field.name), names)
        for field in fields(value)
        if field.name not in untold
    ]
    return f"{type(value).__name__}({','.join(parts)})"


def digest(*texts: str) -> str:
    """A short text for a long one."""
    return blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def unique_pairs(olds: Mapping[K, str], news: Mapping[L, str]) -> dict[K, L]:
    """Those of two sides that have a text which no other of their side has."""
    by_text: dict[str, tuple[list[K], list[L]]] = {}
    for old, text in olds.items():
        by_text.setdefault(text, ([], []))[0].append(old)
    for new, text in news.items():
        by_text.setdefault(text, ([], []))[1].append(new)
    return {both[0][0]: both[1][0] for both in by_text.values() if len(both[0]) == len(both[1]) == 1}
