"""P5: what compiling a graph costs, against building the same graph in networkx in the same run.

    python tests/benchmarks/p5_compile.py --shapes layered chain --sizes 10000 100000 --rounds 5

Compiling is build, passes (levels and critical path among them) and lowering, from a checked program to a plan, without
the collector of cycles, as `plan_of` does it; reading and checking are not part of it, and the plan's hash is told
apart. The floor adds the same nodes and the same edges with their reasons to a `DiGraph`, one by one. A file may hold
10,000 steps, so larger graphs are one flow per file. Both run alternately, garbage is collected before each; the ratio
is the median of those of the rounds. One JSON line per result; microseconds of CPU time per node.
"""

import argparse
import gc
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from time import process_time

import networkx as nx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from leadflow.check.checked import Checked
from leadflow.graph.build import build
from leadflow.graph.compile import uncollected
from leadflow.graph.lower import lower
from leadflow.graph.passes import optimise
from leadflow.pipeline import check_source
from leadflow.plan.codec import seal
from leadflow.plan.plan import Plan

MOST = 9_000
"""Steps of one file."""
WIDTH, READS = 100, 3
"""Of a layer; and how many of the layer before each of its steps reads."""

Reads = Callable[[int, Random], Sequence[int]]

SHAPES: dict[str, Reads] = {
    "chain": lambda step, chance: [step - 1] if step else [],
    "fan": lambda step, chance: [],
    "ladder": lambda step, chance: [step - 2 - step % 2, step - 1 - step % 2] if step > 1 else [],
    "layered": lambda step, chance: (
        sorted(chance.sample(range(step // WIDTH * WIDTH - WIDTH, step // WIDTH * WIDTH), READS))
        if step >= WIDTH
        else []
    ),
}
"""By shape: the steps that a step reads."""


def program(shape: str, size: int) -> Checked:
    """A checked program of so many steps, in as many files as it takes."""
    count = -(-size // MOST)
    texts = {f"m{number}": flow_text(shape, size // count, number) for number in range(count)}
    uses = "".join(f"use {name}\n" for name in texts)
    files = {f"{name}.flow": f"leadflow 1\n{text}" for name, text in texts.items()}
    checked, report = check_source("main.flow", f"leadflow 1\n{uses}", files=files)
    assert checked is not None and not report.has_errors
    return checked


def flow_text(shape: str, size: int, seed: int) -> str:
    """One flow of so many steps, and the agent that they call."""
    chance = Random(seed)
    lines = ['agent a: python { module: "a.py"  reads: ["f"] }', f"flow f{seed}() -> json {{"]
    for step in range(size):
        args = ", ".join(f"n{other}" for other in SHAPES[shape](step, chance))
        lines.append(f"  step n{step} = a.f({args})")
    return "\n".join([*lines, f"  return n{size - 1}", "}"]) + "\n"


def compiled(checked: Checked) -> tuple[Plan, float]:
    """The plan of a program, and the seconds that it took."""
    with uncollected():
        start = process_time()
        plan = lower(optimise(build(checked)))
        return plan, process_time() - start


def bare(plan: Plan) -> float:
    """The seconds that networkx takes for the graphs of a plan."""
    graphs = [
        [(node.id, [(need.node, need.why) for need in node.needs]) for node in f.nodes] for f in plan.flows.values()
    ]
    start = process_time()
    for nodes in graphs:
        graph: nx.DiGraph[int] = nx.DiGraph()
        for node, _ in nodes:
            graph.add_node(node)
        for node, needs in nodes:
            for source, why in needs:
                graph.add_edge(source, node, why=why)
    return process_time() - start


def measure(shape: str, size: int, rounds: int) -> dict[str, object]:
    """The medians of some rounds."""
    checked = program(shape, size)
    ours, floor, sealing = [], [], []
    for _ in range(rounds):
        gc.collect()
        plan, seconds = compiled(checked)
        ours.append(seconds)
        gc.collect()
        floor.append(bare(plan))
        start = process_time()
        with uncollected():
            seal(plan)
        sealing.append(process_time() - start)
        del plan
    compile_, network, hash_ = (statistics.median(times) for times in (ours, floor, sealing))
    ratio = statistics.median([one / other for one, other in zip(ours, floor, strict=True)])
    return {
        "target": "P5", "shape": shape, "nodes": size, "compile_us": round(compile_ / size * 1e6, 2),
        "networkx_us": round(network / size * 1e6, 2), "ratio": round(ratio, 2),
        "hash_us": round(hash_ / size * 1e6, 2),
    }  # fmt: skip


def results(shapes: Sequence[str], sizes: Sequence[int], rounds: int) -> Iterator[str]:
    """One JSON line per shape and size."""
    for shape in shapes:
        for size in sizes:
            yield json.dumps(measure(shape, size, rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=sorted(SHAPES), default=["layered", "chain"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    for line in results(chosen.shapes, chosen.sizes, chosen.rounds):
        print(line, flush=True)
