"""Names of a plan's nodes that stay: `digest/lines/line`, the flow first, then the blocks, then the step.

A path of a run has the numbers of iterations and attempts too (`digest/lines[3]/line~2`), and goes on through calls of
flows (`nightly/summary/lines/line`). Both are read here, and `digest.lines.line`, as one writes it at a prompt. A name
that several arms bind means all of them (rule B6).
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from leadflow.diagnostics import did_you_mean
from leadflow.plan.plan import FlowCall, FlowPlan, Node, Plan
from leadflow.plan.text import body_of
from leadflow.plan.words import step_name
from leadflow.record import record

_NUMBERS = re.compile(r"\[[0-9]*\]|~[0-9]+")
_ATTEMPTS = re.compile(r"~[0-9]+")
_DEEPER = re.compile(r"[/\[~]")
_BETWEEN = re.compile(r"[/.]")


@record
class Stop:
    """A node on the way to another one: a call of a flow that leads there, or at last the node itself."""

    flow: FlowPlan
    node: Node


@record
class NoSuchStep:
    """Why a path leads nowhere, in one line."""

    said: str


MOST_NAMED = 5
"""Paths that a message names where several are meant."""
_BELOW = ("/", "[", "~")
"""What may follow the path of a flow or block in the paths of the nodes in it."""


def is_inside(path: str, around: str) -> bool:
    """Whether a node of a run is inside of a block or flow of it; everything is inside of the run, the empty path."""
    return not around or (path.startswith(around) and path[len(around) : len(around) + 1] in _BELOW)


def around_of(path: str) -> list[str]:
    """The paths of all blocks and flows that a node of a run is inside of, and of their iterations and attempts."""
    return [path[: found.start()] for found in _DEEPER.finditer(path)]


def ending_in(step: str, paths: Iterable[str]) -> list[str]:
    """The path that is named, else all that end so: whoever types `verdict` may mean `main/one/verdict`."""
    known = dict.fromkeys(paths)
    return [step] if step in known else [path for path in known if path.endswith(f"/{step}")]


def several_end(what: str, step: str, found: Sequence[str]) -> str:
    """That more than one path ends so, in one line: `2 steps end in 'verdict': …; name one`."""
    named = [*found[:MOST_NAMED], *(["…"] if len(found) > MOST_NAMED else ())]
    return f"{len(found)} {what} end in '{step}': {', '.join(named)}; name one"


def node_path(flow: FlowPlan, node: Node) -> str:
    """The path of a node from its flow."""
    names = [node.name, *(owner.name for owner in owners(flow, node))]
    return "/".join((flow.name, *reversed(names)))


def owners(flow: FlowPlan, node: Node) -> Iterator[Node]:
    """The blocks around a node, innermost first."""
    owner = flow.scopes[node.scope].owner
    while owner is not None:
        yield flow.nodes[owner]
        owner = flow.scopes[flow.nodes[owner].scope].owner


def without_numbers(path: str) -> str:
    """The path of a run without the numbers of its iterations and attempts."""
    return _NUMBERS.sub("", path)


def without_attempts(path: str) -> str:
    """The path of a run as the first attempts of all blocks and flows on it have it."""
    return _ATTEMPTS.sub("", path)


def find_steps(plan: Plan, path: str) -> tuple[tuple[Stop, ...], ...] | NoSuchStep:
    """The nodes that a path names, each with the way to it."""
    plain = without_numbers(path).strip("/.")
    flow = _flow_of(plan, plain)
    if flow is None:
        return NoSuchStep(_no_flow(plan, plain))
    rest = plain[len(flow.name) + 1 :]
    if not rest:
        return NoSuchStep(f"name a step of {flow.name}: {_listed(_names(flow, 0))}")
    ways: list[tuple[Stop, ...]] = [()]
    for name in _BETWEEN.split(rest):
        longer = [(*_calls(way), stop) for way in ways for stop in _inside(plan, flow, way, name)]
        if not longer:
            return NoSuchStep(_no_step(plan, flow, ways[0], name))
        ways = longer
    return tuple(ways)


def _flow_of(plan: Plan, path: str) -> FlowPlan | None:
    """The flow that a path begins with: the longest name, because that of a module's flow has a dot."""
    fitting = [name for name in plan.flows if path == name or path.startswith((f"{name}/", f"{name}."))]
    return plan.flows[max(fitting, key=len)] if fitting else None


def _calls(way: tuple[Stop, ...]) -> tuple[Stop, ...]:
    """The calls of flows on a way; the blocks are told by the scope of what stands in them."""
    return way if way and isinstance(way[-1].node.work, FlowCall) else way[:-1]


def _place(plan: Plan, flow: FlowPlan, way: tuple[Stop, ...]) -> tuple[FlowPlan, int] | None:
    """The scope that a way leads into; None when its last node has nothing inside."""
    if not way:
        return flow, 0
    last = way[-1]
    if isinstance(last.node.work, FlowCall):
        return plan.flows[last.node.work.flow], 0
    body = body_of(last.node)
    return None if body is None else (last.flow, body)


def _inside(plan: Plan, flow: FlowPlan, way: tuple[Stop, ...], name: str) -> Iterator[Stop]:
    place = _place(plan, flow, way)
    if place is not None:
        inner, scope = place
        for number in inner.scopes[scope].nodes:
            node = inner.nodes[number]
            if name in (node.name, step_name(node)):
                yield Stop(inner, node)


def _names(flow: FlowPlan, scope: int) -> list[str]:
    """The steps of a scope; control is found by its name and not advertised."""
    nodes = [flow.nodes[number] for number in flow.scopes[scope].nodes]
    return list(dict.fromkeys(step_name(node) for node in nodes if not is_control(node)))


def is_control(node: Node) -> bool:
    """Whether a node has a name that its author did not give."""
    return type(node.work).__name__ in ("Branch", "Merge", "Return", "Yield", "Fail")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "") or "it has none"


def _no_flow(plan: Plan, path: str) -> str:
    head = _BETWEEN.split(path)[0]
    longer = [f"{name}.{path}" for name in plan.flows]
    meant = [f"'{one}'" for one in longer if not isinstance(find_steps(plan, one), NoSuchStep)]
    if meant:
        return f"there is no flow '{head}'; did you mean {_listed(meant)}?"
    return f"there is no flow '{head}'{did_you_mean(head, plan.flows) or f'; {plan.file} has {_listed([*plan.flows])}'}"


def _no_step(plan: Plan, flow: FlowPlan, way: tuple[Stop, ...], name: str) -> str:
    place = _place(plan, flow, way)
    where = f"flow {flow.name}" if not way else node_path(way[-1].flow, way[-1].node)
    if place is None:
        return f"{where} is a call: no steps stand in it"
    names, inner = _names(*place), place[0]
    deeper = [f"'{node_path(inner, node)}'" for node in inner.nodes if step_name(node) == name and not is_control(node)]
    if deeper:  # it is named as if it stood outside of its block
        return f"there is no step '{name}' in {where}; did you mean {_listed(deeper)}?"
    return f"there is no step '{name}' in {where}{did_you_mean(name, names) or f'; its steps: {_listed(names)}'}"
