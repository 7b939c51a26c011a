"""Z10: a storm of 429s, exact in virtual time: sends stay near the calls, and nobody comes back before he was told to.

    python -m tests.soak.storm --calls 20000

An upstream serves so many requests in each window, or is over its limit or down for a while; `Retry-After` says
exactly when it serves again. Thousands of calls come, at random or all at once, each with `@retry` and what else this
version runs. What arrives is counted at the upstream. One line of JSON for each storm and set of policies.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from math import inf
from random import Random
from time import perf_counter

from leadflow.events.model import Failure
from leadflow.pipeline import compile_source
from leadflow.plan.plan import Plan
from leadflow.policies.call import Ports as PolicyPorts
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.record import record
from leadflow.run.adapters import SeededRng
from leadflow.run.errors import ConnectFailed, Overloaded, RateLimited
from leadflow.run.ports import CallOrder, Reply, Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK

MOST_SENDS, BURST = 1.1, 50
"""Requests that may arrive: for each call so many, and so many more. Where an upstream recovers the further attempts
that it got were worth their price, and come back; so without a limit it is so many more each time."""
SLIP = 1e-6
"""Seconds that are no earliness: sums of floats."""

POLICIES: Mapping[str, str] = {
    "retry": "@retry(5, backoff: 500ms)",
    "limit": "@retry(5, backoff: 500ms) @limit(6_000 per minute)",
    "breaker": "@retry(5, backoff: 500ms) @breaker(failures: 20, window: 60s, recovery: 10s)",
    "both": "@retry(5, backoff: 500ms) @limit(6_000 per minute) @breaker(failures: 20, window: 60s, recovery: 10s)",
}
"""What stands on the agent; where a rate is declared, it is the upstream's or more."""


