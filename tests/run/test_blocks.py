"""What each block means when it runs (rules B1 to B7), and calls of flows."""

import pytest

from leadflow.events.model import Failure, NodeDone, NodeFailed, Status
from leadflow.plan.types import Value
from leadflow.run.driver import Result
from leadflow.run.ports import CallOrder
from tests.run.fakes import Behaviour, Fails, Fake, Says, Script, ends, run, starts


def failure_of(result: Result, path: str) -> Failure:
    """The failure of a node."""
    return next(e.event.failure for e in result.entries if isinstance(e.event, NodeFailed) and e.event.path == path)


# --- for ----------------------------------------------------------------------------------------------------------

EACH = """
flow f(items: list[string]) -> list[string] {
  %s
  step all = for t, i in items at most 5 {
    step one = look("${i}${t}")
    yield one
  }
  return all
}
"""


def echo(order: CallOrder) -> Behaviour:
    """Answers with its argument, the later items faster."""
    text = str(order.args["x"])
    return Says(text, 5 - float(text[0]))


def test_for_gives_one_element_per_item_in_order() -> None:
    """Rule B2: the list is aligned with the input, whichever iteration ends first."""
    assert ("0a", "1b", "2c") == run(EACH % "", {"one": echo}, inputs={"items": ("a", "b", "c")}).value


def test_for_over_nothing_is_empty() -> None:
    """Rule B2: no items, no iterations, an empty list."""
    result = run(EACH % "", inputs={"items": ()})
    assert ((), ["all"]) == (result.value, starts(result))


def test_for_over_too_many_fails_before_the_first_iteration() -> None:
    """Rule B2: `at most` is checked before anything is called."""
    result = run(EACH % "", inputs={"items": tuple("abcdef")})
    assert "flow.too_many" == failure_of(result, "f/all").error
    assert ["all"] == starts(result)


@pytest.mark.parametrize(("policy", "most"), [("", 10), ("@concurrency(3)", 3)])
def test_for_runs_ten_iterations_at_once_or_what_it_says(policy: str, most: int) -> None:
    """Rule B2: ten at once by default; `@concurrency` on the step counts iterations."""
    text = EACH.replace("at most 5", "at most 50") % policy
    fake = Fake({"one": Says("x", 1)})
    assert ("x",) * 25 == run(text, fake, inputs={"items": tuple("abcdefghijklmnopqrstuvwxy")}).value
    assert most == fake.most


def test_a_for_without_yield_gives_nones() -> None:
    """Rule B2: a body without `yield` has the value none, once per item."""
    text = "flow f(items: list[string]) { step all = for t in items { step one = put(t) } }"
    result = run(text, inputs={"items": ("a", "b")})
    assert {"all[0]/one": "done", "all[1]/one": "done", "all": "done"} == ends(result)


# --- repeat -------------------------------------------------------------------------------------------------------

REPEAT = """
flow f() -> string {
  step text = repeat s = "draft" at most 3 {
    step better = think("${s}+")
    step good = look(better)
    yield better
  } until good == "yes" %s
  return text
}
"""


def rounds(yes_in: int) -> Script:
    """A script: the rewrite is what was asked for; the judge says yes in one of the rounds."""
    return {
        "better": lambda order: Says(order.args["x"]),
        "good": lambda order: Says("yes" if f"[{yes_in}]" in order.path else "no"),
    }


def test_repeat_ends_with_what_the_round_gave() -> None:
    """Rule B1: when `until` holds the result is the yield of that round; only the value passes between rounds."""
    result = run(REPEAT % "", rounds(1))
    assert "draft++" == result.value
    assert "text[1]/good" == starts(result)[-1]


def test_repeat_exhausted_gives_else_of_the_last_round() -> None:
    """Rule B1: in `else` the name is the value that entered the last round."""
    assert "draft++" == run(REPEAT % "else s", rounds(9)).value


def test_repeat_exhausted_without_else_fails() -> None:
    """Rule B1: without `else` the step fails as exhausted, after exactly N rounds."""
    result = run(REPEAT % "", rounds(9))
    assert "flow.exhausted" == failure_of(result, "f/text").error
    assert 3 == len([path for path in starts(result) if path.endswith("/good")])


# --- parallel -----------------------------------------------------------------------------------------------------

PARALLEL = """
flow f() {
  step all = parallel%s {
    step a = look("1")
    step b = look("2")
    step c = look("3")
  }
}
"""


def value_of(result: Result, path: str) -> Value:
    """The value of a node."""
    return next(e.event.value for e in result.entries if isinstance(e.event, NodeDone) and e.event.path == path)


def test_parallel_gives_the_record_of_its_members() -> None:
    """Rule B4: all succeed, side by side; the value names each."""
    fake = Fake({"a": Says("A", 2), "b": Says("B", 3), "c": Says("C", 1)})
    assert {"a": "A", "b": "B", "c": "C"} == value_of(run(PARALLEL % "", fake), "f/all")
    assert 3 == fake.most


