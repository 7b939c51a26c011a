"""A failure that ends the whole run (`terminate` of `@on_error`): nothing takes it, and nothing goes on beside it."""

import pytest

from leadflow.events.model import RunFailed, ScopeFailed
from leadflow.run.kernel import Kernel, Program
from leadflow.run.recover import replay
from tests.run.fakes import Fails, Fake, Says, Script, compiled, ends, run, starts
from tests.run.sagas import THREE, undos

CRITICAL = Fails("network.lost", 2, "network", limit="")

BLOCKS = {
    "a flow that goes on": ('@on_failure("continue")', "step b = look(x)"),
    "partial": ("", '@on_failure("partial") step b = for t in ["u", "v"] { step n = look(t) yield n }'),
    "need": ("", "step b = parallel(need: 1) { step n = look(x) step m = look(x) }"),
    "race": ("", "step b = race { step n = look(x) step m = look(x) }"),
    "do": ("", '@on_failure("partial") step b: string = do { step n = look(x) yield n ?? "" }'),
    "a called flow": ('@on_failure("continue")', "step b = g(x)"),
    "a retried block": ("", '@retry(3, on: ["network"]) step b = do { step n = look(x) yield n }'),
    "catch": ("", "step b = look(x) catch e => none"),
    "optional": ("", "@optional step b = look(x)"),
    "repeat": ("", "step b = repeat v: string = x at most 3 { step n = look(v) yield n } until false else v"),
}


def flows(strategy: str, block: str) -> str:
    """A flow with the block, and a call beside it that takes long."""
    return f"""
flow g(x: string) -> string {{
  step n = look(x)
  return n
}}
{strategy}
flow f(x: string) -> string {{
  {block}
  step beside = look(x)
  step late = look(beside)
  return beside
}}
"""


@pytest.mark.parametrize("block", BLOCKS)
def test_the_run_fails_at_once(block: str) -> None:
    """Whatever stands around it: the run fails with that failure, what reads is stopped, and nothing else begins."""
    script: Script = {"n": CRITICAL, "b": CRITICAL, "m": Says("m", 9), "beside": Says("beside", 60)}
    fake = Fake(script)
    result = run(flows(*BLOCKS[block]), fake, inputs={"x": "x"})
    assert result.failure is not None
    assert ("network.lost", "") == (result.failure.error, result.failure.limit)
    assert (0.0, 2.0, "cancelled") == fake.spans["f/beside"]
    assert "late" not in starts(result)
    assert [ScopeFailed("", result.failure)] == [e.event for e in result.entries if isinstance(e.event, ScopeFailed)]


def test_a_write_under_way_is_awaited() -> None:
    """Rule A5: what was sent is not cut off, so that nothing is in doubt for nothing."""
    text = """
flow f(x: string) -> string {
  @on_failure("partial") step b = parallel {
    step n = put(x)
    step m = put(x)
  }
  return b.n ?? ""
}
"""
    fake = Fake({"n": CRITICAL, "m": Says("m", 9)})
    result = run(text, fake, inputs={"x": "x"})
    assert ("failed network.lost", "done") == (ends(result)["b/n"], ends(result)["b/m"])
    assert (0.0, 9.0, "done") == fake.spans["f/b/m"]
    assert result.failure is not None and result.failure.limit == ""


def test_what_was_done_is_taken_back() -> None:
    """The run fails, so its undos run (rule C7); one of them that ends so does not end the others."""
    result = run(THREE, {"d": CRITICAL, "b~undo": CRITICAL})
    assert ["b: 2 f/a f/b", "a: f/a"] == [each.replace("f/a f/b", "2 f/a f/b") for each in undos(result)]


def test_the_first_failure_is_the_runs() -> None:
    """A second one on the way down changes nothing; neither does one of a run that is cancelled."""
    text = """
@on_failure("continue")
flow f(x: string) -> string {
  step a = put(x)
  step b = parallel { step c = put(x) step d = put(x) }
  return a
}
"""
    other = Fails("agent.server", 4, limit="")
    result = run(text, {"c": CRITICAL, "d": other}, inputs={"x": "x"})
    assert "network.lost" == (result.failure and result.failure.error)
    cancelled = run(text, {"c": CRITICAL, "d": other}, inputs={"x": "x"}, cancel_after=[1.0])
    assert [] == [e for e in cancelled.entries if isinstance(e.event, ScopeFailed)]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_log_of_it_is_replayed(block: str) -> None:
    """Case D5: from any point of the log on the same follows."""
    script: Script = {"n": CRITICAL, "b": CRITICAL, "m": Says("m", 9), "beside": Says("beside", 60)}
    text = flows(*BLOCKS[block])
    events = [entry.event for entry in run(text, script, inputs={"x": "x"}).entries]
    for count in range(1, len(events) + 1):
        kernel = Kernel(Program(compiled(text)))
        step = replay(kernel, events[:count])
        assert events[count : count + len(step.events)] == step.events
    assert isinstance(events[-1], RunFailed)
