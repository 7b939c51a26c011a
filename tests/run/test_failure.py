"""Strategies, blocks of cause, and what may be absorbed (rules C1, C2, C3)."""

from leadflow.events.model import NodeDone, Status
from tests.run.fakes import Fails, Fake, Says, ends, run, starts

ALL = """
flow f() {
  %s
  step all = parallel {
    step a = look("1")
    step b = look("2")
    step c = look("3")
  }
}
"""


def test_stop_is_the_default() -> None:
    """Rule C1: the first failure stops the siblings, and the block fails with that failure itself."""
    result = run(ALL % "", {"a": Fails("x.first", 1), "b": Fails("x.second", 2), "c": Says("C", 3)})
    assert result.failure is not None
    assert ("x.first", "f/all/a") == (result.failure.error, result.failure.path)
    assert "cancelled: f/all/a failed" == ends(result)["all/c"]


def test_continue_runs_what_does_not_depend_and_fails_with_all_causes() -> None:
    """Rule C1: under `continue` all members settle, then the block fails with every cause."""
    fake = Fake({"a": Fails("x.a", 1), "b": Fails("x.b", 2), "c": Says("C", 3)})
    result = run(ALL % '@on_failure("continue")', fake)
    assert result.failure is not None
    assert ("flow.members", ["x.a", "x.b"]) == (result.failure.error, [c.error for c in result.failure.causes])
    assert (0, 3, "done") == fake.spans["f/all/c"]


def test_partial_succeeds_with_what_there_is() -> None:
    """Rule C1: under `partial` the block is done; failed members are none."""
    result = run(ALL % '@on_failure("partial")', {"a": Fails(), "b": Says("B"), "c": Says("C")})
    done = {e.event.path: e.event.value for e in result.entries if isinstance(e.event, NodeDone)}
    assert {"a": None, "b": "B", "c": "C"} == done["f/all"]


FOR = """
flow f() -> %s {
  %s
  step all = for t in ["0", "1", "2"] { step a = look(t) yield a }
  return all
}
"""


def test_a_partial_for_has_holes() -> None:
    """Rule C1: a failed iteration is none at its place."""
    text = FOR % ("list[string?]", '@on_failure("partial")')
    assert ("f/all[0]/a", None, "f/all[2]/a") == run(text, {"f/all[1]/a": Fails()}).value


def test_a_stopped_for_starts_no_further_iteration() -> None:
    """Rule C1: under `stop` a failed iteration stops those under way; those not begun are never begun."""
    text = FOR % ("list[string]", "@concurrency(2)")
    fake = Fake({"f/all[0]/a": Fails(after=1), "f/all[1]/a": Says("b", 5)})
    result = run(text, fake)
    assert ["all", "all[0]/a", "all[1]/a"] == starts(result)
    assert (0, 1, "cancelled") == fake.spans["f/all[1]/a"]


def test_a_for_that_continues_ends_all_iterations_and_then_fails() -> None:
    """Rule C1: under `continue` every iteration ends; one cause speaks for itself."""
    text = FOR % ("list[string]", '@on_failure("continue")')
    result = run(text, {"f/all[0]/a": Fails("x.a"), "f/all[2]/a": Says("c", 5)})
    assert result.failure is not None
    assert ("x.a", "done") == (result.failure.error, ends(result)["all[2]/a"])


def test_a_strategy_is_not_inherited() -> None:
    """Rule C1: under a `partial` flow a `parallel` inside it still stops at its first failure."""
    text = '@on_failure("partial")' + ALL % ""
    result = run(text, {"a": Fails(after=1), "b": Says("B", 2), "c": Says("C", 2)})
    assert "cancelled: f/all/a failed" == ends(result)["all/b"]
    assert Status.DONE is result.status


PARTIAL_FLOW = """
@on_failure("partial")
flow f() -> { a: string?, b: string? } {
  step a = look("1")
  step b = look("2")
  step c = look(a)
  return { a: a, b: b }
}
"""


def test_a_partial_flow_returns_what_there_is() -> None:
    """Rule C1: in a partial flow's `return` a failed name is none; other readers of it are blocked."""
    result = run(PARTIAL_FLOW, {"a": Fails(), "b": Says("B")})
    assert {"a": None, "b": "B"} == result.value
    assert "blocked by a" == ends(result)["c"]


def test_a_failure_that_feeds_the_choice_fails_a_partial_flow() -> None:
    """Rule C1: when the failure decides which `return` is taken, the flow fails."""
    text = """
@on_failure("partial")
flow f() -> string? {
  step a = look("1")
  if a == "x" { return "one" }
  return "two"
}
"""
    result = run(text, {"a": Fails("x.a")})
    assert result.failure is not None
    assert "x.a" == result.failure.error
    assert {"a": "failed x.a", "if@1": "blocked by a", "return@1": "blocked by a", "return@2": "blocked by a"} == ends(
        result
    )


def test_blocked_names_the_root() -> None:
    """Rule C2: whatever reads what reads a failure, or names it in `after`, is blocked by that failure."""
    text = """
@on_failure("continue")
flow f() {
  step a = look("1")
  step b = look(a)
  step c = look(b)
  step d = look("4") after b
  step e = look("5")
}
"""
    found = ends(run(text, {"a": Fails()}))
    assert ["blocked by a"] * 3 == [found[name] for name in "bcd"]
    assert "done" == found["e"]


GROUP = """
@on_failure("continue")
flow f() {
  step a = look("1")
  %s
  step g = do {
    step b = look("2")
    step c = look(a)
    step d = look(b) after c
    yield "${d}"
  }
  step h = look(g)
}
"""