def test_parallel_with_need_waits_for_all() -> None:
    """Rule B4: with `need` a failure stops nobody, and its member is none."""
    fake = Fake({"a": Fails(after=1), "b": Says("B", 3), "c": Says("C", 2)})
    result = run(PARALLEL % "(need: 2)", fake)
    assert {"a": None, "b": "B", "c": "C"} == value_of(result, "f/all")
    assert Status.DONE is result.status


def test_parallel_with_too_few_fails_after_all_have_settled() -> None:
    """Rule B4: fewer than `need` is a failure with every cause, told when the last member has settled."""
    fake = Fake({"a": Fails(after=1), "b": Fails(after=2), "c": Says("C", 3)})
    result = run(PARALLEL % "(need: 2)", fake)
    failure = failure_of(result, "f/all")
    assert ("flow.need", ["f/all/a", "f/all/b"]) == (failure.error, [cause.path for cause in failure.causes])
    assert (0, 3, "done") == fake.spans["f/all/c"]


# --- race ---------------------------------------------------------------------------------------------------------

RACE = """
flow f() -> string {
  step first = race {
    step a = look("1")
    step b = look("2")
    step c = look("3")
  }
  return first
}
"""


def test_race_takes_the_first_success_and_stops_the_others() -> None:
    """Rule B3: a failure does not win; losers are cancelled and settle before the step does."""
    fake = Fake({"a": Fails(after=1), "b": Says("B", 2), "c": Says("C", 3)})
    result = run(RACE, fake)
    assert "B" == result.value
    assert ["failed", "done", "cancelled"] == [fake.spans[f"f/first/{name}"][2] for name in "abc"]
    assert ["first/a", "first/b", "first/c", "first", "return@1"] == list(ends(result))


def test_a_lost_race_lists_every_cause() -> None:
    """Rule B3: when all fail the failure names each of them."""
    result = run(RACE, {"a": Fails("x.a"), "b": Fails("x.b", 1), "c": Fails("x.c", 2)})
    failure = failure_of(result, "f/first")
    assert ("flow.race", ["x.a", "x.b", "x.c"]) == (failure.error, [cause.error for cause in failure.causes])


def test_a_race_of_groups_stops_what_is_below() -> None:
    """Rules B3, B5: a rival of several steps is stopped with all of them."""
    text = """
flow f() -> string {
  step first = race {
    step a = look("1")
    step b = do { step x = look("2") step y = look(x) yield y }
  }
  return first
}
"""
    fake = Fake({"a": Says("A", 3), "x": Says("X", 2), "y": Says("Y", 5)})
    assert "A" == run(text, fake).value
    assert (2, 3, "cancelled") == fake.spans["f/first/b/y"]


# --- do, fail, flows ----------------------------------------------------------------------------------------------


def test_do_is_a_step_of_several() -> None:
    """Rule B5: a group gives its yield, and its inner names stay inside."""
    text = 'flow f() -> string { step g = do { step a = look("1") step b = look(a) yield "${a}${b}" } return g }'
    assert "AB" == run(text, {"a": Says("A"), "b": Says("B")}).value


def test_inner_steps_start_before_an_outer_need_of_others() -> None:
    """A block opens as soon as its own needs are met; a step inside waits alone for what only it reads."""
    text = """
flow f() {
  step slow = look("1")
  step g = do {
    step a = think("2")
    step b = think(slow)
  }
}
"""
    fake = Fake({"slow": Says("S", 5), "a": Says("A", 1), "b": Says("B", 1)})
    run(text, fake)
    assert [(0, 1, "done"), (5, 6, "done")] == [fake.spans["f/g/a"], fake.spans["f/g/b"]]


def test_fail_fails_on_purpose() -> None:
    """Rule B7: `fail` ends the flow with its reason, and what stands above it has ended."""
    text = 'flow f(spam: bool) { step a = put("x") if spam { fail "it is ${a}" } step b = put("y") }'
    result = run(text, {"a": Says("spam", 2)}, inputs={"spam": True})
    assert result.failure is not None
    assert ("flow.failed", "it is spam") == (result.failure.error, result.failure.message)
    assert ["a"] == starts(result)
    assert Status.DONE is run(text, inputs={"spam": False}).status


def test_a_called_flow_runs_below_its_step() -> None:
    """A sub-flow has its own frame: paths go on below the step that calls it, and its value is the step's."""
    text = """
flow f() -> list[string] {
  step all = for t in ["x", "y"] { step s = g(t) yield s }
  return all
}
flow g(t: string) -> string { step a = look(t) return "<${a}>" }
"""
    result = run(text, {"a": lambda order: Says(order.args["x"])})
    assert ("<x>", "<y>") == result.value
    assert ["all", "all[0]/s", "all[1]/s", "all[0]/s/a", "all[1]/s/a"] == starts(result)


def test_blocks_in_blocks_have_stable_paths() -> None:
    """Iterations and rounds are numbered from 0 in the path."""
    text = """
flow f() {
  step all = for t in ["x"] {
    step r = repeat v = t at most 2 {
      step p = parallel { step a = look(v) step b = look(v) }
      yield v
    } until false else v
    yield r
  }
}
"""
    found = [path for path in starts(run(text)) if path.endswith("/a")]
    assert ["all[0]/r[0]/p/a", "all[0]/r[1]/p/a"] == found
