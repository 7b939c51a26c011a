"""What each policy costs a call that nothing goes wrong with: no wait, no failure, no event.

    python tests/benchmarks/policies_cost.py --calls 2000 --rounds 15

A no-op agent is called through the stack, one call after another: plain, with each policy alone, with all. All take
turns, garbage is collected before each; told are the medians of CPU microseconds per call, what that is more than
plain, and the median of the ratios to plain within the rounds. One JSON line per policy.
"""

import argparse
import asyncio
import gc
import json
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from leadflow.events.model import Event, Failure
from leadflow.pipeline import compile_source
from leadflow.policies.call import Ports
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng, SystemClock
from leadflow.run.ports import Answer, Caller, CallOrder, Reply, Request

ON_AGENT: Mapping[str, str] = {
    "@concurrency": "@concurrency(10)",
    "@breaker": "@breaker(failures: 5)",
    "@limit, at once": "@limit(concurrent: 10)",
    "@limit, a rate": "@limit(100_000 per second)",
    "@limit, all": "@limit(100_000 per second, 1_000_000 per minute, tokens: 1_000_000 per second, concurrent: 10)",
    "@cache, a hit": "@cache(1h)",
}
ON_STEP: Mapping[str, str] = {
    "@retry": "@retry(3)",
    "@timeout, total": "@timeout(30s)",
    "@timeout, attempt": "@timeout(attempt: 10s)",
    "@fallback": "@fallback(spare)",
    "@hedge": "@hedge(after: 10s)",
    "@budget": "@budget(calls: 1_000_000)",
    "@on_error": "@on_error(timeout: retry(2))",
}
ALL = ("@concurrency", "@breaker", "@limit, a rate", "@retry", "@timeout, total", "@fallback", "@budget", "@on_error")
"""What stands together in `all`: no cache, which would answer before the others."""


class NoOp:
    """The agent."""

    async def call(self, request: Request) -> Reply:
        """Answer at once."""
        return Reply(1)

    async def aclose(self) -> None:
        """There is nothing to give back."""


def caller_with(on_agent: str, on_step: str) -> Caller:
    """The caller of a step with these annotations."""
    text = f"""leadflow 1
{on_agent} agent main: python {{ module: "main.py"  pure: ["look"] }}
agent spare: python {{ module: "spare.py"  pure: ["look"] }}
flow f(x: int) -> int {{ {on_step} step a: int = main.look(x) return a }}
"""
    plan, report = compile_source("cost.flow", text)
    if plan is None:
        raise SystemExit("\n".join([text, *(str(found.message) for found in report.diagnostics)]))
    ports = Ports(SystemClock(), SeededRng(1), Shared())
    flow = plan.flows["f"]
    return Stack(plan.agents, {"main": NoOp(), "spare": NoOp()}, ports).prepare(flow, flow.nodes[0])


def callers() -> dict[str, Caller]:
    """By what stands around the call."""
    found = {"plain": caller_with("", "")}
    found |= {name: caller_with(ON_AGENT.get(name, ""), ON_STEP.get(name, "")) for name in (*ON_AGENT, *ON_STEP)}
    of_agent, of_step = (" ".join(where[name] for name in ALL if name in where) for where in (ON_AGENT, ON_STEP))
    return {**found, "all": caller_with(of_agent, of_step)}


def ignore(event: Event) -> None:
    """Nobody listens."""


def leave(path: str, failure: Failure) -> None:
    """Nobody is left behind."""


async def call_often(call: Caller, count: int) -> float:
    """Microseconds of CPU per call."""
    order = CallOrder("f/a", {"0": 1}, None, "run", None, ignore, leave)
    if not isinstance(await call(order), Answer):
        raise SystemExit("the call fails")
    gc.collect()
    begun = process_time()
    for _ in range(count):
        await call(order)
    return (process_time() - begun) / count * 1e6


async def measure(calls: int, rounds: int) -> list[dict[str, object]]:
    """All of the table."""
    by_name = callers()
    seen: dict[str, list[float]] = {name: [] for name in by_name}
    for _ in range(rounds):
        for name, call in by_name.items():
            seen[name].append(await call_often(call, calls))
    plain = statistics.median(seen["plain"])
    return [
        {
            "what": "policies", "around": name, "us": round(statistics.median(each), 2),
            "more_us": round(statistics.median(each) - plain, 2),
            "ratio": round(statistics.median([one / other for one, other in zip(each, seen["plain"], strict=True)]), 2),
        }
        for name, each in seen.items()
    ]  # fmt: skip


def main() -> None:
    """Print the table, a line per result."""
    parser = argparse.ArgumentParser(description="What each policy costs")
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    for result in asyncio.run(measure(options.calls, options.rounds)):
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
