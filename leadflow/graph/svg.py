"""SVG: a picture that stands alone, legible on a light and on a dark page. Sizes are guessed from a monospaced font.

Looks only: where things stand is `layout`'s business. Whatever an author wrote is escaped.
"""

import re
from collections.abc import Iterator, Mapping
from html import escape
from itertools import pairwise

from leadflow.graph.layout import PAD, Layout, lay_out, route
from leadflow.graph.picture import Arrow, Box, Picture, pictures
from leadflow.plan.plan import Plan

_CHAR, _SMALL = 7.9, 6.7
"""Width of a character of a name and of the text below it."""
_MOST = 40
"""Characters of the text in a box."""
_MARGIN, _HEAD, _LEGEND = 24.0, 44.0, 40.0

_SHAPES = """
text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.flow{font-size:16px;font-weight:700}.name{font-size:13px;font-weight:600}.text{font-size:11px}.label{font-size:10.5px}
.halo{stroke-width:4px;stroke-linejoin:round;paint-order:stroke}.arrow{fill:none;stroke-width:1.4}
.order{stroke-dasharray:6 4}.control{stroke-dasharray:1.5 4;stroke-linecap:round}
"""
_COLOURS = """
.page,.end{fill:PAGE}.halo{stroke:PAGE}text{fill:INK}.text,.label{fill:DIM}.box{fill:BOX;stroke:LINE}
.block{fill:BLOCK;stroke:LINE}.branch{fill:BRANCH;stroke:TURN}.end{stroke:EDGE}.failing{fill:FAIL;stroke:DANGEROUS}
.point{fill:TURN}.arrow{stroke:EDGE}.arrow.control{stroke:TURN}.head{fill:EDGE}
.pure{fill:PURE}.read{fill:READ}.write{fill:WRITE}.dangerous{fill:DANGEROUS}
"""
_LIGHT = {
    "PAGE": "#ffffff", "INK": "#1c2430", "DIM": "#5b6675", "BOX": "#f6f8fa", "LINE": "#b9c2cd", "BLOCK": "#eef3fb",
    "EDGE": "#5b6675", "PURE": "#9aa5b1", "READ": "#2f7fd1", "WRITE": "#d9822b", "DANGEROUS": "#cf3f4f",
    "BRANCH": "#efeafc", "TURN": "#8b6fd6", "FAIL": "#fdecee",
}  # fmt: skip
_DARK = {
    "PAGE": "#12161c", "INK": "#e3e8ee", "DIM": "#97a3b1", "BOX": "#1d242d", "LINE": "#3f4a57", "BLOCK": "#171e29",
    "EDGE": "#93a0af", "PURE": "#66717e", "READ": "#58a6ff", "WRITE": "#f0a050", "DANGEROUS": "#ff7080",
    "BRANCH": "#251f38", "TURN": "#9f86e6", "FAIL": "#33191d",
}  # fmt: skip


def _coloured(colours: Mapping[str, str]) -> str:
    """The rules with their colours written out: not every program that draws SVG knows variables of CSS."""
    return re.sub("[A-Z]{3,}", lambda found: colours[found[0]], _COLOURS)


_STYLE = f"{_SHAPES}{_coloured(_LIGHT)}@media (prefers-color-scheme:dark){{{_coloured(_DARK)}}}"


def to_svg(plan: Plan, flow: str | None = None) -> str:
    """A picture of all flows below each other, or of one."""
    drawn = [(picture, lay_out(picture, [_size(box) for box in picture.boxes])) for picture in pictures(plan, flow)]
    width = max([layout.width for _, layout in drawn] + [420.0]) + 2 * _MARGIN
    parts: list[str] = []
    y = _MARGIN
    for picture, layout in drawn:
        parts.append(_text(_MARGIN, y + 14, picture.name, "flow"))
        parts.append(f'<g transform="translate({_MARGIN:g} {y + _HEAD:g})">')
        parts.extend(_flow(picture, layout))
        parts.append("</g>")
        y += _HEAD + layout.height + _MARGIN
    parts.extend(_legend(y + 8))
    height = y + _LEGEND
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img">'
    )
    title = f"<title>{_escaped(plan.file)}</title><style>{_STYLE}</style>"
    page = f'<rect class="page" width="{width:g}" height="{height:g}"/>'
    marker = (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0L8 4L0 8z"/></marker></defs>'
    )
    return "\n".join([head, title, marker, page, *parts, "</svg>"]) + "\n"


def _size(box: Box) -> tuple[float, float]:
    if box.shape == "point":
        return 12.0, 12.0
    text = _cut(box.text)
    width = max(_CHAR * len(box.name), _SMALL * len(text)) + 28
    if box.shape == "branch":
        return width + 44, 52.0
    return max(width, 84.0), 44.0


