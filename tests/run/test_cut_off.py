"""A deadline around a write cuts it off: it failed in doubt, which nothing absorbs that absorbs the deadline."""

from datetime import timedelta

import pytest

from leadflow.events.model import (
    CallWaits,
    DeadlinePassed,
    Event,
    Failure,
    NodeCancelled,
    NodeFailed,
    Status,
    ToolCalled,
)
from leadflow.plan.types import Effect
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Bounds, Driver, Ports
from leadflow.run.kernel import Program
from leadflow.run.ports import CallOrder
from leadflow.run.taken_up import Told
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.run.fakes import Behaviour, Fake, Says, compiled, run

TOOLS = '@idempotent tool wipe(x: string) -> string = python("tools:wipe")\n'
LATE = '@timeout(2s) step g = do { step a = put("1") yield a }'
SLOW = {"a": Says("late", 60), "x": Says("late", 60)}


@pytest.mark.parametrize(
    "text",
    [
        f'flow f() -> string {{ @optional {LATE} return g ?? "nothing" }}',
        f'flow f() -> string {{ {LATE} catch _ => "nothing" return g }}',
        f'@on_failure("partial") flow f() -> string? {{ {LATE} return g }}',
        f'@on_failure("continue") flow f() -> string {{ @optional step h = do {{ {LATE} yield g }} return h ?? "" }}',
        f'flow f() -> string {{ step p = parallel(need: 1) {{ {LATE} step z = look("1") }} return p.z ?? "" }}',
        'flow f() -> list[string?] { @on_failure("partial") step l = for x in ["1", "2"] { '
        "@timeout(2s) step g = do { step a = put(x) yield a } yield g } return l }",
        'flow f() -> string { @optional @timeout(2s) step l = for x in ["1"] { step a = put(x) yield a } '
        'return if l == none then "" else "all" }',
        'flow f() -> string { @optional @timeout(2s) step r = repeat s = "1" at most 2 '
        '{ step a = put(s) yield a } until true return r ?? "" }',
        '@timeout(2s) flow k() -> string { step a = put("1") return a }\n'
        'flow f() -> string { @optional step g = k() return g ?? "nothing" }',
        '@timeout(2s) flow f() -> string { step a = put("1") return a }',
    ],
)
def test_nothing_absorbs_a_write_that_a_deadline_cut_off(text: str) -> None:
    """Rule C3: the end of the time of a block or a flow may be absorbed, a write in doubt in it may not."""
    result = run(text, SLOW)
    assert result.status is Status.FAILED and isinstance(result.failure, Failure)
    assert ("timeout.total", True) == (result.failure.error, result.failure.in_doubt)


def test_a_write_that_is_cut_off_is_undone_where_that_is_safe() -> None:
    """Rule C7: the run fails, so that what takes the write back is called, as far as it may be called in vain."""
    text = TOOLS + (
        'flow f() -> string { @optional @timeout(2s) step g = do { step a = put("1") undo wipe("1") yield a } '
        'return g ?? "nothing" }'
    )
    result = run(text, SLOW)
    assert (Status.FAILED, ("f/g/a",)) == (result.status, result.undone)


@pytest.mark.parametrize(
    "call", ['step a = wipe("1")', 'step a = look("1")', '@idempotent(key: "k") step a = put("1")']
)
def test_what_may_be_repeated_is_no_doubt(call: str) -> None:
    """Rule C3: whether it was done does not matter of what is read, idempotent or has a key, so its block is late."""
    block = f"@optional @timeout(2s) step g = do {{ {call} yield a }}"
    assert "nothing" == run(TOOLS + f'flow f() -> string {{ {block} return g ?? "nothing" }}', SLOW).value


def test_a_write_between_two_attempts_is_not_cut_off() -> None:
    """Rule A5: nothing of it is under way in a pause, so that the end of its block's time may be absorbed."""
    text = f'flow f() -> string {{ @optional {LATE} return g ?? "nothing" }}'

    def pausing(order: CallOrder) -> Behaviour:
        order.post(CallWaits(order.path, "put", "its turn", None))
        return Says("late", 60)

    assert "nothing" == run(text, {"a": pausing}).value


def test_a_cancelled_run_is_cancelled() -> None:
    """Rule X1: who asks for it and insists is told that the run is cancelled, and what is in doubt."""
    result = run('flow f() { step a = put("1") }', SLOW, cancel_after=[1], bounds=Bounds(drain=timedelta(seconds=1)))
    assert [True] == [e.event.in_doubt for e in result.entries if isinstance(e.event, NodeCancelled)]
    assert Status.CANCELLED is result.status


def test_an_undo_that_is_cut_off_is_in_doubt_in_a_cancelled_run() -> None:
    """Case S4: a flow that takes a step back does not absorb what its deadline cut off, whoever cancelled the run."""
    text = (
        'flow f() { step a = put("1") undo back("1") step b = look("2") after a }\n'
        "flow back(x: string) -> string? { @optional @timeout(2s) step g = do { step c = put(x) yield c } "
        "return g }"
    )
    result = run(text, {"b": Says("B", 60), "c": Says("late", 60)}, cancel_after=[1])
    assert "flow.compensation" == (result.failure and result.failure.error)
    assert result.failure is not None and result.failure.in_doubt


@pytest.mark.parametrize(("effect", "status"), [("write", Status.FAILED), ("read", Status.DONE)])
def test_a_model_is_in_doubt_when_its_tools_have_written(effect: Effect, status: Status) -> None:
    """Case C8: what a model says changes nothing; cut off, it leaves in doubt what its tools may have done."""
    text = 'agent wise: openai { model: "m"  max_tokens: 50  tools: [put, look] }\n' + (
        'flow f() -> string { @optional @timeout(2s) step g = do { step a = wise.ask("1") yield a } '
        'return g ?? "nothing" }'
    )

    def talking(order: CallOrder) -> Behaviour:
        order.post(ToolCalled(order.path, 0, 1, "put", effect, {}))
        return Says("late", 60)

    assert status is run(text, {"a": talking}).status


@pytest.mark.parametrize("last", [NodeFailed, DeadlinePassed])
def test_a_log_that_ends_behind_the_deadline_leads_to_the_same(last: type[Event]) -> None:
    """Case D2: a process that ends before the write has stopped is asked about, and called again it fails in doubt."""
    plan = compiled(f'flow f() -> string {{ @optional {LATE} return g ?? "nothing" }}')
    entries = run(plan, SLOW).entries
    end = next(at for at, entry in enumerate(entries) if isinstance(entry.event, last)) + 1
    told = {"f/g/a": Told("retry")} if last is DeadlinePassed else None
    program, journal = Program(plan), MemoryJournal(SystemClock(), entries[:end])
    driver = Driver(program, Ports(Fake(SLOW), journal, SystemClock()))
    result = run_virtual(driver.resume(entries[:end], told, owner="me"))
    assert (Status.FAILED, True) == (result.status, result.failure is not None and result.failure.in_doubt)
