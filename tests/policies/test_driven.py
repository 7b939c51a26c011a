"""Flows with policies, from their text to their end: kernel, driver and stack together, in virtual time."""

import asyncio
from collections.abc import Mapping

from leadflow.events.model import (
    AttemptFailed,
    AttemptStarted,
    CacheUsed,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    RunStarted,
    Status,
)
from leadflow.pipeline import compile_source
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.errors import ConnectionLost, Rejected, Transient
from leadflow.run.kernel import Program
from leadflow.run.ports import Request
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Player, after, s

HEAD = """leadflow 1
agent main: python { module: "main.py"  reads: ["look"] }
agent spare: python { module: "spare.py"  reads: ["look"] }
"""


def run(text: str, agents: Mapping[str, Player], seed: int = 1) -> Result:
    """Run the flow `f` of a text."""
    plan, report = compile_source("test.flow", HEAD + text)
    assert plan is not None, [finding.message for finding in report.diagnostics]
    stack = Stack(plan.agents, agents, PolicyPorts(CLOCK, SeededRng(seed), Shared()))

    async def main() -> Result:
        driver = Driver(Program(plan), Ports(stack, MemoryJournal(CLOCK), CLOCK))
        result = await driver.run(RunStarted("run-1", "f", plan.hash, {}, seed, CLOCK.now()))
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert len(result.leaked) == len(left)
        return result

    return run_virtual(main())


def of(result: Result, kind: type) -> list[object]:
    """The events of a kind."""
    return [entry.event for entry in result.entries if isinstance(entry.event, kind)]


def test_a_flow_retries_falls_back_and_tells_it() -> None:
    """Every attempt is in the log, between the start and the end of its node (case R5, F3)."""
    main, spare = Player(Transient("later"), Rejected("no")), Player(7)
    result = run(
        """flow f() -> int {
          @retry(3, backoff: 1s, jitter: "none") @fallback(spare)
          step a: int = main.look()
          return a
        }""",
        {"main": main, "spare": spare},
    )
    assert (Status.DONE, 7) == (result.status, result.value)
    assert [1.0, None] == [event.delay for event in of(result, AttemptFailed) if isinstance(event, AttemptFailed)]
    assert [(2, "main"), (3, "spare")] == [
        (event.attempt, event.agent) for event in of(result, AttemptStarted) if isinstance(event, AttemptStarted)
    ]
    (done,) = [event for event in of(result, NodeDone) if isinstance(event, NodeDone) and event.path == "f/a"]
    assert ("spare", 7) == (done.agent, done.value)


def test_the_failure_of_a_step_has_its_attempts() -> None:
    """The run's failure is the step's, attempts included (case R19)."""
    result = run(
        """flow f() -> int {
          @retry(2, backoff: 1s)
          step a: int = main.look()
          return a
        }""",
        {"main": Player("seven")},
    )
    assert result.failure is not None
    assert ("validation.answer", 2) == (result.failure.error, len(result.failure.attempts))
    assert 'the answer of main.look does not fit: expected int, got string: "seven"' == result.failure.message


def test_t8_a_call_that_does_not_stop_is_reported() -> None:
    """T8: the run goes on 5 s after the timeout and names what it left behind."""

    async def deaf(request: Request) -> object:
        while CLOCK.monotonic() < 500:
            try:
                await CLOCK.sleep(s(100))
            except asyncio.CancelledError:
                continue
        return 1

    result = run(
        """flow f() -> int? {
          @timeout(attempt: 2s) @optional
          step a: int = main.look()
          return a
        }""",
        {"main": Player(deaf)},
    )
    assert (Status.DONE, None, ("f/a",)) == (result.status, result.value, result.leaked)
    assert 7.0 == result.entries[-1].at - result.entries[0].at


def test_a_write_in_doubt_is_not_absorbed() -> None:
    """Rule C3: `@optional` and a fallback do not hide that nobody knows what was done."""
    spare = Player(7)
    result = run(
        """flow f() -> int? {
          @timeout(2s) @optional @fallback(spare)
          step a: int = main.put()
          return a
        }""",
        {"main": Player(after(9)), "spare": spare},
    )
    assert result.failure is not None
    assert (Status.FAILED, True, []) == (result.status, result.failure.in_doubt, spare.requests)


def test_a_sibling_that_fails_ends_a_wait_between_two_attempts() -> None:
    """Rule A5: a write between two attempts is not under way; it is not tried again."""
    main, spare = Player(ConnectionLost("x", sent=False)), Player(after(5, Rejected("no")))
    result = run(
        """flow f() {
          step both = parallel {
            @retry(9, backoff: 1h, max: 1h, jitter: "none") @idempotent
            step a = main.put()
            step b = spare.put()
          }
        }""",
        {"main": main, "spare": spare},
    )
    assert (Status.FAILED, 1) == (result.status, len(main.requests))
    assert ["f/both/a"] == [e.path for e in of(result, NodeCancelled) if isinstance(e, NodeCancelled)]
    assert 5.0 == result.entries[-1].at - result.entries[0].at


