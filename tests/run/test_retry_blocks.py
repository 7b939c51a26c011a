"""A block, a called flow or the run's flow that is tried again as a whole (rules C4, C10)."""

import pytest

from leadflow.events.model import AttemptFailed, AttemptStarted, NodeStarted, Status
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.kernel import Program
from leadflow.run.ports import CallOrder
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK
from tests.run.fakes import Behaviour, Fails, Fake, Says, compiled, ends, run, starts

GROUP = """
flow f() -> string {
  @retry(3, backoff: 2s, jitter: "none"%s)
  step g = do { step a = look("1") step b = look(a) yield b }
  return g
}
"""


def flaky(times: int, error: str = "network.lost") -> Fake:
    """The call `b` fails so many times, then it answers."""
    left = [times]

    def b(order: CallOrder) -> Behaviour:
        left[0] -= 1
        return Fails(error, category="network") if left[0] >= 0 else Says("B")

    return Fake({"a": Says("A", 1), "b": b})


def test_a_group_is_tried_again_as_a_whole() -> None:
    """Rule C10: each attempt has paths of its own, and the waits grow as `@retry` says."""
    fake = flaky(2)
    result = run(GROUP % "", fake)
    assert "B" == result.value
    assert ["g", "g/a", "g/b", "g~2/a", "g~2/b", "g~3/a", "g~3/b"] == starts(result)
    assert [(0, 1), (3, 4), (8, 9)] == [fake.spans[f"f/g{n}/a"][:2] for n in ("", "~2", "~3")]
    told = [e.event for e in result.entries if isinstance(e.event, AttemptFailed | AttemptStarted)]
    assert [("f/g", 2.0), ("f/g", 4.0)] == [(e.path, e.delay) for e in told if isinstance(e, AttemptFailed)]
    assert [2, 3] == [e.attempt for e in told if isinstance(e, AttemptStarted)]


def test_the_last_attempt_is_the_last() -> None:
    """Cases R1, R6: three attempts in total, and no wait behind the last one."""
    result = run(GROUP % "", flaky(9))
    assert result.failure is not None
    assert ("network.lost", "f/g~3/b") == (result.failure.error, result.failure.path)
    assert 3 == len([path for path in starts(result) if path.endswith("/b")])


@pytest.mark.parametrize(("on", "error", "attempts"), [
    ("", "agent.rejected", 1),
    ("", "network.lost", 3),
    (', on: ["timeout"]', "network.lost", 1),
    (', on: ["network"]', "agent.rejected", 3),
])  # fmt: skip
def test_only_what_may_pass_is_tried_again(on: str, error: str, attempts: int) -> None:
    """Case R17: the failure's own kind decides, or the classes of `on:`; the fake's failures are of class network."""
    result = run(GROUP % on, flaky(9, error))
    assert attempts == len([path for path in starts(result) if path.endswith("/b")])


def test_the_time_of_a_group_bounds_all_attempts() -> None:
    """A deadline on the same block covers its attempts and the waits between them."""
    text = GROUP.replace("@retry", "@timeout(2s) @retry") % ""
    result = run(text, flaky(9))
    assert result.failure is not None
    assert ("timeout.total", "f/g") == (result.failure.error, result.failure.path)
    assert ["g", "g/a", "g/b"] == starts(result)


def test_a_sibling_failure_ends_the_wait() -> None:
    """A group that waits for its next attempt is stopped at once when a sibling fails."""
    text = """
flow f() {
  @retry(3, backoff: 50s, jitter: "none")
  step g = do { step b = look("1") }
  step c = look("2")
}
"""
    fake = Fake({"b": Fails("network.lost", category="network"), "c": Fails(after=3)})
    result = run(text, fake)
    assert "cancelled: f/c failed" == ends(result)["g"]
    assert ["g", "g/b", "c"] == starts(result)


FLOWS = """
@retry(2, backoff: 1s, jitter: "none")
flow f() -> string { step s = g() return s }
flow g() -> string { step b = look("1") return b }
"""


def test_the_flow_of_the_run_is_tried_again() -> None:
    """Rule C4: `@retry` on a flow tries the whole flow again, also the one that was started."""
    result = run(FLOWS, flaky(1))
    assert "B" == result.value
    assert ["f/s", "f/s/b", "f~2/s", "f~2/s/b"] == [
        entry.event.path for entry in result.entries if isinstance(entry.event, NodeStarted)
    ]


def test_a_cancel_ends_the_wait_of_the_run() -> None:
    """Case X3: a run that waits for its next attempt is over at once when it is cancelled."""
    result = run(FLOWS.replace("1s", "50s"), flaky(1), cancel_after=[2])
    assert Status.CANCELLED is result.status


def test_a_called_flow_is_tried_again() -> None:
    """Rule C10: attempts of a called flow are told apart in the path of its step."""
    text = FLOWS.replace('@retry(2, backoff: 1s, jitter: "none")\n', "").replace(
        "flow g", '@retry(2, backoff: 1s, jitter: "none")\nflow g'
    )
    assert ["s", "s/b", "s~2/b"] == starts(run(text, flaky(1)))


def test_one_seed_waits_the_same_twice() -> None:
    """Case R8: jitter follows from the run's seed, so a second run of the same seed has the same log."""
    text = GROUP.replace(', jitter: "none"', "") % ""
    logs = [[entry.event for entry in run(text, flaky(2)).entries] for _ in range(2)]
    delays = [event.delay for event in logs[0] if isinstance(event, AttemptFailed)]
    assert logs[0] == logs[1]
    assert all(delay is not None and 0 <= delay < most for delay, most in zip(delays, (2, 4), strict=True))


WRITES = """
@retry(2, backoff: 1s, jitter: "none")
flow f() -> string {
  @retry(2, backoff: 1s, jitter: "none")
  step g = do {
    step all = for x in ["1", "1"] {
      @idempotent step a = put(x)
    }
    step b = look("1") after all
    yield b
  }
  return g
}
"""


def test_every_attempt_of_a_group_sends_the_same_keys() -> None:
    """Case R3: a write that a block or a flow makes again is the same write; those of two iterations are two."""
    fake = flaky(3)
    assert "B" == run(WRITES, fake).value
    written = [(order.path.partition("[")[2], order.key) for order in fake.orders if order.path.endswith("/a")]
    assert (8, 2, 2) == (len(written), len({*written}), len({key for _, key in written}))


def test_a_second_attempt_in_another_process_sends_the_key_of_the_first() -> None:
    """Case R3: also when the process ends in the second attempt."""
    plan, fake, other = compiled(WRITES), flaky(1), Fake()
    whole = [entry.event for entry in run(plan, fake).entries]
    cut = whole[: whole.index(NodeStarted("f/g~2/all[0]/a")) + 1]

    async def main() -> Result:
        journal = MemoryJournal(CLOCK)
        return await Driver(Program(plan), Ports(other, journal, CLOCK)).resume(await journal.append(cut))

    run_virtual(main())
    first = next(order for order in fake.orders if order.path == "f/g/all[0]/a")
    assert ("f/g~2/all[0]/a", first.key) == (other.orders[0].path, other.orders[0].key)
