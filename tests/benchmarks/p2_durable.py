"""P2: what it costs per node to keep a run on disk, against the least that such a journal can cost, in the same run.

    python tests/benchmarks/p2_durable.py --shapes chain fan --sizes 1000 --bytes 0 1000 --rounds 5 [--peers]

Every call is a no-op async function that gives so many characters. leadflow runs the plan on its own store: SQLite, a
write-ahead log, every commit synced. The floors do only what nobody can do without: for a chain one synced commit per
link, for a fan one thread that commits together whatever has come meanwhile. `--peers` adds LangGraph on its SQLite
saver and DBOS on SQLite, in an environment with `requirements-peers.txt`. All run in turns, each in a fresh file in
`--folder`, which should be on a disk. One JSON line per result: milliseconds of wall clock per node (median and best,
since a disk that others use is slow at any moment), and of CPU.
"""

import argparse
import asyncio
import gc
import json
import operator
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from typing import Annotated, Any, TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from leadflow.events.model import RunStarted, Status
from leadflow.keeping import begin, held
from leadflow.plan.plan import Plan
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng, SystemClock
from leadflow.run.driver import Bounds, Driver, Ports
from leadflow.run.kernel import Program
from leadflow.run.ports import Reply, Request
from leadflow.stores.sqlite import SqliteStore
from tests.plans import SHAPES

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
Work = Callable[[Path], None]
"""Runs all nodes, with its file in a folder of its own."""


# --- the floors -------------------------------------------------------------------------------------------------------


def _table(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, value TEXT)")
    return connection