def test_a_sibling_that_fails_keeps_a_fallback_from_writing() -> None:
    """Rule A5: a write that was told to stop after its attempt is not written by somebody else."""
    spare = Player(7)
    result = run(
        """agent third: python { module: "third.py" }
        flow f() {
          step both = parallel {
            @fallback(spare) @idempotent
            step a: int = main.put()
            step b = third.put()
          }
        }""",
        {"main": Player(after(9, Rejected("no"))), "spare": spare, "third": Player(after(5, Rejected("no")))},
    )
    assert (Status.FAILED, []) == (result.status, spare.requests)
    assert 9.0 == result.entries[-1].at - result.entries[0].at


def test_t11_the_deadline_of_a_block_bounds_the_calls_inside() -> None:
    """T11: a call in a `do` of 10 s does not get its own 60 s, and no fallback answers for the block."""
    spare = Player(7)
    result = run(
        """flow f() -> int? {
          @timeout(10s) @optional
          step block = do {
            @timeout(60s) @fallback(spare) @retry(9, backoff: 4s, base: 1.0, jitter: "none")
            step a: int = main.look()
            yield a
          }
          return block
        }""",
        {"main": Player(after(3, Transient("x"))), "spare": spare},
    )
    assert (Status.DONE, None) == (result.status, result.value)
    assert result.entries[-1].at - result.entries[0].at <= 10.0


def test_slots_of_an_agent_hold_over_all_steps() -> None:
    """`@concurrency` of an agent bounds all of its calls together, those of loops too."""
    plan = """
    @concurrency(2)
    agent few: python { module: "few.py"  reads: ["look"] }
    flow f() -> list[int] {
      step many = for i in range(7) {
        step one: int = few.look(i)
        yield one
      }
      return many
    }"""
    few = Player(after(1, 1))
    result = run(plan, {"few": few})
    assert (Status.DONE, (1,) * 7, 2) == (result.status, result.value, few.most)
    assert 4.0 == result.entries[-1].at - result.entries[0].at


def test_l4_a_priority_goes_first_in_the_queue_of_an_agent() -> None:
    """L4: `@priority` of a step, or of the block or flow around it, decides among those that wait for an agent."""
    plan = """
    @limit(concurrent: 1)
    agent few: python { module: "few.py"  reads: ["look"] }
    @priority(3)
    flow inner() -> int {
      step deep: int = few.look("flow")
      return deep
    }
    flow f() -> int {
      @priority(9) step held: int = few.look("first")
      step low: int = few.look("plain")
      @priority(2) step own: int = few.look("step")
      @priority(1) step block = do {
        step within: int = few.look("block")
        yield within
      }
      step called: int = inner()
      return held + low + own + block + called
    }"""
    few = Player(after(1, 1))
    result = run(plan, {"few": few})
    assert (Status.DONE, 5) == (result.status, result.value)
    asked = [str(request.args["0"]) for request in few.requests]
    assert ["first", "flow", "step", "block", "plain"] == asked


def test_a_sibling_that_fails_keeps_a_write_in_the_queue_from_being_sent() -> None:
    """Rule A5: what waits for its turn is not under way; the write that has its turn is awaited."""
    plan = """
    @limit(concurrent: 1)
    agent few: python { module: "few.py" }
    flow f() {
      step both = parallel {
        step first = few.put(1)
        step second = few.put(2)
        step fails = main.look()
      }
    }"""
    few, main = Player(after(60)), Player(after(5, Rejected("no")))
    result = run(plan, {"few": few, "main": main})
    assert (Status.FAILED, [1]) == (result.status, [request.args["0"] for request in few.requests])
    assert ["f/both/second"] == [e.path for e in of(result, NodeCancelled) if isinstance(e, NodeCancelled)]
    assert 60.0 == result.entries[-1].at - result.entries[0].at


def test_one_seed_gives_one_log() -> None:
    """R8: the same seed gives the same log, times included; another seed does not."""
    text = """flow f() -> list[int?] {
      @on_failure("partial")
      step many = for i in range(20) {
        @retry(4) @timeout(20s, attempt: 2s)
        step one: int = main.look(i)
        yield one
      }
      return many
    }"""

    def log(seed: int) -> list[str]:
        script = [Transient("x"), after(3), 7, ConnectionLost("y"), after(1, 5), "text"] * 9
        result = run(text, {"main": Player(*script)}, seed)
        assert not of(result, NodeFailed) or result.status is Status.DONE
        begun = result.entries[0].at
        return [f"{entry.at - begun:.6f} {entry.event}" for entry in result.entries[1:]]

    assert log(1) == log(1) != log(2)


