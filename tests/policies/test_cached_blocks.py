"""`@cache` on blocks, flows and their calls: what is remembered of them, for whom, and what a log of that says.

Kernel, driver, stack and memory together, in virtual time. Runs of one `House` share what a process shares.
"""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from leadflow.events.model import (
    AttemptFailed,
    CacheUsed,
    CallWaits,
    Entry,
    NodeDone,
    NodeStarted,
    RunResumed,
    RunStarted,
    Status,
)
from leadflow.pipeline import compile_source
from leadflow.plan.types import Value
from leadflow.policies.blocks import Blocks
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng
from leadflow.run.driver import Driver, Ports, Result
from leadflow.run.errors import Rejected, Transient
from leadflow.run.kernel import Program
from leadflow.run.ports import Recalled, Request
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Player, after, s

HEAD = """leadflow 1
agent main: python { module: "main.py"  reads: ["look"] }
agent spare: python { module: "spare.py"  reads: ["look"] }
"""

GROUP = """flow f(q: string) -> int {
  @cache(60s)
  step g = do {
    step a: int = main.look(q)
    step b: int = main.look(a)
    yield b
  }
  return g
}"""


class House:
    """A process in which a program is run: its agents answer with the number of the call."""

    def __init__(self, text: str, *script: object, spare: Player | None = None) -> None:
        plan, report = compile_source("test.flow", HEAD + text)
        assert plan is not None, [finding.message for finding in report.diagnostics]
        self.plan, self.shared = plan, Shared()
        self.player = Player(*script) if script else Player(after(1, self.number))
        self.agents = {"main": self.player, "spare": spare or Player(100)}

    async def number(self, request: Request) -> object:
        """How many calls came so far."""
        return len(self.player.requests)

    @property
    def calls(self) -> int:
        """Calls that came."""
        return len(self.player.requests)

    def driver(self, entries: Sequence[Entry] = (), *, scope: bytes = b"") -> Driver:
        """One run, or what is left of one."""
        stack = Stack(self.plan.agents, self.agents, PolicyPorts(CLOCK, SeededRng(1), self.shared))
        memo = Blocks(self.shared, CLOCK, self.plan.hash.encode() + scope)
        return Driver(Program(self.plan), Ports(stack, MemoryJournal(CLOCK, entries), CLOCK, memo=memo))

    async def run(self, run: str = "run-1", inputs: Mapping[str, Value] | None = None, *, scope: bytes = b"") -> Result:
        """The flow `f`."""
        given = {param.name: (inputs or {}).get(param.name, "a") for param in self.plan.flows["f"].params}
        return await self.driver(scope=scope).run(RunStarted(run, "f", self.plan.hash, given, 1, CLOCK.now()))


def of(result: Result, kind: type) -> list[str]:
    """The paths of the events of a kind."""
    return [str(getattr(entry.event, "path", "")) for entry in result.entries if isinstance(entry.event, kind)]


def values(house: House, *inputs: Mapping[str, Value]) -> list[Value]:
    """What runs give, one after the other."""

    async def all_of_them() -> list[Value]:
        return [(await house.run(f"run-{number}", given)).unwrap() for number, given in enumerate(inputs)]

    return run_virtual(all_of_them())


# --- what is remembered -------------------------------------------------------------------------------------------


def test_an_equal_block_is_not_run_again() -> None:
    """Cases C1, $6: a second run takes what the first one got, calls nobody and takes no time."""

    async def twice() -> tuple[Result, Result, float]:
        first = await house.run()
        begun = CLOCK.monotonic()
        return first, await house.run("run-2"), CLOCK.monotonic() - begun

    house = House(GROUP)
    first, second, took = run_virtual(twice())
    assert (2, 2, 2, 0.0) == (first.unwrap(), second.unwrap(), house.calls, took)
    assert ([], ["f/g"]) == (of(first, CacheUsed), of(second, CacheUsed))
    assert (["f/g", "f/g/a", "f/g/b"], ["f/g"]) == (of(first, NodeStarted), of(second, NodeStarted))


def test_a_call_of_a_flow_is_no_block_of_that_flow() -> None:
    """Whatever number it is called with: it would wait for itself, or give what only a part of it gave."""
    house = House("""flow g(n: int) -> int {
      @cache(60s) step b = do { step a: int = main.look("x") yield a }
      return b + 100
    }
    flow f(n: int) -> int {
      @cache(60s) step x = g(n)
      return x
    }""")
    assert [101] * 8 == values(house, *({"n": n} for n in range(8)))
    assert 1 == house.calls


