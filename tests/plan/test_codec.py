"""Plans as JSON: nothing is lost, nothing is made that was not asked for, and the hash is that of the meaning."""

import gc
import json
from dataclasses import replace
from datetime import timedelta
from types import FunctionType
from typing import Any

import pytest
from hypothesis import given

from leadflow.plan import codec
from leadflow.plan.expr import Binary, Const, Expr, NodeValue
from leadflow.plan.plan import AgentCall, Place, Plan
from leadflow.plan.policy import Retry
from leadflow.plan.types import Value
from tests.plan.making import EXPRS, PLANS
from tests.plans import Making, apply, layered, nested, plan


@given(PLANS)
def test_a_plan_comes_back(made: Plan) -> None:
    """Reading what was written gives an equal plan, whose JSON is the same text (case D17)."""
    text = codec.to_text(made)
    back = codec.from_text(text)
    assert made == back
    assert text == codec.to_text(back)
    assert codec.content_hash(made) == codec.content_hash(back)


@given(EXPRS, EXPRS)
def test_different_expressions_have_different_texts(left: Expr, right: Expr) -> None:
    """The text of an expression tells apart all that means something else: `1`, `1.0` and `true` too."""
    assert (codec.expr_text(left) == codec.expr_text(right)) == (repr(left) == repr(right))


def test_the_text_is_small_and_sorted() -> None:
    """Fields stand in alphabetical order, without blanks; empty ones are left out."""
    flow = Making()
    flow.call("a")
    text = codec.to_text(plan(flow.done()))
    assert text.startswith('{"agents":{"echo":{"kind":"python","name":"echo","place":["made.flow",1,1],"settings":')
    assert (
        '"nodes":[{"effect":"pure","id":0,"level":0,"name":"a","place":["made.flow",1,1],"rank":1,"scope":0,'
    ) in text


def test_values_keep_the_order_of_their_keys() -> None:
    """A record in a prompt is written in its own order, also after the plan was stored."""
    for record in ({"b": 1, "a": 2}, {"a": 2, "b": 1}):
        flow = Making()
        flow.give(Const(record))
        assert repr(plan(flow.done())) == repr(codec.from_text(codec.to_text(plan(flow.done()))))


def test_the_hash_is_blind_to_places_and_docs() -> None:
    """Where something stands, what it is called in comments and where a policy comes from do not change the hash."""
    flow = Making(policies=(apply("retry", Retry(3)),))
    flow.call("a", policies=(apply("retry", Retry(3)),))
    first = plan(flow.done())
    body = first.flows["main"]
    moved = replace(
        body,
        place=Place("other.flow", 9, 9),
        doc="told",
        nodes=tuple(
            replace(
                node,
                place=Place("other.flow", 8, 8),
                doc="told",
                policies=tuple(replace(applied, origin="agent x", place="x:1:1") for applied in node.policies),
            )
            for node in body.nodes
        ),
    )
    second = replace(first, flows={"main": moved}, file="other.flow", profile="p", hash="h")
    assert codec.content_hash(first) == codec.content_hash(second)
    assert codec.content_hash(first) == codec.seal(second).hash


@pytest.mark.parametrize("change", ["name", "policy", "prompt", "need", "type"])
def test_the_hash_sees_the_meaning(change: str) -> None:
    """A node's name, policies, expressions and needs are part of the meaning; `1` is not `true`."""

    def make(changed: bool) -> Plan:
        flow = Making()
        a = flow.call("a")
        attempts = 4 if changed and change == "policy" else 3
        b = flow.call(
            "c" if changed and change == "name" else "b",
            *([] if changed and change == "need" else [a]),
            policies=(apply("retry", Retry(attempts, timedelta(seconds=1))),),
        )
        flow.give(Const("y" if changed and change == "prompt" else "x"), b)
        flow.give(Const(True if changed and change == "type" else 1))
        return plan(flow.done())

    assert codec.content_hash(make(False)) == codec.content_hash(make(False))
    assert codec.content_hash(make(False)) != codec.content_hash(make(True))


def _broken(path: list[Any], value: Any) -> str:
    """The JSON of a plan with something else at a path."""
    data = json.loads(codec.to_text(nested()))
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(data)


NODE = ["flows", "main", "nodes", 0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "this is no JSON"),
        ("[1]", "this is no plan of version 1"),
        ("null", "this is no plan of version 1"),
        ('{"version": NaN}', "this is no JSON"),
        ("[" * 100_000, "this is no JSON"),
        (_broken(["version"], 2), "this is no plan of version 1"),
        (_broken([*NODE, "work", "is"], "os.system"), "nothing is called 'os.system'"),
        (_broken([*NODE, "work", "is"], ["list"]), "nothing is called"),
        (_broken([*NODE, "work"], 5), "int does not belong there"),
        (_broken([*NODE, "extra"], 1), "Node has no such field"),
        (_broken([*NODE, "effect"], "awful"), "a word stands where it does not belong"),
        (_broken([*NODE, "id"], "0"), "str stands where int belongs"),
        (_broken([*NODE, "id"], True), "bool stands where int belongs"),
        (_broken([*NODE, "place"], ["f", 1]), "2 parts stand where 3 belong"),
        (_broken([*NODE], {}), "Node lacks"),
        (_broken(["agents", "echo", "settings", "module"], {"$what": 1}), "a value cannot be read"),
        (_broken(["agents", "echo", "settings", "module"], {"$secret": 1}), "a value cannot be read"),
        (_broken(["flows"], []), "list stands where dict belongs"),
    ],
)
def test_what_is_no_plan_is_refused(text: str, why: str) -> None:
    """Other versions, unknown tags and fields, and values of other kinds are refused with one line (case D17)."""
    with pytest.raises(codec.NotAPlan, match=why.replace("(", r"\(")):
        codec.from_text(text)


def test_only_known_tags_are_revived() -> None:
    """A value with the keys of our own tags comes back as the same data (case D17)."""
    value: Value = {"is": "AgentCall", "$secret": ("raw", "KEY", ""), "$per": 1, "agent": {"$duration": 5}}
    flow = Making()
    flow.node("a", AgentCall("echo", "say", (("0", Const(value)),), flow.result, False, "pure", True, NodeValue(0)))
    made = plan(flow.done())
    assert made == codec.from_text(codec.to_text(made))


def test_a_large_plan_is_written_once() -> None:
    """A plan of a thousand nodes comes back whole."""
    made = layered(1000)
    assert made == codec.from_text(codec.to_text(made))


def test_what_holds_itself_is_written_by_the_same_functions_at_any_depth() -> None:
    """An expression in an expression in an expression needs no writers of its own for each way through it."""

    def sums(depth: int) -> Expr:
        return Const(1) if depth == 0 else Binary("+", sums(depth - 1), sums(depth - 1))

    def functions() -> int:
        return sum(type(one) is FunctionType for one in gc.get_objects())

    codec.expr_text(sums(1))
    before = functions()
    codec.expr_text(sums(7))
    assert functions() - before < 10
