"""P1: what the interpreter costs per node, against a hand-written ready-queue in the same run.

    python tests/benchmarks/p1_interpreter.py --shapes chain fan --sizes 1000 10000 --rounds 5 [--peers]

Every call is a no-op async function. The interpreter has its events, its journal in memory and its policy stack on;
the floor has what nobody can do without: counts of needs, a queue, a task per node. Both run alternately, garbage is
collected before each; the ratio is the median of those of the rounds. One JSON line per result; microseconds per node.
"""

import argparse
import asyncio
import gc
import json
import statistics
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from leadflow.events.model import RunStarted, Status
from leadflow.plan.plan import AgentCall, Plan
from leadflow.plan.types import Value
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng, SystemClock
from leadflow.run.driver import Driver, Ports
from leadflow.run.kernel import Program
from leadflow.run.ports import Reply, Request
from leadflow.stores.memory import MemoryJournal
from tests.plans import SHAPES


async def no_op(value: Value) -> Value:
    """The work of every node."""
    return value


# --- the floor ----------------------------------------------------------------------------------------------------


def graph_of(plan: Plan) -> tuple[list[list[int]], list[list[int]]]:
    """The calls of a plan as plain lists: who needs whom, who is needed by whom."""
    nodes = [node for node in plan.flows["main"].nodes if isinstance(node.work, AgentCall)]
    needs = [[need.node for need in node.needs] for node in nodes]
    needed_by: list[list[int]] = [[] for _ in nodes]
    for node, its_needs in enumerate(needs):
        for need in its_needs:
            needed_by[need].append(node)
    return needs, needed_by


async def ready_queue(needs: list[list[int]], needed_by: list[list[int]]) -> list[Value]:
    """Run a graph by hand: counts, a queue, a task per node that reads the values of its needs."""
    counts = [len(its_needs) for its_needs in needs]
    values: list[Value] = [None] * len(needs)
    ready = deque(node for node, count in enumerate(counts) if not count)
    done: list[int] = []
    tasks: set[asyncio.Task[None]] = set()
    wake = asyncio.Event()
    left = len(needs)

    async def work(node: int) -> None:
        values[node] = await no_op(tuple([values[need] for need in needs[node]]))
        done.append(node)
        wake.set()

    while left:
        while ready:
            task = asyncio.create_task(work(ready.popleft()))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await wake.wait()
        wake.clear()
        for node in done:
            left -= 1
            for other in needed_by[node]:
                counts[other] -= 1
                if not counts[other]:
                    ready.append(other)
        done.clear()
    return values


# --- the interpreter ----------------------------------------------------------------------------------------------


class NoOp:
    """The agent of every node."""

    async def call(self, request: Request) -> Reply:
        """Give back the first argument."""
        return Reply(await no_op(request.args.get("0")))

    async def aclose(self) -> None:
        """There is nothing to give back."""


async def interpret(program: Program) -> None:
    """Run a plan to its end."""
    clock = SystemClock()
    stack = Stack(program.plan.agents, {"echo": NoOp()}, PolicyPorts(clock, SeededRng(1), Shared()))
    driver = Driver(program, Ports(stack, MemoryJournal(clock), clock))
    result = await driver.run(RunStarted("run", "main", program.plan.hash, {}, 1, datetime(2026, 1, 1, tzinfo=UTC)))
    if result.status is not Status.DONE:
        raise SystemExit(f"the run ended {result.status}: {result.failure}")


# --- measuring ----------------------------------------------------------------------------------------------------


def timed(work: Callable[[], object]) -> float:
    """Seconds of CPU, with a clean heap before: neither side ever waits, and a busy machine changes little."""
    gc.collect()
    start = process_time()
    work()
    return process_time() - start


def measure(shape: str, size: int, rounds: int) -> dict[str, object]:
    """Both, alternately, on one graph."""
    plan = SHAPES[shape](size)
    needs, needed_by = graph_of(plan)
    program = Program(plan)
    laid_out = timed(lambda: program.layout("main"))
    floor, ours = [], []
    for _ in range(rounds):
        floor.append(timed(lambda: asyncio.run(ready_queue(needs, needed_by))))
        ours.append(timed(lambda: asyncio.run(interpret(program))))
    micro = 1e6 / len(needs)
    low, mine = statistics.median(floor) * micro, statistics.median(ours) * micro
    ratio = statistics.median([one / other for one, other in zip(ours, floor, strict=True)])
    return {
        "what": "p1", "shape": shape, "n": size, "floor_us": round(low, 2), "leadflow_us": round(mine, 2),
        "ratio": round(ratio, 2), "layout_us": round(laid_out * micro, 2),
    }  # fmt: skip


def results(shapes: Sequence[str], sizes: Sequence[int], rounds: int) -> Iterator[dict[str, object]]:
    """All of the table."""
    for shape in shapes:
        first: float | None = None
        for size in sizes:
            result = measure(shape, size, rounds)
            first = first or float(str(result["leadflow_us"]))
            yield {**result, "growth": round(float(str(result["leadflow_us"])) / first, 2)}


def main() -> None:
    """Print the table, a line per result."""
    parser = argparse.ArgumentParser(description="P1: the interpreter per node")
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for result in results(options.shapes, options.sizes, options.rounds):
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