@pytest.mark.parametrize(("pause", "calls"), [(59.9, 2), (60, 4), (60.1, 4)])
def test_what_a_block_gave_is_kept_for_its_time(pause: float, calls: int) -> None:
    """Case C4: at exactly its TTL it is gone."""

    async def later() -> None:
        await house.run()
        await CLOCK.sleep(s(pause))
        await house.run("run-2")

    house = House(GROUP)
    run_virtual(later())
    assert calls == house.calls


OUTSIDE = {
    "a parameter": """flow f(q: string) -> int {
      @cache(60s) step g = do { step a: int = main.look(q) yield a }
      return g
    }""",
    "a step": """flow f(q: string) -> int {
      step p: string = spare.look(q)
      @cache(60s) step g = do { step a: int = main.look(p) yield a }
      return g
    }""",
    "a let": """flow f(q: string) -> int {
      let p = "${q}!"
      @cache(60s) step g = do { step a: int = main.look(p) yield a }
      return g
    }""",
    "a let inside, of a parameter": """flow f(q: string) -> int {
      @cache(60s) step g = do { let p = "${q}!" step a: int = main.look(p) yield a }
      return g
    }""",
    "a way that was taken": """flow f(q: string) -> int {
      if q == "a" { step p: int? = spare.look(1) } else { step r: int? = spare.look(2) }
      @cache(60s) step g = do { step a: int = main.look("${p == none}") yield a }
      return g
    }""",
    "the items": """flow f(q: string) -> int {
      @cache(60s) step g = for i in [q] { step a: int = main.look("x") yield a }
      return g[0] ?? 0
    }""",
    "a rule of the end": """flow f(q: string) -> int {
      @cache(60s) step g = repeat v = 0 at most 2 { step a: int = main.look("x") yield a } until q == q else v
      return g
    }""",
    "the argument of a flow": """
    flow k(p: string) -> int { step a: int = main.look(p) return a }
    flow f(q: string) -> int { @cache(60s) step g = k(q) return g }""",
    "the argument of a cached flow": """
    @cache(60s) flow k(p: string) -> int { step a: int = main.look(p) return a }
    flow f(q: string) -> int { step g = k(q) return g }""",
}


@pytest.mark.parametrize("text", OUTSIDE.values(), ids=OUTSIDE)
def test_what_is_read_outside_tells_blocks_apart(text: str) -> None:
    """Case C2: another value outside is another block, and the same value the same one."""
    house = House(text, spare=Player(1) if "way" not in text else None)
    if "spare" in text and "p: string" in text:
        house.agents["spare"] = Player(after(0, _echo))
    assert [1, 2, 1, 2] == values(house, {"q": "a"}, {"q": "b"}, {"q": "a"}, {"q": "b"})


async def _echo(request: Request) -> object:
    return str(next(iter(request.args.values())))


def test_constants_of_the_run_tell_blocks_apart_also_in_called_flows() -> None:
    """A block that reads `run.id` is another one in each run; also where a flow that it calls reads it."""
    text = """
    flow k() -> int { step a: int = main.look("${run.id}") return a }
    flow f() -> int { @cache(60s) step g = do { step a = k() yield a } return g }"""
    assert [1, 2] == values(House(text), {}, {})


def test_other_credentials_are_other_blocks() -> None:
    """Case C2: two tenants never share what a block gave."""

    async def both() -> list[Value]:
        return [(await house.run(scope=scope)).unwrap() for scope in (b"one", b"two", b"one")]

    house = House(GROUP)
    assert [2, 4, 2] == run_virtual(both())


def test_calls_of_a_cached_flow_share_from_wherever_they_are_made() -> None:
    """The flow and its arguments decide, not the step."""
    text = """
    @cache(60s) flow k(p: string) -> int { step a: int = main.look(p) return a }
    flow f() -> list[int] { step x = k("1") step y = k("1") after x step z = k("2") after y return [x, y, z] }"""
    assert [(1, 1, 2)] == values(House(text), {})


