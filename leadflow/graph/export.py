"""Pictures as text: DOT for Graphviz, Mermaid for documents, JSON for programs. SVG has a file of its own.

All start from the plan, through `picture`. Whatever an author wrote is escaped for its format.
"""

from collections.abc import Iterator
from typing import Any

from leadflow.graph.picture import Arrow, Box, Picture, pictures
from leadflow.graph.svg import to_svg
from leadflow.plan.plan import Plan

__all__ = ["to_dot", "to_json", "to_mermaid", "to_svg"]

_ROOM = 48
"""Characters of what a box says."""


def _cut(text: str, room: int = _ROOM) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


# --- JSON ---------------------------------------------------------------------------------------------------------


def to_json(plan: Plan, flow: str | None = None) -> dict[str, Any]:
    """Nodes and edges of each flow, as plain data."""
    return {"file": plan.file, "flows": [_data(picture) for picture in pictures(plan, flow)]}


def _data(picture: Picture) -> dict[str, Any]:
    names = [box.name for box in picture.boxes]
    return {
        "name": picture.name,
        "nodes": [
            {
                "id": box.node,
                "name": box.name,
                "shape": box.shape,
                "does": box.text,
                "effect": box.effect,
                "inside": picture.parents.get(box.node),
            }
            for box in picture.boxes
        ],
        "edges": [
            {"from": arrow.source, "to": arrow.target, "kind": arrow.kind, "label": arrow.label or None}
            for arrow in picture.arrows
        ],
        "names": names,
    }


# --- DOT ----------------------------------------------------------------------------------------------------------

_DOT_SHAPES = {
    "step": "box", "block": "box", "branch": "diamond", "point": "point", "end": "oval", "fail": "octagon",
}  # fmt: skip
_DOT_STYLES = {"data": "solid", "order": "dashed", "control": "dotted"}


def to_dot(plan: Plan, flow: str | None = None) -> str:
    """A digraph in which each flow, and each block in it, is a cluster."""
    lines = ["digraph leadflow {", "  rankdir=TB; compound=true; fontname=monospace;"]
    lines.append("  node [fontname=monospace, fontsize=11]; edge [fontname=monospace, fontsize=10];")
    for number, picture in enumerate(pictures(plan, flow)):
        lines.append(f"  subgraph cluster_f{number} {{ label={_quoted(picture.name)};")
        lines.extend(_dot_boxes(picture, picture.top, f"f{number}", "    "))
        lines.extend(_dot_arrow(picture, arrow, f"f{number}") for arrow in picture.arrows)
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def _dot_boxes(picture: Picture, nodes: tuple[int, ...], prefix: str, indent: str) -> Iterator[str]:
    for node in nodes:
        box = picture.boxes[node]
        body = picture.bodies.get(node)
        label = _quoted(box.name if not box.text else f"{box.name}\n{_cut(box.text)}")
        if body is None:
            yield f"{indent}{prefix}n{node} [label={label}, shape={_DOT_SHAPES[box.shape]}];"
        else:
            yield f"{indent}subgraph cluster_{prefix}n{node} {{ label={label};"
            yield f"{indent}  {prefix}n{node} [label={_quoted(box.name)}, shape=plaintext];"
            yield from _dot_boxes(picture, body, prefix, indent + "  ")
            yield f"{indent}}}"


def _dot_arrow(picture: Picture, arrow: Arrow, prefix: str) -> str:
    options = [f"style={_DOT_STYLES[arrow.kind]}"]
    if arrow.source in picture.bodies:
        options.append(f"ltail=cluster_{prefix}n{arrow.source}")
    if arrow.label:
        options.append(f"label={_quoted(_cut(arrow.label))}")
    return f"    {prefix}n{arrow.source} -> {prefix}n{arrow.target} [{', '.join(options)}];"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


# --- Mermaid ------------------------------------------------------------------------------------------------------

_MERMAID_SHAPES = {
    "step": ("[", "]"), "block": ("[", "]"), "branch": ("{", "}"), "point": ("((", "))"), "end": ("([", "])"),
    "fail": ("[[", "]]"),
}  # fmt: skip
_MERMAID_ARROWS = {"data": "-->", "order": "-.->", "control": "==>"}


def to_mermaid(plan: Plan, flow: str | None = None) -> str:
    """A flowchart; each flow, and each block in it, is a subgraph. Control is drawn thick, order dashed."""
    lines = ["flowchart TB"]
    for number, picture in enumerate(pictures(plan, flow)):
        lines.append(f"  subgraph f{number}[{_entity(picture.name)}]")
        lines.extend(_mermaid_boxes(picture, picture.top, f"f{number}", "    "))
        lines.append("  end")
        lines.extend(_mermaid_arrow(arrow, f"f{number}") for arrow in picture.arrows)
    return "\n".join(lines) + "\n"


def _mermaid_boxes(picture: Picture, nodes: tuple[int, ...], prefix: str, indent: str) -> Iterator[str]:
    for node in nodes:
        box = picture.boxes[node]
        body = picture.bodies.get(node)
        if body:
            yield f"{indent}subgraph {prefix}n{node}[{_entity(_mermaid_label(box))}]"
            yield from _mermaid_boxes(picture, body, prefix, indent + "  ")
            yield f"{indent}end"
        else:
            opening, closing = _MERMAID_SHAPES[box.shape]
            label = _entity(" " if box.shape == "point" else _mermaid_label(box))
            yield f"{indent}{prefix}n{node}{opening}{label}{closing}"


def _mermaid_label(box: Box) -> str:
    return f"{box.name}: {_cut(box.text)}" if box.text else box.name


def _mermaid_arrow(arrow: Arrow, prefix: str) -> str:
    label = f"|{_entity(_cut(arrow.label))}|" if arrow.label else ""
    return f"  {prefix}n{arrow.source} {_MERMAID_ARROWS[arrow.kind]}{label} {prefix}n{arrow.target}"


_KEPT = frozenset(" .,:_@-()=+")


def _entity(text: str) -> str:
    """A label in quotes in which every unusual character is a numbered entity."""
    return '"' + "".join(c if c.isalnum() or c in _KEPT else f"#{ord(c)};" for c in text) + '"'