@record
class Storm:
    """What an upstream does, and when calls come."""

    share: float = inf
    """How many requests it serves in each window, as a share of the calls."""
    window: float = 60.0
    """Seconds."""
    bad: tuple[tuple[float, float, str], ...] = ()
    """From when to when it turns everybody away, and how: `rate`, `down`, `busy`."""
    seconds: float = 600.0
    """In which the calls come; 0: all at once."""
    is_short: bool = False
    """Each wait is so short that a further attempt nearly always succeeds, and is worth its price: only who shares the
    wait among all calls, as `@limit` does, sends less, and then one call has to find out each time."""

    @property
    def spells(self) -> int:
        """How often it begins to turn calls away."""
        return len(self.bad) or max(int(self.seconds // self.window), int(1 / self.share)) + 1


STORMS: Mapping[str, Storm] = {
    "fair": Storm(),
    "over its limit": Storm(bad=((60.0, 360.0, "rate"),)),
    "over it again and again": Storm(bad=tuple((60.0 * n, 60.0 * n + 30, "rate") for n in range(10))),
    "down": Storm(bad=((60.0, 360.0, "down"),)),
    "busy": Storm(bad=((60.0, 360.0, "busy"),)),
    "too many": Storm(0.06),
    "a little too many": Storm(0.09),
    "flickering": Storm(bad=tuple((2.0 * n, 2.0 * n + 1, "rate") for n in range(300)), is_short=True),
    "all at once": Storm(0.2, seconds=0.0),
}


class Upstream:
    """Serves what it can, and notes everybody who comes."""

    def __init__(self, storm: Storm, calls: int) -> None:
        self._storm = storm
        self._most = storm.share * calls
        self._served: Counter[int] = Counter()
        self.sends: dict[str, list[tuple[float, float | None]]] = {}
        """By call: when a request came, and until when it was told to wait."""
        self._told: list[tuple[float, float]] = []
        """When somebody was told to wait, and until when."""

    @property
    def count(self) -> int:
        """Requests that came."""
        return sum(map(len, self.sends.values()))

    async def call(self, request: Request) -> Reply:
        """Serve, or turn away."""
        now = CLOCK.monotonic()
        until = self._until(now)
        self.sends.setdefault(request.path, []).append((now, until))
        await CLOCK.sleep(timedelta(milliseconds=50))
        for begin, end, how in self._storm.bad:
            if begin <= now < end and how == "down":
                raise ConnectFailed("refused", sent=False)
            if begin <= now < end and how == "busy":
                raise Overloaded("busy", status=529)
        if until is None:
            return Reply(1)
        now = CLOCK.monotonic()
        self._told.append((now, until))
        raise RateLimited("slow down", status=429, retry_after=timedelta(seconds=until - now))

    def _until(self, now: float) -> float | None:
        """When it serves again; None: now."""
        for begin, end, how in self._storm.bad:
            if how == "rate" and begin <= now < end:
                return end
        window = int(now // self._storm.window)
        self._served[window] += 1
        return (window + 1) * self._storm.window if self._served[window] > self._most else None

    @property
    def turned_away(self) -> int:
        """Requests that were told to wait."""
        return len(self._told)

    def early(self, *, shared: bool) -> int:
        """Requests that came before their call was told to come back; if shared, before any call was."""
        if not shared:
            waits = ((until, later) for sends in self.sends.values() for (_, until), (later, _) in pairwise(sends))
            return sum(until is not None and later < until - SLIP for until, later in waits)
        early, until, told = 0, 0.0, deque(self._told)
        for at in sorted(at for sends in self.sends.values() for at, _ in sends):
            while told and told[0][0] < at - SLIP:
                until = max(until, told.popleft()[1])
            early += at < until - SLIP
        return early

    async def aclose(self) -> None:
        """Nothing is held."""


def plan_with(policies: str) -> Plan:
    """A flow whose agent has these policies."""
    text = f"""leadflow 1
{policies} @timeout(2h) agent main: python {{ module: "main.py"  reads: ["look"] }}
flow f(x: int) -> int {{ step a: int = main.look(x) return a }}
"""
    plan, report = compile_source("test.flow", text)
    if plan is None:
        raise ValueError("\n".join([text, *(str(found.message) for found in report.diagnostics)]))
    return plan


def blow(storm: Storm, policies: str, calls: int, seed: int) -> dict[str, object]:
    """One storm: what arrived, and what became of the calls."""
    plan, upstream, chance = plan_with(policies), Upstream(storm, calls), Random(seed)
    ports = PolicyPorts(CLOCK, SeededRng(seed), Shared())
    call = Stack(plan.agents, {"main": upstream}, ports).prepare(plan.flows["f"], plan.flows["f"].nodes[0])
    outcomes: Counter[str] = Counter()

    async def one(number: int, at: float) -> None:
        await CLOCK.sleep(timedelta(seconds=at))
        order = CallOrder(f"f/a{number}", {"0": 1}, None, "run-1", None, lambda _: None, lambda _, failure: None)
        outcome = await call(order)
        outcomes[outcome.error if isinstance(outcome, Failure) else "done"] += 1

    async def all_calls() -> float:
        async with asyncio.TaskGroup() as group:
            for number in range(calls):
                group.create_task(one(number, chance.uniform(0, storm.seconds)))
        return CLOCK.monotonic()

    ended, is_shared = run_virtual(all_calls()), "@limit" in policies
    return {
        "calls": calls, "sends": upstream.count, "per_call": round(upstream.count / calls, 3),
        "most": round(MOST_SENDS * calls + BURST * (1 if is_shared else storm.spells)) + storm.is_short * storm.spells,
        "early": upstream.early(shared=is_shared), "turned_away": upstream.turned_away,
        "outcomes": dict(outcomes), "virtual_seconds": round(ended, 1),
    }  # fmt: skip


def storms(calls: int, seed: int) -> Iterator[dict[str, object]]:
    """Every storm with every set of policies that runs."""
    for what, policies in POLICIES.items():
        for name, storm in STORMS.items():
            if "@limit" in policies or not storm.is_short:
                yield {"what": "storm", "storm": name, "policies": what, **blow(storm, policies, calls, seed)}


def is_bad(told: Mapping[str, object]) -> bool:
    """Whether too much was sent, or anything too early."""
    sends, most, early = (int(str(told[name])) for name in ("sends", "most", "early"))
    return sends > most or early > 0


def main(arguments: Sequence[str]) -> int:
    """The command line; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description="Z10: a storm of 429s.")
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    bad, begun = 0, perf_counter()
    for told in storms(chosen.calls, chosen.seed):
        bad += is_bad(told)
        print(json.dumps({**told, "bad": is_bad(told)}), flush=True)
    print(json.dumps({"what": "storm", "storm": "all", "bad": bad, "seconds": round(perf_counter() - begun, 1)}))
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
