"""Journals that were written once and are read for ever: what a newer leadflow must not forget how to read (case D6).

    python -m tests.durable.corpus            # make those that are not there yet, and say what they come to
    python -m tests.durable.corpus --list

A journal is the text of its SQLite file, compressed; beside them `expected.json` says what each comes to. None is ever
written again: a change of the form of events, plans or rows makes new ones, under new names, beside the old ones. In
virtual time, so that one version makes the same journals everywhere.
"""

import argparse
import asyncio
import json
import lzma
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from leadflow.agents.human import HumanAgent
from leadflow.bound.budgets import has_budgets
from leadflow.events.fold import fold
from leadflow.events.model import Entry, Event, QuestionAnswered, RunStarted, Status, Usage
from leadflow.keeping import Origin, begin, kept
from leadflow.pipeline import compile_source
from leadflow.plan.codec import to_text
from leadflow.plan.plan import Plan
from leadflow.plan.rates import Rate, Rates
from leadflow.policies.blocks import Blocks
from leadflow.policies.budget import Purse
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.ledger import Amount
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Granted, Stack
from leadflow.run.adapters import SeededRng, SystemClock
from leadflow.run.claims import StoreClaims
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.errors import ConnectFailed, ConnectionLost, RateLimited
from leadflow.run.forking import forked
from leadflow.run.inputs import read_inputs
from leadflow.run.kernel import Kernel, Program
from leadflow.run.moving import Moved, move
from leadflow.run.nested import Nested
from leadflow.run.ports import Agent, Journal, Reply, Request
from leadflow.run.questions import Questions
from leadflow.run.store import HeldJournal, JournalProblem
from leadflow.run.taken_up import Past, Told
from leadflow.run.toolbox import Asked, ToolUse
from leadflow.stores.memory import MemoryJournal
from leadflow.stores.sqlite import SqliteStore
from leadflow.testing import run_virtual
from tests.durable.recipes import AGENTS, Recipe, recipes
from tests.run.fakes import PRELUDE
from tests.simulation.machines import Around

FOLDER = Path(__file__).parent / "journals"
EXPECTED = FOLDER / "expected.json"
BEGUN = datetime(2026, 11, 29, tzinfo=UTC)
RUN = "run-1"
RATES = Rates((Rate(0, 1_000_000, 2_000_000, 100_000, 1_000_000),))
"""What every model charges."""


