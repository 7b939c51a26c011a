"""What a picture of a flow shows: boxes in boxes and arrows, before any format. Made from the plan; needs no networkx.

Pure values are left out. An arrow that a longer way says already is left out too (transitive reduction, for pictures
only), unless the flow is so large that nobody looks at it as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from leadflow.plan.plan import Branch, Fail, FlowPlan, Merge, Node, Plan, Return, Yield
from leadflow.plan.words import is_join, work_words
from leadflow.record import record

MOST_REDUCED = 2000
"""Flows with more nodes are drawn with all of their arrows."""

Shape: TypeAlias = Literal["step", "block", "branch", "point", "end", "fail"]
"""`point` is a merge or a join; `end` a return or yield."""
Kind: TypeAlias = Literal["data", "order", "control"]
"""`order` stands for `after` too."""


@record
class Box:
    """One node."""

    node: int
    name: str
    text: str
    """What it does, on one line; empty for points."""
    shape: Shape
    effect: str


@record
class Arrow:
    """From a node to one that waits for it; both may stand inside blocks."""

    source: int
    target: int
    kind: Kind
    label: str = ""
    """The arm that was taken."""


@dataclass(slots=True)
class Picture:
    """One flow."""

    name: str
    boxes: tuple[Box, ...]
    """By node."""
    arrows: list[Arrow]
    bodies: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """The nodes inside each block."""
    parents: dict[int, int] = field(default_factory=dict)
    """The block around each node; nodes of the flow's body are missing."""

    @property
    def top(self) -> tuple[int, ...]:
        """The nodes of the flow's body."""
        return tuple([box.node for box in self.boxes if box.node not in self.parents])


def pictures(plan: Plan, flow: str | None = None) -> list[Picture]:
    """A picture of each flow, or of one."""
    return [draw(found) for name, found in plan.flows.items() if flow in (None, name)]


def draw(flow: FlowPlan) -> Picture:
    """The picture of a flow."""
    blocks = {scope.owner for scope in flow.scopes}
    boxes = tuple(_box(flow, node, is_block=node.id in blocks) for node in flow.nodes)
    picture = Picture(flow.name, boxes, [])
    for scope in flow.scopes:
        if scope.owner is not None:
            picture.bodies[scope.owner] = scope.nodes
            picture.parents.update(dict.fromkeys(scope.nodes, scope.owner))
    arrows = [_arrow(flow, node, need.node, need.why) for node in flow.nodes for need in node.needs]
    picture.arrows = arrows if len(flow.nodes) > MOST_REDUCED else _reduced(picture, arrows)
    return picture


def _box(flow: FlowPlan, node: Node, *, is_block: bool) -> Box:
    shape: Shape = "step"
    text = " ".join(work_words(flow, node).split())
    match node.work:
        case Branch() if is_join(node):
            shape, text = "point", ""
        case Merge():
            shape, text = "point", ""
        case Branch():
            shape = "branch"
        case Return() | Yield():
            shape = "end"
        case Fail():
            shape = "fail"
        case _:
            shape = "block" if is_block else "step"
    return Box(node.id, node.name, text, shape, node.effect)


def _arrow(flow: FlowPlan, node: Node, source: int, why: str) -> Arrow:
    kind: Kind = "data" if why == "data" else "control" if why == "control" else "order"
    label = ""
    guards = node.work.guards if isinstance(node.work, Merge) else (node.guard,)
    for guard in guards:
        work = flow.nodes[source].work
        if guard is not None and guard.node == source and guard.arms is not None and isinstance(work, Branch):
            label = " or ".join(work.labels[arm] for arm in guard.arms)
    return Arrow(source, node.id, kind, label)


def _reduced(picture: Picture, arrows: Sequence[Arrow]) -> list[Arrow]:
    """Without the arrows from A to C where another way leads from A to C."""
    after: list[list[int]] = [[] for _ in picture.boxes]
    for arrow in arrows:
        after[arrow.source].append(arrow.target)
    for inner, block in picture.parents.items():
        after[block].append(inner)
    reach = [0] * len(picture.boxes)
    """By node: the nodes that ways lead to, itself included, as bits."""
    for node in _last_first(after):
        bits = 1 << node
        for target in after[node]:
            bits |= reach[target]
        reach[node] = bits
    own: dict[int, list[Arrow]] = {}
    for arrow in arrows:
        own.setdefault(arrow.source, []).append(arrow)
    return [arrow for arrow in arrows if not _is_said(arrow, own[arrow.source], reach)]


def _is_said(arrow: Arrow, beside: Sequence[Arrow], reach: Sequence[int]) -> bool:
    """Whether a longer way leads along an arrow; for a labelled one, a way that begins with the same arm."""
    bit = 1 << arrow.target
    return any(
        other.target != arrow.target and reach[other.target] & bit and arrow.label in ("", other.label)
        for other in beside
    )


def _last_first(after: Sequence[Sequence[int]]) -> list[int]:
    """The nodes in an order in which each stands behind all that it leads to."""
    waits = [0] * len(after)
    for targets in after:
        for target in targets:
            waits[target] += 1
    ready = [node for node, count in enumerate(waits) if not count]
    order: list[int] = []
    while ready:
        node = ready.pop()
        order.append(node)
        for target in after[node]:
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    return order[::-1]
