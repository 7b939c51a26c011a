"""Pictures of plans: what they show, where it stands, and that nothing an author writes breaks a format."""

import re
from random import Random
from xml.parsers.expat import ParserCreate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.graph.export import to_dot, to_json, to_mermaid, to_svg
from leadflow.graph.layout import Layout, lay_out, route
from leadflow.graph.picture import Picture, draw
from leadflow.plan.expr import Binary, Bound, Const
from leadflow.plan.plan import Plan
from tests.graph.dumps import plan_of
from tests.graph.programs import random_program
from tests.plans import Making, layered, nested, plan

SOURCE = """flow main(c: bool) -> json {
  step a = m.get()
  if c {
    step b = m.get(a)
    return b
  }
  step w = m.put(a)
  step g = do {
    step x = n.get()
    yield x
  }
  return g
}
"""


def arrows(picture: Picture) -> set[tuple[str, str, str, str]]:
    """The arrows by names."""
    names = [box.name for box in picture.boxes]
    return {(names[arrow.source], names[arrow.target], arrow.kind, arrow.label) for arrow in picture.arrows}


def test_what_a_picture_shows() -> None:
    """Arrows by kind, arms by their labels; what a longer way of the same arm says is left out."""
    picture = draw(plan_of(SOURCE).flows["main"])
    assert {
        ("a", "b", "data", ""),
        ("if@1", "b", "control", "then"),
        ("b", "return@1", "data", ""),
        ("a", "w", "data", ""),
        ("if@1", "w", "control", "else"),
        ("if@1", "g", "control", "else"),
        ("x", "yield@1", "data", ""),
        ("g", "return@2", "data", ""),
    } == arrows(picture)
    assert ["branch", "end", "block"] == [box.shape for box in picture.boxes if box.name in ("if@1", "return@1", "g")]


def test_an_arrow_that_a_longer_way_says_is_left_out() -> None:
    """A reads B reads C, and A reads C: the picture has two arrows."""
    source = "flow main() -> json {\nstep a = m.get()\nstep b = m.get(a)\nstep d = m.get(a, b)\nreturn d\n}\n"
    assert ("a", "d", "data", "") not in arrows(draw(plan_of(source).flows["main"]))


def _laid_out(plan: Plan) -> tuple[Picture, Layout]:
    picture = draw(next(iter(plan.flows.values())))
    return picture, lay_out(picture, [(80.0, 40.0)] * len(picture.boxes))


@settings(max_examples=40)
@given(st.builds(random_program, st.randoms(use_true_random=False), st.integers(3, 30)))
def test_boxes_do_not_touch(source: str) -> None:
    """Two boxes stand apart, or one is a block and the other wholly inside it; arrows run downwards."""
    picture, layout = _laid_out(plan_of(source))
    for one in picture.boxes:
        for other in picture.boxes:
            if one.node < other.node:
                a, b = layout.spots[one.node], layout.spots[other.node]
                apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
                inside = a.x <= b.x and a.y <= b.y and b.x + b.width <= a.x + a.width
                assert apart or (inside and b.y + b.height <= a.y + a.height)
    for arrow in picture.arrows:
        ys = [point.y for point in route(picture, layout, arrow)]
        assert ys == sorted(ys)


def test_a_row_is_a_level() -> None:
    """Nodes that could run together stand side by side, in a picture as wide as they are."""
    _, layout = _laid_out(layered(300, width=10))
    rows = {spot.y for spot in layout.spots.values()}
    assert 31 == len(rows)
    assert layout.width < 6000


def elements(svg: str) -> list[tuple[str, dict[str, str], str]]:
    """The elements of a picture with their texts; a text that is no XML raises."""
    found: list[tuple[str, dict[str, str], str]] = []
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: found.append((name, attributes, ""))

    def text(data: str) -> None:
        name, attributes, before = found[-1]
        found[-1] = (name, attributes, before + data)

    parser.CharacterDataHandler = text
    parser.Parse(svg.encode(), True)
    return found


def test_the_svg_is_well_formed() -> None:
    """Every box of every flow is in the picture with its name, inside the page."""
    svg = to_svg(nested())
    found = elements(svg)
    names = {text.strip() for name, _, text in found if name == "text"}
    assert {"start", "each", "first", "loop", "both", "a", "b", "group", "last"} <= names
    width = float(found[0][1]["width"])
    assert all(
        0 <= float(attributes["x"]) < width for name, attributes, _ in found if name == "rect" and "x" in attributes
    )
    assert "prefers-color-scheme:dark" in svg


NASTY = "</text><script>alert(1)</script>&\"'`]})|-->;\\\\ #quot; %%"


@pytest.mark.parametrize("text", [NASTY, "é 😀 \ud800 \x00\x1b \u202e", "a" * 500])
def test_what_an_author_writes_stays_text(text: str) -> None:
    """Texts in conditions break no format and run nothing."""
    flow = Making(params=("t",))
    flow.branch("if@1", Binary("==", Bound(0, 0), Const(text)))
    made = plan(flow.done())
    svg, dot, mermaid = to_svg(made), to_dot(made), to_mermaid(made)
    assert "script" not in [name for name, _, _ in elements(svg)]
    assert 1 == re.sub(r'"(?:\\.|[^"\\])*"', "", dot).count("digraph")
    assert "alert" not in re.sub(r'"(?:\\.|[^"\\])*"', "", dot)
    label = re.search(r'if@1: .*"', mermaid)
    assert label is not None and not set(label[0][:-1]) & set('"<>`|{}[]')


def test_the_other_formats() -> None:
    """DOT and Mermaid have clusters for flows and blocks, and a style for each kind of arrow; JSON has all by id."""
    plan = plan_of(SOURCE)
    dot, mermaid, data = to_dot(plan), to_mermaid(plan), to_json(plan)
    assert "subgraph cluster_f0n6" in dot or "subgraph cluster_f0n5" in dot
    assert {"solid", "dotted"} <= set(re.findall(r"style=(\w+)", dot))
    assert '==>|"else"|' in mermaid and "subgraph f0[" in mermaid
    flow = data["flows"][0]
    assert len(flow["nodes"]) == len(plan.flows["main"].nodes)
    assert {edge["kind"] for edge in flow["edges"]} == {"data", "control"}
    assert [node["inside"] for node in flow["nodes"] if node["name"] == "x"] == [
        node["id"] for node in flow["nodes"] if node["name"] == "g"
    ]


def test_one_flow_is_drawn_alone() -> None:
    """Asked for one flow, a picture shows no other."""
    plan = plan_of("flow a() -> int { return 1 }\nflow b() -> int { return 2 }\n")
    for form in (to_svg, to_dot, to_mermaid):
        assert "return 2" not in form(plan, "a").replace("&#32;", " ")


def test_a_picture_is_the_same_every_time() -> None:
    """The same plan gives the same picture."""
    plan = plan_of(random_program(Random(3), 25))
    assert to_svg(plan) == to_svg(plan)
