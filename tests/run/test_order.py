"""What text order means when it runs: the serial reading, early returns, skips (rules A1, A2, A3, A5)."""

from leadflow.events.model import Status
from tests.run.fakes import Fails, Fake, Says, ends, run, starts


def test_reads_overlap_and_writes_wait() -> None:
    """Rule A1: two reads run side by side, the write below them starts when both have ended."""
    fake = Fake({"a": Says("a", 2), "b": Says("b", 3), "w": Says("w", 1)})
    text = 'flow f() -> string { step a = look("1") step b = look("2") step w = put("x") return "${a}${b}${w}" }'
    assert "abw" == run(text, fake).value
    assert [(0, 2, "done"), (0, 3, "done"), (3, 4, "done")] == [fake.spans[f"f/{name}"] for name in "abw"]


def test_a_write_below_a_failure_does_not_start() -> None:
    """Rule A1: under `stop`, nothing that writes starts below a step that failed."""
    text = 'flow f() { step a = look("1") step w = put("x") }'
    result = run(text, {"a": Fails()})
    assert Status.FAILED is result.status
    assert {"a": "failed agent.failed", "w": "cancelled: f/a failed"} == ends(result)
    assert ["a"] == starts(result)


def test_serial_edges_only_need_settling_under_continue() -> None:
    """Rule C2: under `continue` a write below a failed step is done when it does not read it; then the flow fails."""
    text = '@on_failure("continue") flow f() { step a = look("1") step w = put("x") }'
    result = run(text, {"a": Fails()})
    assert {"a": "failed agent.failed", "w": "done"} == ends(result)
    assert Status.FAILED is result.status


EARLY = """
flow f(calm: bool) -> string {
  step slow = look("slow")
  if calm { return "calm" }
  step big = think("big")
  return "${slow} ${big}"
}
"""


def test_an_early_return_lets_nothing_below_it_start() -> None:
    """Rule A2: what stands below a taken return is skipped, and what stands above it is awaited."""
    fake = Fake({"slow": Says("slow", 5)})
    result = run(EARLY, fake, inputs={"calm": True})
    assert "calm" == result.value
    assert ["slow"] == starts(result)
    assert (0, 5, "done") == fake.spans["f/slow"]
    assert "skipped: if@1 = then" == ends(result)["big"]


def test_without_the_return_what_stands_below_runs() -> None:
    """Rule A2: on the path that did not return the steps below start as soon as the condition is known."""
    fake = Fake({"slow": Says("slow", 5), "big": Says("big", 1)})
    assert "slow big" == run(EARLY, fake, inputs={"calm": False}).value
    assert (0, 1, "done") == fake.spans["f/big"]


NESTED = """
flow f(a: bool, b: bool) -> string {
  step slow = look("slow")
  if a {
    if slow == "stop" { return "inner" }
  }
  if b { return "outer" }
  step last = think("last")
  return last
}
"""


def test_a_merge_waits_for_no_arm_that_was_not_taken() -> None:
    """Rule A2: when the outer condition is false, nothing waits for what the inner one would have read."""
    fake = Fake({"slow": Says("slow", 5), "last": Says("last", 1)})
    assert "last" == run(NESTED, fake, inputs={"a": False, "b": False}).value
    assert (0, 1, "done") == fake.spans["f/last"]


def test_a_merge_goes_on_behind_the_arm_that_was_taken() -> None:
    """Rule A2: with the outer condition true the inner one decides, and both ways on lead to the same step."""
    fake = Fake({"slow": Says("slow", 5), "last": Says("last", 1)})
    assert "last" == run(NESTED, fake, inputs={"a": True, "b": False}).value
    assert (5, 6, "done") == fake.spans["f/last"]
    assert "inner" == run(NESTED, {"slow": Says("stop")}, inputs={"a": True, "b": True}).value
    assert "outer" == run(NESTED, inputs={"a": False, "b": True}).value


def test_a_thousand_early_returns_in_a_row() -> None:
    """Rule A2: a long ladder of conditions is walked without recursion, whichever of them returns."""
    rungs = "\n".join(f'  if n == {rung} {{ return "{rung}" }}' for rung in range(400))
    text = f'flow f(n: int) -> string {{\n{rungs}\n  return "none"\n}}'
    assert ["0", "399", "none"] == [run(text, inputs={"n": n}).value for n in (0, 399, 400)]


def test_a_skip_does_not_spread() -> None:
    """Rule C2: a name of an arm that was not taken is none, and who reads it runs."""
    text = """
flow f(deep: bool) -> string {
  if deep { step a = look("1") }
  step b = think(a ?? "nothing")
  return b
}
"""
    fake = Fake({"b": lambda order: Says(order.args["x"])})
    assert "nothing" == run(text, fake, inputs={"deep": False}).value
    assert "f/a" == run(text, fake, inputs={"deep": True}).value


def test_the_taken_arm_gives_the_name() -> None:
    """Rule B6: a name that two arms bind has the value of the arm that was taken."""
    text = """
flow f(deep: bool) -> string {
  if deep { step r = look("1") } else { step r = think("2") }
  return r
}
"""
    script = {"f/r@1": Says("looked"), "f/r@2": Says("thought")}
    assert ["looked", "thought"] == [run(text, script, inputs={"deep": deep}).value for deep in (True, False)]


def test_a_failure_lets_a_sent_write_end() -> None:
    """Rule A5: a failing sibling stops a read under way at once; a write under way ends and is recorded done."""
    text = """
flow f() {
  step all = parallel {
    step w = put("x")
    step r = look("y")
    step bad = think("z")
  }
}
"""
    fake = Fake({"w": Says("w", 5), "r": Says("r", 9), "bad": Fails(after=1)})
    result = run(text, fake)
    assert [(0, 5, "done"), (0, 1, "cancelled"), (0, 1, "failed")] == [
        fake.spans[f"f/all/{name}"] for name in ("w", "r", "bad")
    ]
    found = ends(result)
    assert ("done", "cancelled: f/all/bad failed") == (found["all/w"], found["all/r"])
    assert ["all/bad", "all/r", "all/w", "all"] == list(found)


def test_lets_are_evaluated_once_and_fail_each_reader() -> None:
    """Rule E3: a `let` without a value fails every step that reads it, and no other."""
    text = """
@on_failure("continue")
flow f(n: int) {
  let bad = 1 / n
  step a = think("${bad}")
  step b = think("${bad}")
  step c = think("c")
}
"""
    found = ends(run(text, inputs={"n": 0}))
    assert {"a": "failed validation.value", "b": "failed validation.value", "c": "done"} == found
