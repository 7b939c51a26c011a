"""Runs whose processes are killed at every moment that matters, again and again, until they end (Z1, cases D1 to D5).

    python -m tests.durable.crashes --scenarios 10000 --seed 1

A scenario is a flow, a child process that runs it on a real journal, and the commits before or behind which that child,
and the ones that take the run up after it, are killed with SIGKILL. An effect is a line in a file that outlives them
all. In the end the file and the journal have to say: no step that was acknowledged ran again, no write ran twice, none
was lost, and the journal is that of a run that nobody killed.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Literal, TypeVar

from leadflow.agents.human import HumanAgent
from leadflow.events.model import (
    AttemptFailed,
    AttemptStarted,
    CacheUsed,
    CallPassedOn,
    DoubtSettled,
    Entry,
    ErrorHandled,
    Event,
    Failure,
    NodeDone,
    QuestionAnswered,
    RunPaused,
    RunResumed,
    RunStarted,
    Status,
)
from leadflow.keeping import begin, held
from leadflow.plan.plan import AgentCall, Plan
from leadflow.policies.blocks import Blocks
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng, SystemClock
from leadflow.run.claims import StoreClaims
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.errors import ConnectFailed
from leadflow.run.kernel import Program
from leadflow.run.ports import Agent, Claim, Reply, Request
from leadflow.run.questions import Questions
from leadflow.run.store import HeldJournal, JournalProblem
from leadflow.run.taken_up import Told
from leadflow.stores.owner import this_owner
from leadflow.stores.rows import Rows
from leadflow.stores.sqlite import SqliteStore
from tests.run.fakes import compiled, started

T = TypeVar("T")

FLOWS = {
    "chain": 'flow f() -> string { step a = look("1") step b = put(a) step c = put(b) return c }',
    "reads": 'flow f() { step a = look("1") step b = look("2") step c = look("${a} ${b}") }',
    "writes": 'flow f() { step a = put("1") step b = put("2") step c = put("3") }',
    "keyed": 'flow f() { @idempotent(key: "k") step a = put("1") step b = put(a) }',
    "parallel": 'flow f() { step p = parallel { step a = put("1") step b = put("2") step c = look("3") } }',
    "race": 'flow f() -> string { step r = race { step a = look("1") step b = look("2") } step w = put(r) return w }',
    "for": 'flow f() { step all = for t in ["1", "2", "3"] { step a = look(t) step b = put(a) yield b } }',
    "repeat": 'flow f() { step r = repeat s = "0" at most 3 { step n = put(s) yield n } until s == "never" else s }',
    "branch": 'flow f() { step a = look("1") if a == "no" { step b = put("x") } else { step c = put("y") } }',
    "group": 'flow f() { step g = do { step a = put("1") step b = put(a) yield b } step h = put(g) }',
    "call": 'flow f() { step g = inner(x: "1") step h = put(g) }\n'
            'flow inner(x: string) -> string { step a = put(x) return a }',
    "caught": 'flow f() { step a = look("fail") catch e => "caught" step b = put(a) }',
    "retried": 'flow f() { @retry(3, backoff: 1ms, jitter: "none") step a = look("once") step b = put(a) }',
    "once": 'flow f() { @once(key: "k") step a = put("1")\n'
            '@once(key: "k") step b = put("2") step c = put(b) }',
    "remembered": 'flow f() { @cache(1h) step g = do { step a = look("1") step b = look(a) yield b } '
                  'step h = inner() step i = put(h) }\n'
                  '@cache(1h) flow inner() -> string { step a = look("2") return a }',
    "undone": 'tool drop(x: string) = python("tools:drop")\n'
              'flow f() { step a = put("1") undo drop(a) step b = put("fail") undo none }',
    "told": 'tool drop(x: string) = python("tools:drop")\n'
            '@on_failure(escalate: drop("f: ${failure.message}"))\n'
            'flow f() { step a = inner(x: "1") catch e => "2" step b = put(a) undo drop(b) step c = put("fail") }\n'
            '@on_failure(escalate: drop("${x}: ${failure.step}"))\n'
            'flow inner(x: string) -> string { step a = look("fail") return a }',
}  # fmt: skip
PEOPLE = {
    "approval": 'agent desk: human\n'
                'flow f() { step a = put("1") step ok = desk.approve("Well?") step b = put(a) after ok }',
    "questions": 'agent desk: human\n'
                 'flow f() { step x: string = desk.ask("Who?") step y: string = desk.ask("When?") step a = put("1")\n'
                 '  step b = put("${x}${y}") }',
    "escalated": 'agent desk: human\n'
                 'flow f() { @on_error(tool: escalate(desk)) step a: string = clerk.ask("fail") step b = put(a) }\n'
                 'agent clerk: python { module: "tools.py"  reads: ["ask"] }',
    "loop": 'agent desk: human\n'
            'flow f() { step all = for t in ["1", "2"] { step a: string = desk.ask(t) step b = put(a) yield b } }',
}  # fmt: skip
"""Flows that ask people. Whoever lives when such a run is paused answers its first question; nobody is asked twice."""
ALL = {**FLOWS, **PEOPLE}
MARKS = (
    RunResumed, RunPaused, DoubtSettled, AttemptStarted, AttemptFailed, CallPassedOn, ErrorHandled, CacheUsed,
)  # fmt: skip
"""Events that tell of the crashes, or of attempts and memories, which they change."""
_MOST_LIVES = 12


@dataclass(frozen=True, slots=True)
class Kill:
    """When a process is killed."""

    commit: int
    """At which of its commits, from 1."""
    when: Literal["before", "behind"]


@dataclass(slots=True)
class Effects:
    """An agent whose effects are lines in a file."""

    path: Path

    async def call(self, request: Request) -> Reply:
        """Write the line, and answer what follows from the request."""
        text = str(request.args.get("x", request.args.get("0", "")))
        if text == "fail":
            raise ValueError("it never works")
        if text == "once" and request.attempt == 1:
            raise ConnectFailed("not yet")
        line = json.dumps([request.path, request.action]) + "\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, line.encode())
        os.close(handle)
        return Reply(f"{request.path}")

    async def aclose(self) -> None:
        """Nothing is held."""


class MortalStore(SqliteStore):
    """A store whose process is killed at a commit."""

    def mortal(self, kill: Kill | None) -> None:
        """Say at which."""
        write, keep, commits = self._file.write, self._file.answer, 0

        def deadly(work: Callable[[], T]) -> T:
            nonlocal commits
            commits += 1
            if kill is not None and commits == kill.commit and kill.when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            results = work()
            if kill is not None and commits == kill.commit:
                os.kill(os.getpid(), signal.SIGKILL)
            return results

        def deadly_write(batch: Sequence[Rows]) -> Sequence[JournalProblem | None]:
            return deadly(lambda: write(batch))

        def deadly_answer(run: str, answer: QuestionAnswered) -> QuestionAnswered | None:
            return deadly(lambda: keep(run, answer))

        take = self.take_key

        async def deadly_take(key: str, claim: Claim, instead: Claim | None) -> Claim:
            deadly(lambda: None) if kill is not None and kill.when == "before" else None
            taken = await take(key, claim, instead)
            deadly(lambda: None) if kill is None or kill.when == "behind" else None
            return taken

        self.take_key = deadly_take  # type: ignore[method-assign]
        self._file.write = deadly_write  # type: ignore[method-assign]
        self._file.answer = deadly_answer  # type: ignore[method-assign]


@dataclass(slots=True)
class Scenario:
    """A flow, and the kills of the processes that work on it, one after the other."""

    flow: str
    kills: Sequence[Kill]
    problems: list[str] = field(default_factory=list)


def _ports(plan: Plan, effects: Path, journal: HeldJournal, store: SqliteStore) -> Ports:
    """What a driver needs; people are asked by the real agent."""
    clock, specs = SystemClock(), plan.agents
    questions = Questions(clock)
    questions.listen(lambda: store.answers(journal.run))
    agents: Mapping[str, Agent] = {
        name: HumanAgent(spec, questions) if spec.kind == "human" else Effects(effects) for name, spec in specs.items()
    }
    shared = Shared()
    policies = PolicyPorts(clock, SeededRng(1), shared, claims=StoreClaims(store))
    memo = Blocks(shared, clock, plan.hash.encode())
    return Ports(Stack(specs, agents, policies), journal, clock, (), questions, memo=memo)


def _told(doubts: Failure, effects: Path) -> Mapping[str, Told]:
    """What an operator finds out of calls in doubt: what stands in the file was done, and gave its path."""
    done = {path for path, _ in _lines(effects)}
    return {cause.path: Told("done", cause.path) if cause.path in done else Told("retry") for cause in doubts.causes}


def _lines(effects: Path) -> list[tuple[str, str]]:
    if not effects.exists():
        return []
    return [tuple(json.loads(line)) for line in effects.read_text().splitlines()]


async def live(plan: Plan, folder: Path, kill: Kill | None) -> Result:
    """One process: it begins the run, or takes it up, and answers for people while the run is paused."""
    clock = SystemClock()
    alone = kill is None or kill.commit % 2 == 0  # as `leadflow run`: links of a chain are committed in the loop
    store = MortalStore(folder / "journal.db", clock, owner=this_owner(), lease=timedelta(seconds=10), alone=alone)
    await store.open()
    store.mortal(kill)
    try:
        while True:
            result = await _lived(plan, folder / "effects", store, clock)
            if not result.questions:
                return result
            asked = result.questions[0]
            await store.answer(
                result.run,
                QuestionAnswered(asked.path, asked.number, asked.is_approval or "so", "me", clock.timestamp()),
            )
    finally:
        await store.aclose()


async def _lived(plan: Plan, effects: Path, store: SqliteStore, clock: SystemClock) -> Result:
    """A run until it ends or is paused."""
    rows = await store.runs()
    journal: HeldJournal | None = None if not rows else await store.claim(rows[0].id)
    if rows and journal is None:
        raise AssertionError("the run of a process that was killed is held")
    entries = [] if journal is None else await journal.load()
    first = started(plan)
    if journal is None:
        journal = await begin(store, first, plan, Bounds())
    async with held(store, journal, clock):
        driver = Driver(Program(plan), _ports(plan, effects, journal, store))
        if not entries:
            return await driver.run(first)
        result = await driver.resume(entries, owner="second")
        if result.status is Status.WAITING and result.failure is not None and result.failure.in_doubt:
            driver = Driver(Program(plan), _ports(plan, effects, journal, store))
            result = await driver.resume(entries, _told(result.failure, effects), owner="second")
        return result


def in_child(work: Callable[[], object]) -> bool:
    """Do something in a child process; True when it came to its end, False when it was killed.

    Raises:
        AssertionError: it failed.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise AssertionError(f"a process ended with {os.WEXITSTATUS(status)}")
    return os.WIFEXITED(status)