def test_a_group_that_reads_a_failure_outside_is_blocked() -> None:
    """Rule C2: a group opens early; when what a step in it reads fails outside, the group is blocked, not done."""
    fake = Fake({"a": Fails(after=1), "b": Says("B", 9)})
    found = ends(run(GROUP % "", fake))
    assert ["blocked by a"] * 4 == [found[name] for name in ("g/c", "g/d", "g", "h")]
    assert (0, 1, "cancelled") == fake.spans["f/g/b"]


def test_a_group_that_continues_does_what_it_can_before_it_is_blocked() -> None:
    """Rules C1, C2: under `continue` the steps that do not read the failure are done first."""
    fake = Fake({"a": Fails(after=1), "b": Says("B", 9)})
    found = ends(run(GROUP % '@on_failure("continue")', fake))
    assert ["done", "blocked by a", "blocked by a"] == [found[name] for name in ("g/b", "g/c", "g")]


def test_iterations_that_read_a_failure_block_their_loop() -> None:
    """Rule C2: a `for` whose body reads a failure outside is blocked; under `partial` it has holes."""
    text = """
@on_failure("continue")
flow f() {
  step a = look("1")
  %s
  step all = for t in ["x", "y"] { step b = look(a) yield b }
}
"""
    script = {"a": Fails(after=1)}
    assert "blocked by a" == ends(run(text % "", script))["all"]
    assert "done" == ends(run(text % '@on_failure("partial")', script))["all"]


def test_a_doubt_among_failures_is_the_failure() -> None:
    """Rule C3: a write that ends in doubt while its group stops is what the group fails with."""
    text = 'flow f() { @optional step p = parallel { step a = put("1") step b = look("2") } }'
    result = run(text, {"a": Fails("network.lost", 3, in_doubt=True), "b": Fails("x.b", 1)})
    assert result.failure is not None
    assert ("network.lost", True) == (result.failure.error, result.failure.in_doubt)


def test_after_is_content_with_skipped_and_absorbed() -> None:
    """Rule C2: a skipped step and an absorbed failure both satisfy `after`."""
    text = """
flow f(deep: bool) {
  if deep { step a = look("1") }
  @optional step b = look("2")
  step c = look("3") after b
  step d = look("4") after a
}
"""
    found = ends(run(text, {"b": Fails()}, inputs={"deep": False}))
    assert ["absorbed", "done", "done"] == [found[name] for name in "bcd"]


def test_optional_gives_none() -> None:
    """Rule C3: an absorbed failure is a value, and the log keeps the failure with it."""
    text = 'flow f() -> string { @optional step a = look("1") return a ?? "nothing" }'
    result = run(text, {"a": Fails("x.a")})
    assert "nothing" == result.value
    done = next(e.event for e in result.entries if isinstance(e.event, NodeDone) and e.event.path == "f/a")
    assert done.absorbed is not None
    assert (None, "x.a") == (done.value, done.absorbed.error)


def test_catch_makes_a_value_of_the_failure() -> None:
    """Rule C3: `catch` sees the class, the message, the step and the attempts."""
    value = '"${e.class} ${e.message} ${e.step} ${e.attempts}"'
    text = f'flow f() -> string {{ step a = look("1") catch e => {value} return a }}'
    result = run(text, {"a": Fails("network.lost", 0, "network")})
    assert "network a said no a 1" == result.value


def test_catch_on_a_block_takes_what_happened_inside() -> None:
    """Rule C3: a failure inside a group can be absorbed on the group."""
    text = 'flow f() -> string { step g = do { step a = look("1") yield a } catch e => e.message return g }'
    assert "a said no" == run(text, {"a": Fails()}).value


def test_a_catch_without_a_value_fails() -> None:
    """Rule E3: when the value of a `catch` cannot be computed the step fails, and names both."""
    text = 'flow f(n: int) -> float { step a: float = do { step b = look("1") yield 1.0 } catch e => 1 / n return a }'
    result = run(text, {"b": Fails("x.b")}, inputs={"n": 0})
    assert result.failure is not None
    assert ("validation.value", ["x.b"]) == (result.failure.error, [cause.error for cause in result.failure.causes])


def test_doubt_is_never_absorbed() -> None:
    """Rule C3: nobody knows whether the write was done: `@optional`, `catch`, `need` and `partial` let that pass."""
    texts = [
        'flow f() { @optional step a = put("1") }',
        'flow f() { step a = put("1") catch e => "x" }',
        'flow f() { step p = parallel(need: 1) { step a = put("1") step b = look("2") } }',
        '@on_failure("partial") flow f() { step a = put("1") }',
        'flow f() { @on_failure("partial") step all = for t in ["1"] { step a = put(t) } }',
        'flow f() { @optional step g = do { step a = put("1") } }',
    ]
    for text in texts:
        result = run(text, {"a": Fails("network.lost", in_doubt=True)})
        assert result.failure is not None, text
        assert result.failure.in_doubt, text


def test_the_limit_of_a_block_is_not_absorbed_inside_of_it() -> None:
    """Rule C3: a failure that is the limit of what encloses a step passes its `@optional` and its `catch`."""
    text = ALL.replace('step a = look("1")', '@optional step a = look("1") catch e => "caught"') % ""
    result = run(text, {"a": Fails("resource.budget", limit="f/all")})
    assert Status.FAILED is result.status
    assert result.failure is not None
    assert "resource.budget" == result.failure.error


def test_the_limit_of_a_block_is_absorbed_by_that_block() -> None:
    """Rule C3: something on the block whose limit it is may absorb it."""
    assert Status.DONE is run(ALL % "@optional", {"a": Fails("resource.budget", limit="f/all")}).status