def _flow(picture: Picture, layout: Layout) -> Iterator[str]:
    """Blocks from outside in, then arrows, then boxes, so that nothing hides what matters."""
    for box in picture.boxes:
        if picture.bodies.get(box.node):
            yield from _block(box, layout)
    for arrow in picture.arrows:
        yield _path(picture, layout, arrow)
    for box in picture.boxes:
        if not picture.bodies.get(box.node):
            yield from _box(box, layout)
    for arrow in picture.arrows:
        if arrow.label:
            yield _label(picture, layout, arrow)


def _block(box: Box, layout: Layout) -> Iterator[str]:
    x, y, width, height = layout.spots[box.node]
    yield f'<rect class="block" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="10"/>'
    yield f'<rect class="{box.effect}" x="{x:g}" y="{y + 9:g}" width="4" height="22" rx="2"/>'
    yield _text(x + PAD - 4, y + 17, box.name, "name")
    yield _text(x + PAD - 4, y + 31, _cut(box.text), "text")


def _box(box: Box, layout: Layout) -> Iterator[str]:
    x, y, width, height = spot = layout.spots[box.node]
    title = f"<title>{_escaped(f'{box.name}: {box.text}')}</title>"
    if box.shape == "point":
        yield f'<circle class="point" cx="{spot.middle:g}" cy="{y + 6:g}" r="4.5">{title}</circle>'
        return
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    match box.shape:
        case "branch":
            tip = 22
            middle = y + height / 2
            points = [
                (x, middle), (x + tip, y), (x + width - tip, y), (x + width, middle),
                (x + width - tip, y + height), (x + tip, y + height),
            ]  # fmt: skip
            corners = " ".join(f"{a:g},{b:g}" for a, b in points)
            yield f'<polygon class="branch" points="{corners}">{title}</polygon>'
        case "end" | "fail":
            look = "end" if box.shape == "end" else "failing"
            yield f'<rect class="{look}" {place} rx="22">{title}</rect>'
        case _:
            yield f'<rect class="box" {place} rx="6">{title}</rect>'
            yield f'<rect class="{box.effect}" x="{x:g}" y="{y + 8:g}" width="4" height="{height - 16:g}" rx="2"/>'
    lower = y + height / 2 - 4
    yield _text(spot.middle, lower, box.name, "name", middle=True)
    yield _text(spot.middle, lower + 16, _cut(box.text), "text", middle=True)


def _path(picture: Picture, layout: Layout, arrow: Arrow) -> str:
    points = route(picture, layout, arrow)
    parts = [f"M{points[0].x:.1f} {points[0].y:.1f}"]
    for before, after in pairwise(points):
        if abs(before.x - after.x) < 0.5:
            parts.append(f"L{after.x:.1f} {after.y:.1f}")
        else:
            bend = (after.y - before.y) / 2
            parts.append(
                f"C{before.x:.1f} {before.y + bend:.1f} {after.x:.1f} {after.y - bend:.1f} {after.x:.1f} {after.y:.1f}"
            )
    return f'<path class="arrow {arrow.kind}" d="{"".join(parts)}" marker-end="url(#head)"/>'


def _label(picture: Picture, layout: Layout, arrow: Arrow) -> str:
    """The arm, where the arrow is halfway to the next row."""
    points = route(picture, layout, arrow)
    before, after = points[1:3] if len(points) > 2 and points[0].x == points[1].x else points[:2]
    return _text(
        (before.x + after.x) / 2, (before.y + after.y) / 2 + 3.5, _cut(arrow.label, 24), "label halo", middle=True
    )


def _legend(y: float) -> Iterator[str]:
    x = _MARGIN
    for kind, word in (("data", "reads"), ("order", "waits"), ("control", "when")):
        yield f'<path class="arrow {kind}" d="M{x:g} {y + 8:g}h30" marker-end="url(#head)"/>'
        yield _text(x + 38, y + 12, word, "text")
        x += 48 + _SMALL * len(word)
    for effect in ("read", "write", "dangerous"):
        yield f'<rect class="{effect}" x="{x + 8:g}" y="{y:g}" width="4" height="16" rx="2"/>'
        yield _text(x + 18, y + 12, effect, "text")
        x += 32 + _SMALL * len(effect)


def _text(x: float, y: float, text: str, look: str, *, middle: bool = False) -> str:
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}"{anchor}>{_escaped(text)}</text>'


def _cut(text: str, room: int = _MOST) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _escaped(text: str) -> str:
    """Text for XML, which has no control characters and no halves of characters."""
    return escape("".join(char if char.isprintable() or char == " " else "\ufffd" for char in text))