def _commit(connection: sqlite3.Connection, rows: list[tuple[int, str]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO row VALUES (?, ?)", rows)
    connection.execute("COMMIT")


def floor_chain(size: int, value: str) -> Work:
    """One synced commit after the other."""

    def work(folder: Path) -> None:
        with closing(_table(folder)) as connection:
            for number in range(size):
                _commit(connection, [(number, value)])

    return work


def floor_fan(size: int, value: str) -> Work:
    """All tasks at once, one thread that commits whatever has come meanwhile."""

    async def main(connection: sqlite3.Connection) -> None:
        loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1)
        waiting: list[tuple[tuple[int, str], asyncio.Future[None]]] = []
        is_writing = False

        async def write() -> None:
            nonlocal is_writing, waiting
            is_writing = True
            while waiting:
                batch, waiting = waiting, []
                await loop.run_in_executor(thread, _commit, connection, [row for row, _ in batch])
                for _, kept in batch:
                    kept.set_result(None)
            is_writing = False

        async def node(number: int) -> None:
            kept = loop.create_future()
            waiting.append(((number, value), kept))
            if not is_writing:
                writers.append(loop.create_task(write()))
            await kept

        writers: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as group:
            for number in range(size):
                group.create_task(node(number))
        thread.shutdown()

    def work(folder: Path) -> None:
        with closing(_table(folder)) as connection:
            asyncio.run(main(connection))

    return work


# --- leadflow ---------------------------------------------------------------------------------------------------------


class NoOp:
    """The agent of every node."""

    def __init__(self, value: str) -> None:
        self._value = value

    async def call(self, request: Request) -> Reply:
        """Give the value."""
        return Reply(self._value)

    async def aclose(self) -> None:
        """There is nothing to give back."""


def leadflow(plan: Plan, value: str) -> Work:
    """The plan on a store of its own."""
    program = Program(plan)
    program.layout("main")

    async def main(folder: Path) -> None:
        clock, bounds = SystemClock(), Bounds()
        store = SqliteStore(folder / "journal.db", clock, owner="elsewhere 1 1", alone=True)
        await store.open()
        started = RunStarted("run", "main", plan.hash, {}, 1, STARTED)
        stack = Stack(plan.agents, {"echo": NoOp(value)}, PolicyPorts(clock, SeededRng(1), Shared()))
        async with held(store, await begin(store, started, plan, bounds), clock) as journal:
            result = await Driver(program, Ports(stack, journal, clock), bounds).run(started)
        await store.aclose()
        if result.status is not Status.DONE:
            raise SystemExit(f"the run ended {result.status}: {result.failure}")

    return lambda folder: asyncio.run(main(folder))


# --- peers ------------------------------------------------------------------------------------------------------------


class Kept(TypedDict):
    """The state of a LangGraph run: a value per node."""

    values: Annotated[list[str], operator.add]


def langgraph(shape: str, size: int, value: str) -> Work:
    """The graph of async nodes, on the SQLite saver, each step kept before the next begins."""
    graphs, saver = import_module("langgraph.graph"), import_module("langgraph.checkpoint.sqlite.aio").AsyncSqliteSaver

    async def node(state: Kept) -> Kept:
        return {"values": [value] if shape == "fan" else [value[:1]]}

    graph = graphs.StateGraph(Kept)
    for number in range(size):
        graph.add_node(f"n{number}", node)
        graph.add_edge(graphs.START if shape == "fan" or number == 0 else f"n{number - 1}", f"n{number}")

    async def main(folder: Path) -> None:
        async with saver.from_conn_string(str(folder / "langgraph.db")) as kept:
            await kept.setup()
            app = graph.compile(checkpointer=kept)
            config = {"recursion_limit": size + 10, "configurable": {"thread_id": "1"}}
            await app.ainvoke({"values": []}, config, durability="sync")

    return lambda folder: asyncio.run(main(folder))


def dbos(shape: str, size: int, value: str) -> Work:
    """A workflow of steps: one after the other, or all at once."""
    module = import_module("dbos")
    library = module.DBOS

    def work(folder: Path) -> None:
        library.destroy(destroy_registry=True)
        database = f"sqlite:///{folder / 'dbos.sqlite'}"
        library(
            config={
                "name": "p2-durable",
                "system_database_url": database,
                "run_admin_server": False,
                "log_level": "ERROR",
            }
        )

        async def node(number: int) -> str:
            return value

        async def flow() -> int:
            if shape == "fan":
                return len(await asyncio.gather(*[step(number) for number in range(size)]))
            return sum([len(await step(number)) for number in range(size)])

        step, workflow = library.step()(node), library.workflow()(flow)

        async def main() -> None:
            await workflow()

        library.launch()
        try:
            asyncio.run(main())
        finally:
            library.destroy(destroy_registry=True)

    return work


# --- measuring --------------------------------------------------------------------------------------------------------


def timed(work: Work, where: Path | None) -> tuple[float, float]:
    """Seconds of wall clock and of CPU, in a fresh folder, with a clean heap before."""
    folder = Path(tempfile.mkdtemp(dir=where))
    try:
        gc.collect()
        wall, busy = perf_counter(), process_time()
        work(folder)
        return perf_counter() - wall, process_time() - busy
    finally:
        shutil.rmtree(folder)


def measure(shape: str, size: int, length: int, *, rounds: int, where: Path | None, peers: bool) -> dict[str, object]:
    """All of them, in turns, on one graph."""
    value = "v" * length
    plan = SHAPES[shape](size)
    works = {"floor": (floor_chain if shape == "chain" else floor_fan)(size, value), "leadflow": leadflow(plan, value)}
    if peers:
        works |= {"langgraph": langgraph(shape, size, value), "dbos": dbos(shape, size, value)}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(timed(work, where))
    told: dict[str, object] = {"what": "p2", "shape": shape, "n": size, "bytes": length}
    for name, found in times.items():
        told[f"{name}_ms"] = round(statistics.median(wall for wall, _ in found) * 1e3 / size, 4)
        told[f"{name}_best_ms"] = round(min(wall for wall, _ in found) * 1e3 / size, 4)
        told[f"{name}_cpu_ms"] = round(statistics.median(busy for _, busy in found) * 1e3 / size, 4)
    for name in set(works) - {"leadflow"}:
        pairs: Any = zip(times[name], times["leadflow"], strict=True)
        told[f"leadflow/{name}"] = round(statistics.median(ours[0] / other[0] for other, ours in pairs), 3)
    return told


def main() -> None:
    """Print the table, a line per result."""
    parser = argparse.ArgumentParser(description="P2: a run on disk, per node")
    parser.add_argument("--shapes", nargs="+", default=["chain", "fan"], choices=["chain", "fan"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000])
    parser.add_argument("--bytes", nargs="+", type=int, default=[0, 1_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="where the files are; None: that of the system")
    parser.add_argument("--peers", action="store_true", help="LangGraph and DBOS too")
    options = parser.parse_args()
    for shape in options.shapes:
        for size in options.sizes:
            for length in options.bytes:
                print(json.dumps(measure(
                    shape, size, length, rounds=options.rounds, where=options.folder, peers=options.peers
                )), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