def test_the_key_of_the_cache_is_evaluated_in_the_run() -> None:
    """C2: `@cache(key:)` of a step, and that of its agent, decide which calls are equal, whatever their arguments."""
    main = Player(1, 2, 3, 4)
    result = run(
        """@cache(1h, key: "of the agent")
        agent own: main { }
        flow f() -> list[int] {
          @concurrency(1)
          step kept = for n in [1, 2, 11, 12] {
            @cache(1h, key: if n < 10 then "small" else "large")
            step one: int = main.look(n)
            step two: int = own.look(n)
            yield one + 100 * two
          }
          return kept
        }""",
        {"main": main, "own": Player(7, 8)},
    )
    assert (Status.DONE, (701, 701, 702, 702)) == (result.status, result.value)
    assert [1, 11] == [request.args["0"] for request in main.requests]
    hits = [event.path for event in of(result, CacheUsed) if isinstance(event, CacheUsed)]
    assert ["f/kept[1]/one", "f/kept[1]/two", "f/kept[2]/two", "f/kept[3]/one", "f/kept[3]/two"] == sorted(hits)


def test_a_key_without_a_value_fails_its_step() -> None:
    """A key that cannot be worked out is the failure of the step, before anything is asked."""
    main = Player(1)
    result = run(
        """flow f() -> int {
          @cache(1h, key: "${1 / len(\"\")}")
          step a: int = main.look()
          return a
        }""",
        {"main": main},
    )
    assert result.failure is not None
    assert ("validation.value", 0) == (result.failure.error, len(main.requests))


def test_a5_a_write_that_is_hedged_is_awaited() -> None:
    """A5: a write of which one attempt failed while the other is under way is not between two attempts: a sibling's
    failure waits for it.
    """
    main, spare = Player(after(2.5, ConnectionLost("it broke")), after(3, 7)), Player(after(4, Rejected("no")))
    result = run(
        """flow f() -> json {
          step both = parallel {
            @hedge(after: 2s) @idempotent(key: "k") step a: int = main.put()
            step b: int = spare.look()
          }
          return both
        }""",
        {"main": main, "spare": spare},
    )
    assert Status.FAILED is result.status
    failed = [event for event in of(result, AttemptFailed) if isinstance(event, AttemptFailed)]
    assert [("f/both/a", 1, True)] == [(event.path, event.failure.attempt, event.is_beside) for event in failed]
    done = [event for event in of(result, NodeDone) if isinstance(event, NodeDone)]
    assert [("f/both/a", 7)] == [(event.path, event.value) for event in done]
    assert ["k", "k"] == [request.key for request in main.requests]


def test_c3_a_cancelled_leader_that_does_not_stop_is_left_by_its_followers() -> None:
    """Cases C3, T8: a run is cancelled while its call leads, and the agent does not stop: when the call is left behind
    the call of another run, which has no deadline, is made; what the first one says later harms nobody."""

    async def deaf(request: Request) -> object:
        end = CLOCK.monotonic() + 1_000
        while CLOCK.monotonic() < end - 1e-6:
            try:
                await CLOCK.sleep(s(end - CLOCK.monotonic()))
            except asyncio.CancelledError:
                continue
        return 1

    text = "flow f() -> int {\n@cache(1h)\nstep a: int = main.look()\nreturn a\n}"
    plan, report = compile_source("test.flow", HEAD + text)
    assert plan is not None, [finding.message for finding in report.diagnostics]
    shared = Shared()
    agents = {"main": Player(deaf, after(2, 7)), "spare": Player(0)}

    def driver() -> Driver:
        stack = Stack(plan.agents, agents, PolicyPorts(CLOCK, SeededRng(1), shared))
        return Driver(Program(plan), Ports(stack, MemoryJournal(CLOCK), CLOCK))

    def started(run: str) -> RunStarted:
        return RunStarted(run, "f", plan.hash, {}, 1, CLOCK.now())

    async def main() -> tuple[Result, Result, float]:
        first = driver()
        leading = asyncio.create_task(first.run(started("run-1")))
        await CLOCK.sleep(s(1))
        following = asyncio.create_task(driver().run(started("run-2")))
        await CLOCK.sleep(s(1))
        first.cancel("enough")
        second = await following
        return await leading, second, CLOCK.monotonic()

    cancelled, second, ended = run_virtual(main())
    assert (Status.CANCELLED, ("f/a",)) == (cancelled.status, cancelled.leaked)
    assert (Status.DONE, 7, 9.0) == (second.status, second.value, round(ended, 3))  # 2 s, a grace of 5 s, 2 s
    assert 0 == len(shared.flights)