@pytest.mark.parametrize("inside", [
    "@optional step b: int? = spare.look(1)",
    "step b: int = spare.look(1) catch e => 0",
    "@fallback(main) step b: int = spare.look(1)",
    'step b = parallel(need: 1) { step c: int = main.look("2") step d: int = spare.look(1) }',
    '@on_failure("partial") step b = for i in [1] { step c: int = spare.look(i) yield c }',
])  # fmt: skip
def test_what_was_degraded_is_not_remembered(inside: str) -> None:
    """Cases C1, F3: a block in which something failed, or another agent answered, is run again the next time."""
    text = f"""flow f() -> int {{
      @cache(60s)
      step g = do {{ step a: int = main.look("1")
      {inside}
      yield a }}
      return g }}"""

    async def often() -> list[bool]:
        used = []
        for number in range(4):
            spare.script = (Rejected("no"),) if number < 2 else (3,)
            used.append(bool(of(await house.run(f"run-{number}"), CacheUsed)))
        return used

    spare = Player(1)
    house = House(text, 1, spare=spare)
    assert [False, False, False, True] == run_virtual(often())


def test_an_attempt_that_failed_and_one_that_did_not_are_remembered() -> None:
    """A retried block counts as its last attempt: nothing of the failed one is in what it gave."""
    text = GROUP.replace("@cache(60s)", '@cache(60s) @retry(2, jitter: "none")')
    house = House(text, 1, Transient("later"), 7)
    assert [7, 7] == values(house, {}, {})
    assert 4 == house.calls


def test_a_failure_is_not_remembered() -> None:
    """Case C1."""

    async def twice() -> list[Status]:
        return [(await house.run()).status for _ in range(2)]

    house = House(GROUP, Rejected("no"), 1)
    assert [Status.FAILED, Status.DONE] == run_virtual(twice())


# --- at the same time ---------------------------------------------------------------------------------------------


def test_of_equal_blocks_at_once_one_is_run() -> None:
    """Case C3: a hundred runs at once make the calls of one, and say what they wait for."""

    async def crowd() -> list[Result]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(house.run(f"run-{number}")) for number in range(100)]
        return [task.result() for task in tasks]

    house = House(GROUP)
    results = run_virtual(crowd())
    assert (2, {2}) == (house.calls, {result.unwrap() for result in results})
    assert 99 == sum(["f/g"] == of(result, CacheUsed) == of(result, CallWaits) for result in results)
    assert 0 == len(house.shared.flights)


def test_when_the_one_fails_the_next_is_run() -> None:
    """Case C3: a failure of one is not that of all, nor do all run at once then."""

    async def crowd() -> list[Status]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(house.run(f"run-{number}")) for number in range(10)]
        return [task.result().status for task in tasks]

    house = House(GROUP, Rejected("no"), Rejected("no"), 1)
    assert [Status.FAILED] * 2 + [Status.DONE] * 8 == run_virtual(crowd())
    assert (4, 0) == (house.calls, len(house.shared.flights))


def test_when_the_one_is_cancelled_another_is_run() -> None:
    """Cases C3, X2: nobody waits for a run that was cancelled."""

    async def three() -> tuple[Status, list[Value]]:
        first = asyncio.ensure_future((driver := house.driver()).run(start("run-0")))
        await CLOCK.sleep(s(0.5))
        others = [asyncio.ensure_future(house.run(f"run-{number}")) for number in (1, 2)]
        await CLOCK.sleep(s(0.2))
        driver.cancel("enough")
        return (await first).status, [(await other).unwrap() for other in others]

    def start(run: str) -> RunStarted:
        return RunStarted(run, "f", house.plan.hash, {"q": "a"}, 1, CLOCK.now())

    house = House(GROUP)
    assert (Status.CANCELLED, [3, 3]) == run_virtual(three())
    assert (3, 0) == (house.calls, len(house.shared.flights))


def test_who_is_cancelled_while_it_waits_stands_in_nobodys_way() -> None:
    """Cases C3, X2: when the one that is run fails, the next is the one that still waits."""

    async def three() -> tuple[list[Status], Value]:
        first = asyncio.ensure_future(house.run("run-0"))
        await CLOCK.sleep(s(0.2))
        started = RunStarted("run-1", "f", house.plan.hash, {"q": "a"}, 1, CLOCK.now())
        second = asyncio.ensure_future((driver := house.driver()).run(started))
        await CLOCK.sleep(s(0.2))
        third = asyncio.ensure_future(house.run("run-2"))
        await CLOCK.sleep(s(0.2))
        driver.cancel("enough")
        return [(await second).status, (await first).status], (await third).unwrap()

    house = House(GROUP, after(1, Rejected("no")), 7)
    assert ([Status.CANCELLED, Status.FAILED], 7) == run_virtual(three())
    assert (3, 0) == (house.calls, len(house.shared.flights))


