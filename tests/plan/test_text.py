"""The text of `leadflow plan`: a golden that people read, and its twin for machines."""

from datetime import timedelta

import pytest

from leadflow.plan.expr import Binary, Bound, Choose, Comprehension, Const, Expr, Local, Member, RunValue, Template
from leadflow.plan.policy import (
    Breaker,
    Budget,
    Concurrency,
    Fallback,
    Limit,
    OnError,
    OnFailure,
    Optional,
    PerTime,
    Policy,
    Reaction,
    Retry,
    Timeout,
)
from leadflow.plan.text import WIDTH, as_json, plan_text
from leadflow.plan.types import Money
from leadflow.plan.words import expr_words, policy_words, value_words
from tests.graph.dumps import plan_of
from tests.plans import Making

SOURCE = """policy net { @retry(3, backoff: 1s) @timeout(30s) }
@net
agent r: python { module: "r.py"  reads: ["ask"] }

@timeout(5m)
flow main(ticket: { id: string, body: string }, c: bool) -> json {
  step seen: { hot: bool } = r.ask(ticket.body)
  step other = m.get()
  if seen.hot and c {
    step sent = m.put(ticket.id) undo m.unput(ticket.id) catch e => none
    return sent
  }
  @on_failure("partial")
  step all = for x in [1, 2] at most 5 {
    step one = m.put(x)
    yield one
  }
  step last = n.get() after other
  return [last, all]
}
"""

GOLDEN = """case.flow   plan HASH

flow main(ticket: { id: string, body: string }, c: bool) -> json
  5 calls, at least 2 in a row; effect: write
  @timeout 5m                                                                   flow (case.flow:8:1)
  level 1   together: seen, other
    seen      r.ask                                                                             read
              @timeout 30s                                    policy net on agent r (case.flow:4:37)
              @retry 3 attempts, waits 1s x2 up to 1m, jitter full
                                                              policy net on agent r (case.flow:4:14)
    other     m.get                                                                             read
  level 2
    if@1      if seen.hot and c
              data: seen
  level 3   together: all, last
    sent      m.put                                                                            write
              when seen.hot and c
              order (write): other
              catch gives another value
              undo m.unput
    all       for x in [1, 2] at most 5                                                        write
              unless seen.hot and c
              @on_failure partial                                              step (case.flow:16:3)
              @concurrency 10 at once                                                        default
      level 4
        one      m.put                                                                         write
                 order (write): other
      level 5
        yield@1  yield one
                 data: one
    last      n.get                                                                             read
              unless seen.hot and c
              after: other
  level 4
    return@1  return sent
              when seen.hot and c
              data: sent
  level 6
    return@2  return [last, all]
              unless seen.hot and c
              data: last, all
"""


def test_the_text_of_a_plan() -> None:
    """Levels, what may run together, what waits for what and why, conditions, policies with their origins."""
    plan = plan_of(SOURCE)
    text = plan_text(plan)
    assert GOLDEN.replace("HASH", plan.hash[:12]) == text
    assert all(len(line) <= WIDTH for line in text.splitlines())


def test_one_flow_of_many() -> None:
    """Asked for one flow, the text has that flow only."""
    plan = plan_of("flow a() -> int { return 1 }\nflow b() -> int { return 2 }\n")
    assert "flow b" in plan_text(plan) and "flow b" not in plan_text(plan, flow="a")
    assert ["a"] == [flow["name"] for flow in as_json(plan, flow="a")["flows"]]


def test_long_lines_are_cut() -> None:
    """Nothing an author writes makes a line longer than the width."""
    long = "x" * 300
    plan = plan_of(f'flow main(p: string) -> json {{\nstep a = m.get("{long}")\nreturn [a, p == "{long}"]\n}}\n')
    assert all(len(line) <= WIDTH for line in plan_text(plan).splitlines())


def test_the_plan_for_machines() -> None:
    """The same facts as data, blocks with their bodies inside."""
    data = as_json(plan_of(SOURCE))
    nodes = {node["name"]: node for node in data["flows"][0]["nodes"]}
    assert [{"for": "other", "why": "order (write)"}] == nodes["all"]["body"][0]["waits"]
    assert ("for", "unless seen.hot and c", 3, "write") == tuple(
        nodes["all"][key] for key in ("kind", "when", "level", "effect")
    )
    assert {"name": "concurrency", "says": "10 at once", "origin": "default", "place": None} in nodes["all"]["policies"]
    assert ["case.flow", 7, 3] == nodes["seen"]["place"] or nodes["seen"]["place"][0] == "case.flow"


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Retry(3, backoff=timedelta(milliseconds=1500), jitter="none"), "3 attempts, waits 1s500ms x2 up to 1m"),
        (Retry(2, on=("network",), max_retry_after=timedelta(hours=1)), None),
        (Timeout(timedelta(seconds=90), idle=timedelta(seconds=5)), "1m30s, 5s between two bytes"),
        (Fallback(("a", "b")), "a, then b"),
        (Optional(), "a failure gives none"),
        (OnFailure("continue"), "continue"),
        (Concurrency(3), "3 at once"),
        (Limit((PerTime(60, timedelta(minutes=1)),)), "rate: 60 per minute"),
        (Breaker(failures=3, recovery=timedelta(seconds=5)), "failures: 3, recovery: 5s"),
        (Breaker(), "ratio: 0.5"),
        (Budget(Money(500_000)), "money: $0.50"),
        (
            OnError((("timeout", Reaction("retry", attempts=5)), ("network", Reaction("skip")))),
            "timeout: retry(5), network: skip",
        ),
    ],
)
def test_policies_in_words(policy: Policy, words: str | None) -> None:
    """Every policy says its values with units."""
    assert policy_words(policy) == words or (words is None and "on network" in policy_words(policy))


X, Y = Bound(0, 0), Bound(0, 1)


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        (Binary("*", Binary("+", X, Y), Const(2)), "(x + y) * 2"),
        (Binary("-", X, Binary("-", Y, Const(1))), "x - (y - 1)"),
        (Binary("and", Binary("or", X, Y), Binary("==", X, Y)), "(x or y) and x == y"),
        (Member(Binary("??", X, Y), "a", safe=True), "(x ?? y)?.a"),
        (Template(("a\n", X)), '"a\\n${x}"'),
        (Comprehension(Local(0), 0, X, Binary("!=", Local(0), Const(None))), "[it for it in x if it != none]"),
        (Choose(X, (((True,), Const(1)), (None, Const({"a": (1, True)})))), "if x then 1 else { a: [1, true] }"),
        (Choose(X, ((("a", None), Const(1)), (None, Y))), 'match x { "a" | none then 1, _ then y }'),
        (RunValue("id"), "run.id"),
    ],
)
def test_expressions_in_words(expr: Expr, words: str) -> None:
    """Core expressions read like the author's, with parentheses where they are needed."""
    flow = Making(params=("x", "y")).done()
    assert words == expr_words(flow, expr)


def test_values_in_words() -> None:
    """Values are written as literals."""
    assert ["1h30m", "$2.00", '"a\\"b"', "none", "0s", "-5s"] == [
        value_words(timedelta(minutes=90)),
        value_words(Money(2_000_000)),
        value_words('a"b'),
        value_words(None),
        value_words(timedelta()),
        value_words(timedelta(seconds=-5)),
    ]
