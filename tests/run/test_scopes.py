"""A block, a flow or the run that fails as a whole, by the limit of a call in it (rules C3, C4)."""

from leadflow.events.model import Failure, NodeFailed, ScopeFailed, Status
from leadflow.plan.policy import Budget
from leadflow.plan.types import Money
from leadflow.run.driver import Result
from tests.run.fakes import Fails, Fake, Says, ends, run


def over(limit: str, after: float = 1.0) -> Fails:
    """A call that finds a budget around it used up."""
    return Fails("resource.budget", after, "resource", limit=limit)


def scopes(result: Result) -> list[str]:
    """The paths of what failed as a whole."""
    return [entry.event.path for entry in result.entries if isinstance(entry.event, ScopeFailed)]


BLOCK = """
flow f() -> string {
  @optional
  step group: string = do {
    @optional
    step a: string = look("a")
    step b: string = think("b")
    step c: string = put("c") undo none
    yield "never"
  }
  step after: string = think("go on") after group
  return group ?? "nothing"
}
"""


def test_a_block_fails_as_a_whole_and_what_stands_on_it_absorbs_that() -> None:
    """Rule C3: `@optional` on the step inside does not absorb the limit of its block, that on the block does."""
    result = run(BLOCK, {"a": over("f/group"), "b": Says("b", 9), "after": Says("yes")})
    assert (Status.DONE, "nothing") == (result.status, result.value)
    found = ends(result)
    assert "failed resource.budget" == found["group/a"]
    assert "cancelled: f/group/a failed" == found["group/b"]
    assert ("absorbed", "done") == (found["group"], found["after"])
    assert ["f/group"] == scopes(result)


def test_a_write_under_way_is_awaited_before_its_block_fails() -> None:
    """Rule A5: a write that was sent when the budget around it is used up ends by itself."""
    text = """
    flow f() -> string {
      step group = parallel {
        step a: string = look("a")
        step b: string = put("b") undo none
      }
      return group.a
    }
    """
    fake = Fake({"a": over("f/group"), "b": Says("b", 9)})
    result = run(text, fake)
    assert (Status.FAILED, (0.0, 9.0, "done")) == (result.status, fake.spans["f/group/b"])
    assert result.failure is not None and ("resource.budget", "f/group") == (result.failure.error, result.failure.limit)


def test_the_limit_of_the_flow_passes_every_block() -> None:
    """Rule C3: nothing inside a flow absorbs its limit, and a flow that is retried is not tried again."""
    text = """
    @retry(3, on: ["resource"])
    flow f() -> string {
      @optional
      step group: string = do {
        step a: string = look("a")
        yield a
      }
      return group ?? "absorbed"
    }
    """
    result = run(text, {"a": over("f")})
    assert (Status.FAILED, ["f"]) == (result.status, scopes(result))


def test_the_second_report_of_a_scope_changes_nothing() -> None:
    """Two calls that find the same budget used up make one end of its block."""
    text = """
    flow f() -> string {
      @optional
      step all = parallel(need: 1) {
        step a: string = put("a") undo none
        step b: string = put("b") undo none
      }
      return all?.a ?? "nothing"
    }
    """
    result = run(text, {"a": over("f/all"), "b": over("f/all", 2)})
    assert ("nothing", ["f/all"]) == (result.value, scopes(result))


def test_what_is_in_doubt_goes_before_the_limit() -> None:
    """Rule C3: a write in a block without budget left that is in doubt is not absorbed with the block."""
    text = """
    flow f() -> string {
      @optional
      step all = parallel {
        step a: string = look("a")
        step b: string = put("b") undo none
      }
      return all?.a ?? "nothing"
    }
    """
    result = run(text, {"a": over("f/all"), "b": Fails("network.lost", 2.0, "network", in_doubt=True)})
    assert result.status is Status.FAILED
    assert isinstance(result.failure, Failure) and result.failure.in_doubt


def test_a_call_carries_the_budgets_around_it() -> None:
    """Rules C4, C10: those of blocks and flows, the innermost first; a called flow's joins that of its call."""
    text = """
    @budget($5)
    flow f() -> string {
      @budget($3, calls: 7)
      step x: string = g()
      step y: string = think("y")
      return "${x}${y}"
    }
    @budget($4, tokens: 100)
    flow g() -> string {
      @budget(calls: 2)
      step all: list[string] = for w in ["a", "b"] {
        step a: string = think(w)
        yield a
      }
      return join(all, "")
    }
    """
    fake = Fake()
    run(text, fake)
    found = {order.path: order.budgets for order in fake.orders}
    flow = ("f", Budget(Money(5_000_000)))
    assert (flow,) == found["f/y"]
    called = ("f/x", Budget(Money(3_000_000), 100, 7))
    assert (("f/x/all", Budget(calls=2)), called, flow) == found["f/x/all[1]/a"]


def test_the_node_says_why_before_its_scope_ends() -> None:
    """The log tells the call that found it first, then what fails with it."""
    result = run(BLOCK, {"a": over("f/group")})
    told = [type(entry.event) for entry in result.entries if isinstance(entry.event, NodeFailed | ScopeFailed)]
    assert [NodeFailed, ScopeFailed] == told[:2]
