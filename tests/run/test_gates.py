"""Who starts when not all may: run-wide bound, `@concurrency`, remaining path, `@priority`, paths."""

from leadflow.run.driver import Bounds
from tests.run.fakes import Fake, Says, run, starts

ONE = Bounds(calls=1)


def test_the_run_bounds_its_calls() -> None:
    """At most as many calls as the operator allows are under way, and all are made."""
    text = "flow f(xs: list[string]) { @concurrency(50) step all = for t in xs { step a = look(t) } }"
    fake = Fake({"a": Says("x", 1)})
    run(text, fake, inputs={"xs": ("x",) * 40}, bounds=Bounds(calls=7))
    assert (7, 40) == (fake.most, len(fake.orders))


def test_a_flow_bounds_its_calls_and_those_below() -> None:
    """Rule C4: `@concurrency` on a flow counts calls, also in blocks and in flows that it calls."""
    text = """
@concurrency(3)
flow f() {
  step all = for t in ["1", "2", "3", "4"] { step a = look(t) }
  step s = g()
  step t = g()
}
flow g() { step a = look("x") step b = look("y") }
"""
    fake = Fake({"a": Says("x", 1), "b": Says("x", 1)})
    run(text, fake)
    assert (3, 8) == (fake.most, len(fake.orders))


def test_a_parallel_bounds_its_members() -> None:
    """Rule C4: `@concurrency` on a `parallel` counts members: a group holds its place until its last step has ended."""
    text = """
flow f() {
  @concurrency(1)
  step all = parallel {
    step g = do { step a = look("1") step b = look(a) yield b }
    step c = look("3")
  }
}
"""
    fake = Fake({"a": Says("A", 1), "b": Says("B", 1), "c": Says("C", 1)})
    run(text, fake)
    assert [(0, 1, "done"), (1, 2, "done"), (2, 3, "done")] == [
        fake.spans[f"f/all/{name}"] for name in ("g/a", "g/b", "c")
    ]


def test_a_group_with_a_bound_does_not_wait_for_itself() -> None:
    """A member that opened early holds no place that another one needs."""
    text = """
flow f() {
  @concurrency(1)
  step g = do {
    step a = look("1")
    step h = do { step b = look("2") step c = look(a) }
  }
}
"""
    fake = Fake({name: Says(name, 1) for name in "abc"})
    run(text, fake)
    assert (1, 3) == (fake.most, len(fake.orders))


def test_the_longest_remaining_path_goes_first() -> None:
    """Of calls that are ready at the same time, the one with the most calls behind it starts first."""
    text = 'flow f() { step a = look("1") step b = look("2") step c = look(b) step d = look(c) step e = look("5") }'
    assert ["b", "c", "a", "d", "e"] == starts(run(text, bounds=ONE))


def test_then_the_higher_priority() -> None:
    """Among equal paths `@priority` decides; a block gives its own to what stands inside."""
    text = """
flow f() {
  step a = look("1")
  @priority(5) step b = look("2")
  @priority(7)
  step g = do {
    step c = look("3")
    @priority(-1)
    step d = look("4")
  }
}
"""
    assert ["g", "g/c", "b", "a", "g/d"] == starts(run(text, bounds=ONE))


def test_a_priority_reaches_into_called_flows() -> None:
    """A call of a flow gives its priority to the calls of that flow, unless the flow has its own."""
    text = """
flow f() {
  step a = g()
  @priority(5) step b = g()
  @priority(5) step c = h()
}
flow g() { step x = look("1") }
@priority(-5) flow h() { step x = look("1") }
"""
    assert ["b/x", "a/x", "c/x"] == [path for path in starts(run(text, bounds=ONE)) if "/" in path]


def test_then_the_order_of_paths() -> None:
    """Among equals, iterations go in their order, and a later batch keeps its place behind an earlier one."""
    text = "flow f(xs: list[string]) { @concurrency(30) step all = for t in xs { step a = look(t) step b = put(a) } }"
    found = starts(run(text, inputs={"xs": ("x",) * 20}, bounds=ONE))[1:]
    assert [f"all[{n}]/a" for n in range(20)] == found[:20]
    assert [f"all[{n}]/b" for n in range(20)] == found[20:]
