"""P8: how much of what a limit allows is used while many calls wait for it (target: at least 97 %).

    python tests/benchmarks/p8_limit.py --rates 100 1000 --calls 500 --rounds 5

In real time, without a network: calls that answer after a while wait in one line, and the times at which they began
are compared with the best that the rate allows, which is a full window at once and the next one as soon as it has
passed. What is lost is the hundredth by which windows are counted longer, and what waking takes. A JSON line per rate.
"""

import argparse
import asyncio
import json
import statistics
import sys
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from leadflow.plan.plan import AgentCall, AgentSpec  # noqa: E402
from leadflow.plan.policy import Applied, Limit, PerTime  # noqa: E402
from leadflow.plan.types import JSON  # noqa: E402
from leadflow.policies.call import Ports  # noqa: E402
from leadflow.policies.shared import Shared  # noqa: E402
from leadflow.policies.stack import Stack  # noqa: E402
from leadflow.run.adapters import SeededRng, SystemClock  # noqa: E402
from leadflow.run.ports import CallOrder, Reply, Request  # noqa: E402
from tests.plans import Making  # noqa: E402

SECOND = timedelta(seconds=1)


class Slow:
    """An agent that takes its time, and notes when it was asked."""

    def __init__(self) -> None:
        self.at: list[float] = []

    async def call(self, request: Request) -> Reply:
        """Answer after 50 ms."""
        self.at.append(asyncio.get_running_loop().time())
        await SystemClock().sleep(timedelta(milliseconds=50))
        return Reply(1)

    async def aclose(self) -> None:
        """Nothing is held."""


async def used(rate: int, calls: int) -> float:
    """The share of what is allowed that is used."""
    agent = Slow()
    limit = Applied("limit", Limit((PerTime(rate, SECOND),)), "agent a", "")
    flow = Making()
    flow.node("s", AgentCall("a", "say", (), JSON, False, "read", True, None))
    done = flow.done()
    spec = AgentSpec("a", "python", {}, (limit,), "a", None)
    call = Stack({"a": spec}, {"a": agent}, Ports(SystemClock(), SeededRng(1), Shared())).prepare(done, done.nodes[0])
    async with asyncio.TaskGroup() as group:
        for number in range(calls):
            group.create_task(call(CallOrder(f"main/s[{number}]", {}, None, "run", None, lambda event: None)))  # type: ignore[arg-type]
    if len(agent.at) < calls:
        raise ValueError(f"{calls - len(agent.at)} calls of {calls} were turned away")
    best = (calls - 1) // rate * SECOND.total_seconds()
    return best / (agent.at[-1] - agent.at[0])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="P8: how much of a limit is used.")
    parser.add_argument("--rates", type=int, nargs="+", default=[100])
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    for rate in chosen.rates:
        calls = max(chosen.calls, 3 * rate + 1)
        shares = [asyncio.run(used(rate, calls)) for _ in range(chosen.rounds)]
        told = {"what": "limit", "per_second": rate, "calls": calls, "used": round(statistics.median(shares), 4)}
        print(json.dumps({**told, "worst": round(min(shares), 4)}), flush=True)


if __name__ == "__main__":
    main()