class Clock(SystemClock):
    """Virtual time from a set moment on, also for the thread that has the file."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def timestamp(self) -> float:
        """The wall clock."""
        with suppress(RuntimeError):  # in a thread there is no loop
            self._loop = asyncio.get_running_loop()
        return BEGUN.timestamp() + (0.0 if self._loop is None else self._loop.time())

    def now(self) -> datetime:
        """The same."""
        return datetime.fromtimestamp(self.timestamp(), UTC)


CLOCK = Clock()


class Actor:
    """An agent that does what it is asked for; a spare one answers whatever it is."""

    def __init__(self, name: str) -> None:
        self._is_spare = name == "spare"

    async def call(self, request: Request) -> Reply:
        """By its first argument."""
        text = str(next(iter(request.args.values()), ""))
        if request.tools and not request.exchanges:
            there = {tool.name for tool in request.tools}
            uses = tuple(ToolUse(name, name, {"x": "1"}) for name in ("look", "drop", "both") if name in there)
            return Reply(None, Usage(7, 5), asked=Asked(uses, None, 5))
        match "" if self._is_spare else text.split(maxsplit=1)[0]:
            case "fail":
                raise ValueError("it never works")
            case "once" if request.attempt == 1:
                raise ConnectFailed("not yet", sent=False)
            case "busy" if request.attempt == 1:
                raise RateLimited("slow down", status=429, retry_after=timedelta(seconds=3))
            case "spend":
                return Reply(request.path, Usage(7, 5))
            case "gone":
                raise ConnectFailed("nobody is there", sent=False)
            case "lost":
                raise ConnectionLost("broke off")
            case "slow" | "hang" as how:
                await CLOCK.sleep(timedelta(seconds=5 if how == "slow" else 100_000))
            case "used":
                return Reply(request.path, Usage(7, 5))
            case "large":
                return Reply("0123456789" * 7_000)
        return Reply(request.path)

    async def aclose(self) -> None:
        """Nothing is held."""


class Mortal(Around):
    """A journal whose process is killed behind so many commits."""

    def __init__(self, journal: HeldJournal, commits: int) -> None:
        super().__init__(journal)
        self._left = commits

    async def append(self, events: Sequence[Event]) -> Sequence[Entry]:
        """Keep events."""
        self._left -= 1
        if self._left < 0:
            raise JournalProblem("the process is dead")
        return await super().append(events)


@dataclass
class Life:
    """One process that works on the run of a plan."""

    plan: Plan
    store: SqliteStore
    commits: int | None = None

    async def live(self, recipe: Recipe | None = None) -> Result:
        """Begin the run, or take it up, until it ends or its process does."""
        rows = await self.store.runs()
        first = RunStarted(RUN, "f", self.plan.hash, self._inputs(), 1, CLOCK.now())
        journal: HeldJournal | None = await self.store.claim(RUN) if rows else None
        if journal is None:
            journal = await begin(self.store, first, self.plan, Bounds())
        entries = await journal.load()
        mortal = journal if self.commits is None else Mortal(journal, self.commits)
        driver = self.driver(mortal, entries)
        if not entries:
            result = await self._until(driver, driver.run(first), recipe)
        else:
            result = await self._until(driver, driver.resume(entries, owner="second"), recipe)
        if result.status is Status.WAITING and result.failure is not None and result.failure.in_doubt:
            told = {cause.path: Told("done", cause.path) for cause in result.failure.causes}
            result = await self.driver(mortal, entries).resume(entries, told, owner="second")
        if self.commits is None:
            await self.store.release(RUN, journal.epoch)
        return result

    def _inputs(self) -> dict[str, Any]:
        read = read_inputs("f", self.plan.flows["f"].params, {})
        assert not isinstance(read, list), read
        return dict(read)

    async def _until(self, driver: Driver, work: Any, recipe: Recipe | None) -> Result:
        asked = {"wish": ((1.0, False),), "force": ((1.0, False), (2.0, True))}.get(recipe.cancel if recipe else "", ())
        for delay, force in asked:
            asyncio.get_running_loop().call_later(delay, partial(driver.cancel, "enough", force=force, by="ops"))
        result: Result = await work
        return result

    def driver(self, journal: Journal, entries: Sequence[Entry]) -> Driver:
        """What runs the plan, after these entries."""
        questions = Questions(CLOCK)
        questions.listen(lambda: self.store.answers(RUN))
        purse = Purse() if has_budgets(self.plan, "f") else None
        if purse is not None:
            for one in Past(entries).spent():
                purse.ledger.remember(one.path, Amount(one.money, one.tokens, one.calls))
        agents: dict[str, Agent] = {
            name: HumanAgent(spec, questions) if spec.kind == "human" else Actor(name)
            for name, spec in self.plan.agents.items()
        }
        shared = Shared()
        ports = PolicyPorts(CLOCK, SeededRng(1), shared, claims=StoreClaims(self.store))
        program, memo = Program(self.plan), Blocks(shared, CLOCK, b"")
        nested = Nested(program, CLOCK, SeededRng(1), journal=lambda: MemoryJournal(CLOCK), calls=None, memo=memo)
        granted = Granted({tool.key: tool for tool in self.plan.tools}, nested.run)
        rates = {name: RATES for name, spec in self.plan.agents.items() if "model" in spec.settings}
        stack = Stack(self.plan.agents, agents, ports, purse=purse, rates=rates, granted=granted)
        return Driver(program, Ports(stack, journal, CLOCK, (), questions, memo=memo))


def compiled(recipe: Recipe) -> Plan:
    """The plan of a recipe."""
    more = "" if "tool drop" in recipe.flow else AGENTS
    plan, report = compile_source("test.flow", PRELUDE + more + recipe.flow)
    if plan is None:
        raise ValueError(f"{recipe.name}: {[str(found.message) for found in report.diagnostics]}")
    return plan


# --- making them ------------------------------------------------------------------------------------------------------


async def made(recipe: Recipe, file: Path) -> None:
    """Write the journal of a recipe."""
    plan = compiled(recipe)
    for number, commits in enumerate((*recipe.commits, *([None] if recipe.is_ended else []))):
        store = SqliteStore(file, CLOCK, owner=f"elsewhere {number} 1")
        await store.open()
        if recipe.retried and number == 0:
            await retried(plan, recipe.retried, store)
        if recipe.later is not None and commits is None:
            plan = await moved(plan, compiled(replace(recipe, flow=recipe.later)), store)
        result = await Life(plan, store, commits).live(recipe)
        while recipe.answers and commits is None and result.questions:
            for asked in result.questions:
                value = True if asked.is_approval else 7
                await store.answer(RUN, QuestionAnswered(asked.path, asked.number, value, "ops", CLOCK.timestamp()))
            result = await Life(plan, store, commits).live(recipe)
        await store.aclose()
        await CLOCK.sleep(timedelta(minutes=1))


async def retried(plan: Plan, step: str, store: SqliteStore) -> None:
    """A run is made from another one of the plan, which has ended, and goes on when it is taken up."""
    whole = MemoryJournal(CLOCK)
    life = Life(plan, store)
    first = RunStarted("run-0", "f", plan.hash, {}, 1, CLOCK.now())
    await life.driver(whole, ()).run(first)
    start = replace(first, run=RUN, origin=first.run)
    events = forked(Kernel(Program(plan), calls=Bounds().calls), await whole.load(), start, step, before=False)
    journal = await begin(store, start, plan, Bounds(), Origin(first.run, step))
    await journal.append(events)
    await store.release(RUN, journal.epoch)


async def moved(old: Plan, new: Plan, store: SqliteStore) -> Plan:
    """The run of a store moves to another plan, which is given back."""
    journal = await store.claim(RUN)
    assert journal is not None
    kernel = Kernel(Program(new), calls=Bounds().calls)
    found = move(old, new, kernel, [entry.event for entry in await journal.load()], by="ops")
    assert isinstance(found, Moved), found
    await store.keep_plan(new.hash, to_text(new))
    await journal.append(found.events)
    await store.release(RUN, journal.epoch)
    return new


def packed(file: Path) -> bytes:
    """The text of a SQLite file, compressed."""
    connection = sqlite3.connect(file)
    try:
        return lzma.compress("\n".join(connection.iterdump()).encode(), preset=9)
    finally:
        connection.close()


# --- reading them -----------------------------------------------------------------------------------------------------


def unpacked(journal: Path, file: Path) -> None:
    """A journal of the corpus as a SQLite file."""
    connection = sqlite3.connect(file)
    connection.executescript(lzma.decompress(journal.read_bytes()).decode())
    connection.close()


def seen(entries: Sequence[Entry]) -> dict[str, Any]:
    """What a log comes to, as plain data; long texts by their hash."""
    state = fold(entries)
    failure = state.failure
    nodes = {
        path: [node.status.value, node.attempts, short(node.value), node.reason, node.failure and node.failure.error]
        for path, node in state.nodes.items()
    }
    inner = {call: [one.flow, one.status.value, {path: node.status.value for path, node in one.nodes.items()}]
             for call, one in state.inner.items()}  # fmt: skip
    return {
        "events": len(entries),
        "status": state.status.value,
        "value": short(state.value),
        "failure": failure and [failure.error, failure.message, [cause.path for cause in failure.causes]],
        "counts": [state.attempts, state.resumed, state.spent, state.spent_tokens],
        "scopes": [sorted(state.late), sorted(state.kept), list(state.undoing.paths) if state.undoing else []],
        "breakers": dict(state.breakers),
        "nodes": nodes,
        **({"inner": inner} if inner else {}),
    }


def short(value: object) -> object:
    """A value for a page."""
    text = repr(value)
    return text if len(text) < 200 else blake2b(text.encode(), digest_size=8).hexdigest()


async def read(file: Path) -> tuple[Plan, Sequence[Entry]]:
    """What this version reads in a journal: the plan of its run, and the log."""
    store = SqliteStore(file, CLOCK, owner="reader")
    await store.open()
    try:
        return (await kept(store, (await store.runs())[0])).plan, await store.load(RUN)
    finally:
        await store.aclose()


async def gone_on(file: Path) -> str:
    """How the run of a journal ends when it goes on with this version."""
    plan, _ = await read(file)
    await CLOCK.sleep(timedelta(days=1))  # nobody holds it any more
    store = SqliteStore(file, CLOCK, owner="reader")
    await store.open()
    try:
        return (await Life(plan, store).live()).status.value
    finally:
        await store.aclose()


def main(arguments: Sequence[str]) -> int:
    """Make what is not there."""
    parser = argparse.ArgumentParser(description="Make the journals of the corpus that are not there yet.")
    parser.add_argument("--list", action="store_true", help="only say what is there")
    chosen = parser.parse_args(arguments)
    expected: dict[str, Any] = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    for recipe in recipes() if not chosen.list else []:
        journal = FOLDER / f"{recipe.name}.sql.xz"
        if journal.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "journal.db"
            run_virtual(made(recipe, file))
            journal.write_bytes(packed(file))
            _, entries = run_virtual(read(file))
            expected[recipe.name] = seen(entries) | {"ends": run_virtual(gone_on(file))}
            print(recipe.name, len(entries), expected[recipe.name]["status"], expected[recipe.name]["ends"])
    lines = (f"{json.dumps(name)}: {json.dumps(told)}" for name, told in sorted(expected.items()))
    EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(json.dumps({"journals": len(expected), "bytes": sum(each.stat().st_size for each in FOLDER.iterdir())}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