def _life(plan: Plan, folder: Path, kill: Kill | None) -> None:
    result = asyncio.run(live(plan, folder, kill))
    if result.status not in (Status.DONE, Status.FAILED):
        raise AssertionError(f"the run is {result.status}")


def try_scenario(scenario: Scenario, folder: Path) -> list[str]:
    """What is wrong after all the kills; empty when nothing is."""
    plan = compiled(ALL[scenario.flow])
    kills = [*scenario.kills, None]
    lives = 0
    while not in_child(partial(_life, plan, folder, kills[min(lives, len(kills) - 1)])):
        lives += 1
        if lives > _MOST_LIVES:
            return ["the run never ends"]
    return _judged(plan, folder, lives)


def _judged(plan: Plan, folder: Path, kills: int) -> list[str]:
    problems = []
    (folder / "calm").mkdir()
    calm = asyncio.run(live(plan, folder / "calm", None))
    entries = stored(folder)
    expected, found = plain(calm.entries), plain(entries)
    if expected != found:
        at = next((n for n, (one, other) in enumerate(zip(expected, found, strict=False)) if one != other), -1)
        problems.append(f"the journal differs at {at}: {found[at : at + 1]} for {expected[at : at + 1]}")
    calm_effects, effects = Counter(_lines(folder / "calm" / "effects")), Counter(_lines(folder / "effects"))
    if set(calm_effects) != set(effects):
        problems.append(f"effects are lost or made up: {set(calm_effects) ^ set(effects)}")
    keyed = "f/a" if any(isinstance(n.work, AgentCall) and n.work.key for n in plan.flows["f"].nodes) else None
    for (path, action), count in effects.items():
        more = count - calm_effects[path, action]
        if action in ("put", "drop") and path != keyed and more > 0:
            problems.append(f"the write {path} ran {count} times")
        if more > kills:
            problems.append(f"{path} ran {more} times more than in the calm run, with {kills} kills")
    return problems


