"""P1 beside its peers: LangGraph and Hamilton on the shapes and no-op functions of p1_interpreter.py.

    pip install -e . -r tests/benchmarks/requirements-peers.txt
    python tests/benchmarks/p1_peers.py --shapes chain fan --sizes 1000 --rounds 5

Each graph is built before the clock starts. Microseconds of CPU per node, medians, a JSON line per result; a peer that
gives up at a size says so.
"""

import argparse
import asyncio
import gc
import inspect
import json
import statistics
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import Annotated, Any, TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from leadflow.plan.plan import Plan
from leadflow.run.kernel import Program
from tests.benchmarks.p1_interpreter import graph_of, interpret
from tests.plans import SHAPES

Run = Callable[[], Awaitable[object]]
Graph = list[list[int]]
"""Who needs whom."""


def count(left: int, right: int) -> int:
    """How LangGraph joins what nodes of one step write."""
    return left + right


class Done(TypedDict):
    """The state of a LangGraph run: how many nodes have run."""

    done: Annotated[int, count]


def langgraph(needs: Graph) -> Run:
    """The graph as a `StateGraph` of async nodes."""
    module = import_module("langgraph.graph")

    async def node(state: Done) -> Done:
        return {"done": 1}

    graph = module.StateGraph(Done)
    for number, its_needs in enumerate(needs):
        graph.add_node(f"n{number}", node)
        if its_needs:
            graph.add_edge([f"n{need}" for need in its_needs], f"n{number}")
        else:
            graph.add_edge(module.START, f"n{number}")
    app = graph.compile()
    return lambda: app.ainvoke({"done": 0}, {"recursion_limit": len(needs) + 10})


def hamilton(needs: Graph) -> Run:
    """The graph as async functions that name what they need."""
    base, drivers = import_module("hamilton.base"), import_module("hamilton.async_driver")
    nodes = [_function(f"n{number}", [f"n{need}" for need in its]) for number, its in enumerate(needs)]
    name = f"p1_{len(sys.modules)}"
    module = import_module("hamilton.ad_hoc_utils").create_temporary_module(*nodes, module_name=name)
    driver = drivers.AsyncDriver({}, module, result_builder=base.DictResult())
    needed = {need for its in needs for need in its}
    ends = [f"n{number}" for number in range(len(needs)) if number not in needed]
    return lambda: driver.execute(ends)


def _function(name: str, params: list[str]) -> Callable[..., Awaitable[int]]:
    """An async function with these parameters, as if written by hand."""

    async def node(**values: int) -> int:
        return 1

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [inspect.Parameter(param, kind, annotation=int) for param in params], return_annotation=int
    )
    attributes: dict[str, Any] = {
        "__name__": name, "__qualname__": name, "__module__": "p1", "__signature__": signature,
        "__annotations__": {**dict.fromkeys(params, int), "return": int},
    }  # fmt: skip
    for attribute, value in attributes.items():
        setattr(node, attribute, value)
    return node


def leadflow(plan: Plan) -> Run:
    """The plan itself."""
    program = Program(plan)
    program.layout("main")
    return lambda: interpret(program)


def timed(run: Run) -> float:
    """Seconds of CPU of one run."""

    async def main() -> None:
        await run()

    gc.collect()
    start = process_time()
    asyncio.run(main())
    return process_time() - start


def measure(shape: str, size: int, rounds: int) -> dict[str, object]:
    """All of them, alternately, on one graph."""
    plan = SHAPES[shape](size)
    needs, _ = graph_of(plan)
    runs = {"leadflow": leadflow(plan), "hamilton": hamilton(needs), "langgraph": langgraph(needs)}
    times: dict[str, list[float]] = {name: [] for name in runs}
    result: dict[str, object] = {"what": "p1 peers", "shape": shape, "n": size}
    for _ in range(rounds):
        for name in list(runs):
            try:
                times[name].append(timed(runs[name]))
            except RecursionError:
                result[f"{name}_us"] = "recursion limit"
                del runs[name]
    for name in runs:
        result[f"{name}_us"] = round(statistics.median(times[name]) * 1e6 / len(needs), 1)
    return result


def main() -> None:
    """Print the table, a line per result."""
    parser = argparse.ArgumentParser(description="P1 beside its peers")
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for shape in options.shapes:
        for size in options.sizes:
            print(json.dumps(measure(shape, size, options.rounds)), flush=True)


if __name__ == "__main__":
    main()
