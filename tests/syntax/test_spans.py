"""Places: the text of a node's span, read on its own, is that node again; nodes lie inside their parents."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import pytest

from leadflow.diagnostics import Report, Source
from leadflow.syntax import tree
from leadflow.syntax.parser import parse
from leadflow.syntax.walk import children, walk
from tests.syntax.sources import EVERYTHING, good_sources

TYPES = get_args(tree.TypeExpr)
EXPRESSIONS = get_args(tree.Expr)
STATEMENTS = get_args(tree.Statement)


def only(text: str) -> tree.Item:
    """The one declaration of a text."""
    report = Report()
    file = parse(Source("part.flow", f"leadflow 1\n{text}\n"), report)
    assert [] == list(report), text
    (item,) = file.items
    return item


def statement(text: str) -> tree.Statement:
    """A text read as a statement."""
    flow = only(f"flow f() {{ {text} }}")
    assert isinstance(flow, tree.FlowDecl)
    (found,) = flow.body.statements
    return found


def read(node: tree.Node, text: str) -> tree.Node | None:
    """The text read as what the node is; None when such a thing cannot stand alone."""
    match node:
        case tree.File():
            return parse(Source("whole.flow", text), Report())
        case _ if isinstance(node, EXPRESSIONS):
            const = only(f"const x = {text}")
            assert isinstance(const, tree.ConstDecl)
            return const.value
        case _ if isinstance(node, TYPES):
            alias = only(f"type X = {text}")
            assert isinstance(alias, tree.AliasDecl)
            return alias.type
        case tree.Fail() | tree.Step() | tree.Let() | tree.If() | tree.Match() | tree.Return() | tree.Yield():
            return statement(text)
        case tree.For() | tree.Repeat() | tree.Parallel() | tree.Race() | tree.Do():
            step = statement(f"step x = {text}")
            assert isinstance(step, tree.Step) and not isinstance(step.action, EXPRESSIONS)
            return step.action
        case tree.Undo() | tree.After() | tree.Catch():
            step = statement(f"step x = y {text}")
            assert isinstance(step, tree.Step)
            return step.clauses[0]
        case _ if isinstance(node, get_args(tree.Item)):
            return only(text)
    return None


def bare(node: tree.Node) -> tree.Node:
    """The node without annotations and doc comment of its own, which stand above its place."""
    if isinstance(node, tree.File | tree.Field | tree.Param) or not hasattr(node, "annotations"):
        return node
    changes: dict[str, Any] = {"annotations": ()} | ({"doc": None} if hasattr(node, "doc") else {})
    return replace(node, **changes)


@pytest.mark.parametrize("text", good_sources())
def test_the_text_of_a_node_is_the_node(text: str) -> None:
    """What `source.at(node.span)` says, read on its own, equals the node."""
    source = Source("x.flow", text)
    for node in walk(parse(source, Report())):
        again = read(node, source.at(node.span))
        if again is not None:
            assert bare(node) == again, source.at(node.span)


@pytest.mark.parametrize("text", good_sources())
def test_names_stand_where_they_say(text: str) -> None:
    """The span of an Ident covers its word, or the string that spells it."""
    source = Source("x.flow", text)
    for node in walk(parse(source, Report())):
        if isinstance(node, tree.Ident):
            assert source.at(node.span) in (node.text, f'"{node.text}"')


@pytest.mark.parametrize("text", good_sources())
def test_children_lie_inside(text: str) -> None:
    """A node holds its children, but for the annotations above it; ids differ; siblings do not overlap."""
    nodes = list(walk(parse(Source("x.flow", text), Report())))
    assert len({node.id for node in nodes}) == len(nodes)
    for node in nodes:
        inner = [child for child in children(node) if not isinstance(child, tree.Annotation)]
        assert all(node.span.start <= child.span.start and child.span.end <= node.span.end for child in inner)
        places = sorted(child.span for child in children(node))
        assert all(one.end <= other.start for one, other in pairwise(places)), node


PLACES: dict[type[tree.Node], str] = {
    tree.Field: "score: float = 0.5 @range(0, 1)",
    tree.Param: "limit: int = 5 @range(1, 9)",
    tree.Setting: '"max-tokens": 600',
    tree.Annotation: "@limit(60 per minute)",
    tree.UsedName: "helper as aide",
    tree.Arg: 'need: 1',
    tree.Entry: "d: join(lines, \"\\n\\u{1F600}$${\")",
    tree.MatchArm: "other => { }",
    tree.ValueArm: "true then 200",
    tree.LiteralPattern: "-2",
    tree.WildcardPattern: "_",
    tree.NamePattern: "other",
    tree.AgentOverride: 'agent fast { model: "gpt-5" }',
    tree.ConstOverride: "const wait = 2h",
    tree.Mock: 'mock triage.a => fail "timeout" then { id: "T-1" } after 1s',
    tree.Late: '{ id: "T-1" } after 1s',
    tree.Replay: 'replay "quiet.jsonl"',
    tree.TestRun: "run r = triage(ticket: t)",
    tree.Expect: 'expect r.value?.case == "T-1" and r.calls.a == 2',
    tree.Block: '{ fail "no ${x}" }',
}  # fmt: skip


@pytest.mark.parametrize("kind", PLACES)
def test_parts_stand_where_they_say(kind: type[tree.Node]) -> None:
    """One part of each class that cannot be read alone has the place of exactly its text."""
    source = Source("x.flow", EVERYTHING)
    found = {source.at(node.span) for node in walk(parse(source, Report())) if type(node) is kind}
    assert PLACES[kind] in found


def test_ids_come_from_the_iterator() -> None:
    """Files of one load share one iterator, so that no id is given twice."""
    ids = iter(range(7, 10_000))
    first, second = (parse(Source(name, "leadflow 1\nconst a = 1\n"), Report(), ids=ids) for name in "ab")
    given = [node.id for file in (first, second) for node in walk(file)]
    assert (7, len(given)) == (min(given), len(set(given)))