def stored(folder: Path) -> Sequence[Entry]:
    """What the journal of a folder has of its run."""
    return asyncio.run(_read(folder))


async def _read(folder: Path) -> Sequence[Entry]:
    store = SqliteStore(folder / "journal.db", SystemClock(), owner="judge")
    await store.open()
    try:
        return await store.load((await store.runs())[0].id)
    finally:
        await store.aclose()


def plain(entries: Sequence[Entry]) -> list[Event | tuple[str, str]]:
    """A journal without what tells of crashes and without times; members that overlap stand in any order."""
    events = [entry.event for entry in entries if not isinstance(entry.event, MARKS)]
    return sorted((_timeless(event) for event in events), key=repr)


def _timeless(event: Event) -> tuple[str, str]:
    failure = getattr(event, "failure", None)
    if isinstance(failure, Failure) or isinstance(event, RunStarted):
        return type(event).__name__, getattr(event, "path", "")
    if isinstance(event, NodeDone):
        return event.path, repr(event.value)
    if isinstance(event, QuestionAnswered):
        return event.path, f"{event.number} {event.value!r}"
    return type(event).__name__, repr(event)


def scenarios(count: int, seed: int) -> list[Scenario]:
    """So many scenarios: every flow, first kills at every commit in turn, further kills during recovery."""
    chance = Random(seed)
    names = list(ALL)
    found = []
    for number in range(count):
        kills = [Kill(1 + number // len(names) % 8, ("before", "behind")[number // (8 * len(names)) % 2])]
        kills += [Kill(chance.randint(1, 4), chance.choice(("before", "behind"))) for _ in range(chance.randint(0, 2))]
        found.append(Scenario(names[number % len(names)], kills))
    return found


def main(arguments: Sequence[str]) -> int:
    """Try scenarios, and say what was found; 1 when something was."""
    parser = argparse.ArgumentParser(description="Kill runs, and see that nothing is lost or done twice.")
    parser.add_argument("--scenarios", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=None, help="where journals are made; a tmpfs is fastest")
    options = parser.parse_args(arguments)
    wrong = []
    for number, scenario in enumerate(scenarios(options.scenarios, options.seed)):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            problems = try_scenario(scenario, Path(folder))
        if problems:
            wrong.append({"number": number, "flow": scenario.flow, "kills": repr(scenario.kills), "problems": problems})
    print(json.dumps({"scenarios": options.scenarios, "wrong": len(wrong), "findings": wrong[:5]}))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
