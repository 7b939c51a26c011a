"""Where the boxes of a picture stand and how its arrows run: layers from top to bottom, in the manner of Sugiyama.

A block is laid out like a flow and then takes part as one large box. Rows are topological levels; arrows over several
rows get a place in each; rows are ordered by barycentres, and boxes pulled towards their neighbours without
overlapping. Pure geometry in pixels: knows sizes, not looks.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from leadflow.graph.picture import Arrow, Picture

GAP, ROW_GAP, LANE = 28.0, 46.0, 10.0
"""Between boxes of a row; between rows; the width of an arrow that passes a row."""
PAD, TITLE = 18.0, 40.0
"""Around the body of a block; above it, for its name."""
SWEEPS = 12
MOST_LANES = 50_000
"""With more places for passing arrows in one body, long arrows run straight."""

Size: TypeAlias = tuple[float, float]


class Spot(NamedTuple):
    """Where a box stands: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The x of its middle."""
        return self.x + self.width / 2


class Point(NamedTuple):
    """A point that an arrow runs through."""

    x: float
    y: float


@dataclass(slots=True)
class Layout:
    """A picture laid out."""

    width: float = 0.0
    height: float = 0.0
    spots: dict[int, Spot] = field(default_factory=dict)
    """By node, blocks included."""
    floors: dict[int, float] = field(default_factory=dict)
    """By node: where its row ends."""
    lanes: dict[tuple[int, int], list[Point]] = field(default_factory=dict)
    """By arrow (source and target within one body): the points it passes between its ends."""


def lay_out(picture: Picture, sizes: Sequence[Size]) -> Layout:
    """Lay a picture out.

    Args:
        sizes: of each node as if it had no body.
    """
    return _body(picture, None, sizes, _links(picture))


_Link: TypeAlias = tuple[int, int]


def _body(picture: Picture, block: int | None, sizes: Sequence[Size], links: dict[int | None, list[_Link]]) -> Layout:
    """Lay out the nodes of one body (None: the flow's), and the bodies inside it."""
    nodes = picture.top if block is None else picture.bodies[block]
    inner = {node: _body(picture, node, sizes, links) for node in nodes if picture.bodies.get(node)}
    own: dict[int, Size] = {}
    for node in nodes:
        width, height = sizes[node]
        if node in inner:
            width = max(width, inner[node].width + 2 * PAD)
            height = TITLE + inner[node].height + PAD
        own[node] = (width, height)
    layout = _place(_layers(nodes, links.get(block, [])), own)
    for node, body in inner.items():
        spot = layout.spots[node]
        left = spot.x + (spot.width - body.width) / 2
        _insert(layout, body, left, spot.y + TITLE)
    return layout


def _insert(layout: Layout, body: Layout, left: float, top: float) -> None:
    for node, (x, y, width, height) in body.spots.items():
        layout.spots[node] = Spot(x + left, y + top, width, height)
    layout.floors.update((node, floor + top) for node, floor in body.floors.items())
    for link, points in body.lanes.items():
        layout.lanes[link] = [Point(x + left, y + top) for x, y in points]


def _link(picture: Picture, arrow: Arrow) -> _Link:
    """The two nodes of one body that an arrow joins: its source, and its target or the block that this stands in."""
    home, target = picture.parents.get(arrow.source), arrow.target
    while picture.parents.get(target) != home:
        target = picture.parents[target]
    return arrow.source, target


def _links(picture: Picture) -> dict[int | None, list[_Link]]:
    """By block: the pairs of nodes of its body that arrows join."""
    found: dict[int | None, dict[_Link, None]] = {}
    for arrow in picture.arrows:
        found.setdefault(picture.parents.get(arrow.source), {})[_link(picture, arrow)] = None
    return {block: list(links) for block, links in found.items()}


# --- rows ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Layers:
    """Rows of cells: nodes, and (negative) the places of arrows that pass a row."""

    rows: list[list[int]]
    up: dict[int, list[int]]
    """By cell: the cells above that it is joined to."""
    down: dict[int, list[int]]
    lanes: dict[tuple[int, int], list[int]]


def _layers(nodes: Sequence[int], links: Sequence[tuple[int, int]]) -> _Layers:
    levels = _levels(nodes, links)
    rows: list[list[int]] = [[] for _ in range(max(levels.values(), default=-1) + 1)]
    for node in nodes:
        rows[levels[node]].append(node)
    layers = _Layers(rows, {}, {}, {})
    lane = 0
    is_crowded = sum(levels[target] - levels[source] - 1 for source, target in links) > MOST_LANES
    for source, target in links:
        if is_crowded and levels[target] > levels[source] + 1:
            continue
        last, passed = source, []
        for level in range(levels[source] + 1, levels[target]):
            lane -= 1
            rows[level].append(lane)
            passed.append(lane)
            _join(layers, last, lane)
            last = lane
        _join(layers, last, target)
        layers.lanes[source, target] = passed
    _untangle(layers)
    return layers


def _join(layers: _Layers, upper: int, lower: int) -> None:
    layers.down.setdefault(upper, []).append(lower)
    layers.up.setdefault(lower, []).append(upper)


def _levels(nodes: Sequence[int], links: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The length of the longest way to each node; those without a way stand just above the first that they lead to."""
    after: dict[int, list[int]] = {node: [] for node in nodes}
    waits = dict.fromkeys(nodes, 0)
    for source, target in links:
        after[source].append(target)
        waits[target] += 1
    levels = dict.fromkeys(nodes, 0)
    first = [node for node in nodes if not waits[node]]
    ready = list(first)
    for node in ready:
        for target in after[node]:
            levels[target] = max(levels[target], levels[node] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    for node in first:
        if after[node]:
            levels[node] = min(levels[target] for target in after[node]) - 1
    return levels


def _untangle(layers: _Layers) -> None:
    """Order each row by the middle of its neighbours, down and up, and keep the order with the fewest crossings."""
    best = [list(row) for row in layers.rows]
    fewest = _crossings(layers)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        neighbours = layers.up if downwards else layers.down
        rows = layers.rows if downwards else layers.rows[::-1]
        for above, row in pairwise(rows):
            row[:] = _sorted_row(above, row, neighbours)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(row) for row in layers.rows], crossings
    layers.rows[:] = best


def _sorted_row(above: Sequence[int], row: Sequence[int], neighbours: dict[int, list[int]]) -> list[int]:
    """A row ordered by the middle of each cell's neighbours in the row before; cells without any stay."""
    place = {cell: position for position, cell in enumerate(above)}
    middles: dict[int, float] = {}
    for position, cell in enumerate(row):
        known = [place[other] for other in neighbours.get(cell, [])]
        middles[cell] = sum(known) / len(known) if known else position
    return sorted(row, key=middles.__getitem__)


def _crossings(layers: _Layers) -> int:
    total = 0
    for upper, lower in pairwise(layers.rows):
        place = {cell: position for position, cell in enumerate(lower)}
        ends = [place[below] for cell in upper for below in sorted(layers.down.get(cell, []), key=place.__getitem__)]
        seen: list[int] = []
        for end in ends:
            at = bisect_right(seen, end)
            total += len(seen) - at
            seen.insert(at, end)
    return total


# --- coordinates --------------------------------------------------------------------------------------------------


def _place(layers: _Layers, sizes: dict[int, Size]) -> Layout:
    widths = {cell: sizes[cell][0] if cell >= 0 else LANE for row in layers.rows for cell in row}
    middles = _middles(layers, widths)
    left = min((middles[cell] - widths[cell] / 2 for cell in middles), default=0.0)
    layout = Layout()
    y = 0.0
    bands: dict[int, tuple[float, float]] = {}
    for row in layers.rows:
        height = max((sizes[cell][1] for cell in row if cell >= 0), default=0.0)
        for cell in row:
            x = middles[cell] - left
            if cell >= 0:
                own = sizes[cell][1]
                layout.spots[cell] = Spot(x - widths[cell] / 2, y, widths[cell], own)
                layout.floors[cell] = y + height
            bands[cell] = (y, y + height)
            layout.width = max(layout.width, x + widths[cell] / 2)
        y += height + ROW_GAP
    layout.height = max(0.0, y - ROW_GAP)
    for link, lanes in layers.lanes.items():
        layout.lanes[link] = [Point(middles[lane] - left, edge) for lane in lanes for edge in bands[lane]]
    return layout


def _middles(layers: _Layers, widths: dict[int, float]) -> dict[int, float]:
    """The x of each cell: packed at first, then pulled to the middle of its neighbours, from above and below."""
    middles: dict[int, float] = {}
    for row in layers.rows:
        x = -sum(widths[cell] + GAP for cell in row) / 2
        for cell in row:
            middles[cell] = x + widths[cell] / 2
            x += widths[cell] + GAP
    for sweep in range(SWEEPS):
        neighbours = layers.up if sweep % 2 == 0 else layers.down
        rows = layers.rows if sweep % 2 == 0 else layers.rows[::-1]
        for row in rows:
            wanted: list[float] = []
            for cell in row:
                known = [middles[other] for other in neighbours.get(cell, [])]
                wanted.append(sum(known) / len(known) if known else middles[cell])
            middles.update(zip(row, _apart(wanted, [widths[cell] for cell in row]), strict=True))
    return middles


def _apart(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """The middles nearest to the wanted ones at which boxes of these widths, in this order, do not touch.

    With the room that boxes take subtracted this is isotonic regression: neighbours that want to overlap are pooled.
    """
    offsets = [0.0]
    for left, right in pairwise(widths):
        offsets.append(offsets[-1] + (left + right) / 2 + GAP)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        mean, count = want - offset, 1
        while pools and pools[-1][0] >= mean:
            other, size = pools.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=False)]


def route(picture: Picture, layout: Layout, arrow: Arrow) -> list[Point]:
    """The points of an arrow, from the bottom of its source to the top of its target, straight to the end of its row.

    Into a block an arrow runs past the rows of the body in which both ends have a place.
    """
    source, target = layout.spots[arrow.source], layout.spots[arrow.target]
    lane = layout.lanes.get(_link(picture, arrow), [])
    start, floor = source.y + source.height, layout.floors[arrow.source]
    down = [Point(source.middle, floor)] if floor > start + 1 and target.y > floor else []
    return [Point(source.middle, start), *down, *lane, Point(target.middle, target.y)]