def test_a_wait_that_is_cancelled_is_cancelled() -> None:
    """Case X3: whoever asks hears of the cancel, and of nothing else; whoever leads is not disturbed."""

    async def two() -> None:
        blocks, waits = Blocks(Shared(), CLOCK, b"program"), list[bool]()
        lead = await blocks.find(b"key", lambda: None)
        second = asyncio.ensure_future(blocks.find(b"key", lambda: waits.append(True)))
        await CLOCK.sleep(s(0))
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert not isinstance(lead, Recalled) and [True] == waits
        lead.land(7, s(60))
        assert Recalled(7, is_shared=False) == await blocks.find(b"key", lambda: None)

    run_virtual(two())


def test_the_time_of_a_block_bounds_its_wait() -> None:
    """Case T2: who waits for an equal one does so in its own time; the one that is run goes on."""
    text = """
    @cache(60s) flow k() -> int { step a: int = main.look("1") return a }
    flow f() -> list[int] {
      step x = k()
      @timeout(1s)
      step y = k() catch e => if e.class == "timeout" then 0 else 1
      return [x, y]
    }"""

    async def main() -> tuple[Value, float]:
        return (await house.run()).unwrap(), CLOCK.monotonic()

    house = House(text, after(3, 5))
    assert ((5, 0), 3) == run_virtual(main())
    assert (1, 0) == (house.calls, len(house.shared.flights))


# --- the log ------------------------------------------------------------------------------------------------------


LOGGED = """flow f() -> list[int] {
  @cache(60s)
  step g = do { step a: int = main.look("1") step b: int = main.look(a) yield b }
  @cache(60s)
  step h = for i in [1, 1] { step c: int = main.look(i) yield c }
  step k = do { step d = f2() step e = f2() after d yield e } after g
  return [g, h[0] ?? 0, k]
}
@cache(60s) flow f2() -> int { step a: int = main.look("3") return a }
"""


def test_a_log_that_ends_anywhere_goes_on_to_the_same_end() -> None:
    """Cases D2, D5: whatever was remembered or not when the process ended, the run ends as it would have, and nothing
    that is done is called again."""

    async def cut() -> None:
        whole = await House(LOGGED, 1).run()
        for end in range(1, len(whole.entries)):
            house = House(LOGGED, 1)
            resumed = await house.driver(whole.entries[:end]).resume(whole.entries[:end])
            assert (1, 1, 1) == resumed.unwrap(), end
            done = {entry.event.path for entry in whole.entries[:end] if isinstance(entry.event, NodeDone)}
            later = [e.event.path for e in resumed.entries[end:] if isinstance(e.event, NodeStarted | NodeDone)]
            assert done.isdisjoint(later), end
            assert 0 == len(house.shared.flights)

    run_virtual(cut())


def test_a_block_that_goes_on_in_another_process_is_remembered_there() -> None:
    """What it gave is as good as any; and one that had been answered from memory is not asked again."""

    async def resumed() -> tuple[Value, Value, int]:
        first = await House(GROUP, 4, 5).run()
        cut = next(n for n, entry in enumerate(first.entries, 1) if isinstance(entry.event, NodeDone))
        house = House(GROUP, 6)
        went_on = await house.driver(first.entries[:cut]).resume(first.entries[:cut])
        assert any(isinstance(entry.event, RunResumed) for entry in went_on.entries)
        return went_on.unwrap(), (await house.run("run-2")).unwrap(), house.calls

    assert (6, 6, 1) == run_virtual(resumed())


def test_without_a_memory_every_block_runs() -> None:
    """A driver that nobody lends a memory runs all of it."""

    async def main() -> Result:
        stack = Stack(house.plan.agents, house.agents, PolicyPorts(CLOCK, SeededRng(1), house.shared))
        driver = Driver(Program(house.plan), Ports(stack, MemoryJournal(CLOCK), CLOCK))
        return await driver.run(RunStarted("run-1", "f", house.plan.hash, {"q": "a"}, 1, CLOCK.now()))

    house = House(GROUP, 3)
    result = run_virtual(main())
    assert (3, [], []) == (result.unwrap(), of(result, CacheUsed), of(result, AttemptFailed))
